#include "tls/record_layer.h"

#include <algorithm>

#include <openssl/evp.h>

namespace pingap::tls {
namespace {

constexpr uint8_t kData = 23;
constexpr uint8_t kKeyUpdate = 24;

unsigned char* bytes_of(char* text) noexcept {
  return reinterpret_cast<unsigned char*>(text);
}

const unsigned char* bytes_of(const char* text) noexcept {
  return reinterpret_cast<const unsigned char*>(text);
}

size_t behind(const unsigned char* header) noexcept {
  return size_t{header[3]} << 8 | header[4];
}

// No other kind, and nothing in the clear, is there behind a handshake (RFC 8446 5.2).
bool is_header(const unsigned char* header) noexcept {
  return header[0] == kData && header[1] == 3 && header[2] == 3 &&
         behind(header) <= RecordLayer::kMaxRecord - RecordLayer::kHeader;
}

std::array<unsigned char, RecordLayer::kHeader> header_of(size_t size) noexcept {
  return {kData, 3, 3, static_cast<unsigned char>(size >> 8), static_cast<unsigned char>(size)};
}

// Appends what `plain` becomes.
char* encrypt(EVP_CIPHER_CTX* context, const void* plain, size_t size, char* to) noexcept {
  int made = 0;
  const auto* from = static_cast<const unsigned char*>(plain);
  if (to == nullptr ||
      EVP_EncryptUpdate(context, bytes_of(to), &made, from, static_cast<int>(size)) != 1) {
    return nullptr;
  }
  return to + made;
}

// False: it is not what was sealed.
bool decrypt(EVP_CIPHER_CTX* context, std::span<const char> sealed, char* to) noexcept {
  const size_t size = sealed.size() - TrafficKeys::kTag;
  std::array<char, TrafficKeys::kTag> tag;  // NOLINT(*-member-init): filled at once
  std::copy_n(sealed.data() + size, tag.size(), tag.data());
  int made = 0;
  int rest = 0;
  return context != nullptr &&
         EVP_DecryptUpdate(context, bytes_of(to), &made, bytes_of(sealed.data()),
                           static_cast<int>(size)) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag.size(), tag.data()) == 1 &&
         EVP_DecryptFinal_ex(context, bytes_of(to) + made, &rest) == 1;
}

}  // namespace

RecordLayer::RecordLayer(const Suite& suite, const TrafficSecret& read, const TrafficSecret& write,
                         uint64_t written) noexcept
    : read_(suite, read, Way::read), write_(suite, write, Way::write, written) {
}

// ---- reading

size_t RecordLayer::size_of(std::span<const char> input) noexcept {
  if (input.size() < kHeader) {
    return 0;
  }
  const unsigned char* header = bytes_of(input.data());
  return kHeader + (is_header(header) ? behind(header) : 0);
}

RecordLayer::Opened RecordLayer::fail(Alert why) noexcept {
  why_ = why;
  return {Got::failed};
}

RecordLayer::Opened RecordLayer::open(std::span<const char> record, char* to) noexcept {
  const unsigned char* header = bytes_of(record.data());
  if (!is_header(header)) {
    return fail(header[0] == kData ? Alert::record_overflow : Alert::unexpected_message);
  }
  const std::span<const char> sealed = record.subspan(kHeader);
  if (sealed.size() <= TrafficKeys::kTag || !decrypt(read_.begin(header, kHeader), sealed, to)) {
    return fail(Alert::bad_record_mac);
  }
  // Its type is behind the content, zeros behind that (RFC 8446 5.2).
  size_t size = sealed.size() - TrafficKeys::kTag;
  while (size > 0 && to[size - 1] == 0) {
    --size;
  }
  if (size == 0) {
    return fail(Alert::unexpected_message);
  }
  if (size - 1 > kMaxPlain) {
    return fail(Alert::record_overflow);
  }
  return take(static_cast<uint8_t>(to[size - 1]), {to, size - 1});
}

