// forward_auth: another server says who may come. It is asked with the head of the request, by GET:
//   2xx            the request goes on, with fields of its answer
//   3xx, 4xx       that answer is the client's
//   anything else  503: a server that does not work lets nobody in
#include <algorithm>

#include "base/strings.h"
#include "config/suggest.h"
#include "config/syntax.h"
#include "http/field_name.h"
#include "plugin/auth/credentials.h"
#include "plugin/auth/kinds.h"
#include "plugin/fields.h"
#include "plugin/forwarded.h"
#include "plugin/headers.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using http::HeaderId;

// Of an answer that goes to the client. A page behind a redirect has more, and is not sent by it.
constexpr size_t kMostBody = 64 << 10;

struct Settings {
  Located<std::string> upstream;
  exchange::Template path;
  std::string host;
  std::vector<Located<std::string>> request_headers;
  std::vector<config::FieldMatch> set_headers;
  std::vector<Located<std::string>> response_headers;
  std::vector<Located<std::string>> client_headers;
  milliseconds timeout{10'000};
};

constexpr Option<Settings> kOptions[] = {
    {{"upstream", "", Type::text, "required", "where the server is that knows"},
     &Settings::upstream},
    {{"path", "", Type::variable, "required", "what it is asked for, such as \"/verify\""},
     &Settings::path},
    {{"host", "", Type::text, "the server's own", "the Host that it is asked for"},
     &Settings::host},
    {{"request_headers", "", Type::list, "all",
      "fields of the request that it gets; those about a body it never does"},
     &Settings::request_headers},
    {{"set_headers", "", Type::pairs, "none", "\"Name: value\": more fields for it"},
     &Settings::set_headers},
    {{"response_headers", "add_headers", Type::list, "none",
      "fields of its answer that the backend gets; a client's own are removed"},
     &Settings::response_headers},
    {{"client_headers", "", Type::list, "none",
      "fields of its answer that the client gets with the backend's, such as \"Set-Cookie\""},
     &Settings::client_headers},
    {{"timeout", "", Type::duration, "\"10s\"", "for its answer", {}, {1, 0}}, &Settings::timeout},
};

struct State {
  Subresponse got;
  bool passed = false;
};

// A field of the server's answer that goes on.
struct Passed {
  http::FieldName name;
  std::string variable;  // "remote_user" of "Remote-User": $auth_remote_user
};

bool is_bad_in_target(char c) noexcept {
  const auto byte = static_cast<uint8_t>(c);
  return byte <= ' ' || byte >= 0x7f || c == '#';
}

// What variables bring cannot end the target (RFC 9112 3.2).
std::string_view safe_target(std::string_view text, Arena& arena) noexcept {
  const auto bad = static_cast<size_t>(std::ranges::count_if(text, is_bad_in_target));
  if (bad == 0 && text.starts_with('/')) {
    return text;
  }
  constexpr std::string_view kHex = "0123456789ABCDEF";
  char* const out = arena.make_array<char>(text.size() + 2 * bad + 1);
  char* to = out;
  if (!text.starts_with('/')) {
    *to++ = '/';
  }
  for (const char c : text) {
    if (is_bad_in_target(c)) {
      *to++ = '%';
      *to++ = kHex[static_cast<uint8_t>(c) >> 4];
      *to++ = kHex[static_cast<uint8_t>(c) & 15];
    } else {
      *to++ = c;
    }
  }
  return {out, static_cast<size_t>(to - out)};
}

ErrorCode reason_for(uint16_t status) noexcept {
  switch (status) {
    case 403:
      return ErrorCode::forbidden;
    case 429:
      return ErrorCode::rate_limited;
    default:
      return ErrorCode::unauthorized;
  }
}

class ForwardAuth final : public Plugin {
 public:
  ForwardAuth(Settings settings, FieldList fields, std::vector<http::FieldName> asked,
              std::vector<Passed> passed, std::vector<http::FieldName> client) noexcept
      : settings_(std::move(settings)),
        fields_(std::move(fields)),
        asked_(std::move(asked)),
        passed_(std::move(passed)),
        client_(std::move(client)) {}

  uint8_t hooks() const noexcept override {
    return client_.empty() ? kRequest : kRequest | kResponse;
  }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    // Before anything else: nobody but the server says what is in them (security.md HS-05).
    for (const Passed& one : passed_) {
      remove_request_header(x, one.name.text());
    }
    auto& state = context.make<State>();
    context.state = &state;
    Subrequest request;
    request.upstream = settings_.upstream.value;
    request.target = safe_target(settings_.path.render(x), x.arena);
    request.authority = settings_.host;
    request.headers = end_to_end_fields(x, Body::no, asked_, fields_.all().size() + 6);
    add_forwarded_fields(x, request.headers);
    request.headers.add("X-Forwarded-Method", x.request.method_text);
    request.headers.add("X-Forwarded-Uri", x.uri.target);
    for (const NamedTemplate& field : fields_.all()) {
      request.headers.remove(std::string_view(field.name));
      add_field(request.headers, field, field.value.render(x));
    }
    request.timeout = settings_.timeout;
    request.max_body = kMostBody;
    context.host.ask(std::move(request), state.got);
    return Verdict::suspend;
  }

