#include "tls/server_context.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "base/hash.h"
#include "tls/handover.h"

namespace pingap::tls {
namespace {

template <class T>
using Built = tl::expected<T, std::string>;

// AEAD with forward secrecy; cheap certificates first (security.md TLS-15).
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCurves = "X25519:P-256:P-384";
// Of a peer's chain and its messages (TLS-09).
constexpr int kMaxDepth = 10;
constexpr long kMaxChain = 100 * 1024;

constexpr auto kOptions = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                          SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                          SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION;
constexpr auto kModes =
    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

// As in the extension (RFC 7301 3.1).
constexpr std::string_view kH2 = "\x02h2";
constexpr std::string_view kHttp11 = "\x08http/1.1";

std::string failed(std::string_view what) {
  const std::string error = take_errors();
  return std::string(what) + (error.empty() ? "" : ": " + error);
}

bool offers(std::string_view list, std::string_view protocol) noexcept {
  while (!list.empty()) {
    const size_t size = static_cast<unsigned char>(list.front()) + size_t{1};
    if (list.substr(0, size) == protocol) {
      return true;
    }
    list.remove_prefix(std::min(size, list.size()));
  }
  return false;
}

// Resumption must not lead past a check of another listener or of another set of CAs (TLS-01).
void bind_sessions(SSL_CTX* context, const ServerPolicy& policy) {
  const std::string decides = policy.client_ca +
                              std::to_string(static_cast<int>(policy.client_auth)) +
                              std::to_string(policy.min_version) + (policy.h2 ? "h2" : "");
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(decides.data()), decides.size(), digest.data());
  static_assert(SHA256_DIGEST_LENGTH <= SSL_MAX_SID_CTX_LENGTH);
  SSL_CTX_set_session_id_context(context, digest.data(), digest.size());
}

Built<void> set_versions(SSL_CTX* context, const ServerPolicy& policy) {
  if (SSL_CTX_set_min_proto_version(context, policy.min_version) != 1 ||
      SSL_CTX_set_max_proto_version(context, policy.max_version) != 1) {
    return tl::unexpected(failed("TLS versions"));
  }
  if (SSL_CTX_set_cipher_list(context,
                              policy.ciphers.empty() ? kCiphers : policy.ciphers.c_str()) != 1) {
    return tl::unexpected(failed("tls_cipher_list"));
  }
  if (!policy.ciphersuites.empty() &&
      SSL_CTX_set_ciphersuites(context, policy.ciphersuites.c_str()) != 1) {
    return tl::unexpected(failed("tls_ciphersuites"));
  }
  if (SSL_CTX_set1_groups_list(context, policy.curves.empty() ? kCurves : policy.curves.c_str()) !=
      1) {
    return tl::unexpected(failed("tls_curves"));
  }
  return {};
}

// Asks clients for a certificate of one of these CAs. No CA is an error, never "no check" (TLS-07).
Built<void> ask_clients(SSL_CTX* context, const ServerPolicy& policy) {
  const auto authorities = load_authorities(policy.client_ca);
  if (!authorities) {
    return tl::unexpected("tls_client_ca: " + authorities.error());
  }
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& ca : *authorities) {
    if (X509_STORE_add_cert(store, ca.get()) != 1 ||
        SSL_CTX_add_client_CA(context, ca.get()) != 1) {
      return tl::unexpected(failed("tls_client_ca"));
    }
  }
  SSL_CTX_set_verify(
      context,
      SSL_VERIFY_PEER |
          (policy.client_auth == ClientAuth::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
  return {};
}

}  // namespace

Built<SslCtxPtr> ServerContext::make_context(const ServerPolicy& policy) const {
  SslCtxPtr context{SSL_CTX_new(TLS_server_method())};
  if (context == nullptr) {
    return tl::unexpected(failed("OpenSSL"));
  }
  SSL_CTX_set_options(context.get(), kOptions);
  SSL_CTX_set_mode(context.get(), kModes);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets only: it locks
  SSL_CTX_set_num_tickets(context.get(), 1);
  SSL_CTX_set_max_cert_list(context.get(), kMaxChain);
  SSL_CTX_set_verify_depth(context.get(), kMaxDepth);
  if (auto set = set_versions(context.get(), policy); !set) {
    return tl::unexpected(std::move(set.error()));
  }
  if (policy.client_auth != ClientAuth::off) {
    if (auto asked = ask_clients(context.get(), policy); !asked) {
      return tl::unexpected(std::move(asked.error()));
    }
  }
  bind_sessions(context.get(), policy);
  keys_.attach(context.get());
  Handover::attach(context.get());
  auto* self = const_cast<ServerContext*>(this);
  SSL_CTX_set_tlsext_servername_callback(context.get(), on_server_name);
  SSL_CTX_set_tlsext_servername_arg(context.get(), self);
  SSL_CTX_set_alpn_select_cb(context.get(), on_alpn, self);
  return context;
}

Built<std::unique_ptr<ServerContext>> ServerContext::build(
    const ServerPolicy& policy, const std::vector<ServerCertificate>& certificates,
    TicketKeys& keys) {
  take_errors();  // of somebody else
  std::unique_ptr<ServerContext> made{new ServerContext(keys)};
  made->h2_ = policy.h2;
  made->admission_ =
      policy.client_auth == ClientAuth::off
          ? "TLS"
          : fmt::format("certificate {} {:x}", static_cast<unsigned>(policy.client_auth),
                        hash64(policy.client_ca));
  // The default first: it answers where no name fits.
  std::vector<const ServerCertificate*> order;
  for (const ServerCertificate& one : certificates) {
    order.insert(one.is_default ? order.begin() : order.end(), &one);
  }
  // One context for each set of names: certificates of other key types for the same names join it.
  std::vector<const ServerCertificate*> first;
  for (const ServerCertificate* one : order) {
    const auto same = std::find_if(first.begin(), first.end(), [&](const auto* other) {
      return other->names == one->names &&
             other->certificate->key_type() != one->certificate->key_type();
    });
    const auto at = static_cast<size_t>(same - first.begin());
    if (same == first.end()) {
      auto context = made->make_context(policy);
      if (!context) {
        return tl::unexpected(std::move(context.error()));
      }
      made->contexts_.push_back(std::move(*context));
      first.push_back(one);
    }
    if (!use_certificate(made->contexts_[at].get(), *one->certificate)) {
      return tl::unexpected(failed("certificate"));
    }
    const X509* leaf = one->certificate->leaf.get();
    made->shown_.push_back({subject_of(leaf), fingerprint_of(leaf), one->certificate->not_after});
    for (const std::string& name : one->names) {
      made->by_name_.try_emplace(name, made->contexts_[at].get());
    }
  }
  return made;
}

SslPtr ServerContext::accept() const noexcept {
  SslPtr ssl{SSL_new(contexts_.front().get())};
  if (ssl != nullptr) {
    SSL_set_accept_state(ssl.get());
  }
  return ssl;
}

SSL_CTX* ServerContext::find(std::string_view name) const noexcept {
  if (const auto exact = by_name_.find(name); exact != by_name_.end()) {
    return exact->second;
  }
  // A wildcard stands for one label (RFC 9525 6.3).
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) {
    return nullptr;
  }
  std::array<char, 256> wildcard;  // filled below
  const std::string_view parent = name.substr(dot);
  if (parent.size() + 1 > wildcard.size()) {
    return nullptr;
  }
  wildcard[0] = '*';
  std::copy(parent.begin(), parent.end(), wildcard.begin() + 1);
  const auto found = by_name_.find(std::string_view(wildcard.data(), parent.size() + 1));
  return found != by_name_.end() ? found->second : nullptr;
}

