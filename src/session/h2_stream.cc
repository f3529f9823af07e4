#include "session/h2_stream.h"

#include <algorithm>

#include "session/h2_connection.h"

namespace pingap::session {
namespace {

namespace h2 = http::h2;

// A piece of body shorter than this is copied behind its frame header, so that both are in one
// piece of memory; a longer one is sent from where it is.
constexpr size_t kCopyBelow = 4 * 1024;

ssize_t read_body(nghttp2_session* /*session*/, int32_t /*id*/, uint8_t* /*to*/, size_t most,
                  uint32_t* flags, nghttp2_data_source* source, void* /*user*/) {
  auto& stream = *static_cast<H2Stream*>(source->ptr);
  const H2Stream::Piece piece = stream.promise_piece(most);
  if (piece.wait) {
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (piece.end) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  if (piece.trailers) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    stream.submit_trailers();
  }
  return static_cast<ssize_t>(piece.size);
}

}  // namespace

std::span<nghttp2_nv> H2Stream::to_nv(std::span<const h2::FieldView> fields) noexcept {
  thread_local std::vector<nghttp2_nv> nv;
  nv.clear();
  nv.reserve(fields.size());
  for (const h2::FieldView& field : fields) {
    // It takes pointers to what is not const, and does not write there.
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));  // NOLINT
    };
    nv.push_back({bytes(field.name), bytes(field.value), field.name.size(), field.value.size(),
                  NGHTTP2_NV_FLAG_NONE});
  }
  return nv;
}

nghttp2_data_provider H2Stream::body_source() noexcept {
  nghttp2_data_provider body{};
  body.source.ptr = this;
  body.read_callback = read_body;
  return body;
}

void H2Stream::wake() noexcept {
  nghttp2_session_resume_data(connection_.framing(), id_);
  connection_.flush_later();
}

void H2Stream::keep_trailers(const http::HeaderMap& trailers) noexcept {
  for (const h2::FieldView& field : h2::trailer_fields(trailers)) {
    trailers_.emplace_back(field.name, field.value);
  }
}

void H2Stream::take_body(ByteQueue& data) noexcept {
  if (out_.empty() && data.slices() <= 1) {
    out_.move_from(data, data.size());
    return;
  }
  // While it waits, pieces come of any size, and each would hold the chunk that it was read into.
  out_.share_from(data, kCopyBelow);
  data.clear();
}

void H2Stream::drop_body() noexcept {
  ByteQueue promised;
  promised.move_from(out_, promised_);
  out_ = std::move(promised);
}

H2Stream::Piece H2Stream::promise_piece(size_t most) noexcept {
  const size_t size = std::min(out_.size(), most);
  const bool end = send_over_ && size == out_.size();
  promised_ = size;
  return {
      .size = size, .wait = size == 0 && !end, .end = end, .trailers = end && !trailers_.empty()};
}

void H2Stream::submit_trailers() noexcept {
  std::vector<h2::FieldView> fields;
  fields.reserve(trailers_.size());
  for (const auto& [name, value] : trailers_) {
    fields.push_back({name, value});
  }
  const auto nv = to_nv(fields);
  nghttp2_submit_trailer(connection_.framing(), id_, nv.data(), nv.size());
}

bool H2Stream::write_frame(std::string_view frame_header, size_t bytes) noexcept {
  if (out_.size() < bytes) {
    return false;
  }
  promised_ = 0;
  ByteQueue& out = connection_.output();
  out.append(frame_header);
  out.move_from(out_, bytes, kCopyBelow);
  on_framed(bytes);
  return true;
}

}  // namespace pingap::session
