#include "observe/log_rotation.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <zlib.h>

#include <fmt/core.h>

#include "base/log.h"

namespace pingap::observe {
namespace {

constexpr std::string_view kPacked = ".gz";
constexpr std::string_view kHalfPacked = ".gz.part";
// Files that were put aside within one second.
constexpr int kMostInOneSecond = 1000;

std::tm local(WallTime time) noexcept {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

std::string describe(int error) {
  return std::generic_category().message(error);
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string folder_of_log(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view name_of_log(std::string_view path) noexcept {
  return path.substr(path.rfind('/') + 1);
}

struct Old {
  std::string path;
  timespec changed;  // in full: several files may be of one second
  bool packed;
};

// The newest first.
std::vector<Old> old_files(const std::string& path) {
  std::vector<Old> all;
  const std::string folder = folder_of_log(path);
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), &::closedir);
  if (dir == nullptr) {
    return all;
  }
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string_view name = entry->d_name;
    if (!is_archive(name, name_of_log(path))) {
      continue;
    }
    Old old{fmt::format("{}/{}", folder, name), {}, name.ends_with(kPacked)};
    struct stat info{};
    if (::lstat(old.path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      old.changed = info.st_mtim;
      all.push_back(std::move(old));
    }
  }
  // By time, then in the order in which a second's files were put aside: "-2" before "-10".
  std::ranges::sort(all, [](const Old& a, const Old& b) {
    const auto stem = [](const Old& one) {
      return std::string_view(one.path).substr(0,
                                               one.path.size() - (one.packed ? kPacked.size() : 0));
    };
    if (a.changed.tv_sec != b.changed.tv_sec) {
      return a.changed.tv_sec > b.changed.tv_sec;
    }
    if (a.changed.tv_nsec != b.changed.tv_nsec) {
      return a.changed.tv_nsec > b.changed.tv_nsec;
    }
    return stem(a).size() != stem(b).size() ? stem(a).size() > stem(b).size() : stem(a) > stem(b);
  });
  return all;
}

// Does not go over a file that is there.
int rename_to_new(const std::string& from, const std::string& to) noexcept {
  if (::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 1U /*NOREPLACE*/) ==
      0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return errno;
  }
  // A file system that does not know the flag.
  struct stat info{};
  if (::lstat(to.c_str(), &info) == 0) {
    return EEXIST;
  }
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

struct CloseFd {
  int fd;

  explicit CloseFd(int opened) noexcept : fd(opened) {}

  CloseFd(const CloseFd&) = delete;
  CloseFd& operator=(const CloseFd&) = delete;

  ~CloseFd() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
};

}  // namespace

WallTime next_rotation(RotateEvery every, WallTime now) noexcept {
  if (every == RotateEvery::never) {
    return WallTime::max();
  }
  std::tm next = local(now);
  next.tm_min = 0;
  next.tm_sec = 0;
  next.tm_isdst = -1;
  if (every == RotateEvery::hour) {
    ++next.tm_hour;
  } else {
    next.tm_hour = 0;
    ++next.tm_mday;
  }
  auto at = std::chrono::time_point_cast<WallTime::duration>(
      std::chrono::system_clock::from_time_t(std::mktime(&next)));
  while (at <= now) {  // the hour that a change of the clock repeats
    at += std::chrono::hours(1);
  }
  return at;
}

std::string archive_name(const std::string& path, WallTime now) {
  const std::tm time = local(now);
  return fmt::format("{}.{:04}{:02}{:02}-{:02}{:02}{:02}", path, time.tm_year + 1900,
                     time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec);
}

bool is_archive(std::string_view name, std::string_view base) noexcept {
  if (!name.starts_with(base) || name.size() <= base.size() || name[base.size()] != '.') {
    return false;
  }
  std::string_view rest = name.substr(base.size() + 1);
  if (rest.ends_with(kPacked)) {
    rest.remove_suffix(kPacked.size());
  }
  constexpr size_t kDate = 8;
  constexpr size_t kStamp = 15;
  if (rest.size() < kStamp || rest[kDate] != '-' || !all_digits(rest.substr(0, kDate)) ||
      !all_digits(rest.substr(kDate + 1, kStamp - kDate - 1))) {
    return false;
  }
  rest.remove_prefix(kStamp);
  return rest.empty() || (rest[0] == '-' && all_digits(rest.substr(1)));
}

int put_aside(const std::string& path, WallTime now) noexcept {
  const std::string first = archive_name(path, now);
  for (int i = 0; i < kMostInOneSecond; ++i) {
    const std::string name = i == 0 ? first : fmt::format("{}-{}", first, i);
    struct stat info{};
    if (::lstat((name + std::string(kPacked)).c_str(), &info) == 0) {
      continue;  // packing this one would go over that
    }
    if (const int error = rename_to_new(path, name); error != EEXIST) {
      return error;
    }
  }
  return EEXIST;
}

// ---- the archiver

void LogArchiver::tidy(const std::string& path, const RotationPolicy& policy) noexcept {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return;
  }
  for (Job& job : jobs_) {
    if (job.path == path) {
      job.policy = policy;
      return;
    }
  }
  jobs_.push_back({path, policy});
  changed_.notify_one();
  if (!thread_.joinable()) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
      // The old files stay until there is a thread, at the next rotation.
      PINGAP_LOG(warn, "old log files are not looked at: {}", error.what());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
}

void LogArchiver::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool LogArchiver::stopping() noexcept {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void LogArchiver::run() noexcept {
  pthread_setname_np(pthread_self(), "pingap-archive");
  // Of this thread alone (Linux): packing must not take a core from who serves.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) {
        return;
      }
      job = std::move(jobs_.front());
      jobs_.erase(jobs_.begin());
    }
    work(job);
  }
}

