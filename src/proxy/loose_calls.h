// The requests of a worker whose answers nobody waits for: copies for other servers. Bounded in
// number and bytes; what there is no room for is not sent. Worker.
#pragma once

#include <cstddef>

#include "base/intrusive_list.h"
#include "net/event_loop.h"
#include "plugin/subrequest.h"
#include "proxy/generation.h"

namespace pingap::proxy {

class Worker;

class LooseCalls {
 public:
  static constexpr size_t kMost = 256;
  static constexpr size_t kMostBytes = 16 << 20;  // of bodies

  explicit LooseCalls(Worker& worker) noexcept : worker_(worker) {}

  LooseCalls(const LooseCalls&) = delete;
  LooseCalls& operator=(const LooseCalls&) = delete;
  ~LooseCalls();

  // Copies all of `asked`; `cluster` is one of `generation`. False: no room.
  bool start(Generation& generation, const Cluster& cluster, const plugin::Subrequest& asked);

  // Before the backends go.
  void drop_all() noexcept;

  size_t size() const noexcept { return count_; }

 private:
  class One;
  struct Tag;

  struct Hook : ListHook<Tag> {};

  void end(One& one) noexcept;

  Worker& worker_;
  IntrusiveList<Hook, Tag> calls_;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace pingap::proxy