  Verdict on_resume(Context& context) const noexcept override {
    auto& state = *static_cast<State*>(context.state);
    const uint16_t status = state.got.head.status;
    if (state.got.error) {
      return context.refuse(503, ErrorCode::plugin_failed, "the auth server gave no answer");
    }
    if (status >= 200 && status < 300) {
      state.passed = true;
      let_in(context.x, state.got.head.headers);
      return Verdict::next;
    }
    if (status < 300 || status >= 500 || status == 304) {
      return context.refuse(503, ErrorCode::plugin_failed, "the auth server failed");
    }
    return relay(context, state.got);
  }

  void on_response(Context& context) const noexcept override {
    const auto* state = static_cast<const State*>(context.state);
    if (state == nullptr || !state->passed) {
      return;
    }
    http::HeaderMap& to = context.x.response.headers;
    to = http::HeaderMap::copy(to, context.x.arena, client_.size());
    for (const http::FieldName& name : client_) {
      for (const http::Field& field : state->got.head.headers.fields()) {
        if (name.is_name_of(field)) {
          to.add(field);
        }
      }
    }
  }

 private:
  void let_in(exchange::Exchange& x, const http::HeaderMap& answer) const noexcept {
    for (const Passed& one : passed_) {
      for (const http::Field& field : answer.fields()) {
        if (one.name.is_name_of(field)) {
          add_request_header(x, one.name.text(), field.value());
          add_known(x, one.variable, field.value());
        }
      }
    }
  }

  // A page of ours where the client's protocol has its own form, or the body is not all there.
  static Verdict relay(Context& context, Subresponse& got) noexcept {
    exchange::Exchange& x = context.x;
    const Verdict verdict = context.refuse(got.head.status, reason_for(got.head.status),
                                           "the auth server let it not in");
    Answer& answer = context.answer;
    const bool whole = !got.cut;
    answer.page = x.grpc || (!whole && got.head.status >= 400);
    answer.headers = http::HeaderMap::copy({}, x.arena, got.head.headers.size() + 2);
    constexpr uint8_t kNever = http::kHopByHop | http::kFromHead;
    for (const http::Field& field : got.head.headers.fields()) {
      const bool of_body =
          field.id == HeaderId::content_type || field.id == HeaderId::content_encoding ||
          field.id == HeaderId::content_language || field.id == HeaderId::etag ||
          field.id == HeaderId::last_modified || field.id == HeaderId::content_disposition;
      if ((http::header_policy(field.id) & kNever) == 0 && field.id != HeaderId::trailer &&
          !(of_body && (answer.page || !whole))) {
        answer.headers.add(field);
      }
    }
    if (!answer.page && whole) {
      answer.body = std::move(got.body);
    }
    return verdict;
  }

  Settings settings_;
  FieldList fields_;
  std::vector<http::FieldName> asked_;
  std::vector<Passed> passed_;
  std::vector<http::FieldName> client_;
};

std::vector<http::FieldName> read_names(const std::vector<Located<std::string>>& from,
                                        std::optional<config::EditOf> message,
                                        config::Reader& reader) {
  std::vector<http::FieldName> names;
  for (const Located<std::string>& name : from) {
    if (reader.check(name.at, config::check_header_name(name.value)) &&
        (!message || reader.check(name.at, config::check_header_edit(name.value, *message)))) {
      names.emplace_back(name.value);
    }
  }
  return names;
}

std::string variable_of(std::string_view name) {
  std::string made(name);
  std::ranges::transform(made, made.begin(), [](char c) { return c == '-' ? '_' : to_lower(c); });
  return made;
}

constexpr config::Foreign kForeign[] = {
    {"auth_url",
     "write its server as an [upstreams.NAME], and here `upstream = \"NAME\"` and `path`"},
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings, kForeign);
  if (making.upstreams != nullptr) {
    making.upstreams->push_back(settings.upstream);
  }
  if (settings.path.constant()) {
    exchange::Exchange nobody{{}};
    const std::string_view path = settings.path.render(nobody);
    if (!path.starts_with('/') || path.find_first_of(" #") != std::string_view::npos) {
      making.reader.error(making.entry.at,
                          {config::quote(path) + " is no path", "\"/verify\"", {}});
    }
  }
  FieldList fields =
      FieldList::compile(settings.set_headers, config::EditOf::request, making.reader);
  auto asked = read_names(settings.request_headers, std::nullopt, making.reader);
  std::vector<Passed> passed;
  for (auto& name : read_names(settings.response_headers, config::EditOf::request, making.reader)) {
    std::string variable = variable_of(name.text());
    passed.push_back({std::move(name), std::move(variable)});
  }
  auto client = read_names(settings.client_headers, config::EditOf::response, making.reader);
  return std::make_shared<ForwardAuth>(std::move(settings), std::move(fields), std::move(asked),
                                       std::move(passed), std::move(client));
}

}  // namespace

const Kind kForwardAuth{"forward_auth",
                        "",
                        "asks another server who may come",
                        Phase::auth,
                        describe_options<kOptions>,
                        make};

}  // namespace pingap::plugin
