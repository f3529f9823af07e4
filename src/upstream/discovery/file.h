// Servers that a file lists. It is looked at every second; what cannot be read changes nothing.
// Control thread.
#pragma once

#include <string>

#include "base/trouble.h"
#include "net/event_loop.h"
#include "net/timer.h"
#include "upstream/discovery/server_list.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

class FileSource final : public Source {
 public:
  // The loop outlives the source.
  FileSource(net::EventLoop& loop, std::string upstream, std::string path, ListRules rules);

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override;

  bool settled() const noexcept override { return settled_; }

  // A file is used as it is, or not at all.
  size_t left_out() const noexcept override { return 0; }

 private:
  void look() noexcept;
  void read();

  net::EventLoop& loop_;
  const std::string upstream_;
  const std::string path_;
  const std::string name_;
  const ListRules rules_;
  Report report_;
  bool settled_ = false;
  bool known_ = false;   // it could be read before
  std::string read_at_;  // state of the file that was read, or was refused
  std::string seen_;     // at the last look
  Trouble trouble_;
  net::Timer timer_{Callback<void()>::of<&FileSource::look>(this)};
};

}  // namespace pingap::upstream
