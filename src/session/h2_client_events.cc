// What a framer tells a connection to a backend of: heads, ends of streams, room for more.
#include <utility>

#include "session/h2_client_session.h"

namespace pingap::session {
namespace {

using http::h2::Code;
using http::h2::FramedStream;

// How long a backend that has refused a stream gets no further ones.
constexpr Duration kRefusal = std::chrono::seconds(1);

H2ClientStream& ours(FramedStream& stream) noexcept {
  return static_cast<H2ClientStream&>(stream);
}

}  // namespace

// ---- answers ----

FramedStream& H2ClientSession::on_request(int32_t /*id*/) noexcept {
  std::abort();  // a framer of a client has none
}

// With the first byte of an answer its request is not one that can be sent again.
void H2ClientSession::on_frame(const http::h2::FrameHeader& header) noexcept {
  if (header.type == http::h2::FrameType::headers) {
    if (FramedStream* stream = framer_.find(header.stream)) {
      ours(*stream).on_answer_begun();
    }
  }
  H2Connection::on_frame(header);
}

void H2ClientSession::on_head_begun(FramedStream& /*stream*/) noexcept {
  fields_ = std::make_unique<http::h2::ResponseBuilder>();
}

void H2ClientSession::on_field(const http::hpack::DecodedField& field) noexcept {
  fields_->add(field);
}

void H2ClientSession::on_head(FramedStream& stream, Section section, End end) noexcept {
  const std::unique_ptr<http::h2::ResponseBuilder> fields = std::move(fields_);
  if (section == Section::head) {
    take_answer(ours(stream), *fields, end);
    return;
  }
  if (fields->too_large()) {
    ours(stream).refuse(ErrorCode::upstream_bad_framing);
    return;
  }
  http::HeaderMap trailers = fields->trailers();
  ours(stream).on_trailers(trailers);
}

void H2ClientSession::take_answer(H2ClientStream& stream, http::h2::ResponseBuilder& fields,
                                  End end) noexcept {
  http::ResponseHead head;
  if (const ErrorCode why = fields.finish(stream.method(), end, head); why != ErrorCode::none) {
    stream.refuse(why);
  } else if (head.status < 200) {
    stream.on_interim(head);
  } else {
    stream.on_head(head, end);
  }
}

// It is being reset; the sink is told when that is out.
void H2ClientSession::on_malformed_head(FramedStream& /*stream*/) noexcept {
  fields_.reset();
}

void H2ClientSession::on_body(FramedStream& stream, std::string_view bytes) noexcept {
  const Part part = part_of(bytes);
  ours(stream).on_data(in_chunk_, part.begin, part.end);
}

void H2ClientSession::on_body_end(FramedStream& stream) noexcept {
  ours(stream).on_end();
}

// ---- requests ----

void H2ClientSession::on_framed(FramedStream& stream, size_t bytes) noexcept {
  guard_.on_data_sent();
  ours(stream).on_framed(bytes);
}

void H2ClientSession::on_end_sent(FramedStream& /*stream*/) noexcept {
}

// ---- the connection, and ends ----

void H2ClientSession::on_reset(FramedStream* stream, Code code) noexcept {
  if (stream != nullptr) {
    ours(*stream).on_reset_received();
  }
  if (code == Code::refused_stream) {
    refused_until_ = loop_.now() + kRefusal;
  }
}

// A backend opens windows as it likes, by whatever few bytes it has read.
void H2ClientSession::on_window_update(uint32_t /*increment*/, int64_t /*window*/) noexcept {
}

void H2ClientSession::on_settings() noexcept {
  if (!std::exchange(told_settings_, true)) {
    for_each_stream([](H2ClientStream& stream) { stream.on_settings(); });
  }
  changed_ = true;  // there may be room for more
}

void H2ClientSession::on_settings_ack() noexcept {
  changed_ = true;
}

void H2ClientSession::on_ping() noexcept {
  changed_ = true;  // it was asked whether it is there
}

void H2ClientSession::on_goaway() noexcept {
  changed_ = true;  // nothing may be left to wait for
}

void H2ClientSession::on_reset_sent(FramedStream* /*stream*/, Code /*code*/) noexcept {
}

void H2ClientSession::on_stream_closed(FramedStream& closed, Code code) noexcept {
  H2ClientStream& stream = ours(closed);
  forget(stream);
  served_ += stream.has_answer() ? 1U : 0U;
  stream.on_closed(code);
  delete &stream;
}

}  // namespace pingap::session
