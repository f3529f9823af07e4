#include "tls/ticket_keys.h"

#include <memory>

#include <gtest/gtest.h>

#include "tls/openssl.h"

namespace pingap::tls {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Clock = TicketKeys::Clock;

class Ticket : public testing::Test {
 protected:
  int encrypt(Clock::time_point now) {
    return keys_.encrypt(now, name_, iv_, cipher_.get(), mac_.get());
  }

  int decrypt(Clock::time_point now) {
    return keys_.decrypt(now, name_, iv_, cipher_.get(), mac_.get());
  }

  using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
  using MacPtr = std::unique_ptr<EVP_MAC_CTX, Deleter<EVP_MAC_CTX_free>>;

  static EVP_MAC* hmac() {
    static EVP_MAC* const fetched = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    return fetched;
  }

  const Clock::time_point start_ = Clock::now();
  TicketKeys keys_{start_};
  CipherPtr cipher_{EVP_CIPHER_CTX_new()};
  MacPtr mac_{EVP_MAC_CTX_new(hmac())};
  unsigned char name_[16] = {};
  unsigned char iv_[EVP_MAX_IV_LENGTH] = {};
};

TEST_F(Ticket, IsReadAsLongAsItsKeyIsKept) {
  ASSERT_EQ(encrypt(start_), 1);
  EXPECT_EQ(decrypt(start_ + hours(11)), 1);
  EXPECT_EQ(decrypt(start_ + hours(12)), 2);  // and is to be made anew
  EXPECT_EQ(decrypt(start_ + hours(24)), 2);
  EXPECT_EQ(decrypt(start_ + hours(36)), 0);
}

TEST_F(Ticket, OfAnOldKeyIsRefusedAlsoWhenNothingHappenedMeanwhile) {
  ASSERT_EQ(encrypt(start_), 1);
  EXPECT_EQ(decrypt(start_ + hours(36) + seconds(1)), 0);
}

TEST_F(Ticket, OfAnUnknownKeyIsRefused) {
  ASSERT_EQ(encrypt(start_), 1);
  name_[0] ^= 1;
  EXPECT_EQ(decrypt(start_), 0);
}

TEST_F(Ticket, NamesChangeWithTheKey) {
  ASSERT_EQ(encrypt(start_), 1);
  const std::string first(reinterpret_cast<char*>(name_), sizeof(name_));
  ASSERT_EQ(encrypt(start_ + hours(11)), 1);
  EXPECT_EQ(first, std::string(reinterpret_cast<char*>(name_), sizeof(name_)));
  ASSERT_EQ(encrypt(start_ + hours(13)), 1);
  EXPECT_NE(first, std::string(reinterpret_cast<char*>(name_), sizeof(name_)));
}

}  // namespace
}  // namespace pingap::tls
