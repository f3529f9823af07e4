// Reloads when a file of the configuration has changed (inotify): written in place, replaced by an
// editor, put behind another link (Kubernetes), new or gone in a folder. A file is read once it has
// been closed, and nothing has happened for a moment. Control thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/trouble.h"
#include "control/reloader.h"
#include "net/event_loop.h"
#include "net/fd.h"

namespace pingap::control {

class FileWatch final : public net::IoHandler {
 public:
  // All outlive it. `always`: also where the configuration has no `auto_reload`.
  FileWatch(const std::string& path, bool always, Reloader& reloader, net::EventLoop& loop);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  void on_io(net::IoEvents ready) noexcept override;

 private:
  bool wanted() const noexcept;
  void on_timer() noexcept;
  void look();
  void watch();

  std::string path_;
  bool always_;
  Reloader& reloader_;
  net::EventLoop& loop_;
  net::Fd inotify_;
  std::set<int> watches_;    // of inotify_
  bool watching_ = false;    // all that matters; else it looks every few seconds
  std::string tried_;        // hash of the texts that were used or refused last
  bool unreadable_ = false;  // and that was said
  Trouble trouble_{Trouble::Part::configuration, "file"};
  TimePoint by_{};  // when a look is due, even if it goes on changing
  net::Timer timer_{Callback<void()>::of<&FileWatch::on_timer>(this)};
};

}  // namespace pingap::control
