#include "observe/log_sink.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"

namespace pingap::observe {
namespace {

// A pipe that says it is writable takes this much without blocking (PIPE_BUF of Linux).
constexpr size_t kPipeWrite = 4096;
constexpr auto kRetryAfter = std::chrono::milliseconds(500);
constexpr auto kWarnEvery = std::chrono::seconds(10);
// A rotation that did not work: a folder that may not be written to stays so for a while.
constexpr auto kRotateAgainAfter = std::chrono::seconds(60);
// How often old files are looked at for their age alone: a log may be quiet for long.
constexpr auto kTidyEvery = std::chrono::hours(1);

// Opens anew without waiting for the reader of a FIFO; regular files ignore O_NONBLOCK.
int open_file(const std::string& path) noexcept {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                0640);
}

std::string describe(int error) {
  return std::generic_category().message(error);
}

// How much of `text` to write to a pipe: whole lines where possible, so that those of other
// writers (the application log on stderr) do not get in between.
size_t pipe_piece(std::string_view text) noexcept {
  if (text.size() <= kPipeWrite) {
    return text.size();
  }
  const size_t newline = text.rfind('\n', kPipeWrite - 1);
  return newline == std::string_view::npos ? kPipeWrite : newline + 1;
}

}  // namespace

bool is_stream(std::string_view path) noexcept {
  return path == "stdout" || path == "stderr";
}

// ---- blocks ----

LogBlockQueue::~LogBlockQueue() {
  while (pop()) {
  }
}

void LogBlockQueue::push(std::unique_ptr<LogBlock> block) noexcept {
  block->next = nullptr;
  LogBlock* added = block.release();
  (first_ == nullptr ? first_ : last_->next) = added;
  last_ = added;
}

std::unique_ptr<LogBlock> LogBlockQueue::pop() noexcept {
  std::unique_ptr<LogBlock> block(first_);
  if (block) {
    first_ = block->next;
  }
  return block;
}

void LogBlockQueue::take_all(LogBlockQueue& other) noexcept {
  if (other.empty()) {
    return;
  }
  (first_ == nullptr ? first_ : last_->next) = other.first_;
  last_ = other.last_;
  other.first_ = nullptr;
}

// ---- the worker's side ----

LogBuffer::~LogBuffer() {
  LogWriter& writer = sink_->writer_;
  if (pending()) {
    writer.hand_over(*sink_, std::move(block_));
  }
  sink_.reset();
  writer.close_unheld();
}

bool LogBuffer::next_block() noexcept {
  if (sink_->accepts()) {
    block_ = sink_->writer_.exchange(*sink_, std::move(block_));
    if (block_) {
      return true;
    }
  }
  sink_->count_dropped(1);
  return false;
}

void LogBuffer::flush() noexcept {
  if (pending() && sink_->accepts()) {
    sink_->writer_.hand_over(*sink_, std::move(block_));
  }
}

// ---- the sink: writer thread ----

LogSink::LogSink(LogWriter& writer, std::string path, int fd, int error)
    : writer_(writer),
      path_(std::move(path)),
      writing_(Trouble::Part::logging, path_),
      renewing_(Trouble::Part::logging, path_) {
  if (fd >= 0) {
    adopt(fd);
    return;
  }
  failing_.store(true, std::memory_order_relaxed);
  say_writing_fails(describe_failure(error));
}

LogSink::~LogSink() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

