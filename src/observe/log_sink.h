// Access-log lines from the workers to files, without a worker ever waiting for a disk or a pipe.
//
//   worker: LogBuffer --full or old block--> LogSink's queue --> writer thread --> descriptor
//              ^                                                     |
//              +------------------- free blocks <--------------------+
//
// A lock is taken once per block, not per line. When the writer cannot keep up (slow disk, disk
// full, stalled reader of a pipe) the queue fills to a bound, then lines are dropped and counted.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/trouble.h"
#include "observe/log_rotation.h"

namespace pingap::observe {

class LogWriter;

// Whole lines on their way to one sink. Owned by a LogBuffer, a queue or the free list.
struct LogBlock {
  static constexpr size_t kSize = 64 * 1024;

  LogBlock* next = nullptr;
  uint32_t used = 0;
  uint32_t written = 0;
  char data[kSize];
};

// First in, first out; owns its blocks.
class LogBlockQueue {
 public:
  LogBlockQueue() noexcept = default;
  LogBlockQueue(const LogBlockQueue&) = delete;
  LogBlockQueue& operator=(const LogBlockQueue&) = delete;
  ~LogBlockQueue();

  bool empty() const noexcept { return first_ == nullptr; }

  LogBlock* front() const noexcept { return first_; }

  LogBlock* back() const noexcept { return first_ == nullptr ? nullptr : last_; }

  void push(std::unique_ptr<LogBlock> block) noexcept;
  std::unique_ptr<LogBlock> pop() noexcept;  // null when empty
  void take_all(LogBlockQueue& other) noexcept;

 private:
  LogBlock* first_ = nullptr;
  LogBlock* last_ = nullptr;
};

// What becomes of a log that cannot be opened.
enum class BadLog : uint8_t {
  refused,  // an error
  later,    // a sink all the same: lines wait, and it is tried again and again
};

// Of sinks, since the start.
struct LogTotals {
  uint64_t dropped = 0;  // lines
  uint64_t errors = 0;   // calls to write that failed
  uint64_t bytes = 0;    // written
};

// One destination: a file, stdout or stderr. Made by LogWriter::open().
class LogSink {
 public:
  // Blocks that may wait for the writer; beyond that lines are dropped.
  static constexpr uint32_t kMaxBacklog = 128;

  // Without a descriptor (-1) for `error`: it is opened later.
  LogSink(LogWriter& writer, std::string path, int fd, int error);
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;
  ~LogSink();

  const std::string& path() const noexcept { return path_; }

  // Any thread: lines lost, failed write calls, bytes written.
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  uint64_t errors() const noexcept { return errors_.load(std::memory_order_relaxed); }

  uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

  void add_to(LogTotals& totals) const noexcept;

  // Any thread: the last write has failed.
  bool failing() const noexcept { return failing_.load(std::memory_order_relaxed); }

 private:
  friend class LogBuffer;
  friend class LogWriter;

  using Clock = std::chrono::steady_clock;

  bool accepts() const noexcept { return backlog_.load(std::memory_order_relaxed) < kMaxBacklog; }

  void count_dropped(uint64_t lines) noexcept {
    dropped_.fetch_add(lines, std::memory_order_relaxed);
  }

  // A descriptor of the path, -1 and errno where it cannot be had.
  static int open_path(const std::string& path) noexcept;

  // Writer thread:
  void adopt(int fd) noexcept;
  bool reopen() noexcept;
  bool open_late() noexcept;
  void write_some(LogBlockQueue& done, const RotationPolicy& policy) noexcept;
  void rotate(const RotationPolicy& policy, const LogBlock& next) noexcept;
  bool follow_path() noexcept;
  void give_up(LogBlockQueue& done) noexcept;
  void fail(int error) noexcept;
  std::string describe_failure(int error) const;
  void say_writing_fails(std::string what) noexcept;
  void end_trouble() noexcept;
  void tidy_now_and_then(const RotationPolicy& policy, Clock::time_point now) noexcept;
  void warn_dropped(Clock::time_point now) noexcept;

  bool waits_for_room() const noexcept { return !queue_.empty() && !failing(); }

