// Goes over to another configuration: all of it, or nothing. Control thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/trouble.h"
#include "control/command.h"
#include "control/guard.h"
#include "control/history.h"
#include "control/load.h"
#include "control/name_lookup.h"
#include "control/side_service.h"
#include "net/event_loop.h"
#include "proxy/certificate_watch.h"
#include "proxy/live_upstreams.h"
#include "proxy/server.h"

namespace pingap::control {

// Who wants it, for the history and the log.
struct Request {
  std::string origin;   // "signal", "command", "file", "etcd", "guard", "upgrade"
  std::string author;   // name of the user, where it is known
  std::string comment;  // may be empty
};

class Reloader {
 public:
  using Done = std::function<void(const Answer&)>;

  // All outlive it. `storage` is read anew each time; where it can be followed, who does that
  // brings what is there.
  Reloader(config::Storage& storage, History history, Loaded loaded, proxy::Server& server,
           proxy::LiveUpstreams& upstreams, net::EventLoop& loop);
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Reads the configuration and goes over to it. Who asks while that is under way is served by one
  // more, which reads anew. `done` is called once, perhaps before this returns.
  void reload(Request request, Done done);
  // Goes over to what the storage holds where that is not what runs: it may have changed since it
  // was read. Not stdin, which is read once; nor what cannot be read any more, by another user
  // perhaps.
  void catch_up();
  // What reload() would do now, without doing it: the differences, or the errors. `done` is called
  // once, perhaps before this returns; not at all where the process ends before.
  void compare(const Done& done);
  // What a storage that is followed holds now: goes over to it.
  void bring(config::Storage::Read read);
  // Whoever waits is told that the process ends; so is everybody from now on.
  void stop();

  const Loaded& current() const noexcept { return loaded_; }

  // Keys that only a restart takes up, and that are not what the process was started with:
  // "threads, user"; may be empty.
  std::string waiting_for_restart() const { return for_restart(loaded_.model.basic); }

  // What came of reloads.
  struct Status {
    uint64_t taken = 0;  // since the start
    uint64_t refused = 0;
    bool last_taken = true;
    WallTime loaded_at{};   // when what is in use came to be
    WallTime refused_at{};  // when the last one was that was refused; 1970: none was
    uint64_t revision = 0;  // of the history; 0 = none was kept
  };

  const Status& status() const noexcept { return status_; }

  // Tells who sends spans and metrics of another configuration.
  void set_export(std::function<void(const Loaded&)> tell) { export_ = std::move(tell); }

  // What is bound and changed with the servers; outlives this.
  void set_side_service(SideService& side) noexcept { side_ = &side; }

  // The configuration that runs is a revision from now on, where revisions are kept already or
  // `always`.
  void keep_first(bool always);

  // Of the application log, as the configuration says.
  const log::Levels& log_levels() const noexcept { return loaded_.snapshot->logging.levels; }

 private:
  struct Asked {
    Request request;
    Done done;
  };

  using Ready = std::function<void(tl::expected<Loaded, Refusal>)>;

  std::string for_restart(const config::Basic& next) const;
  void begin();
  tl::expected<std::vector<config::Text>, Refusal> next_texts() const;
  void load_next(const Ready& ready);
  void load_texts(std::vector<config::Text> texts, const Ready& ready);
  Answer compare_with(const tl::expected<Loaded, Refusal>& next) const;
  void use(tl::expected<Loaded, Refusal> loaded);
  tl::expected<void, std::string> bind(const Loaded& next);
  void apply() noexcept;
  void commit();
  void finish(const std::string& what);
  void take_back(const std::string& why);
  std::string keep(const Request& request);
  History history() const;
  void end(const Answer& answer);

  config::Storage& storage_;
  const History history_;
  std::optional<config::Storage::Read> brought_;  // and not used yet
  std::optional<config::Stored> seen_;            // and used or refused last
  bool reading_ = false;                          // it is to be brought
  const config::Basic started_;                   // with which the process was
  Loaded loaded_;
  std::optional<Loaded> next_;  // its upstreams look for their servers
  std::vector<Asked> served_;   // by the one that is under way
  std::vector<Asked> waiting_;  // for the one after it
  std::optional<proxy::CertificateWatch> certificates_;
  proxy::Server& server_;
  proxy::LiveUpstreams& upstreams_;
  SideService* side_ = nullptr;
  std::function<void(const Loaded&)> export_;
  Status status_;
  net::EventLoop& loop_;
  NameLookup lookup_;
  TimePoint apply_by_{};
  bool stopped_ = false;
  Guard guard_;
  std::vector<config::Text> safe_;  // what the guard goes back to
  Trouble refused_{Trouble::Part::configuration, "reload"};
  Trouble taken_back_{Trouble::Part::configuration, "guard"};
  Trouble stands_in_{Trouble::Part::configuration, "start"};
  std::string worse_;  // why it is to, once what is under way has come to nothing
  net::Timer timer_{Callback<void()>::of<&Reloader::apply>(this)};
};

}  // namespace pingap::control
