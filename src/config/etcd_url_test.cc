#include "config/etcd_url.h"

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

std::optional<std::string> nothing(const std::string& /*name*/) {
  return std::nullopt;
}

std::optional<std::string> credentials(const std::string& name) {
  return name == kEtcdUser ? "env-user" : "env-secret";
}

std::string refusal(std::string_view text) {
  const auto parsed = parse_etcd_url(text, nothing);
  return parsed ? "taken" : parsed.error().what;
}

TEST(EtcdUrl, HasEndpointsAndAPath) {
  const auto url = parse_etcd_url("etcd://one,two:2380,[::1]:1,one/a/pingap/", nothing);
  ASSERT_TRUE(url);
  EXPECT_EQ(url->endpoints, (std::vector<std::string>{"one:2379", "two:2380", "[::1]:1"}));
  EXPECT_EQ(url->path, "/a/pingap");
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->to_string(), "etcd://one:2379,two:2380,[::1]:1/a/pingap");
}

TEST(EtcdUrl, HasOptions) {
  const auto url = parse_etcd_url(
      "etcd://h/p?user=root&password=a%26b%25&timeout=3s&connect_timeout=250ms&ca=/ca.pem"
      "&cert=/c.pem&key=/k.pem",
      nothing);
  ASSERT_TRUE(url);
  EXPECT_EQ(url->user, "root");
  EXPECT_EQ(url->password, "a&b%");
  EXPECT_EQ(url->timeout, std::chrono::seconds(3));
  EXPECT_EQ(url->connect_timeout, std::chrono::milliseconds(250));
  EXPECT_TRUE(url->tls);
  EXPECT_TRUE(url->verify);
  EXPECT_EQ(url->ca, "/ca.pem");
  EXPECT_EQ(url->key, "/k.pem");
  EXPECT_EQ(url->to_string(), "etcd://h:2379/p") << "no secret";
}

TEST(EtcdUrl, TlsIsOnWithWhatItNeeds) {
  EXPECT_TRUE(parse_etcd_url("etcd://h/p?tls=true", nothing)->tls);
  const auto insecure = parse_etcd_url("etcd://h/p?insecure=true", nothing);
  EXPECT_TRUE(insecure->tls);
  EXPECT_FALSE(insecure->verify);
}

TEST(EtcdUrl, TakesCredentialsFromTheEnvironment) {
  const auto url = parse_etcd_url("etcd://h/p", credentials);
  EXPECT_EQ(url->user, "env-user");
  EXPECT_EQ(url->password, "env-secret");
  EXPECT_EQ(parse_etcd_url("etcd://h/p?user=u", credentials)->password, "env-secret");
  EXPECT_EQ(parse_etcd_url("etcd://h/p?user=u&password=p", credentials)->password, "p");
}

TEST(EtcdUrl, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(refusal("etcd:///p"), "an etcd URL needs a host");
  EXPECT_EQ(refusal("etcd://h"), "an etcd URL needs a path: what all keys begin with");
  EXPECT_EQ(refusal("etcd://h/"), "an etcd URL needs a path: what all keys begin with");
  EXPECT_EQ(refusal("etcd://h/a//b"), "an etcd URL needs a path: what all keys begin with");
  EXPECT_EQ(refusal("etcd://h:x/p"), "`h:x` is not an endpoint of etcd");
  EXPECT_EQ(refusal("etcd://u:s@h/p"), "an etcd URL has no user in front of its hosts");
  EXPECT_EQ(refusal("etcd://h/p?pasword=secret"), "unknown option `pasword` of an etcd URL");
  EXPECT_EQ(refusal("etcd://h/p?timeout=ten"), "option `timeout` of an etcd URL is no duration");
  EXPECT_EQ(refusal("etcd://h/p?tls=1"), "option `tls` of an etcd URL is no boolean");
  EXPECT_EQ(refusal("etcd://h/p?cert=a"), "an etcd URL with one of `cert` and `key`");
  EXPECT_EQ(refusal("etcd://h/p?user=u"), "etcd needs a user and a password, or neither");
  EXPECT_EQ(refusal("etcd://h/p?user=u&password=%zz"),
            "option `password` of an etcd URL has no value that can be used");
  EXPECT_EQ(refusal("etcd://h/p?user=u&password=%0a"),
            "option `password` of an etcd URL has no value that can be used");
  EXPECT_EQ(refusal("etcd://h/p?tls=false&ca=x"),
            "tls=false with `ca`, `cert` or `insecure` in an etcd URL");
}

TEST(EtcdUrl, IsShownWithoutSecrets) {
  EXPECT_EQ(shown_url("etcd://h/p?user=u&password=s"), "etcd://h/p");
  EXPECT_EQ(shown_url("etcd://u:s@h/p"), "etcd://h/p");
  EXPECT_EQ(shown_url("/etc/pingap?x"), "/etc/pingap?x");
}

}  // namespace
}  // namespace pingap::config
