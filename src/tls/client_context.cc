#include "tls/client_context.h"

#include <arpa/inet.h>
#include <utility>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/session_store.h"

namespace pingap::tls {
namespace {

template <class T>
using Built = tl::expected<T, std::string>;

constexpr std::string_view kHttp11 = "\x08http/1.1";  // RFC 7301 3.1
constexpr int kMaxDepth = 10;
constexpr long kMaxChain = 100 * 1024;

// Where the sessions of a connection are kept, and under which key. Of the connection.
struct Shelf {
  SessionStore& store;
  std::string key;
};

void free_shelf(void* /*ssl*/, void* shelf, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argl*/,
                void* /*argp*/) noexcept {
  delete static_cast<Shelf*>(shelf);
}

int shelf_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_shelf);
  return index;
}

int keep_session(SSL* ssl, SSL_SESSION* session) noexcept {
  const auto* shelf = static_cast<const Shelf*>(SSL_get_ex_data(ssl, shelf_index()));
  if (shelf == nullptr) {
    return 0;
  }
  shelf->store.keep(shelf->key, session);
  return 1;  // it is ours now
}

std::string failed(std::string_view what) {
  const std::string error = take_errors();
  return std::string(what) + (error.empty() ? "" : ": " + error);
}

// Read once: it has more than a hundred certificates.
X509_STORE* system_store() {
  static X509_STORE* const store = [] {
    X509_STORE* made = X509_STORE_new();
    X509_STORE_set_default_paths(made);
    return made;
  }();
  return store;
}

Built<void> trust(SSL_CTX* context, const ClientPolicy& policy) {
  if (!policy.own_ca) {
    SSL_CTX_set1_cert_store(context, system_store());
    return {};
  }
  const auto authorities = load_authorities(policy.ca);
  if (!authorities) {
    return tl::unexpected("ca: " + authorities.error());
  }
  for (const X509Ptr& ca : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get()) != 1) {
      return tl::unexpected(failed("ca"));
    }
  }
  return {};
}

void offer_protocols(SSL_CTX* context, const ClientPolicy& policy) {
  std::string list;  // RFC 7301 3.1
  if (policy.h2) {
    list += "\x02h2";
  }
  if (policy.h1) {
    list += kHttp11;
  }
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
}

bool is_address(const std::string& name) noexcept {
  in6_addr room{};
  return inet_pton(AF_INET, name.c_str(), &room) == 1 ||
         inet_pton(AF_INET6, name.c_str(), &room) == 1;
}

// The certificate must be for `name`: only its SAN counts (RFC 9525 6.3).
bool expect_name(SSL* ssl, const std::string& name) noexcept {
  if (is_address(name)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  }
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return !name.empty() && SSL_set1_host(ssl, name.c_str()) == 1;
}

}  // namespace

ClientContext::ClientContext() = default;
ClientContext::~ClientContext() = default;

Built<std::unique_ptr<ClientContext>> ClientContext::build(const ClientPolicy& policy) {
  take_errors();  // of somebody else
  std::unique_ptr<ClientContext> made{new ClientContext};
  made->verify_ = policy.verify;
  made->sessions_ = std::make_unique<SessionStore>();
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = made->context_.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
    return tl::unexpected(failed("OpenSSL"));
  }
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_verify_depth(context, kMaxDepth);
  SSL_CTX_set_max_cert_list(context, kMaxChain);
  SSL_CTX_set_verify(context, policy.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (policy.verify) {
    if (auto trusted = trust(context, policy); !trusted) {
      return tl::unexpected(std::move(trusted.error()));
    }
  }
  if (policy.certificate != nullptr && !use_certificate(context, *policy.certificate)) {
    return tl::unexpected(failed("tls_cert"));
  }
  offer_protocols(context, policy);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  return made;
}

SslPtr ClientContext::connect(std::string_view server, const std::string& sni,
                              const std::string& name, Offer offer) const {
  SslPtr ssl{SSL_new(context_.get())};
  if (ssl == nullptr) {
    return nullptr;
  }
  SSL_set_connect_state(ssl.get());
  if (!normal_name(sni).empty() && !is_address(sni)) {
    SSL_set_tlsext_host_name(ssl.get(), sni.c_str());  // never an address (RFC 6066 3)
  }
  if (offer == Offer::http1) {
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(kHttp11.data()),
                        static_cast<unsigned>(kHttp11.size()));
  }
  if (verify_ && !expect_name(ssl.get(), name)) {
    return nullptr;
  }
  auto shelf =
      std::make_unique<Shelf>(Shelf{*sessions_, std::string(server) + '\n' + sni + '\n' + name});
  sessions_->offer(shelf->key, ssl.get());
  if (SSL_set_ex_data(ssl.get(), shelf_index(), shelf.get()) == 1) {
    shelf.release();  // NOLINT(bugprone-unused-return-value): free_shelf()
  }
  take_errors();
  return ssl;
}

}  // namespace pingap::tls
