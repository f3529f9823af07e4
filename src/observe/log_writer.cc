// The writer thread: collects the blocks of all sinks, writes them, waits. See log_sink.h.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "observe/log_sink.h"

namespace pingap::observe {
namespace {

using Clock = std::chrono::steady_clock;

// Empty blocks kept for the workers; the rest goes back to malloc.
constexpr size_t kKeepFree = 8;
// How long a stalled reader of a pipe may hold up the end of the process.
constexpr auto kStopTime = std::chrono::seconds(2);

}  // namespace

// What the thread knows while it does not hold the lock.
struct LogWriter::Turn {
  std::vector<std::shared_ptr<LogSink>> sinks;
  std::vector<pollfd> polled;
  LogBlockQueue done;
  uint64_t sync = 0;
  RotationPolicy rotation;
  bool reopen = false;
  bool stop = false;
  Clock::time_point stop_at = Clock::time_point::max();

  bool all_written() const noexcept {
    return std::all_of(sinks.begin(), sinks.end(),
                       [](const auto& sink) { return sink->queue_.empty(); });
  }
};

LogWriter::LogWriter() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  free_.reserve(kKeepFree);
}

LogWriter::~LogWriter() {
  stop();
  ::close(wake_fd_);
}

Result<std::shared_ptr<LogSink>> LogWriter::open(std::string_view path, BadLog bad) {
  const std::lock_guard lock(mutex_);
  for (const auto& sink : sinks_) {
    if (sink->path() == path) {
      return sink;
    }
  }
  const std::string name(path);
  const int fd = LogSink::open_path(name);
  const int error = fd < 0 ? errno : 0;
  if (error != 0 && bad == BadLog::refused) {
    return tl::unexpected(
        Error{ErrorCode::io, Side::local, Retry::never, error, "cannot open the access log"});
  }
  return sinks_.emplace_back(std::make_shared<LogSink>(*this, name, fd, error));
}

bool LogWriter::has(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(sinks_, [&](const auto& sink) { return sink->path() == path; });
}

void LogSink::add_to(LogTotals& totals) const noexcept {
  totals.dropped += dropped();
  totals.errors += errors();
  totals.bytes += bytes();
}

LogTotals LogWriter::totals() const {
  const std::lock_guard lock(mutex_);
  LogTotals totals = gone_;
  for (const auto& sink : sinks_) {
    sink->add_to(totals);
  }
  return totals;
}

void LogWriter::start() {
  // Signals are for the control thread; a dead pipe is an error of write(), not SIGPIPE.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LogWriter::reopen() noexcept {
  const std::lock_guard lock(mutex_);
  reopen_wanted_ = true;
  wake();
}

void LogWriter::set_rotation(const RotationPolicy& policy) noexcept {
  const std::lock_guard lock(mutex_);
  rotation_ = policy;
  wake();
}

void LogWriter::sync() noexcept {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) {
    return;
  }
  const uint64_t wanted = ++sync_wanted_;
  wake();
  synced_.wait(lock, [&] { return sync_done_ >= wanted; });
}

void LogWriter::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake();
  }
  if (thread_.joinable()) {
    thread_.join();
  } else {
    run();  // never started: what was handed over is written here
  }
  archiver_.stop();
}

// ---- any thread ----

