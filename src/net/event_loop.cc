#include "net/event_loop.h"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace pingap::net {
namespace {

constexpr size_t kEventsPerTurn = 256;

Error system_error(const char* what) noexcept {
  return {ErrorCode::io, Side::local, Retry::never, errno, what};
}

}  // namespace

struct EventLoop::Events {
  std::array<epoll_event, kEventsPerTurn> list;
};

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return tl::unexpected(system_error("epoll_create1"));
  }
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) {
    return tl::unexpected(system_error("eventfd"));
  }
  std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll), std::move(wake)));
  if (auto added = loop->add_level(loop->wake_.get(), loop->wakeup_); !added) {
    return tl::unexpected(added.error());
  }
  return loop;
}

EventLoop::EventLoop(Fd epoll, Fd wake) noexcept
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      events_(std::make_unique<Events>()),
      now_(steady_now()),
      wheel_(now_) {
}

EventLoop::~EventLoop() {
  destroy_retired();
  discard_posted();
}

void EventLoop::discard_posted() noexcept {
  Posted* posted = posted_.exchange(nullptr, std::memory_order_acquire);
  while (posted != nullptr) {
    delete std::exchange(posted, posted->next);
  }
}

Result<> EventLoop::add(int fd, IoHandler& handler) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return tl::unexpected(system_error("epoll_ctl"));
  }
  return {};
}

Result<> EventLoop::take_over(int fd, IoHandler& handler) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) {
    return {};
  }
  return errno == ENOENT ? add(fd, handler) : tl::unexpected(system_error("epoll_ctl"));
}

Result<> EventLoop::add_level(int fd, IoHandler& handler) noexcept {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return tl::unexpected(system_error("epoll_ctl"));
  }
  return {};
}

void EventLoop::remove(int fd) noexcept {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::Wakeup::on_io(IoEvents /*ready*/) noexcept {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(loop_.wake_.get(), &count, sizeof(count));
}

void EventLoop::wake() noexcept {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(wake_.get(), &one, sizeof(one));
}

void EventLoop::post(std::function<void()> message) {
  auto* node = new Posted{std::move(message), posted_.load(std::memory_order_relaxed)};
  while (!posted_.compare_exchange_weak(node->next, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {
  }
  wake();
}

void EventLoop::stop() noexcept {
  stop_.store(true, std::memory_order_release);
  wake();
}

int EventLoop::wait_milliseconds(Duration longest) const noexcept {
  if (!again_.empty() || posted_.load(std::memory_order_relaxed) != nullptr) {
    return 0;
  }
  const TimePoint next = wheel_.next();
  Duration wait = longest;
  if (next != TimePoint::max()) {
    wait = std::min(wait, std::max(next - now_, Duration::zero()));
  }
  if (wait == Duration::max()) {
    return -1;
  }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<int>(std::min<int64_t>(ms, 60'000));
}

void EventLoop::run() noexcept {
  while (!stop_.load(std::memory_order_acquire)) {
    run_once(Duration::max());
  }
}

void EventLoop::run_once(Duration longest) noexcept {
  const int ready =
      epoll_wait(epoll_.get(), events_->list.data(), kEventsPerTurn, wait_milliseconds(longest));
  now_ = steady_now();
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events_->list[static_cast<size_t>(i)];
    const IoEvents io{
        .readable = (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
        .writable = (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
        .hangup = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
        .failed = (event.events & (EPOLLHUP | EPOLLERR)) != 0,
    };
    static_cast<IoHandler*>(event.data.ptr)->on_io(io);
    run_deferred();
  }
  finish_turn();
}

void EventLoop::run_once_at(TimePoint now) noexcept {
  now_ = now;
  run_deferred();
  finish_turn();
}

void EventLoop::finish_turn() noexcept {
  wheel_.advance(now_);
  run_deferred();
  run_posted();
  run_deferred();
  IntrusiveList<Resumable, AgainTag> again;
  again.splice_back(again_);
  while (Resumable* work = again.pop_front()) {
    work->on_resume();
    run_deferred();
  }
  while (Deferrable* work = at_end_.pop_front()) {
    work->on_deferred();
    run_deferred();
  }
  destroy_retired();
}

void EventLoop::run_deferred() noexcept {
  while (Deferrable* work = deferred_.pop_front()) {
    work->on_deferred();
  }
}

void EventLoop::run_posted() noexcept {
  if (posted_.load(std::memory_order_relaxed) == nullptr) {
    return;
  }
  Posted* node = posted_.exchange(nullptr, std::memory_order_acquire);
  Posted* in_order = nullptr;
  while (node != nullptr) {
    Posted* next = node->next;
    node->next = in_order;
    in_order = node;
    node = next;
  }
  while (in_order != nullptr) {
    in_order->call();
    delete std::exchange(in_order, in_order->next);
  }
}

void EventLoop::destroy_retired() noexcept {
  while (Retirable* object = retired_.pop_front()) {
    delete object;
  }
}

}  // namespace pingap::net
