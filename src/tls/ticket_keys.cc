#include "tls/ticket_keys.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <type_traits>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace pingap::tls {
namespace {

int ex_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Fetched once: an implicit fetch takes locks (libraries.md 4.6).
const EVP_CIPHER* ticket_cipher() {
  static EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

bool set_mac_key(EVP_MAC_CTX* mac, std::array<unsigned char, 32>& key) noexcept {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.data(), key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int encrypting) noexcept {
  auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ex_index()));
  const auto now = TicketKeys::Clock::now();
  return encrypting != 0 ? keys->encrypt(now, name, iv, cipher, mac)
                         : keys->decrypt(now, name, iv, cipher, mac);
}

// The time of the full handshake goes with the ticket, also through renewals: without it a session
// could be renewed for ever (TLS-02).
int note_age(SSL* ssl, void* /*unused*/) noexcept {
  SSL_SESSION* session = SSL_get_session(ssl);
  void* data = nullptr;
  size_t size = 0;
  if (SSL_session_reused(ssl) == 1 && SSL_SESSION_get0_ticket_appdata(session, &data, &size) == 1 &&
      size == sizeof(time_t)) {
    return 1;
  }
  const time_t now = std::time(nullptr);
  return SSL_SESSION_set1_ticket_appdata(session, &now, sizeof(now));
}

SSL_TICKET_RETURN check_age(SSL* /*ssl*/, SSL_SESSION* session, const unsigned char* /*name*/,
                            size_t /*size*/, SSL_TICKET_STATUS status, void* /*unused*/) noexcept {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  void* data = nullptr;
  size_t size = 0;
  time_t made = 0;
  if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 || size != sizeof(made)) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  std::memcpy(&made, data, sizeof(made));
  if (std::time(nullptr) - made > std::chrono::seconds(TicketKeys::kLifetime).count()) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

TicketKeys::TicketKeys(Clock::time_point now) {
  for (Key& key : keys_) {
    key = make_key(now);  // those that never encrypt fit no ticket
  }
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(keys_.data(), sizeof(keys_));
}

TicketKeys::Key TicketKeys::make_key(Clock::time_point now) {
  Key key;
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
      RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) != 1) {
    throw std::runtime_error("no random numbers for ticket keys");
  }
  key.made = now;
  return key;
}

std::string TicketKeys::pass_on() {
  const std::lock_guard lock(mutex_);
  return {reinterpret_cast<const char*>(keys_.data()), sizeof(keys_)};
}

// The clock is the machine's: an age stays right.
bool TicketKeys::take(std::string_view passed) {
  static_assert(std::is_trivially_copyable_v<Key>);
  if (passed.size() != sizeof(keys_)) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  std::memcpy(keys_.data(), passed.data(), sizeof(keys_));
  return true;
}

void TicketKeys::attach(SSL_CTX* context) noexcept {
  SSL_CTX_set_ex_data(context, ex_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
  SSL_CTX_set_session_ticket_cb(context, note_age, check_age, nullptr);
  SSL_CTX_set_timeout(context, std::chrono::seconds(kLifetime).count());
}

void TicketKeys::rotate(Clock::time_point now) {
  if (now - keys_[0].made < kRotation) {
    return;
  }
  // After a long pause several are too old: each goes in its turn.
  std::rotate(keys_.begin(), keys_.end() - 1, keys_.end());
  keys_[0] = make_key(now);
}

int TicketKeys::encrypt(Clock::time_point now, unsigned char* name, unsigned char* iv,
                        EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) noexcept {
  Key key;
  {
    const std::lock_guard lock(mutex_);
    rotate(now);
    key = keys_[0];
  }
  std::memcpy(name, key.name.data(), key.name.size());
  const bool done =
      RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) == 1 &&
      EVP_EncryptInit_ex2(cipher, ticket_cipher(), key.cipher.data(), iv, nullptr) == 1 &&
      set_mac_key(mac, key.mac);
  OPENSSL_cleanse(&key, sizeof(key));
  return done ? 1 : -1;
}

int TicketKeys::decrypt(Clock::time_point now, const unsigned char* name, const unsigned char* iv,
                        EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) noexcept {
  Key key;
  bool newest = false;
  {
    const std::lock_guard lock(mutex_);
    rotate(now);
    const auto* found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& one) {
      return std::memcmp(one.name.data(), name, one.name.size()) == 0 &&
             now - one.made < kRotation * kKept;
    });
    if (found == keys_.end()) {
      return 0;
    }
    newest = found == keys_.begin();
    key = *found;
  }
  const bool done =
      EVP_DecryptInit_ex2(cipher, ticket_cipher(), key.cipher.data(), iv, nullptr) == 1 &&
      set_mac_key(mac, key.mac);
  OPENSSL_cleanse(&key, sizeof(key));
  if (!done) {
    return -1;
  }
  return newest ? 1 : 2;
}

}  // namespace pingap::tls
