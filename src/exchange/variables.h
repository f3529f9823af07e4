// Header values with variables ("$remote_addr", "via ${host}"): compiled at load into a list of
// pieces, put together in the arena of an exchange. docs/variables.md lists the names.
// A Template is built on the control thread, then immutable; any thread renders it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "exchange/exchange.h"
#include "http/field_name.h"
#include "http/head.h"

namespace pingap::exchange {

// What a value of a variable becomes in the text around it.
enum class Escape : uint8_t {
  none,
  html,  // also between quotes of an attribute
  json,  // inside a string
};

class Template {
 public:
  // Text in which `$name` and `${name}` are variables, `$$` is a dollar sign, and a dollar sign
  // before anything else is itself. The error says what is wrong and which names there are.
  static tl::expected<Template, std::string> compile(std::string_view text);
  // The same of a text that is no header's value: it may have several lines.
  static tl::expected<Template, std::string> compile_lines(std::string_view text);

  Template() = default;

  // There is no variable in it: render() returns the same text each time, without a copy.
  bool constant() const noexcept { return ops_.empty(); }

  // The value. It is never more than one line: a control byte that a variable brings is escaped
  // as %XX (security.md HS-07). A variable that has no value is empty.
  // What is not a view into `x` is in its arena.
  std::string_view render(Exchange& x) const noexcept;
  // The same, with the values of variables escaped for the text that they stand in.
  std::string_view render(Exchange& x, Escape escape) const noexcept;

 private:
  enum class Kind : uint8_t {
    literal,
    member,    // a text of Exchange
    argument,  // $arg_NAME
    known,     // $auth_NAME
    header,    // $http_NAME
    cookie,    // $cookie_NAME
    method,
    msec,
    path,
    protocol,
    query,
    reason,
    remote_port,
    request_id,
    request_uri,
    server_port,
    span_id,
    status,
    status_text,
    time_iso8601,
    trace_id,
    upstream_status,
    uri,
  };

  struct Op {
    Kind kind;
    std::string text = {};                // literal text, or the NAME
    http::FieldName name{std::string{}};  // of a header
    std::string_view Exchange::* member = nullptr;
  };

  struct Name {
    std::string_view text;
    Kind kind;
    std::string_view Exchange::* member = nullptr;
  };

  static std::span<const Name> names() noexcept;

  tl::expected<void, std::string> add_variable(std::string_view name, std::string& literal);
  static std::string_view value_of(const Op& op, Exchange& x) noexcept;

  std::string constant_;
  std::vector<Op> ops_;  // empty: constant_ is all
};

}  // namespace pingap::exchange