// Removes before it packs: on a full disk that makes the room that packing needs.
void LogArchiver::work(const Job& job) noexcept {
  std::vector<Old> stays = old_files(job.path);  // the newest first, and so are the oldest last
  const std::time_t now = std::time(nullptr);
  const auto is_over = [&](size_t place) {
    const bool too_many = job.policy.keep > 0 && place >= job.policy.keep;
    return too_many || (job.policy.max_age.count() > 0 &&
                        now - stays[place].changed.tv_sec > job.policy.max_age.count());
  };
  for (; !stays.empty() && is_over(stays.size() - 1); stays.pop_back()) {
    const std::string& path = stays.back().path;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      PINGAP_LOG(warn, "cannot remove {}: {}", path, describe(errno));
    }
  }
  for (size_t i = 1; job.policy.compress && i < stays.size() && !stopping(); ++i) {
    if (!stays[i].packed) {
      pack(stays[i].path);
    }
  }
}

// The packed file takes the other one's place once it is whole, with its time and its owner's
// rights.
void LogArchiver::pack(const std::string& path) noexcept {
  const std::string half = path + std::string(kHalfPacked);
  const CloseFd from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info{};
  if (from.fd < 0 || ::fstat(from.fd, &info) != 0) {
    return;  // somebody else has taken it away
  }
  const int to = ::open(half.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                        info.st_mode & 0777U);
  gzFile out = to < 0 ? nullptr : ::gzdopen(to, "wb6");
  bool good = out != nullptr;
  std::vector<char> room(size_t{64} * 1024);
  while (good) {
    const ssize_t got = ::read(from.fd, room.data(), room.size());
    if (got <= 0) {
      good = got == 0;
      break;
    }
    good = !stopping() && ::gzwrite(out, room.data(), static_cast<unsigned>(got)) == got;
  }
  const int error = errno;
  if (out != nullptr) {
    good = ::gzclose(out) == Z_OK && good;
  } else if (to >= 0) {
    ::close(to);
  }
  const std::array<timespec, 2> times = {info.st_atim, info.st_mtim};
  good = good && ::utimensat(AT_FDCWD, half.c_str(), times.data(), 0) == 0 &&
         ::rename(half.c_str(), (path + std::string(kPacked)).c_str()) == 0 &&
         ::unlink(path.c_str()) == 0;
  if (!good) {
    ::unlink(half.c_str());
    if (!stopping()) {
      PINGAP_LOG(warn, "cannot pack {}: {}; it stays as it is", path, describe(error));
    }
  }
}

}  // namespace pingap::observe
