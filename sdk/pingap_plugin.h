// Plugins for pingap as shared objects (`type = "dynamic"`). This header is all that one needs:
//
//   #include <pingap_plugin.h>
//
//   class Greeting {
//    public:
//     explicit Greeting(const pingap_sdk::Options& options) : name_(options.get("name", "world"))
//     {} pingap_sdk::Verdict on_request(pingap_sdk::Exchange& x) const {
//       x.request().set("X-Greeting", name_);
//       return pingap_sdk::Verdict::next;
//     }
//    private:
//     std::string name_;
//   };
//   PINGAP_PLUGIN(Greeting)
//
// Built with -std=c++20 -fPIC -shared. Between the proxy and the plugin there is only C, so that
// compilers and standard libraries may differ. What is below the line "C++" is made of that.
//
// Threads: the constructor runs on the control thread, hooks run on all workers at once: they are
// const, and what they share is guarded. A hook that waits makes all requests of its worker wait.
// An exception that leaves a hook fails that request with 500. A crash is one of the whole proxy.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Raised whenever something changes below that is not an addition at the end of a table. A proxy
// loads plugins of its own number only.
#define PINGAP_PLUGIN_ABI 1U
#define PINGAP_PLUGIN_MAGIC 0x70676170U

extern "C" {

struct pingap_text {
  const char* data;  // without a zero at the end
  size_t size;
};

struct pingap_exchange;  // one request with its answer; for the length of a call

enum pingap_message { PINGAP_REQUEST = 0, PINGAP_RESPONSE = 1 };

enum pingap_edit { PINGAP_SET = 0, PINGAP_ADD = 1, PINGAP_REMOVE = 2 };

// Texts of the request. They live as long as the request.
enum pingap_what {
  PINGAP_METHOD = 0,
  PINGAP_PATH = 1,
  PINGAP_QUERY = 2,
  PINGAP_HOST = 3,
  PINGAP_CLIENT_IP = 4,
  PINGAP_SCHEME = 5,
  PINGAP_PROTOCOL = 6
};

enum pingap_level { PINGAP_DEBUG = 1, PINGAP_INFO = 2, PINGAP_WARN = 3, PINGAP_ERROR = 4 };

// What hooks return. A body hook: unchanged, or what write() was given instead, or failed.
enum pingap_verdict { PINGAP_NEXT = 0, PINGAP_ANSWERED = 1, PINGAP_FAILED = 2 };

// The proxy's functions. Those that return `const char*` return null, or what was wrong.
struct pingap_host {
  uint32_t abi;
  uint32_t size;  // of this table, in bytes

  pingap_text (*get)(pingap_exchange*, uint32_t what);
  const char* (*set)(pingap_exchange*, uint32_t what, pingap_text value);  // path and query

  // The `index`th value of that name; 0 where there is none. An empty name: the `index`th field of
  // all. `name` may be null.
  int (*header)(pingap_exchange*, uint32_t message, pingap_text wanted, size_t index,
                pingap_text* name, pingap_text* value);
  const char* (*edit_header)(pingap_exchange*, uint32_t message, uint32_t edit, pingap_text name,
                             pingap_text value);

  uint32_t (*status)(pingap_exchange*);  // of the answer; 0 = there is none yet
  const char* (*set_status)(pingap_exchange*, uint32_t status);

  // In on_request, which returns PINGAP_ANSWERED then. Fields of the answer come before it, by
  // edit_header(PINGAP_RESPONSE).
  const char* (*respond)(pingap_exchange*, uint32_t status, pingap_text body);

  // A variable of the configuration ("arg_x"); empty where it has no value or there is none.
  pingap_text (*variable)(pingap_exchange*, pingap_text name);

  // What the plugin keeps of this request: `destroy` is called at its end.
  void* (*state)(pingap_exchange*);
  void (*set_state)(pingap_exchange*, void* state, void (*destroy)(void*));

  void (*write)(pingap_exchange*, pingap_text bytes);  // in a body hook
  void (*fail)(pingap_exchange*, pingap_text why);     // before PINGAP_FAILED, for the log
  void (*log)(uint32_t level, pingap_text line);
};

struct pingap_option {
  pingap_text name;
  pingap_text value;
};

// What a plugin exports, by the name pingap_plugin_export. Hooks that it has not are null.
struct pingap_plugin {
  uint32_t magic;
  uint32_t abi;
  uint32_t size;  // of this table, in bytes
  uint32_t reserved;
  const char* name;

  // Null: it cannot be made; the text (at most `room` bytes with its zero) says why.
  void* (*create)(const pingap_host*, const pingap_option*, size_t count, char* why, size_t room);
  void (*destroy)(void* plugin);
  uint32_t (*on_request)(void* plugin, pingap_exchange*);
  uint32_t (*on_response)(void* plugin, pingap_exchange*);
  uint32_t (*on_request_body)(void* plugin, pingap_exchange*, pingap_text bytes, int last);
  uint32_t (*on_response_body)(void* plugin, pingap_exchange*, pingap_text bytes, int last);
  void (*on_log)(void* plugin, pingap_exchange*);
};

}  // extern "C"

