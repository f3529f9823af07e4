#include "tls/certificate.h"

#include <gtest/gtest.h>

#include "tls/test_certificates.h"

namespace pingap::tls {
namespace {

TEST(NormalName, IsLowerCaseWithoutTheLastDot) {
  EXPECT_EQ(normal_name("A.Test"), "a.test");
  EXPECT_EQ(normal_name("a.test."), "a.test");
  EXPECT_EQ(normal_name("*.A.test"), "*.a.test");
  EXPECT_EQ(normal_name("localhost"), "localhost");
  EXPECT_EQ(normal_name("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(normal_name("a_b.test"), "a_b.test");
}

TEST(NormalName, RefusesWhatIsNoName) {
  const std::string nul("a.test\0.evil", 12);
  for (const std::string& name : {std::string(),
                                  std::string("."),
                                  std::string(".."),
                                  std::string("a..test"),
                                  std::string(".a.test"),
                                  std::string("-a.test"),
                                  std::string("a-.test"),
                                  std::string("*.test"),
                                  std::string("*"),
                                  std::string("*a.test"),
                                  std::string("a.*.test"),
                                  std::string("*.*.test"),
                                  std::string("a/b.test"),
                                  std::string("../../etc/passwd"),
                                  std::string("a b.test"),
                                  std::string("a.test\n"),
                                  std::string("\xc3\xa4.test"),
                                  nul,
                                  std::string(64, 'a') + ".test",
                                  std::string(254, 'a')}) {
    EXPECT_EQ(normal_name(name), "") << name;
  }
}

TEST(LoadCertificate, TakesNamesOfTheSan) {
  const TestPair pair = make_pair("DNS:A.test,DNS:*.b.test,IP:127.0.0.1,IP:::1");
  const auto loaded = load_certificate(pair.cert, pair.key, {});
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->names, (std::vector<std::string>{"a.test", "*.b.test", "127.0.0.1", "::1"}));
  EXPECT_EQ((*loaded)->chain.size(), 0u);
  EXPECT_EQ((*loaded)->not_after - (*loaded)->not_before, 24 * 60 * 60 + 60);
}

TEST(LoadCertificate, KeepsTheChain) {
  const TestPair one = make_pair("DNS:a.test");
  const TestPair two = make_pair("");
  const auto loaded = load_certificate(one.cert + two.cert + two.cert, one.key, {});
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->chain.size(), 2u);
}

TEST(LoadCertificate, SaysWhatIsWrong) {
  const TestPair one = make_pair("DNS:a.test");
  const TestPair two = make_pair("DNS:b.test");
  const auto error = [](std::string_view cert, std::string_view key) {
    return load_certificate(cert, key, {}).error();
  };
  EXPECT_EQ(error("", one.key), "certificate: it holds no certificate in PEM form");
  EXPECT_EQ(error(one.key, one.key), "certificate: it holds no certificate in PEM form");
  EXPECT_EQ(error(one.cert, ""), "key: it holds no private key in PEM form");
  EXPECT_EQ(error(one.cert, one.cert), "key: it holds no private key in PEM form");
  EXPECT_EQ(error(one.cert, two.key), "certificate and key do not belong together");
  const std::string half = one.cert.substr(0, one.cert.size() / 2);
  EXPECT_NE(error(half, one.key), "");
  EXPECT_NE(error(one.cert + half, one.key), "");
}

TEST(LoadCertificate, CutAnywhereIsNotTaken) {
  const TestPair pair = make_pair("DNS:a.test");
  const size_t end = pair.key.rfind("-----END");
  for (size_t size = 0; size < end; ++size) {
    EXPECT_FALSE(load_certificate(pair.cert, pair.key.substr(0, size), {})) << size;
  }
}

TEST(Subject, IsThatOfTheCertificate) {
  const auto certificate = make_certificate("DNS:a.test");
  EXPECT_EQ(subject_of(certificate->leaf.get()), "CN=test");
  EXPECT_EQ(fingerprint_of(certificate->leaf.get()).size(), 64u);
}

}  // namespace
}  // namespace pingap::tls
