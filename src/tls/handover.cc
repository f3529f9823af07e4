#include "tls/handover.h"

namespace pingap::tls {
namespace {

int place_in_ssl() noexcept {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// The last of "LABEL RANDOM SECRET", the format of NSS; empty where the label is another.
std::string_view secret_of(std::string_view line, std::string_view label) noexcept {
  const bool same = line.starts_with(label) && line.substr(label.size()).starts_with(' ');
  return same ? line.substr(line.rfind(' ') + 1) : std::string_view{};
}

// The client has agreed with OpenSSL on records shorter than ours (RFC 6066 4).
bool wants_short_records(const SSL* ssl) noexcept {
  return SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl)) !=
         TLSEXT_max_fragment_length_DISABLED;
}

}  // namespace

void Handover::attach(SSL_CTX* context) noexcept {
  SSL_CTX_set_keylog_callback(context, on_secret);
}

Handover::Handover(SSL* ssl) noexcept {
  SSL_set_ex_data(ssl, place_in_ssl(), this);
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, this);
}

void Handover::on_secret(const SSL* ssl, const char* line) noexcept {
  auto* self = static_cast<Handover*>(SSL_get_ex_data(ssl, place_in_ssl()));
  if (self == nullptr) {
    return;
  }
  if (const auto read = secret_of(line, "CLIENT_TRAFFIC_SECRET_0"); !read.empty()) {
    self->read_ = TrafficSecret::parse(read);
  } else if (const auto write = secret_of(line, "SERVER_TRAFFIC_SECRET_0"); !write.empty()) {
    self->write_ = TrafficSecret::parse(write);
    self->written_ = 0;
  }
}

void Handover::on_message(int written, int /*version*/, int type, const void* /*data*/,
                          size_t /*size*/, SSL* /*ssl*/, void* self) noexcept {
  if (written == 1 && type == SSL3_RT_HEADER) {
    ++static_cast<Handover*>(self)->written_;
  }
}

std::unique_ptr<RecordLayer> Handover::take(SSL* ssl) const noexcept {
  SSL_set_ex_data(ssl, place_in_ssl(), nullptr);
  SSL_set_msg_callback(ssl, nullptr);
  const Suite* suite = find_suite(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
  if (SSL_version(ssl) != TLS1_3_VERSION || suite == nullptr || !read_ || !write_ ||
      SSL_has_pending(ssl) == 1 || wants_short_records(ssl)) {
    return nullptr;
  }
  auto made = std::make_unique<RecordLayer>(*suite, *read_, *write_, written_);
  return made->good() ? std::move(made) : nullptr;
}

}  // namespace pingap::tls
