#include "remote/otlp_client.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/gzip.h"
#include "base/strings.h"
#include "trace/otlp.h"

namespace pingap::remote {
namespace {

using Sent = OtlpOutcome::Sent;

constexpr size_t kMaxAnswer = 64 * 1024;       // bytes; it has a few words
constexpr milliseconds kLongestPause{10'000};  // that a collector may ask for

// The status codes of gRPC that OTLP calls retryable (OTLP specification, "Failures"). Of
// RESOURCE_EXHAUSTED only those that say when, which is in details that are not read here.
bool is_retryable(uint64_t grpc_status) noexcept {
  constexpr std::array<uint64_t, 6> kRetryable = {1, 4, 10, 11, 14, 15};
  return std::ranges::find(kRetryable, grpc_status) != kRetryable.end();
}

bool is_retryable_http(long status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// One message of gRPC begins with a byte that says whether it is compressed, and its size.
constexpr size_t kGrpcPrefix = 5;

// Fills that room in front of a message.
void put_grpc_prefix(std::string& message, bool compressed) noexcept {
  message[0] = static_cast<char>(compressed ? 1 : 0);
  const size_t size = message.size() - kGrpcPrefix;
  for (size_t i = 1; i < kGrpcPrefix; ++i) {
    message[i] = static_cast<char>(size >> (8 * (kGrpcPrefix - 1 - i)) & 0xff);
  }
}

std::string_view grpc_message(std::string_view body) noexcept {
  return body.size() < kGrpcPrefix || body[0] != 0 ? std::string_view{} : body.substr(kGrpcPrefix);
}

}  // namespace

size_t otlp_room(const OtlpTarget& target) noexcept {
  return target.grpc ? kGrpcPrefix : 0;
}

OtlpOutcome OtlpClient::post(std::string body, milliseconds longest, const std::stop_token& stop) {
  HttpRequest request;
  request.url = target_.url;
  request.headers = target_.headers;
  request.max_body = kMaxAnswer;
  request.timeout = std::max(std::min(target_.timeout, longest), milliseconds(1));
  request.connect_timeout = std::min(request.connect_timeout, request.timeout);
  std::string compressed = target_.gzip ? gzipped(body, otlp_room(target_)) : std::string();
  const bool gzip = !compressed.empty();
  request.body = gzip ? std::move(compressed) : std::move(body);
  if (gzip) {
    request.headers.emplace_back(target_.grpc ? "grpc-encoding: gzip" : "Content-Encoding: gzip");
  }
  if (target_.grpc) {
    request.version = HttpVersion::http2;
    request.headers.emplace_back("Content-Type: application/grpc");
    request.headers.emplace_back("TE: trailers");
    put_grpc_prefix(request.body, gzip);
  } else {
    request.headers.emplace_back("Content-Type: application/x-protobuf");
  }
  request.headers.push_back(fmt::format("User-Agent: pingap/{}", target_.version));
  const auto answer = client_.post(request, stop);
  if (!answer) {
    const bool too_large = answer.error().kind == HttpFailure::Kind::too_large;
    return {too_large ? Sent::refused : Sent::again, 0, answer.error().what, {}};
  }
  return target_.grpc ? judge_grpc(*answer) : judge_http(*answer);
}

OtlpOutcome OtlpClient::judge_http(const HttpAnswer& answer) {
  if (answer.status / 100 == 2) {
    const trace::ExportAnswer said = trace::read_export_answer(answer.body);
    return {Sent::taken, said.rejected, said.message, {}};
  }
  OtlpOutcome outcome;
  outcome.sent = is_retryable_http(answer.status) ? Sent::again : Sent::refused;
  outcome.why = fmt::format("the answer has status {}", answer.status);
  if (const auto seconds = parse_decimal(answer.field("Retry-After"))) {
    const auto asked = static_cast<int64_t>(std::min<uint64_t>(*seconds, 3600));
    outcome.after = std::min<milliseconds>(std::chrono::seconds(asked), kLongestPause);
  }
  return outcome;
}

// What a gateway says by HTTP alone stands for a status of gRPC, too.
OtlpOutcome OtlpClient::judge_grpc(const HttpAnswer& answer) {
  if (answer.status != 200) {
    OtlpOutcome outcome = judge_http(answer);
    outcome.sent = outcome.sent == Sent::again ? Sent::again : Sent::refused;
    outcome.after.reset();
    outcome.why = fmt::format("the answer has status {}", answer.status);
    return outcome;
  }
  const auto status = parse_decimal(answer.field("grpc-status"));
  if (status == 0U) {
    const trace::ExportAnswer said = trace::read_export_answer(grpc_message(answer.body));
    return {Sent::taken, said.rejected, said.message, {}};
  }
  if (!status) {
    return {Sent::refused, 0, "the answer is not one of gRPC", {}};
  }
  return {is_retryable(*status) ? Sent::again : Sent::refused,
          0,
          fmt::format("grpc-status {} {}", *status, answer.field("grpc-message")),
          {}};
}

}  // namespace pingap::remote