  LogWriter& writer_;
  const std::string path_;
  LogBlockQueue incoming_;            // guarded by the writer's mutex
  std::atomic<uint32_t> backlog_{0};  // blocks handed over and not yet written
  std::atomic<uint64_t> dropped_{0};  // workers and writer thread add
  std::atomic<uint64_t> errors_{0};   // writer thread adds
  std::atomic<uint64_t> bytes_{0};    // writer thread adds
  std::atomic<bool> failing_{false};  // writer thread sets
  // Writer thread:
  LogBlockQueue queue_;
  int fd_ = -1;           // -1: it could not be opened yet
  bool regular_ = false;  // a file: takes any size; else a pipe, socket or terminal
  bool in_trouble_ = false;
  Trouble writing_;    // lines wait, or are lost
  Trouble renewing_;   // the path cannot be opened anew, or the file not be put aside
  uint64_t size_ = 0;  // of a file
  RotateEvery rotates_ = RotateEvery::never;
  WallTime rotate_at_ = WallTime::max();                    // by time
  Clock::time_point next_rotation_{};                       // not before: the last one did not work
  Clock::time_point next_tidy_ = Clock::time_point::max();  // of old files, without a rotation
  Clock::time_point retry_at_{};
  Clock::time_point next_warning_{};
  uint64_t warned_ = 0;  // of dropped_
};

// A worker's part of a sink; a line is formatted straight into its block. Worker. Must be
// destroyed before the LogWriter stops: destruction hands over what is left.
class LogBuffer {
 public:
  explicit LogBuffer(std::shared_ptr<LogSink> sink) noexcept : sink_(std::move(sink)) {}

  LogBuffer(const LogBuffer&) = delete;
  LogBuffer& operator=(const LogBuffer&) = delete;
  ~LogBuffer();

  // Room for one line of at most `max` (<= LogBlock::kSize) bytes; empty: the line is dropped.
  std::span<char> prepare(size_t max) noexcept {
    if (block_ == nullptr || LogBlock::kSize - block_->used < max) {
      if (!next_block()) {
        return {};
      }
    }
    return {block_->data + block_->used, max};
  }

  // A whole line of `size` bytes was written to the room.
  void commit(size_t size) noexcept { block_->used += static_cast<uint32_t>(size); }

  // Hands over what is there; called by the worker's timer some times a second.
  void flush() noexcept;

  bool pending() const noexcept { return block_ != nullptr && block_->used > 0; }

  LogSink& sink() const noexcept { return *sink_; }

 private:
  bool next_block() noexcept;

  std::shared_ptr<LogSink> sink_;
  std::unique_ptr<LogBlock> block_;
};

// Whether an access log's path is a stream that is open already: "stdout" or "stderr".
bool is_stream(std::string_view path) noexcept;

// Owns the writer thread and the sinks. Control thread, but for what is marked otherwise.
class LogWriter {
 public:
  LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();

  // The sink of a file path, "stdout" or "stderr"; the same one for the same path. A sink that
  // nobody holds any more is closed, soon after the last LogBuffer of it has ended or by
  // close_unheld(). Error::sys holds errno.
  Result<std::shared_ptr<LogSink>> open(std::string_view path, BadLog bad = BadLog::refused);
  // There is a sink of the path.
  bool has(std::string_view path) const;

  // Any thread.
  LogTotals totals() const;

  // Not before the process has become a daemon. What was handed over earlier is written then.
  void start();
  // Any thread: opens all files anew by their paths, after a rotation. No line is lost.
  void reopen() noexcept;
  // Any thread: from now on the files are rotated so; at first they are not.
  void set_rotation(const RotationPolicy& policy) noexcept;
  // Any thread: one whole line of at most LogBlock::kSize bytes, written as soon as can be. For
  // lines that are few: takes the lock. False: there is no room, and it is the caller's.
  bool append(LogSink& sink, std::string_view line) noexcept;

  // Any thread: closes what was opened and is not used after all.
  void close_unheld() const noexcept { wake(); }

  // Waits until what was handed over before this call was written, or has failed.
  void sync() noexcept;
  // Writes what is there (pipes get kStopTime) and ends the thread.
  void stop() noexcept;

 private:
  friend class LogBuffer;
  friend class LogSink;

  // Any thread. Queues `full` (may be null); returns an empty block, null when memory is out.
  std::unique_ptr<LogBlock> exchange(LogSink& sink, std::unique_ptr<LogBlock> full) noexcept;
  void hand_over(LogSink& sink, std::unique_ptr<LogBlock> block) noexcept;

  struct Turn;
  void run() noexcept;
  void begin(Turn& turn) noexcept;
  void write_all(Turn& turn) noexcept;
  void end(Turn& turn) noexcept;
  void wait(Turn& turn) noexcept;
  void wake() const noexcept;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  LogTotals gone_;  // of sinks that are closed
  std::vector<std::shared_ptr<LogSink>> sinks_;
  std::vector<std::unique_ptr<LogBlock>> free_;  // the last used one on top: still in the cache
  uint64_t sync_wanted_ = 0;
  uint64_t sync_done_ = 0;
  bool reopen_wanted_ = false;
  RotationPolicy rotation_;
  bool stopping_ = false;
  std::condition_variable synced_;

  LogArchiver archiver_;
  int wake_fd_;  // eventfd
  std::thread thread_;
};

}  // namespace pingap::observe
