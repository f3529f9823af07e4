// What the hash algorithms hash of a request. Built on the control thread, then immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/model.h"
#include "exchange/exchange.h"
#include "http/field_name.h"

namespace pingap::upstream::balancer {

class HashKey {
 public:
  HashKey() : HashKey(config::HashSource::ip, {}) {}

  // `name` is that of the header, cookie or query argument.
  HashKey(config::HashSource source, std::string_view name)
      : source_(source), name_(name), field_(name) {}

  // Nothing where the request has no such header, cookie or argument, so that those without one do
  // not all meet at the same server. Of an IPv6 address its network of 64 bits counts: hosts change
  // the rest of their own accord (RFC 8981).
  std::optional<uint64_t> of(const exchange::Exchange& exchange) const noexcept;

 private:
  config::HashSource source_;
  std::string name_;
  http::FieldName field_;
};

}  // namespace pingap::upstream::balancer
