// What acts on requests and answers between a client and its location's backend. A plugin is an
// immutable object per [plugins.NAME], shared by all workers; what it knows of one request lives in
// that request's arena. docs/plugins.md, docs/architecture.md.
//
//   request hooks, in order ->  backend, or an answer of ours  -> response hooks, in reverse
//
// The response hook of each plugin whose request hook ran is called, also on answers of ours: the
// ones of CORS and request ids stand on a 401 or 429 too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/byte_queue.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/pipe.h"
#include "exchange/exchange.h"
#include "plugin/body_filter.h"
#include "plugin/subrequest.h"

namespace pingap::plugin {

enum class Verdict : uint8_t {
  next,     // the request goes on
  respond,  // `answer` is filled: no later plugin and no backend sees the request
  suspend,  // it waits; resumed by what Host gave (on_resume() is called then)
};

// A body that is not there at once: read piece by piece as the client takes it. Worker; blocks as
// long as a disk does.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Adds up to `most` bytes, and more than none, to `out`.
  virtual Result<> read(size_t most, ByteQueue& out) noexcept = 0;

  // Its bytes may go through a pipe instead, without being copied to us.
  virtual bool can_fill() const noexcept { return false; }

  // As read(); how many bytes went into the pipe, which has room.
  virtual Result<size_t> fill(Pipe& /*pipe*/, size_t /*most*/) noexcept { return size_t{0}; }
};

// An answer of ours instead of one of the backend.
struct Answer {
  uint16_t status = 200;
  // Why, where the request was refused; the access log has it. none: it is an answer like others.
  ErrorCode reason = ErrorCode::none;
  // An error page is made for the status, in the form the client wants (HTML, JSON, gRPC), with the
  // fields of `headers` on it. Else `headers` and `body` are all of the answer.
  bool page = false;
  http::HeaderMap headers;
  ByteQueue body;
  // Behind `body`; of so many bytes.
  std::unique_ptr<BodySource> source;
  uint64_t source_size = 0;
  // Said by a response hook: its filter of the body makes one also where the answer has none.
  bool makes_body = false;
};

// Lets a suspended request go on. It may outlive the request: then nothing happens.
class Continuation {
 public:
  virtual ~Continuation() = default;
  // Any thread. `set` is called on the request's worker, before on_resume(), with the plugin's
  // state; it may be empty.
  virtual void resume(std::function<void(void* state)> set) = 0;
};

// What the forwarder does for plugins, where few need it.
class Host {
 public:
  virtual TimePoint now() const noexcept = 0;
  virtual WallTime wall_time() const noexcept = 0;
  // For Verdict::suspend: one of them.
  virtual std::shared_ptr<Continuation> continue_later() = 0;
  virtual void continue_after(Duration pause) noexcept = 0;
  // `destroy(object)` is called when the request is over.
  virtual void at_end(void (*destroy)(void*), void* object) noexcept = 0;
  virtual uint32_t worker() const noexcept = 0;  // index
  // For Verdict::suspend: on_resume() is called when `to` is filled. What `what` refers to and `to`
  // live as long as the request; one at a time.
  virtual void ask(Subrequest what, Subresponse& to) noexcept = 0;
  // Sends a request beside this one, whose answer is thrown away; all of it is copied. False: too
  // many are under way.
  virtual bool send_aside(const Subrequest& what) noexcept = 0;
  // The request goes there instead of to the location's upstream. `name` is one that the plugin has
  // named when it was made, and lives as long as the plugin.
  virtual void choose_upstream(std::string_view name) noexcept = 0;
  // From here on it is measured how long the plugins of this request take.
  virtual void measure() noexcept = 0;
  // What has been measured, as a value of Server-Timing (W3C) in the request's arena.
  virtual std::string_view server_timing() noexcept = 0;
  // In a response hook: the client gets an error page for `why` instead. The hooks are called for
  // that one, too.
  virtual void fail_response(ErrorCode why) noexcept = 0;

 protected:
  ~Host() = default;
};

// A request as a hook sees it, for the length of the call. Worker.
struct Context {
  exchange::Exchange& x;
  Host& host;
  void*& state;  // of this plugin and this request; null at first
  Answer& answer;

  // An object that lives as long as the request.
  template <class T, class... Args>
  T& make(Args&&... args) {
    auto* made = new (x.arena.allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      host.at_end([](void* object) { static_cast<T*>(object)->~T(); }, made);
    }
    return *made;
  }

  // Verdict::respond with an error page. `why` is for the log and outlives the request.
  Verdict refuse(uint16_t status, ErrorCode reason, std::string_view why) noexcept {
    x.plugin_reason = why;
    answer.status = status;
    answer.reason = reason;
    answer.page = true;
    return Verdict::respond;
  }
};

class Plugin {
 public:
  virtual ~Plugin() = default;

  // The hooks it has, so that others are not called.
  enum Hook : uint8_t {
    kRequest = 1,
    kResponse = 2,
    kRequestBody = 4,
    kResponseBody = 8,
    kEnd = 16
  };

  virtual uint8_t hooks() const noexcept = 0;

  // The head has come; of the body perhaps a part. Changes go to context.x.request (headers.h).
  virtual Verdict on_request(Context& /*context*/) const noexcept { return Verdict::next; }

  // After Verdict::suspend, instead of on_request().
  virtual Verdict on_resume(Context& /*context*/) const noexcept { return Verdict::next; }

  // context.x.response is the head that goes to the client. Called again where an answer was taken
  // back and another one takes its place.
  virtual void on_response(Context& /*context*/) const noexcept {}

  // What changes or watches the body of the request or of the response; null = nothing. It lives as
  // long as the request (Context::make).
  virtual BodyFilter* request_body(Context& /*context*/) const noexcept { return nullptr; }

  virtual BodyFilter* response_body(Context& /*context*/) const noexcept { return nullptr; }

  // The request is over; nothing can be changed any more.
  virtual void on_end(Context& /*context*/) const noexcept {}

  // How often it has not done what it is for, by the reason, for the metrics; since it came to be.
  // Control thread.
  struct LeftOut {
    std::string_view reason;
    uint64_t times;
  };

  virtual std::vector<LeftOut> left_out() const { return {}; }
};

}  // namespace pingap::plugin
