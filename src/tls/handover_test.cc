// Connections of TLS 1.3 behind the handover, with OpenSSL as the client.
#include "tls/handover.h"

#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "tls/server_context.h"
#include "tls/test_certificates.h"
#include "tls/test_ends.h"
#include "tls/transport.h"

namespace pingap::tls {
namespace {

using net::IoStatus;

// A server of ours and a client of OpenSSL, in one thread.
class HandoverPair : public testing::Test {
 protected:
  HandoverPair() {
    SSL_CTX_set_verify(client_context_.get(), SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(client_context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client_context_.get(), on_session);
  }

  void connect(SSL_SESSION* session = nullptr) {
    TestEnds ends;
    context_ = *ServerContext::build(
        policy_, {{certificate_, {"a.test"}, true}, {other_, {"b.test"}, false}}, keys_);
    SslPtr taken = context_->accept();
    SSL_up_ref(taken.get());
    ssl_.reset(taken.get());
    server_ = std::make_unique<Transport>(std::move(ends.server), std::move(taken), context_);
    client_.reset(SSL_new(client_context_.get()));
    client_end_ = std::move(ends.client);
    SSL_set_fd(client_.get(), client_end_.get());
    SSL_set_connect_state(client_.get());
    SSL_set_tlsext_host_name(client_.get(), "b.test");
    SSL_set_session(client_.get(), session);
  }

  void shake() {
    for (int i = 0; i < 20; ++i) {
      const bool ours = SSL_do_handshake(client_.get()) == 1;
      const net::IoResult theirs = server_->handshake();
      ASSERT_NE(theirs.status, IoStatus::failed) << server_->handshake_failure();
      if (ours && theirs.status == IoStatus::progress) {
        return;
      }
    }
    FAIL() << "no end";
  }

  // OpenSSL's object was given up.
  bool taken_over() const {
    return SSL_get_shutdown(ssl_.get()) == (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  std::string read(size_t most = 1 << 20) {
    std::string room(most, '\0');
    last_ = server_->read(room);
    room.resize(last_.bytes);
    return room;
  }

  net::IoResult write(std::string_view text, End end = End::no) {
    ByteQueue queue;
    queue.append(text);
    return server_->write(queue, end);
  }

  void client_writes(std::string_view text) {
    ASSERT_EQ(SSL_write(client_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
  }

  // What is no record.
  void client_sends(std::string_view bytes) {
    ASSERT_EQ(::write(client_end_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  // All there is; client_why_ says what is behind it.
  std::string client_reads() {
    std::string all;
    char some[4096];
    ERR_clear_error();
    for (;;) {
      const int got = SSL_read(client_.get(), some, sizeof(some));
      if (got <= 0) {
        client_why_ = SSL_get_error(client_.get(), got);
        client_reason_ = ERR_GET_REASON(ERR_peek_error());
        return all;
      }
      all.append(some, static_cast<size_t>(got));
    }
  }

  // What OpenSSL has not read.
  std::string client_leaves() {
    char some[4096];
    const ssize_t got = ::read(client_end_.get(), some, sizeof(some));
    return {some, static_cast<size_t>(got > 0 ? got : 0)};
  }

  void expect_both_ways(const std::string& text) {
    EXPECT_EQ(write(text).bytes, text.size());
    EXPECT_EQ(client_reads(), text);
    EXPECT_EQ(client_why_, SSL_ERROR_WANT_READ) << ERR_reason_error_string(ERR_peek_error());
    client_writes(text);
    std::string got = read();
    while (last_.more) {
      got += read();
    }
    EXPECT_EQ(got, text);
  }

  // Behind a request there is something that is no record.
  void read_what_is_broken() {
    client_writes("request");
    client_sends(kBroken);
    EXPECT_EQ(read(), "request");
    EXPECT_TRUE(last_.more) << "the next call tells it";
  }

  // It is told of it, and of nothing else.
  void expect_the_alert_alone() {
    EXPECT_EQ(client_reads(), "");
    EXPECT_EQ(client_reason_, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    EXPECT_EQ(client_leaves(), "");
  }

  static int on_session(SSL* /*ssl*/, SSL_SESSION* session) {
    SSL_SESSION_free(std::exchange(last_session_, session));
    return 1;
  }

  void TearDown() override { SSL_SESSION_free(std::exchange(last_session_, nullptr)); }

  static constexpr std::string_view kBroken = {"\x17\x03\x03\0\x18........................", 29};

  static inline SSL_SESSION* last_session_ = nullptr;
  TicketKeys keys_{TicketKeys::Clock::now()};
  TestPair pair_ = make_pair("DNS:a.test");
  std::shared_ptr<const Certificate> certificate_ = *load_certificate(pair_.cert, pair_.key, {});
  std::shared_ptr<const Certificate> other_ = make_certificate("DNS:b.test");
  ServerPolicy policy_;
  std::shared_ptr<const ServerContext> context_;
  SslCtxPtr client_context_{SSL_CTX_new(TLS_client_method())};
  net::Fd client_end_;
  SslPtr client_;
  SslPtr ssl_;  // of the server
  std::unique_ptr<Transport> server_;
  net::IoResult last_;
  int client_why_ = 0;
  int client_reason_ = 0;
};

// ---- whatever the handshake was, the records behind it are counted right

TEST_F(HandoverPair, OfAPlainHandshake) {
  connect();
  shake();
  EXPECT_TRUE(taken_over());
  expect_both_ways("some");
  expect_both_ways(std::string(100000, 'x'));
}

TEST_F(HandoverPair, OfAnotherRoundOfKeys) {
  policy_.curves = "P-384";
  connect();
  SSL_set1_groups_list(client_.get(), "X25519:P-384");
  shake();
  EXPECT_TRUE(taken_over());
  expect_both_ways("some");
}

TEST_F(HandoverPair, WithoutCompatibility) {
  connect();
  SSL_clear_options(client_.get(), SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  shake();
  EXPECT_TRUE(taken_over());
  expect_both_ways("some");
}

TEST_F(HandoverPair, WithSeveralTicketsOrNone) {
  for (const size_t tickets : {size_t{0}, size_t{1}, size_t{7}}) {
    connect();
    SSL_set_num_tickets(ssl_.get(), tickets);
    shake();
    EXPECT_TRUE(taken_over());
    expect_both_ways("some");
  }
}

TEST_F(HandoverPair, WithACertificateOfTheClientInPieces) {
  policy_.client_auth = ClientAuth::required;
  policy_.client_ca = pair_.cert;
  connect();
  SSL_use_certificate(client_.get(), certificate_->leaf.get());
  SSL_use_PrivateKey(client_.get(), certificate_->key.get());
  SSL_set_max_send_fragment(client_.get(), 512);
  SSL_set_max_send_fragment(ssl_.get(), 512);
  shake();
  EXPECT_TRUE(taken_over());
  expect_both_ways("some");
}

TEST_F(HandoverPair, OfASessionThatGoesOn) {
  connect();
  shake();
  expect_both_ways("some");
  ASSERT_NE(last_session_, nullptr);
  SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  connect(last_session_);
  shake();
  EXPECT_EQ(SSL_session_reused(client_.get()), 1);
  EXPECT_TRUE(taken_over());
  expect_both_ways("some");
}

TEST_F(HandoverPair, BehindEarlyDataThatIsRefused) {
  connect();
  shake();
  expect_both_ways("some");
  ASSERT_NE(last_session_, nullptr);
  SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_SESSION_set_max_early_data(last_session_, 1000);
  connect(last_session_);
  for (int i = 0; i < 3; ++i) {
    size_t sent = 0;
    EXPECT_EQ(SSL_write_early_data(client_.get(), "early", 5, &sent), 1);
  }
  shake();
  EXPECT_EQ(SSL_get_early_data_status(client_.get()), SSL_EARLY_DATA_REJECTED);
  EXPECT_TRUE(taken_over());
  EXPECT_EQ(read(), "");
  expect_both_ways("some");
}

TEST_F(HandoverPair, OfEachSuite) {
  for (const char* suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                            "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"}) {
    policy_.ciphersuites = suite;
    SSL_CTX_set_ciphersuites(client_context_.get(), suite);
    connect();
    shake();
    EXPECT_EQ(taken_over(), std::string_view(suite).find("CCM") == std::string_view::npos);
    expect_both_ways("some");
  }
}

TEST_F(HandoverPair, WithDataBehindTheHandshakeByteByByte) {
  connect();
  SSL_do_handshake(client_.get());
  server_->handshake();
  // What the client says from here on comes in one segment.
  const BioPtr out{BIO_new(BIO_s_mem())};
  BIO_up_ref(out.get());
  SSL_set0_wbio(client_.get(), out.get());
  ASSERT_EQ(SSL_do_handshake(client_.get()), 1);
  client_writes("at once");
  const std::string all = text_of(out.get());
  size_t sent = 0;
  while (server_->handshake().status == IoStatus::would_block) {
    ASSERT_LT(sent, all.size());
    client_sends(std::string_view(all).substr(sent++, 1));
  }
  client_sends(std::string_view(all).substr(sent));
  EXPECT_EQ(read(), "at once");
}

TEST_F(HandoverPair, AnswersForAClientThatDoesNotReadAreNotHeapedUp) {
  connect();
  shake();
  for (int i = 0; i < 5000; ++i) {
    SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED);
    client_writes("x");
    ASSERT_EQ(read(16), "x");
  }
  EXPECT_TRUE(server_->pending());
  size_t unread = 0;
  ByteQueue none;
  for (std::string some = client_leaves(); !some.empty(); some = client_leaves()) {
    unread += some.size();
    ASSERT_NE(server_->write(none, End::no).status, IoStatus::failed);
  }
  EXPECT_LT(unread, 5000 * RecordLayer::kSmallRecord);
}

// ---- sizes

TEST_F(HandoverPair, AClientThatTakesShortRecordsOnlyGetsThem) {
  connect();
  SSL_set_tlsext_max_fragment_length(client_.get(), TLSEXT_max_fragment_length_512);
  shake();
  EXPECT_FALSE(taken_over());
  expect_both_ways(std::string(5000, 'x'));
}

// ---- ends

TEST_F(HandoverPair, NothingIsSentBehindAFatalAlert) {
  connect();
  shake();
  read_what_is_broken();
  EXPECT_EQ(write("answer").status, IoStatus::failed);
  server_.reset();
  expect_the_alert_alone();
}

TEST_F(HandoverPair, NoGoodbyeBehindAFatalAlert) {
  connect();
  shake();
  read_what_is_broken();
  server_.reset();
  expect_the_alert_alone();
}

TEST_F(HandoverPair, NoNewKeysBehindAFatalAlert) {
  connect();
  shake();
  SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED);
  SSL_do_handshake(client_.get());
  read_what_is_broken();
  expect_the_alert_alone();
}

TEST_F(HandoverPair, NoAlertBehindTheGoodbye) {
  connect();
  shake();
  EXPECT_EQ(write("answer", End::yes).bytes, 6U);
  client_sends(kBroken);
  EXPECT_EQ(read(), "");
  EXPECT_EQ(last_.status, IoStatus::failed);
  EXPECT_EQ(client_reads(), "answer");
  EXPECT_EQ(client_why_, SSL_ERROR_ZERO_RETURN);
  EXPECT_EQ(client_leaves(), "");
}

TEST_F(HandoverPair, NoDataBehindTheGoodbye) {
  connect();
  shake();
  EXPECT_EQ(write("answer", End::yes).bytes, 6U);
  EXPECT_EQ(write("late").status, IoStatus::failed);
  EXPECT_EQ(client_reads(), "answer");
  EXPECT_EQ(client_leaves(), "");
}

TEST_F(HandoverPair, AnEndBehindNewKeysIsSeen) {
  connect();
  shake();
  SSL_key_update(client_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
  SSL_do_handshake(client_.get());
  EXPECT_FALSE(server_->broken_off());
  SSL_key_update(client_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
  SSL_do_handshake(client_.get());
  client_.reset();
  client_end_ = net::Fd();
  EXPECT_TRUE(server_->broken_off());
}

TEST_F(HandoverPair, WhatComesBehindTheGoodbyeOfThePeerIsNotKept) {
  connect();
  shake();
  SSL_shutdown(client_.get());
  client_sends(std::string(20000, 'x'));
  EXPECT_EQ(read(), "");
  EXPECT_EQ(last_.status, IoStatus::eof);
  EXPECT_FALSE(server_->has_input());
  EXPECT_EQ(read(), "");
  EXPECT_EQ(last_.status, IoStatus::eof);
}

TEST_F(HandoverPair, AnEndInOrderIsNoneThatIsBroken) {
  connect();
  shake();
  client_writes("some");
  SSL_shutdown(client_.get());
  ::shutdown(client_end_.get(), SHUT_WR);
  EXPECT_FALSE(server_->broken_off());
  EXPECT_EQ(read(), "some");
  EXPECT_FALSE(server_->broken_off());
  EXPECT_EQ(read(), "");
  EXPECT_EQ(last_.status, IoStatus::eof);
  EXPECT_EQ(write("late", End::yes).bytes, 4U);
  EXPECT_EQ(client_reads(), "late");
  EXPECT_EQ(client_why_, SSL_ERROR_ZERO_RETURN);
}

}  // namespace
}  // namespace pingap::tls
