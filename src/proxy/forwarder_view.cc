// What is told of a request while it is under way. The way itself: forwarder.cc.
#include "proxy/forwarder.h"
#include "proxy/frontend.h"
#include "proxy/under_way.h"
#include "proxy/worker.h"

namespace pingap::proxy {
namespace {

// Of a text of the client's; nobody needs more of it to find the request.
constexpr size_t kMostText = 256;

}  // namespace

// That of phase_, and where its connection and its server are concerned what exactly it waits for.
std::string_view Forwarder::phase_text() const noexcept {
  switch (phase_) {
    case Phase::receiving:
      return "receiving";
    case Phase::buffering:
      return "buffering";
    case Phase::connecting:
      if (upstream::Waiting::linked()) {
        return "queued";
      }
      if (attempt_ == nullptr) {
        return "pausing";  // before another try
      }
      return x.upstream_reused || x.request_sent > x.connect_start ? "waiting" : "connecting";
    case Phase::responding:
      return tunnel_ ? kTunnel : "responding";
    case Phase::answered:
    case Phase::done:
      break;
  }
  return "answered";
}

UnderWay Forwarder::describe() const {
  UnderWay out;
  out.age = now() - x.started;
  out.phase = phase_text();
  out.protocol = to_string(x.request.version);
  out.method = x.request.method_text.substr(0, kMostText);
  out.host = x.host.substr(0, kMostText);
  out.path = x.uri.path.substr(0, kMostText);
  out.client = x.client_text;
  out.request_id = x.request_id.substr(0, kMostText);
  out.server = x.server;
  out.location = x.location;
  out.upstream = x.upstream;
  out.endpoint = x.endpoint;
  out.connection = x.connection;
  out.request_bytes = x.request_bytes;
  out.response_bytes = filtered_ ? filtered_->sent_bytes() : x.response_bytes;
  out.tries = x.attempts;
  out.status = x.status;
  return out;
}

}  // namespace pingap::proxy
