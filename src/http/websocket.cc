#include "http/websocket.h"

#include <algorithm>
#include <cstring>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace pingap::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr size_t kMaxKey = 64;  // a key has 24 characters
constexpr size_t kSha1Size = 20;
constexpr int kKeyBytes = 16;

}  // namespace

std::optional<WebSocketKey> make_websocket_key() noexcept {
  std::array<unsigned char, kKeyBytes> random;
  if (RAND_bytes(random.data(), kKeyBytes) != 1) {
    return std::nullopt;
  }
  WebSocketKey key;
  std::array<unsigned char, key.size() + 1> encoded;  // EVP_EncodeBlock adds a NUL
  EVP_EncodeBlock(encoded.data(), random.data(), kKeyBytes);
  std::memcpy(key.data(), encoded.data(), key.size());
  return key;
}

std::optional<WebSocketAccept> websocket_accept_for(std::string_view key) noexcept {
  if (key.size() > kMaxKey) {
    return std::nullopt;
  }
  std::array<char, kMaxKey + kGuid.size()> text;
  std::copy(key.begin(), key.end(), text.begin());
  std::copy(kGuid.begin(), kGuid.end(), text.begin() + static_cast<ptrdiff_t>(key.size()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), key.size() + kGuid.size(), digest.data(), &size, EVP_sha1(),
                 nullptr) != 1 ||
      size != kSha1Size) {
    return std::nullopt;
  }
  WebSocketAccept accept;
  std::array<unsigned char, accept.size() + 1> encoded;  // EVP_EncodeBlock adds a NUL
  EVP_EncodeBlock(encoded.data(), digest.data(), kSha1Size);
  std::memcpy(accept.data(), encoded.data(), accept.size());
  return accept;
}

bool websocket_accepts(std::string_view key, std::string_view accept) noexcept {
  const auto wanted = websocket_accept_for(key);
  return wanted && accept == std::string_view(wanted->data(), wanted->size());
}

}  // namespace pingap::http
