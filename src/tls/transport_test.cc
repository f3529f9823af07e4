#include "tls/transport.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "tls/client_context.h"
#include "tls/server_context.h"
#include "tls/test_certificates.h"
#include "tls/test_ends.h"

namespace pingap::tls {
namespace {

using net::IoStatus;

// Both ends of a connection, in one thread.
class TlsPair : public testing::Test {
 protected:
  void SetUp() override {
    TestEnds ends;
    const TestPair pair = make_pair("DNS:a.test");
    auto certificate = *load_certificate(pair.cert, pair.key, {});
    server_context_ = *ServerContext::build({}, {{certificate, certificate->names, true}}, keys_);
    ClientPolicy policy;
    policy.own_ca = true;
    policy.ca = pair.cert;
    policy.h2 = true;
    client_context_ = *ClientContext::build(policy);
    server_ = std::make_unique<Transport>(std::move(ends.server), server_context_->accept(),
                                          server_context_);
    client_ = std::make_unique<Transport>(std::move(ends.client),
                                          client_context_->connect("server", "a.test", "a.test"),
                                          client_context_);
  }

  void shake() {
    for (int i = 0; i < 10; ++i) {
      const auto ours = client_->handshake();
      const auto theirs = server_->handshake();
      ASSERT_NE(ours.status, IoStatus::failed);
      ASSERT_NE(theirs.status, IoStatus::failed);
      if (ours.status == IoStatus::progress && theirs.status == IoStatus::progress) {
        return;
      }
    }
    FAIL() << "no end";
  }

  static std::string read(Transport& from, size_t most = 1 << 20) {
    std::string room(most, '\0');
    const net::IoResult result = from.read(room);
    last_ = result;
    room.resize(result.bytes);
    return room;
  }

  static net::IoResult write(Transport& to, std::string_view text, End end = End::no) {
    ByteQueue queue;
    queue.append(text);
    return to.write(queue, end);
  }

  static inline net::IoResult last_;
  TicketKeys keys_{TicketKeys::Clock::now()};
  std::shared_ptr<const ServerContext> server_context_;
  std::shared_ptr<const ClientContext> client_context_;
  std::unique_ptr<Transport> server_;
  std::unique_ptr<Transport> client_;
};

TEST_F(TlsPair, AgreesAndCarriesBytes) {
  shake();
  EXPECT_TRUE(client_->take_secured()->h2);
  const auto agreed = server_->take_secured();
  EXPECT_EQ(agreed->version, "TLSv1.3");
  EXPECT_EQ(agreed->server_name, "a.test");
  EXPECT_EQ(write(*client_, "hello").bytes, 5u);
  EXPECT_EQ(read(*server_), "hello");
  EXPECT_FALSE(last_.more);
  EXPECT_EQ(read(*server_), "");
  EXPECT_EQ(last_.status, IoStatus::would_block);
}

TEST_F(TlsPair, WhatDoesNotFitIsReadLater) {
  shake();
  write(*client_, "one two three");
  EXPECT_EQ(read(*server_, 4), "one ");
  EXPECT_TRUE(last_.more);
  EXPECT_EQ(read(*server_, 9), "two three");
}

TEST_F(TlsPair, SmallSlicesShareARecord) {
  shake();
  ByteQueue queue;
  const ChunkRef chunk = make_chunk();
  for (size_t i = 0; i < 8; ++i) {
    queue.push(chunk, i * 16, i * 16 + 8);  // none touches the one before
  }
  EXPECT_EQ(client_->write(queue, End::no).bytes, 64u);
  EXPECT_EQ(read(*server_).size(), 64u);
  EXPECT_FALSE(last_.more);
}

TEST_F(TlsPair, WaitsForAPeerThatDoesNotRead) {
  shake();
  const std::string body(8 << 20, 'x');
  ByteQueue queue;
  queue.append(body);
  size_t written = 0;
  std::string got;
  net::IoResult result = client_->write(queue, End::yes);
  EXPECT_EQ(result.status, IoStatus::would_block);
  EXPECT_TRUE(client_->pending());
  written += result.bytes;
  while (got.size() < body.size()) {
    got += read(*server_);
    ASSERT_NE(last_.status, IoStatus::failed);
    result = client_->write(queue, End::yes);
    written += result.bytes;
  }
  EXPECT_EQ(written, body.size());
  EXPECT_FALSE(client_->pending());
  EXPECT_EQ(got, body);
}

TEST_F(TlsPair, AnEndInOrderIsToldFromOneThatIsNot) {
  shake();
  write(*client_, "bye", End::yes);
  client_->shutdown_write();
  EXPECT_EQ(read(*server_), "bye");
  EXPECT_EQ(read(*server_), "");
  EXPECT_EQ(last_.status, IoStatus::eof);

  write(*server_, "cut");
  server_->break_off();
  server_.reset();
  EXPECT_EQ(read(*client_), "cut");
  EXPECT_EQ(read(*client_), "");
  EXPECT_EQ(last_.status, IoStatus::failed);
}

TEST_F(TlsPair, AClosedConnectionWasEndedInOrder) {
  shake();
  server_.reset();
  EXPECT_EQ(read(*client_), "");
  EXPECT_EQ(last_.status, IoStatus::eof);
}

TEST_F(TlsPair, AnotherNameIsRefused) {
  TestEnds ends;
  server_ = std::make_unique<Transport>(std::move(ends.server), server_context_->accept(),
                                        server_context_);
  client_ = std::make_unique<Transport>(std::move(ends.client),
                                        client_context_->connect("server", "a.test", "b.test"),
                                        client_context_);
  client_->handshake();
  server_->handshake();
  const net::IoResult result = client_->handshake();
  EXPECT_EQ(result.status, IoStatus::failed);
  EXPECT_EQ(result.error, EKEYREJECTED);
  EXPECT_STREQ(client_->handshake_failure(), "hostname mismatch");
}

}  // namespace
}  // namespace pingap::tls
