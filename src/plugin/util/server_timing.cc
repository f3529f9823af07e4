// server_timing: says in each answer how long its plugins and its backend took (W3C Server Timing).
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

class ServerTiming final : public Plugin {
 public:
  uint8_t hooks() const noexcept override { return kRequest | kResponse; }

  Verdict on_request(Context& context) const noexcept override {
    context.host.measure();
    return Verdict::next;
  }

  void on_response(Context& context) const noexcept override {
    http::HeaderMap& headers = context.x.response.headers;
    headers = http::HeaderMap::copy(headers, context.x.arena, 1);
    headers.add("Server-Timing", context.host.server_timing());
  }
};

void describe(std::vector<OptionInfo>& /*to*/) {
}

std::shared_ptr<const Plugin> make(const Making& making) {
  detail::report_unknown(making.entry, {}, making.reader);
  return std::make_shared<ServerTiming>();
}

}  // namespace

const Kind kServerTiming{
    "server_timing", "",       "tells clients how long plugins and backend took",
    Phase::identify, describe, make};

}  // namespace pingap::plugin
