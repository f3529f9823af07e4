// [locations.NAME]: which requests go where, and how they are changed on the way.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

constexpr Range kPriorities{-1'000'000, 1'000'000};
constexpr Range kRetries{0, 20};

// In the order of PathType, without `any`, which is no path.
constexpr std::array<std::string_view, 3> kPathTypes = {"exact", "prefix", "regex"};
constexpr std::array<std::string_view, 2> kTrailers = {"drop", "pass"};

// May two edits of a list have one name?
enum class Repeats : bool { no, yes };

std::vector<HeaderEdit> read_edits(Reader& reader, const Field& field, EditOf message,
                                   Repeats repeats) {
  std::vector<HeaderEdit> out;
  for (FieldMatch& pair : reader.pairs(field)) {
    if (!pair.value) {
      reader.error(pair.at, {quote(pair.name) + " is not a header", R"("Name: value")", {}});
      continue;
    }
    if (!reader.check(pair.at, check_header_name(pair.name)) ||
        !reader.check(pair.at, check_header_value(*pair.value)) ||
        !reader.check(pair.at, check_header_edit(pair.name, message))) {
      continue;
    }
    const auto same = [&pair](const HeaderEdit& other) { return iequals(other.name, pair.name); };
    if (repeats == Repeats::no && std::ranges::any_of(out, same)) {
      reader.error(pair.at,
                   {fmt::format("{} is in {} twice", quote(pair.name), quote(field.key)), {}, {}});
      continue;
    }
    out.push_back({std::move(pair.name), std::move(*pair.value), pair.at});
  }
  return out;
}

std::vector<Located<std::string>> read_removals(Reader& reader, const Field& field,
                                                EditOf message) {
  auto names = reader.list(field, Commas::yes);
  std::erase_if(names, [&](const Located<std::string>& name) {
    return !reader.check(name.at, check_header_name(name.value)) ||
           !reader.check(name.at, check_header_edit(name.value, message));
  });
  return names;
}

// HTTP/1.1 wants exactly one Host (RFC 9112 3.2).
void refuse_host(Reader& reader, Position at, std::string_view name, std::string_view verb) {
  if (iequals(name, "Host")) {
    reader.error(at, {fmt::format("`Host` cannot be {}: every request has exactly one", verb),
                      {},
                      "to change it use proxy_set_headers"});
  }
}

void read_hosts(Reader& reader, const Field& field, LocationDraft& out) {
  // A comma may be part of a regex.
  const bool regex =
      field.value.kind == ValueKind::string && trim(field.value.text).starts_with('~');
  auto hosts = reader.list(field, regex ? Commas::no : Commas::yes);
  for (Located<std::string>& host : hosts) {
    if (!reader.check(host.at, check_host(host.value))) {
      continue;
    }
    if (!host.value.starts_with('~')) {
      std::ranges::transform(host.value, host.value.begin(), to_lower);
    }
    const auto same = [&host](const Located<std::string>& one) { return one.value == host.value; };
    if (std::ranges::none_of(out.location.hosts, same)) {
      out.location.hosts.push_back(std::move(host));
    }
  }
}

void read_origins(Reader& reader, const Field& field, LocationDraft& out) {
  for (Located<std::string>& origin : reader.list(field, Commas::yes)) {
    std::ranges::transform(origin.value, origin.value.begin(), to_lower);
    if (origin.value == kMissingOrigin || reader.check(origin.at, check_origin(origin.value))) {
      out.location.ws_allowed_origins.push_back(std::move(origin.value));
    }
  }
}

void read_path_type(Reader& reader, const Field& field, LocationDraft& out) {
  if (const auto found = reader.choice(field, kPathTypes)) {
    out.location.path_type = static_cast<PathType>(*found + 1);
    out.path_type_at = field.value.at;
  }
}

void read_rewrite(Reader& reader, const Field& field, LocationDraft& out) {
  Located<std::string> rewrite;
  if (reader.text(field, rewrite) && reader.check(rewrite.at, check_rewrite(rewrite.value))) {
    out.location.rewrite = std::move(rewrite);
  }
}

