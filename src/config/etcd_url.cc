#include "config/etcd_url.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/address.h"
#include "config/suggest.h"
#include "config/units.h"

namespace pingap::config {
namespace {

constexpr uint16_t kPort = 2379;
constexpr std::string_view kForm = "etcd://HOST[:PORT],.../PATH?OPTION=VALUE&...";
constexpr std::array<std::string_view, 9> kOptions = {
    "user", "password", "timeout", "connect_timeout", "tls", "ca", "cert", "key", "insecure"};

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Undoes %41; nullopt for what is none, or stands for a control byte.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int value = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
      const int low = high >= 0 ? hex(text[i + 2]) : -1;
      if (low < 0) {
        return std::nullopt;
      }
      value = high * 16 + low;
      i += 2;
    }
    if (value < 0x20 || value == 0x7f) {
      return std::nullopt;
    }
    out += static_cast<char>(value);
  }
  return out;
}

class UrlReader {
 public:
  explicit UrlReader(Environment environment) : environment_(environment) {}

  Parsed<EtcdAddress> read(std::string_view text) {
    text.remove_prefix(kEtcdScheme.size());
    const size_t query = text.find('?');
    std::string_view options = query == std::string_view::npos ? "" : text.substr(query + 1);
    text = text.substr(0, query);
    const size_t slash = std::min(text.find('/'), text.size());
    if (auto bad = read_endpoints(text.substr(0, slash))) {
      return tl::unexpected(std::move(*bad));
    }
    if (auto bad = read_path(text.substr(slash))) {
      return tl::unexpected(std::move(*bad));
    }
    while (!options.empty()) {
      const size_t end = std::min(options.find('&'), options.size());
      if (auto bad = read_option(options.substr(0, end))) {
        return tl::unexpected(std::move(*bad));
      }
      options.remove_prefix(std::min(end + 1, options.size()));
    }
    return finish();
  }

 private:
  using Bad = std::optional<Problem>;

  Bad read_endpoints(std::string_view list) {
    if (list.find('@') != std::string_view::npos) {
      return Problem{
          "an etcd URL has no user in front of its hosts", std::string(kForm),
          fmt::format("use ?user= and &password=, or {} and {}", kEtcdUser, kEtcdPassword)};
    }
    while (!list.empty()) {
      const size_t end = std::min(list.find(','), list.size());
      const std::string_view one = list.substr(0, end);
      list.remove_prefix(std::min(end + 1, list.size()));
      auto endpoint = parse_backend_address(one, kPort);
      if (!endpoint || endpoint->kind == HostKind::unix_path) {
        return Problem{
            quote(one) + " is not an endpoint of etcd", "HOST, HOST:PORT or [IPV6]:PORT", {}};
      }
      std::string text = endpoint->to_string();
      if (std::ranges::find(out_.endpoints, text) == out_.endpoints.end()) {
        out_.endpoints.push_back(std::move(text));
      }
    }
    if (out_.endpoints.empty()) {
      return Problem{"an etcd URL needs a host", std::string(kForm), {}};
    }
    return std::nullopt;
  }

  Bad read_path(std::string_view path) {
    const auto decoded = decode(path);
    out_.path = decoded.value_or("");
    while (out_.path.ends_with('/')) {
      out_.path.pop_back();
    }
    if (out_.path.empty() || out_.path.find("//") != std::string::npos) {
      return Problem{"an etcd URL needs a path: what all keys begin with", std::string(kForm),
                     "etcd://127.0.0.1:2379/pingap"};
    }
    return std::nullopt;
  }

  Bad read_option(std::string_view text) {
    const size_t equals = std::min(text.find('='), text.size());
    const std::string_view name = text.substr(0, equals);
    if (name == "enable_history") {
      return Problem{"option `enable_history` is not supported in this version",
                     {},
                     "remove it: it would have no effect"};
    }
    if (std::ranges::find(kOptions, name) == kOptions.end()) {
      return Problem{fmt::format("unknown option {} of an etcd URL", quote(name)),
                     "one of " + join_names(kOptions, kOptions.size()),
                     did_you_mean(name, kOptions)};
    }
    const auto value = decode(text.substr(std::min(equals + 1, text.size())));
    if (!value || value->empty()) {
      return Problem{fmt::format("option `{}` of an etcd URL has no value that can be used", name),
                     {},
                     "a % is written as %25, an & as %26"};
    }
    return set(name, *value);
  }

  Bad set(std::string_view name, const std::string& value) {
    for (const auto& [text, field] :
         {std::pair{"user", &out_.user}, std::pair{"password", &out_.password},
          std::pair{"ca", &out_.ca}, std::pair{"cert", &out_.cert}, std::pair{"key", &out_.key}}) {
      if (name == text) {
        *field = value;
        return std::nullopt;
      }
    }
    if (name == "tls" || name == "insecure") {
      if (value != "true" && value != "false") {
        return Problem{
            fmt::format("option `{}` of an etcd URL is no boolean", name), "true or false", {}};
      }
      if (name == "tls") {
        tls_ = value == "true";
      } else {
        insecure_ = value == "true";
      }
      return std::nullopt;
    }
    auto duration = parse_duration(value);
    if (!duration || duration->count() == 0) {
      return Problem{fmt::format("option `{}` of an etcd URL is no duration", name),
                     "such as 10s or 500ms",
                     {}};
    }
    (name == "timeout" ? out_.timeout : out_.connect_timeout) = *duration;
    return std::nullopt;
  }

  Parsed<EtcdAddress> finish() {
    if (out_.cert.empty() != out_.key.empty()) {
      return problem("an etcd URL with one of `cert` and `key`", "both or neither");
    }
    const bool files = !out_.ca.empty() || !out_.cert.empty();
    if (tls_ == false && (files || insecure_)) {
      return problem("tls=false with `ca`, `cert` or `insecure` in an etcd URL", {},
                     "remove tls=false");
    }
    out_.tls = tls_.value_or(files || insecure_);
    out_.verify = !insecure_;
    if (out_.user.empty()) {
      out_.user = environment_(kEtcdUser).value_or("");
    }
    if (out_.password.empty() && !out_.user.empty()) {
      out_.password = environment_(kEtcdPassword).value_or("");
    }
    if (out_.user.empty() != out_.password.empty()) {
      return problem("etcd needs a user and a password, or neither", {},
                     fmt::format("set {} and {}", kEtcdUser, kEtcdPassword));
    }
    return std::move(out_);
  }

  Environment environment_;
  EtcdAddress out_;
  std::optional<bool> tls_;
  bool insecure_ = false;
};

}  // namespace

std::string EtcdAddress::to_string() const {
  return fmt::format("{}{}{}", kEtcdScheme, fmt::join(endpoints, ","), path);
}

Parsed<EtcdAddress> parse_etcd_url(std::string_view text, Environment environment) {
  return UrlReader(environment).read(text);
}

std::string shown_url(std::string_view text) {
  if (!is_etcd_url(text)) {
    return std::string(text);
  }
  text = text.substr(0, text.find('?'));
  const size_t at = text.rfind('@');
  return at == std::string_view::npos ? std::string(text)
                                      : std::string(kEtcdScheme) + std::string(text.substr(at + 1));
}

}  // namespace pingap::config
