// Containers with a label, as Docker tells of them: a list, and a stream of events each of which
// makes us ask for the list again. Control thread.
//
//   events:  connecting --head--> listening --end--> waiting --1 s to 30 s--> connecting
//   list:    idle --start, head of events, event (+500 ms), interval--> asking --answer--> idle
#pragma once

#include <string>
#include <vector>

#include "base/trouble.h"
#include "net/event_loop.h"
#include "net/timer.h"
#include "upstream/discovery/containers.h"
#include "upstream/discovery/docker_call.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

class DockerSource final : public Source {
 public:
  struct Settings {
    std::string upstream;  // its name
    std::string socket;    // path
    ContainerQuery query;
    AddressFilter filter;
    Duration interval{};                               // ask for the list at least so often
    Duration list_timeout = std::chrono::seconds(30);  // for all of it
  };

  // The loop outlives the source.
  DockerSource(net::EventLoop& loop, Settings settings);

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override;

  bool settled() const noexcept override { return settled_; }

  size_t left_out() const noexcept override { return unusable_.size(); }

 private:
  void listen() noexcept;
  void on_listening();
  void on_event() noexcept;
  void on_events_end(const std::string& why);
  void ask() noexcept;
  void on_list_data(std::string_view piece);
  void on_list_end(const std::string& why);
  void on_list_late();
  void use_list();
  void note_failure(std::string_view why);

  net::EventLoop& loop_;
  const Settings settings_;
  const std::string name_;
  const std::string list_target_;
  const std::string events_target_;
  const PoolSettings pool_settings_;
  session::ClientSettings list_settings_;
  session::ClientSettings events_settings_;
  ServerCounts counts_;  // nobody asks
  EndpointPool pool_;
  Report report_;
  bool settled_ = false;
  bool known_ = false;    // there was a list
  bool failing_ = false;  // and has been said so
  Trouble trouble_;
  bool events_failed_ = false;  // the last time that it listened to events
  Trouble events_trouble_;
  bool too_large_ = false;
  bool asking_ = false;
  bool again_ = false;  // something has happened since
  bool soon_ = false;   // the list is about to be asked for
  std::string text_;    // of the list so far
  size_t servers_ = 0;
  std::vector<std::string> unusable_;  // as said last
  Duration retry_;                     // of the stream of events
  Duration list_retry_;
  DockerCall events_;
  DockerCall list_;
  net::Timer listen_timer_{Callback<void()>::of<&DockerSource::listen>(this)};
  net::Timer list_timer_{Callback<void()>::of<&DockerSource::ask>(this)};
  net::Timer late_timer_{Callback<void()>::of<&DockerSource::on_list_late>(this)};
};

}  // namespace pingap::upstream
