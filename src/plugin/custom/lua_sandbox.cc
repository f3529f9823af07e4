// What of Lua's own library a script gets: what is not listed here is not there. Left out is all
// that reaches files, processes, other states, byte code, or the limits (string.dump, load, debug,
// ffi, collectgarbage, newproxy), and setfenv, which would change the functions of ours.
#include <array>
#include <cstring>
#include <span>

#include <lua.hpp>

#include "plugin/custom/lua_library.h"
#include "plugin/custom/lua_state.h"
#include "plugin/random.h"

namespace pingap::plugin {
namespace {

constexpr std::array kGlobals = {
    "_G",     "_VERSION",     "assert", "bit",   "coroutine", "error",    "getmetatable", "ipairs",
    "math",   "next",         "os",     "pairs", "pcall",     "rawequal", "rawget",       "rawset",
    "select", "setmetatable", "string", "table", "tonumber",  "tostring", "type",         "unpack",
};
constexpr std::array kString = {"byte", "char",    "format", "len",  "lower",
                                "rep",  "reverse", "sub",    "upper"};
constexpr std::array kOs = {"clock", "date", "difftime", "time"};

// An error inside the handler of the real one would not be counted: hooks do not run there.
constexpr const char* kPrelude =
    "local pcall = pcall\n"
    "local function settle(handler, ok, ...)\n"
    "  if ok then return true, ... end\n"
    "  return false, handler(...)\n"
    "end\n"
    "function xpcall(f, handler, ...) return settle(handler, pcall(f, ...)) end\n";

// Takes everything out of the table on top but what is listed.
void keep_only(lua_State* lua, std::span<const char* const> listed) {
  lua_pushnil(lua);
  while (lua_next(lua, -2) != 0) {
    lua_pop(lua, 1);
    bool keep = false;
    for (const char* one : listed) {
      keep = keep ||
             (lua_type(lua, -1) == LUA_TSTRING && std::strcmp(lua_tostring(lua, -1), one) == 0);
    }
    if (!keep) {
      lua_pushvalue(lua, -1);
      lua_pushnil(lua);
      lua_rawset(lua, -4);
    }
  }
}

void open(lua_State* lua, const char* name, lua_CFunction library) {
  lua_pushcfunction(lua, library);
  lua_pushstring(lua, name);
  lua_call(lua, 1, 0);
}

// A global that was forgotten to be declared `local` would be seen by the next request.
int on_new_global(lua_State* lua) {
  if (LuaState::of(lua).current() != nullptr) {
    return luaL_error(lua,
                      "the global `%s` is new: write `local`, use ctx, or give it a value at the "
                      "top of the script",
                      lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?");
  }
  lua_rawset(lua, 1);
  return 0;
}

void lock_strings(lua_State* lua) {
  lua_pushliteral(lua, "");
  if (lua_getmetatable(lua, -1) != 0) {
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 1);
  }
  lua_pop(lua, 1);
}

void watch_globals(lua_State* lua) {
  lua_createtable(lua, 0, 2);
  lua_pushcfunction(lua, on_new_global);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, LUA_GLOBALSINDEX);
}

}  // namespace

void open_sandbox(lua_State* lua) {
  open(lua, "", luaopen_base);
  open(lua, LUA_STRLIBNAME, luaopen_string);
  open(lua, LUA_TABLIBNAME, luaopen_table);
  open(lua, LUA_MATHLIBNAME, luaopen_math);
  open(lua, LUA_BITLIBNAME, luaopen_bit);
  open(lua, LUA_OSLIBNAME, luaopen_os);
  lua_getglobal(lua, "math");  // the same numbers in each worker would be no random ones
  lua_getfield(lua, -1, "randomseed");
  lua_pushnumber(lua, static_cast<double>(random_bits() >> 12));
  lua_call(lua, 1, 0);
  lua_pop(lua, 1);
  lua_pushvalue(lua, LUA_GLOBALSINDEX);
  keep_only(lua, kGlobals);
  lua_pop(lua, 1);
  lua_getglobal(lua, "string");
  keep_only(lua, kString);
  lua_getglobal(lua, "os");
  keep_only(lua, kOs);
  lua_pop(lua, 2);
  lock_strings(lua);
  if (luaL_loadstring(lua, kPrelude) != 0) {
    lua_error(lua);
  }
  lua_call(lua, 0, 0);
  watch_globals(lua);
}

}  // namespace pingap::plugin
