// Where something lies in etcd, as one text: "etcd://HOST[:PORT],.../PATH?user=NAME&timeout=10s".
// Pure but for the environment; control thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "config/expand.h"
#include "config/problem.h"

namespace pingap::config {

inline constexpr std::string_view kEtcdScheme = "etcd://";

inline bool is_etcd_url(std::string_view text) noexcept {
  return text.starts_with(kEtcdScheme);
}

struct EtcdAddress {
  std::vector<std::string> endpoints;  // "HOST:PORT", each once
  std::string path;                    // begins with '/', does not end with it: "/pingap"
  std::string user;                    // empty = etcd asks nobody who they are
  std::string password;
  bool tls = false;
  std::string ca;    // path; empty = the system's authorities
  std::string cert;  // path; shown to etcd; empty = none
  std::string key;   // path
  bool verify = true;
  std::chrono::milliseconds timeout{10'000};         // of a start, or of a command, in all
  std::chrono::milliseconds connect_timeout{2'000};  // to one endpoint

  // For logs and errors: without credentials and options.
  std::string to_string() const;

  bool operator==(const EtcdAddress&) const = default;
};

// Names of the variables that stand in for a user and a password that the text does not have: what
// is on a command line can be seen by everybody on the machine.
inline constexpr const char* kEtcdUser = "PINGAP_ETCD_USER";
inline constexpr const char* kEtcdPassword = "PINGAP_ETCD_PASSWORD";

// The problem never quotes a value.
Parsed<EtcdAddress> parse_etcd_url(std::string_view text,
                                   Environment environment = process_environment);

// The text as it may be shown, if it is one of etcd: with neither user nor options. Any other as it
// is.
std::string shown_url(std::string_view text);

}  // namespace pingap::config
