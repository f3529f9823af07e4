#include "http/hpack/field_rules.h"

#include <string>

#include <gtest/gtest.h>

#include "http/hpack/field.h"

namespace pingap::http::hpack {
namespace {

TEST(FieldRules, NamesAreLowerCaseTokens) {
  for (const std::string_view good : {"a", "x-forwarded-for", "_", "!#$%&'*+-.^_`|~09az"}) {
    EXPECT_TRUE(is_field_name(good)) << good;
  }
  for (const std::string_view bad :
       {"", "X-Upper", "a b", "x:a", "a\r\nb", "a\x80", "a(", "a\x7f"}) {
    EXPECT_FALSE(is_field_name(bad)) << bad;
  }
}

TEST(FieldRules, ValuesAreOneLine) {
  for (const std::string_view good : {"", "a", "a b", "a\tb", "\x80\xff", "a long one, of words"}) {
    EXPECT_TRUE(is_field_value(good)) << good;
  }
  for (const std::string_view bad : {" a", "a ", "\ta", "a\t", " "}) {
    EXPECT_FALSE(is_field_value(bad)) << bad;
  }
}

TEST(FieldRules, ControlBytesAreFoundWhereverTheyAre) {
  for (const char control : {'\0', '\x01', '\b', '\n', '\r', '\x1f', '\x7f'}) {
    for (size_t size = 1; size < 40; ++size) {
      for (size_t at = 0; at < size; ++at) {
        std::string value(size, 'x');
        ASSERT_TRUE(is_field_value(value));
        value[at] = control;
        EXPECT_FALSE(is_field_value(value)) << size << " " << at;
      }
    }
  }
}

TEST(FieldRules, NamesAreKnown) {
  EXPECT_EQ(identify("content-type").id, HeaderId::content_type);
  EXPECT_EQ(identify("x-odd").id, HeaderId::other);
  EXPECT_FALSE(identify("Content-Type").well_formed);
  EXPECT_FALSE(identify("").well_formed);
  for (const auto& [name, pseudo] : {std::pair{":authority", Pseudo::authority},
                                     {":method", Pseudo::method},
                                     {":path", Pseudo::path},
                                     {":protocol", Pseudo::protocol},
                                     {":scheme", Pseudo::scheme},
                                     {":status", Pseudo::status}}) {
    EXPECT_EQ(identify(name).pseudo, pseudo);
    EXPECT_TRUE(identify(name).well_formed);
  }
  for (const std::string_view odd : {":", ":odd", ":Path", ":paths", ":statu\0", ":protocols"}) {
    EXPECT_EQ(identify(odd).pseudo, Pseudo::unknown) << odd;
    EXPECT_FALSE(identify(odd).well_formed);
  }
}

}  // namespace
}  // namespace pingap::http::hpack
