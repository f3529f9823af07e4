#include "remote/metrics_senders.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace pingap::remote {
namespace {

constexpr size_t kMaxAnswer = 64 * 1024;  // bytes; it has a few words
constexpr size_t kMaxWhy = 200;           // of them are told

std::string unsent(std::string_view url, std::string_view why) {
  return fmt::format("they cannot be sent to {}: {}", url, why);
}

}  // namespace

std::string CollectorSender::send(const std::string& metrics, milliseconds longest,
                                  const std::stop_token& stop) {
  // Both signals have the same fields around what is theirs (opentelemetry-proto, v1).
  const OtlpOutcome outcome =
      client_.post(trace::make_export_request(origin_, metrics, room_), longest, stop);
  if (outcome.sent != OtlpOutcome::Sent::taken) {
    return unsent(url_, outcome.why);
  }
  return outcome.rejected == 0
             ? std::string()
             : fmt::format("{} rejects {} numbers: {}", url_, outcome.rejected, outcome.why);
}

GatewaySender::GatewaySender(const GatewayTarget& target) : client_(target.tls) {
  request_.url = target.url;
  request_.user = target.user;
  request_.password = target.password;
  request_.max_body = kMaxAnswer;
  request_.headers = {"Content-Type: text/plain; version=0.0.4",
                      fmt::format("User-Agent: pingap/{}", target.version)};
}

std::string GatewaySender::send(const std::string& metrics, milliseconds longest,
                                const std::stop_token& stop) {
  request_.body = metrics;
  request_.timeout = std::max(longest, milliseconds(1));
  request_.connect_timeout = std::min(request_.connect_timeout, request_.timeout);
  const auto answer = client_.put(request_, stop);
  if (!answer) {
    return unsent(request_.url, answer.error().what);
  }
  if (answer->status / 100 == 2) {
    return {};
  }
  const std::string_view text(answer->body);
  const std::string_view why = trim(text.substr(0, std::min(text.find_first_of("\r\n"), kMaxWhy)));
  return unsent(request_.url, fmt::format("the answer has status {}{}{}", answer->status,
                                          why.empty() ? "" : ": ", why));
}

}  // namespace pingap::remote
