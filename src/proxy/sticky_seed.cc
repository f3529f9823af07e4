#include "proxy/sticky_seed.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace pingap::proxy {
namespace {

std::string random_seed() {
  std::string seed(32, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(seed.data()), static_cast<int>(seed.size())) !=
      1) {
    std::abort();  // without it everybody could make them
  }
  return seed;
}

std::string& seed() {
  static std::string value = random_seed();
  return value;
}

}  // namespace

const std::string& sticky_seed() {
  return seed();
}

void set_sticky_seed(std::string value) {
  seed() = std::move(value);
}

std::string sticky_secret_of(std::string_view upstream) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), seed().data(), static_cast<int>(seed().size()),
       reinterpret_cast<const unsigned char*>(upstream.data()), upstream.size(), digest.data(),
       &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace pingap::proxy
