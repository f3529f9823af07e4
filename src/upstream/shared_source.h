// A source of servers, for all who want to know what it says: an upstream and, while another
// configuration is prepared, the one that takes its place. So a reload loses nothing that is known,
// also where nobody could tell it again. Control thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "upstream/discovery/source.h"

namespace pingap::upstream {

class SharedSource {
 public:
  // `needs` is what the source needs for as long as it is there; may be null.
  explicit SharedSource(std::unique_ptr<Source> source, std::shared_ptr<const void> needs = {});
  SharedSource(const SharedSource&) = delete;
  SharedSource& operator=(const SharedSource&) = delete;
  ~SharedSource();

  // Begins to look, unless it does already. `heard` is called each time that the source has spoken,
  // on the loop, never from inside this call; until forget() with the same `who`.
  void listen(const void* who, std::function<void()> heard);
  void forget(const void* who) noexcept;

  // What it said last; nothing where it has not spoken yet.
  const std::optional<std::vector<Found>>& told() const noexcept { return told_; }

  const std::string& name() const noexcept { return source_->name(); }

  bool settled() const noexcept { return source_->settled(); }

  size_t left_out() const noexcept { return source_->left_out(); }

 private:
  struct Listener {
    const void* who;
    std::function<void()> heard;
  };

  void on_found(std::vector<Found> found);

  const std::shared_ptr<const void> needs_;
  const std::unique_ptr<Source> source_;
  std::optional<std::vector<Found>> told_;
  std::vector<Listener> listeners_;
  bool started_ = false;
};

}  // namespace pingap::upstream
