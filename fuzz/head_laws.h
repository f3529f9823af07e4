// Laws that hold for request and response heads alike.
#pragma once

#include <string>
#include <string_view>

#include "base/byte_queue.h"
#include "http/h1/parser.h"
#include "input.h"

namespace pingap::fuzz {

using http::Field;
using http::HeaderId;
using http::HeaderMap;
using http::h1::HeadScanner;
using http::h1::ParseResult;
using http::h1::ParseStatus;

inline constexpr http::h1::HeadLimits kLimits{4096, 32, 512};
// What is written may be longer than what was read ("a:b" becomes "a: b").
inline constexpr http::h1::HeadLimits kWideLimits{16384, 64, 1024};

inline bool same(const ParseResult& a, const ParseResult& b) {
  return a.status == b.status && a.error == b.error && a.consumed == b.consumed;
}

// A verdict does not change when more bytes come, and `incomplete` is not said after one.
template <class Parse>
void check_prefix(Input& input, const ParseResult& whole, const Parse& parse) {
  const size_t size = input.choose(input.bytes().size() + 1);
  const ParseResult result = parse(Exact(input.bytes().substr(0, size)).view());
  if (whole.status == ParseStatus::complete && size >= whole.consumed) {
    require(same(result, whole), "a complete head stays complete");
  }
  require(result.status == ParseStatus::incomplete || same(result, whole),
          "a verdict on a prefix is the verdict on the whole");
}

// Read in pieces, with the scanner saying when to parse, the outcome is that of one piece.
template <class Parse>
void check_pieces(Input& input, const ParseResult& whole, const Parse& parse) {
  HeadScanner scanner;
  std::string_view rest = input.bytes();
  std::string got;
  size_t parses = 0;
  while (!rest.empty()) {
    got += input.next_piece(rest);
    const Exact bytes(got);
    if (scanner.scan(bytes.view(), kLimits.bytes) == HeadScanner::Verdict::wait) {
      continue;
    }
    require(++parses <= 6, "a head is parsed a few times only");
    const ParseResult result = parse(bytes.view());
    if (result.status != ParseStatus::incomplete) {
      require(same(result, whole), "pieces give what the whole gives");
      return;
    }
  }
  require(whole.status != ParseStatus::complete, "the scanner misses no end");
}

inline std::string drain(ByteQueue& queue) {
  std::string text;
  while (!queue.empty()) {
    text += queue.front();
    queue.consume(queue.front().size());
  }
  return text;
}

// The fields that are copied and not written from the head, as text.
inline std::string copied_fields(const HeaderMap& headers) {
  std::string text;
  for (const Field& field : headers.fields()) {
    const bool written = field.id == HeaderId::host || field.id == HeaderId::connection ||
                         field.id == HeaderId::content_length || field.id == HeaderId::upgrade ||
                         field.id == HeaderId::transfer_encoding || field.id == HeaderId::date;
    if (!written && !field.removed()) {
      text += std::string(field.name()) + '\n' + std::string(field.value()) + '\n';
    }
  }
  return text;
}

inline void forget_runs(HeaderMap& headers) {
  for (Field& field : headers.fields()) {
    field.flags &= Field::kRemoved;
  }
}

}  // namespace pingap::fuzz
