// Gets what plugins ask for over HTTP, one after the other, on a thread of its own. Any thread, but
// for stop().
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "plugin/fetch.h"

namespace pingap::remote {

class HttpFetcher final : public plugin::Fetcher {
 public:
  HttpFetcher() = default;
  HttpFetcher(const HttpFetcher&) = delete;
  HttpFetcher& operator=(const HttpFetcher&) = delete;
  ~HttpFetcher();

  // Starts the thread where there is none.
  void get(Request request, Done done) override;
  // For good.
  void stop() override;

 private:
  struct Job {
    Request request;
    Done done;
  };

  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  bool stopped_ = false;
  std::jthread thread_;
};

}  // namespace pingap::remote
