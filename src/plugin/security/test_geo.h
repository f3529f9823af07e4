// For tests: a small database of the MaxMind DB format, version 2. Tests only.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "base/ip.h"

namespace pingap::plugin {

class GeoFile {
 public:
  GeoFile() { nodes_.push_back({}); }

  // IPv4 networks are below ::/96.
  void add(std::string_view network, const std::string& country, const std::string& continent) {
    const Network parsed = *Network::parse(network);
    const size_t skipped = parsed.address.size == 4 ? 96 : 0;
    const size_t bits = skipped + static_cast<size_t>(parsed.prefix);
    const uint32_t record = add_record(country, continent);
    size_t node = 0;
    for (size_t bit = 0; bit < bits; ++bit) {
      const size_t at = bit - skipped;
      const bool one = bit >= skipped && (parsed.address.bytes[at / 8] >> (7 - at % 8) & 1) != 0;
      if (bit + 1 == bits) {
        nodes_[node][one ? 1 : 0] = {Child::data, record};
        return;
      }
      if (nodes_[node][one ? 1 : 0].kind != Child::node) {
        nodes_[node][one ? 1 : 0] = {Child::node, static_cast<uint32_t>(nodes_.size())};
        nodes_.push_back({});
      }
      node = nodes_[node][one ? 1 : 0].value;
    }
  }

  std::string bytes() const {
    const auto count = static_cast<uint32_t>(nodes_.size());
    std::string out;
    for (const auto& node : nodes_) {
      for (const Child& child : node) {
        const uint32_t value = child.kind == Child::node   ? child.value
                               : child.kind == Child::data ? count + 16 + child.value
                                                           : count;
        for (const unsigned shift : {16U, 8U, 0U}) {
          out += static_cast<char>(value >> shift & 0xff);
        }
      }
    }
    out += std::string(16, '\0') + data_ + "\xab\xcd\xefMaxMind.com";
    out += map(9) + text("node_count") + number(6, count) + text("record_size") + number(5, 24) +
           text("ip_version") + number(5, 6) + text("database_type") + text("Test-Country") +
           text("binary_format_major_version") + number(5, 2) +
           text("binary_format_minor_version") + number(5, 0) + text("build_epoch") +
           std::string("\x04\x02\x60\x00\x00\x00", 6) + text("languages") +
           std::string("\x00\x04", 2) + text("description") + map(0);
    return out;
  }

  void write(const std::string& path) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes();
  }

 private:
  struct Child {
    enum Kind : uint8_t { none, node, data };

    Kind kind = none;
    uint32_t value = 0;
  };

  static std::string control(unsigned type, size_t size) {
    return {static_cast<char>(type << 5 | static_cast<unsigned>(size))};
  }

  static std::string map(size_t size) { return control(7, size); }

  static std::string text(const std::string& value) { return control(2, value.size()) + value; }

  static std::string number(unsigned type, uint32_t value) {
    std::string digits;
    for (; value > 0; value >>= 8) {
      digits.insert(digits.begin(), static_cast<char>(value & 0xff));
    }
    return control(type, digits.size()) + digits;
  }

  uint32_t add_record(const std::string& country, const std::string& continent) {
    const auto at = static_cast<uint32_t>(data_.size());
    data_ += map(2) + text("country") + map(1) + text("iso_code") + text(country) +
             text("continent") + map(1) + text("code") + text(continent);
    return at;
  }

  std::vector<std::array<Child, 2>> nodes_;
  std::string data_;
};

}  // namespace pingap::plugin
