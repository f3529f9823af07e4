// The tables of hostile requests and answers, each in one piece, cut at every byte, and byte by
// byte: the outcome may not depend on how the bytes arrive.
#include "http/h1/vectors.h"

#include <array>
#include <cctype>
#include <memory>

#include <gtest/gtest.h>

#include "http/h1/body_reader.h"
#include "http/h1/parser.h"
#include "http/status.h"

namespace pingap::http::h1::testing {
namespace {

// Exactly as much memory as bytes, so that a sanitizer sees each read beyond them.
class Exact {
 public:
  explicit Exact(std::string_view bytes)
      : size_(bytes.size()), memory_(std::make_unique<char[]>(bytes.size())) {
    bytes.copy(memory_.get(), bytes.size());
  }

  std::string_view view() const { return {memory_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> memory_;
};

std::string describe(const HeaderMap& headers) {
  std::string text;
  for (const Field& field : headers.fields()) {
    text += std::string(field.name()) + "=" + std::string(field.value()) + ";";
  }
  return text;
}

std::string describe(const RequestHead& head) {
  return std::string(head.method_text) + " " + std::string(head.target) + " @" +
         std::string(head.authority) + " v" + std::to_string(static_cast<int>(head.version)) +
         " f" + std::to_string(static_cast<int>(head.framing)) + " l" +
         std::to_string(head.content_length) + (head.keep_alive ? " keep" : " close") +
         (head.expect_continue ? " expect" : "") + (head.websocket ? " websocket" : "") + " " +
         describe(head.headers);
}

std::string describe(const ResponseHead& head) {
  return std::to_string(head.status) + " '" + std::string(head.reason) + "' v" +
         std::to_string(static_cast<int>(head.version)) + " f" +
         std::to_string(static_cast<int>(head.framing)) + " l" +
         std::to_string(head.content_length) + (head.keep_alive ? " keep" : " close") +
         (head.websocket ? " websocket" : "") + " " + describe(head.headers);
}

class Player {
 public:
  Player(bool responses, Method request) : responses_(responses), request_(request) {}

  void feed(std::string_view piece) {
    pending_ += piece;
    while (!failed_ && (in_body_ ? step_body() : step_head())) {
    }
  }

  std::string finish() {
    if (failed_) {
      return text_;
    }
    if (in_body_) {
      return text_ + (responses_ && reader_.close_ends() ? body_ + "]" : body_ + "...");
    }
    return pending_.empty() ? text_ : text_ + "wait";
  }

 private:
  bool fail(ErrorCode code) {
    text_ += "<" + std::string(to_string(code)) + ">";
    failed_ = true;
    return false;
  }

  bool step_head() {
    const Exact bytes(pending_);
    const size_t limit = responses_ ? kResponseLimits.bytes : kRequestLimits.bytes;
    if (pending_.empty() || scanner_.scan(bytes.view(), limit) == HeadScanner::Verdict::wait) {
      return false;
    }
    const ParseResult result =
        responses_ ? take_response(bytes.view()) : take_request(bytes.view());
    if (result.status == ParseStatus::failed) {
      return fail(result.error);
    }
    if (result.status == ParseStatus::complete) {
      scanner_.reset();
      pending_.erase(0, result.consumed);
      in_body_ = true;
    }
    return result.status == ParseStatus::complete;
  }

  ParseResult take_request(std::string_view bytes) {
    std::array<Field, 128> fields;
    RequestHead head;
    head.headers = HeaderMap(fields);
    const ParseResult result = parse_request(bytes, kRequestLimits, head);
    if (result.status == ParseStatus::complete) {
      text_ += "[" + describe(head) + " body:";
      reader_.start(head.framing, head.content_length);
    }
    return result;
  }

  ParseResult take_response(std::string_view bytes) {
    std::array<Field, 256> fields;
    ResponseHead head;
    head.headers = HeaderMap(fields);
    const ParseResult result = parse_response(bytes, kResponseLimits, request_, head);
    if (result.status == ParseStatus::complete) {
      text_ += "[" + describe(head) + " body:";
      reader_.start(head.framing, head.content_length);
    }
    return result;
  }

  bool step_body() {
    const Exact bytes(pending_);
    const BodyReader::Step step = reader_.next(bytes.view());
    if (step.kind == BodyReader::Kind::failed) {
      return fail(step.error);
    }
    if (step.kind == BodyReader::Kind::data) {
      body_ += pending_.substr(step.skip, step.size);
    }
    pending_.erase(0, step.skip + step.size);
    if (step.kind != BodyReader::Kind::end) {
      return step.kind == BodyReader::Kind::data;
    }
    text_ += body_ + (reader_.trailers().empty() ? "" : " trailers:") +
             std::string(reader_.trailers()) + "]";
    body_.clear();
    in_body_ = false;
    return true;
  }

  bool responses_;
  Method request_;
  bool failed_ = false;
  bool in_body_ = false;
  std::string pending_;
  std::string text_;
  std::string body_;
  HeadScanner scanner_;
  BodyReader reader_;
};

std::string play(std::string_view bytes, std::span<const size_t> cuts, Player player) {
  size_t from = 0;
  for (const size_t cut : cuts) {
    player.feed(bytes.substr(from, cut - from));
    from = cut;
  }
  player.feed(bytes.substr(from));
  return player.finish();
}

std::string expand_macro(std::string_view name) {
  if (name == "V") {
    return "HTTP/1.1\r\nHost: a.test\r\n";
  }
  if (name == "SMUG") {
    return "GET /smug HTTP/1.1\r\nHost: a.test\r\n\r\n";
  }
  if (name == "CHK") {
    return "5\r\nabcde\r\n0\r\n\r\n";
  }
  if (name == "OK") {
    return "HTTP/1.1 200 OK\r\n";
  }
  if (name == "CL2") {
    return "Content-Length: 2\r\n\r\nok";
  }
  if (name.starts_with("a*")) {
    return std::string(std::stoul(std::string(name.substr(2))), 'a');
  }
  const size_t count = std::stoul(std::string(name));
  if (name.ends_with("x 0")) {
    return std::string(count, '0');
  }
  const size_t quote = name.find('\'');
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    std::string line(name.substr(quote + 1, name.size() - quote - 2));
    if (const size_t at = line.find("-i"); at != std::string::npos) {
      line.replace(at + 1, 1, std::to_string(i));
    }
    text += line + (line.ends_with("\n") ? "" : "\r\n");
  }
  return text;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\\r") || rest.starts_with("\\n") || rest.starts_with("\\t")) {
      out += rest[1] == 'r' ? '\r' : rest[1] == 'n' ? '\n' : '\t';
      i += 1;
    } else if (rest.starts_with("\\x") && rest.size() >= 4 && std::isxdigit(rest[2]) != 0) {
      out += static_cast<char>(std::stoul(std::string(rest.substr(2, 2)), nullptr, 16));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Vector {
  std::string_view id;
  std::string_view notation;
  std::string_view want;
  uint16_t status;  // that a client is told; 0 where nothing is refused
};

ErrorCode code_of(std::string_view name) {
  for (size_t i = 0; i < static_cast<size_t>(ErrorCode::count_); ++i) {
    if (to_string(static_cast<ErrorCode>(i)) == name) {
      return static_cast<ErrorCode>(i);
    }
  }
  return ErrorCode::none;
}

// "F" = one message, "F2" = two, "wait" = unfinished; else the name of the error behind the
// messages that were fine.
std::string summary(const std::string& played) {
  if (played.ends_with(">")) {
    return played.substr(played.rfind('<') + 1, played.size() - played.rfind('<') - 2);
  }
  if (!played.ends_with("]")) {
    return "wait";
  }
  size_t messages = 0;
  for (size_t at = played.find(" body:"); at != std::string::npos;
       at = played.find(" body:", at + 1)) {
    ++messages;
  }
  return messages == 1 ? "F" : "F" + std::to_string(messages);
}

using Play = std::string (*)(std::string_view bytes, std::span<const size_t> cuts);

std::string play_get_responses(std::string_view bytes, std::span<const size_t> cuts) {
  return play_responses(bytes, cuts, Method::get);
}

void check(const Vector& vector, Play player) {
  SCOPED_TRACE(vector.id);
  const std::string bytes = expand(vector.notation);
  const std::string whole = player(bytes, {});
  EXPECT_EQ(summary(whole), vector.want) << whole.substr(0, 2000);
  if (vector.status != 0) {
    EXPECT_EQ(status_for(code_of(vector.want)), vector.status);
  }
  const std::vector<size_t> cuts = cut_positions(bytes.size());
  for (const size_t cut : cuts) {
    ASSERT_EQ(player(bytes, {{cut}}), whole) << "cut at " << cut;
  }
  EXPECT_EQ(player(bytes, cuts), whole) << "in pieces";
}

#include "http/h1/vectors_requests.inc"
#include "http/h1/vectors_responses.inc"

}  // namespace

std::string expand(std::string_view notation) {
  std::string text = unescape(notation);
  std::string out;
  size_t from = 0;
  for (size_t open = text.find('{'); open != std::string::npos; open = text.find('{', from)) {
    const size_t close = text.find('}', open);
    out += text.substr(from, open - from);
    out += expand_macro(std::string_view(text).substr(open + 1, close - open - 1));
    from = close + 1;
  }
  return out + text.substr(from);
}

std::string play_requests(std::string_view bytes, std::span<const size_t> cuts) {
  return play(bytes, cuts, Player(false, Method::get));
}

std::string play_responses(std::string_view bytes, std::span<const size_t> cuts, Method request) {
  return play(bytes, cuts, Player(true, request));
}

std::vector<size_t> cut_positions(size_t size) {
  std::vector<size_t> cuts;
  const size_t step = size < 1000 ? 1 : size / 97;
  for (size_t at = 1; at < size; at += step) {
    cuts.push_back(at);
  }
  return cuts;
}

TEST(RequestVectors, HaveTheWantedOutcomeHoweverCut) {
  for (const Vector& vector : kRequestVectors) {
    check(vector, play_requests);
  }
}

TEST(ResponseVectors, HaveTheWantedOutcomeHoweverCut) {
  for (const Vector& vector : kResponseVectors) {
    check(vector, play_get_responses);
  }
}

}  // namespace pingap::http::h1::testing
