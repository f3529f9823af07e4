// A server's Transport and OpenSSL as its client, with suites that are taken over behind the
// handshake, and with others.
#include <array>
#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tls/server_context.h"
#include "tls/test_certificates.h"
#include "tls/test_ends.h"
#include "tls/transport.h"

namespace pingap::tls {
namespace {

using net::IoStatus;

constexpr const char* kTls12 = "TLSv1.2";

// A client whose bytes pass through our hands.
class Client {
 public:
  // `suite`: of TLS 1.3, or kTls12.
  Client(int fd, const char* suite) : fd_(fd), context_(SSL_CTX_new(TLS_client_method())) {
    if (std::string_view(suite) == kTls12) {
      SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
    } else {
      SSL_CTX_set_ciphersuites(context_.get(), suite);
    }
    ssl_.reset(SSL_new(context_.get()));
    out_ = BIO_new(BIO_s_mem());
    in_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
  }

  SSL* ssl() { return ssl_.get(); }

  // What it would send now.
  std::string take() {
    std::string bytes(static_cast<size_t>(BIO_pending(out_)), '\0');
    BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  std::string record(std::string_view text) {
    EXPECT_EQ(SSL_write(ssl(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
    return take();
  }

  std::string records(std::string_view first, std::string_view second) {
    std::string both = record(first);
    return both += record(second);
  }

  void send(std::string_view bytes) const {
    ASSERT_EQ(::send(fd_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

  // Takes what has come.
  std::string read() {
    std::array<char, 65536> room{};
    ssize_t got = 0;
    while ((got = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT)) > 0) {
      BIO_write(in_, room.data(), static_cast<int>(got));
    }
    std::string text;
    int plain = 0;
    while ((plain = SSL_read(ssl(), room.data(), static_cast<int>(room.size()))) > 0) {
      text.append(room.data(), static_cast<size_t>(plain));
    }
    why_ = SSL_get_error(ssl(), plain);
    return text;
  }

  int why() const { return why_; }

 private:
  int fd_;
  SslCtxPtr context_;
  SslPtr ssl_;
  BIO* out_;
  BIO* in_;
  int why_ = 0;
};

class Takeover : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    TestEnds ends;
    const auto certificate = make_certificate("DNS:a.test");
    ServerPolicy policy;
    policy.ciphersuites =
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
        "TLS_AES_128_CCM_SHA256";
    context_ = *ServerContext::build(policy, {{certificate, certificate->names, true}}, keys_);
    server_ = std::make_unique<Transport>(std::move(ends.server), context_->accept(), context_);
    peer_ = std::move(ends.client);
    client_ = std::make_unique<Client>(peer_.get(), GetParam());
  }

  // The client's last bytes stay with it where `hold`; they are in held_.
  void shake(bool hold = false) {
    while (SSL_do_handshake(client_->ssl()) != 1) {
      client_->send(client_->take());
      ASSERT_NE(server_->handshake().status, IoStatus::failed);
      client_->read();
    }
    held_ = client_->take();
    if (!hold) {
      client_->send(held_);
      ASSERT_EQ(server_->handshake().status, IoStatus::progress);
    }
  }

  std::string read(size_t most = 1 << 20) {
    std::string room(most, '\0');
    last_ = server_->read(room);
    room.resize(last_.bytes);
    return room;
  }

  void write(std::string_view text, End end = End::no) {
    ByteQueue queue;
    queue.append(text);
    EXPECT_EQ(server_->write(queue, end).bytes, text.size());
  }

  static bool older() { return std::string_view(GetParam()) == kTls12; }

  TicketKeys keys_{TicketKeys::Clock::now()};
  std::shared_ptr<const ServerContext> context_;
  std::unique_ptr<Transport> server_;
  net::Fd peer_;
  std::unique_ptr<Client> client_;
  net::IoResult last_;
  std::string held_;
};

TEST_P(Takeover, GoesOnBehindTheHandshake) {
  shake();
  const auto agreed = server_->take_secured();
  EXPECT_EQ(agreed->cipher, SSL_get_cipher_name(client_->ssl()));
  for (int i = 0; i < 3; ++i) {
    client_->send(client_->record("question"));
    EXPECT_EQ(read(), "question");
    EXPECT_FALSE(last_.more);
    EXPECT_EQ(read(), "");
    EXPECT_EQ(last_.status, IoStatus::would_block);
    write("answer");
    EXPECT_EQ(client_->read(), "answer");
  }
}

TEST_P(Takeover, ReadsWhatCameWithTheHandshake) {
  shake(true);
  client_->send(held_ + client_->records("one ", "two"));
  EXPECT_EQ(server_->handshake().status, IoStatus::progress);
  EXPECT_EQ(server_->has_input(), !older()) << "there the server says the last word";
  EXPECT_EQ(read(), "one two");
  EXPECT_FALSE(server_->has_input());
}

TEST_P(Takeover, ReadsRecordsInAnyPieces) {
  shake();
  size_t size = 1;
  for (size_t at = 0; at < size; ++at) {
    const std::string bytes = client_->records("first ", "second");
    size = bytes.size();
    client_->send(bytes.substr(0, at));
    std::string got = read();
    client_->send(bytes.substr(at));
    got += read();
    ASSERT_EQ(got, "first second") << at;
    ASSERT_EQ(read(), "");
    ASSERT_EQ(last_.status, IoStatus::would_block);
  }
}

TEST_P(Takeover, ReadsIntoRoomsOfAnySize) {
  shake();
  std::string text;
  for (size_t i = 0; text.size() < 3 * RecordLayer::kMaxPlain; ++i) {
    text += std::to_string(i) + ' ';
  }
  for (const size_t size : {1U, 7U, 1000U, 16384U, 16385U, 50000U}) {
    client_->send(client_->record(text));
    std::string got;
    while (got.size() < text.size()) {
      std::vector<char> exact(size);
      std::vector<char> other(3);
      const std::array<iovec, 3> rooms = {
          {{exact.data(), size}, {exact.data(), 0}, {other.data(), 3}}};
      const net::IoResult result = server_->read_many(rooms);
      ASSERT_EQ(result.status, IoStatus::progress);
      ASSERT_EQ(result.more || got.size() + result.bytes == text.size(), true)
          << "nothing else tells of what is left";
      got.append(exact.data(), std::min(size, result.bytes));
      got.append(other.data(), result.bytes - std::min(size, result.bytes));
    }
    EXPECT_EQ(got, text) << size;
    EXPECT_EQ(read(), "");
    EXPECT_EQ(last_.status, IoStatus::would_block);
  }
}

TEST_P(Takeover, ReadsOnlyAPartOfManySmallRecords) {
  shake();
  std::string text;
  std::string records;
  for (int i = 0; i < 4000; ++i) {
    text += std::to_string(i % 10);
    records += client_->record(text.substr(text.size() - 1));
  }
  client_->send(records);
  std::string got = read();
  EXPECT_LT(got.size(), 3000U);
  EXPECT_TRUE(last_.more);
  EXPECT_GE(last_.cost(), 64 * 1024U) << "a turn of the loop is told what it was";
  EXPECT_LT(last_.cost(), 65 * 1024U);
  while (last_.more) {
    got += read();
  }
  EXPECT_EQ(got, text);
}

TEST_P(Takeover, WritesMuchAndManySlices) {
  shake();
  ByteQueue queue;
  std::string text;
  for (int i = 0; i < 100; ++i) {
    const std::string part(static_cast<size_t>(i) * 37, static_cast<char>('a' + i % 26));
    ByteQueue one;
    one.append(part);
    queue.share_from(one, 0);
    text += part;
  }
  std::string got;
  while (!queue.empty() || server_->pending()) {
    ASSERT_NE(server_->write(queue, End::no).status, IoStatus::failed);
    got += client_->read();
  }
  EXPECT_EQ(got + client_->read(), text);
}

TEST_P(Takeover, TellsTheEnd) {
  shake();
  client_->send(client_->record("bye"));
  SSL_shutdown(client_->ssl());
  client_->send(client_->take());
  EXPECT_EQ(read(), "bye");
  EXPECT_TRUE(last_.more) << "no event tells of the end";
  EXPECT_FALSE(server_->broken_off());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read(), "");
    EXPECT_EQ(last_.status, IoStatus::eof);
  }
  write("and you", End::yes);
  server_.reset();
  EXPECT_EQ(client_->read(), "and you");
  EXPECT_EQ(client_->why(), SSL_ERROR_ZERO_RETURN);
}

TEST_P(Takeover, AnEndWithoutAWordIsAFailure) {
  shake();
  client_->send(client_->record("cut"));
  ::shutdown(peer_.get(), SHUT_WR);
  EXPECT_EQ(read(), "cut");
  EXPECT_TRUE(server_->broken_off());
  EXPECT_EQ(read(), "");
  EXPECT_EQ(last_.status, IoStatus::failed);
}

TEST_P(Takeover, LookingForTheEndLosesNothing) {
  shake();
  const std::string record = client_->record("some");
  client_->send(record.substr(0, 9));
  EXPECT_FALSE(server_->broken_off());
  client_->send(record.substr(9));
  EXPECT_FALSE(server_->broken_off());
  EXPECT_TRUE(server_->has_input());
  EXPECT_EQ(read(), "some");
}

TEST_P(Takeover, RefusesWhatIsNoRecord) {
  shake();
  std::string record = client_->record("some");
  record.back() = static_cast<char>(record.back() ^ 1);
  client_->send(record);
  EXPECT_EQ(read(), "");
  EXPECT_EQ(last_.status, IoStatus::failed);
  EXPECT_EQ(client_->read(), "");
  EXPECT_EQ(client_->why(), SSL_ERROR_SSL) << "it was told by an alert";
}

TEST_P(Takeover, ChangesKeys) {
  if (older()) {
    return;  // it cannot
  }
  shake();
  for (const int how : {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED}) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(SSL_key_update(client_->ssl(), how), 1);
      client_->send(client_->record("question"));
      EXPECT_EQ(read(), "question");
      write("answer");
      EXPECT_EQ(client_->read(), "answer");
    }
  }
}

std::string name_of(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return c == '.' || c == '_'; });
  return name;
}

INSTANTIATE_TEST_SUITE_P(Suites, Takeover,
                         testing::Values("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
                                         kTls12),
                         name_of);

}  // namespace
}  // namespace pingap::tls
