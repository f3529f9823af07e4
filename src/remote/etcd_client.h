// Speaks to etcd through its JSON gateway: reads what is below a prefix, writes in transactions,
// watches. Goes on to the next endpoint where one does not answer; logs in, and again when a token
// is not taken any more. Blocking; one thread, but for wake(). Secrets are in no error.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "config/etcd_url.h"
#include "remote/etcd_message.h"
#include "remote/http_client.h"

namespace pingap::remote {

struct EtcdError {
  enum class Kind : uint8_t {
    unreachable,  // no endpoint serves
    unsure,       // the answer to a write was lost: it may have been done
    refused,      // etcd says no
    compacted,    // what was asked for is gone: all has to be read anew
    stopped,
  };

  Kind kind = Kind::unreachable;
  std::string what;
};

template <class T>
using EtcdResult = tl::expected<T, EtcdError>;

class EtcdClient {
 public:
  // Reads the files of TLS now, and again for each further connection after a failure, as far as
  // they can be read then.
  explicit EtcdClient(config::EtcdAddress address);

  const config::EtcdAddress& address() const noexcept { return address_; }

  // All keys that begin with `prefix`, at one revision.
  EtcdResult<EtcdRange> range(std::string_view prefix, const std::stop_token& stop);

  // Whether an endpoint of a working cluster answers.
  EtcdResult<void> check(std::string_view prefix, const std::stop_token& stop);

  // `done` false: something below the prefix is another than seen; nothing was written.
  EtcdResult<EtcdWritten> write(const EtcdWrite& write, const std::stop_token& stop);

  struct Watcher {
    std::function<void()> ready;                    // from now on nothing is missed
    std::function<void(int64_t revision)> changed;  // something below the prefix, at this revision
    std::function<std::optional<milliseconds>()> tick;  // as HttpClient::Listener's
  };

  // Tells of what happens below the prefix from `revision` on, until it cannot any more: why, or
  // that `tick` or `stop` ended it. The next watch is at another endpoint.
  EtcdError watch(std::string_view prefix, int64_t revision, const std::stop_token& stop,
                  const Watcher& watcher);

  // Makes watch() call `tick` now. Any thread.
  void wake() noexcept { stream_.wake(); }

 private:
  enum class Kind : uint8_t { read, write };

  EtcdResult<std::string> call(Kind kind, std::string_view path, const std::string& body,
                               const std::stop_token& stop);
  EtcdResult<std::string> call_one(Kind kind, std::string_view path, const std::string& body,
                                   const std::stop_token& stop, bool& next);
  EtcdResult<std::string> exchange(Kind kind, std::string_view path, const std::string& body,
                                   const std::stop_token& stop, bool& next);
  EtcdResult<void> log_in(const std::stop_token& stop, bool& next);
  EtcdError listen(std::string_view prefix, int64_t revision, const std::stop_token& stop,
                   const Watcher& watcher);
  EtcdError error_of(const HttpFailure& failure) const;
  EtcdError error_of(Kind kind, const HttpAnswer& answer, bool& next);
  HttpRequest request(std::string_view path, const std::string& body) const;
  std::string endpoint() const;
  void next_endpoint();
  void read_tls();

  const config::EtcdAddress address_;
  ClientTls tls_;
  std::string unreadable_;  // a file of TLS that never could be read, and why
  size_t current_ = 0;      // endpoint
  std::string token_;
  milliseconds longest_;  // that a call may take at one endpoint
  HttpClient calls_;
  HttpClient stream_;
};

}  // namespace pingap::remote
