#include "http/host.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace pingap::http {
namespace {

TEST(Host, LowersAndDropsOneTrailingDot) {
  Arena arena;
  EXPECT_EQ(normalize_host("A.TEST", arena), "a.test");
  EXPECT_EQ(normalize_host("a.test.", arena), "a.test");
  EXPECT_EQ(normalize_host("a.test..", arena), "a.test.");
  EXPECT_EQ(normalize_host("WWW.Example.COM.", arena), "www.example.com");
  EXPECT_EQ(normalize_host("[2001:DB8::1]", arena), "[2001:db8::1]");
  EXPECT_EQ(normalize_host("", arena), "");
  EXPECT_EQ(normalize_host(".", arena), "");
}

TEST(Host, DoesNotCopyWhatIsClean) {
  Arena arena;
  for (const std::string_view host : {"a", "a.test", "abcdefg", "abcdefgh", "abcdefghi",
                                      "xn--bcher-kva.test", "a_b.test", "[::1]", "@[`{"}) {
    EXPECT_EQ(normalize_host(host, arena).data(), host.data()) << host;
  }
}

TEST(Host, FindsACapitalAtEachPlace) {
  Arena arena;
  for (int byte = 1; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    for (size_t size = 1; size < 26; ++size) {
      for (size_t at = 0; at + 1 < size; ++at) {
        std::string host(size, 'x');
        host[at] = c;
        std::string want = host;
        want[at] = to_lower(c);
        ASSERT_EQ(normalize_host(host, arena), want);
      }
    }
  }
}

}  // namespace
}  // namespace pingap::http
