// Any order of events: a client, a kernel, a clock and a sink that do what the dice say. The sinks
// look after the laws; here is added that bytes are what was said, from the start and in order.
#include "session/contract_server.h"
#include "session/contract_walk.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ServerWalk : public ::testing::TestWithParam<NamedServer> {};

INSTANTIATE_TEST_SUITE_P(Contract, ServerWalk, server_protocols(), protocol_name);

class Walk {
 public:
  Walk(const NamedServer& named, uint32_t seed)
      : bench_(named), dice_(seed), tunnels_(named.why_not(Feature::tunnel) == nullptr) {
    bench_.at_stream = [this] { meet(); };
    write_script();
    bench_.settings.min_body_rate = dice_.hit(2) ? 100 : 0;
    bench_.settings.keepalive_requests = dice_.hit(3) ? 2 : 0;
    bench_.start();
    bench_.link.peer = nullptr;  // it goes on behind what it has to say anyway
  }

  void run() {
    for (int step = 0; step < 60 && !bench_.gone(); ++step) {
      world();
      act();
    }
    come_to_rest();
    bench_.finish();
    check_requests();
    check_answers();
  }

 private:
  struct Request {
    std::string body;
    bool tunnel = false;
  };

  // What the sink has said in answer to one request.
  struct Reply {
    enum { none, head, over } phase = none;

    size_t left = 0;  // of a length
    bool length = false;
    bool tunnel = false;
    std::string text;
  };

