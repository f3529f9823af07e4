// Which addresses are in a list of networks, however long: sorted ranges, found by halving. Built
// on the control thread, then immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/ip.h"

namespace pingap::plugin {

class IpSet {
 public:
  void add(const Network& network);
  // To be called once, after the last add().
  void finish();

  bool contains(const IpAddress& ip) const noexcept;

  bool empty() const noexcept { return v4_.empty() && v6_.empty(); }

 private:
  using Bytes = std::array<uint8_t, 16>;

  template <class T>
  struct Span {  // both ends are in it
    T first;
    T last;
  };

  template <class T>
  static void merge(std::vector<Span<T>>& spans);
  template <class T>
  static bool find(const std::vector<Span<T>>& spans, const T& value) noexcept;

  std::vector<Span<uint32_t>> v4_;
  std::vector<Span<Bytes>> v6_;
};

}  // namespace pingap::plugin
