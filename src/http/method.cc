#include "http/method.h"

#include <array>

namespace pingap::http {
namespace {

constexpr std::array<std::string_view, 9> kNames = {"GET",     "HEAD",  "POST",  "PUT",    "DELETE",
                                                    "OPTIONS", "PATCH", "TRACE", "CONNECT"};

}  // namespace

Method parse_method(std::string_view text) noexcept {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (text == kNames[i]) {
      return static_cast<Method>(i);
    }
  }
  return Method::other;
}

std::string_view to_string(Method method) noexcept {
  return method == Method::other ? std::string_view{} : kNames[static_cast<size_t>(method)];
}

}  // namespace pingap::http
