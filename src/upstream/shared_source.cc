#include "upstream/shared_source.h"

#include <utility>

namespace pingap::upstream {

SharedSource::SharedSource(std::unique_ptr<Source> source, std::shared_ptr<const void> needs)
    : needs_(std::move(needs)), source_(std::move(source)) {
}

SharedSource::~SharedSource() = default;

void SharedSource::listen(const void* who, std::function<void()> heard) {
  listeners_.push_back({who, std::move(heard)});
  if (!std::exchange(started_, true)) {
    source_->start([this](std::vector<Found> found) { on_found(std::move(found)); });
  }
}

void SharedSource::forget(const void* who) noexcept {
  std::erase_if(listeners_, [who](const Listener& one) { return one.who == who; });
}

void SharedSource::on_found(std::vector<Found> found) {
  told_ = std::move(found);
  for (const Listener& one : listeners_) {
    one.heard();
  }
}

}  // namespace pingap::upstream
