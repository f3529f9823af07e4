#include "tls/transport.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include "tls/certificate.h"
#include "tls/transport_input.h"

namespace pingap::tls {
namespace {

// Slices shorter than this are joined with the next ones to a record.
constexpr size_t kSmall = 4 * 1024;

thread_local std::array<char, kRecord> t_record;

}  // namespace

struct BioMethods {
  static Transport& of(BIO* bio) noexcept { return *static_cast<Transport*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* buffer, int size) noexcept {
    BIO_clear_retry_flags(bio);
    const int got = of(bio).feed(buffer, size);
    if (got < 0 && !of(bio).failed_) {
      BIO_set_retry_read(bio);
    }
    return got;
  }

  static int write(BIO* bio, const char* data, int size) noexcept {
    BIO_clear_retry_flags(bio);
    of(bio).made_.append({data, static_cast<size_t>(size)});
    return size;
  }

  static long control(BIO* bio, int command, long /*number*/, void* /*data*/) noexcept {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return of(bio).socket_ended_ ? 1 : 0;
      default:
        return 0;
    }
  }

  static const BIO_METHOD* get() noexcept {
    static BIO_METHOD* const methods = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pingap");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return methods;
  }
};

Transport::Transport(net::Fd fd, SslPtr ssl, std::shared_ptr<const void> keep) noexcept
    : socket_(std::move(fd)), ssl_(std::move(ssl)), keep_(std::move(keep)) {
  BIO* bio = BIO_new(BioMethods::get());
  if (bio == nullptr) {
    failed_ = true;
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (SSL_is_server(ssl_.get()) == 1) {
    handover_ = std::make_unique<Handover>(ssl_.get());
  }
}

Transport::~Transport() {
  if (established_ && !failed_ && !aborting_ && !pending_) {
    say_goodbye();
    send(End::yes);  // as far as it goes
  }
  drop_ssl();
}

void Transport::drop_ssl() noexcept {
  if (ssl_ != nullptr) {
    // Else OpenSSL takes the session for broken and never resumes it.
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    ssl_.reset();
  }
}

// ---- what both record layers need

// Reads the socket once; what was read, or 0 and a flag that says why.
size_t Transport::receive(std::span<char> room) noexcept {
  if (drained_ || socket_ended_ || failed_) {
    return 0;
  }
  const net::IoResult got = socket_.read(room);
  drained_ = !got.more;
  socket_ended_ = got.status == net::IoStatus::eof;
  if (got.status == net::IoStatus::failed) {
    failed_ = true;
    error_ = got.error;
  }
  return got.status == net::IoStatus::progress ? got.bytes : 0;
}

// With nothing filled there would be nothing to tell.
bool Transport::may_go_on(size_t filled) const noexcept {
  return filled == 0 || wire_ < kMaxRead;
}

void Transport::keep_rest() noexcept {
  if (!input_.empty()) {
    received_.append({input_.data(), input_.size()});
    input_ = {};
  }
}

// ---- what OpenSSL calls

int Transport::feed(char* buffer, int size) noexcept {
  if (!received_.empty()) {
    const std::string_view front = received_.front().substr(0, static_cast<size_t>(size));
    std::memcpy(buffer, front.data(), front.size());
    received_.consume(front.size());
    wire_ += front.size();
    return static_cast<int>(front.size());
  }
  if (input_.empty()) {
    input_ = {t_input.data(), receive({t_input.data(), std::min(kMaxRead, read_limit_)})};
    if (input_.empty()) {
      return socket_ended_ ? 0 : -1;
    }
  }
  const size_t taken = std::min(input_.size(), static_cast<size_t>(size));
  std::memcpy(buffer, input_.data(), taken);
  input_ = input_.subspan(taken);
  wire_ += taken;
  return static_cast<int>(taken);
}

net::IoResult Transport::fail(int error, size_t bytes) noexcept {
  failed_ = true;
  pending_ = false;
  made_.clear();
  received_.clear();
  plain_.clear();
  input_ = {};
  return {.status = net::IoStatus::failed, .error = error, .bytes = bytes};
}

// ---- handshake

net::IoResult Transport::handshake() noexcept {
  if (failed_) {
    return fail(error_ != 0 ? error_ : EPROTO, 0);
  }
  drained_ = false;
  read_limit_ = kRecord;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  keep_rest();
  const net::IoResult sent = send(End::no);  // also the alert of a failure
  if (why == SSL_ERROR_NONE) {
    established_ = true;
    keep_.reset();
    describe();
    hand_over();
    return {};
  }
  if (why == SSL_ERROR_WANT_READ && sent.status != net::IoStatus::failed) {
    return {.status = net::IoStatus::would_block};
  }
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
    refuse_plain();
  }
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) {
    failure_ = X509_verify_cert_error_string(verified);
    ERR_clear_error();
    return fail(EKEYREJECTED, 0);
  }
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  failure_ = socket_ended_ ? "closed by the peer" : reason;
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL) {
    error_ = EPROTONOSUPPORT;
  }
  ERR_clear_error();
  return fail(error_ != 0 ? error_ : EPROTO, 0);
}

