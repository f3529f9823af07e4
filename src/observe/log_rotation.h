// When a log file is put aside, under which name, and what becomes of those that were.
//
//   access.log --due--> access.log.20260102-030405 --next time--> ....gz --too many, too old-->
//   gone
//
// The newest of the old files is never packed: readers may be at it, and another process of ours
// may still write its last lines there.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace pingap::observe {

enum class RotateEvery : uint8_t { never, hour, day };

struct RotationPolicy {
  uint64_t max_size = 0;  // bytes; 0 = not by size
  RotateEvery every = RotateEvery::never;
  uint32_t keep = 14;               // old files; 0 = all
  std::chrono::seconds max_age{0};  // of old files; 0 = any
  bool compress = false;            // gzip

  bool on() const noexcept { return max_size > 0 || every != RotateEvery::never; }

  bool operator==(const RotationPolicy&) const = default;
};

// The next full hour or midnight of local time after `now`; far away for `never`. Any thread.
WallTime next_rotation(RotateEvery every, WallTime now) noexcept;

// "PATH.20260102-030405", local time. Any thread.
std::string archive_name(const std::string& path, WallTime now);

// Whether `name` is what rotation makes of a log called `base`; both without folders.
bool is_archive(std::string_view name, std::string_view base) noexcept;

// Renames the file to its archive name, never over another file. 0, or errno. Blocks.
int put_aside(const std::string& path, WallTime now) noexcept;

// Packs and removes old files on a thread of its own, so that the writer goes on: gzip of a large
// file takes seconds. Its methods: any thread.
class LogArchiver {
 public:
  LogArchiver() = default;
  LogArchiver(const LogArchiver&) = delete;
  LogArchiver& operator=(const LogArchiver&) = delete;

  ~LogArchiver() { stop(); }

  // Soon: the old files of this log become what the policy says.
  void tidy(const std::string& path, const RotationPolicy& policy) noexcept;
  // Leaves what is half done as it was.
  void stop() noexcept;

 private:
  struct Job {
    std::string path;
    RotationPolicy policy;
  };

  void run() noexcept;
  void work(const Job& job) noexcept;
  void pack(const std::string& path) noexcept;
  bool stopping() noexcept;

  std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<Job> jobs_;
  bool stopping_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace pingap::observe
