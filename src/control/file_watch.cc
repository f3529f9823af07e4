#include "control/file_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <sys/inotify.h>
#include <system_error>
#include <utility>

#include "base/file_access.h"
#include "base/log.h"
#include "control/history.h"

namespace pingap::control {
namespace {

namespace fs = std::filesystem;

// Several files are often written one after the other.
constexpr Duration kQuiet = std::chrono::milliseconds(100);
// Who writes all the time is read all the same.
constexpr Duration kLongest = std::chrono::seconds(1);
// Where the system has no more notices to give: their number is limited for each user.
constexpr Duration kPoll = std::chrono::seconds(5);

constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR | IN_MASK_ADD;
// Of the folders above: what others do in them does not matter, only where they are.
constexpr uint32_t kEventsAbove = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;

// The folder `path` is in, or, where that is gone, the nearest above it: there it comes back.
fs::path nearest_folder(const fs::path& path) {
  fs::path folder = path;
  std::error_code error;
  do {
    folder = folder.parent_path();
  } while (!fs::is_directory(folder, error) && folder != folder.parent_path());
  return folder;
}

// Every folder in which something may be exchanged so that the path means other bytes: those of
// each link on the way, and those below a folder.
std::vector<fs::path> folders_of(const fs::path& path) {
  std::vector<fs::path> folders;
  constexpr int kMaxLinks = 40;  // as the kernel
  fs::path whole;
  fs::path rest = path;
  for (int links = 0; !rest.empty() && links <= kMaxLinks;) {
    const fs::path part = *rest.begin();
    fs::path left;
    for (auto it = std::next(rest.begin()); it != rest.end(); ++it) {
      left /= *it;
    }
    rest = left;
    const fs::path at = whole / part;
    std::error_code error;
    const fs::path target = fs::read_symlink(at, error);
    if (error) {
      whole = at;
      continue;
    }
    folders.push_back(whole);
    ++links;
    rest = rest.empty() ? target : target / rest;
    if (target.is_absolute()) {
      whole.clear();
    }
  }
  std::error_code error;
  folders.push_back(fs::is_directory(whole, error) ? whole : nearest_folder(whole));
  if (fs::is_directory(whole, error)) {
    constexpr auto kOptions = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator it(whole, kOptions, error), end; !error && it != end;
         it.increment(error)) {
      const fs::directory_entry& entry = *it;
      std::error_code gone;
      if (entry.is_directory(gone)) {
        folders.push_back(entry.path());
      } else if (entry.is_symlink(gone)) {
        // Not further: a link may lead to where we are.
        const fs::path target = fs::canonical(entry.path(), gone);
        if (!gone) {
          folders.push_back(target.parent_path());
        }
      }
    }
  }
  return folders;
}

// As of the start: the folder that the process was started in may go.
std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  return path == "-" || error ? path : whole.string();
}

// By the places of texts in the configuration: their names depend on how it was named.
std::string hash_by_place(std::vector<config::Text> texts) {
  for (config::Text& text : texts) {
    text.name = text.path;
  }
  return hash_of(texts);
}

// The first error, without its place, which is none.
std::string first_error(const config::Diagnostics& diagnostics) {
  const auto& all = diagnostics.entries();
  const auto found = std::ranges::find(all, config::Severity::error, &config::Diagnostic::severity);
  return found == all.end() ? std::string() : found->what;
}

}  // namespace

FileWatch::FileWatch(const std::string& path, bool always, Reloader& reloader, net::EventLoop& loop)
    : path_(absolute(path)),
      always_(always),
      reloader_(reloader),
      loop_(loop),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      tried_(hash_by_place(reloader.current().texts)) {
  if (path_ == "-") {
    return;
  }
  if (!inotify_ || !loop_.add_level(inotify_.get(), *this)) {
    PINGAP_LOG(warn, "auto_reload: no notice of changed files, looking every {} s",
               std::chrono::duration_cast<std::chrono::seconds>(kPoll).count());
  }
  watch();
  loop_.arm(timer_, kQuiet);  // what has changed since it was read
}

bool FileWatch::wanted() const noexcept {
  return always_ || reloader_.current().model.basic.auto_reload;
}

// Adding what is watched already changes nothing; what is not on the way any more is left.
void FileWatch::watch() {
  watching_ = static_cast<bool>(inotify_);
  if (!inotify_) {
    return;
  }
  std::set<int> watches;
  const auto add = [&](const fs::path& folder, uint32_t events) {
    const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), events);
    if (watch >= 0) {
      watches.insert(watch);
    }
    return watch >= 0;
  };
  for (const fs::path& folder : folders_of(path_)) {
    if (!add(folder, kEvents)) {
      watching_ = false;  // perhaps it has just gone
    }
    for (fs::path above = folder.parent_path(); above.has_relative_path();
         above = above.parent_path()) {
      add(above, kEventsAbove);  // one that may not be read is hardly ours to move
    }
  }
  for (const int watch : watches_) {
    if (!watches.contains(watch)) {
      ::inotify_rm_watch(inotify_.get(), watch);  // or it has ended with its folder
    }
  }
  watches_ = std::move(watches);
}

void FileWatch::on_io(net::IoEvents /*ready*/) noexcept {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  while (::read(inotify_.get(), buffer.data(), buffer.size()) > 0) {
  }
  const TimePoint now = loop_.now();
  if (by_ == TimePoint{}) {
    by_ = now + kLongest;
  }
  loop_.arm(timer_, std::clamp(by_ - now, Duration{0}, kQuiet));
}

void FileWatch::on_timer() noexcept {
  by_ = {};
  watch();
  if (wanted()) {
    look();
  }
  if (!watching_) {
    loop_.arm(timer_, kPoll);
  }
}

// The texts decide: a file that was only touched, or written back as it was, is no change.
void FileWatch::look() {
  config::Diagnostics diagnostics;
  const auto texts = config::read_sources(path_, diagnostics);
  if (diagnostics.has_errors()) {
    const std::string why = first_error(diagnostics) + ": what runs goes on";
    if (!std::exchange(unreadable_, true)) {
      PINGAP_LOG(error, "auto_reload: {}", why);
    }
    trouble_.begin(why);
    return;
  }
  unreadable_ = false;
  trouble_.end();
  const std::string hash = hash_by_place(texts);
  if (hash == std::exchange(tried_, hash) || hash == hash_by_place(reloader_.current().texts)) {
    return;
  }
  PINGAP_LOG(info, "{} has changed: reloading", path_);
  reloader_.reload({"file", {}, {}}, [](const Answer& /*answer*/) {});
}

}  // namespace pingap::control