  void write_script() {
    for (size_t i = dice_.below(4) + 1; i > 0; --i) {
      Request& request = requests_.emplace_back();
      const Body kind = dice_.hit(3) ? Body::none : dice_.hit(2) ? Body::length : Body::chunked;
      request.body = kind == Body::none ? "" : letters(dice_.below(dice_.hit(3) ? 200'000 : 300));
      request.tunnel = kind == Body::none && dice_.hit(4) && tunnels_;
      script_ += bench_.protocol->head({.method = kind == Body::none ? "GET" : "POST",
                                        .body = kind,
                                        .length = request.body.size(),
                                        .close = dice_.hit(10),
                                        .expect = kind != Body::none && dice_.hit(5),
                                        .websocket = request.tunnel});
      const size_t cut = dice_.below(request.body.size());
      script_ += bench_.protocol->body(std::string_view(request.body).substr(0, cut), End::no);
      script_ += bench_.protocol->body(std::string_view(request.body).substr(cut), End::yes);
    }
    script_ += dice_.hit(6) ? "nonsense\r\n\r\n" : "";
  }

  // Something happens outside.
  void world() {
    switch (dice_.below(12)) {
      case 0:
        bench_.link.take(dice_.below(3000));
        break;
      case 1:
      case 2:
        bench_.link.take_all();
        break;
      case 3:
        bench_.link.pass(std::chrono::seconds(dice_.below(25)));
        break;
      case 4:
        rare();
        break;
      default:
        say();
    }
  }

  void say() {
    go_on();
    const size_t size = std::min(script_.size(), dice_.below(dice_.hit(2) ? 100'000 : 50));
    bench_.link.wire.say(std::string_view(script_).substr(0, size));
    script_.erase(0, size);
    if (!dice_.hit(5)) {
      bench_.link.event();
    }
  }

  void go_on() {
    if (!ended_) {
      script_ += bench_.protocol->go_on(bench_.link.wire);
    }
  }

  void rare() {
    switch (dice_.below(12)) {
      case 0:
        ended_ = true;
        bench_.link.fin();
        script_.clear();
        break;
      case 1:
        bench_.link.rst();
        break;
      case 2:
        bench_.link.wire.refuse_writes();
        break;
      case 3:
        if (!bench_.gone()) {
          bench_.protocol->drain();
        }
        break;
      default:
        break;
    }
  }

  // A new stream: its sink acts inside callbacks, too.
  void meet() {
    bench_.at_stream = [this] { meet(); };
    replies_.emplace_back();
    ServerSink& sink = bench_.sink();
    sink.loses = true;  // check_answers() knows better
    sink.hold = dice_.hit(2);
    for (Hook* hook :
         {&sink.at_head, &sink.at_body, &sink.at_sent, &sink.at_trailers, &sink.at_refused}) {
      if (dice_.hit(3)) {
        *hook = [this] { act(); };
      }
    }
  }

  // The sink of a stream does something that this allows.
  void act() {
    if (bench_.streams() == 0) {
      return;
    }
    const size_t newest = bench_.streams() - 1;
    const size_t index = bench_.protocol->multiplexes() ? dice_.below(newest + 1) : newest;
    ServerSink& sink = bench_.sink(index);
    if (sink.over()) {
      return;
    }
    Reply& reply = replies_[index];
    if (sink.held > 0 && dice_.hit(2)) {
      sink.release(dice_.hit(2) ? sink.held : dice_.below(sink.held) + 1);
    } else if (dice_.hit(60)) {
      sink.reset();
    } else if (reply.phase == Reply::none) {
      send_head(sink, reply, requests_[std::min(index, requests_.size() - 1)]);
    } else if (dice_.hit(20) && sink.stream->unsend()) {
      reply = {};
      sink.given = sink.sent = 0;
    } else if (reply.phase == Reply::head) {
      send_body(sink, reply);
    }
  }

  void send_head(ServerSink& sink, Reply& reply, const Request& request) {
    if (!sink.whole && sink.refused == ErrorCode::none && !dice_.hit(4)) {
      return;  // early answers are the exception
    }
    if (dice_.hit(4)) {
      sink.send_interim(dice_.hit(2) ? 100 : 103);
    }
    const bool refused = sink.refused != ErrorCode::none;
    reply.phase = Reply::head;
    reply.tunnel = !refused && request.tunnel && dice_.hit(2);
    reply.length = !reply.tunnel && dice_.hit(2);
    reply.left = reply.length ? dice_.below(dice_.hit(3) ? 100'000 : 200) + 1 : 0;
    sink.send_head(reply.tunnel ? 101 : 200,
                   reply.tunnel   ? Framing::tunnel
                   : reply.length ? Framing::length
                                  : Framing::chunked,
                   reply.left);
  }

  void send_body(ServerSink& sink, Reply& reply) {
    std::string piece = letters(dice_.below(dice_.hit(3) ? 50'000 : 100) + 1);
    bool last = dice_.hit(4);
    if (reply.length) {
      piece.resize(std::min(piece.size(), reply.left));
      reply.left -= piece.size();
      last = reply.left == 0;
    }
    reply.text += piece;
    if (last) {
      reply.phase = Reply::over;
    }
    if (last && !reply.tunnel && dice_.hit(3)) {
      sink.send_body(piece, End::no);
      if (!sink.over()) {
        sink.send_trailers("X-End", "1");
      }
      return;
    }
    sink.send_body(piece, last ? End::yes : End::no);
  }

  // Everybody does what is left to do; then no stream may be left open, whatever went before.
  void come_to_rest() {
    for (int step = 0; step < 20 && !bench_.gone(); ++step) {
      go_on();
      bench_.link.wire.say(std::exchange(script_, {}));
      bench_.link.take_all();
      bool over = bench_.streams() > 0;
      for (size_t i = 0; i < bench_.streams(); ++i) {
        finish_reply(bench_.sink(i), replies_[i]);
        over = over && bench_.sink(i).over();
      }
      bench_.link.settle();
      if (over && bench_.link.wire.unread() == 0) {
        EXPECT_TRUE(bench_.gone() || bench_.holds_no_buffer());
      }
    }
    bench_.link.pass(2min);
    for (const ServerSink& sink : bench_.sinks()) {
      EXPECT_TRUE(sink.over()) << "a stream that never ends";
    }
  }

  static void finish_reply(ServerSink& sink, Reply& reply) {
    if (sink.over()) {
      return;
    }
    sink.hold = false;
    sink.release_all();
    if (reply.phase == Reply::none) {
      sink.send_head(200, Framing::chunked);
    }
    if (reply.phase != Reply::over) {
      reply.phase = Reply::over;
      reply.text += letters(reply.left);
      sink.send_body(letters(reply.left), End::yes);
    }
  }

  void check_requests() const {
    for (size_t i = 0; i < bench_.streams(); ++i) {
      const ServerSink& sink = bench_.sinks()[i];
      if (i >= requests_.size() || replies_[i].tunnel) {
        continue;  // nonsense, or whatever was said in the tunnel
      }
      EXPECT_TRUE(requests_[i].body.starts_with(sink.body));
      EXPECT_TRUE(!sink.whole || sink.body == requests_[i].body);
    }
  }

  void check_answers() {
    std::vector<Message> heard = bench_.protocol->answers(bench_.link.wire);
    std::erase_if(heard, [](const Message& m) { return m.start[0] == '1' && m.start != "101"; });
    EXPECT_LE(heard.size(), bench_.streams());
    for (size_t i = 0; i < bench_.streams(); ++i) {
      const ServerSink& sink = bench_.sinks()[i];
      const auto answer = std::ranges::find(heard, i, &Message::request);
      if (answer != heard.end()) {
        EXPECT_TRUE(replies_[i].text.starts_with(answer->body));
      }
      if (sink.closed && !sink.why) {
        ASSERT_NE(answer, heard.end());
        EXPECT_EQ(answer->body, replies_[i].text);
        EXPECT_TRUE(answer->whole);
        EXPECT_EQ(sink.sent, sink.given);
      }
    }
  }

  ServerBench bench_;
  Dice dice_;
  std::vector<Request> requests_;
  std::vector<Reply> replies_;
  std::string script_;  // what the client has not said yet
  bool ended_ = false;  // it has nothing more to say
  bool tunnels_;
};

TEST_P(ServerWalk, KeepsTheLaws) {
  for (uint32_t seed = 1; seed <= walks(); ++seed) {
    SCOPED_TRACE(seed);
    Walk(GetParam(), seed).run();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace pingap::session::contract
