// Response heads: cut anywhere the outcome is the same, and what we write is what we read.
#include <array>

#include "head_laws.h"
#include "http/h1/serializer.h"

namespace pingap::fuzz {
namespace {

using http::Method;
using http::ResponseHead;

class Response {
 public:
  explicit Response(Method request) : request_(request) {}

  ParseResult parse(std::string_view bytes, const http::h1::HeadLimits& limits) {
    head = ResponseHead();
    head.headers = HeaderMap(fields_);
    return http::h1::parse_response(bytes, limits, request_, head);
  }

  std::string written() const {
    ByteQueue out;
    http::h1::write_response(head, {http::Version::http11, true, false}, out);
    return drain(out);
  }

  ResponseHead head;

 private:
  Method request_;
  std::array<Field, 64> fields_{};
};

void check_written(Response& response, Method request) {
  const std::string text = response.written();
  forget_runs(response.head.headers);
  require(response.written() == text, "runs are copied to what fields are written as");

  Response again(request);
  const Exact bytes(text);
  const ParseResult result = again.parse(bytes.view(), kWideLimits);
  require(result.status == ParseStatus::complete && result.consumed == text.size(),
          "what is written is one head");
  const ResponseHead& a = response.head;
  const ResponseHead& b = again.head;
  require(a.status == b.status && (a.reason.empty() || a.reason == b.reason), "same status");
  require(a.framing == b.framing, "same framing");
  require(a.framing != http::Framing::length || a.content_length == b.content_length,
          "same length");
  require(copied_fields(a.headers) == copied_fields(b.headers), "same fields");
}

void run(Input input) {
  const auto request = static_cast<Method>(input.seed() % 10);
  Response response(request);
  const auto parse = [&](std::string_view bytes) { return response.parse(bytes, kLimits); };
  check_prefix(input, parse(Exact(input.bytes()).view()), parse);
  check_pieces(input, parse(Exact(input.bytes()).view()), parse);
  const Exact bytes(input.bytes());
  if (parse(bytes.view()).status == ParseStatus::complete) {
    check_written(response, request);
  }
}

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::run({data, size});
  return 0;
}
