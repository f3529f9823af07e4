// For tests: a plugin made of a text, and a request that it works on, without sockets. Tests only.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "http/host.h"
#include "http/uri.h"
#include "plugin/kind.h"

namespace pingap::plugin {

// What `kind` makes of the keys in `options`.
class Made {
 public:
  explicit Made(const Kind& kind, const std::string& options, const Plugin* before = nullptr)
      : Made(kind, kind.type, options, before) {}

  // `type` is the kind's name or its alias.
  Made(const Kind& kind, std::string_view type, const std::string& options,
       const Plugin* before = nullptr) {
    const std::string text = "[plugins.p]\ntype = \"" + std::string(type) + "\"\n" + options + "\n";
    config::Diagnostics rest;  // that there is no server, and the like
    config::Model model = config::load({{"t", text}}, rest);
    diagnostics_.add_source("t", text);
    EXPECT_EQ(model.plugins.size(), 1u);
    config::Reader reader(diagnostics_);
    plugin_ = kind.make({model.plugins.at(0), reader, before, 2, files_, nullptr, &upstreams_});
  }

  bool failed() const { return diagnostics_.has_errors(); }

  // That it sends requests to.
  const std::vector<Located<std::string>>& upstreams() const { return upstreams_; }

  std::string errors() const { return diagnostics_.render(); }

  // What it is warned of, a line each: "2:1 `burst` does nothing without `rate`".
  std::string warnings() const {
    std::string text;
    for (const config::Diagnostic& one : diagnostics_.entries()) {
      if (one.severity == config::Severity::warning) {
        text += std::to_string(one.at.line) + ":" + std::to_string(one.at.column) + " " + one.what +
                "\n";
      }
    }
    return text;
  }

  const Plugin& operator*() const {
    EXPECT_FALSE(failed()) << errors();
    return *plugin_;
  }

 private:
  config::Diagnostics diagnostics_;
  std::vector<std::string> files_;
  std::vector<Located<std::string>> upstreams_;
  std::shared_ptr<const Plugin> plugin_;
};

class Asked : public Host {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit Asked(std::string target = "/", Headers headers = {}, std::string method = "GET",
                 const std::string& client = "192.0.2.7")
      : target_(std::move(target)), given_(std::move(headers)), method_(std::move(method)) {
    x.request.method = http::parse_method(method_);
    x.request.method_text = method_;
    x.request.target = target_;
    x.request.host = x.request.authority = "a.test";
    x.host = "a.test";
    x.request.headers = http::HeaderMap::copy({}, x.arena, given_.size() + 1);
    for (const auto& [name, value] : given_) {
      x.request.headers.add(std::string_view(name), std::string_view(value));
    }
    x.uri = *http::canonicalize(target_, {}, x.arena);
    x.client_ip = x.peer_ip = *IpAddress::parse(client);
    x.client_text = x.peer_text = x.arena.copy(client);
    x.response.headers = http::HeaderMap::copy({}, x.arena, 8);
  }

  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  virtual ~Asked() {
    for (auto one = ends_.rbegin(); one != ends_.rend(); ++one) {
      one->first(one->second);
    }
  }

  Context context() { return {x, *this, state_, answer}; }

  Verdict ask(const Plugin& plugin) {
    Context it = context();
    return plugin.on_request(it);
  }

  void respond(const Plugin& plugin, uint16_t status = 200) {
    x.response.status = status;
    Context it = context();
    plugin.on_response(it);
  }

  void end(const Plugin& plugin) {
    Context it = context();
    plugin.on_end(it);
  }

  std::string sent(std::string_view name) const { return std::string(x.request.headers.get(name)); }

  std::string got(std::string_view name) const { return std::string(x.response.headers.get(name)); }

  std::string answered(std::string_view name) const {
    return std::string(answer.headers.get(name));
  }

  std::string body() const {
    std::string text;
    ByteQueue copy;
    copy.share_from(answer.body, 0);
    while (!copy.empty()) {
      text += copy.front();
      copy.consume(copy.front().size());
    }
    return text;
  }

  // Host
  TimePoint now() const noexcept override { return at; }

  WallTime wall_time() const noexcept override { return wall; }

  std::shared_ptr<Continuation> continue_later() override { return nullptr; }

  void continue_after(Duration pause) noexcept override { paused = pause; }

  void at_end(void (*destroy)(void*), void* object) noexcept override {
    ends_.emplace_back(destroy, object);
  }

  uint32_t worker() const noexcept override { return 0; }

  void ask(Subrequest what, Subresponse& to) noexcept override {
    asked.push_back(std::move(what));
    subresponse = &to;
  }

  bool send_aside(const Subrequest& what) noexcept override {
    if (takes_aside) {
      aside.emplace_back(what.upstream);
      aside_size += what.body.size();
    }
    return takes_aside;
  }

  void choose_upstream(std::string_view name) noexcept override { upstream = name; }

  void measure() noexcept override { measures = true; }

  std::string_view server_timing() noexcept override { return measures ? "p;dur=1.000" : ""; }

  void fail_response(ErrorCode why) noexcept override { failed = why; }

 private:
  std::array<char, 4096> room_;
  std::string target_;
  Headers given_;
  std::string method_;
  std::vector<std::pair<void (*)(void*), void*>> ends_;

 protected:
  void* state_ = nullptr;  // of the plugin

 public:
  exchange::Exchange x{std::span<char>(room_)};
  Answer answer;
  TimePoint at{std::chrono::hours(1)};
  WallTime wall{std::chrono::seconds(1'800'000'000)};
  Duration paused{};
  std::vector<Subrequest> asked;  // by ask()
  Subresponse* subresponse = nullptr;
  std::vector<std::string> aside;  // upstreams of send_aside()
  size_t aside_size = 0;           // of its bodies
  bool takes_aside = true;         // else there is no room
  std::string upstream;            // by choose_upstream()
  bool measures = false;
  ErrorCode failed = ErrorCode::none;
};

}  // namespace pingap::plugin
