// Bodies: cut anywhere the outcome is the same, and chunks that we write give the body again.
#include <array>

#include "head_laws.h"
#include "http/h1/body_reader.h"
#include "http/h1/serializer.h"

namespace pingap::fuzz {
namespace {

using http::Framing;
using http::h1::BodyReader;
using Kind = BodyReader::Kind;

// What came of a body.
struct Body {
  std::string data;
  std::string trailers;
  std::string rest;  // behind the end
  ErrorCode error = ErrorCode::none;
  bool ended = false;

  bool operator==(const Body&) const = default;
};

class Reader {
 public:
  Reader(Framing framing, uint64_t length) { reader_.start(framing, length); }

  void feed(std::string_view piece) {
    pending_ += piece;
    while (!body_.ended && body_.error == ErrorCode::none) {
      const Exact bytes(pending_);
      const BodyReader::Step step = reader_.next(bytes.view());
      require(step.skip + step.size <= pending_.size(), "no more is taken than is there");
      if (step.kind == Kind::data) {
        require(step.size > 0, "data is not empty");
        body_.data += bytes.view().substr(step.skip, step.size);
      }
      body_.error = step.error;
      body_.ended = step.kind == Kind::end;
      pending_.erase(0, step.skip + step.size);
      if (step.kind == Kind::need_more) {
        require(pending_.empty(), "framing bytes are all taken");
        return;
      }
    }
  }

  Body finish() {
    body_.trailers = reader_.trailers();
    if (body_.ended) {
      body_.rest = pending_;
    } else {
      // Data that an error follows may be handed out before or together with it.
      body_.trailers.clear();
    }
    return body_;
  }

 private:
  BodyReader reader_;
  std::string pending_;
  Body body_;
};

std::string chunked(const Body& body, HeaderMap& trailers) {
  ByteQueue out;
  if (!body.data.empty()) {
    std::array<char, 18> head{};
    out.append({head.data(), http::h1::write_chunk_head(body.data.size(), head.data())});
    out.append(body.data);
    out.append("\r\n");
  }
  http::h1::write_last_chunk(&trailers, out);
  return drain(out);
}

void check_written(const Body& body) {
  std::array<Field, 4096> fields;
  HeaderMap trailers(fields);
  require(http::h1::parse_trailers(body.trailers, trailers), "trailers that were read are fields");
  Reader again(Framing::chunked, 0);
  again.feed(chunked(body, trailers));
  const Body second = again.finish();
  if (second.error == ErrorCode::bad_trailer) {
    return;  // "a:b" became "a: b", and the section too long
  }
  require(second.ended && second.rest.empty(), "what is written is one body");
  require(second.data == body.data, "same data");
}

void run(Input input) {
  const auto framing = static_cast<Framing>(input.seed() % 5);
  const uint64_t length = input.seed() >> 8 & 0xff;
  Reader whole(framing, length);
  whole.feed(input.bytes());
  const Body body = whole.finish();

  Reader cut(framing, length);
  cut.feed({});
  size_t fed = 0;
  for (std::string_view rest = input.bytes(); !rest.empty();) {
    const std::string_view piece = input.next_piece(rest);
    fed += piece.size();
    cut.feed(piece);
  }
  require(fed == input.bytes().size(), "all pieces were fed");
  require(cut.finish() == body, "pieces give what the whole gives");
  if (framing == Framing::chunked && body.ended) {
    check_written(body);
  }
}

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::run({data, size});
  return 0;
}
