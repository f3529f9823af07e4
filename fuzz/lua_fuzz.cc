// Any bytes as what a script hands over (names, values, paths, statuses), as a pattern and as the
// text that it is tried on: what is accepted can stand in a message, and nothing is read beside it.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "config/syntax.h"
#include "http/uri.h"
#include "input.h"
#include "plugin/custom/lua_pattern.h"
#include "plugin/custom/lua_state.h"

namespace {

using namespace pingap;
using namespace pingap::plugin;
using fuzz::require;

// The input is a header field of a request; its first byte chooses, a line feed separates.
constexpr const char* kScript = R"(
local function parts()
  local data = request.headers.d
  local at = data:find("\n", 1, true) or #data + 1
  return data:sub(1, at - 1), data:sub(at + 1), data:byte()
end
function on_request()
  local name, value, how = parts()
  how = (how or 0) % 6
  if how == 0 then request.headers[name] = value
  elseif how == 1 then request.add_header(name, value)
  elseif how == 2 then request.path = name
  elseif how == 3 then request.query = name
  elseif how == 4 then respond(tonumber(name) or 200, { [name] = value }, value)
  else request.headers[name] = nil end
end
function on_response()
  local name, value = parts()
  response.status = #name
  response.headers[name] = value
end
)";

class NoHost final : public Host {
 public:
  TimePoint now() const noexcept override { return {}; }

  WallTime wall_time() const noexcept override { return {}; }

  std::shared_ptr<Continuation> continue_later() override { return nullptr; }

  void continue_after(Duration /*pause*/) noexcept override {}

  void at_end(void (* /*destroy*/)(void*), void* /*object*/) noexcept override {}

  uint32_t worker() const noexcept override { return 0; }

  void ask(Subrequest /*what*/, Subresponse& /*to*/) noexcept override {}

  bool send_aside(const Subrequest& /*what*/) noexcept override { return false; }

  void choose_upstream(std::string_view /*name*/) noexcept override {}

  void measure() noexcept override {}

  std::string_view server_timing() noexcept override { return {}; }

  void fail_response(ErrorCode /*why*/) noexcept override {}
};

void check_fields(const http::HeaderMap& headers, config::EditOf message) {
  for (const http::Field& field : headers.fields()) {
    if (field.removed() || field.name() == "d") {
      continue;
    }
    require(!config::check_header_name(field.name()), "a name is a token");
    require(!config::check_header_value(field.value()), "a value has no control bytes");
    require(!config::check_header_edit(field.name(), message), "nothing frames the message");
  }
}

LuaState& state() {
  static const LuaScript script{"=s", kScript};
  static const auto loaded = LuaState::load(script, {1 << 22, 100'000, std::chrono::seconds(1)});
  return **loaded;
}

void hand_over(std::string_view input) {
  exchange::Exchange x{std::span<char>{}};
  NoHost host;
  Answer answer;
  LuaExchange kept;
  kept.state = &state();
  x.request.target = "/a?b";
  x.uri = *http::canonicalize(x.request.target, {}, x.arena);
  x.request.headers = http::HeaderMap::copy({}, x.arena, 4);
  x.request.headers.add("d", input);
  x.response.headers = http::HeaderMap::copy({}, x.arena, 4);
  LuaCall request{LuaHook::on_request, x, host, kept, &answer};
  state().call(request);
  LuaCall response{LuaHook::on_response, x, host, kept};
  state().call(response);
  check_fields(x.request.headers, config::EditOf::request);
  check_fields(x.response.headers, config::EditOf::response);
  check_fields(answer.headers, config::EditOf::response);
  require(answer.status >= 200 && answer.status <= 599, "a status is one");
  require(x.response.status >= 200 && x.response.status <= 599, "a status is one");
  const auto again = http::canonicalize(x.uri.target, {}, x.arena);
  require(again && again->target == x.uri.target, "a target is canonical");
}

void try_pattern(std::string_view pattern, std::string_view subject) {
  uint64_t steps = 20'000;
  LuaPattern at(subject, pattern, steps);
  if (at.search(0, false) != LuaPattern::Outcome::found) {
    return;
  }
  require(at.begin() <= at.end() && at.end() <= subject.size(), "a match is in the text");
  for (size_t i = 0; i < at.captures(); ++i) {
    const LuaPattern::Capture& one = at.capture(i);
    require(one.begin + one.size <= subject.size(), "a group is in the text");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size < 2) {
    return 0;
  }
  if (data[0] % 2 == 0) {
    hand_over(input.substr(1));
    return 0;
  }
  const size_t end = std::min(input.find('\n'), size);
  const fuzz::Exact pattern(input.substr(1, end - 1));
  const fuzz::Exact subject(input.substr(std::min(end + 1, size)));
  try_pattern(pattern.view(), subject.view());
  return 0;
}
