// A host that an operator names: "a.com", "a.com:8443", "[::1]:80". Read on the control thread,
// then immutable; any thread.
#pragma once

#include <string>
#include <string_view>

#include "plugin/options.h"

namespace pingap::plugin {

class HostOption {
 public:
  HostOption() = default;

  // Nothing where the text is empty or, which goes to `reader`, no host.
  HostOption(const Located<std::string>& text, config::Reader& reader);

  bool empty() const noexcept { return text_.empty(); }

  std::string_view text() const noexcept { return text_; }

  // Without its port; with the brackets of an IPv6 address.
  std::string_view name() const noexcept { return std::string_view(text_).substr(0, name_size_); }

  // Digits; empty where it names none.
  std::string_view port() const noexcept { return std::string_view(text_).substr(port_at_); }

  // The name as Exchange::host has it.
  std::string_view normal() const noexcept { return normal_; }

 private:
  std::string text_;
  std::string normal_;
  size_t name_size_ = 0;
  size_t port_at_ = 0;
};

}  // namespace pingap::plugin
