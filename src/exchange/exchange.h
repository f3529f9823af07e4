// The record of one proxied request: what plugins, logs and metrics see. Worker. Lives in a slab
// block; all its memory is its arena, freed with it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ip.h"
#include "http/head.h"
#include "http/uri.h"

namespace pingap::trace {
struct RequestTrace;
}

namespace pingap::exchange {

// What is known of the client by a name: $auth_NAME.
struct Known {
  std::string_view name;
  std::string_view value;
  const Known* next;
};

// Where a request carries a secret that its place alone does not tell.
struct SecretName {
  enum class In : uint8_t { header, argument };

  In in;
  std::string_view name;
  const SecretName* next;
};

struct Exchange {
  explicit Exchange(std::span<char> first_block) noexcept : arena(first_block) {}

  Arena arena;

  // As received, and as plugins have changed it since. `headers` live in the arena.
  http::RequestHead request;
  // What goes to the backend and to the client: made by header policy.
  http::RequestHead upstream_request;
  http::ResponseHead response;

  // The one canonical form that is matched, authorised, logged and forwarded (rule P).
  http::Canonical uri;
  std::string_view host;  // normalised: lower case, no port, no trailing dot

  // Who asks: the socket's peer and, behind trusted proxies, the client (rule X). Texts of the peer
  // and of TLS are the connection's, which is there as long as this.
  IpAddress peer_ip;
  IpAddress client_ip;
  uint16_t peer_port = 0;
  std::string_view peer_text;
  std::string_view client_text;
  std::string_view forwarded_for;  // the X-Forwarded-For we make, whatever edits do to it
  std::string_view server_addr;    // of the listener
  uint16_t server_port = 0;        // 0 = a unix socket
  // What a backend is told of the listener and of how the client's connection came to it.
  std::span<const http::Field> asked_lines;
  // As the client asked: of the connection (where tls_version tells), or what a trusted proxy says.
  std::string_view scheme = "http";
  std::string_view tls_version;  // empty without TLS
  std::string_view tls_cipher;
  std::string_view tls_server_name;  // SNI
  std::string_view tls_client_subject;
  std::string_view tls_client_fingerprint;
  // The client's connection: a number that no other one has while the process runs, how many
  // requests it has brought with this one, and since when it speaks HTTP.
  uint64_t connection = 0;
  uint32_t connection_requests = 0;
  TimePoint connected{};

  // Where the client is: "DE", "EU"; empty = nobody has looked, or it is not known.
  std::string_view country;
  std::string_view continent;

  // Made when first asked for (exchange/variables), then the same for the exchange's life.
  std::string_view request_id;

  // In the arena; null where there is no [tracing], and for what is no request.
  trace::RequestTrace* trace = nullptr;

  // Names in the configuration; empty = not chosen.
  std::string_view server;
  std::string_view location;
  std::string_view upstream;
  std::string_view endpoint;
  // "server=what came of it" of the tries before the one at `endpoint`, or beside it; with commas.
  std::string_view failed_tries;

  TimePoint started{};  // head complete
  TimePoint connect_start{};
  TimePoint request_sent{};  // head handed to the backend connection
  TimePoint first_byte{};    // response head complete
  TimePoint finished{};
  Duration queued{};  // of the time before connect_start: no server had room

  uint64_t request_bytes = 0;   // body from the client
  uint64_t response_bytes = 0;  // body to the client
  // Of a body that was encoded for the client: what it was before and became, and how long that
  // took. 0 = none was.
  uint64_t plain_bytes = 0;
  uint64_t coded_bytes = 0;
  Duration coding_time{};
  uint16_t status = 0;  // sent to the client; 0 = none was
  uint16_t upstream_status = 0;
  uint16_t attempts = 0;
  bool upstream_reused = false;
  bool grpc = false;  // a call of gRPC: answers of ours are in its form
  // Lists in the arena, the newest first: what plugins have found out about the client, and what
  // logs and traces must not show because of them.
  const Known* known = nullptr;
  const SecretName* secrets = nullptr;
  // What they must not show because of the configuration; a list of the snapshot's.
  const SecretName* redacted = nullptr;
  // The [plugins.NAME] that answered instead of the backend, or has failed, and why it refused the
  // request; a text of its own.
  std::string_view plugin;
  std::string_view plugin_reason;
  ErrorCode reason = ErrorCode::none;
  Side reason_side = Side::local;
};

}  // namespace pingap::exchange
