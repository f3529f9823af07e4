// The proxy gives up a request: a sink that resets its stream inside each of the callbacks.
#include "session/contract_client.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ClientResets : public ClientContract {
 protected:
  Hook reset() {
    return [this] { sink().reset(); };
  }

  void expect_reset() {
    EXPECT_TRUE(sink().over());
    EXPECT_FALSE(sink().closed) << "on_closed behind reset()";
    EXPECT_TRUE(!idle() || protocol->multiplexes());
    EXPECT_TRUE(gone_with_it()) << "an answer would come that nobody waits for";
  }
};

INSTANTIATE_TEST_SUITE_P(Contract, ClientResets, client_protocols(), protocol_name);

// Where the stream has the connection for itself.
class ClientResetsAlone : public ClientResets {};

INSTANTIATE_TEST_SUITE_P(Contract, ClientResetsAlone, client_connections(), protocol_name);

TEST_P(ClientResets, BeforeAnythingWasSent) {
  open();
  sink().reset();
  link.settle();
  EXPECT_EQ(requests(), 0U);
  expect_reset();
}

TEST_P(ClientResets, WhileConnecting) {
  link.wire.take_only(0);
  connect(true);
  get();
  sink().reset();
  link.settle();
  expect_reset();
}

TEST_P(ClientResets, InOnConnected) {
  connect(true);
  get().at_connected = reset();
  link.event();
  EXPECT_EQ(requests(), 0U);
  expect_reset();
}

TEST_P(ClientResets, WhileTheRequestIsBeingSent) {
  link.wire.take_only(500);
  upload(1000).send_body(letters(1000), End::yes);
  link.settle();
  sink().reset();
  link.settle();
  EXPECT_FALSE(request().whole);
  expect_reset();
}

TEST_P(ClientResets, WhileTheBackendThinks) {
  get();
  sink().reset();
  link.settle();
  expect_reset();
}

TEST_P(ClientResets, InOnSent) {
  upload(10).at_sent = reset();
  sink().send_body("01234", End::no);
  link.settle();
  expect_reset();
}

TEST_P(ClientResets, InOnSentOfTheLastByte) {
  upload(10).at_sent = reset();
  sink().send_body("0123456789", End::yes);
  link.settle();
  expect_reset();
}

TEST_P(ClientResetsAlone, InOnSentOfBytesThatAreLost) {
  upload(10).at_sent = reset();
  link.wire.refuse_writes();
  sink().send_body("0123456789", End::yes);
  link.settle();
  expect_reset();
}

TEST_P(ClientResets, InOnHeadOfAnInterimAnswer) {
  get().at_interim = reset();
  link.say(join({protocol->head({.status = 103}), answer("final")}));
  EXPECT_EQ(sink().status, 0);
  expect_reset();
}

TEST_P(ClientResets, InOnHead) {
  get().at_head = reset();
  reply({.body = Body::length, .length = 10});
  expect_reset();
}

TEST_P(ClientResets, InOnHeadWithTheBodyBehindIt) {
  get().at_head = reset();
  link.say(answer("hello"));
  EXPECT_EQ(sink().body, "");
  expect_reset();
}

TEST_P(ClientResets, InOnHeadOfAWholeAnswer) {
  get().at_head = reset();
  reply({.status = 204});
  expect_reset();
}

TEST_P(ClientResetsAlone, InOnHeadOfATunnel) {
  open().send_head("GET", Framing::tunnel);
  link.settle();
  sink().at_head = reset();
  link.say(protocol->head({.status = 101}) + "early");
  EXPECT_EQ(sink().body, "");
  expect_reset();
}

TEST_P(ClientResets, InOnBody) {
  get();
  reply({.body = Body::length, .length = 10});
  sink().at_body = reset();
  body("01234");
  expect_reset();
}

TEST_P(ClientResetsAlone, InOnBodyAtTheEnd) {
  get().at_body = reset();
  link.say(answer("hello"));
  EXPECT_TRUE(sink().whole);
  expect_reset();
}

TEST_P(ClientResetsAlone, InOnBodyAtTheEndOfTheConnection) {
  get();
  reply({.body = Body::until_close});
  sink().at_body = reset();
  link.fin();
  EXPECT_TRUE(sink().whole);
  expect_reset();
}

TEST_P(ClientResets, InOnBodyBeforeTheTrailers) {
  get();
  reply({.body = Body::chunked});
  sink().at_body = reset();
  link.say(join({protocol->body("01234", End::no), protocol->trailers("x-end: 1")}));
  EXPECT_EQ(sink().trailers, "");
  expect_reset();
}

TEST_P(ClientResets, InOnTrailers) {
  get();
  reply({.body = Body::chunked});
  sink().at_trailers = reset();
  link.say(protocol->trailers("x-end: 1"));
  expect_reset();
}

TEST_P(ClientResetsAlone, InOnBodyOfATunnel) {
  tunnel().at_body = reset();
  link.say("in");
  expect_reset();
}

TEST_P(ClientResetsAlone, InOnBodyAtTheEndOfATunnel) {
  tunnel().at_body = reset();
  link.fin();
  expect_reset();
}

TEST_P(ClientResetsAlone, WithTheWindowFull) {
  get().hold = true;
  link.say(answer(letters(http::limits::kWindow * 2)));
  sink().reset();
  link.settle();
  expect_reset();
}

}  // namespace
}  // namespace pingap::session::contract
