#include "upstream/balancer/hash_key.h"

#include <algorithm>

#include "base/hash.h"
#include "http/params.h"

namespace pingap::upstream::balancer {
namespace {

std::optional<uint64_t> key_of(const IpAddress& ip) noexcept {
  if (ip.size == 0) {
    return std::nullopt;
  }
  const size_t size = std::min<size_t>(ip.size, 8);
  return hash64({reinterpret_cast<const char*>(ip.bytes.data()), size});
}

}  // namespace

std::optional<uint64_t> HashKey::of(const exchange::Exchange& exchange) const noexcept {
  std::string_view value;
  switch (source_) {
    case config::HashSource::ip:
      return key_of(exchange.client_ip);
    case config::HashSource::header: {
      const http::Field* field = field_.find(exchange.request.headers);
      if (field == nullptr) {
        return std::nullopt;
      }
      value = field->value();
      break;
    }
    case config::HashSource::cookie:
      if (!http::find_cookie(exchange.request.headers, name_, value)) {
        return std::nullopt;
      }
      break;
    case config::HashSource::query:
      if (!http::find_argument(exchange.uri.query, name_, value)) {
        return std::nullopt;
      }
      break;
    case config::HashSource::path:
      value = exchange.uri.path;
      break;
    case config::HashSource::url:
      value = exchange.uri.target;
      break;
  }
  return hash64(value);
}

}  // namespace pingap::upstream::balancer
