// The metrics there are. docs/metrics.md has the same table; a test compares.
#pragma once

#include "observe/exposition.h"

namespace pingap::admin::families {

using observe::Family;
using observe::Kind;

// Requests
inline constexpr Family kRequests{"http_requests_total", Kind::counter,
                                  "Requests answered, refused ones included."};
inline constexpr Family kDuration{"http_request_duration_seconds", Kind::histogram,
                                  "From the full request head to the end of the answer."};
inline constexpr Family kRequestBytes{"http_request_body_bytes_total", Kind::counter,
                                      "Bytes of request bodies from clients."};
inline constexpr Family kResponseBytes{"http_response_body_bytes_total", Kind::counter,
                                       "Bytes of response bodies to clients."};
inline constexpr Family kInFlight{"http_requests_in_flight", Kind::gauge,
                                  "Requests under way, tunnels included."};
inline constexpr Family kErrors{"http_request_errors_total", Kind::counter,
                                "Requests, and connections before their first, that ended with an "
                                "error, by its reason."};
inline constexpr Family kTerminations{
    "http_terminations_total", Kind::counter,
    "Requests by who ended them and in which phase, two letters."};
// Connections of clients
inline constexpr Family kConnections{"http_connections", Kind::gauge, "Open client connections."};
inline constexpr Family kAccepted{"http_connections_accepted_total", Kind::counter,
                                  "Client connections accepted."};
inline constexpr Family kHandshakes{"tls_handshakes_total", Kind::counter,
                                    "TLS handshakes with clients that succeeded."};
inline constexpr Family kResumptions{"tls_resumptions_total", Kind::counter,
                                     "TLS handshakes with clients that resumed a session."};
inline constexpr Family kFailedHandshakes{"tls_handshake_failures_total", Kind::counter,
                                          "TLS handshakes with clients that failed."};
inline constexpr Family kHandshakeTime{"tls_handshake_duration_seconds", Kind::histogram,
                                       "How long TLS handshakes with clients took."};
inline constexpr Family kGlitches{
    "http2_glitches_total", Kind::counter,
    "HTTP/2 frames charged to a flood budget, of connections that have "
    "ended."};
inline constexpr Family kNotAfter{"tls_certificate_not_after_seconds", Kind::gauge,
                                  "When the certificate expires, in seconds since 1970."};
// Upstreams
inline constexpr Family kTries{"upstream_requests_total", Kind::counter,
                               "Tries at a server, repeated ones included."};
inline constexpr Family kRetries{"upstream_retries_total", Kind::counter,
                                 "Of the tries, the repeated ones."};
inline constexpr Family kAnswers{"upstream_responses_total", Kind::counter,
                                 "Answers of a server, by the class of their status."};
inline constexpr Family kFailedTries{"upstream_failed_tries_total", Kind::counter,
                                     "Tries that came to nothing, by the reason."};
inline constexpr Family kTriesInFlight{"upstream_requests_in_flight", Kind::gauge,
                                       "Tries under way at a server."};
inline constexpr Family kHealth{"upstream_health", Kind::gauge,
                                "Whether a server takes requests (1) or not (0)."};
inline constexpr Family kState{"upstream_server_state", Kind::gauge,
                               "1 for the state that a server is in."};
inline constexpr Family kBreaker{"upstream_breaker_open", Kind::gauge,
                                 "Whether the breaker of all servers together is open (1)."};
inline constexpr Family kBreakerState{
    "upstream_breaker_state", Kind::gauge,
    "1 for the state that the breaker of all servers together is in."};
inline constexpr Family kLeftOut{"upstream_servers_left_out", Kind::gauge,
                                 "Servers that were found and are not used."};
inline constexpr Family kWeight{"upstream_server_weight", Kind::gauge, "The weight of a server."};
inline constexpr Family kOpen{"upstream_connections", Kind::gauge, "Open connections to a server."};
inline constexpr Family kOpened{"upstream_connections_opened_total", Kind::counter,
                                "Connections opened to a server."};
inline constexpr Family kClosed{"upstream_connections_closed_total", Kind::counter,
                                "Connections to a server that were closed, by the reason."};
inline constexpr Family kReused{"upstream_connections_reused_total", Kind::counter,
                                "Requests on a connection that was there already."};
inline constexpr Family kIdle{"upstream_connections_idle", Kind::gauge,
                              "Open connections to a server that no request uses."};
inline constexpr Family kQueued{"upstream_queued_requests", Kind::gauge,
                                "Requests that wait for a server with room."};
inline constexpr Family kQueueTime{"upstream_queue_duration_seconds", Kind::histogram,
                                   "How long requests waited for a server with room."};
inline constexpr Family kConnectTime{"upstream_connect_duration_seconds", Kind::histogram,
                                     "How long a new connection took, its TLS included."};
inline constexpr Family kFirstByte{"upstream_first_byte_duration_seconds", Kind::histogram,
                                   "From sending the request to the full response head."};
inline constexpr Family kTryTime{"upstream_try_duration_seconds", Kind::histogram,
                                 "How long tries took, from their connect to their end."};
inline constexpr Family kServerHandshakes{"upstream_tls_handshakes_total", Kind::counter,
                                          "TLS handshakes with a server that succeeded."};
inline constexpr Family kServerHandshakesFailed{"upstream_tls_handshake_failures_total",
                                                Kind::counter,
                                                "TLS handshakes with a server that failed."};
inline constexpr Family kServerHandshakeTime{
    "upstream_tls_handshake_duration_seconds", Kind::histogram,
    "How long TLS handshakes with a server took, the connect before them not included."};
// The process
inline constexpr Family kWorkerConnections{"worker_connections", Kind::gauge,
                                           "Client connections of a worker thread."};
inline constexpr Family kLag{"worker_event_loop_lag_seconds", Kind::gauge,
                             "How long a worker thread took to come to a message, once a second."};
inline constexpr Family kLogDropped{
    "log_lines_dropped_total", Kind::counter,
    "Lines of access logs and of the application log lost: nobody took them."};
inline constexpr Family kLogErrors{"log_write_errors_total", Kind::counter,
                                   "Writes to log files that failed."};
inline constexpr Family kLogBytes{"log_written_bytes_total", Kind::counter,
                                  "Bytes of log files written."};
inline constexpr Family kSpansSent{"tracing_spans_sent_total", Kind::counter,
                                   "Spans that the collector has taken."};
inline constexpr Family kSpansDropped{"tracing_spans_dropped_total", Kind::counter,
                                      "Spans lost, by the reason."};
inline constexpr Family kRevision{"config_revision", Kind::gauge,
                                  "The revision of the history in use; 0 without one."};
inline constexpr Family kReloads{"config_reloads_total", Kind::counter,
                                 "Reloads, by what came of them."};
inline constexpr Family kLastReload{"config_last_reload_successful", Kind::gauge,
                                    "Whether the last reload was taken (1) or refused (0)."};
inline constexpr Family kLoadedAt{"config_loaded_timestamp_seconds", Kind::gauge,
                                  "When the configuration in use was loaded."};
inline constexpr Family kRefusedAt{"config_last_refused_timestamp_seconds", Kind::gauge,
                                   "When a reload was refused last; 0 where none was."};
inline constexpr Family kPluginRejected{"plugin_rejected_total", Kind::counter,
                                        "Requests that a plugin has refused, by the reason."};
inline constexpr Family kPluginLeftOut{"plugin_left_out_total", Kind::counter,
                                       "What a plugin has left out, by the reason."};
inline constexpr Family kDegraded{"pingap_degraded", Kind::gauge,
                                  "What does not work as it should: how many things."};
inline constexpr Family kBuild{"pingap_build_info", Kind::gauge, "1, with the version that runs."};
inline constexpr Family kCpu{"process_cpu_seconds_total", Kind::counter,
                             "User and system CPU time."};
inline constexpr Family kResident{"process_resident_memory_bytes", Kind::gauge, "Resident memory."};
inline constexpr Family kVirtual{"process_virtual_memory_bytes", Kind::gauge, "Virtual memory."};
inline constexpr Family kFds{"process_open_fds", Kind::gauge, "Open file descriptors."};
inline constexpr Family kMaxFds{"process_max_fds", Kind::gauge,
                                "How many file descriptors may be open."};
inline constexpr Family kThreads{"process_threads", Kind::gauge, "Threads."};
inline constexpr Family kStarted{"process_start_time_seconds", Kind::gauge,
                                 "When the process started, in seconds since 1970."};

}  // namespace pingap::admin::families
