// The proxy's side of sdk/pingap_plugin.h: what a plugin in a shared object may ask for.
#pragma once

#include <pingap_plugin.h>

#include "plugin/custom/access.h"
#include "plugin/plugin.h"

namespace pingap::plugin {

enum class DynamicHook : uint8_t {
  on_request,
  on_response,
  on_request_body,
  on_response_body,
  on_log
};

// What a plugin keeps of one exchange. Lives as long as that.
struct DynamicExchange {
  void* state = nullptr;
  void (*destroy)(void*) = nullptr;
  bool failed = false;  // it is not asked again about this exchange
  Allowance left;

  DynamicExchange() = default;
  DynamicExchange(const DynamicExchange&) = delete;
  DynamicExchange& operator=(const DynamicExchange&) = delete;

  ~DynamicExchange() {
    if (destroy != nullptr) {
      destroy(state);
    }
  }
};

// One call of a hook: what pingap_exchange* points to.
struct DynamicCall {
  DynamicHook hook;
  exchange::Exchange& x;
  DynamicExchange& kept;
  Answer* answer = nullptr;  // of on_request
  ByteQueue* out = nullptr;  // of a body
  bool answered = false;

  pingap_exchange* handle() noexcept { return reinterpret_cast<pingap_exchange*>(this); }
};

const pingap_host& dynamic_host() noexcept;

}  // namespace pingap::plugin
