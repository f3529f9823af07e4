#include "http/status.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace pingap::http {
namespace {

TEST(Status, HasItsPhrase) {
  EXPECT_EQ(reason_phrase(100), "Continue");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
  EXPECT_EQ(reason_phrase(0), "");
  EXPECT_EQ(reason_phrase(299), "");
  EXPECT_EQ(reason_phrase(65535), "");
}

TEST(Status, IsKnownForEachErrorAndHasAPhrase) {
  for (size_t i = 1; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const uint16_t status = status_for(code);
    EXPECT_GE(status, 400) << to_string(code);
    EXPECT_NE(reason_phrase(status), "") << to_string(code);
    const bool upstream = to_string(code).starts_with("upstream_");
    EXPECT_EQ(upstream, upstream && status >= 502 && status <= 504) << to_string(code);
  }
}

TEST(Status, TellsRefusalsApart) {
  struct Case {
    ErrorCode code;
    uint16_t status;
  };

  constexpr Case kCases[] = {
      {ErrorCode::bad_transfer_encoding, 400},
      {ErrorCode::unsupported_transfer_encoding, 501},
      {ErrorCode::target_too_long, 414},
      {ErrorCode::head_too_large, 431},
      {ErrorCode::too_many_headers, 431},
      {ErrorCode::version_not_supported, 505},
      {ErrorCode::bad_expectation, 417},
      {ErrorCode::body_too_large, 413},
      {ErrorCode::header_timeout, 408},
      {ErrorCode::method_not_allowed, 405},
      {ErrorCode::no_route, 404},
      {ErrorCode::client_closed, 499},
      {ErrorCode::upstream_refused, 502},
      {ErrorCode::upstream_limit, 503},
      {ErrorCode::upstream_connect_timeout, 504},
      {ErrorCode::upstream_tls_timeout, 504},
      {ErrorCode::misdirected, 421},
      {ErrorCode::loop_detected, 508},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(status_for(c.code), c.status) << to_string(c.code);
  }
}

// The tables of docs/errors.md: "| `reason` | status | ...".
std::map<std::string, std::string> documented_errors() {
  std::map<std::string, std::string> rows;
  std::ifstream file(std::string(PINGAP_SOURCE_DIR) + "/docs/errors.md");
  for (std::string line; std::getline(file, line);) {
    const size_t name_end = line.find("` | ");
    if (!line.starts_with("| `") || name_end == std::string::npos ||
        !is_digit(line[name_end + 4])) {
      continue;
    }
    const std::string name = line.substr(3, name_end - 3);
    EXPECT_TRUE(rows.emplace(name, line.substr(name_end + 4, 3)).second) << name << " is twice";
  }
  return rows;
}

TEST(Status, IsDocumentedForEachError) {
  auto rows = documented_errors();
  for (size_t i = 1; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const auto row = rows.find(std::string(to_string(code)));
    ASSERT_NE(row, rows.end()) << to_string(code) << " is not in docs/errors.md";
    EXPECT_EQ(row->second, std::to_string(status_for(code))) << to_string(code);
    rows.erase(row);
  }
  for (const auto& [name, status] : rows) {
    ADD_FAILURE() << name << " is in docs/errors.md, and no reason";
  }
}

// The sources that are shipped, but for those that only list the codes.
std::string shipped_sources() {
  namespace fs = std::filesystem;
  std::string all;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(std::string(PINGAP_SOURCE_DIR) + "/src")) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with("_test.cc") || !(name.ends_with(".cc") || name.ends_with(".h"))) {
      continue;
    }
    std::ifstream file(entry.path());
    all.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return all;
}

// Whether a source does more with a code than to ask for it or to list it in a switch.
bool is_produced(ErrorCode code, const std::string& sources) {
  const std::string wanted = "ErrorCode::" + std::string(to_string(code));
  for (size_t at = sources.find(wanted); at != std::string::npos;
       at = sources.find(wanted, at + 1)) {
    const char behind = sources[at + wanted.size()];
    const std::string_view before = std::string_view(sources).substr(0, at);
    const bool longer = behind == '_' || (behind >= 'a' && behind <= 'z');
    if (!longer && !before.ends_with("case ") && !before.ends_with("== ") &&
        !before.ends_with("!= ")) {
      return true;
    }
  }
  return false;
}

TEST(Status, IsGivenByNoErrorThatNothingProduces) {
  const std::string sources = shipped_sources();
  for (size_t i = 1; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_TRUE(is_produced(code, sources)) << to_string(code) << " is never produced";
  }
}

}  // namespace
}  // namespace pingap::http
