// Bodies that pass through a pipe: what the sending side reports, and when.
#include "session/contract_client.h"
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

constexpr size_t kBody = 1000;

class H1ServerPipe : public ServerContract {};

class H1ClientPipe : public ClientContract {};

INSTANTIATE_TEST_SUITE_P(Own, H1ServerPipe, h1_server(), protocol_name);
INSTANTIATE_TEST_SUITE_P(Own, H1ClientPipe, client_connections(), protocol_name);

// The other side goes on reading when it is told that the pipe has room. Were bytes of the head
// taken for those, it would be told too early, find the pipe full, and never be told again.
TEST_P(H1ServerPipe, BytesInThePipeAreNotReportedBeforeTheyLeaveIt) {
  link.wire.let_splice();
  const Pipe::Handle pipe = Pipe::take();
  ASSERT_NE(pipe, nullptr);
  ask().send_head(200, Framing::length, kBody);
  link.take(0);
  ASSERT_TRUE(sink().stream->can_send_piped());
  sink().send_piped(*pipe, std::string(kBody, 'x'), End::yes);
  link.settle();
  for (size_t step = 0; step < 2 * kBody && !sink().over(); ++step) {
    link.take(1);
    ASSERT_LE(sink().sent + pipe->size(), kBody) << "reported while it is in the pipe";
  }
  EXPECT_EQ(sink().sent, kBody);
  EXPECT_EQ(answer().body, std::string(kBody, 'x'));
  link.take_all();
  expect_reusable();
}

TEST_P(H1ServerPipe, WaitsForTheHeadToBeOut) {
  link.wire.let_splice();
  const Pipe::Handle pipe = Pipe::take();
  link.take(0);
  ask().send_head(200, Framing::length, 4);
  sink().send_piped(*pipe, "body", End::yes);
  link.take(5);
  EXPECT_EQ(pipe->size(), 4U);
  link.take_all();
  EXPECT_EQ(answer().body, "body");
}

// "The pipe has bytes and the socket none" is not the same as "we did not read": else a client that
// sends a byte now and then would never be too slow.
TEST_P(H1ServerPipe, BodyThatTricklesIntoThePipeIsTooSlow) {
  settings.min_body_rate = 500;
  link.wire.let_splice();
  const Pipe::Handle pipe = Pipe::take();
  upload(1'000'000).stream->receive_by(*pipe);
  const auto come = [&](size_t bytes) {
    link.wire.say(std::string(bytes, 'x'));
    link.event();
    pipe->discard();
    sink().release_all();
    link.settle();
  };
  come(200'000);
  for (int second = 0; second < 90 && sink().refused == ErrorCode::none; ++second) {
    come(1);
    link.pass(1s);
  }
  EXPECT_EQ(sink().refused, ErrorCode::body_too_slow);
  sink().answer("slow", 408);
}

TEST_P(H1ServerPipe, ClientIsNotSlowWhileThePipeIsFull) {
  settings.min_body_rate = 500;
  link.wire.let_splice();
  const Pipe::Handle pipe = Pipe::take();
  upload(1'000'000).stream->receive_by(*pipe);
  link.say(std::string(600'000, 'x'));
  link.pass(25s);
  link.pass(25s);
  EXPECT_EQ(sink().refused, ErrorCode::none);
  while (!sink().whole && sink().refused == ErrorCode::none) {
    const size_t unread = link.wire.unread();
    pipe->discard();
    sink().release_all();
    link.settle();
    if (unread == 0) {
      link.say(std::string(100'000, 'x'));
    }
  }
  EXPECT_TRUE(sink().whole);
  sink().answer("thanks");
}

TEST_P(H1ClientPipe, BytesInThePipeAreNotReportedBeforeTheyLeaveIt) {
  link.wire.let_splice();
  const Pipe::Handle pipe = Pipe::take();
  ASSERT_NE(pipe, nullptr);
  link.take(0);
  open().send_head("PUT", Framing::length, kBody);
  sink().send_piped(*pipe, std::string(kBody, 'x'), End::yes);
  link.settle();
  for (size_t step = 0; step < 3 * kBody && sink().sent < kBody; ++step) {
    link.take(1);
    ASSERT_LE(sink().sent + pipe->size(), kBody) << "reported while it is in the pipe";
  }
  EXPECT_EQ(sink().sent, kBody);
  EXPECT_EQ(pipe->size(), 0U);
}

}  // namespace
}  // namespace pingap::session::contract
