#include "remote/etcd_client.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "config/read_file.h"
#include "config/suggest.h"

namespace pingap::remote {
namespace {

// An endpoint that has taken a question and says nothing.
constexpr milliseconds kLongestCall{5'000};
constexpr milliseconds kLongestCheck{2'000};
// 8 MiB of configuration in base64, and what stands around it.
constexpr size_t kMaxAnswer = 16 << 20;
constexpr size_t kMaxPem = 1 << 20;

// Of gRPC.
constexpr int kDeadlineExceeded = 4;
constexpr int kResourceExhausted = 8;
constexpr int kUnavailable = 14;
constexpr int kUnauthenticated = 16;

size_t any_of(size_t count) {
  std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution<size_t>(0, count - 1)(random);
}

// A login is needed, or another one: the token is old, or made before users were changed.
bool wants_login(const EtcdComplaint& complaint) noexcept {
  constexpr std::array<std::string_view, 3> kTexts = {"invalid auth token", "user name is empty",
                                                      "revision of auth store is old"};
  return complaint.code == kUnauthenticated ||
         std::ranges::any_of(kTexts, [&](std::string_view text) {
           return complaint.what.find(text) != std::string::npos;
         });
}

}  // namespace

EtcdClient::EtcdClient(config::EtcdAddress address)
    : address_(std::move(address)),
      current_(any_of(address_.endpoints.size())),  // not all machines the same
      longest_(kLongestCall),
      calls_({}),
      stream_({}) {
  read_tls();
}

// What cannot be read any more stays as it was: privileges may have been dropped since.
void EtcdClient::read_tls() {
  tls_.verify = address_.verify;
  unreadable_.clear();
  for (const auto& [path, pem] :
       {std::pair{&address_.ca, &tls_.ca}, std::pair{&address_.cert, &tls_.cert},
        std::pair{&address_.key, &tls_.key}}) {
    if (path->empty()) {
      continue;
    }
    if (auto text = config::read_file(*path, kMaxPem)) {
      *pem = std::move(*text);
    } else if (pem->empty()) {
      unreadable_ = fmt::format("cannot read {}: {}", config::quote_path(*path), text.error());
    }
  }
  calls_.set_tls(tls_);
  stream_.set_tls(tls_);
}

std::string EtcdClient::endpoint() const {
  return (address_.tls ? "https://" : "http://") + address_.endpoints[current_];
}

void EtcdClient::next_endpoint() {
  current_ = (current_ + 1) % address_.endpoints.size();
  if (address_.tls) {
    read_tls();
  }
}

HttpRequest EtcdClient::request(std::string_view path, const std::string& body) const {
  HttpRequest request;
  request.url = fmt::format("{}/v3/{}", endpoint(), path);
  request.body = body;
  request.connect_timeout = std::min(address_.connect_timeout, address_.timeout);
  request.timeout = std::min(longest_, address_.timeout);
  request.max_body = kMaxAnswer;
  request.headers = {"Content-Type: application/json"};
  if (!token_.empty()) {
    request.headers.push_back("Authorization: " + token_);
  }
  return request;
}

// ---- calls

EtcdError EtcdClient::error_of(const HttpFailure& failure) const {
  const auto kind = failure.kind == HttpFailure::Kind::stopped     ? EtcdError::Kind::stopped
                    : failure.kind == HttpFailure::Kind::not_sent  ? EtcdError::Kind::unreachable
                    : failure.kind == HttpFailure::Kind::too_large ? EtcdError::Kind::refused
                                                                   : EtcdError::Kind::unsure;
  return {kind, fmt::format("{}: {}", address_.endpoints[current_], failure.what)};
}

EtcdError EtcdClient::error_of(Kind kind, const HttpAnswer& answer, bool& next) {
  const EtcdComplaint complaint = parse_complaint(answer.body);
  const std::string what = fmt::format(
      "{}: {}", address_.endpoints[current_],
      complaint.what.empty() ? fmt::format("status {}", answer.status) : complaint.what);
  if (complaint.what.find("compacted") != std::string::npos) {
    return {EtcdError::Kind::compacted, what};
  }
  const bool away = complaint.code == kUnavailable || complaint.code == kDeadlineExceeded ||
                    (complaint.code == 0 && answer.status >= 500);
  next = away || complaint.code == kResourceExhausted;
  if (!next) {
    return {EtcdError::Kind::refused, what};
  }
  // Without a leader nothing was begun; else it may have been, and nobody has waited for its end.
  const bool begun = away && complaint.what.find("no leader") == std::string::npos;
  return {kind == Kind::write && begun ? EtcdError::Kind::unsure : EtcdError::Kind::unreachable,
          what};
}

EtcdResult<std::string> EtcdClient::exchange(Kind kind, std::string_view path,
                                             const std::string& body, const std::stop_token& stop,
                                             bool& next) {
  auto answer = calls_.post(request(path, body), stop);
  if (!answer) {
    EtcdError error = error_of(answer.error());
    next = error.kind == EtcdError::Kind::unreachable || error.kind == EtcdError::Kind::unsure;
    if (kind == Kind::read && next) {
      error.kind = EtcdError::Kind::unreachable;
    }
    return tl::unexpected(std::move(error));
  }
  if (answer->status == 200) {
    return std::move(answer->body);
  }
  if (!token_.empty() && wants_login(parse_complaint(answer->body))) {
    token_.clear();
  }
  return tl::unexpected(error_of(kind, *answer, next));
}

EtcdResult<void> EtcdClient::log_in(const std::stop_token& stop, bool& next) {
  const auto answer = exchange(Kind::read, "auth/authenticate",
                               authenticate_request(address_.user, address_.password), stop, next);
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  auto token = parse_token(*answer);
  if (!token) {
    next = true;
    return tl::unexpected(EtcdError{EtcdError::Kind::unreachable,
                                    address_.endpoints[current_] + ": this is no etcd"});
  }
  token_ = std::move(*token);
  return {};
}

// At the current endpoint; `next` says whether another one may do better.
EtcdResult<std::string> EtcdClient::call_one(Kind kind, std::string_view path,
                                             const std::string& body, const std::stop_token& stop,
                                             bool& next) {
  for (const bool last : {false, true}) {
    if (!address_.user.empty() && token_.empty()) {
      if (auto in = log_in(stop, next); !in) {
        return tl::unexpected(in.error());
      }
    }
    auto answer = exchange(kind, path, body, stop, next);
    const bool again = !answer && !address_.user.empty() && token_.empty();
    if (!again || last) {
      return answer;
    }
  }
  return {};
}

EtcdResult<std::string> EtcdClient::call(Kind kind, std::string_view path, const std::string& body,
                                         const std::stop_token& stop) {
  if (!unreadable_.empty()) {
    return tl::unexpected(EtcdError{EtcdError::Kind::refused, unreadable_});
  }
  for (size_t tries = 1;; ++tries) {
    bool next = false;
    auto answer = call_one(kind, path, body, stop, next);
    if (answer || !next) {
      return answer;
    }
    next_endpoint();
    if (answer.error().kind != EtcdError::Kind::unreachable || tries == address_.endpoints.size()) {
      return answer;
    }
  }
}

EtcdResult<EtcdRange> EtcdClient::range(std::string_view prefix, const std::stop_token& stop) {
  const auto answer = call(Kind::read, "kv/range", range_request(prefix), stop);
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  auto range = parse_range(*answer);
  if (!range) {
    return tl::unexpected(EtcdError{EtcdError::Kind::unreachable,
                                    address_.endpoints[current_] + ": this is no etcd"});
  }
  return std::move(*range);
}

EtcdResult<void> EtcdClient::check(std::string_view prefix, const std::stop_token& stop) {
  bool next = false;
  longest_ = kLongestCheck;
  const auto answer = call_one(Kind::read, "kv/range", count_request(prefix), stop, next);
  longest_ = kLongestCall;
  return answer ? EtcdResult<void>() : tl::unexpected(answer.error());
}

EtcdResult<EtcdWritten> EtcdClient::write(const EtcdWrite& write, const std::stop_token& stop) {
  const auto answer = call(Kind::write, "kv/txn", write_request(write), stop);
  if (!answer) {
    return tl::unexpected(answer.error());
  }
  const auto written = parse_written(*answer);
  if (!written) {
    return tl::unexpected(
        EtcdError{EtcdError::Kind::unsure, address_.endpoints[current_] + ": this is no etcd"});
  }
  return *written;
}

// ---- watching

namespace {

// Reads the messages of a watch, one a line.
class Stream {
 public:
  explicit Stream(const EtcdClient::Watcher& watcher) : watcher_(watcher) {}

  // False: nothing is to come any more.
  bool add(long status, std::string_view piece) {
    text_ += piece;
    if (text_.size() > kMaxAnswer) {
      end_.what = "a message is too large";
      return false;
    }
    if (status != 200) {
      return true;  // a complaint, which is read at its end
    }
    size_t from = 0;
    for (size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n', from)) {
      if (end > from && !use(std::string_view(text_).substr(from, end - from))) {
        return false;
      }
      from = end + 1;
    }
    text_.erase(0, from);
    return true;
  }

  // The last message may have no end.
  void finish() {
    if (!text_.empty()) {
      use(text_);
    }
  }

  // What has no end yet, or a complaint.
  std::string& rest() noexcept { return text_; }

  // Why it has ended.
  const EtcdError& end() const noexcept { return end_; }

 private:
  bool use(std::string_view line) {
    const auto said = parse_events(line);
    if (!said || said->error || said->canceled) {
      end_.kind = said && said->compacted > 0 ? EtcdError::Kind::compacted : end_.kind;
      end_.what = said && !said->why.empty() ? said->why : "etcd has ended the watch";
      text_.clear();
      return false;
    }
    if (said->created) {
      watcher_.ready();
    }
    if (said->events > 0) {
      watcher_.changed(said->revision);
    }
    return true;
  }

  const EtcdClient::Watcher& watcher_;
  std::string text_;
  EtcdError end_{EtcdError::Kind::unreachable, "the watch has ended"};
};

}  // namespace

EtcdError EtcdClient::listen(std::string_view prefix, int64_t revision, const std::stop_token& stop,
                             const Watcher& watcher) {
  HttpRequest wanted = request("watch", watch_request(prefix, revision));
  wanted.timeout = milliseconds(0);
  // Without it nothing tells that the members have lost their leader.
  wanted.headers.emplace_back("Grpc-Metadata-hasleader: true");
  Stream stream(watcher);
  const auto status = stream_.listen(
      wanted, stop,
      {[&](long code, std::string_view piece) { return stream.add(code, piece); }, watcher.tick});
  if (!status) {
    return error_of(status.error());
  }
  if (*status != 200 && *status != 0) {
    bool next = false;
    token_.clear();  // if that was it, the next login will tell
    return error_of(Kind::read, {*status, std::move(stream.rest()), {}}, next);
  }
  stream.finish();
  return {stream.end().kind,
          fmt::format("{}: {}", address_.endpoints[current_], stream.end().what)};
}

EtcdError EtcdClient::watch(std::string_view prefix, int64_t revision, const std::stop_token& stop,
                            const Watcher& watcher) {
  if (!address_.user.empty() && token_.empty()) {
    bool next = false;
    if (auto in = log_in(stop, next); !in) {
      return in.error();
    }
  }
  EtcdError end = listen(prefix, revision, stop, watcher);
  if (end.kind == EtcdError::Kind::unsure) {
    end.kind = EtcdError::Kind::unreachable;
  }
  if (end.kind == EtcdError::Kind::unreachable) {
    next_endpoint();
  }
  return end;
}

}  // namespace pingap::remote
