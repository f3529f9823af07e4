#include "plugin/auth/credentials.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "config/syntax.h"
#include "http/params.h"
#include "plugin/headers.h"

namespace pingap::plugin {
namespace {

using Found = Credential::Found;

// A bad escape stands for itself.
std::string_view decode(std::string_view text, Arena& arena) noexcept {
  if (text.find_first_of("%+") == std::string_view::npos) {
    return text;
  }
  char* out = arena.make_array<char>(text.size());
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%' && text.size() - i > 2) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        c = static_cast<char>(high << 4 | low);
        i += 2;
      }
    }
    out[size++] = c;
  }
  return {out, size};
}

// Takes the next part off `list`.
std::string_view take(std::string_view& list, char separator) noexcept {
  const size_t end = std::min(list.find(separator), list.size());
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

void note(Credential& to, std::string_view value) noexcept {
  to.found = to.found == Found::none ? Found::one : Found::several;
  to.value = value;
}

std::string_view cookie_name(std::string_view pair) noexcept {
  return trim(pair.substr(0, pair.find('=')));
}

ErrorCode reason_of(uint16_t status) noexcept {
  switch (status) {
    case 400:
      return ErrorCode::bad_header;
    case 403:
      return ErrorCode::forbidden;
    case 503:
      return ErrorCode::plugin_failed;
    default:
      return ErrorCode::unauthorized;
  }
}

}  // namespace

Credential Place::find(exchange::Exchange& x) const noexcept {
  Credential credential;
  keep_secret(x);
  switch (in_) {
    case In::header:
      for (const http::Field& field : x.request.headers.fields()) {
        if (field_.is_name_of(field)) {
          note(credential, field.value());
        }
      }
      break;
    case In::query:
      find_in_query(x.uri.query, credential);
      credential.value = decode(credential.value, x.arena);
      break;
    case In::cookie:
      for (const http::Field& field : x.request.headers.fields()) {
        if (field.id == http::HeaderId::cookie && !field.removed()) {
          find_in_cookies(field.value(), credential);
        }
      }
      break;
  }
  return credential;
}

void Place::find_in_query(std::string_view query, Credential& credential) const noexcept {
  while (!query.empty()) {
    const std::string_view argument = take(query, '&');
    const size_t equals = argument.find('=');
    if (equals != std::string_view::npos &&
        http::equals_decoded(argument.substr(0, equals), name())) {
      note(credential, argument.substr(equals + 1));
    }
  }
}

void Place::find_in_cookies(std::string_view list, Credential& credential) const noexcept {
  while (!list.empty()) {
    const std::string_view pair = take(list, ';');
    if (pair.find('=') != std::string_view::npos && cookie_name(pair) == name()) {
      note(credential, trim(pair.substr(pair.find('=') + 1)));
    }
  }
}

void Place::keep_secret(exchange::Exchange& x) const noexcept {
  using exchange::SecretName;
  if (in_ != In::cookie) {  // of these the log shows no values anyway
    x.secrets = x.arena.make<SecretName>(SecretName{
        in_ == In::header ? SecretName::In::header : SecretName::In::argument, name(), x.secrets});
  }
}

void Place::hide(exchange::Exchange& x) const noexcept {
  switch (in_) {
    case In::header:
      remove_request_header(x, name());
      return;
    case In::query:
      hide_argument(x);
      return;
    case In::cookie:
      hide_cookie(x);
      return;
  }
}

// The target is canonical, and is so without one of its arguments.
void Place::hide_argument(exchange::Exchange& x) const noexcept {
  const auto is_it = [&](std::string_view argument) {
    return http::equals_decoded(argument.substr(0, argument.find('=')), name());
  };
  char* out = x.arena.make_array<char>(x.uri.path.size() + 1 + x.uri.query.size());
  const char* const begin = out;
  out = std::ranges::copy(x.uri.path, out).out;
  std::string_view query = x.uri.query;
  char separator = '?';
  while (!query.empty()) {
    const std::string_view argument = take(query, '&');
    if (!is_it(argument)) {
      *out = std::exchange(separator, '&');
      out = std::ranges::copy(argument, out + 1).out;
    }
  }
  x.uri.target = {begin, static_cast<size_t>(out - begin)};
  x.uri.path = x.uri.target.substr(0, x.uri.path.size());
  x.uri.has_query = x.uri.target.size() > x.uri.path.size();
  x.uri.query = x.uri.has_query ? x.uri.target.substr(x.uri.path.size() + 1) : std::string_view{};
  x.uri.changed = true;
}