void Transport::describe() noexcept {
  auto agreed = std::make_unique<net::Secured>();
  agreed->version = SSL_get_version(ssl_.get());
  agreed->cipher = SSL_get_cipher_name(ssl_.get());
  agreed->resumed = SSL_session_reused(ssl_.get()) == 1;
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &size);
  agreed->h2 = std::string_view(reinterpret_cast<const char*>(alpn), size) == "h2";
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) {
    agreed->server_name = normal_name(name);
  }
  if (const X509* client = SSL_get0_peer_certificate(ssl_.get());
      client != nullptr && SSL_is_server(ssl_.get()) == 1) {
    agreed->client_subject = subject_of(client);
    agreed->client_fingerprint = fingerprint_of(client);
  }
  secured_ = std::move(agreed);
}

void Transport::hand_over() noexcept {
  if (handover_ != nullptr) {
    records_ = handover_->take(ssl_.get());
    handover_.reset();
  }
  if (records_ != nullptr) {
    drop_ssl();
  }
}

// A browser was sent to this port with "http:": it can only show what it is told in the clear.
void Transport::refuse_plain() noexcept {
  ByteQueue answer;
  answer.append(
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 36\r\n"
      "Connection: close\r\n\r\nThis port speaks HTTPS: use https:.\n");
  socket_.write(answer, End::yes);
}

// ---- reading

net::IoResult Transport::read(std::span<char> room) noexcept {
  const iovec only{room.data(), room.size()};
  return read_many({&only, 1});
}

net::IoResult Transport::read_many(std::span<const iovec> rooms) noexcept {
  if (failed_) {
    return fail(error_, 0);
  }
  drained_ = false;
  wire_ = 0;
  read_limit_ = kOverhead;
  for (const iovec& room : rooms) {
    read_limit_ += room.iov_len;
  }
  if (records_ != nullptr) {
    return read_records(rooms);
  }
  size_t total = 0;
  int result = 1;
  ERR_clear_error();
  for (const iovec& room : rooms) {
    size_t filled = 0;
    while (filled < room.iov_len && result == 1 && may_go_on(total + filled)) {
      size_t got = 0;
      result = SSL_read_ex(ssl_.get(), static_cast<char*>(room.iov_base) + filled,
                           room.iov_len - filled, &got);
      filled += got;
    }
    total += filled;
    if (result != 1 || !may_go_on(total)) {
      break;
    }
  }
  const net::IoResult told = outcome(result, total);
  keep_rest();
  return told;
}

