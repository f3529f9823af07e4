// Makes a request head, or a trailer section, of the fields that HPACK has decoded. Pure.
// What the framing library has checked already (nghttp2: pseudo-headers, forbidden fields, lower
// case, characters of names and values) is not checked again; what a request means is (RFC 9113
// 8.3, RFC 9110 7.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/chunk.h"
#include "base/error.h"
#include "base/slab.h"
#include "http/h1/parser.h"
#include "http/head.h"
#include "http/limits.h"

namespace pingap::http::h2 {

class RequestBuilder : public Pooled<RequestBuilder> {
 public:
  // Configured limits may be lower than those of HTTP/2 (limits::kRequestHead, kFields), and are
  // these where they are higher.
  explicit RequestBuilder(const h1::HeadLimits& most = h1::kRequestLimits) noexcept;

  // Takes a copy. Fields beyond the limits are counted and left out.
  void add(std::string_view name, std::string_view value) noexcept;

  // Decoded bytes, as SETTINGS_MAX_HEADER_LIST_SIZE counts them, crumbs of cookies included.
  size_t list_size() const noexcept { return list_size_; }

  // Whether it says how urgent it is (RFC 9218 4).
  bool has_priority() const noexcept { return has_priority_; }

  // The head of a request. Its views hold as long as `head.storage`, its map as long as this.
  ErrorCode finish(End end, RequestHead& head) noexcept;
  // Of a head that is no request: its first line as HTTP/1 would have it, as far as it is known,
  // unchecked. Valid as long as this.
  std::string_view first_line() noexcept;
  // The fields of a trailer section; valid as long as this.
  HeaderMap trailers() noexcept;

 private:
  void add_pseudo(std::string_view name, std::string_view value) noexcept;
  void make_room(size_t bytes) noexcept;
  std::string_view keep(std::string_view text) noexcept;
  void join_cookies() noexcept;
  bool has_good_target(Method method) const noexcept;
  ErrorCode take_fields(RequestHead& head) noexcept;
  ErrorCode settle_authority(RequestHead& head) const noexcept;

  ChunkRef bytes_;
  size_t size_ = 0;  // used of bytes_
  size_t list_size_ = 0;
  size_t count_ = 0;
  size_t most_bytes_;
  size_t most_fields_;
  bool too_large_ = false;
  bool too_many_ = false;
  bool has_priority_ = false;
  bool other_scheme_ = false;  // neither http nor https
  std::string_view method_;
  std::string_view path_;
  std::string_view authority_;
  std::array<Field, limits::kFields> fields_;  // as far as count_ says
};

}  // namespace pingap::http::h2