void Place::hide_cookie(exchange::Exchange& x) const noexcept {
  http::HeaderMap& headers = x.request.headers;
  for (http::Field& field : headers.fields()) {
    if (field.id != http::HeaderId::cookie || field.removed()) {
      continue;
    }
    std::string_view rest = field.value();
    std::string_view kept;
    bool found = false;
    while (!rest.empty()) {
      const std::string_view pair = take(rest, ';');
      if (cookie_name(pair) == name()) {
        found = true;
      } else {
        kept = kept.empty() ? trim(pair) : x.arena.concat(kept, "; ", trim(pair));
      }
    }
    if (found && kept.empty()) {
      field.remove();
    } else if (found) {
      field.value_data = kept.data();
      field.value_size = static_cast<uint32_t>(kept.size());
      field.flags &= static_cast<uint8_t>(~http::Field::kCanonical);
    }
  }
}

std::optional<Place> choose_place(const Making& making, const PlaceOptions& options,
                                  std::string_view fallback) {
  const auto set = static_cast<int>(!options.header.empty()) +
                   static_cast<int>(!options.query.empty()) +
                   static_cast<int>(!options.cookie.empty());
  if (set > 1) {
    making.reader.error(making.entry.at,
                        {"credentials stand in one place: `header`, `query` or `cookie`", {}, {}});
    return std::nullopt;
  }
  if (!options.query.empty()) {
    return Place(Place::In::query, options.query);
  }
  if (!options.cookie.empty()) {
    if (!making.reader.check(making.entry.at, config::check_header_name(options.cookie))) {
      return std::nullopt;
    }
    return Place(Place::In::cookie, options.cookie);
  }
  const std::string_view header = set == 0 ? fallback : options.header;
  if (!making.reader.check(making.entry.at, config::check_header_name(header))) {
    return std::nullopt;
  }
  return Place(Place::In::header, header);
}

void check_realm(const Making& making, std::string_view realm) {
  if (!config::is_printable(realm) || realm.find_first_of("\"\\") != std::string_view::npos) {
    making.reader.error(making.entry.at, {"`realm` may have no quotes and no backslash", {}, {}});
  }
}

void add_known(exchange::Exchange& x, std::string_view name, std::string_view value) noexcept {
  x.known = x.arena.make<exchange::Known>(exchange::Known{name, value, x.known});
}

void set_request_fields(exchange::Exchange& x, const FieldList& fields) noexcept {
  for (const NamedTemplate& field : fields.all()) {
    const std::string_view value = field.value.render(x);
    if (value.empty()) {
      remove_request_header(x, field.name);
    } else {
      set_request_header(x, field.name, value);
    }
  }
}

std::optional<std::string_view> strip_scheme(std::string_view text,
                                             std::string_view scheme) noexcept {
  const size_t size = scheme.size();
  if (text.size() < size + 2 || !iequals(text.substr(0, size), scheme) || text[size] != ' ' ||
      text[size + 1] == ' ') {
    return std::nullopt;
  }
  return text.substr(size + 1);
}

Verdict Refuser::refuse(Context& context, const Refusal& refusal) const noexcept {
  if (delay_ <= Duration::zero()) {
    return refuse_now(context, refusal);
  }
  auto* state = static_cast<AuthState*>(context.state);
  if (state == nullptr) {
    state = context.x.arena.make<AuthState>();
    context.state = state;
  }
  state->refusal = context.x.arena.make<Refusal>(refusal);
  context.host.continue_after(delay_);
  return Verdict::suspend;
}

const Refusal* Refuser::pending(const Context& context) noexcept {
  return static_cast<const AuthState*>(context.state)->refusal;
}

Verdict Refuser::refuse_now(Context& context, const Refusal& refusal) noexcept {
  Answer& answer = context.answer;
  answer.headers = http::HeaderMap::copy({}, context.x.arena, 4);
  if (!refusal.challenge.empty()) {
    answer.headers.add("WWW-Authenticate", refusal.challenge);
  }
  if (!refusal.retry_after.empty()) {
    answer.headers.add(http::HeaderId::retry_after, refusal.retry_after);
  }
  // The address may hold a key: no page behind ours is told (security.md KE-03).
  answer.headers.add("Referrer-Policy", "no-referrer");
  return context.refuse(refusal.status, reason_of(refusal.status), refusal.why);
}

}  // namespace pingap::plugin
