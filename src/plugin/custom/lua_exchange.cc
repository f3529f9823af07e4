// What a script sees of the exchange: tables that are empty, and whose fields are read and written
// through functions of ours, so that a call makes nothing that the script does not look at. Inside
// a protected call; no object here has anything to destroy.
#include <string_view>

#include <lua.hpp>

#include "base/log.h"
#include "base/strings.h"
#include "http/params.h"
#include "plugin/custom/access.h"
#include "plugin/custom/lua_library.h"
#include "plugin/custom/lua_state.h"

namespace pingap::plugin {
namespace {

constexpr log::Component kComponent = log::component_of(__FILE__);
constexpr char kPlace = 0;  // in the source, for the log

constexpr size_t kMaxLogLine = 4096;

enum class Message : uint8_t { request, response };

LuaCall& call_of(lua_State* lua) {
  LuaCall* call = LuaState::of(lua).current();
  if (call == nullptr) {
    luaL_error(lua, "there is no request while the script is loaded");
    __builtin_unreachable();  // it does not return
  }
  return *call;
}

std::string_view text_at(lua_State* lua, int index) {
  size_t size = 0;
  const char* text = luaL_checklstring(lua, index, &size);
  return {text, size};
}

int push(lua_State* lua, std::string_view text) {
  lua_pushlstring(lua, text.data(), text.size());
  return 1;
}

int push_or_nil(lua_State* lua, std::string_view text) {
  if (text.empty()) {
    lua_pushnil(lua);
    return 1;
  }
  return push(lua, text);
}

void refuse(lua_State* lua, Refusal why) {
  if (why != nullptr) {
    luaL_error(lua, "%s", why);
  }
}

// Which message a function is about: its first upvalue.
Message message_of(lua_State* lua) {
  return static_cast<Message>(lua_tointeger(lua, lua_upvalueindex(1)));
}

void check_moment(lua_State* lua, const LuaCall& call, Message message) {
  if (message == Message::request && call.hook != LuaHook::on_request) {
    luaL_error(lua, "the request can be changed in on_request only");
  }
  if (message == Message::response && call.hook != LuaHook::on_response) {
    luaL_error(lua, "the response can be changed in on_response only");
  }
}

const http::HeaderMap& headers_of(lua_State* lua, const LuaCall& call, Message message) {
  if (message == Message::response && call.hook == LuaHook::on_request) {
    luaL_error(lua, "there is no response yet");
  }
  return message == Message::request ? call.x.request.headers : call.x.response.headers;
}

// ---- header fields

int get_header(lua_State* lua) {
  const http::HeaderMap& headers = headers_of(lua, call_of(lua), message_of(lua));
  const http::Field* field = headers.find(text_at(lua, 2));
  if (field == nullptr) {
    lua_pushnil(lua);
    return 1;
  }
  return push(lua, field->value());
}

void edit(lua_State* lua, Edit how, std::string_view name, std::string_view value) {
  LuaCall& call = call_of(lua);
  const Message message = message_of(lua);
  check_moment(lua, call, message);
  exchange::Exchange& x = call.x;
  refuse(lua, message == Message::request ? edit_request_field(x, call.kept.left, how, name, value)
                                          : edit_response_field(x.response.headers, x.arena,
                                                                call.kept.left, how, name, value));
}

int set_header(lua_State* lua) {
  const std::string_view name = text_at(lua, 2);
  if (!lua_isnil(lua, 3)) {
    edit(lua, Edit::set, name, text_at(lua, 3));
    return 0;
  }
  LuaCall& call = call_of(lua);
  const Message message = message_of(lua);
  check_moment(lua, call, message);
  refuse(lua, message == Message::request ? drop_request_field(call.x, name)
                                          : drop_response_field(call.x.response.headers, name));
  return 0;
}

int add_header(lua_State* lua) {
  edit(lua, Edit::add, text_at(lua, 1), text_at(lua, 2));
  return 0;
}

// All values of one name, or all fields as {name, value}.
int list_headers(lua_State* lua) {
  const http::HeaderMap& headers = headers_of(lua, call_of(lua), message_of(lua));
  const bool all = lua_isnoneornil(lua, 1);
  const std::string_view wanted = all ? std::string_view{} : text_at(lua, 1);
  lua_newtable(lua);
  int count = 0;
  for (const http::Field& field : headers.fields()) {
    if (field.removed() || (!all && !iequals(field.name(), wanted))) {
      continue;
    }
    if (all) {
      lua_createtable(lua, 2, 0);
      push(lua, field.name());
      lua_rawseti(lua, -2, 1);
      push(lua, field.value());
      lua_rawseti(lua, -2, 2);
    } else {
      push(lua, field.value());
    }
    lua_rawseti(lua, -2, ++count);
  }
  return 1;
}

// ---- request

struct RequestField {
  std::string_view name;
  std::string_view (*get)(const exchange::Exchange& x);
};

constexpr RequestField kRequestFields[] = {
    {"path", [](const exchange::Exchange& x) { return x.uri.path; }},
    {"query", [](const exchange::Exchange& x) { return x.uri.query; }},
    {"method", [](const exchange::Exchange& x) { return x.request.method_text; }},
    {"host", [](const exchange::Exchange& x) { return x.host; }},
    {"client_ip", [](const exchange::Exchange& x) { return x.client_text; }},
    {"remote_addr", [](const exchange::Exchange& x) { return x.peer_text; }},
    {"scheme", [](const exchange::Exchange& x) { return x.scheme; }},
    {"protocol", [](const exchange::Exchange& x) { return to_string(x.request.version); }},
    {"target", [](const exchange::Exchange& x) { return x.request.target; }},
};

int get_request(lua_State* lua) {
  const std::string_view name = text_at(lua, 2);
  for (const RequestField& one : kRequestFields) {
    if (one.name == name) {
      return push(lua, one.get(call_of(lua).x));
    }
  }
  return luaL_error(lua, "request has no `%s`", luaL_checkstring(lua, 2));
}

int set_request(lua_State* lua) {
  LuaCall& call = call_of(lua);
  check_moment(lua, call, Message::request);
  const std::string_view name = text_at(lua, 2);
  const bool nothing = lua_isnil(lua, 3);
  if (name == "path") {
    refuse(lua, set_path(call.x, call.kept.left, text_at(lua, 3)));
  } else if (name == "query") {
    refuse(lua, set_query(call.x, call.kept.left, nothing ? std::string_view{} : text_at(lua, 3)));
  } else {
    luaL_error(lua, "of a request path, query and headers can be set, not `%s`",
               luaL_checkstring(lua, 2));
  }
  return 0;
}

int argument(lua_State* lua) {
  std::string_view value;
  if (!http::find_argument(call_of(lua).x.uri.query, text_at(lua, 1), value)) {
    lua_pushnil(lua);
    return 1;
  }
  return push(lua, value);
}

int cookie(lua_State* lua) {
  std::string_view value;
  if (!http::find_cookie(call_of(lua).x.request.headers, text_at(lua, 1), value)) {
    lua_pushnil(lua);
    return 1;
  }
  return push(lua, value);
}

// ---- response

int get_response(lua_State* lua) {
  if (text_at(lua, 2) != "status") {
    return luaL_error(lua, "response has no `%s`", luaL_checkstring(lua, 2));
  }
  const LuaCall& call = call_of(lua);
  if (call.hook == LuaHook::on_request) {
    return luaL_error(lua, "there is no response yet");
  }
  lua_pushinteger(lua, call.hook == LuaHook::on_log ? call.x.status : call.x.response.status);
  return 1;
}

int set_response(lua_State* lua) {
  LuaCall& call = call_of(lua);
  check_moment(lua, call, Message::response);
  if (text_at(lua, 2) != "status") {
    return luaL_error(lua, "of a response status and headers can be set, not `%s`",
                      luaL_checkstring(lua, 2));
  }
  refuse(lua, set_status(call.x.response, luaL_checkinteger(lua, 3)));
  return 0;
}

// ---- ctx: a table of the exchange's, made when something is put into it

int get_kept(lua_State* lua) {
  const LuaCall& call = call_of(lua);
  if (call.kept.table == 0) {
    lua_pushnil(lua);
    return 1;
  }
  lua_rawgeti(lua, LUA_REGISTRYINDEX, call.kept.table);
  lua_pushvalue(lua, 2);
  lua_rawget(lua, -2);
  return 1;
}

int set_kept(lua_State* lua) {
  LuaCall& call = call_of(lua);
  if (call.kept.table == 0) {
    lua_newtable(lua);
    call.kept.table = luaL_ref(lua, LUA_REGISTRYINDEX);
  }
  lua_rawgeti(lua, LUA_REGISTRYINDEX, call.kept.table);
  lua_replace(lua, 1);
  lua_rawset(lua, 1);
  return 0;
}

int get_variable(lua_State* lua) {
  LuaCall& call = call_of(lua);
  const std::string_view name = text_at(lua, 2);
  const exchange::Template* found = LuaState::of(lua).variable(name);
  if (found == nullptr) {
    return luaL_error(lua, "there is no variable `%s`", luaL_checkstring(lua, 2));
  }
  return push_or_nil(lua, found->render(call.x));
}

// ---- functions

void take_headers(lua_State* lua, LuaCall& call, int index) {
  if (lua_isnoneornil(lua, index)) {
    return;
  }
  luaL_checktype(lua, index, LUA_TTABLE);
  lua_pushnil(lua);
  while (lua_next(lua, index) != 0) {
    if (lua_type(lua, -2) != LUA_TSTRING) {
      luaL_error(lua, "headers of respond() are a table of names and values");
    }
    refuse(lua, edit_response_field(call.answer->headers, call.x.arena, call.kept.left, Edit::add,
                                    text_at(lua, -2), text_at(lua, -1)));
    lua_pop(lua, 1);
  }
}

// respond(status, headers, body, why)
int respond(lua_State* lua) {
  LuaCall& call = call_of(lua);
  if (call.answer == nullptr) {
    return luaL_error(lua, "respond() is for on_request");
  }
  const lua_Integer status = luaL_checkinteger(lua, 1);
  const std::string_view body = lua_isnoneornil(lua, 3) ? std::string_view{} : text_at(lua, 3);
  refuse(lua, check_answer(status, body.size()));
  Answer& answer = *call.answer;
  answer.status = static_cast<uint16_t>(status);
  answer.headers = http::HeaderMap::copy({}, call.x.arena, 8);
  take_headers(lua, call, 2);
  answer.body.clear();
  answer.page = lua_isnoneornil(lua, 3) && status >= 400;
  answer.body.append(body);
  answer.reason = answer.page ? reason_for(answer.status) : ErrorCode::none;
  if (!lua_isnoneornil(lua, 4)) {
    call.x.plugin_reason = call.x.arena.copy(text_at(lua, 4).substr(0, 256));
  }
  call.kept.answered = true;
  return 0;
}

// log(text) or log(level, text)
int write_log(lua_State* lua) {
  const bool has_level = lua_gettop(lua) >= 2;
  const auto level = has_level ? parse_log_level(text_at(lua, 1)) : LogLevel::info;
  if (!level || *level == LogLevel::off) {
    return luaL_error(lua, "a level is one of trace, debug, info, warn, error");
  }
  lua_getglobal(lua, "tostring");
  lua_pushvalue(lua, has_level ? 2 : 1);
  lua_call(lua, 1, 1);
  if (log::enabled(*level, kComponent)) {
    log::write(*level, kComponent, &kPlace, {}, text_at(lua, -1).substr(0, kMaxLogLine));
  }
  return 0;
}

// A table that is read and written by these, on top of the stack.
void make_view(lua_State* lua, Message message, lua_CFunction get, lua_CFunction set) {
  lua_newtable(lua);
  lua_createtable(lua, 0, 3);
  lua_pushinteger(lua, static_cast<lua_Integer>(message));
  lua_pushcclosure(lua, get, 1);
  lua_setfield(lua, -2, "__index");
  lua_pushinteger(lua, static_cast<lua_Integer>(message));
  lua_pushcclosure(lua, set, 1);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
}

int set_nothing(lua_State* lua) {
  return luaL_error(lua, "variables are read only");
}

void put(lua_State* lua, Message message, const char* name, lua_CFunction function) {
  lua_pushstring(lua, name);
  lua_pushinteger(lua, static_cast<lua_Integer>(message));
  lua_pushcclosure(lua, function, 1);
  lua_rawset(lua, -3);
}

// The functions and fields that both messages have, into the view on top of the stack.
void put_headers(lua_State* lua, Message message) {
  put(lua, message, "add_header", add_header);
  put(lua, message, "get_headers", list_headers);
  lua_pushstring(lua, "headers");
  make_view(lua, message, get_header, set_header);
  lua_rawset(lua, -3);
}

}  // namespace

void open_exchange(lua_State* lua) {
  make_view(lua, Message::request, get_request, set_request);
  put_headers(lua, Message::request);
  put(lua, Message::request, "arg", argument);
  put(lua, Message::request, "cookie", cookie);
  lua_setglobal(lua, "request");
  make_view(lua, Message::response, get_response, set_response);
  put_headers(lua, Message::response);
  lua_setglobal(lua, "response");
  make_view(lua, Message::request, get_kept, set_kept);
  lua_setglobal(lua, "ctx");
  make_view(lua, Message::request, get_variable, set_nothing);
  lua_setglobal(lua, "var");
  lua_register(lua, "respond", respond);
  lua_register(lua, "log", write_log);
  lua_register(lua, "print", write_log);
}

}  // namespace pingap::plugin
