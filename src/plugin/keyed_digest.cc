#include "plugin/keyed_digest.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// What fails here has no memory, or a library without SHA-256.
void require(bool works) noexcept {
  if (!works) {
    std::abort();
  }
}

MacContext make_context() noexcept {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  MacContext context(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_END};
  require(context != nullptr && EVP_MAC_CTX_set_params(context.get(), params) == 1);
  return context;
}

const unsigned char* bytes(std::string_view text) noexcept {
  // An empty key is not "the key from before".
  return reinterpret_cast<const unsigned char*>(text.data() == nullptr ? "" : text.data());
}

Digest finish(EVP_MAC_CTX* context, std::string_view text) noexcept {
  Digest out;
  size_t size = 0;
  require(EVP_MAC_update(context, bytes(text), text.size()) == 1 &&
          EVP_MAC_final(context, out.data(), &size, out.size()) == 1 && size == out.size());
  return out;
}

const Digest& process_key() noexcept {
  static const Digest key = [] {
    Digest made;
    require(RAND_bytes(made.data(), static_cast<int>(made.size())) == 1);
    return made;
  }();
  return key;
}

}  // namespace

Digest hmac_sha256(std::string_view key, std::string_view text) noexcept {
  thread_local const MacContext context = make_context();
  require(EVP_MAC_init(context.get(), bytes(key), key.size(), nullptr) == 1);
  return finish(context.get(), text);
}

Digest keyed_digest(std::string_view text) noexcept {
  thread_local const MacContext context = [] {
    MacContext made = make_context();
    const Digest& key = process_key();
    require(EVP_MAC_init(made.get(), key.data(), key.size(), nullptr) == 1);
    return made;
  }();
  require(EVP_MAC_init(context.get(), nullptr, 0, nullptr) == 1);  // the same key again
  return finish(context.get(), text);
}

Digest sha256(std::string_view text) noexcept {
  Digest out;
  require(EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), out.data(), nullptr) ==
          1);
  return out;
}

bool same(const Digest& a, const Digest& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool same_secret(std::string_view a, std::string_view b) noexcept {
  return same(keyed_digest(a), keyed_digest(b));
}

bool parse_hex(std::string_view text, Digest& out) noexcept {
  if (text.size() != 2 * out.size()) {
    return false;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace pingap::plugin
