// Any order of events: a backend, a kernel, a clock and a sink that do what the dice say. The sinks
// look after the laws; here is added that bytes are what was said, from the start and in order.
#include "session/contract_client.h"
#include "session/contract_walk.h"

namespace pingap::session::contract {
namespace {

using http::Framing;

class ClientWalk : public ::testing::TestWithParam<NamedClient> {};

INSTANTIATE_TEST_SUITE_P(Contract, ClientWalk, client_connections(), protocol_name);

class Walk {
 public:
  Walk(const NamedClient& named, uint32_t seed) : bench_(named), dice_(seed) {
    const bool connecting = dice_.hit(2);
    if (connecting) {
      bench_.link.wire.take_only(0);
    }
    bench_.connect(connecting);
    begin();
  }

  void run() {
    for (int step = 0; step < 60 && !bench_.gone(); ++step) {
      if (bench_.idle() && dice_.hit(2)) {
        begin();
      }
      world();
      act();
    }
    come_to_rest();
    bench_.finish();
    check_answers();
    check_requests();
  }

 private:
  struct Exchange {
    std::string answer;  // what the backend's body is
    bool tunnel = false;
    std::string text;  // what the sink has said
    size_t left = 0;   // of the request's length
    bool chunked = false;
    bool over = false;
  };

