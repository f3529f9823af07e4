// Cuts what a peer sends into frames. Bodies are handed out as they come, from where they are;
// other frames when they are whole, which costs a copy only where they come in pieces. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/chunk.h"
#include "http/h2/frame.h"

namespace pingap::http::h2 {

class FrameReader {
 public:
  enum class Token : uint8_t {
    more,         // all is looked at
    header,       // header() of the next frame; whoever asks on has found its length right
    frame,        // payload() of it, which is no DATA, is whole
    body,         // payload() is some of the body in DATA
    body_end,     // of the DATA frame
    bad_padding,  // more of it than there is of the frame (RFC 9113 6.1)
    bad_preface,  // it is no HTTP/2 (RFC 9113 3.4)
  };

  enum class Preface : uint8_t { none, expected };

  explicit FrameReader(Preface preface) noexcept
      : phase_(preface == Preface::expected ? Phase::preface : Phase::header) {}

  // Takes it off the front of `in`. Frames of a payload beyond kMaxFrame are the caller's to
  // refuse, at their header.
  Token next(std::string_view& in) noexcept;

  const FrameHeader& header() const noexcept { return header_; }

  // Until the next call.
  std::string_view payload() const noexcept { return payload_; }

  // Some of a frame of this type is here, which is no DATA, and its end is not.
  bool awaits_rest_of(FrameType type) const noexcept {
    return phase_ == Phase::payload && header_.type == type;
  }

  // Of a DATA frame, at its end: bytes that were no body.
  size_t padding() const noexcept { return padding_; }

  // Of this DATA frame a byte of body has come.
  bool had_body() const noexcept { return had_body_; }

 private:
  enum class Phase : uint8_t { preface, header, payload, pad_length, body, padding };

  Token take_preface(std::string_view& in) noexcept;
  Token take_header(std::string_view& in) noexcept;
  Token take_payload(std::string_view& in) noexcept;
  Token take_pad_length(std::string_view& in) noexcept;
  Token take_body(std::string_view& in) noexcept;
  Token take_padding(std::string_view& in) noexcept;

  FrameHeader header_;
  std::string_view payload_;
  ChunkRef kept_;         // the payload of a frame that comes in pieces
  uint32_t left_ = 0;     // of the payload, of the body in it or of its padding
  uint32_t padding_ = 0;  // with the byte that says how much
  Phase phase_;
  uint8_t got_ = 0;  // bytes of the preface, or of start_
  bool had_body_ = false;
  char start_[kFrameHeader];
};

}  // namespace pingap::http::h2
