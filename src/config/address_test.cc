#include "config/address.h"

#include <string>

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

struct Case {
  std::string text;
  std::string result;  // canonical, or part of the problem
};

TEST(Address, BackendsHaveOneSpelling) {
  for (const Case& one :
       std::initializer_list<Case>{{"127.0.0.1:8080", "127.0.0.1:8080"},
                                   {"127.0.0.1", "127.0.0.1:80"},
                                   {"[::1]:81", "[::1]:81"},
                                   {"[0:0::1]", "[::1]:80"},
                                   {"[::ffff:10.0.0.1]:1", "10.0.0.1:1"},
                                   {"Example.COM:65535", "example.com:65535"},
                                   {"my_service", "my_service:80"},
                                   {"a.b.", "a.b.:80"},
                                   {"unix:/run/a b.sock", "unix:/run/a b.sock"}}) {
    const auto endpoint = parse_backend_address(one.text);
    ASSERT_TRUE(endpoint) << one.text << ": " << endpoint.error().what;
    EXPECT_EQ(endpoint->to_string(), one.result);
  }
}

TEST(Address, BackendsAreOneHost) {
  for (const Case& one : std::initializer_list<Case>{
           {"", "`` is not an address"},
           {":80", "`:80` is not an address"},
           {"a:", "`` is not a port"},
           {"a:0", "`0` is not a port"},
           {"a:65536", "`65536` is not a port"},
           {"a:-1", "`-1` is not a port"},
           {"a:80x", "`80x` is not a port"},
           {"256.0.0.1", "`256.0.0.1` is not an IPv4 address"},
           {"1.2.3", "`1.2.3` is not an IPv4 address"},
           {"127.1:80", "`127.1` is not an IPv4 address"},
           {"8080", "`8080` is not an IPv4 address"},
           {"::1", "needs brackets"},
           {"[::1", "`[::1` is not an address"},
           {"[::1]80", "`[::1]80` is not an address"},
           {"[::1]:x", "`x` is not a port"},
           {"[1.2.3.4]:80", "`[1.2.3.4]:80` is not an address"},
           {"[fe80::1%eth0]:80", "is not an address"},
           {"http://a.b:8/c", "leave out the scheme: \"a.b:8\""},
           {"/run/x.sock", "did you mean \"unix:/run/x.sock\"?"},
           {"unix:run", "needs an absolute path"},
           {"unix:/" + std::string(107, 'x'), "too long; at most 107 bytes"},
           {"a..b", "`a..b` is not an address"},
           {".a", "is not an address"},
           {"a b:80", "is not an address"},
           {"user@a", "is not an address"},
           {std::string(64, 'a') + ".b", "is not an address"},
           {"0.0.0.0:80", "is not the address of one host; ; for this machine write \"127.0.0.1\""},
           {"[::]:80", "is not the address of one host"},
           {"224.0.0.1", "is not the address of one host"},
           {"255.255.255.255", "is not the address of one host"},
           {"[ff02::1]", "is not the address of one host"}}) {
    const auto endpoint = parse_backend_address(one.text);
    ASSERT_FALSE(endpoint) << one.text;
    const Problem& problem = endpoint.error();
    const std::string text = problem.what + "; " + problem.allowed + "; " + problem.hint;
    EXPECT_NE(text.find(one.result), std::string::npos) << one.text << ": " << text;
  }
}

TEST(Address, ListenersAreIpOrUnix) {
  for (const Case& one : std::initializer_list<Case>{{"0.0.0.0:80", "0.0.0.0:80"},
                                                     {"[::]:443", "[::]:443"},
                                                     {"127.0.0.1", "127.0.0.1:80"},
                                                     {"127.0.0.1:0", "127.0.0.1:0"},
                                                     {"[::1]:0", "[::1]:0"},
                                                     {"unix:/run/p.sock", "unix:/run/p.sock"}}) {
    const auto endpoint = parse_listen_address(one.text);
    ASSERT_TRUE(endpoint) << one.text;
    EXPECT_EQ(endpoint->to_string(), one.result);
  }
  for (const Case& one :
       std::initializer_list<Case>{{":80", R"(write "0.0.0.0:80", "[::]:80" or both)"},
                                   {"*:80", R"(write "0.0.0.0:80", "[::]:80" or both)"},
                                   {"8080", R"(write "0.0.0.0:8080", "[::]:8080" or both)"},
                                   {"localhost:81", R"(write "127.0.0.1:81", "[::1]:81" or both)"},
                                   {"example.com:80", ""},
                                   {"1.2.3.4:65536", ""},
                                   {"", ""}}) {
    const auto endpoint = parse_listen_address(one.text);
    ASSERT_FALSE(endpoint) << one.text;
    EXPECT_EQ(endpoint.error().hint, one.result) << one.text;
  }
}

}  // namespace
}  // namespace pingap::config
