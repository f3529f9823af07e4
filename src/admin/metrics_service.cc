#include "admin/metrics_service.h"

#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/gzip.h"
#include "base/log.h"
#include "control/metrics_form.h"
#include "control/reloader.h"
#include "control/requests_view.h"
#include "control/state_text.h"
#include "control/troubles.h"
#include "http/accept.h"
#include "net/socket.h"

namespace pingap::admin {
namespace {

std::string explain(const std::string& address, const Error& error) {
  const std::string_view hint = proxy::listen_hint(error.sys);
  return fmt::format("cannot listen on {} for [metrics]: {}{}{}", address,
                     std::generic_category().message(error.sys), hint.empty() ? "" : "; ", hint);
}

HttpReply text(uint16_t status, std::string body) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

bool takes_gzip(std::string_view accepted) noexcept {
  const auto named = http::weight_in(accepted, "gzip");
  return named.value_or(http::weight_in(accepted, "*").value_or(0)) > 0;
}

}  // namespace

MetricsService::MetricsService(net::EventLoop& loop) : lag_(loop), http_(loop, *this, 0) {
}

MetricsService::~MetricsService() {
  remove_file();
}

void MetricsService::remove_file() noexcept {
  if (!socket_file_.empty()) {
    ::unlink(socket_file_.c_str());
    socket_file_.clear();
  }
}

// ---- the address

bool MetricsService::keeps_socket(const config::Metrics& next) const noexcept {
  return settings_.on() && next.addr.value == settings_.addr.value;
}

tl::expected<void, std::string> MetricsService::try_to_prepare(const config::Model& model) const {
  const config::Metrics& next = model.metrics;
  if (!next.on() || keeps_socket(next)) {
    return {};
  }
  const net::Address address = *net::Address::parse(next.addr.value);
  auto free = net::expect_free(address);
  if (free) {
    free = net::try_to_listen_on(address);
  }
  if (!free) {
    return tl::unexpected(explain(next.addr.value, free.error()));
  }
  return {};
}

tl::expected<void, std::string> MetricsService::prepare(const config::Model& model,
                                                        proxy::InheritedSockets& inherited) {
  const config::Metrics& next = model.metrics;
  Prepared made{next, {}};
  if (next.on() && !keeps_socket(next)) {
    auto sockets = inherited.take(next.addr.value);
    if (!sockets.empty()) {
      made.socket = std::move(sockets.front());
    } else {
      const net::Address address = *net::Address::parse(next.addr.value);
      auto free = net::expect_free(address);
      auto socket = free ? net::listen_on(address) : tl::make_unexpected(free.error());
      if (!socket) {
        return tl::unexpected(explain(next.addr.value, socket.error()));
      }
      made.socket = std::move(*socket);
    }
  }
  next_ = std::move(made);
  return {};
}

void MetricsService::commit() {
  if (!next_) {
    return;
  }
  const bool keeps = keeps_socket(next_->settings) && next_->settings.on();
  settings_ = std::move(next_->settings);
  credentials_ = settings_.user.value.empty() && settings_.token.empty()
                     ? Credentials()
                     : Credentials(settings_.user.value, settings_.password, settings_.token);
  if (!keeps) {
    remove_file();
    if (next_->socket && settings_.addr.value.starts_with("unix:")) {
      socket_file_ = net::Address::parse(settings_.addr.value)->path();
    }
    adopt(std::move(next_->socket));
  }
  next_.reset();
}

void MetricsService::adopt(net::Fd socket) {
  if (!running_) {
    early_ = std::move(socket);
    return;
  }
  const bool any = static_cast<bool>(socket);
  if (auto started = http_.listen_on(std::move(socket)); !started) {
    PINGAP_LOG(error, "[metrics] cannot be served on {}: errno {}", settings_.addr.value,
               started.error().sys);
  }
  if (any) {
    lag_.start(running_->server);
  } else {
    lag_.stop();
  }
}

void MetricsService::start(const control::Running& running) {
  running_.emplace(running);
  adopt(std::move(early_));
}

std::vector<std::string> MetricsService::addresses() const {
  const int fd = early_ ? early_.get() : http_.fd();
  if (fd < 0) {
    return {};
  }
  const std::string shown = settings_.addr.value.starts_with("unix:")
                                ? settings_.addr.value
                                : net::local_address(fd).to_string();
  return {fmt::format("{} (metrics)", shown)};
}

std::string MetricsService::metrics(observe::Form form) const {
  return metrics_text(*running_, lag_.lags(), form);
}

std::string MetricsService::otlp_metrics() const {
  return metrics_otlp(*running_, lag_.lags());
}

std::vector<proxy::Server::Socket> MetricsService::sockets() const {
  const int fd = early_ ? early_.get() : http_.fd();
  if (fd < 0) {
    return {};
  }
  return {{settings_.addr.value, fd}};
}

void MetricsService::hand_over() {
  socket_file_.clear();  // it is the other's
  http_.hand_over();
  lag_.stop();
}

// ---- the answers

void MetricsService::on_request(const HttpRequest& request, const Done& done) {
  if (request.method != http::Method::get && request.method != http::Method::head) {
    HttpReply reply = text(405, "only GET and HEAD\n");
    reply.headers.emplace_back("Allow", "GET, HEAD");
    done(std::move(reply));
    return;
  }
  if (request.path == "/state") {
    answer_state(request, done);
    return;
  }
  done(route(request));
}

// That of the configuration in use, with its certificates as they are now.
const tls::LiveServer* MetricsService::tls() const noexcept {
  return running_->reloader.current().snapshot->metrics_tls.get();
}

HttpReply MetricsService::route(const HttpRequest& request) const {
  if (request.path == "/healthz") {
    return text(200, "ok\n");
  }
  if (request.path == "/readyz") {
    return ready();
  }
  if (request.path != settings_.path) {
    return text(404, fmt::format("there are {}, /state, /healthz and /readyz\n", settings_.path));
  }
  auto refused = refuse(request);
  return refused ? std::move(*refused) : answer_metrics(request);
}

// Who may not see it.
std::optional<HttpReply> MetricsService::refuse(const HttpRequest& request) const {
  if (credentials_.allow(request.header("Authorization"))) {
    return std::nullopt;
  }
  HttpReply reply = text(401, "give the user and password, or the token, of [metrics]\n");
  reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"metrics\"");
  return reply;
}

