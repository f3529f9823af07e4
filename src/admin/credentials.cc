#include "admin/credentials.h"

#include <openssl/crypto.h>

#include "base/strings.h"
#include "http/base64.h"

namespace pingap::admin {
namespace {

constexpr std::string_view kBasic = "Basic ";
constexpr std::string_view kBearer = "Bearer ";

std::string base64(std::string_view bytes) {
  http::Base64Encoder encoder;
  std::string text(http::Base64Encoder::room_for(bytes.size()) + http::Base64Encoder::kLast, '\0');
  size_t size = encoder.encode(bytes, text.data());
  size += encoder.finish(text.data() + size);
  text.resize(size);
  return text;
}

// The scheme in any case (RFC 9110 11.1).
bool fits(std::string_view given, std::string_view scheme, const std::string& wanted) noexcept {
  if (wanted.empty() || given.size() != scheme.size() + wanted.size() ||
      !iequals(given.substr(0, scheme.size()), scheme)) {
    return false;
  }
  return CRYPTO_memcmp(given.data() + scheme.size(), wanted.data(), wanted.size()) == 0;
}

}  // namespace

Credentials::Credentials(const std::string& user, const std::string& password,
                         const std::string& token)
    : basic_(user.empty() ? std::string() : base64(user + ":" + password)), bearer_(token) {
}

bool Credentials::allow(std::string_view authorization) const noexcept {
  return (basic_.empty() && bearer_.empty()) || fits(authorization, kBasic, basic_) ||
         fits(authorization, kBearer, bearer_);
}

}  // namespace pingap::admin
