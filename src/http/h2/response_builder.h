// Makes a response head, or a trailer section, of the fields that HPACK has decoded. Pure.
// What HeadRules has checked already is not checked again.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/slab.h"
#include "http/h2/field_block.h"
#include "http/head.h"
#include "http/limits.h"

namespace pingap::http::h2 {

class ResponseBuilder final : public FieldBlock, public Pooled<ResponseBuilder> {
 public:
  ResponseBuilder() noexcept : FieldBlock(storage_, limits::kResponseHead) {}

  // Takes a copy. Fields beyond the limits are counted and left out.
  void add(const hpack::DecodedField& field) noexcept;

  // A head, the answer to `request`. `end`: nothing follows it. Its views hold as long as
  // `head.storage`, its map as long as this.
  ErrorCode finish(Method request, End end, ResponseHead& head) noexcept;

 private:
  void on_moved(const char* /*from*/, const char* /*to*/) noexcept override {}

  uint16_t status_ = 0;
  Field storage_[limits::kResponseFields];  // of fields()
};

}  // namespace pingap::http::h2