std::unique_ptr<LogBlock> LogWriter::exchange(LogSink& sink,
                                              std::unique_ptr<LogBlock> full) noexcept {
  std::unique_ptr<LogBlock> empty;
  {
    const std::lock_guard lock(mutex_);
    if (full) {
      sink.incoming_.push(std::move(full));
      sink.backlog_.fetch_add(1, std::memory_order_relaxed);
      wake();
    }
    if (!free_.empty()) {
      empty = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (!empty) {
    // Not value-initialised: 64 KiB that nobody reads before they are written.
    empty.reset(new (std::nothrow) LogBlock);
  }
  return empty;
}

void LogWriter::hand_over(LogSink& sink, std::unique_ptr<LogBlock> block) noexcept {
  const std::lock_guard lock(mutex_);
  sink.incoming_.push(std::move(block));
  sink.backlog_.fetch_add(1, std::memory_order_relaxed);
  wake();
}

bool LogWriter::append(LogSink& sink, std::string_view line) noexcept {
  const std::lock_guard lock(mutex_);
  LogBlock* last = sink.incoming_.back();
  if (last == nullptr || LogBlock::kSize - last->used < line.size()) {
    std::unique_ptr<LogBlock> block;
    if (sink.accepts() && line.size() <= LogBlock::kSize) {
      if (free_.empty()) {
        block.reset(new (std::nothrow) LogBlock);
      } else {
        block = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!block) {
      return false;
    }
    last = block.get();
    sink.incoming_.push(std::move(block));
    sink.backlog_.fetch_add(1, std::memory_order_relaxed);
  }
  std::copy(line.begin(), line.end(), last->data + last->used);
  last->used += static_cast<uint32_t>(line.size());
  wake();
  return true;
}

void LogWriter::wake() const noexcept {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(wake_fd_, &one, sizeof(one));
}

// ---- writer thread ----

void LogWriter::run() noexcept {
  Turn turn;
  while (true) {
    begin(turn);
    write_all(turn);
    const bool over = turn.stop && (turn.all_written() || Clock::now() >= turn.stop_at);
    if (over) {
      for (const auto& sink : turn.sinks) {
        sink->give_up(turn.done);
        sink->next_warning_ = {};
        sink->warn_dropped(Clock::now());
      }
    }
    end(turn);
    if (over) {
      return;
    }
    wait(turn);
  }
}

void LogWriter::begin(Turn& turn) noexcept {
  turn.sinks.clear();
  const std::lock_guard lock(mutex_);
  std::erase_if(sinks_, [this](const auto& sink) {
    const bool over = sink.use_count() == 1 && sink->backlog_.load(std::memory_order_relaxed) == 0;
    if (over) {
      sink->add_to(gone_);
    }
    return over;
  });
  turn.sinks = sinks_;
  for (const auto& sink : turn.sinks) {
    sink->queue_.take_all(sink->incoming_);
  }
  turn.sync = sync_wanted_;
  turn.reopen = std::exchange(reopen_wanted_, false);
  turn.rotation = rotation_;
  if (stopping_ && !turn.stop) {
    turn.stop = true;
    turn.stop_at = Clock::now() + kStopTime;
  }
}

void LogWriter::write_all(Turn& turn) noexcept {
  const auto now = Clock::now();
  for (const auto& sink : turn.sinks) {
    sink->tidy_now_and_then(turn.rotation, now);
    if (turn.reopen) {
      sink->reopen();
    }
    if (turn.stop) {
      sink->retry_at_ = {};
    }
    sink->write_some(turn.done, turn.rotation);
    if (turn.stop && sink->failing()) {
      sink->give_up(turn.done);
    }
    sink->warn_dropped(now);
  }
}

void LogWriter::end(Turn& turn) noexcept {
  {
    const std::lock_guard lock(mutex_);
    while (free_.size() < kKeepFree && !turn.done.empty()) {
      std::unique_ptr<LogBlock> block = turn.done.pop();
      block->used = 0;
      block->written = 0;
      free_.push_back(std::move(block));
    }
    sync_done_ = turn.sync;
  }
  synced_.notify_all();
  while (turn.done.pop()) {
  }
}

// Until there is work: a wake-up, room in a pipe, or the time to try again.
void LogWriter::wait(Turn& turn) noexcept {
  std::vector<pollfd>& polled = turn.polled;
  polled.assign(1, pollfd{wake_fd_, POLLIN, 0});
  Clock::time_point until = turn.stop_at;
  for (const auto& sink : turn.sinks) {
    until = std::min(until, sink->next_tidy_);
    if (sink->failing() && (!sink->queue_.empty() || sink->fd_ < 0)) {
      until = std::min(until, sink->retry_at_);
    } else if (sink->waits_for_room()) {
      polled.push_back(pollfd{sink->fd_, POLLOUT, 0});
    }
    if (sink->dropped() != sink->warned_) {
      until = std::min(until, sink->next_warning_);
    }
    constexpr long kOurs = 2;  // sinks_, and the turn
    if (sink.use_count() == kOurs && sink->backlog_.load(std::memory_order_relaxed) == 0) {
      until = {};  // the next turn closes it
    }
  }
  int timeout = -1;
  if (until != Clock::time_point::max()) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<int64_t>(ms, 0, 60'000));
  }
  ::poll(polled.data(), polled.size(), timeout);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof(count));
}

}  // namespace pingap::observe
