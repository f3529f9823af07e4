// What a script finds when it starts. Only inside a protected call.
#pragma once

struct lua_State;

namespace pingap::plugin {

// The part of Lua's own library that reaches nothing outside.
void open_sandbox(lua_State* lua);
// string.find, match, gmatch and gsub.
void open_patterns(lua_State* lua);
// request, response, ctx, var, respond() and log().
void open_exchange(lua_State* lua);

}  // namespace pingap::plugin