net::IoResult Transport::outcome(int result, size_t bytes) noexcept {
  const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  if (!made_.empty()) {
    send(End::no);  // an answer to a key update, an alert
  }
  if (bytes > 0) {
    // An end or an error is told by the next call.
    return {.more = why != SSL_ERROR_WANT_READ, .bytes = bytes, .wire = wire_};
  }
  switch (why) {
    case SSL_ERROR_WANT_READ:
      return {.status = net::IoStatus::would_block};
    case SSL_ERROR_ZERO_RETURN:
      return {.status = net::IoStatus::eof};
    default:
      // Also an end without close_notify: bytes may be missing (TLS-14).
      return fail_reading();
  }
}

net::IoResult Transport::fail_reading() noexcept {
  ERR_clear_error();
  const int broken = socket_ended_ ? ESHUTDOWN : ECONNRESET;
  return fail(error_ != 0 ? error_ : broken, 0);
}

bool Transport::broken_off() noexcept {
  if (records_ != nullptr) {
    return records_broken_off();
  }
  // The first look may find a part of a record, the second what is behind it.
  for (int looks = 0; looks < 2 && !failed_; ++looks) {
    drained_ = false;
    read_limit_ = kRecord;
    ERR_clear_error();
    char byte = 0;
    size_t got = 0;
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &got);
    const int why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
    keep_rest();
    if (why == SSL_ERROR_NONE || why == SSL_ERROR_ZERO_RETURN) {
      return false;
    }
    if (why != SSL_ERROR_WANT_READ) {
      fail_reading();
    }
  }
  return failed_;
}

// ---- writing

net::IoResult Transport::write(ByteQueue& from, End end) noexcept {
  size_t total = 0;
  for (;;) {
    if (failed_) {
      return fail(error_ != 0 ? error_ : EPIPE, total);
    }
    const size_t before = from.size();
    while (!from.empty() && made_.size() < kMaxMade) {
      if (!(records_ != nullptr ? seal(from) : encrypt(from))) {
        return fail(EPROTO, total + before - from.size());
      }
    }
    total += before - from.size();
    const bool last = end == End::yes && from.empty();
    if (last) {
      say_goodbye();
    }
    const net::IoResult sent = send(last ? End::yes : End::no);
    if (sent.status != net::IoStatus::progress || from.empty()) {
      return {.status = sent.status, .error = sent.error, .bytes = total};
    }
  }
}

// One record.
bool Transport::encrypt(ByteQueue& from) noexcept {
  std::string_view plain = from.front().substr(0, kRecord);
  if (plain.size() < kSmall && from.slices() > 1) {
    std::array<iovec, 16> slots;  // filled by gather
    size_t size = 0;
    for (const iovec& slice : from.gather(slots)) {
      const size_t part = std::min(slice.iov_len, kRecord - size);
      std::memcpy(t_record.data() + size, slice.iov_base, part);
      size += part;
    }
    plain = {t_record.data(), size};
  }
  ERR_clear_error();
  size_t taken = 0;
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &taken) != 1) {
    return false;
  }
  from.consume(taken);
  return true;
}

net::IoResult Transport::send(End end) noexcept {
  net::IoResult result;
  if (!made_.empty()) {
    result = socket_.write(made_, end);
  }
  pending_ = result.status == net::IoStatus::would_block;
  if (result.status == net::IoStatus::failed) {
    error_ = result.error;
    failed_ = true;
    made_.clear();
  } else if (shut_ && !pending_) {
    shut_ = false;
    socket_.shutdown_write();
  }
  return result;
}

void Transport::say_goodbye() noexcept {
  if (may_seal() && established_ && !failed_ && !aborting_) {
    said_goodbye_ = true;
    if (records_ != nullptr) {
      seal_small(&RecordLayer::seal_goodbye);
      return;
    }
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
}

void Transport::shutdown_write() noexcept {
  say_goodbye();
  shut_ = true;
  send(End::yes);
}

void Transport::abort_on_close() noexcept {
  aborting_ = true;
  socket_.abort_on_close();
}

}  // namespace pingap::tls
