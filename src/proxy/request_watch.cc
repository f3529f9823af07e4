#include "proxy/request_watch.h"

#include <array>
#include <utility>

#include "base/log.h"

namespace pingap::proxy {
namespace {

// Tags of the access log: what it hides is hidden here, too.
constexpr std::string_view kFormat =
    "logfmt:client=client_ip,peer=remote,connection=connection_id,connection_requests,method,host,"
    "uri,proto,scheme,tls_version,server,location,upstream,upstream_addr,upstream_reused,tries,"
    "status,upstream_status,reason,reason_side,termination,plugin,plugin_reason,latency_us,"
    "payload_size,size,request_id,trace_id";

void add_phase(std::string& text, std::string_view name, Duration took) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  text.append(text.empty() ? "" : ", ").append(name).append(" ");
  text.append(std::to_string(micros)).append("us");
}

// Of the last try: what went before it is in `before`.
std::string phases_of(const exchange::Exchange& x) {
  std::string text;
  if (x.connect_start == TimePoint{}) {
    add_phase(text, "before", x.finished - x.started);
    return text;
  }
  add_phase(text, "before", x.connect_start - x.started - x.queued);
  add_phase(text, "queue", x.queued);
  if (x.request_sent < x.connect_start) {  // of a try before, or never
    add_phase(text, "connect", x.finished - x.connect_start);
    return text;
  }
  add_phase(text, "connect", x.request_sent - x.connect_start);
  if (x.first_byte < x.request_sent) {
    add_phase(text, "head", x.finished - x.request_sent);
    return text;
  }
  add_phase(text, "head", x.first_byte - x.request_sent);
  add_phase(text, "rest", x.finished - x.first_byte);
  return text;
}

}  // namespace

RequestWatch::RequestWatch(Settings settings)
    : settings_(std::move(settings)), format_(exchange::AccessLogFormat::compile(kFormat).value()) {
}

bool RequestWatch::wants(const exchange::Exchange& x) const noexcept {
  // What was refused has no other path than that which was sent.
  const std::string_view path = x.uri.path.empty() ? x.request.target : x.uri.path;
  return (!settings_.client || settings_.client->contains(x.client_ip)) &&
         path.starts_with(settings_.path);
}

void RequestWatch::note(const exchange::Exchange& x, std::string_view plugins,
                        WallTime now) noexcept {
  if (x.finished >= settings_.until ||
      noted_.fetch_add(1, std::memory_order_relaxed) >= settings_.most) {
    return;
  }
  std::array<char, exchange::AccessLogFormat::kMaxLine> room;
  std::string_view line(room.data(), format_.write(x, now, room));
  line.remove_suffix(line.empty() ? 0 : 1);  // its newline
  std::string text("traced ");
  text.append(line).append(" phases=\"").append(phases_of(x));
  text.append("\" plugins=\"").append(plugins).append("\"");
  // Whatever the level is: somebody has asked for it. As debug, of which no line is held back.
  static constexpr char kPlace = 0;
  log::write(LogLevel::debug, log::component_of(__FILE__), &kPlace, x.request_id, text);
}

}  // namespace pingap::proxy
