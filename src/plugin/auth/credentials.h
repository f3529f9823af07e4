// Where a client's credentials are in a request, how they are taken out of it, and what a client
// hears that has none. Worker.
#pragma once

#include <optional>
#include <string_view>

#include "http/field_name.h"
#include "plugin/fields.h"
#include "plugin/kind.h"

namespace pingap::plugin {

struct Credential {
  enum class Found : uint8_t {
    none,
    one,
    several,  // who sends two may mean one for us and the other for somebody behind us
  };

  Found found = Found::none;
  std::string_view value;  // in the request or its arena
};

// The one place that credentials may stand in.
class Place {
 public:
  enum class In : uint8_t { header, query, cookie };

  // `name` may not be empty.
  Place(In in, std::string_view name) : in_(in), field_(name) {}

  In in() const noexcept { return in_; }

  std::string_view name() const noexcept { return field_.text(); }

  // It is the header that has schemes: "Bearer", "Basic" (RFC 9110 11.6.2).
  bool has_schemes() const noexcept {
    return in_ == In::header && iequals(name(), "authorization");
  }

  // Also keeps its value out of the log. An argument is decoded.
  Credential find(exchange::Exchange& x) const noexcept;

  // Nobody behind us sees it.
  void hide(exchange::Exchange& x) const noexcept;

 private:
  void find_in_query(std::string_view query, Credential& credential) const noexcept;
  void find_in_cookies(std::string_view list, Credential& credential) const noexcept;
  void keep_secret(exchange::Exchange& x) const noexcept;
  void hide_argument(exchange::Exchange& x) const noexcept;
  void hide_cookie(exchange::Exchange& x) const noexcept;

  In in_;
  http::FieldName field_;  // its name, whatever it is of
};

// The names of three options of which one at most is set.
struct PlaceOptions {
  const std::string& header;
  const std::string& query;
  const std::string& cookie;
};

// The one that is set, else the header `fallback`; what is wrong is said. Control thread.
std::optional<Place> choose_place(const Making& making, const PlaceOptions& options,
                                  std::string_view fallback);
// A realm stands in quotes.
void check_realm(const Making& making, std::string_view realm);

// $auth_NAME is `value` from here on; both outlive the request or are in its arena.
void add_known(exchange::Exchange& x, std::string_view name, std::string_view value) noexcept;

// Puts fields on the request for the backend. A client's own are gone, also where one of ours has
// no value.
void set_request_fields(exchange::Exchange& x, const FieldList& fields) noexcept;

// `text` behind "SCHEME ", in any case (RFC 9110 11.4: one blank); nullopt for another scheme or
// form.
std::optional<std::string_view> strip_scheme(std::string_view text,
                                             std::string_view scheme) noexcept;

// What a client hears that may not come in. Texts outlive the request.
struct Refusal {
  uint16_t status = 401;
  std::string_view why;        // for the log
  std::string_view challenge;  // WWW-Authenticate; empty = none
  std::string_view retry_after;
};

// What context.state of these plugins is, or begins with.
struct AuthState {
  const Refusal* refusal = nullptr;  // that waits
};

// Gives refusals, at once or after a pause: guessing goes slower then.
class Refuser {
 public:
  explicit Refuser(Duration delay = {}) noexcept : delay_(delay) {}

  // context.state is null or an AuthState.
  Verdict refuse(Context& context, const Refusal& refusal) const noexcept;
  // In on_resume(): the refusal that has waited; null where something else has.
  static const Refusal* pending(const Context& context) noexcept;
  static Verdict refuse_now(Context& context, const Refusal& refusal) noexcept;

 private:
  Duration delay_;
};

}  // namespace pingap::plugin
