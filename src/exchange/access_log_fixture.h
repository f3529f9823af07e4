// What the tests of the access log share: an exchange, lines of it, a strict reader of JSON lines.
#pragma once

#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "exchange/access_log.h"

namespace pingap::exchange::fixture {

using http::HeaderId;
using std::chrono::microseconds;
using std::chrono::milliseconds;

inline const WallTime kNow{milliseconds(1767319445678)};

// An exchange as it is when all went well; its members are changed by the tests.
struct Sample {
  std::array<char, 4096> block;
  Exchange x{std::span<char>(block)};
  std::array<http::Field, 24> request_fields;
  std::array<http::Field, 16> response_fields;

  Sample() {
    ::setenv("TZ", "XXX-1", 1);
    ::tzset();
    x.request.method_text = "GET";
    x.request.target = "/api/items?page=2";
    x.request.headers = http::HeaderMap(request_fields);
    x.request.headers.add(HeaderId::user_agent, "curl/8.5.0");
    x.response.headers = http::HeaderMap(response_fields);
    x.uri.target = "/api/items?page=2";
    x.uri.path = "/api/items";
    x.uri.query = "page=2";
    x.host = "example.test";
    x.client_text = "192.0.2.1";
    x.peer_text = "192.0.2.7";
    x.peer_port = 50000;
    x.server_addr = "127.0.0.1";
    x.server_port = 8080;
    x.server = "main";
    x.location = "api";
    x.upstream = "backend";
    x.endpoint = "10.0.0.1:8080";
    x.status = 200;
    x.upstream_status = 200;
    x.attempts = 1;
    x.upstream_reused = true;
    x.response_bytes = 1024;
    x.plain_bytes = 4200;
    x.coded_bytes = 1000;
    x.coding_time = std::chrono::microseconds(1'500);
    x.started = TimePoint(std::chrono::seconds(100));
    x.connect_start = x.started + milliseconds(1);
    x.request_sent = x.started + milliseconds(3);
    x.first_byte = x.started + milliseconds(8);
    x.finished = x.started + microseconds(12'345);
  }
};

inline AccessLogFormat compiled(std::string_view format) {
  auto result = AccessLogFormat::compile(format);
  EXPECT_TRUE(result.has_value()) << format << ": " << result.error();
  return std::move(result.value());
}

inline std::string line_of(const AccessLogFormat& format, const Exchange& x,
                           size_t room = AccessLogFormat::kMaxLine) {
  // The bytes behind the room tell whether they were left alone.
  std::string out(room + 64, '\xee');
  const size_t size = format.write(x, kNow, std::span<char>(out.data(), room));
  EXPECT_LE(size, room);
  EXPECT_EQ(out.substr(room), std::string(64, '\xee'));
  return out.substr(0, size);
}

inline std::string line_of(std::string_view format, const Exchange& x) {
  return line_of(compiled(format), x);
}

// ---- a small strict JSON reader: one flat object ----

class FlatJson {
 public:
  static std::optional<std::map<std::string, std::string>> read(std::string_view text) {
    FlatJson reader(text);
    return reader.object() && reader.text_.empty() ? std::optional(reader.members_) : std::nullopt;
  }

 private:
  explicit FlatJson(std::string_view text) : text_(text) {}

  bool take(std::string_view token) {
    if (!text_.starts_with(token)) {
      return false;
    }
    text_.remove_prefix(token.size());
    return true;
  }

  bool object() {
    if (!take("{")) {
      return false;
    }
    do {
      std::string key;
      std::string value;
      if (!string(key) || !take(":") || !(string(value) || scalar(value))) {
        return false;
      }
      members_[key] = value;
    } while (take(","));
    return take("}");
  }

  bool scalar(std::string& value) {
    for (const std::string_view word : {"null", "true", "false"}) {
      if (take(word)) {
        value = word;
        return true;
      }
    }
    while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      value += text_[0];
      text_.remove_prefix(1);
    }
    return !value.empty() && (value.size() == 1 || value[0] != '0');
  }

  bool string(std::string& value) {
    if (!take("\"")) {
      return false;
    }
    while (!text_.empty() && text_[0] != '"') {
      const auto c = static_cast<unsigned char>(text_[0]);
      if (c < 0x20) {
        return false;
      }
      text_.remove_prefix(1);
      if (c != '\\') {
        value += static_cast<char>(c);
      } else if (!escape(value)) {
        return false;
      }
    }
    return take("\"");
  }

  bool escape(std::string& value) {
    if (take("\"") || take("\\")) {
      value += *(text_.data() - 1);
      return true;
    }
    if (!take("u") || text_.size() < 4) {
      return false;
    }
    const auto code =
        static_cast<unsigned>(std::stoul(std::string(text_.substr(0, 4)), nullptr, 16));
    text_.remove_prefix(4);
    if (code < 0x80) {
      value += static_cast<char>(code);
    } else {
      value += "<" + std::to_string(code) + ">";
    }
    return true;
  }

  std::string_view text_;
  std::map<std::string, std::string> members_;
};

}  // namespace pingap::exchange::fixture
