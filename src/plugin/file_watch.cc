#include "plugin/file_watch.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace pingap::plugin {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(1);

}  // namespace

FileWatch::FileWatch(Settings settings, Read read)
    : settings_(std::move(settings)),
      read_(std::move(read)),
      read_at_(settings_.state),
      seen_(settings_.state),
      trouble_(Trouble::Part::plugin, settings_.plugin),
      repeated_(Background::instance().repeat(kLookEvery, [this] { look(); })) {
}

void FileWatch::look() {
  const std::string before = std::exchange(seen_, settings_.state_of(settings_.path));
  // Not while it is being written: the state must have stayed for a while.
  if (seen_ == read_at_ || seen_ != before) {
    return;
  }
  read_at_ = seen_;
  if (auto done = read_(); !done) {
    PINGAP_LOG(error, "the {} of {} are as before: {}", settings_.what, settings_.path,
               done.error());
    trouble_.begin(fmt::format("the {} of {} are as before: {}", settings_.what, settings_.path,
                               done.error()));
    return;
  }
  PINGAP_LOG(info, "read the {} of {} again", settings_.what, settings_.path);
  trouble_.end();
}

}  // namespace pingap::plugin