RecordLayer::Opened RecordLayer::take(uint8_t type, std::span<const char> content) noexcept {
  if (type == static_cast<uint8_t>(Type::handshake)) {
    return take_handshake(content);
  }
  if (message_size_ > 0) {
    return fail(Alert::unexpected_message);  // in the middle of a message (RFC 8446 5.1)
  }
  if (type == static_cast<uint8_t>(Type::alert)) {
    return take_alert(content);
  }
  if (type != static_cast<uint8_t>(Type::data)) {
    return fail(Alert::unexpected_message);
  }
  if (content.empty()) {
    return idle();
  }
  if (idle_ > 0) {
    --idle_;
  }
  return {Got::data, content.size()};
}

// Each costs us work, and the peer next to nothing (TLS-04).
RecordLayer::Opened RecordLayer::idle() noexcept {
  return ++idle_ > kMaxIdle ? fail(Alert::unexpected_message) : Opened{Got::data};
}

RecordLayer::Opened RecordLayer::take_alert(std::span<const char> content) noexcept {
  if (content.size() != 2) {
    return fail(Alert::decode_error);
  }
  switch (static_cast<Alert>(content[1])) {
    case Alert::close_notify:
      return {Got::closed};
    case Alert::user_canceled:
      return idle();  // close_notify follows (RFC 8446 6.1)
    default:
      return fail(Alert::none);  // all others end it, whatever their level
  }
}

// Of a client there is nothing but new keys: it is not asked for a certificate any more.
RecordLayer::Opened RecordLayer::take_handshake(std::span<const char> content) noexcept {
  if (content.empty() || message_size_ + content.size() > message_.size()) {
    return fail(Alert::unexpected_message);  // also what follows in the record (RFC 8446 5.1)
  }
  std::ranges::copy(content, message_.begin() + message_size_);
  message_size_ += static_cast<uint8_t>(content.size());
  if (message_[0] != kKeyUpdate) {
    return fail(Alert::unexpected_message);
  }
  if (message_size_ < message_.size()) {
    return idle();
  }
  message_size_ = 0;
  if (message_[1] != 0 || message_[2] != 0 || message_[3] != 1) {
    return fail(Alert::decode_error);
  }
  if (message_[4] > 1) {
    return fail(Alert::illegal_parameter);
  }
  asked_ = asked_ || message_[4] == 1;
  return read_.update() ? idle() : fail(Alert::internal_error);
}

// ---- writing

char* RecordLayer::seal_as(Type type, std::span<const iovec> plain, char* to) noexcept {
  size_t size = 1 + TrafficKeys::kTag;
  for (const iovec& part : plain) {
    size += part.iov_len;
  }
  const auto header = header_of(size);
  EVP_CIPHER_CTX* context = write_.begin(header.data(), header.size());
  if (context == nullptr) {
    return nullptr;
  }
  to = std::ranges::copy(header, to).out;
  for (const iovec& part : plain) {
    to = encrypt(context, part.iov_base, part.iov_len, to);
  }
  to = encrypt(context, &type, 1, to);
  int rest = 0;
  if (to == nullptr || EVP_EncryptFinal_ex(context, bytes_of(to), &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TrafficKeys::kTag, to) != 1) {
    return nullptr;
  }
  return to + TrafficKeys::kTag;
}

char* RecordLayer::seal(std::span<const iovec> plain, char* to) noexcept {
  return seal_as(Type::data, plain, to);
}

char* RecordLayer::seal_update(char* to) noexcept {
  std::array<uint8_t, 5> message{kKeyUpdate, 0, 0, 1, 0};  // nothing is asked of the peer
  const iovec only{message.data(), message.size()};
  to = seal_as(Type::handshake, {&only, 1}, to);
  asked_ = false;
  return write_.update() ? to : nullptr;
}

char* RecordLayer::seal_alert_of(uint8_t level, Alert what, char* to) noexcept {
  std::array<uint8_t, 2> alert{level, static_cast<uint8_t>(what)};
  const iovec only{alert.data(), alert.size()};
  return seal_as(Type::alert, {&only, 1}, to);
}

char* RecordLayer::seal_goodbye(char* to) noexcept {
  return seal_alert_of(1, Alert::close_notify, to);
}

char* RecordLayer::seal_alert(char* to) noexcept {
  return why_ == Alert::none ? to : seal_alert_of(2, why_, to);
}

}  // namespace pingap::tls
