#include "observe/log_output.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

#include <fmt/core.h>

#include "base/strings.h"
#include "observe/log_sink.h"

namespace pingap::observe {
namespace {

constexpr std::string_view kSyslogSocket = "/dev/log";
constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
// A longer datagram is refused by a socket of the usual size; RFC 5424 6.1 asks for 2048 at least.
constexpr size_t kMaxDatagram = 8192;

// By their numbers.
constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

std::string describe(int error) {
  return std::generic_category().message(error);
}

// RFC 5424 6.2.1.
int severity(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::error:
      return 3;
    case LogLevel::warn:
      return 4;
    case LogLevel::info:
      return 6;
    case LogLevel::trace:
    case LogLevel::debug:
    case LogLevel::off:
      return 7;
  }
  return 7;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "-";
}

// The control thread's loop and `validate` parse addresses with net; this folder knows only base.
bool parse_udp(std::string_view text, sockaddr_storage& to, socklen_t& size) noexcept {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return false;
  }
  const auto port = parse_decimal(text.substr(colon + 1));
  std::string host(text.substr(0, colon));
  if (!port || *port == 0 || *port > 65535) {
    return false;
  }
  const in_port_t wire = htons(static_cast<uint16_t>(*port));
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = wire;
    host = host.substr(1, host.size() - 2);
    size = sizeof(address);
    const bool good = ::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) == 1;
    std::memcpy(&to, &address, sizeof(address));
    return good;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = wire;
  const bool good = ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1;
  std::memcpy(&to, &address, sizeof(address));
  size = sizeof(address);
  return good;
}

// A file: lines in whole, by way of the writer thread.
class FileOutput final : public log::Output {
 public:
  FileOutput(LogWriter& writer, std::shared_ptr<LogSink> sink) noexcept
      : writer_(writer), sink_(std::move(sink)) {}

  bool take(const log::Record& /*record*/, std::string_view line) noexcept override {
    return !sink_->failing() && writer_.append(*sink_, line);
  }

 private:
  LogWriter& writer_;
  std::shared_ptr<LogSink> sink_;
};

// A socket of datagrams. Not connected: it need not be opened anew when who listens comes back.
class SocketOutput final : public log::Output {
 public:
  SocketOutput(int fd, const LogTarget& target, int facility, const sockaddr_storage& to,
               socklen_t size)
      : fd_(fd),
        journal_(target.kind == LogTarget::Kind::journal),
        facility_(facility),
        to_(to),
        to_size_(size),
        host_(host_name()) {}

  ~SocketOutput() override { ::close(fd_); }

  bool take(const log::Record& record, std::string_view /*line*/) noexcept override {
    const std::string message =
        journal_ ? journal_message(record) : syslog_message(record, facility_, host_, ::getpid());
    const ssize_t sent =
        ::sendto(fd_, message.data(), std::min(message.size(), kMaxDatagram),
                 MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to_), to_size_);
    return sent > 0;
  }

 private:
  int fd_;
  bool journal_;
  int facility_;
  sockaddr_storage to_;
  socklen_t to_size_;
  std::string host_;
};

}  // namespace

tl::expected<LogTarget, std::string> parse_log_target(std::string_view text) {
  using Kind = LogTarget::Kind;
  if (text.empty() || text == "stderr") {
    return LogTarget{};
  }
  if (text == "journald") {
    return LogTarget{Kind::journal, std::string(kJournalSocket)};
  }
  if (text == "syslog") {
    return LogTarget{Kind::syslog, std::string(kSyslogSocket)};
  }
  if (text.starts_with("syslog:/")) {
    return LogTarget{Kind::syslog, std::string(text.substr(7))};
  }
  if (text.starts_with('/')) {
    return LogTarget{Kind::file, std::string(text)};
  }
  constexpr std::string_view kUdp = "syslog:udp://";
  sockaddr_storage address{};
  socklen_t size = 0;
  if (text.starts_with(kUdp) && parse_udp(text.substr(kUdp.size()), address, size)) {
    return LogTarget{Kind::syslog, std::string(text.substr(kUdp.size())), true};
  }
  return tl::unexpected<std::string>(
      "\"stderr\", \"journald\", \"syslog\", \"syslog:/PATH\", "
      "\"syslog:udp://ADDRESS:PORT\" or a path that starts with /");
}

int find_syslog_facility(std::string_view name) noexcept {
  const auto* found = std::find(kFacilities.begin(), kFacilities.end(), name);
  return found == kFacilities.end() ? -1 : static_cast<int>(found - kFacilities.begin());
}

tl::expected<std::unique_ptr<log::Output>, std::string> open_log_output(const LogTarget& target,
                                                                        int facility,
                                                                        LogWriter& writer,
                                                                        BadLog bad) {
  if (target.kind == LogTarget::Kind::error_stream) {
    return nullptr;
  }
  if (target.kind == LogTarget::Kind::file) {
    auto sink = writer.open(target.where, bad);
    if (!sink) {
      return tl::unexpected(
          fmt::format("cannot open the log {}: {}", target.where, describe(sink.error().sys)));
    }
    return std::make_unique<FileOutput>(writer, std::move(*sink));
  }
  sockaddr_storage to{};
  auto size = static_cast<socklen_t>(sizeof(sockaddr_un));
  if (target.udp) {
    parse_udp(target.where, to, size);
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (target.where.size() >= sizeof(address.sun_path)) {
      return tl::unexpected(fmt::format("the path {} is too long for a socket", target.where));
    }
    std::copy(target.where.begin(), target.where.end(), address.sun_path);
    std::memcpy(&to, &address, sizeof(address));
  }
  const int fd = ::socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return tl::unexpected(fmt::format("cannot log to {}: {}", target.where, describe(errno)));
  }
  return std::make_unique<SocketOutput>(fd, target, facility, to, size);
}

std::string syslog_message(const log::Record& record, int facility, std::string_view host,
                           int process) {
  std::string line;
  log::append_text({record.level, record.component, record.time, {}, {}}, line);
  std::string message =
      fmt::format("<{}>1 {} {} pingap {} {} - ", facility * 8 + severity(record.level),
                  std::string_view(line).substr(0, line.find(' ')), host, process,
                  log::kComponents[record.component]);
  log::append_message(record, message);
  return message;
}

std::string journal_message(const log::Record& record) {
  std::string message = "MESSAGE=";
  log::append_message({record.level, record.component, record.time, record.message, {}}, message);
  message += fmt::format("\nPRIORITY={}\nSYSLOG_IDENTIFIER=pingap\nPINGAP_COMPONENT={}\n",
                         severity(record.level), log::kComponents[record.component]);
  if (!record.request_id.empty()) {
    message += "PINGAP_REQUEST_ID=";
    log::append_message({record.level, record.component, record.time, record.request_id, {}},
                        message);
    message += '\n';
  }
  return message;
}

}  // namespace pingap::observe
