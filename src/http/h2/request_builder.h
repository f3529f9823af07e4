// Makes a request head, or a trailer section, of the fields that HPACK has decoded. Pure.
// What HeadRules has checked already (pseudo-fields, forbidden fields, lower case, characters of
// names and values) is not checked again; what a request means is (RFC 9113 8.3, RFC 9110 7.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/slab.h"
#include "http/h1/parser.h"
#include "http/h2/field_block.h"
#include "http/head.h"
#include "http/limits.h"

namespace pingap::http::h2 {

class RequestBuilder final : public FieldBlock, public Pooled<RequestBuilder> {
 public:
  // Configured limits may be lower than those of HTTP/2 (limits::kRequestHead, kFields), and are
  // these where they are higher.
  explicit RequestBuilder(const h1::HeadLimits& most = h1::kRequestLimits) noexcept;

  // Takes a copy. Fields beyond the limits are counted and left out.
  void add(const hpack::DecodedField& field) noexcept;

  // The head of a request. Its views hold as long as `head.storage`, its map as long as this.
  ErrorCode finish(End end, RequestHead& head) noexcept;
  // Of a head that is no request: its first line as HTTP/1 would have it, as far as it is known,
  // unchecked. Valid as long as this.
  std::string_view first_line() noexcept;

 private:
  void on_moved(const char* from, const char* to) noexcept override;
  void join_cookies() noexcept;
  bool has_good_target(Method method) const noexcept;
  ErrorCode take_fields(RequestHead& head) noexcept;
  ErrorCode settle_authority(RequestHead& head) const noexcept;
  ErrorCode settle_protocol(End end, RequestHead& head) const noexcept;

  std::string_view method_;
  std::string_view path_;
  std::string_view authority_;
  std::string_view protocol_;
  bool extended_ = false;           // an extended CONNECT: there is a :protocol (RFC 8441 4)
  bool other_scheme_ = false;       // neither http nor https
  Field storage_[limits::kFields];  // of fields()
};

}  // namespace pingap::http::h2
