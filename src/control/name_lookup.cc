#include "control/name_lookup.h"

#include <algorithm>
#include <mutex>
#include <pthread.h>
#include <system_error>
#include <thread>
#include <utility>

namespace pingap::control {
namespace {

// Of one start(): each name may take half a minute where nobody answers.
constexpr size_t kMostThreads = 8;

}  // namespace

// Outlives the loop where a resolver does.
struct NameLookup::Link {
  std::mutex mutex;
  net::EventLoop* loop;  // null: nobody wants to know any more
};

struct NameLookup::Task {
  std::shared_ptr<Link> link;
  std::vector<std::string> names;
  Done done;  // used on the control thread only
  std::mutex mutex;
  // Guarded by mutex:
  size_t next = 0;  // of names
  size_t threads = 0;
  net::NamedAddresses found;
};

NameLookup::NameLookup(net::EventLoop& loop) : loop_(loop), link_(std::make_shared<Link>()) {
  link_->loop = &loop_;
}

NameLookup::~NameLookup() {
  cancel();
}

void NameLookup::start(std::vector<std::string> names, Done done) {
  auto task = std::make_shared<Task>();
  task->link = link_;
  task->names = std::move(names);
  task->done = std::move(done);
  task->threads = std::clamp<size_t>(task->names.size(), 1, kMostThreads);
  for (size_t i = task->threads; i > 0; --i) {
    try {
      std::thread([task] {
        pthread_setname_np(pthread_self(), "pingap-names");
        work(task);
      }).detach();
    } catch (const std::system_error&) {
      work(task);  // no thread is to be had: then this one waits
    }
  }
}

void NameLookup::cancel() {
  {
    const std::scoped_lock lock(link_->mutex);
    link_->loop = nullptr;
  }
  link_ = std::make_shared<Link>();
  link_->loop = &loop_;
}

void NameLookup::work(const std::shared_ptr<Task>& task) {
  std::unique_lock lock(task->mutex);
  while (task->next < task->names.size()) {
    const std::string& name = task->names[task->next++];
    lock.unlock();
    auto addresses = net::resolve(name);
    lock.lock();
    task->found[name] = std::move(addresses);
  }
  const bool last = --task->threads == 0;
  lock.unlock();
  if (last) {
    finish(task);
  }
}

void NameLookup::finish(const std::shared_ptr<Task>& task) {
  const std::scoped_lock lock(task->link->mutex);
  if (task->link->loop == nullptr) {
    return;
  }
  task->link->loop->post([task] {
    if (task->link->loop != nullptr) {  // which only this thread changes
      std::exchange(task->done, nullptr)(task->found);
    }
  });
}

}  // namespace pingap::control
