#include "upstream/discovery/file.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/file_state.h"
#include "base/log.h"

namespace pingap::upstream {
namespace {

constexpr Duration kInterval = std::chrono::seconds(1);

}  // namespace

FileSource::FileSource(net::EventLoop& loop, std::string upstream, std::string path,
                       ListRules rules)
    : loop_(loop),
      upstream_(std::move(upstream)),
      path_(std::move(path)),
      name_("file " + path_),
      rules_(std::move(rules)),
      trouble_(Trouble::Part::discovery, upstream_) {
}

void FileSource::start(Report report) {
  report_ = std::move(report);
  loop_.arm(timer_, Duration::zero());
}

void FileSource::look() noexcept {
  try {
    std::string now = file_state(path_);
    // Not while it is being written: the state must have stayed for a while.
    if (!settled_ || (now == seen_ && now != read_at_)) {
      read_at_ = now;
      read();
      settled_ = true;
    }
    seen_ = std::move(now);
  } catch (const std::exception& error) {
    PINGAP_LOG(error, "upstream {}: {} was not looked at: {}", upstream_, path_, error.what());
  }
  loop_.arm(timer_, kInterval);
}

void FileSource::read() {
  config::Diagnostics diagnostics;
  std::vector<Found> found = read_server_list(path_, rules_, diagnostics);
  if (!diagnostics.has_errors()) {
    PINGAP_LOG(info, "upstream {}: {} lists {} server{}", upstream_, path_, found.size(),
               found.size() == 1 ? "" : "s");
    known_ = true;
    trouble_.end();
    report_(std::move(found));
    return;
  }
  for (const config::Diagnostic& entry : diagnostics.entries()) {
    const std::string place = diagnostics.place(entry.at);
    PINGAP_LOG(error, "upstream {}: {}{}{}{}{}{}{}", upstream_, place, place.empty() ? "" : ": ",
               entry.what, entry.allowed.empty() ? "" : "; ", entry.allowed,
               entry.hint.empty() ? "" : "; ", entry.hint);
  }
  const std::string what =
      fmt::format("{} cannot be used: {}", path_,
                  known_ ? "the servers of before stay" : "there are no servers of it yet");
  PINGAP_LOG(error, "upstream {}: {}", upstream_, what);
  trouble_.begin(what);
}

}  // namespace pingap::upstream