// ---- C++

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace pingap_sdk {

namespace detail {

// Set before anything else is called. Hidden, so that each shared object has its own.
__attribute__((visibility("hidden"))) inline const pingap_host* host = nullptr;

inline pingap_text to_c(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

inline std::string_view from_c(pingap_text text) noexcept {
  return {text.data, text.size};
}

inline void check(const char* why) {
  if (why != nullptr) {
    throw std::invalid_argument(why);
  }
}

}  // namespace detail

enum class Verdict : uint32_t { next = PINGAP_NEXT, answered = PINGAP_ANSWERED };

enum class Level : uint32_t {
  debug = PINGAP_DEBUG,
  info = PINGAP_INFO,
  warn = PINGAP_WARN,
  error = PINGAP_ERROR
};

inline void log(Level level, std::string_view line) {
  detail::host->log(static_cast<uint32_t>(level), detail::to_c(line));
}

// The keys of [plugins.NAME] `options`.
class Options {
 public:
  Options(const pingap_option* all, size_t count) : all_(all), count_(count) {}

  std::optional<std::string_view> find(std::string_view name) const {
    for (size_t i = 0; i < count_; ++i) {
      if (detail::from_c(all_[i].name) == name) {
        return detail::from_c(all_[i].value);
      }
    }
    return std::nullopt;
  }

  std::string get(std::string_view name, std::string_view fallback = {}) const {
    return std::string(find(name).value_or(fallback));
  }

 private:
  const pingap_option* all_;
  size_t count_;
};

// The header fields of a message. Changes that are not allowed throw std::invalid_argument.
class Headers {
 public:
  Headers(pingap_exchange* x, pingap_message message) : x_(x), message_(message) {}

  std::optional<std::string_view> get(std::string_view name) const {
    pingap_text value{};
    if (detail::host->header(x_, message_, detail::to_c(name), 0, nullptr, &value) == 0) {
      return std::nullopt;
    }
    return detail::from_c(value);
  }

  std::vector<std::pair<std::string_view, std::string_view>> all() const {
    std::vector<std::pair<std::string_view, std::string_view>> fields;
    pingap_text name{};
    pingap_text value{};
    while (detail::host->header(x_, message_, {nullptr, 0}, fields.size(), &name, &value) != 0) {
      fields.emplace_back(detail::from_c(name), detail::from_c(value));
    }
    return fields;
  }

  void set(std::string_view name, std::string_view value) { edit(PINGAP_SET, name, value); }

  void add(std::string_view name, std::string_view value) { edit(PINGAP_ADD, name, value); }

  void remove(std::string_view name) { edit(PINGAP_REMOVE, name, {}); }

 private:
  void edit(pingap_edit how, std::string_view name, std::string_view value) {
    detail::check(
        detail::host->edit_header(x_, message_, how, detail::to_c(name), detail::to_c(value)));
  }

  pingap_exchange* x_;
  pingap_message message_;
};

class Exchange {
 public:
  explicit Exchange(pingap_exchange* x) : x_(x) {}

  std::string_view method() const { return get(PINGAP_METHOD); }

  std::string_view path() const { return get(PINGAP_PATH); }

  std::string_view query() const { return get(PINGAP_QUERY); }

  std::string_view host() const { return get(PINGAP_HOST); }

  std::string_view client_ip() const { return get(PINGAP_CLIENT_IP); }

  std::string_view scheme() const { return get(PINGAP_SCHEME); }

  std::string_view protocol() const { return get(PINGAP_PROTOCOL); }

  std::string_view variable(std::string_view name) const {
    return detail::from_c(detail::host->variable(x_, detail::to_c(name)));
  }

  // In on_request.
  void set_path(std::string_view path) { set(PINGAP_PATH, path); }

  void set_query(std::string_view query) { set(PINGAP_QUERY, query); }

  Headers request() const { return {x_, PINGAP_REQUEST}; }

  Headers response() const { return {x_, PINGAP_RESPONSE}; }

  uint32_t status() const { return detail::host->status(x_); }

  // In on_response.
  void set_status(uint32_t status) { detail::check(detail::host->set_status(x_, status)); }

  // `return x.respond(403, "no\n");`
  Verdict respond(uint32_t status, std::string_view body) {
    detail::check(detail::host->respond(x_, status, detail::to_c(body)));
    return Verdict::answered;
  }

  // The plugin's own data of this request, made when first asked for.
  template <class T>
  T& state() {
    if (void* known = detail::host->state(x_)) {
      return *static_cast<T*>(known);
    }
    auto* made = new T();
    detail::host->set_state(x_, made, [](void* old) { delete static_cast<T*>(old); });
    return *made;
  }

 private:
  std::string_view get(pingap_what what) const {
    return detail::from_c(detail::host->get(x_, what));
  }

  void set(pingap_what what, std::string_view value) {
    detail::check(detail::host->set(x_, what, detail::to_c(value)));
  }

  pingap_exchange* x_;
};

namespace detail {

inline uint32_t fail(pingap_exchange* x, std::string_view why) noexcept {
  host->fail(x, to_c(why));
  return PINGAP_FAILED;
}

// No exception crosses the boundary.
template <class Hook>
uint32_t guarded(pingap_exchange* x, const Hook& hook) noexcept {
  try {
    return hook();
  } catch (const std::exception& error) {
    return fail(x, error.what());
  } catch (...) {
    return fail(x, "an exception");
  }
}

template <class T>
void* create(const pingap_host* functions, const pingap_option* options, size_t count, char* why,
             size_t room) noexcept {
  host = functions;
  std::string_view text = "an exception";
  std::string kept;
  try {
    if constexpr (std::is_constructible_v<T, const Options&>) {
      return new T(Options(options, count));
    } else {
      return new T();
    }
  } catch (const std::exception& error) {
    kept = error.what();
    text = kept;
  } catch (...) {
  }
  why[text.copy(why, room - 1)] = '\0';
  return nullptr;
}

// A body hook returns what is to go on instead, or nothing for what has come.
template <class Hook>
uint32_t on_body(pingap_exchange* x, const Hook& hook) noexcept {
  return guarded(x, [&]() -> uint32_t {
    std::optional<std::string> made = hook();
    if (!made) {
      return PINGAP_NEXT;
    }
    host->write(x, to_c(*made));
    return PINGAP_ANSWERED;
  });
}

template <class T>
constexpr pingap_plugin describe(const char* name) {
  pingap_plugin made{PINGAP_PLUGIN_MAGIC,
                     PINGAP_PLUGIN_ABI,
                     sizeof(pingap_plugin),
                     0,
                     name,
                     create<T>,
                     [](void* self) { delete static_cast<T*>(self); },
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr,
                     nullptr};
  // By the name: a hook with other parameters is an error of the compiler, not one that is missed.
  if constexpr (requires { &T::on_request; }) {
    made.on_request = [](void* self, pingap_exchange* x) -> uint32_t {
      return guarded(x, [&] {
        Exchange exchange(x);
        return static_cast<uint32_t>(static_cast<const T*>(self)->on_request(exchange));
      });
    };
  }
  if constexpr (requires { &T::on_response; }) {
    made.on_response = [](void* self, pingap_exchange* x) -> uint32_t {
      return guarded(x, [&]() -> uint32_t {
        Exchange exchange(x);
        static_cast<const T*>(self)->on_response(exchange);
        return PINGAP_NEXT;
      });
    };
  }
  if constexpr (requires { &T::on_request_body; }) {
    made.on_request_body = [](void* self, pingap_exchange* x, pingap_text in,
                              int last) -> uint32_t {
      return on_body(x, [&] {
        Exchange exchange(x);
        return static_cast<const T*>(self)->on_request_body(exchange, from_c(in), last != 0);
      });
    };
  }
  if constexpr (requires { &T::on_response_body; }) {
    made.on_response_body = [](void* self, pingap_exchange* x, pingap_text in,
                               int last) -> uint32_t {
      return on_body(x, [&] {
        Exchange exchange(x);
        return static_cast<const T*>(self)->on_response_body(exchange, from_c(in), last != 0);
      });
    };
  }
  if constexpr (requires { &T::on_log; }) {
    made.on_log = [](void* self, pingap_exchange* x) {
      guarded(x, [&]() -> uint32_t {
        Exchange exchange(x);
        static_cast<const T*>(self)->on_log(exchange);
        return PINGAP_NEXT;
      });
    };
  }
  return made;
}

}  // namespace detail
}  // namespace pingap_sdk

// Exports class `Type` as the plugin of this shared object.
#define PINGAP_PLUGIN(Type)                               \
  extern "C" __attribute__((visibility("default"), used)) \
  const pingap_plugin pingap_plugin_export = ::pingap_sdk::detail::describe<Type>(#Type);
