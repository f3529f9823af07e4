// A blocking HTTP client for what runs in the background: one request at a time, over libcurl,
// which no other file sees. Connections are kept. Redirects are not followed, proxies of the
// environment not used, answers bounded. One thread, but for wake().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace pingap::remote {

using std::chrono::milliseconds;

struct ClientTls {  // contents in PEM
  std::string ca;   // empty = the system's authorities
  std::string cert;
  std::string key;
  bool verify = true;
};

// http2: over TLS where the server agrees to it, else without asking (RFC 9113 3.3). Such a
// connection is not kept.
enum class HttpVersion : uint8_t { http11, http2 };

struct HttpRequest {
  std::string url;
  std::string body;
  std::vector<std::string> headers;  // "Name: value"
  std::string user;                  // with a password: basic authentication
  std::string password;
  milliseconds connect_timeout{2'000};
  milliseconds timeout{0};  // to the end of the answer; 0 = no limit
  size_t max_body = 0;      // bytes of the answer
  HttpVersion version = HttpVersion::http11;
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::string fields;  // header and trailer lines as they came, at most kMaxFields bytes of them

  static constexpr size_t kMaxFields = 16 * 1024;

  // The value of the last one with this name, empty where there is none.
  std::string_view field(std::string_view name) const noexcept;
};

struct HttpFailure {
  enum class Kind : uint8_t {
    not_sent,  // there was no connection
    broken,    // the server may have acted on it
    too_large,
    stopped,  // asked for by the stop token
  };

  Kind kind = Kind::broken;
  std::string what;  // "Connection refused"
};

class HttpClient {
 public:
  explicit HttpClient(ClientTls tls);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // For connections from now on.
  void set_tls(ClientTls tls);

  // An answer with any status.
  tl::expected<HttpAnswer, HttpFailure> post(const HttpRequest& request,
                                             const std::stop_token& stop);

  // The same by PUT.
  tl::expected<HttpAnswer, HttpFailure> put(const HttpRequest& request,
                                            const std::stop_token& stop);

  // The same by GET: `body` is not sent.
  tl::expected<HttpAnswer, HttpFailure> get(const HttpRequest& request,
                                            const std::stop_token& stop);

  struct Listener {
    // A piece of the answer's body; false ends it.
    std::function<bool(long status, std::string_view piece)> data;
    // Now and then between pieces, also without any; gives when at the latest it is to be called
    // again; nullopt ends it.
    std::function<std::optional<milliseconds>()> tick;
  };

  // The same of an answer that goes on, until it or the listener ends; its status. `max_body` is
  // not looked at.
  tl::expected<long, HttpFailure> listen(const HttpRequest& request, const std::stop_token& stop,
                                         const Listener& listener);

  // Makes listen() call `tick` now. Any thread.
  void wake() noexcept;

 private:
  struct Curl;
  struct Transfer;

  enum class Method : uint8_t { post, put, get };

  tl::expected<HttpAnswer, HttpFailure> ask(Method method, const HttpRequest& request,
                                            const std::stop_token& stop);
  tl::expected<long, HttpFailure> run(Method method, const HttpRequest& request,
                                      const std::stop_token& stop, Transfer& transfer);
  std::optional<int> turn_until_done(const std::stop_token& stop, Transfer& transfer);

  std::unique_ptr<Curl> curl_;
};

}  // namespace pingap::remote
