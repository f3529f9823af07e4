// string.find, match, gmatch and gsub of a script: Lua's, on patterns whose work is bounded. Inside
// a protected call; no object here has anything to destroy.
#include <algorithm>
#include <cstring>
#include <string_view>

#include <lua.hpp>

#include "plugin/custom/lua_library.h"
#include "plugin/custom/lua_pattern.h"
#include "plugin/custom/lua_state.h"

namespace pingap::plugin {
namespace {

using Outcome = LuaPattern::Outcome;

std::string_view text_at(lua_State* lua, int index) {
  size_t size = 0;
  const char* text = luaL_checklstring(lua, index, &size);
  return {text, size};
}

// A position as Lua counts, from 1 or back from the end, as an offset.
size_t offset_of(lua_Integer position, size_t size) noexcept {
  if (position < 0) {
    position += static_cast<lua_Integer>(size) + 1;
  }
  return position < 1 ? 0 : static_cast<size_t>(position) - 1;
}

void push_capture(lua_State* lua, const LuaPattern& found, size_t i) {
  if (i == 0 && found.captures() == 0) {
    lua_pushlstring(lua, "", 0);
    return;
  }
  const LuaPattern::Capture& one = found.capture(i);
  if (one.position) {
    lua_pushinteger(lua, static_cast<lua_Integer>(one.begin) + 1);
    return;
  }
  const std::string_view text = found.text(one);
  lua_pushlstring(lua, text.data(), text.size());
}

void push_whole(lua_State* lua, const LuaPattern& found, std::string_view subject) {
  lua_pushlstring(lua, subject.data() + found.begin(), found.end() - found.begin());
}

// All groups; without any the whole where `whole` says so.
int push_captures(lua_State* lua, const LuaPattern& found, std::string_view subject, bool whole) {
  const size_t count = found.captures();
  luaL_checkstack(lua, static_cast<int>(count) + 1, "too many groups");
  if (count == 0 && whole) {
    push_whole(lua, found, subject);
    return 1;
  }
  for (size_t i = 0; i < count; ++i) {
    push_capture(lua, found, i);
  }
  return static_cast<int>(count);
}

bool is_plain(std::string_view pattern) noexcept {
  return pattern.find_first_of("^$*+?.([%-") == std::string_view::npos;
}

int find_plain(lua_State* lua, std::string_view subject, std::string_view wanted, size_t from) {
  const void* at = wanted.empty() ? subject.data() + from
                                  : ::memmem(subject.data() + from, subject.size() - from,
                                             wanted.data(), wanted.size());
  if (at == nullptr) {
    lua_pushnil(lua);
    return 1;
  }
  const auto begin = static_cast<const char*>(at) - subject.data();
  lua_pushinteger(lua, begin + 1);
  lua_pushinteger(lua, begin + static_cast<lua_Integer>(wanted.size()));
  return 2;
}

int find_or_match(lua_State* lua, bool find) {
  const std::string_view subject = text_at(lua, 1);
  std::string_view pattern = text_at(lua, 2);
  const size_t from = offset_of(luaL_optinteger(lua, 3, 1), subject.size());
  if (from > subject.size()) {
    lua_pushnil(lua);
    return 1;
  }
  if (find && (lua_toboolean(lua, 4) != 0 || is_plain(pattern))) {
    return find_plain(lua, subject, pattern, from);
  }
  const bool anchored = pattern.starts_with('^');
  pattern.remove_prefix(anchored ? 1U : 0U);
  LuaPattern at(subject, pattern, LuaState::of(lua).pattern_steps());
  switch (at.search(from, anchored)) {
    case Outcome::failed:
      return luaL_error(lua, "%s", at.fault());
    case Outcome::none:
      lua_pushnil(lua);
      return 1;
    case Outcome::found:
      break;
  }
  if (!find) {
    return push_captures(lua, at, subject, true);
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(at.begin()) + 1);
  lua_pushinteger(lua, static_cast<lua_Integer>(at.end()));
  return 2 + push_captures(lua, at, subject, false);
}

int find(lua_State* lua) {
  return find_or_match(lua, true);
}

int match(lua_State* lua) {
  return find_or_match(lua, false);
}

int gmatch_next(lua_State* lua) {
  size_t size = 0;
  const char* text = lua_tolstring(lua, lua_upvalueindex(1), &size);
  const std::string_view subject(text, size);
  text = lua_tolstring(lua, lua_upvalueindex(2), &size);
  LuaPattern at(subject, {text, size}, LuaState::of(lua).pattern_steps());
  const auto from = static_cast<size_t>(lua_tointeger(lua, lua_upvalueindex(3)));
  if (from > subject.size()) {
    return 0;
  }
  switch (at.search(from, false)) {
    case Outcome::failed:
      return luaL_error(lua, "%s", at.fault());
    case Outcome::none:
      return 0;
    case Outcome::found:
      break;
  }
  const size_t next = at.end() == at.begin() ? at.end() + 1 : at.end();
  lua_pushinteger(lua, static_cast<lua_Integer>(next));
  lua_replace(lua, lua_upvalueindex(3));
  return push_captures(lua, at, subject, true);
}

int gmatch(lua_State* lua) {
  text_at(lua, 1);
  text_at(lua, 2);
  lua_settop(lua, 2);
  lua_pushinteger(lua, 0);
  lua_pushcclosure(lua, gmatch_next, 3);
  return 1;
}

// What `%0` to `%9` in a replacement stand for.
void add_replacement(lua_State* lua, luaL_Buffer& to, const LuaPattern& found,
                     std::string_view subject, std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      luaL_addchar(&to, text[i]);
      continue;
    }
    const char what = ++i < text.size() ? text[i] : '\0';
    const auto group = static_cast<size_t>(what - '1');
    if (what == '0' || (what == '1' && found.captures() == 0)) {
      luaL_addlstring(&to, subject.data() + found.begin(), found.end() - found.begin());
    } else if (what >= '1' && what <= '9' && group < found.captures()) {
      push_capture(lua, found, group);
      luaL_addvalue(&to);
    } else if (what == '%') {
      luaL_addchar(&to, '%');
    } else {
      luaL_error(lua, "`%%` in the replacement stands before a group that is there, or `%%`");
    }
  }
}

