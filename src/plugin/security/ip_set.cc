#include "plugin/security/ip_set.h"

#include <algorithm>

namespace pingap::plugin {
namespace {

uint32_t number_of(const IpAddress& ip) noexcept {
  return uint32_t{ip.bytes[0]} << 24 | uint32_t{ip.bytes[1]} << 16 | uint32_t{ip.bytes[2]} << 8 |
         ip.bytes[3];
}

}  // namespace

void IpSet::add(const Network& network) {
  if (network.address.size == 4) {
    const uint32_t host = network.prefix == 0
                              ? ~uint32_t{0}
                              : static_cast<uint32_t>((uint64_t{1} << (32 - network.prefix)) - 1);
    const uint32_t first = number_of(network.address) & ~host;
    v4_.push_back({first, first | host});
    return;
  }
  Span<Bytes> span{network.address.bytes, network.address.bytes};
  for (size_t i = 0; i < 16; ++i) {
    const int bits = std::clamp(network.prefix - static_cast<int>(i) * 8, 0, 8);
    const auto host = static_cast<uint8_t>(0xff >> bits);
    span.first[i] &= static_cast<uint8_t>(~host);
    span.last[i] |= host;
  }
  v6_.push_back(span);
}

// One that lies in another, or begins in it, becomes a part of it.
template <class T>
void IpSet::merge(std::vector<Span<T>>& spans) {
  std::ranges::sort(spans, {}, &Span<T>::first);
  size_t kept = 0;
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first <= spans[kept].last) {
      spans[kept].last = std::max(spans[kept].last, spans[i].last);
    } else {
      spans[++kept] = spans[i];
    }
  }
  if (!spans.empty()) {
    spans.resize(kept + 1);
  }
  spans.shrink_to_fit();
}

void IpSet::finish() {
  merge(v4_);
  merge(v6_);
}

template <class T>
bool IpSet::find(const std::vector<Span<T>>& spans, const T& value) noexcept {
  const auto behind = std::ranges::upper_bound(spans, value, {}, &Span<T>::first);
  return behind != spans.begin() && value <= std::prev(behind)->last;
}

bool IpSet::contains(const IpAddress& ip) const noexcept {
  return ip.size == 4 ? find(v4_, number_of(ip)) : ip.size == 16 && find(v6_, ip.bytes);
}

}  // namespace pingap::plugin