bool ServerContext::serves(std::string_view server_name, std::string_view host) const noexcept {
  if (contexts_.size() == 1 || server_name.empty() || server_name == host) {
    return true;
  }
  const SSL_CTX* meant = find(host);
  const SSL_CTX* shown = find(server_name);
  return meant == nullptr || meant == (shown != nullptr ? shown : contexts_.front().get());
}

int ServerContext::on_server_name(SSL* ssl, int* /*alert*/, void* self) noexcept {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  const std::string normal = normal_name(name);
  SSL_CTX* found = static_cast<const ServerContext*>(self)->find(normal);
  if (found == nullptr) {
    return SSL_TLSEXT_ERR_NOACK;  // the default answers
  }
  if (found != SSL_get_SSL_CTX(ssl)) {
    SSL_set_SSL_CTX(ssl, found);
  }
  return SSL_TLSEXT_ERR_OK;
}

int ServerContext::on_alpn(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                           const unsigned char* in, unsigned in_size, void* self) noexcept {
  const std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  std::string_view chosen;
  if (static_cast<const ServerContext*>(self)->h2_ && offers(offered, kH2)) {
    chosen = kH2;
  } else if (offers(offered, kHttp11)) {
    chosen = kHttp11;
  } else {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 3.2
  }
  *out = reinterpret_cast<const unsigned char*>(chosen.data()) + 1;
  *out_size = static_cast<unsigned char>(chosen.size() - 1);
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace pingap::tls