// By a function or table: nil and false keep what was there.
void add_made(lua_State* lua, luaL_Buffer& to, const LuaPattern& found, std::string_view subject) {
  if (lua_type(lua, 3) == LUA_TTABLE) {
    if (found.captures() == 0) {
      push_whole(lua, found, subject);
    } else {
      push_capture(lua, found, 0);
    }
    lua_gettable(lua, 3);
  } else {
    lua_pushvalue(lua, 3);
    lua_call(lua, push_captures(lua, found, subject, true), 1);
  }
  if (lua_toboolean(lua, -1) == 0) {
    lua_pop(lua, 1);
    push_whole(lua, found, subject);
  } else if (lua_isstring(lua, -1) == 0) {
    luaL_error(lua, "a replacement has to be a string, not a %s", luaL_typename(lua, -1));
  }
  luaL_addvalue(&to);
}

int substitute(lua_State* lua, LuaPattern& at, std::string_view subject, bool anchored) {
  const bool by_text = lua_isstring(lua, 3) != 0;
  const std::string_view text = by_text ? text_at(lua, 3) : std::string_view{};
  const lua_Integer most = luaL_optinteger(lua, 4, static_cast<lua_Integer>(subject.size()) + 1);
  luaL_Buffer made;
  luaL_buffinit(lua, &made);
  lua_Integer count = 0;
  size_t from = 0;
  while (count < most && from <= subject.size()) {
    const Outcome outcome = at.match_at(from);
    if (outcome == Outcome::failed) {
      return luaL_error(lua, "%s", at.fault());
    }
    const size_t begin = from;
    if (outcome == Outcome::found) {
      ++count;
      if (by_text) {
        add_replacement(lua, made, at, subject, text);
      } else {
        add_made(lua, made, at, subject);
      }
      from = at.end();
    }
    if (from == begin) {
      if (from < subject.size()) {
        luaL_addchar(&made, subject[from]);
      }
      ++from;
    }
    if (anchored) {
      break;
    }
  }
  from = std::min(from, subject.size());
  luaL_addlstring(&made, subject.data() + from, subject.size() - from);
  luaL_pushresult(&made);
  lua_pushinteger(lua, count);
  return 2;
}

int gsub(lua_State* lua) {
  const std::string_view subject = text_at(lua, 1);
  std::string_view pattern = text_at(lua, 2);
  const int type = lua_type(lua, 3);
  luaL_argcheck(
      lua,
      type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TTABLE || type == LUA_TFUNCTION, 3,
      "a string, function or table");
  lua_settop(lua, 4);
  const bool anchored = pattern.starts_with('^');
  pattern.remove_prefix(anchored ? 1U : 0U);
  LuaState& state = LuaState::of(lua);
  if (state.too_deep()) {
    return luaL_error(lua, "functions called by gsub call gsub, too deep");
  }
  LuaPattern at(subject, pattern, state.pattern_steps());
  return substitute(lua, at, subject, anchored);
}

}  // namespace

void open_patterns(lua_State* lua) {
  lua_getglobal(lua, "string");
  constexpr luaL_Reg kFunctions[] = {
      {"find", find}, {"match", match}, {"gmatch", gmatch}, {"gsub", gsub}, {nullptr, nullptr}};
  luaL_register(lua, nullptr, kFunctions);
  lua_pop(lua, 1);
}

}  // namespace pingap::plugin
