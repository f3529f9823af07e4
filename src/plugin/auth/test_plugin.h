// As plugin/test_plugin.h, for plugins that work in the background: requests that wait. For tests.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "config/diagnostics.h"
#include "config/reader.h"
#include "exchange/variables.h"
#include "plugin/background.h"
#include "plugin/kind.h"
#include "plugin/test_plugin.h"

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

// One request and what has come of it. It may wait for what works in the background.
class Request : public Asked {
 public:
  explicit Request(std::string_view target = "/", std::string_view method = "GET")
      : Asked(std::string(target), {}, std::string(method)) {
    at = steady_now();
    wall = WallTime(std::chrono::seconds(1'700'000'000));  // when the tokens of tests are good
    x.request.headers = http::HeaderMap::copy({}, x.arena, 8);
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
  int run(const Plugin& plugin) { return status_of(ask(plugin)); }

  // Behind a -1.
  int resume(const Plugin& plugin) {
    if (later_ != nullptr) {
      const auto set = later_->wait();
      if (set) {
        set(state_);
      }
      later_ = nullptr;
    }
    Context it = context();
    return status_of(plugin.on_resume(it));
  }

  // To its end, whatever it waits for.
  int finish(const Plugin& plugin) {
    int status = run(plugin);
    while (status == -1) {
      status = resume(plugin);
    }
    return status;
  }

  std::string known(std::string_view name) {
    return std::string(exchange::Template::compile("$auth_" + std::string(name))->render(x));
  }

  std::shared_ptr<Continuation> continue_later() override {
    later_ = std::make_shared<Later>();
    return later_;
  }

 private:
  int status_of(Verdict verdict) const {
    switch (verdict) {
      case Verdict::next:
        return 0;
      case Verdict::respond:
        return answer.status;
      case Verdict::suspend:
        break;
    }
    return -1;
  }

  std::shared_ptr<Later> later_;
};

}  // namespace pingap::plugin::test
