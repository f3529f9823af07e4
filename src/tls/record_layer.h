// The records of TLS 1.3 behind a handshake (RFC 8446 5): one is opened at a time, or sealed. The
// handshake itself, older versions and all cryptography are OpenSSL's; but its object of a
// connection is ten times as large as what a connection needs then. Pure, of a server. Worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>

#include "base/slab.h"
#include "tls/traffic_keys.h"

namespace pingap::tls {

class RecordLayer : public Pooled<RecordLayer> {
 public:
  static constexpr size_t kHeader = 5;
  static constexpr size_t kMaxPlain = 1 << 14;
  static constexpr size_t kMaxRecord = kHeader + kMaxPlain + 256;
  // What a record of ours is longer than what is in it: the header, its type and the tag.
  static constexpr size_t kOverhead = kHeader + 1 + TrafficKeys::kTag;
  // Records without data, whatever they are, beyond one for each with data.
  static constexpr uint8_t kMaxIdle = 32;
  // Those that may be protected with the same keys (RFC 8446 5.5).
  static constexpr uint64_t kMaxRecords = 1 << 24;

  // `read`: that of the client; `written`: records that were sealed with `write` before.
  RecordLayer(const Suite& suite, const TrafficSecret& read, const TrafficSecret& write,
              uint64_t written) noexcept;

  bool good() const noexcept { return read_.good() && write_.good(); }

  // Of the record at the front of `input`: its bytes with the header; 0 where too few are there to
  // tell. Of one that there may not be the header, with which open() fails.
  static size_t size_of(std::span<const char> input) noexcept;

  // The most bytes that open() writes for a record of this size.
  static constexpr size_t room_for(size_t record) noexcept {
    return record > kHeader + TrafficKeys::kTag ? record - kHeader - TrafficKeys::kTag : 0;
  }

  enum class Got : uint8_t {
    data,    // `bytes` of it, which may be none
    closed,  // the peer sends no more; nothing behind it is read
    failed   // for good: send alert(), and close
  };

  struct Opened {
    Got got;
    size_t bytes = 0;
  };

  // Opens one whole record. `to` has room_for() it, and may be where its ciphertext is.
  Opened open(std::span<const char> record, char* to) noexcept;

  // Writes a record of these bytes, kMaxPlain at most, to `to`, which has room for kOverhead more;
  // returns its end. Null: the connection cannot go on.
  char* seal(std::span<const iovec> plain, char* to) noexcept;

  // New keys are due for what we write: the peer asked, or these are used up.
  bool update_due() const noexcept { return asked_ || write_.records() >= kMaxRecords; }

  // As seal(), of what tells the peer of new keys; they are in use then.
  char* seal_update(char* to) noexcept;
  char* seal_goodbye(char* to) noexcept;
  // Why it has failed; nothing where the peer has said so.
  char* seal_alert(char* to) noexcept;

  static constexpr size_t kSmallRecord = kOverhead + 5;  // of one of these three

 private:
  enum class Type : uint8_t { alert = 21, handshake = 22, data = 23 };  // RFC 8446 B.1
  enum class Alert : uint8_t {                                          // RFC 8446 6
    close_notify = 0,
    unexpected_message = 10,
    bad_record_mac = 20,
    record_overflow = 22,
    illegal_parameter = 47,
    decode_error = 50,
    internal_error = 80,
    user_canceled = 90,
    none = 255  // it was the peer's
  };

  Opened fail(Alert why) noexcept;
  Opened take(uint8_t type, std::span<const char> content) noexcept;
  Opened take_alert(std::span<const char> content) noexcept;
  Opened take_handshake(std::span<const char> content) noexcept;
  Opened idle() noexcept;
  char* seal_as(Type type, std::span<const iovec> plain, char* to) noexcept;
  char* seal_alert_of(uint8_t level, Alert what, char* to) noexcept;

  TrafficKeys read_;
  TrafficKeys write_;
  std::array<uint8_t, 5> message_{};  // of the handshake, as far as it has come
  uint8_t message_size_ = 0;
  uint8_t idle_ = 0;  // records without data that none with data has made up for
  bool asked_ = false;
  Alert why_ = Alert::internal_error;
};

}  // namespace pingap::tls
