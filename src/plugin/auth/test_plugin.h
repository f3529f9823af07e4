// Plugins of this folder without a proxy: made from TOML, run on requests that the test makes. For
// tests.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config/diagnostics.h"
#include "config/reader.h"
#include "exchange/variables.h"
#include "http/method.h"
#include "http/uri.h"
#include "plugin/background.h"
#include "plugin/kind.h"

namespace pingap::plugin::test {

// Threads that outlive OpenSSL's end leave what they had of it.
class StopBackground final : public testing::Environment {
 public:
  void TearDown() override { Background::instance().stop(); }
};

inline const testing::Environment* const kStopBackground =
    testing::AddGlobalTestEnvironment(new StopBackground);

struct Made {
  std::shared_ptr<const Plugin> plugin;  // null where an error was found
  std::string errors;
  std::vector<std::string> files;
};

// `options` are the keys of [plugins.t].
inline Made make(const Kind& kind, const std::string& options, Fetcher* fetcher = nullptr,
                 const Plugin* before = nullptr) {
  config::Diagnostics diagnostics;
  const uint32_t source = diagnostics.add_source("t", options);
  config::Plugin entry;
  entry.name = "t";
  entry.at = {source, 1, 1};
  entry.options = config::read_toml(options, source, diagnostics);
  config::Reader reader(diagnostics);
  Background::instance().start();
  Made made;
  std::vector<Located<std::string>> upstreams;
  made.plugin = kind.make({entry, reader, before, 1, made.files, fetcher, &upstreams});
  if (diagnostics.has_errors()) {
    made.errors = diagnostics.render();
    made.plugin = nullptr;
  } else if (made.plugin == nullptr) {
    made.errors = "nothing was made, and nothing said";
    ADD_FAILURE() << made.errors;
  }
  return made;
}

// A Continuation that the test looks at.
class Later final : public Continuation {
 public:
  void resume(std::function<void(void*)> set) override {
    const std::lock_guard lock(mutex_);
    set_ = std::move(set);
    resumed_ = true;
    changed_.notify_all();
  }

  std::function<void(void*)> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return resumed_; });
    return std::move(set_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void(void*)> set_;
  bool resumed_ = false;
};

// One request and what has come of it.
class Request : public Host {
 public:
  explicit Request(std::string_view target = "/", std::string_view method = "GET") {
    x.request.headers = http::HeaderMap::copy({}, x.arena, 8);
    x.request.method_text = x.arena.copy(method);
    x.request.method = http::parse_method(x.request.method_text);
    x.request.target = x.arena.copy(target);
    x.uri = *http::canonicalize(x.request.target, {}, x.arena);
    x.host = "a.test";
    x.response.headers = http::HeaderMap::copy({}, x.arena, 8);
  }

  virtual ~Request() {
    for (auto one = ends_.rbegin(); one != ends_.rend(); ++one) {
      one->first(one->second);
    }
  }

  Request& with(std::string_view name, std::string_view value) {
    const std::string_view kept = x.arena.copy(name);
    const http::HeaderId id = http::find_header_id(kept);
    if (id == http::HeaderId::other) {
      x.request.headers.add(kept, x.arena.copy(value));
    } else {
      x.request.headers.add(id, x.arena.copy(value));
    }
    return *this;
  }

  // The status of the plugin's answer; 0 where the request goes on, -1 where it waits.
  int run(const Plugin& plugin) {
    Context context{x, *this, state_, answer_};
    return verdict(plugin.on_request(context));
  }

  // Behind a -1.
  int resume(const Plugin& plugin) {
    if (later_ != nullptr) {
      const auto set = later_->wait();
      if (set) {
        set(state_);
      }
      later_ = nullptr;
    }
    Context context{x, *this, state_, answer_};
    return verdict(plugin.on_resume(context));
  }

  // To its end, whatever it waits for.
  int finish(const Plugin& plugin) {
    int status = run(plugin);
    while (status == -1) {
      status = resume(plugin);
    }
    return status;
  }

  // The response hook, on an answer that has nothing yet.
  void respond(const Plugin& plugin) {
    Context context{x, *this, state_, answer_};
    plugin.on_response(context);
  }

  std::string_view header(std::string_view name) const { return x.request.headers.get(name); }

  std::string known(std::string_view name) {
    return std::string(exchange::Template::compile("$auth_" + std::string(name))->render(x));
  }

  std::string_view answer_header(std::string_view name) const { return answer_.headers.get(name); }

  std::string_view why() const { return x.plugin_reason; }

  TimePoint now() const noexcept override { return now_; }

  WallTime wall_time() const noexcept override { return wall_; }

  std::shared_ptr<Continuation> continue_later() override {
    later_ = std::make_shared<Later>();
    return later_;
  }

  void continue_after(Duration pause) noexcept override { paused_ = pause; }

  void at_end(void (*destroy)(void*), void* object) noexcept override {
    ends_.emplace_back(destroy, object);
  }

  uint32_t worker() const noexcept override { return 0; }

  void ask(Subrequest what, Subresponse& to) noexcept override {
    asked.push_back(std::move(what));
    subresponse = &to;
  }

  bool send_aside(const Subrequest& /*what*/) noexcept override { return false; }

  void choose_upstream(std::string_view /*name*/) noexcept override {}

  void measure() noexcept override {}

  void fail_response(ErrorCode /*why*/) noexcept override {}

  std::string_view server_timing() noexcept override { return {}; }

  std::array<char, 4096> block;
  exchange::Exchange x{std::span<char>(block)};
  TimePoint now_ = steady_now();
  WallTime wall_{std::chrono::seconds(1'700'000'000)};
  Duration paused_{};
  Answer answer_;
  std::vector<Subrequest> asked;  // by ask()
  Subresponse* subresponse = nullptr;

 private:
  int verdict(Verdict verdict) const {
    switch (verdict) {
      case Verdict::next:
        return 0;
      case Verdict::respond:
        return answer_.status;
      case Verdict::suspend:
        return -1;
    }
    return -2;
  }

  void* state_ = nullptr;
  std::shared_ptr<Later> later_;
  std::vector<std::pair<void (*)(void*), void*>> ends_;
};

}  // namespace pingap::plugin::test
