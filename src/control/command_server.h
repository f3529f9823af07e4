// Where the running process is told what to do by others of its user: a unix socket. Who may not
// tell it anything is not listened to. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <unordered_map>
#include <vector>

#include <tl/expected.hpp>

#include "control/command.h"
#include "net/event_loop.h"
#include "net/fd.h"

namespace pingap::control {

class CommandHandler {
 public:
  using Reply = std::function<void(const Answer&)>;

  // `author` is the name of who asks. `reply` is called once, now or later; it may outlive the
  // connection.
  virtual void on_command(const Command& command, const std::string& author, Reply reply) = 0;

 protected:
  ~CommandHandler() = default;
};

class CommandServer final : public net::IoHandler {
 public:
  // The socket, bound before privileges are dropped. What is wrong is in the text. A file that
  // nobody listens behind is replaced.
  static tl::expected<net::Fd, std::string> listen(const std::string& path);
  // The file, and the folder that was made for it, are of this user from now on: as which a process
  // that takes over will look for it.
  static void give_to(const std::string& path, uid_t user, gid_t group) noexcept;

  // A link at `link` leads to the socket at `path`, and replaces what is there. Whoever looks for
  // the process finds it also where the configuration names another place by now.
  static tl::expected<void, std::string> lead(const std::string& link, const std::string& path);

  // All outlive it. `links`: see lead().
  CommandServer(net::Fd socket, std::string path, std::vector<std::string> links,
                net::EventLoop& loop, CommandHandler& handler);
  CommandServer(const CommandServer&) = delete;
  CommandServer& operator=(const CommandServer&) = delete;
  // Takes the files away, unless they have been handed over.
  ~CommandServer();

  // Takes up what is asked from now on.
  void start();
  // Another process has the socket, and listens there.
  void hand_over() noexcept;

  int fd() const noexcept { return socket_.get(); }

  void on_io(net::IoEvents ready) noexcept override;

 private:
  class Connection;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final

  void accept_one(net::Fd fd);
  void forget(int fd);

  net::Fd socket_;
  std::string path_;
  std::vector<std::string> links_;
  net::EventLoop& loop_;
  CommandHandler& handler_;
  std::unordered_map<int, std::shared_ptr<Connection>> connections_;
};

}  // namespace pingap::control
