#include "plugin/custom/dynamic_host.h"

#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "exchange/variables.h"

namespace pingap::plugin {
namespace {

constexpr log::Component kComponent = log::component_of(__FILE__);
constexpr char kPlace = 0;  // in the source, for the log

constexpr size_t kMaxText = 512;
constexpr size_t kMaxLogLine = 4096;
constexpr const char* kNotNow =
    "the request can be changed in on_request, the answer in on_response";

DynamicCall& call_of(pingap_exchange* handle) noexcept {
  return *reinterpret_cast<DynamicCall*>(handle);
}

std::string_view from_c(pingap_text text) noexcept {
  return text.data == nullptr ? std::string_view{} : std::string_view(text.data, text.size);
}

pingap_text to_c(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

pingap_text get(pingap_exchange* handle, uint32_t what) {
  const exchange::Exchange& x = call_of(handle).x;
  switch (what) {
    case PINGAP_METHOD:
      return to_c(x.request.method_text);
    case PINGAP_PATH:
      return to_c(x.uri.path);
    case PINGAP_QUERY:
      return to_c(x.uri.query);
    case PINGAP_HOST:
      return to_c(x.host);
    case PINGAP_CLIENT_IP:
      return to_c(x.client_text);
    case PINGAP_SCHEME:
      return to_c(x.scheme);
    case PINGAP_PROTOCOL:
      return to_c(to_string(x.request.version));
    default:
      return {nullptr, 0};
  }
}

const char* set(pingap_exchange* handle, uint32_t what, pingap_text value) {
  DynamicCall& call = call_of(handle);
  if (call.hook != DynamicHook::on_request) {
    return kNotNow;
  }
  switch (what) {
    case PINGAP_PATH:
      return set_path(call.x, call.kept.left, from_c(value));
    case PINGAP_QUERY:
      return set_query(call.x, call.kept.left, from_c(value));
    default:
      return "of a request path, query and headers can be set";
  }
}

// Null: there is no such message yet. In on_request the answer is that of the plugin.
http::HeaderMap* headers_of(DynamicCall& call, uint32_t message) noexcept {
  if (message == PINGAP_REQUEST) {
    return &call.x.request.headers;
  }
  if (call.hook == DynamicHook::on_request) {
    return &call.answer->headers;
  }
  return message == PINGAP_RESPONSE ? &call.x.response.headers : nullptr;
}

int header(pingap_exchange* handle, uint32_t message, pingap_text wanted, size_t index,
           pingap_text* name, pingap_text* value) {
  const http::HeaderMap* headers = headers_of(call_of(handle), message);
  if (headers == nullptr) {
    return 0;
  }
  for (const http::Field& field : headers->fields()) {
    if (field.removed() || (wanted.size > 0 && !iequals(field.name(), from_c(wanted)))) {
      continue;
    }
    if (index-- > 0) {
      continue;
    }
    if (name != nullptr) {
      *name = to_c(field.name());
    }
    if (value != nullptr) {
      *value = to_c(field.value());
    }
    return 1;
  }
  return 0;
}

const char* edit_header(pingap_exchange* handle, uint32_t message, uint32_t edit, pingap_text name,
                        pingap_text value) {
  DynamicCall& call = call_of(handle);
  const bool request = call.hook == DynamicHook::on_request;
  if ((!request && message == PINGAP_REQUEST) ||
      (!request && call.hook != DynamicHook::on_response) || edit > PINGAP_REMOVE) {
    return kNotNow;
  }
  const Edit how = edit == PINGAP_SET ? Edit::set : Edit::add;
  if (message == PINGAP_REQUEST) {
    return edit == PINGAP_REMOVE
               ? drop_request_field(call.x, from_c(name))
               : edit_request_field(call.x, call.kept.left, how, from_c(name), from_c(value));
  }
  http::HeaderMap* headers = headers_of(call, message);
  if (headers == nullptr) {
    return "there is no such message";
  }
  if (request && headers->capacity() == 0) {
    *headers = http::HeaderMap::copy({}, call.x.arena, 8);
  }
  return edit == PINGAP_REMOVE ? drop_response_field(*headers, from_c(name))
                               : edit_response_field(*headers, call.x.arena, call.kept.left, how,
                                                     from_c(name), from_c(value));
}

uint32_t status(pingap_exchange* handle) {
  const DynamicCall& call = call_of(handle);
  switch (call.hook) {
    case DynamicHook::on_request:
    case DynamicHook::on_request_body:
      return 0;
    case DynamicHook::on_response:
    case DynamicHook::on_response_body:
      return call.x.response.status;
    case DynamicHook::on_log:
      break;
  }
  return call.x.status;
}

const char* change_status(pingap_exchange* handle, uint32_t status) {
  DynamicCall& call = call_of(handle);
  return call.hook == DynamicHook::on_response ? set_status(call.x.response, status) : kNotNow;
}

const char* respond(pingap_exchange* handle, uint32_t status, pingap_text body) {
  DynamicCall& call = call_of(handle);
  if (call.answer == nullptr) {
    return "a request is answered in on_request";
  }
  if (const Refusal why = check_answer(status, body.size)) {
    return why;
  }
  call.answer->status = static_cast<uint16_t>(status);
  call.answer->body.clear();
  call.answer->body.append(from_c(body));
  call.answered = true;
  return nullptr;
}

pingap_text variable(pingap_exchange* handle, pingap_text name) {
  const auto odd = [](char c) {
    return !is_digit(c) && c != '_' && c != '-' && (to_lower(c) < 'a' || to_lower(c) > 'z');
  };
  if (name.size == 0 || std::ranges::any_of(from_c(name), odd)) {
    return {nullptr, 0};
  }
  DynamicCall& call = call_of(handle);
  const auto made = exchange::Template::compile("${" + std::string(from_c(name)) + "}");
  return made ? to_c(call.x.arena.copy(made->render(call.x))) : pingap_text{nullptr, 0};
}

void* state(pingap_exchange* handle) {
  return call_of(handle).kept.state;
}

void set_state(pingap_exchange* handle, void* made, void (*destroy)(void*)) {
  DynamicExchange& kept = call_of(handle).kept;
  if (kept.destroy != nullptr) {
    kept.destroy(kept.state);
  }
  kept.state = made;
  kept.destroy = destroy;
}

void write(pingap_exchange* handle, pingap_text bytes) {
  if (ByteQueue* out = call_of(handle).out) {
    out->append(from_c(bytes));
  }
}

void fail(pingap_exchange* handle, pingap_text why) {
  exchange::Exchange& x = call_of(handle).x;
  x.plugin_reason = x.arena.copy(from_c(why).substr(0, kMaxText));
}

void write_log(uint32_t level, pingap_text line) {
  const auto at = static_cast<LogLevel>(std::clamp<uint32_t>(level, 1, 4));
  if (log::enabled(at, kComponent)) {
    log::write(at, kComponent, &kPlace, {}, from_c(line).substr(0, kMaxLogLine));
  }
}

}  // namespace

const pingap_host& dynamic_host() noexcept {
  static constexpr pingap_host kHost = {PINGAP_PLUGIN_ABI,
                                        sizeof(pingap_host),
                                        get,
                                        set,
                                        header,
                                        edit_header,
                                        status,
                                        change_status,
                                        respond,
                                        variable,
                                        state,
                                        set_state,
                                        write,
                                        fail,
                                        write_log};
  return kHost;
}

}  // namespace pingap::plugin
