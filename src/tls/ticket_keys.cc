#include "tls/ticket_keys.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

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
  auto* keys =
      static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ex_index()));
  const auto now = TicketKeys::Clock::now();
  return encrypting != 0 ? keys->encrypt(now, name, iv, cipher, mac)
                         : keys->decrypt(now, name, iv, cipher, mac);
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

void TicketKeys::attach(SSL_CTX* context) noexcept {
  SSL_CTX_set_ex_data(context, ex_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
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