void read_retry_on(Reader& reader, const Field& field, LocationDraft& out) {
  Retries& retries = out.location.retries;
  retries.connect = retries.reset = retries.bad_response = false;
  for (const Located<std::string>& one : reader.list(field, Commas::yes)) {
    if (one.value == "connect") {
      retries.connect = true;
    } else if (one.value == "reset") {
      retries.reset = true;
    } else if (one.value == "timeout") {
      retries.timeout = true;
    } else if (one.value == "bad_response") {
      retries.bad_response = true;
    } else if (one.value != "off" && !retries.statuses.add(one.value)) {
      reader.error(one.at, {quote(one.value) + " is no reason to try again",
                            R"("connect", "reset", "timeout", "bad_response", "off", a status )"
                            R"(like "503", "5xx" or "502-504")",
                            {}});
    }
  }
}

void read_priority(Reader& reader, const Field& field, LocationDraft& out) {
  if (const auto number = reader.integer(field, kPriorities)) {
    out.location.priority = static_cast<int32_t>(*number);
  }
}

constexpr Key<LocationDraft> kKeys[] = {
    {{"upstream", "", "name of an upstream", "required without plugins"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.text(field, out.location.upstream);
     }},
    {{"host", "", "list of hosts", "any"}, read_hosts},
    {{"path", "", "path or regex", "any"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.text(field, out.location.path);
     }},
    {{"path_type", "", "path type", "\"prefix\""}, read_path_type},
    {{"priority", "weight", "integer", "0"}, read_priority},
    {{"methods", "", "list of methods", "any"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_methods(reader, field, out.location.methods);
     }},
    {{"match_headers", "", "conditions", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_match_headers(reader, field, out.location.match_headers);
     }},
    {{"match_query", "", "conditions", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.match_query = read_matches(reader, field);
     }},
    {{"match_cookies", "", "conditions", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.match_cookies = read_matches(reader, field);
     }},
    {{"rewrite", "", "rewrite", "\"\""}, read_rewrite},
    {{"headers_add", "", "headers", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.headers_add = read_edits(reader, field, EditOf::response, Repeats::yes);
     }},
    {{"headers_remove", "", "list of header names", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.headers_remove = read_removals(reader, field, EditOf::response);
     }},
    {{"headers_set", "", "headers", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.headers_set = read_edits(reader, field, EditOf::response, Repeats::no);
     }},
    {{"proxy_set_headers", "", "headers", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.proxy_set_headers = read_edits(reader, field, EditOf::request, Repeats::no);
     }},
    {{"proxy_add_headers", "", "headers", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.proxy_add_headers = read_edits(reader, field, EditOf::request, Repeats::yes);
       for (const HeaderEdit& edit : out.location.proxy_add_headers) {
         refuse_host(reader, edit.at, edit.name, "added");
       }
     }},
    {{"proxy_remove_headers", "", "list of header names", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       out.location.proxy_remove_headers = read_removals(reader, field, EditOf::request);
       for (const Located<std::string>& name : out.location.proxy_remove_headers) {
         refuse_host(reader, name.at, name.value, "removed");
       }
     }},
    {{"client_max_body_size", "", "size", "0"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.size(field, out.location.client_max_body_size);
     }},
    {{"request_buffering", "", "boolean", "false"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.boolean(field, out.location.request_buffering);
     }},
    {{"response_buffering", "", "boolean", "false"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.boolean(field, out.location.response_buffering);
     }},
    {{"trailers", "", "`\"drop\"` or `\"pass\"`", "\"drop\""},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       if (const auto found = reader.choice(field, kTrailers)) {
         out.location.pass_trailers = *found == 1;
       }
     }},
    {{"websocket", "", "boolean", "true"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.boolean(field, out.location.websocket);
     }},
    {{"ws_allowed_origins", "", "list of origins", "any"}, read_origins},
    {{"grpc_web", "", "boolean", "false"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.boolean(field, out.location.grpc_web.value);
       out.location.grpc_web.at = field.value.at;
     }},
    {{"connection_timeout", "", "duration", "the upstream's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, out.location.timeouts.connect);
     }},
    {{"read_timeout", "", "duration", "the upstream's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, out.location.timeouts.read);
     }},
    {{"write_timeout", "", "duration", "the upstream's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, out.location.timeouts.write);
     }},
    {{"request_timeout", "", "duration", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, out.location.timeouts.total);
     }},
    {{"max_retries", "", "integer", "2"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       uint32_t most = 0;
       if (reader.integer(field, kRetries, most)) {
         out.location.retries.most = most;
       }
     }},
    {{"max_retry_window", "", "duration", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, Zero::refused, out.location.retries.window);
     }},
    {{"try_timeout", "", "duration", "read_timeout"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, Zero::refused, out.location.retries.per_try);
     }},
    {{"hedge_after", "", "duration", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, Zero::refused, out.location.retries.hedge_after);
       out.hedge_at = field.value.at;
     }},
    {{"retry_on", "", "list of reasons", "[\"connect\", \"reset\", \"bad_response\"]"},
     read_retry_on},
    {{"retry_any_method", "", "boolean", "false"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.boolean(field, out.location.retries.any_method);
     }},
    {{"tunnel_timeout", "", "duration", "\"1h\""},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       reader.duration(field, out.location.timeouts.tunnel);
     }},
    {{"access_log", "", "log", "the server's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_access_log(reader, field, out.location.access_log);
     }},
    {{"access_log_format", "", "log format", "the server's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_access_log_format(reader, field, out.location.access_log);
     }},
    {{"access_log_status", "", "list of statuses", "the server's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_access_log_status(reader, field, out.location.access_log);
     }},
    {{"access_log_min_duration", "", "duration", "the server's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_access_log_min_duration(reader, field, out.location.access_log);
     }},
    {{"access_log_sample", "", "integer", "the server's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_access_log_sample(reader, field, out.location.access_log);
     }},
    {{"access_log_redact", "", "list of names", "the server's"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_access_log_redact(reader, field, out.location.access_log);
     }},
    {{"plugins", "", "list of plugins", "none"},
     [](Reader& reader, const Field& field, LocationDraft& out) {
       read_plugins(reader, field, out.location.plugins);
     }},
};

