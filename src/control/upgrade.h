// Another process goes on with our sockets (a new binary): nobody who connects meanwhile is lost,
// and where it does not come to serve, nothing has changed.
//
//   we: start it -> it: "sockets", we: pass them -> it serves, "taken_over" -> we: finish
//                \-> it ends, or takes too long: we go on
//
// Control thread.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "control/command.h"
#include "net/event_loop.h"
#include "proxy/inherited.h"
#include "proxy/server.h"
#include "tls/ticket_keys.h"

namespace pingap::control {

class Upgrade {
 public:
  using Done = std::function<void(const Answer&)>;

  // What was started: the program's path, and its command line without it.
  struct Program {
    std::string path;
    std::vector<std::string> arguments;
  };

  // All outlive it. `on_taken_over` is told by which process.
  Upgrade(Program program, proxy::Server& server, net::EventLoop& loop,
          std::function<void(pid_t)> on_taken_over);
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  // Starts the program anew, and waits until it has taken over or ended.
  void start(Done done);

  // One is on its way, or has taken over.
  bool under_way() const noexcept { return child_ > 0 || taken_; }

  // The process ends: so does a new one that has not taken over.
  void stop();
  // A child has ended.
  void on_child();

  // What the new process asks for. `command_socket` is passed, too, with `more`; -1: none.
  // `ticket_keys` likewise; null: none.
  Answer sockets(int command_socket, const std::vector<proxy::Server::Socket>& more,
                 tls::TicketKeys* ticket_keys) const;
  Answer taken_over(std::string_view pid);

 private:
  void on_timer() noexcept;
  void end(const Answer& answer);

  Program program_;
  proxy::Server& server_;
  net::EventLoop& loop_;
  std::function<void(pid_t)> on_taken_over_;
  pid_t child_ = 0;
  bool taken_ = false;
  bool stopped_ = false;
  bool given_up_ = false;  // of child_
  std::vector<Done> waiting_;
  net::Timer timer_{Callback<void()>::of<&Upgrade::on_timer>(this)};
};

// ---- the new process

// What the process before has passed on.
struct TakenOver {
  proxy::InheritedSockets sockets;
  net::Fd command_socket;
  std::string sticky_seed;  // secret
  std::string ticket_keys;  // secret; may be empty
  pid_t from = 0;
};

// From the process at the socket `path`. The error is a line.
tl::expected<TakenOver, std::string> take_over(const std::string& path);

// We serve: the process `from` may end, or is no more. The error is a line: then we must not go on.
tl::expected<void, std::string> say_taken_over(const std::string& path, pid_t from);

// Sockets that the service manager has made for us (systemd's LISTEN_FDS).
proxy::InheritedSockets activated_sockets();

}  // namespace pingap::control
