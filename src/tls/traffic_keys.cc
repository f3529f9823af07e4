#include "tls/traffic_keys.h"

#include <charconv>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace pingap::tls {
namespace {

// Fetched once for all connections: to look for one costs more than a record.
struct Library {
  EVP_KDF* expand = EVP_KDF_fetch(nullptr, "TLS13-KDF", nullptr);
  std::array<Suite, 3> suites{
      {{0x1301, EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr), "SHA256"},
       {0x1302, EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), "SHA384"},
       {0x1303, EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr), "SHA256"}}};
};

const Library& library() noexcept {
  static const Library all;
  return all;
}

OSSL_PARAM text_param(const char* key, std::string_view text) noexcept {
  return OSSL_PARAM_construct_octet_string(key, const_cast<char*>(text.data()), text.size());
}

}  // namespace

const Suite* find_suite(uint16_t id) noexcept {
  for (const Suite& one : library().suites) {
    if (one.id == id && one.cipher != nullptr) {
      return &one;
    }
  }
  return nullptr;
}

TrafficSecret::~TrafficSecret() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

std::optional<TrafficSecret> TrafficSecret::parse(std::string_view hex) noexcept {
  TrafficSecret made;
  if (hex.empty() || hex.size() % 2 != 0 || hex.size() > 2 * kMost) {
    return std::nullopt;
  }
  for (size_t i = 0; i < hex.size(); i += 2) {
    const char* const end = hex.data() + i + 2;
    if (std::from_chars(hex.data() + i, end, made.bytes_[i / 2], 16).ptr != end) {
      return std::nullopt;
    }
  }
  made.size_ = static_cast<uint8_t>(hex.size() / 2);
  return made;
}

bool TrafficSecret::expand(const Suite& suite, std::string_view label, unsigned char* out,
                           size_t size) const noexcept {
  const std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>> context{
      EVP_KDF_CTX_new(library().expand)};
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(suite.digest), 0),
      text_param(OSSL_KDF_PARAM_KEY, {reinterpret_cast<const char*>(bytes_.data()), size_}),
      text_param(OSSL_KDF_PARAM_PREFIX, "tls13 "),
      text_param(OSSL_KDF_PARAM_LABEL, label),
      OSSL_PARAM_construct_end()};
  return context != nullptr && EVP_KDF_derive(context.get(), out, size, params) == 1;
}

bool TrafficSecret::advance(const Suite& suite) noexcept {
  TrafficSecret next;
  next.size_ = size_;
  if (!expand(suite, "traffic upd", next.bytes_.data(), next.size_)) {
    return false;
  }
  *this = next;
  return true;
}

TrafficKeys::TrafficKeys(const Suite& suite, const TrafficSecret& secret, Way way,
                         uint64_t records) noexcept
    : suite_(&suite),
      secret_(secret),
      way_(way),
      context_(EVP_CIPHER_CTX_new()),
      records_(records) {
  if (!set_up()) {
    context_.reset();
  }
}

bool TrafficKeys::set_up() noexcept {
  std::array<unsigned char, EVP_MAX_KEY_LENGTH> key;  // NOLINT(*-member-init): filled by expand()
  const auto size = static_cast<size_t>(EVP_CIPHER_get_key_length(suite_->cipher));
  const bool done = context_ != nullptr && secret_.expand(*suite_, "key", key.data(), size) &&
                    secret_.expand(*suite_, "iv", iv_.data(), iv_.size()) &&
                    EVP_CipherInit_ex2(context_.get(), suite_->cipher, key.data(), iv_.data(),
                                       way_ == Way::write ? 1 : 0, nullptr) == 1;
  OPENSSL_cleanse(key.data(), key.size());
  return done;
}

bool TrafficKeys::update() noexcept {
  records_ = 0;
  if (!secret_.advance(*suite_) || !set_up()) {
    context_.reset();
  }
  return good();
}

EVP_CIPHER_CTX* TrafficKeys::begin(const unsigned char* header, size_t size) noexcept {
  // RFC 8446 5.3.
  std::array<unsigned char, kNonce> nonce = iv_;
  for (size_t i = 0; i < sizeof(records_); ++i) {
    nonce[kNonce - 1 - i] ^= static_cast<unsigned char>(records_ >> 8 * i);
  }
  ++records_;
  int taken = 0;
  const bool done =
      good() &&
      EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, nonce.data(), -1, nullptr) == 1 &&
      EVP_CipherUpdate(context_.get(), nullptr, &taken, header, static_cast<int>(size)) == 1;
  return done ? context_.get() : nullptr;
}

}  // namespace pingap::tls