constexpr Foreign kForeign[] = {
    {"max_processing", ""},
    {"includes", ""},
    {"remark", "write it as a comment"},
    {"enable_reverse_proxy_headers",
     "remove it: X-Forwarded-* and X-Real-IP are always sent to the backend"},
};

// The original's spelling: "= /x" and "~ ^/re".
void take_path_sign(LocationDraft& draft, Reader& reader) {
  Location& location = draft.location;
  const char sign = location.path.value.empty() ? '\0' : location.path.value.front();
  if (sign != '=' && sign != '~') {
    return;
  }
  location.path.value = std::string(trim(std::string_view(location.path.value).substr(1)));
  if (draft.path_type_at.line > 0) {
    reader.error(location.path.at,
                 {fmt::format("the sign `{}` and `path_type` say the same thing", sign),
                  {},
                  "keep `path_type` and drop the sign"});
    return;
  }
  location.path_type = sign == '=' ? PathType::exact : PathType::regex;
}

void check_hedging(const LocationDraft& draft, Reader& reader) {
  const Retries& retries = draft.location.retries;
  const milliseconds none{0};
  if (retries.hedge_after == none) {
    return;
  }
  if (retries.most == 0U) {
    reader.error(draft.hedge_at, {"`hedge_after` does nothing with `max_retries = 0`",
                                  {},
                                  "a second try is a retry: allow one, or drop `hedge_after`"});
  }
  if (retries.per_try != none && retries.hedge_after >= retries.per_try) {
    reader.error(draft.hedge_at, {"`hedge_after` is not below `try_timeout`",
                                  {},
                                  "the first try would be over before the second one begins"});
  }
}

}  // namespace

const Schema<LocationDraft> kLocationSchema{kKeys, kForeign};

Location finish(LocationDraft draft, Reader& reader) {
  Location& location = draft.location;
  take_path_sign(draft, reader);
  check_hedging(draft, reader);
  if (location.path.value.empty()) {
    if (location.path_type != PathType::any) {
      reader.error(draft.path_type_at.line > 0 ? draft.path_type_at : location.path.at,
                   {"`path_type` without `path`", {}, {}});
    }
    location.path_type = PathType::any;
    return std::move(location);
  }
  if (location.path_type == PathType::any) {
    location.path_type = PathType::prefix;
  }
  if (!reader.check(location.path.at, check_path(location.path.value, location.path_type))) {
    location.path.value.clear();  // said once is enough
    location.path_type = PathType::any;
  }
  return std::move(location);
}

}  // namespace pingap::config
