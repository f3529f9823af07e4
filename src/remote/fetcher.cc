#include "remote/fetcher.h"

#include <utility>

#include <fmt/format.h>

#include "remote/http_client.h"

namespace pingap::remote {

HttpFetcher::~HttpFetcher() {
  stop();
}

void HttpFetcher::get(Request request, Done done) {
  const std::lock_guard lock(mutex_);
  if (stopped_) {
    return;
  }
  jobs_.push_back({std::move(request), std::move(done)});
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  changed_.notify_one();
}

void HttpFetcher::stop() {
  std::jthread thread;
  std::deque<Job> dropped;  // they go without the lock
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    thread.swap(thread_);
    dropped.swap(jobs_);
  }
  thread = {};  // asks it to stop, and waits
}

void HttpFetcher::run(const std::stop_token& stop) {
  HttpClient client({});
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !jobs_.empty(); }) && !stop.stop_requested()) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    HttpRequest request;
    request.url = job.request.url;
    request.headers = {"Accept: application/json"};
    request.timeout = job.request.timeout;
    request.max_body = job.request.max_body;
    auto answer = client.get(request, stop);
    if (stop.stop_requested()) {
      return;
    }
    if (!answer) {
      job.done(tl::unexpected(std::move(answer.error().what)));
    } else if (answer->status != 200) {
      job.done(tl::unexpected(fmt::format("the answer has status {}", answer->status)));
    } else {
      job.done(std::move(answer->body));
    }
    lock.lock();
  }
}

}  // namespace pingap::remote