int LogSink::open_path(const std::string& path) noexcept {
  if (is_stream(path)) {
    return ::fcntl(path == "stdout" ? STDOUT_FILENO : STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  }
  return open_file(path);
}

void LogSink::adopt(int fd) noexcept {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  fd_ = fd;
  struct stat info{};
  regular_ = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  size_ = regular_ ? static_cast<uint64_t>(info.st_size) : 0;
  // A file that is older than this process may be due since before.
  rotates_ = RotateEvery::never;
}

// False: the old file is written to as before.
bool LogSink::reopen() noexcept {
  if (is_stream(path_)) {
    return true;
  }
  if (fd_ < 0) {
    retry_at_ = {};  // now
    return false;
  }
  const int fd = open_file(path_);
  if (fd < 0) {
    const int error = errno;
    errors_.fetch_add(1, std::memory_order_relaxed);
    const std::string what =
        fmt::format("cannot reopen it: {}; writing on to the old file", describe(error));
    renewing_.begin(what);
    PINGAP_LOG(warn, "log {}: {}", path_, what);
    return false;
  }
  adopt(fd);
  renewing_.end();
  failing_.store(false, std::memory_order_relaxed);
  if (LogBlock* block = queue_.front(); block != nullptr && block->written > 0) {
    // A line of which the old file has a part is written to the new one as a whole.
    const std::string_view before(block->data, block->written);
    const size_t newline = before.rfind('\n');
    block->written = newline == std::string_view::npos ? 0 : static_cast<uint32_t>(newline + 1);
  }
  return true;
}

// What could not be opened at the start: true where it is now.
bool LogSink::open_late() noexcept {
  const int fd = open_path(path_);
  if (fd < 0) {
    fail(errno);
    return false;
  }
  adopt(fd);
  failing_.store(false, std::memory_order_relaxed);
  return true;
}

std::string LogSink::describe_failure(int error) const {
  return fmt::format("cannot {}: {}; trying again", fd_ < 0 ? "open it" : "write", describe(error));
}

void LogSink::fail(int error) noexcept {
  errors_.fetch_add(1, std::memory_order_relaxed);
  const auto now = Clock::now();
  retry_at_ = now + kRetryAfter;
  // Before it is said: where this is the application log, stderr is who can still be told.
  const bool again = failing_.exchange(true, std::memory_order_relaxed);
  const std::string what = describe_failure(error);
  say_writing_fails(what);
  if (!again && now >= next_warning_) {
    next_warning_ = now + kWarnEvery;
    PINGAP_LOG(warn, "log {}: {}", path_, what);
  }
}

void LogSink::say_writing_fails(std::string what) noexcept {
  in_trouble_ = true;
  writing_.begin(std::move(what));
}

// All that waited was written.
void LogSink::end_trouble() noexcept {
  if (std::exchange(in_trouble_, false)) {
    writing_.end();
    PINGAP_LOG(info, "log {}: all that waited is written", path_);
  }
}

// Another process of ours may have rotated the file, or somebody has removed it: true where it was
// so, and ours is the new one.
bool LogSink::follow_path() noexcept {
  struct stat ours{};
  struct stat there{};
  if (::fstat(fd_, &ours) != 0) {
    return false;
  }
  const bool is_there = ::stat(path_.c_str(), &there) == 0;
  if (is_there ? ours.st_ino == there.st_ino && ours.st_dev == there.st_dev : errno != ENOENT) {
    return false;
  }
  if (!reopen()) {
    next_rotation_ = Clock::now() + kRotateAgainAfter;
  }
  return true;
}

// Before the block is written: puts the file aside where it is time to, and we are between lines.
void LogSink::rotate(const RotationPolicy& policy, const LogBlock& next) noexcept {
  if (!policy.on() || !regular_ || next.written > 0 || next.used == 0 || is_stream(path_)) {
    return;
  }
  const WallTime now = wall_now();
  if (rotates_ != policy.every) {
    rotates_ = policy.every;
    struct stat info{};
    const bool known = size_ > 0 && ::fstat(fd_, &info) == 0;
    const auto written = std::chrono::system_clock::from_time_t(known ? info.st_mtime : 0);
    rotate_at_ = next_rotation(policy.every, known ? WallTime(written) : now);
  }
  const bool too_big = policy.max_size > 0 && size_ > 0 && size_ + next.used > policy.max_size;
  if ((!too_big && now < rotate_at_) || Clock::now() < next_rotation_ || follow_path()) {
    return;
  }
  rotate_at_ = next_rotation(policy.every, now);
  if (size_ == 0) {
    return;
  }
  if (const int error = put_aside(path_, now); error != 0) {
    errors_.fetch_add(1, std::memory_order_relaxed);
    next_rotation_ = Clock::now() + kRotateAgainAfter;
    const std::string what = fmt::format("cannot rotate it: {}; writing on to it", describe(error));
    renewing_.begin(what);
    PINGAP_LOG(warn, "log {}: {}", path_, what);
    return;
  }
  reopen();
  rotates_ = policy.every;
  writer_.archiver_.tidy(path_, policy);
}

// Age alone: what is too many was removed when the last file was put aside.
void LogSink::tidy_now_and_then(const RotationPolicy& policy, Clock::time_point now) noexcept {
  if (!policy.on() || policy.max_age.count() == 0 || !regular_ || is_stream(path_)) {
    next_tidy_ = Clock::time_point::max();
    return;
  }
  if (next_tidy_ == Clock::time_point::max() || now >= next_tidy_) {
    next_tidy_ = now + kTidyEvery;
    writer_.archiver_.tidy(path_, policy);
  }
}

// Writes until the queue is empty, the descriptor takes no more, or it fails.
void LogSink::write_some(LogBlockQueue& done, const RotationPolicy& policy) noexcept {
  if ((failing() && Clock::now() < retry_at_) || (fd_ < 0 && !open_late())) {
    return;
  }
  while (LogBlock* block = queue_.front()) {
    rotate(policy, *block);
    const std::string_view rest(block->data + block->written, block->used - block->written);
    if (rest.empty()) {
      done.push(queue_.pop());
      backlog_.fetch_sub(1, std::memory_order_relaxed);
      continue;
    }
    if (!regular_) {
      pollfd room{fd_, POLLOUT, 0};
      if (::poll(&room, 1, 0) == 0) {
        failing_.store(false, std::memory_order_relaxed);
        return;
      }
    }
    const ssize_t wrote = ::write(fd_, rest.data(), regular_ ? rest.size() : pipe_piece(rest));
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote < 0 && errno == EAGAIN) {
      return;
    }
    if (wrote <= 0) {
      fail(wrote < 0 ? errno : EIO);
      return;
    }
    failing_.store(false, std::memory_order_relaxed);
    block->written += static_cast<uint32_t>(wrote);
    size_ += static_cast<uint64_t>(wrote);
    bytes_.fetch_add(static_cast<uint64_t>(wrote), std::memory_order_relaxed);
  }
  end_trouble();
}

// At the end: what could not be written is lost, and counted.
void LogSink::give_up(LogBlockQueue& done) noexcept {
  while (!queue_.empty()) {
    std::unique_ptr<LogBlock> block = queue_.pop();
    count_dropped(static_cast<uint64_t>(
        std::count(block->data + block->written, block->data + block->used, '\n')));
    done.push(std::move(block));
    backlog_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void LogSink::warn_dropped(Clock::time_point now) noexcept {
  const uint64_t dropped = this->dropped();
  if (dropped == warned_ || now < next_warning_) {
    return;
  }
  next_warning_ = now + kWarnEvery;
  const std::string what =
      fmt::format("{} lines dropped: it does not take them", dropped - warned_);
  if (!queue_.empty()) {
    say_writing_fails(what);
  }
  PINGAP_LOG(warn, "log {}: {}", path_, what);
  warned_ = dropped;
}

}  // namespace pingap::observe
