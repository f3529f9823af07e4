// The client's side of a tunnel: who ends first, and who breaks.
#include "session/contract_server.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kWindow;

class ServerTunnel : public ServerContract {
 protected:
  void SetUp() override {
    CONTRACT_NEEDS(tunnel);
    ServerContract::SetUp();
  }

  void end_ours() {
    sink().send_body("", End::yes);
    link.settle();
  }

  void expect_ended_well() {
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
    expect_left();
    EXPECT_FALSE(link.wire.aborted());
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ServerTunnel, server_protocols(), protocol_name);

TEST_P(ServerTunnel, BytesGoBothWays) {
  tunnel();
  EXPECT_EQ(answer().start, "101");
  link.say("ping");
  sink().send_body("pong", End::no);
  link.say("ping");
  sink().send_body("pong", End::no);
  link.settle();
  EXPECT_EQ(sink().body, "pingping");
  EXPECT_EQ(answer().body, "pongpong");
  EXPECT_EQ(sink().sent, 8U);
}

TEST_P(ServerTunnel, BytesBehindTheHandshakeAreTheTunnels) {
  link.say(protocol->head({.websocket = true}) + "early");
  EXPECT_EQ(sink().body, "");
  sink().send_head(101, Framing::tunnel);
  link.settle();
  EXPECT_EQ(sink().body, "early");
  link.say("late");
  EXPECT_EQ(sink().body, "earlylate");
}

TEST_P(ServerTunnel, BytesBetweenHandshakeAndAnswerAreTheTunnels) {
  ask({.websocket = true});
  link.say("early");
  EXPECT_EQ(sink().body, "");
  sink().send_head(101, Framing::tunnel);
  link.settle();
  EXPECT_EQ(sink().body, "early");
}

TEST_P(ServerTunnel, ClientEndsFirst) {
  tunnel();
  link.say_and_fin("bye");
  EXPECT_EQ(sink().body, "bye");
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed);
  sink().send_body("last words", End::no);
  end_ours();
  EXPECT_EQ(answer().body, "last words");
  EXPECT_TRUE(link.wire.shut());
  expect_ended_well();
}

TEST_P(ServerTunnel, WeEndFirst) {
  tunnel();
  end_ours();
  EXPECT_TRUE(link.wire.shut());
  EXPECT_FALSE(sink().closed);
  link.say("still here");
  EXPECT_EQ(sink().body, "still here");
  link.fin();
  EXPECT_TRUE(sink().whole);
  expect_ended_well();
}

TEST_P(ServerTunnel, OurEndWaitsForWhatWeSaid) {
  tunnel();
  link.take(0);
  sink().send_body(letters(1000), End::yes);
  link.settle();
  EXPECT_FALSE(link.wire.shut());
  link.take_all();
  EXPECT_TRUE(link.wire.shut());
  EXPECT_EQ(answer().body, letters(1000));
}

TEST_P(ServerTunnel, BothEndInOneEvent) {
  tunnel().at_body = [this] { sink().send_body("too", End::yes); };
  link.say_and_fin("bye");
  EXPECT_TRUE(sink().whole);
  EXPECT_EQ(answer().body, "too");
  expect_ended_well();
}

TEST_P(ServerTunnel, ClientThatEndedIsHeardToItsLastByte) {
  const std::string all = letters(kWindow * 2);
  tunnel().hold = true;
  end_ours();
  link.say_and_fin(all);
  EXPECT_FALSE(sink().closed) << "both sides have ended, but not all of it was taken";
  for (int i = 0; i < 20 && !sink().closed; ++i) {
    sink().release_all();
    link.settle();
  }
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
  expect_ended_well();
}

TEST_P(ServerTunnel, ClientThatEndedIsKeptUntilItsLastByteIsTaken) {
  tunnel().hold = true;
  end_ours();
  link.say_and_fin("last");
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed);
  sink().release_all();
  link.settle();
  expect_ended_well();
}

TEST_P(ServerTunnel, ExhaustedWindowStopsTheReading) {
  const std::string all = letters(kWindow * 3);
  tunnel().hold = true;
  link.say(all);
  EXPECT_LT(sink().held, kWindow + kChunkSize);
  for (int i = 0; i < 20; ++i) {
    sink().release_all();
    link.settle();
  }
  EXPECT_EQ(sink().body, all);
}

TEST_P(ServerTunnel, EndsOfBothBehindAFullWindowAreFoundWhenItOpens) {
  const std::string all = letters(kWindow * 2);
  tunnel().hold = true;
  link.say(all);
  ASSERT_GE(sink().held, kWindow);
  end_ours();
  link.fin();
  EXPECT_FALSE(sink().closed) << "an end in good order is no failure";
  for (int i = 0; i < 20 && !sink().closed; ++i) {
    sink().release_all();
    link.settle();
  }
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
  expect_ended_well();
}

TEST_P(ServerTunnel, RstIsTold) {
  tunnel();
  link.rst();
  EXPECT_EQ(sink().why.code, ErrorCode::client_reset);
  expect_left();
}

TEST_P(ServerTunnel, RstBehindOurEndIsTold) {
  tunnel();
  end_ours();
  link.rst();
  EXPECT_EQ(sink().why.code, ErrorCode::client_reset);
  expect_left();
}

TEST_P(ServerTunnel, RstBehindTheClientsEndIsTold) {
  tunnel();
  link.fin();
  link.rst();
  EXPECT_EQ(sink().why.code, ErrorCode::client_reset);
  expect_left();
}

TEST_P(ServerTunnel, WriteFails) {
  tunnel();
  link.wire.refuse_writes();
  sink().send_body("lost", End::no);
  link.settle();
  EXPECT_EQ(sink().why.code, ErrorCode::client_reset);
  expect_left();
}

TEST_P(ServerTunnel, ClientThatTakesNothingIsStalled) {
  tunnel();
  link.take(0);
  sink().send_body("lost", End::no);
  link.pass(settings.write_timeout + 2 * kTick);
  EXPECT_EQ(sink().why.code, ErrorCode::client_stalled);
  expect_left();
}

TEST_P(ServerTunnel, HandshakeThatIsRefusedLeavesAConnection) {
  ask({.websocket = true});
  sink().answer("no", 403);
  link.settle();
  EXPECT_EQ(answer().start, "403");
  expect_reusable();
}

TEST_P(ServerTunnel, BytesBehindARefusedHandshakeAreTheNextRequest) {
  link.say(join({protocol->head({.websocket = true}), protocol->head({.method = "PUT"})}));
  sink().answer("no", 403);
  link.settle();
  ASSERT_EQ(streams(), 2U);
  EXPECT_EQ(sink().method, "PUT");
}

}  // namespace
}  // namespace pingap::session::contract
