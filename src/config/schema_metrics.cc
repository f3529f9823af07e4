// [metrics]: where Prometheus finds its numbers.
#include <array>

#include "config/address.h"
#include "config/schema.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

void read_enabled(Reader& reader, const Field& field, Metrics& out) {
  reader.boolean(field, out.enabled);
}

void read_addr(Reader& reader, const Field& field, Metrics& out) {
  Located<std::string> text;
  if (!reader.text(field, text)) {
    return;
  }
  auto address = parse_listen_address(text.value);
  if (!address) {
    reader.error(text.at, std::move(address.error()));
    return;
  }
  out.addr = {address->to_string(), text.at};
}

// It is compared as it comes: what a client would write otherwise is not taken.
bool is_plain_path(std::string_view path) noexcept {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~/").find(c) != std::string_view::npos;
  };
  for (const char c : path) {
    if (!is_plain(c)) {
      return false;
    }
  }
  return path.starts_with('/');
}

void read_path(Reader& reader, const Field& field, Metrics& out) {
  std::string path;
  if (!reader.text(field, path)) {
    return;
  }
  const bool taken = path == "/healthz" || path == "/readyz" || path == "/state";
  if (!is_plain_path(path) || taken) {
    reader.error(field.value.at,
                 {quote(path) + " cannot be the path of the metrics",
                  "it starts with / and has letters, digits and -._~/ only; /healthz, /readyz "
                  "and /state are taken",
                  {}});
    return;
  }
  out.path = std::move(path);
}

void read_user(Reader& reader, const Field& field, Metrics& out) {
  reader.text(field, out.user);
}

void read_password(Reader& reader, const Field& field, Metrics& out) {
  reader.secret(field, out.password);
}

void read_token(Reader& reader, const Field& field, Metrics& out) {
  reader.secret(field, out.token);
}

constexpr std::array<Key<Metrics>, 6> kKeys = {{
    {{"enabled", "", "boolean", "true"}, read_enabled},
    {{"addr", "", "address", "\"127.0.0.1:9090\""}, read_addr},
    {{"path", "", "string", "\"/metrics\""}, read_path},
    {{"user", "", "string", "\"\""}, read_user},
    {{"password", "", "string", "\"\""}, read_password},
    {{"token", "", "string", "\"\""}, read_token},
}};

}  // namespace

const Schema<Metrics> kMetricsSchema{kKeys, {}};

}  // namespace pingap::config
