#include "remote/http_client.h"

#include <algorithm>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <utility>

#include <curl/curl.h>

#include "base/strings.h"

namespace pingap::remote {
namespace {

// A peer that vanishes without a word is found out after this long, also on a connection on which
// nothing is to be said (TCP_USER_TIMEOUT bounds the probes).
constexpr long kProbeAfter = 10;         // seconds
constexpr unsigned kDeadAfter = 20'000;  // ms
constexpr milliseconds kLongestTurn{1'000};

int on_socket(void* /*user*/, curl_socket_t socket, curlsocktype /*purpose*/) {
  // Failing to set it leaves the time-outs of the system.
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &kDeadAfter, sizeof(kDeadAfter));
  return CURL_SOCKOPT_OK;
}

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

using List = std::unique_ptr<curl_slist, FreeList>;

List list_of(const std::vector<std::string>& headers) {
  curl_slist* list = nullptr;
  for (const std::string& header : headers) {
    list = curl_slist_append(list, header.c_str());
  }
  return List(curl_slist_append(list, "Expect:"));  // not even for long bodies
}

void set_blob(CURL* easy, CURLoption option, const std::string& text) {
  if (!text.empty()) {
    // Not copied by libcurl; the text lives as long as the handle's options.
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, &blob);
  }
}

bool never_connected(CURLcode code) noexcept {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct HttpClient::Curl {
  Curl() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    easy = curl_easy_init();
    if (ready != CURLE_OK || multi == nullptr || easy == nullptr) {
      std::abort();  // no memory
    }
  }

  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  ~Curl() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }

  CURLM* multi = nullptr;  // keeps the connections
  CURL* easy = nullptr;
  ClientTls tls;
  char error[CURL_ERROR_SIZE] = {};  // NOLINT(modernize-avoid-c-arrays): what libcurl fills
};

// One request under way.
struct HttpClient::Transfer {
  CURL* easy;
  std::function<bool(long, std::string_view)> data;
  std::function<std::optional<milliseconds>()> tick;
  std::string* fields = nullptr;  // where header lines go; null = nobody asks
  bool ended = false;             // by `data` or `tick`

  static size_t take_field(char* bytes, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.fields != nullptr &&
        size * count <= HttpAnswer::kMaxFields - transfer.fields->size()) {
      transfer.fields->append(bytes, size * count);
    }
    return size * count;
  }

  static size_t write(char* bytes, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.ended = transfer.ended || !transfer.data(status, {bytes, size * count});
    return transfer.ended ? 0 : size * count;
  }
};

std::string_view HttpAnswer::field(std::string_view name) const noexcept {
  std::string_view found;
  for (std::string_view rest = fields; !rest.empty();) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos && iequals(line.substr(0, colon), name)) {
      found = line.substr(colon + 1);
    }
  }
  if (found.ends_with('\r')) {
    found.remove_suffix(1);
  }
  return trim(found);
}

HttpClient::HttpClient(ClientTls tls) : curl_(std::make_unique<Curl>()) {
  set_tls(std::move(tls));
}

HttpClient::~HttpClient() = default;

void HttpClient::set_tls(ClientTls tls) {
  curl_->tls = std::move(tls);
}

void HttpClient::wake() noexcept {
  curl_multi_wakeup(curl_->multi);
}

tl::expected<HttpAnswer, HttpFailure> HttpClient::post(const HttpRequest& request,
                                                       const std::stop_token& stop) {
  return ask(Method::post, request, stop);
}

tl::expected<HttpAnswer, HttpFailure> HttpClient::put(const HttpRequest& request,
                                                      const std::stop_token& stop) {
  return ask(Method::put, request, stop);
}

tl::expected<HttpAnswer, HttpFailure> HttpClient::get(const HttpRequest& request,
                                                      const std::stop_token& stop) {
  return ask(Method::get, request, stop);
}

