#include "http/h2/frame_reader.h"

#include <algorithm>

namespace pingap::http::h2 {
FrameReader::Token FrameReader::next(std::string_view& in) noexcept {
  switch (phase_) {
    case Phase::preface:
      return take_preface(in);
    case Phase::header:
      return take_header(in);
    case Phase::payload:
      return take_payload(in);
    case Phase::pad_length:
      return take_pad_length(in);
    case Phase::body:
      return take_body(in);
    case Phase::padding:
      return take_padding(in);
  }
  return Token::more;
}

FrameReader::Token FrameReader::take_preface(std::string_view& in) noexcept {
  const std::string_view rest = kPreface.substr(got_);
  const std::string_view part = in.substr(0, rest.size());
  if (!rest.starts_with(part)) {
    return Token::bad_preface;
  }
  in.remove_prefix(part.size());
  got_ = static_cast<uint8_t>(got_ + part.size());
  if (got_ < kPreface.size()) {
    return Token::more;
  }
  got_ = 0;
  phase_ = Phase::header;
  return take_header(in);
}

FrameReader::Token FrameReader::take_header(std::string_view& in) noexcept {
  kept_.reset();  // between frames nothing is held
  if (got_ == 0 && in.size() >= kFrameHeader) [[likely]] {
    header_ = read_frame_header(in);
    in.remove_prefix(kFrameHeader);
  } else {
    const size_t part = in.copy(start_ + got_, kFrameHeader - got_);
    in.remove_prefix(part);
    got_ = static_cast<uint8_t>(got_ + part);
    if (got_ < kFrameHeader) {
      return Token::more;
    }
    got_ = 0;
    header_ = read_frame_header({start_, kFrameHeader});
  }
  left_ = header_.length;
  padding_ = 0;
  had_body_ = false;
  phase_ = header_.type != FrameType::data ? Phase::payload
           : header_.has(kPadded)          ? Phase::pad_length
                                           : Phase::body;
  return Token::header;
}

FrameReader::Token FrameReader::take_payload(std::string_view& in) noexcept {
  const size_t had = header_.length - left_;
  if (had == 0 && in.size() >= left_) [[likely]] {
    payload_ = in.substr(0, left_);
    in.remove_prefix(left_);
    phase_ = Phase::header;
    return Token::frame;
  }
  if (had == 0 && in.empty()) {
    return Token::more;
  }
  if (had == 0) {
    kept_ = make_chunk();
  }
  const size_t part = in.copy(kept_.data() + had, left_);
  in.remove_prefix(part);
  left_ -= static_cast<uint32_t>(part);
  if (left_ > 0) {
    return Token::more;
  }
  payload_ = {kept_.data(), header_.length};
  phase_ = Phase::header;
  return Token::frame;
}

FrameReader::Token FrameReader::take_pad_length(std::string_view& in) noexcept {
  if (left_ == 0) {
    return Token::bad_padding;
  }
  if (in.empty()) {
    return Token::more;
  }
  const auto pad = static_cast<uint8_t>(in.front());
  in.remove_prefix(1);
  --left_;
  if (pad > left_) {
    return Token::bad_padding;
  }
  padding_ = pad + 1U;
  left_ -= pad;
  phase_ = Phase::body;
  return take_body(in);
}

FrameReader::Token FrameReader::take_body(std::string_view& in) noexcept {
  if (left_ == 0) {
    left_ = padding_ == 0 ? 0 : padding_ - 1;
    phase_ = Phase::padding;
    return take_padding(in);
  }
  if (in.empty()) {
    return Token::more;
  }
  payload_ = in.substr(0, left_);
  in.remove_prefix(payload_.size());
  left_ -= static_cast<uint32_t>(payload_.size());
  had_body_ = true;
  return Token::body;
}

FrameReader::Token FrameReader::take_padding(std::string_view& in) noexcept {
  const size_t part = std::min<size_t>(left_, in.size());
  in.remove_prefix(part);
  left_ -= static_cast<uint32_t>(part);
  if (left_ > 0) {
    return Token::more;
  }
  phase_ = Phase::header;
  return Token::body_end;
}

}  // namespace pingap::http::h2
