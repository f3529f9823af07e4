// Sends a request of OTLP to a collector, over gRPC or HTTP, and says what came of it. Blocks: for
// threads of their own; one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "remote/http_client.h"

namespace pingap::remote {

// Where a collector is, and how it is spoken to.
struct OtlpTarget {
  std::string url;  // with the path of the signal
  bool grpc = true;
  bool gzip = false;
  std::vector<std::string> headers;  // "Name: value", secret
  milliseconds timeout{10'000};
  ClientTls tls;
  std::string version;  // ours
};

// What has come of a request.
struct OtlpOutcome {
  enum class Sent : uint8_t { taken, again, refused };

  Sent sent = Sent::taken;
  uint64_t rejected = 0;  // of what was taken: spans or data points
  std::string why;
  std::optional<milliseconds> after;  // the collector says when again
};

// Zero bytes that a request has in front, for what goes there.
size_t otlp_room(const OtlpTarget& target) noexcept;

class OtlpClient {
 public:
  explicit OtlpClient(const OtlpTarget& target) : target_(target), client_(target.tls) {}

  // `request` begins with otlp_room() bytes. It takes the time of the target, or `longest`.
  OtlpOutcome post(std::string request, milliseconds longest, const std::stop_token& stop);

 private:
  static OtlpOutcome judge_http(const HttpAnswer& answer);
  static OtlpOutcome judge_grpc(const HttpAnswer& answer);

  const OtlpTarget target_;
  HttpClient client_;
};

}  // namespace pingap::remote
