// Servers that a file lists. It is looked at every second; what cannot be read changes nothing.
// Control thread.
#pragma once

#include <string>

#include "net/event_loop.h"
#include "net/timer.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

class FileSource final : public Source {
 public:
  // The loop outlives the source. `port` is that of addresses without one.
  FileSource(net::EventLoop& loop, std::string upstream, std::string path, uint16_t port);

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override;

  bool settled() const noexcept override { return settled_; }

 private:
  void look() noexcept;
  void read();

  net::EventLoop& loop_;
  const std::string upstream_;
  const std::string path_;
  const std::string name_;
  const uint16_t port_;
  Report report_;
  bool settled_ = false;
  bool known_ = false;   // it could be read before
  std::string read_at_;  // state of the file that was read, or was refused
  std::string seen_;     // at the last look
  net::Timer timer_{Callback<void()>::of<&FileSource::look>(this)};
};

}  // namespace pingap::upstream
