#include "upstream/health/check.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/log.h"
#include "net/socket.h"

namespace pingap::upstream {
namespace {

// The field of HealthCheckResponse that says how it is: 1, a varint; SERVING is 1.
constexpr std::string_view kServing = "\x08\x01";

// A message of gRPC: not compressed, its length, and HealthCheckRequest with the service as its
// field 1.
std::string grpc_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    for (size_t left = service.size();; left >>= 7) {
      message += static_cast<char>(left > 0x7f ? (left & 0x7f) | 0x80 : left);
      if (left <= 0x7f) {
        break;
      }
    }
    message += service;
  }
  std::string frame(1, '\0');
  for (const int shift : {24, 16, 8, 0}) {
    frame += static_cast<char>(message.size() >> shift & 0xff);
  }
  return frame + message;
}

}  // namespace

Check::Check(net::EventLoop& loop, const HealthSettings& settings, const std::string& upstream,
             std::shared_ptr<const Endpoint> endpoint, uint64_t seed)
    : loop_(loop),
      settings_(settings),
      upstream_(upstream),
      endpoint_(std::move(endpoint)),
      pool_(loop, endpoint_, settings.pool, counts_),
      random_(seed) {
}

Check::~Check() {
  drop();
}

void Check::stop() noexcept {
  stopped_ = true;
  asking_ = false;
  timer_.cancel();
  net::Deferrable::unlink();
  drop();
}

// ---- when

Duration Check::pause() noexcept {
  random_ = mix64(random_ + 1);
  const auto spread = settings_.interval.count() / 100 * settings_.jitter_percent;
  const auto drawn =
      spread == 0 ? 0 : static_cast<int64_t>(random_ % (2 * static_cast<uint64_t>(spread)));
  return settings_.interval - Duration(spread) + Duration(drawn);
}

void Check::start(Duration within) noexcept {
  random_ = mix64(random_ + 1);
  const auto most = static_cast<uint64_t>(std::max<int64_t>(1, within.count()));
  loop_.arm(timer_, Duration(static_cast<int64_t>(random_ % most)));
}

void Check::on_timer() noexcept {
  if (!asking_) {
    ask();
    return;
  }
  drop();
  conclude(fmt::format(
      "no answer within {} ms",
      std::chrono::duration_cast<std::chrono::milliseconds>(settings_.timeout).count()));
}

// ---- asking

void Check::ask() noexcept {
  asking_ = true;
  loop_.arm(timer_, settings_.timeout);
  if (settings_.kind == CheckKind::tcp) {
    ask_tcp();
    return;
  }
  ask_http(Reuse::any);
}

void Check::ask_tcp() noexcept {
  if (!endpoint_->address) {
    conclude("its name does not resolve");
    return;
  }
  bool in_progress = false;
  auto fd = net::connect_to(*endpoint_->address, in_progress);
  if (!fd) {
    conclude(std::strerror(fd.error().sys));  // NOLINT(concurrency-mt-unsafe)
    return;
  }
  socket_ = std::move(*fd);
  if (!in_progress) {
    conclude({});
    return;
  }
  if (auto added = loop_.add(socket_.get(), *this); !added) {
    conclude("epoll_ctl");
  }
}

void Check::on_io(net::IoEvents /*ready*/) noexcept {
  if (stopped_ || !socket_) {
    return;
  }
  const int error = net::connect_result(socket_.get());
  loop_.remove(socket_.get());
  conclude(error == 0 ? std::string_view{} : std::strerror(error));  // NOLINT
}

http::RequestHead Check::request_head() {
  const bool grpc = settings_.kind == CheckKind::grpc;
  fields_.assign(settings_.headers.size() + 3, http::Field{});
  http::RequestHead head;
  head.headers = http::HeaderMap(fields_);
  head.method_text = grpc ? std::string_view("POST") : settings_.method;
  head.method = http::parse_method(head.method_text);
  head.target = grpc ? std::string_view("/grpc.health.v1.Health/Check") : settings_.path;
  head.authority = settings_.authority.empty() ? endpoint_->authority : settings_.authority;
  if (grpc) {
    head.framing = http::Framing::chunked;
    head.headers.add("content-type", "application/grpc");
    head.headers.add("te", "trailers");
  }
  head.headers.add(http::HeaderId::user_agent, "pingap-health-check");
  for (const auto& [name, value] : settings_.headers) {
    head.headers.add(name, value);
  }
  return head;
}

