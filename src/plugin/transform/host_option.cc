#include "plugin/transform/host_option.h"

#include <algorithm>

#include "base/strings.h"
#include "config/address.h"
#include "config/suggest.h"
#include "http/h1/authority.h"

namespace pingap::plugin {

HostOption::HostOption(const Located<std::string>& text, config::Reader& reader) {
  if (text.value.empty()) {
    return;
  }
  const auto endpoint = config::parse_endpoint(text.value);
  http::h1::Authority parts;
  if (!endpoint || endpoint->kind == config::HostKind::unix_path ||
      !http::h1::split_authority(text.value, parts)) {
    reader.error(text.at, {config::quote(text.value) + " is not a host",
                           R"("a.com", "a.com:8443" or "[::1]:80")",
                           {}});
    return;
  }
  text_ = text.value;
  name_size_ = parts.host.size();
  port_at_ = text_.size() - parts.port.size();
  normal_ = name();
  std::ranges::transform(normal_, normal_.begin(), to_lower);
  if (normal_.ends_with('.')) {
    normal_.pop_back();
  }
}

}  // namespace pingap::plugin
