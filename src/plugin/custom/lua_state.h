// A script at work: a Lua state with the script loaded into it, for one worker; the sandbox, and
// the limits of a call. docs/plugins-lua.md says what a script sees.
//
// Made on the control thread, then used by one worker alone. What Lua throws never leaves call():
// its frames are those of functions of ours that have nothing to destroy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <tl/expected.hpp>

#include "base/byte_queue.h"
#include "exchange/variables.h"
#include "plugin/custom/access.h"
#include "plugin/plugin.h"

struct lua_State;
struct lua_Debug;  // NOLINT(readability-identifier-naming): not ours

namespace pingap::plugin {

enum class LuaHook : uint8_t { on_request, on_response, on_request_body, on_response_body, on_log };

struct LuaScript {
  std::string name;  // for messages: "[plugins.p]" or "@/path"
  std::string text;
};

struct LuaLimits {
  uint64_t memory = 0;        // bytes of a state
  uint32_t instructions = 0;  // of a call
  Duration time{};            // of a processor, of a call
};

class LuaState;

// What a script keeps of one exchange. Lives as long as that.
struct LuaExchange {
  LuaState* state = nullptr;
  int table = 0;        // its `ctx` among the state's references; 0 = none yet
  bool failed = false;  // it is not asked again about this exchange
  bool answered = false;
  Allowance left;

  LuaExchange() = default;
  LuaExchange(const LuaExchange&) = delete;
  LuaExchange& operator=(const LuaExchange&) = delete;
  ~LuaExchange();
};

// One call of a hook.
struct LuaCall {
  LuaHook hook;
  exchange::Exchange& x;
  Host& host;
  LuaExchange& kept;
  Answer* answer = nullptr;     // of on_request
  std::string_view chunk = {};  // of a body
  End end = End::no;
  ByteQueue* out = nullptr;  // where takes what the script returns
  bool unchanged = false;    // it has returned nil
};

class LuaState {
 public:
  // The error is one line, with the place in the script.
  static tl::expected<std::unique_ptr<LuaState>, std::string> load(const LuaScript& script,
                                                                   const LuaLimits& limits);
  LuaState(const LuaState&) = delete;
  LuaState& operator=(const LuaState&) = delete;
  ~LuaState();

  // A bit for each function that the script has defined.
  bool has(LuaHook hook) const noexcept { return functions_[static_cast<size_t>(hook)] != 0; }

  // False: it has failed, error() says why.
  bool call(LuaCall& call) noexcept;

  const std::string& error() const noexcept { return error_; }

  // Of the libraries' functions: whose state it is, and what is asked of the script just now (null
  // while it is loaded).
  static LuaState& of(lua_State* lua) noexcept;

  LuaCall* current() noexcept { return current_; }

  uint64_t& pattern_steps() noexcept { return pattern_steps_; }

  // A variable as a template that is compiled once; null where there is none of that name.
  const exchange::Template* variable(std::string_view name);

  void forget(LuaExchange& kept) noexcept;

  // The stack of the thread is used up by functions of ours that call the script's.
  bool too_deep() const noexcept;

 private:
  enum class Spent : uint8_t { nothing, instructions, time, memory };

  LuaState(const LuaScript& script, const LuaLimits& limits) : script_(&script), limits_(limits) {}

  static void* allocate(void* self, void* old, size_t old_size, size_t size);
  static void on_count(lua_State* lua, lua_Debug* place);
  static int build(lua_State* lua);
  static int enter(lua_State* lua);

  void begin_call() noexcept;
  void use_up(Spent what) noexcept;
  void note_time() noexcept;
  void take_error() noexcept;

  const LuaScript* script_;  // while it is loaded
  const LuaLimits limits_;
  lua_State* lua_ = nullptr;
  LuaCall* current_ = nullptr;
  std::array<int, 5> functions_{};  // references
  int enter_ = 0;                   // the one of enter()
  size_t used_ = 0;                 // bytes
  size_t allocated_ = 0;            // bytes, in this call, whatever has been freed since
  uint64_t ran_ = 0;                // instructions of this call
  uint64_t pattern_steps_ = 0;      // left to this call
  uintptr_t stack_ = 0;             // of the thread, where this call began
  Duration began_{};                // of this thread's processor time; 0 = not looked yet
  Spent spent_ = Spent::nothing;
  std::array<char, 128> where_{};  // that limit was met
  std::string error_;
  std::unordered_map<std::string, exchange::Template> variables_;
};

}  // namespace pingap::plugin
