// Request heads: cut anywhere the outcome is the same, and what we write is what we read.
#include <array>

#include "head_laws.h"
#include "http/h1/refused_line.h"
#include "http/h1/scan.h"
#include "http/h1/serializer.h"
#include "http/limits.h"

namespace pingap::fuzz {
namespace {

using http::RequestHead;

class Request {
 public:
  ParseResult parse(std::string_view bytes, const http::h1::HeadLimits& limits) {
    head = RequestHead();
    head.headers = HeaderMap(fields_);
    return http::h1::parse_request(bytes, limits, head);
  }

  std::string written() const {
    ByteQueue out;
    http::h1::write_request(head, {}, out);
    return drain(out);
  }

  RequestHead head;

 private:
  std::array<Field, 64> fields_{};
};

void check_written(Request& request) {
  if (request.head.authority.empty()) {
    request.head.authority = "a.test";  // HTTP/1.0 without Host: the forwarder names one
  }
  const std::string text = request.written();
  forget_runs(request.head.headers);
  require(request.written() == text, "runs are copied to what fields are written as");

  Request again;
  const Exact bytes(text);
  const ParseResult result = again.parse(bytes.view(), kWideLimits);
  require(result.status == ParseStatus::complete && result.consumed == text.size(),
          "what is written is one head");
  const RequestHead& a = request.head;
  const RequestHead& b = again.head;
  require(a.method == b.method && a.method_text == b.method_text, "same method");
  require(b.target == a.target || b.target == "/" + std::string(a.target), "same target");
  require(a.authority == b.authority, "same authority");
  require(a.framing == b.framing && a.content_length == b.content_length, "same framing");
  require(copied_fields(a.headers) == copied_fields(b.headers), "same fields");
  require(again.written() == text, "written again it is the same");
}

// Whatever it is that was refused, the log shows a token and a word of it.
void check_refused_line(std::string_view bytes) {
  const http::h1::RefusedLine line = http::h1::read_refused_line(bytes);
  require(line.method.empty() || http::h1::is_token(line.method), "a method is a token");
  require(line.target.find_first_of(" \r\n") == std::string_view::npos, "a target is one word");
  require(line.method.size() <= http::limits::kMethod, "a method is bounded");
  require(line.target.size() <= http::limits::kTarget, "a target is bounded");
}

void run(Input input) {
  Request request;
  const auto parse = [&](std::string_view bytes) { return request.parse(bytes, kLimits); };
  check_prefix(input, parse(Exact(input.bytes()).view()), parse);
  check_pieces(input, parse(Exact(input.bytes()).view()), parse);
  const Exact bytes(input.bytes());
  check_refused_line(bytes.view());
  if (parse(bytes.view()).status == ParseStatus::complete) {
    check_written(request);
  }
}

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::run({data, size});
  return 0;
}
