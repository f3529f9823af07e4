// What a backend is told of the address that a client came to: X-Forwarded-Proto and, but for a
// unix socket, X-Forwarded-Port. The same for all requests, so made once, as lines behind each
// other: the codec of HTTP/1 copies them in one piece. Any thread: constant.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/header_map.h"

namespace pingap::proxy {

class AskedLines {
 public:
  // `port`: 0 = a unix socket.
  AskedLines(std::string_view scheme, uint16_t port) noexcept;

  AskedLines(const AskedLines&) = delete;
  AskedLines& operator=(const AskedLines&) = delete;

  // They are there as long as this.
  std::span<const http::Field> fields() const noexcept { return {fields_.data(), count_}; }

 private:
  char* add(char* to, http::HeaderId id, std::string_view value) noexcept;

  std::array<char, 64> text_;  // two lines need at most 51
  std::array<http::Field, 2> fields_;
  size_t count_ = 0;
};

}  // namespace pingap::proxy
