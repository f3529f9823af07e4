// Goes over to another configuration: all of it, or nothing. Control thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/command.h"
#include "control/guard.h"
#include "control/history.h"
#include "control/load.h"
#include "net/event_loop.h"
#include "proxy/certificate_watch.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"

namespace pingap::control {

// Who wants it, for the history and the log.
struct Request {
  std::string origin;   // "signal", "command", "file", "guard"
  std::string author;   // name of the user, where it is known
  std::string comment;  // may be empty
};

class Reloader {
 public:
  using Done = std::function<void(const Answer&)>;

  // All outlive it. `path` is read anew each time.
  Reloader(std::string path, Loaded loaded, proxy::Server& server, proxy::LiveUpstreams& upstreams,
           net::EventLoop& loop);
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Reads the configuration and goes over to it. Who asks while that is under way is served by one
  // more, which reads anew. `done` is called once, perhaps before this returns.
  void reload(Request request, Done done);
  // What reload() would do now, without doing it: the differences, or the errors.
  Answer compare() const;
  // Whoever waits is told that the process ends; so is everybody from now on.
  void stop();

  const Loaded& current() const noexcept { return loaded_; }

  // The configuration that runs is a revision from now on, where revisions are kept already or
  // `always`.
  void keep_first(bool always);

 private:
  struct Asked {
    Request request;
    Done done;
  };

  void begin();
  void apply() noexcept;
  void commit();
  void go_over_to(tl::expected<Loaded, Refusal> loaded);
  void finish(const std::string& what, std::vector<config::Text> before);
  void take_back(std::vector<config::Text> before, const std::string& why);
  std::string keep(const Request& request);
  History history() const;
  void end(const Answer& answer);

  std::string path_;
  Loaded loaded_;
  std::optional<Loaded> next_;  // its upstreams look for their servers
  std::vector<Asked> served_;   // by the one that is under way
  std::vector<Asked> waiting_;  // for the one after it
  std::optional<proxy::CertificateWatch> certificates_;
  proxy::Server& server_;
  proxy::LiveUpstreams& upstreams_;
  net::EventLoop& loop_;
  TimePoint apply_by_{};
  bool stopped_ = false;
  Guard guard_;
  net::Timer timer_{Callback<void()>::of<&Reloader::apply>(this)};
};

}  // namespace pingap::control
