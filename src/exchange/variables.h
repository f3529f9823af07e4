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

// What the variables stand for. The views must outlive what is rendered.
struct VariableContext {
  const http::RequestHead* request = nullptr;  // as received
  std::string_view host;                       // normalised
  std::string_view target;                     // canonical, as are path and query
  std::string_view path;
  std::string_view query;
  std::string_view scheme;
  std::string_view remote_addr;
  std::string_view client_ip;
  std::string_view server_addr;
  std::string_view forwarded_for;  // X-Forwarded-For as sent to the backend
  std::string_view upstream_addr;
  std::string_view server;
  std::string_view location;
  std::string_view upstream;
  uint16_t remote_port = 0;
  uint16_t server_port = 0;
  uint16_t status = 0;  // of the answer; 0 = none yet
  uint16_t upstream_status = 0;
  std::string_view* request_id = nullptr;  // made when it is empty and asked for
};

VariableContext variables_of(Exchange& exchange) noexcept;

// 128 random bits as 32 hex digits.
std::string_view make_request_id(Arena& arena) noexcept;

class Template {
 public:
  // Text in which `$name` and `${name}` are variables, `$$` is a dollar sign, and a dollar sign
  // before anything else is itself. The error says what is wrong and which names there are.
  static tl::expected<Template, std::string> compile(std::string_view text);

  Template() = default;

  // There is no variable in it: render() returns the same text each time, without a copy.
  bool constant() const noexcept { return ops_.empty(); }

  // The value. It is never more than one line: a control byte that a variable brings is escaped
  // as %XX (security.md HS-07). A variable that has no value is empty.
  std::string_view render(const VariableContext& context, Arena& arena) const noexcept;

 private:
  enum class Kind : uint8_t {
    literal,
    argument,  // $arg_NAME
    header,    // $http_NAME
    cookie,    // $cookie_NAME
    client_ip,
    host,
    location,
    method,
    msec,
    path,
    protocol,
    proxy_add_x_forwarded_for,
    query,
    remote_addr,
    remote_port,
    request_id,
    request_uri,
    scheme,
    server,
    server_addr,
    server_port,
    status,
    time_iso8601,
    upstream,
    upstream_addr,
    upstream_status,
    uri,
  };

  struct Op {
    Kind kind;
    std::string text;                     // literal text, or the NAME
    http::FieldName name{std::string{}};  // of a header
  };

  struct Name {
    std::string_view text;
    Kind kind;
  };

  static std::span<const Name> names() noexcept;

  tl::expected<void, std::string> add_variable(std::string_view name, std::string& literal);
  static std::string_view value_of(const Op& op, const VariableContext& context,
                                   Arena& arena) noexcept;

  std::string constant_;
  std::vector<Op> ops_;  // empty: constant_ is all
};

}  // namespace pingap::exchange
