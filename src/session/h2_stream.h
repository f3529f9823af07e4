// What both ends of an HTTP/2 stream share: body and trailers on their way into frames. Worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/byte_queue.h"
#include "http/h2/head_fields.h"
#include "http/header_map.h"

namespace pingap::session {

class H2Connection;

class H2Stream {
 public:
  H2Stream(H2Connection& connection, int32_t id) noexcept : id_(id), connection_(connection) {}

  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;

  int32_t id() const noexcept { return id_; }

  // Body for a DATA frame: how many bytes there are, and the frame itself.
  struct Piece {
    size_t size = 0;
    bool wait = false;      // nothing now, more later
    bool end = false;       // the last bytes
    bool trailers = false;  // which trailers follow
  };

  Piece promise_piece(size_t most) noexcept;
  // False where what promise_piece() said is not there.
  bool write_frame(std::string_view frame_header, size_t bytes) noexcept;
  void submit_trailers() noexcept;

 protected:
  ~H2Stream() = default;

  // `bytes` of body have become a frame.
  virtual void on_framed(size_t bytes) noexcept = 0;

  // As nghttp2 wants them; it copies what it is given. Valid until the next call.
  static std::span<nghttp2_nv> to_nv(std::span<const http::h2::FieldView> fields) noexcept;
  // Where nghttp2 takes the body from.
  nghttp2_data_provider body_source() noexcept;
  void take_body(ByteQueue& data) noexcept;
  // Nothing more of the body is to be sent but what is in a frame that nghttp2 has begun: its
  // header says how many bytes follow, and those behind it are the next frame.
  void drop_body() noexcept;
  void keep_trailers(const http::HeaderMap& trailers) noexcept;
  // There is more to send.
  void wake() noexcept;

  int32_t id_;
  H2Connection& connection_;
  ByteQueue out_;        // body to be framed
  size_t promised_ = 0;  // bytes of it in the frame that is begun
  std::vector<std::pair<std::string, std::string>> trailers_;
  bool send_over_ = false;  // the end was given to us
};

}  // namespace pingap::session
