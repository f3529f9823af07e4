#include "tls/session_store.h"

#include <gtest/gtest.h>

#include "tls/openssl.h"

namespace pingap::tls {
namespace {

class Sessions : public testing::Test {
 protected:
  // What is offered of `key`; null = nothing.
  SSL_SESSION* offered(const std::string& key) {
    ssl_.reset(SSL_new(context_.get()));
    store_.offer(key, ssl_.get());
    return SSL_get_session(ssl_.get());
  }

  static SSL_SESSION* make(int version) {
    SSL_SESSION* session = SSL_SESSION_new();
    SSL_SESSION_set_protocol_version(session, version);
    return session;
  }

  SslCtxPtr context_{SSL_CTX_new(TLS_client_method())};
  SslPtr ssl_;
  SessionStore store_;
};

TEST_F(Sessions, AreOfferedToTheServerTheyAreOf) {
  SSL_SESSION* session = make(TLS1_2_VERSION);
  store_.keep("a", session);
  EXPECT_EQ(offered("b"), nullptr);
  EXPECT_EQ(offered("a"), session);
  EXPECT_EQ(offered("a"), session) << "again and again, below TLS 1.3";
}

TEST_F(Sessions, OfTls13AreOfferedOnceTheNewestFirst) {
  SSL_SESSION* first = make(TLS1_3_VERSION);
  SSL_SESSION* second = make(TLS1_3_VERSION);
  store_.keep("a", first);
  store_.keep("a", second);
  EXPECT_EQ(offered("a"), second);
  EXPECT_EQ(offered("a"), first);
  EXPECT_EQ(offered("a"), nullptr);
}

TEST_F(Sessions, OfOneMoreServerTakeThePlaceOfAnother) {
  for (size_t i = 0; i <= SessionStore::kMaxKeys; ++i) {
    store_.keep(std::to_string(i), make(TLS1_2_VERSION));
  }
  EXPECT_EQ(store_.keys(), SessionStore::kMaxKeys);
  EXPECT_NE(offered(std::to_string(SessionStore::kMaxKeys)), nullptr);
}

}  // namespace
}  // namespace pingap::tls
