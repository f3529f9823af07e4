// Where the application log goes beside stderr: a file, a syslog (RFC 5424), the journal of
// systemd. Opened by the control thread; any thread writes (base/log.h). None of them ever waits: a
// file is written by the log writer, a datagram that the socket does not take goes to stderr.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/log.h"

namespace pingap::observe {

class LogWriter;
enum class BadLog : uint8_t;

struct LogTarget {
  enum class Kind : uint8_t { error_stream, file, syslog, journal };

  Kind kind = Kind::error_stream;
  // Of a file or a socket: its path; of a syslog over UDP "ADDRESS:PORT".
  std::string where = {};
  bool udp = false;

  bool operator==(const LogTarget&) const = default;
};

// "stderr", "journald", "syslog", "syslog:PATH", "syslog:udp://ADDRESS:PORT", or the absolute path
// of a file. The error says what is allowed.
tl::expected<LogTarget, std::string> parse_log_target(std::string_view text);

// A facility of syslog by its name ("daemon", "local0"); -1 where there is none (RFC 5424 6.2.1).
int find_syslog_facility(std::string_view name) noexcept;

// Null for stderr. The writer outlives it; `bad` is for a file. The error says why it cannot be
// had.
tl::expected<std::unique_ptr<log::Output>, std::string> open_log_output(const LogTarget& target,
                                                                        int facility,
                                                                        LogWriter& writer,
                                                                        BadLog bad);

// One message of RFC 5424 and one of the journal's protocol. Any thread.
std::string syslog_message(const log::Record& record, int facility, std::string_view host,
                           int process);
std::string journal_message(const log::Record& record);

}  // namespace pingap::observe
