#include "plugin/custom/lua_state.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>
#include <lua.hpp>

#include "base/strings.h"
#include "plugin/custom/lua_library.h"

namespace pingap::plugin {
namespace {

// Instructions between two looks at the clock.
constexpr int kSlice = 200;
// A call may allocate so many times the memory of its state, garbage and all: what copies a long
// text again and again costs time that no count of instructions sees.
constexpr size_t kChurn = 4;
constexpr uintptr_t kStack = 512 * 1024;  // bytes of the thread's, for one call
constexpr size_t kMaxVariables = 256;
constexpr size_t kMaxError = 512;

constexpr const char* kHookNames[] = {"on_request", "on_response", "on_request_body",
                                      "on_response_body", "on_log"};

Duration processor_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

LuaExchange::~LuaExchange() {
  if (table != 0) {
    state->forget(*this);
  }
}

tl::expected<std::unique_ptr<LuaState>, std::string> LuaState::load(const LuaScript& script,
                                                                    const LuaLimits& limits) {
  std::unique_ptr<LuaState> made(new LuaState(script, limits));
  made->lua_ = lua_newstate(&LuaState::allocate, made.get());
  if (made->lua_ == nullptr) {
    return tl::unexpected<std::string>("max_memory is too small for any script");
  }
  luaJIT_setmode(made->lua_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  made->begin_call();
  const int outcome = lua_cpcall(made->lua_, &LuaState::build, nullptr);
  if (outcome != 0) {
    made->take_error();
    return tl::unexpected(std::move(made->error_));
  }
  made->script_ = nullptr;
  lua_settop(made->lua_, 0);
  lua_rawgeti(made->lua_, LUA_REGISTRYINDEX, made->enter_);
  return made;
}

LuaState::~LuaState() {
  if (lua_ != nullptr) {
    lua_close(lua_);
  }
}

LuaState& LuaState::of(lua_State* lua) noexcept {
  void* self = nullptr;
  lua_getallocf(lua, &self);
  return *static_cast<LuaState*>(self);
}

// ---- limits

void* LuaState::allocate(void* self, void* old, size_t old_size, size_t size) {
  auto& state = *static_cast<LuaState*>(self);
  if (size == 0) {
    state.used_ -= old_size;
    std::free(old);
    return nullptr;
  }
  if (size > old_size) {
    const size_t more = size - old_size;
    if (more > state.limits_.memory - std::min<size_t>(state.limits_.memory, state.used_) ||
        state.allocated_ + more > kChurn * state.limits_.memory) {
      state.use_up(Spent::memory);
      return nullptr;
    }
    state.allocated_ += more;
  }
  void* made = std::realloc(old, size);
  if (made == nullptr) {
    return size <= old_size ? old : nullptr;  // to shrink never fails
  }
  state.used_ += size - old_size;
  return made;
}

void LuaState::begin_call() noexcept {
  ran_ = 0;
  allocated_ = 0;
  stack_ = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  began_ = {};
  spent_ = Spent::nothing;
  pattern_steps_ = limits_.instructions;
  where_[0] = '\0';
  lua_sethook(lua_, &LuaState::on_count, LUA_MASKCOUNT, kSlice);
}

// From here on each instruction fails: a script that catches the error gets no further.
void LuaState::use_up(Spent what) noexcept {
  if (spent_ == Spent::nothing && lua_ != nullptr) {
    spent_ = what;
    lua_sethook(lua_, &LuaState::on_count, LUA_MASKCOUNT, 1);
  }
}

void LuaState::note_time() noexcept {
  const Duration now = processor_time();
  if (began_ == Duration::zero()) {
    began_ = now;
  } else if (now - began_ > limits_.time) {
    use_up(Spent::time);
  }
}

void LuaState::on_count(lua_State* lua, lua_Debug* place) {
  LuaState& self = of(lua);
  if (self.spent_ == Spent::nothing) {
    self.ran_ += kSlice;
    if (self.ran_ > self.limits_.instructions) {
      self.use_up(Spent::instructions);
    } else {
      self.note_time();
    }
  }
  if (self.spent_ == Spent::nothing) {
    return;
  }
  if (self.where_[0] == '\0' && lua_getinfo(lua, "Sl", place) != 0) {
    const auto end = fmt::format_to_n(self.where_.data(), self.where_.size() - 1,
                                      "{}:{}: ", place->short_src, place->currentline);
    *end.out = '\0';
  }
  lua_pushnil(lua);  // there may be no memory for a text
  lua_error(lua);
}

bool LuaState::too_deep() const noexcept {
  return stack_ - reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) > kStack;
}

// ---- calls

int LuaState::build(lua_State* lua) {
  LuaState& self = of(lua);
  open_sandbox(lua);
  open_patterns(lua);
  open_exchange(lua);
  lua_gc(lua, LUA_GCSETPAUSE, 130);
  const std::string& text = self.script_->text;
  if (text.starts_with(LUA_SIGNATURE[0])) {
    return luaL_error(lua, "that is byte code, which nobody can check; the source is needed");
  }
  if (luaL_loadbufferx(lua, text.data(), text.size(), self.script_->name.c_str(), "t") != 0) {
    return lua_error(lua);
  }
  lua_call(lua, 0, 0);
  for (size_t i = 0; i < self.functions_.size(); ++i) {
    lua_getglobal(lua, kHookNames[i]);
    if (lua_isnil(lua, -1)) {
      lua_pop(lua, 1);
      continue;
    }
    if (!lua_isfunction(lua, -1)) {
      return luaL_error(lua, "%s is no function", kHookNames[i]);
    }
    self.functions_[i] = luaL_ref(lua, LUA_REGISTRYINDEX);
  }
  // So that the list of free references is there: letting one go never needs memory then.
  lua_pushboolean(lua, 1);
  luaL_unref(lua, LUA_REGISTRYINDEX, luaL_ref(lua, LUA_REGISTRYINDEX));
  lua_pushcfunction(lua, &LuaState::enter);
  self.enter_ = luaL_ref(lua, LUA_REGISTRYINDEX);
  return 0;
}

bool LuaState::call(LuaCall& call) noexcept {
  current_ = &call;
  begin_call();
  lua_pushvalue(lua_, 1);
  const bool done = lua_pcall(lua_, 0, 0, 0) == 0;
  current_ = nullptr;
  if (!done) {
    take_error();
    lua_settop(lua_, 1);
    if (spent_ == Spent::memory) {
      lua_gc(lua_, LUA_GCCOLLECT, 0);  // most of it was for this call
    }
  }
  return done;
}

int LuaState::enter(lua_State* lua) {
  LuaState& self = of(lua);
  LuaCall& call = *self.current_;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, self.functions_[static_cast<size_t>(call.hook)]);
  if (call.out == nullptr) {
    lua_call(lua, 0, 1);
    if (!lua_isnil(lua, -1)) {
      return luaL_error(lua, "%s has returned something; an answer is given by respond()",
                        kHookNames[static_cast<size_t>(call.hook)]);
    }
    return 0;
  }
  lua_pushlstring(lua, call.chunk.data(), call.chunk.size());
  lua_pushboolean(lua, call.end == End::yes ? 1 : 0);
  lua_call(lua, 2, 1);
  if (lua_isnil(lua, -1)) {
    call.unchanged = true;
    return 0;
  }
  if (lua_type(lua, -1) != LUA_TSTRING) {
    return luaL_error(lua, "%s has to return a string, or nil for what has come",
                      kHookNames[static_cast<size_t>(call.hook)]);
  }
  size_t size = 0;
  const char* made = lua_tolstring(lua, -1, &size);
  call.out->append({made, size});
  return 0;
}

void LuaState::take_error() noexcept {
  constexpr std::string_view kTexts[] = {"", "it has run max_instructions",
                                         "it has run for max_time",
                                         "it has used max_memory, or four times that in one call"};
  error_.clear();
  if (spent_ != Spent::nothing) {
    error_ = fmt::format("{}{}", where_.data(), kTexts[static_cast<size_t>(spent_)]);
  } else if (lua_type(lua_, -1) == LUA_TSTRING) {
    size_t size = 0;
    const char* text = lua_tolstring(lua_, -1, &size);
    error_.assign(text, std::min(size, kMaxError));
  } else {
    error_ = fmt::format("an error that is no text but a {}", luaL_typename(lua_, -1));
  }
}

const exchange::Template* LuaState::variable(std::string_view name) {
  const auto odd = [](char c) {
    return !is_digit(c) && c != '_' && c != '-' && (to_lower(c) < 'a' || to_lower(c) > 'z');
  };
  if (name.empty() || std::ranges::any_of(name, odd)) {
    return nullptr;
  }
  std::string key(name);
  if (const auto known = variables_.find(key); known != variables_.end()) {
    return &known->second;
  }
  auto made = exchange::Template::compile(fmt::format("${{{}}}", name));
  if (!made) {
    return nullptr;
  }
  if (variables_.size() == kMaxVariables) {
    variables_.clear();
  }
  return &variables_.emplace(std::move(key), std::move(*made)).first->second;
}

void LuaState::forget(LuaExchange& kept) noexcept {
  luaL_unref(lua_, LUA_REGISTRYINDEX, kept.table);
  kept.table = 0;
}

}  // namespace pingap::plugin
