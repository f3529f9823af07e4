// How plugins get something over HTTP: what they need of it, without knowing who does it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include <tl/expected.hpp>

namespace pingap::plugin {

class Fetcher {
 public:
  struct Request {
    std::string url;  // http or https
    size_t max_body;  // bytes
    std::chrono::milliseconds timeout;
  };

  // The body of an answer with status 200, or why there is none.
  using Done = std::function<void(tl::expected<std::string, std::string>)>;

  // Any thread. `done` is called on another one, once, or never if the process ends before. No
  // redirect is followed.
  virtual void get(Request request, Done done) = 0;

  // Waits for a `done` that is running; none is called from then on. Before the loops go that it
  // reports to. Control thread.
  virtual void stop() = 0;

 protected:
  ~Fetcher() = default;
};

// The one of this process; null where nothing is to be fetched (`pingap validate`). Control thread.
void set_fetcher(Fetcher* fetcher) noexcept;
Fetcher* fetcher() noexcept;

}  // namespace pingap::plugin
