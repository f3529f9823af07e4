// What sessions rely on, of a socket and of what stands for it in their tests.
#include "net/transport.h"

#include <array>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "net/memory_transport.h"
#include "net/socket.h"

namespace pingap::net {
namespace {

// The peer at the other end of a transport.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual Transport& transport() = 0;
  virtual void say(std::string_view bytes) = 0;
  virtual void fin() = 0;
  virtual void reset() = 0;
  virtual void stop_taking() = 0;
  virtual std::string take() = 0;  // all that was written since

  IoResult read(size_t room) {
    read_.resize(room);
    const IoResult result = transport().read(read_);
    read_.resize(result.bytes);
    return result;
  }

  const std::string& got() const { return read_; }

 private:
  std::string read_;
};

class SocketPeer final : public Peer {
 public:
  SocketPeer() {
    const Fd listener = *listen_on(*Address::parse("127.0.0.1:0"));
    bool in_progress = false;
    Fd ours = *connect_to(local_address(listener.get()), in_progress);
    theirs_ = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    transport_ = std::make_unique<SocketTransport>(std::move(ours));
  }

  Transport& transport() override { return *transport_; }

  void say(std::string_view bytes) override {
    ASSERT_EQ(::send(theirs_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    arrives(POLLIN);
  }

  void fin() override {
    ::shutdown(theirs_.get(), SHUT_WR);
    arrives(POLLRDHUP);
  }

  void reset() override {
    {
      SocketTransport closing(std::move(theirs_));
      closing.abort_on_close();
    }
    arrives(POLLHUP);
  }

  void stop_taking() override {}  // its buffers have an end

  std::string take() override {
    std::string all;
    std::array<char, 65536> room{};
    for (ssize_t got = 0; (got = ::recv(theirs_.get(), room.data(), room.size(), 0)) > 0;) {
      all.append(room.data(), static_cast<size_t>(got));
    }
    return all;
  }

 private:
  void arrives(short events) {
    pollfd wanted{.fd = transport_->fd(), .events = events, .revents = 0};
    ASSERT_EQ(::poll(&wanted, 1, 10'000), 1);
  }

  Fd theirs_;
  std::unique_ptr<SocketTransport> transport_;
};

class MemoryPeer final : public Peer {
 public:
  Transport& transport() override { return transport_; }

  void say(std::string_view bytes) override { wire_.say(bytes); }

  void fin() override { wire_.fin(); }

  void reset() override { wire_.reset(); }

  void stop_taking() override { wire_.take_only(100'000); }

  std::string take() override {
    wire_.take_all();
    const std::string all = wire_.written().substr(taken_);
    taken_ = wire_.written().size();
    return all;
  }

 private:
  MemoryWire wire_;
  MemoryTransport transport_{wire_};
  size_t taken_ = 0;
};

template <class P>
struct TransportTest : ::testing::Test {
  P peer;
};

using Peers = ::testing::Types<SocketPeer, MemoryPeer>;
TYPED_TEST_SUITE(TransportTest, Peers);

TYPED_TEST(TransportTest, ReadsWhatIsThereUpToTheRoom) {
  EXPECT_EQ(this->peer.read(10).status, IoStatus::would_block);
  this->peer.say("0123456789");
  EXPECT_EQ(this->peer.read(4).status, IoStatus::progress);
  EXPECT_EQ(this->peer.got(), "0123");
  EXPECT_EQ(this->peer.read(10).status, IoStatus::progress);
  EXPECT_EQ(this->peer.got(), "456789");
  EXPECT_EQ(this->peer.read(10).status, IoStatus::would_block);
}

TYPED_TEST(TransportTest, PeekLeavesTheBytes) {
  std::array<char, 10> room{};
  EXPECT_EQ(this->peer.transport().peek(room).status, IoStatus::would_block);
  this->peer.say("0123456789ab");
  for (const size_t most : {4U, 10U}) {
    const IoResult seen = this->peer.transport().peek(std::span(room).first(most));
    EXPECT_EQ(seen.status, IoStatus::progress);
    EXPECT_EQ(std::string_view(room.data(), seen.bytes), std::string("0123456789").substr(0, most));
  }
  EXPECT_EQ(this->peer.read(20).status, IoStatus::progress);
  EXPECT_EQ(this->peer.got(), "0123456789ab");
  this->peer.fin();
  EXPECT_EQ(this->peer.transport().peek(room).status, IoStatus::eof);
}

TYPED_TEST(TransportTest, ReadsTheEndBehindTheBytes) {
  this->peer.say("last");
  this->peer.fin();
  EXPECT_EQ(this->peer.read(10).status, IoStatus::progress);
  EXPECT_EQ(this->peer.got(), "last");
  EXPECT_EQ(this->peer.read(10).status, IoStatus::eof);
  EXPECT_EQ(this->peer.read(10).status, IoStatus::eof);
}

TYPED_TEST(TransportTest, TellsOfAResetOnceAndBehindTheBytes) {
  this->peer.say("last");
  this->peer.reset();
  EXPECT_EQ(this->peer.read(10).status, IoStatus::progress);
  const IoResult broken = this->peer.read(10);
  EXPECT_EQ(broken.status, IoStatus::failed);
  EXPECT_EQ(broken.error, ECONNRESET);
  EXPECT_EQ(this->peer.read(10).status, IoStatus::eof);
  EXPECT_EQ(this->peer.transport().take_error(), 0);
}

TYPED_TEST(TransportTest, TakesTheErrorInPlaceOfARead) {
  this->peer.reset();
  EXPECT_EQ(this->peer.transport().take_error(), ECONNRESET);
  EXPECT_EQ(this->peer.transport().take_error(), 0);
  EXPECT_EQ(this->peer.read(10).status, IoStatus::eof);
  ByteQueue out;
  out.append("late");
  EXPECT_EQ(this->peer.transport().write(out, End::no).status, IoStatus::failed);
}

TYPED_TEST(TransportTest, WritesUntilThePeerTakesNoMore) {
  const std::string all(size_t{16} << 20, 'w');
  ByteQueue out;
  out.append(all);
  this->peer.stop_taking();
  const IoResult first = this->peer.transport().write(out, End::no);
  EXPECT_EQ(first.status, IoStatus::would_block);
  EXPECT_GT(first.bytes, 0U);
  EXPECT_EQ(first.bytes + out.size(), all.size());
  std::string taken;
  while (!out.empty()) {
    taken += this->peer.take();
    this->peer.transport().write(out, End::no);
  }
  taken += this->peer.take();
  EXPECT_EQ(taken, all);
}

}  // namespace
}  // namespace pingap::net