void Check::ask_http(Reuse reuse) noexcept {
  status_ = 0;
  body_.clear();
  grpc_status_.clear();
  auto opened = pool_.open(*this, reuse, settings_.session,
                           {.host = endpoint_->host, .opening = settings_.opening, .http1 = false});
  if (!opened) {
    conclude(to_string(opened.error().code));
    return;
  }
  stream_ = opened->stream;
  reused_ = opened->reused;
  http::RequestHead head = request_head();
  if (settings_.kind == CheckKind::http) {
    stream_->send_head(head, End::yes);
    return;
  }
  stream_->send_head(head, End::no);
  ByteQueue message;
  message.append(grpc_request(settings_.service));
  if (stream_ != nullptr) {
    stream_->send_body(message, End::yes);
  }
}

// ---- the answer

void Check::note_grpc_status(const http::HeaderMap& fields) noexcept {
  if (const http::Field* field = fields.find("grpc-status")) {
    grpc_status_ = field->value();
  }
}

void Check::on_head(http::ResponseHead& head, End /*end*/) noexcept {
  if (head.status >= 200) {
    status_ = head.status;
    note_grpc_status(head.headers);
  }
}

void Check::on_body(ByteQueue& data, End /*end*/) noexcept {
  const size_t size = data.size();
  while (!data.empty()) {
    const std::string_view piece = data.front();
    body_ += piece.substr(0, kBodyRoom - body_.size());
    data.consume(piece.size());
  }
  if (stream_ != nullptr) {
    stream_->release_window(size);
  }
}

void Check::on_trailers(http::HeaderMap& trailers) noexcept {
  note_grpc_status(trailers);
}

void Check::on_closed(const Error& why) noexcept {
  stream_ = nullptr;
  if (!why) {
    judge();
    return;
  }
  if (reused_ && status_ == 0) {
    loop_.defer(*this);  // only the connection was old; not from inside its end
    return;
  }
  conclude(why.detail != nullptr ? std::string_view(why.detail) : to_string(why.code));
}

void Check::on_deferred() noexcept {
  if (asking_) {
    ask_http(Reuse::never);
  }
}

void Check::judge() noexcept {
  if (settings_.kind == CheckKind::grpc) {
    if (grpc_status_ != "0") {
      conclude(fmt::format("grpc-status {}", grpc_status_.empty() ? "missing" : grpc_status_));
    } else {
      const bool serving = body_.size() >= 5 && std::string_view(body_).substr(5) == kServing;
      conclude(serving ? std::string_view{} : "it says that it does not serve");
    }
    return;
  }
  if (!settings_.statuses.contains(status_)) {
    conclude(fmt::format("status {}", status_));
    return;
  }
  const bool found = settings_.body.empty() || body_.find(settings_.body) != std::string::npos;
  conclude(found ? std::string_view{} : "the answer does not hold the expected text");
}

void Check::drop() noexcept {
  if (stream_ != nullptr) {
    std::exchange(stream_, nullptr)->reset(ErrorCode::none);
  }
  socket_ = {};
}

// ---- what it means

// An empty `fault` is none.
void Check::conclude(std::string_view fault) noexcept {
  if (fault.empty()) {
    passed();
  } else {
    failed(fault);
  }
  endpoint_->state->checked.store(true, std::memory_order_relaxed);
  asking_ = false;
  socket_ = {};
  loop_.arm(timer_, pause());
}

void Check::passed() noexcept {
  EndpointState& state = *endpoint_->state;
  bool was_away = std::exchange(failed_, 0) > 0;
  ++passed_;
  const bool was_new = state.is_out(Out::unchecked);
  if (was_new || (state.is_out(Out::unhealthy) && passed_ >= settings_.rise)) {
    was_away = true;
    state.begin(loop_.now());
    state.set_out(Out::unhealthy, false);
    state.set_out(Out::unchecked, false);
    PINGAP_LOG(info, "upstream {}: {} is up: {} passed", upstream_, endpoint_->name,
               was_new ? "its first check" : fmt::format("{} checks", passed_));
  }
  if (state.is_out(Out::unhealthy)) {
    return;
  }
  if (was_away && state.breaker.unreachable()) {
    state.breaker.reset(loop_.now());  // what requests have met is over
  } else {
    state.breaker.pass(loop_.now());
  }
}

void Check::failed(std::string_view fault) noexcept {
  EndpointState& state = *endpoint_->state;
  passed_ = 0;
  ++failed_;
  // The first check decides alone: so far nothing is known.
  const bool first = !state.checked.load(std::memory_order_relaxed);
  if (!state.is_out(Out::unhealthy) && (failed_ >= settings_.fall || first)) {
    state.set_out(Out::unhealthy, true);
    state.set_out(Out::unchecked, false);
    PINGAP_LOG(warn, "upstream {}: {} is down: {}", upstream_, endpoint_->name, fault);
  }
}

}  // namespace pingap::upstream