tl::expected<HttpAnswer, HttpFailure> HttpClient::ask(Method method, const HttpRequest& request,
                                                      const std::stop_token& stop) {
  HttpAnswer answer;
  bool too_large = false;
  Transfer transfer{curl_->easy,
                    [&](long /*status*/, std::string_view piece) {
                      too_large = piece.size() > request.max_body - answer.body.size();
                      if (!too_large) {
                        answer.body += piece;
                      }
                      return !too_large;
                    },
                    [] { return std::optional(kLongestTurn); }, &answer.fields};
  const auto status = run(method, request, stop, transfer);
  if (too_large) {
    return tl::unexpected(HttpFailure{HttpFailure::Kind::too_large, "the answer is too large"});
  }
  if (!status) {
    return tl::unexpected(status.error());
  }
  answer.status = *status;
  return answer;
}

tl::expected<long, HttpFailure> HttpClient::listen(const HttpRequest& request,
                                                   const std::stop_token& stop,
                                                   const Listener& listener) {
  Transfer transfer{curl_->easy, listener.data, listener.tick, nullptr};
  return run(Method::post, request, stop, transfer);
}

namespace {

long version_of(const HttpRequest& request) noexcept {
  if (request.version == HttpVersion::http11) {
    return CURL_HTTP_VERSION_1_1;
  }
  return request.url.starts_with("https:") ? CURL_HTTP_VERSION_2TLS
                                           : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

void set_options(CURL* easy, const HttpRequest& request, curl_slist* headers) {
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a stop does not wait for a name server
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version_of(request));
  if (request.version == HttpVersion::http2) {
    // libcurl 7.88 fails on a kept connection whose server has sent frames meanwhile.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  if (!request.user.empty()) {
    curl_easy_setopt(easy, CURLOPT_USERNAME, request.user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, request.password.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kProbeAfter);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kProbeAfter / 2);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

void set_tls_options(CURL* easy, const ClientTls& tls) {
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  set_blob(easy, CURLOPT_CAINFO_BLOB, tls.ca);
  set_blob(easy, CURLOPT_SSLCERT_BLOB, tls.cert);
  set_blob(easy, CURLOPT_SSLKEY_BLOB, tls.key);
}

}  // namespace

// Until it is done, or somebody ends it: then nothing.
std::optional<int> HttpClient::turn_until_done(const std::stop_token& stop, Transfer& transfer) {
  CURLM* multi = curl_->multi;
  while (!stop.stop_requested() && !transfer.ended) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    if (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      return message->data.result;
    }
    const auto wait = transfer.tick();
    if (!wait) {
      transfer.ended = true;
      break;
    }
    const auto turn = std::clamp(*wait, milliseconds(0), kLongestTurn);
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(turn.count()), nullptr);
  }
  return std::nullopt;
}

tl::expected<long, HttpFailure> HttpClient::run(Method method, const HttpRequest& request,
                                                const std::stop_token& stop, Transfer& transfer) {
  CURL* easy = curl_->easy;
  CURLM* multi = curl_->multi;
  const List headers = list_of(request.headers);
  curl_easy_reset(easy);
  set_options(easy, request, headers.get());
  if (method == Method::get) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  } else if (method == Method::put) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");  // with the body that a POST would have
  }
  set_tls_options(easy, curl_->tls);
  curl_->error[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::write);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Transfer::take_field);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  const std::stop_callback on_stop(stop, [multi] { curl_multi_wakeup(multi); });
  curl_multi_add_handle(multi, easy);
  const auto done = turn_until_done(stop, transfer);
  long status = 0;
  long request_size = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size);
  curl_multi_remove_handle(multi, easy);
  if (transfer.ended || done == CURLE_OK) {
    return status;
  }
  if (!done) {
    return tl::unexpected(HttpFailure{HttpFailure::Kind::stopped, "stopped"});
  }
  const auto code = static_cast<CURLcode>(*done);
  const bool unsent = never_connected(code) || request_size == 0;
  return tl::unexpected(
      HttpFailure{unsent ? HttpFailure::Kind::not_sent : HttpFailure::Kind::broken,
                  curl_->error[0] != '\0' ? curl_->error : curl_easy_strerror(code)});
}

}  // namespace pingap::remote
