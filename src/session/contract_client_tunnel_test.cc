// The backend's side of a tunnel: who ends first, and who breaks.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;
using http::limits::kWindow;

class ClientTunnel : public ClientContract {
 protected:
  void end_ours() {
    sink().send_body("", End::yes);
    link.settle();
  }

  void expect_ended_well() {
    EXPECT_TRUE(sink().closed);
    EXPECT_FALSE(sink().why);
    EXPECT_TRUE(gone());
    EXPECT_FALSE(idle());
  }

  void expect_lost(ErrorCode code) {
    EXPECT_EQ(sink().why.code, code);
    EXPECT_TRUE(gone());
  }

  std::string sent_in_tunnel() {
    const std::string& all = link.wire.written();
    return all.substr(all.find("\r\n\r\n") + 4);
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ClientTunnel, client_connections(), protocol_name);

TEST_P(ClientTunnel, BytesGoBothWays) {
  tunnel();
  EXPECT_EQ(sink().status, 101);
  EXPECT_EQ(sink().framing, Framing::tunnel);
  link.say("ping");
  sink().send_body("pong", End::no);
  link.settle();
  EXPECT_EQ(sink().body, "ping");
  EXPECT_EQ(sent_in_tunnel(), "pong");
  EXPECT_EQ(sink().sent, 4U);
}

TEST_P(ClientTunnel, BytesBehindTheAnswerAreTheTunnels) {
  open().send_head("GET", Framing::tunnel);
  link.settle();
  link.say(protocol->head({.status = 101}) + "early");
  EXPECT_EQ(sink().body, "early");
}

TEST_P(ClientTunnel, BackendEndsFirst) {
  tunnel();
  link.say_and_fin("bye");
  EXPECT_EQ(sink().body, "bye");
  EXPECT_TRUE(sink().whole);
  EXPECT_FALSE(sink().closed);
  sink().send_body("last words", End::no);
  end_ours();
  EXPECT_EQ(sent_in_tunnel(), "last words");
  EXPECT_TRUE(link.wire.shut());
  expect_ended_well();
}

TEST_P(ClientTunnel, WeEndFirst) {
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

TEST_P(ClientTunnel, OurEndWaitsForWhatWeSaid) {
  tunnel();
  link.take(0);
  sink().send_body(letters(1000), End::yes);
  link.settle();
  EXPECT_FALSE(link.wire.shut());
  link.take_all();
  EXPECT_TRUE(link.wire.shut());
  EXPECT_EQ(sent_in_tunnel(), letters(1000));
}

TEST_P(ClientTunnel, BothEndInOneEvent) {
  tunnel().at_body = [this] { sink().send_body("too", End::yes); };
  link.say_and_fin("bye");
  EXPECT_TRUE(sink().whole);
  EXPECT_EQ(sent_in_tunnel(), "too");
  expect_ended_well();
}

TEST_P(ClientTunnel, BackendThatEndedIsHeardToItsLastByte) {
  const std::string all = letters(kWindow * 2);
  tunnel().hold = true;
  end_ours();
  link.say_and_fin(all);
  EXPECT_FALSE(sink().closed);
  for (int i = 0; i < 20 && !sink().closed; ++i) {
    sink().release_all();
    link.settle();
  }
  EXPECT_EQ(sink().body, all);
  EXPECT_TRUE(sink().whole);
  expect_ended_well();
}

TEST_P(ClientTunnel, EndsOfBothBehindAFullWindowAreFoundWhenItOpens) {
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

TEST_P(ClientTunnel, RstIsTold) {
  tunnel();
  link.rst();
  expect_lost(ErrorCode::upstream_reset);
}

TEST_P(ClientTunnel, RstBehindOurEndIsTold) {
  tunnel();
  end_ours();
  link.rst();
  expect_lost(ErrorCode::upstream_reset);
}

TEST_P(ClientTunnel, RstBehindTheBackendsEndIsTold) {
  tunnel();
  link.fin();
  link.rst();
  expect_lost(ErrorCode::upstream_reset);
}

TEST_P(ClientTunnel, WriteFails) {
  tunnel();
  link.wire.refuse_writes();
  sink().send_body("lost", End::no);
  link.settle();
  link.rst();
  expect_lost(ErrorCode::upstream_reset);
}

TEST_P(ClientTunnel, WriteFailsBehindTheBackendsEnd) {
  tunnel();
  link.fin();
  link.wire.refuse_writes();
  sink().send_body("lost", End::no);
  link.settle();
  expect_lost(ErrorCode::upstream_reset);
}

TEST_P(ClientTunnel, BackendThatTakesNothingIsTimed) {
  tunnel();
  link.take(0);
  sink().send_body("lost", End::no);
  link.pass(settings.write_timeout + 2 * kTick);
  expect_lost(ErrorCode::upstream_write_timeout);
}

TEST_P(ClientTunnel, RefusedHandshakeLeavesAConnection) {
  open().send_head("GET", Framing::tunnel);
  link.settle();
  link.say(answer("no"));
  EXPECT_EQ(sink().body, "no");
  EXPECT_TRUE(sink().closed && !sink().why);
  EXPECT_TRUE(idle());
}

TEST_P(ClientTunnel, UnaskedUpgradeIsRefused) {
  get();
  reply({.status = 101});
  EXPECT_EQ(sink().status, 0);
  expect_lost(ErrorCode::upstream_bad_upgrade);
}

}  // namespace
}  // namespace pingap::session::contract