// "?requests=N": of those under way.
void MetricsService::answer_state(const HttpRequest& request, const Done& done) const {
  if (auto refused = refuse(request)) {
    done(std::move(*refused));
    return;
  }
  constexpr std::string_view kKey = "requests=";
  const std::string_view query = request.query;
  const bool asks = query.starts_with(kKey);
  const auto most =
      control::RequestsView::parse_most(asks ? query.substr(kKey.size()) : std::string_view());
  if (!most || (!asks && !query.empty())) {
    done(text(400, fmt::format("/state takes ?requests=N: how many of those under way, 1 to {}\n",
                               control::RequestsView::kMost)));
    return;
  }
  running_->requests.ask(*most, [this, done](const control::RequestsReport& found) {
    HttpReply reply = text(200, control::state_text(*running_, lag_.lags(), found));
    reply.content_type = "application/json";
    done(std::move(reply));
  });
}

HttpReply MetricsService::ready() const {
  if (running_->stopping()) {
    return text(503, "stopping\n");
  }
  // Whoever asks may not be meant to know more than that.
  const size_t degraded = control::troubles(running_->upstreams).size();
  return text(200, degraded == 0 ? "ready\n" : fmt::format("ready, {} degraded\n", degraded));
}

HttpReply MetricsService::answer_metrics(const HttpRequest& request) const {
  const observe::Form form = control::choose_form(request.header("Accept"));
  HttpReply reply;
  reply.content_type = observe::content_type(form);
  reply.body = metrics(form);
  reply.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  if (takes_gzip(request.header("Accept-Encoding"))) {
    if (std::string packed = gzipped(reply.body); !packed.empty()) {
      reply.body = std::move(packed);
      reply.headers.emplace_back("Content-Encoding", "gzip");
    }
  }
  return reply;
}

}  // namespace pingap::admin
