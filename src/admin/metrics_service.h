// The address of [metrics]: the numbers for Prometheus, whether the process is alive and ready.
// Control thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/credentials.h"
#include "admin/http_service.h"
#include "admin/lag_probe.h"
#include "admin/metrics_text.h"
#include "config/model.h"
#include "control/side_service.h"

namespace pingap::admin {

class MetricsService final : public control::SideService, public HttpHandler {
 public:
  // `loop` outlives it.
  explicit MetricsService(net::EventLoop& loop);
  ~MetricsService() override;

  // control::SideService
  tl::expected<void, std::string> prepare(const config::Model& model,
                                          proxy::InheritedSockets& inherited) override;
  tl::expected<void, std::string> try_to_prepare(const config::Model& model) const override;
  void commit() override;

  void abandon() override { next_.reset(); }

  void start(const control::Running& running) override;
  std::vector<std::string> addresses() const override;
  std::string metrics(observe::Form form) const override;
  std::string otlp_metrics() const override;
  std::vector<proxy::Server::Socket> sockets() const override;
  void hand_over() override;

  // HttpHandler
  void on_request(const HttpRequest& request, const Done& done) override;
  const tls::LiveServer* tls() const noexcept override;

 private:
  struct Prepared {
    config::Metrics settings;
    net::Fd socket;  // none: the one that is there stays, or there is to be none
  };

  bool keeps_socket(const config::Metrics& next) const noexcept;
  void adopt(net::Fd socket);
  void remove_file() noexcept;
  HttpReply route(const HttpRequest& request) const;
  std::optional<HttpReply> refuse(const HttpRequest& request) const;
  void answer_state(const HttpRequest& request, const Done& done) const;
  HttpReply ready() const;
  HttpReply answer_metrics(const HttpRequest& request) const;

  std::optional<control::Running> running_;
  config::Metrics settings_;  // in use
  std::optional<Prepared> next_;
  net::Fd early_;  // of before start()
  Credentials credentials_;
  std::string socket_file_;  // of a unix socket, that is taken away at the end
  LagProbe lag_;
  HttpService http_;
};

}  // namespace pingap::admin