  // The next request, and what the backend will say to it.
  void begin() {
    bench_.open();
    Exchange& exchange = exchanges_.emplace_back();
    exchange.tunnel = dice_.hit(6);
    exchange.chunked = !exchange.tunnel && dice_.hit(2);
    exchange.left = exchange.tunnel || exchange.chunked || dice_.hit(3)
                        ? 0
                        : dice_.below(dice_.hit(3) ? 200'000 : 200) + 1;
    exchange.over = !exchange.chunked && exchange.left == 0 && !exchange.tunnel;
    write_script(exchange);
    meet();
    bench_.sink().send_head(exchange.over || exchange.tunnel ? "GET" : "POST",
                            exchange.tunnel     ? Framing::tunnel
                            : exchange.chunked  ? Framing::chunked
                            : exchange.left > 0 ? Framing::length
                                                : Framing::none,
                            exchange.left);
    bench_.link.settle();
  }

  void write_script(Exchange& exchange) {
    script_.clear();
    for (size_t i = dice_.hit(3) ? dice_.below(3) : 0; i > 0; --i) {
      script_ += bench_.protocol->head({.status = 103});
    }
    exchange.answer = letters(dice_.below(dice_.hit(3) ? 200'000 : 300));
    if (exchange.tunnel) {
      script_ += bench_.protocol->head({.status = 101}) + exchange.answer;
      return;
    }
    const Body kind = dice_.hit(2)   ? Body::length
                      : dice_.hit(3) ? Body::until_close
                                     : Body::chunked;
    script_ += bench_.protocol->head({.body = kind, .length = exchange.answer.size()});
    const size_t cut = dice_.below(exchange.answer.size());
    script_ += bench_.protocol->body(std::string_view(exchange.answer).substr(0, cut), End::no);
    script_ += bench_.protocol->body(std::string_view(exchange.answer).substr(cut), End::yes);
    script_ += kind != Body::until_close && dice_.hit(20) ? "nobody's answer" : "";
  }

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
        bench_.link.pass(std::chrono::seconds(dice_.below(15)));
        break;
      case 4:
        rare();
        break;
      default:
        say();
    }
  }

  void say() {
    const size_t size = std::min(script_.size(), dice_.below(dice_.hit(2) ? 100'000 : 50));
    bench_.link.wire.say(std::string_view(script_).substr(0, size));
    script_.erase(0, size);
    if (!dice_.hit(5)) {
      bench_.link.event();
    }
  }

  void rare() {
    switch (dice_.below(8)) {
      case 0:
        bench_.link.fin();
        script_.clear();
        break;
      case 1:
        bench_.link.rst();
        break;
      case 2:
        bench_.link.wire.refuse_writes();
        break;
      default:
        break;
    }
  }

  void meet() {
    ClientSink& sink = bench_.sink();
    sink.loses = true;  // check_requests() knows better
    sink.hold = dice_.hit(2);
    for (Hook* hook : {&sink.at_connected, &sink.at_interim, &sink.at_head, &sink.at_body,
                       &sink.at_sent, &sink.at_trailers}) {
      if (dice_.hit(3)) {
        *hook = [this] { act(); };
      }
    }
    if (dice_.hit(3)) {
      sink.at_closed = [this] {
        if (bench_.idle()) {
          begin();
        }
      };
    }
  }

  // The sink does something that its stream allows.
  void act() {
    ClientSink& sink = bench_.sink();
    if (sink.over()) {
      return;
    }
    Exchange& exchange = exchanges_.back();
    if (sink.held > 0 && dice_.hit(2)) {
      sink.release(dice_.hit(2) ? sink.held : dice_.below(sink.held) + 1);
    } else if (dice_.hit(60)) {
      sink.reset();
    } else if (exchange.over) {
      return;
    } else if (exchange.tunnel) {
      talk(sink, exchange);
    } else {
      send_body(sink, exchange);
    }
  }

  void talk(ClientSink& sink, Exchange& exchange) {
    if (sink.status != 101) {
      return;
    }
    exchange.over = dice_.hit(5);
    const std::string piece = letters(dice_.below(dice_.hit(3) ? 50'000 : 100) + 1);
    exchange.text += piece;
    sink.send_body(piece, exchange.over ? End::yes : End::no);
  }

  void send_body(ClientSink& sink, Exchange& exchange) {
    std::string piece = letters(dice_.below(dice_.hit(3) ? 50'000 : 100) + 1);
    exchange.over = dice_.hit(4);
    if (!exchange.chunked) {
      piece.resize(std::min(piece.size(), exchange.left));
      exchange.left -= piece.size();
      exchange.over = exchange.left == 0;
    }
    exchange.text += piece;
    if (exchange.over && dice_.hit(3)) {
      sink.send_body(piece, End::no);
      if (!sink.over()) {
        sink.send_trailers("x-end", "1");
      }
      return;
    }
    sink.send_body(piece, exchange.over ? End::yes : End::no);
  }

  // Everybody does what is left to do; then no stream may be left open, whatever went before.
  void come_to_rest() {
    for (int step = 0; step < 5 && !bench_.gone(); ++step) {
      bench_.link.wire.say(std::exchange(script_, {}));
      bench_.link.take_all();
      finish_request();
      bench_.link.settle();
      EXPECT_TRUE(!bench_.idle() || bench_.gone() || bench_.holds_no_buffer());
    }
    bench_.link.pass(2min);
    EXPECT_TRUE(bench_.sink().over()) << "a stream that never ends";
  }

  void finish_request() {
    ClientSink& sink = bench_.sink();
    if (sink.over()) {
      return;
    }
    Exchange& exchange = exchanges_.back();
    sink.hold = false;
    sink.release_all();
    if (!exchange.over && (!exchange.tunnel || sink.status == 101)) {
      exchange.over = true;
      exchange.text += letters(exchange.left);
      sink.send_body(letters(exchange.left), End::yes);
    }
  }

  void check_answers() {
    for (size_t i = 0; i < exchanges_.size(); ++i) {
      const ClientSink& sink = bench_.sinks()[i];
      EXPECT_TRUE(exchanges_[i].answer.starts_with(sink.body));
      if (sink.whole && sink.framing != Framing::until_close && !exchanges_[i].tunnel) {
        EXPECT_EQ(sink.body, exchanges_[i].answer);
      }
      if (sink.closed && !sink.why) {
        EXPECT_TRUE(sink.whole);
      }
    }
  }

  void check_requests() {
    const std::vector<Message> heard = bench_.protocol->requests(bench_.link.wire);
    EXPECT_LE(heard.size(), exchanges_.size());
    for (size_t i = 0; i < heard.size(); ++i) {
      if (!exchanges_[i].tunnel) {
        EXPECT_TRUE(exchanges_[i].text.starts_with(heard[i].body));
      }
      if (i + 1 < heard.size()) {  // the connection was kept behind it
        EXPECT_TRUE(heard[i].whole);
        EXPECT_EQ(heard[i].body, exchanges_[i].text);
        EXPECT_EQ(bench_.sinks()[i].sent, bench_.sinks()[i].given);
      }
    }
  }

  ClientBench bench_;
  Dice dice_;
  std::deque<Exchange> exchanges_;
  std::string script_;  // what the backend has not said yet
};

TEST_P(ClientWalk, KeepsTheLaws) {
  for (uint32_t seed = 1; seed <= walks(); ++seed) {
    SCOPED_TRACE(seed);
    Walk(GetParam(), seed).run();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace pingap::session::contract
