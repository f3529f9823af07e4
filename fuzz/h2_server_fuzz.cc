// A client connection of HTTP/2: whatever frames come, in whatever pieces, each stream is told of
// its end exactly once, only what is a request is one, and what we are made to hold is bounded.
// The preface and SETTINGS are said first; the input is the frames behind them.
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/limits.h"
#include "input.h"
#include "net/memory_transport.h"
#include "session/h2_server_session.h"

namespace pingap::fuzz {
namespace {

using http::Framing;

constexpr std::string_view kStart(
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    "\0\0\0\4\0\0\0\0\0"
    "\0\0\0\4\1\0\0\0\0",
    24 + 9 + 9);

bool is_plain(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
}

// Takes a request and answers as the input says.
class Sink final : public http::RequestSink {
 public:
  Sink(http::ServerStream& stream, Input& input) : stream_(stream), input_(input) {}

  bool over() const { return over_; }

  void act() {
    if (over_ || !told_) {
      return;
    }
    switch (input_.choose(8)) {
      case 0:
        over_ = true;
        stream_.reset(ErrorCode::upstream_reset);
        break;
      case 1:
        stream_.release_window(std::exchange(held_, 0));
        break;
      case 2:
      case 3:
        answer(input_.choose(3) == 0 ? 40'000 : input_.choose(50) + 1);
        break;
      default:
        break;
    }
  }

  // http::RequestSink
  void on_head(http::RequestHead& head, End end) noexcept override {
    tell();
    whole_ = end == End::yes;
    require(!head.method_text.empty() && !head.authority.empty(), "a request says what and where");
    require(is_plain(head.method_text) && is_plain(head.target) && is_plain(head.authority),
            "a request line is one line");
    require(
        head.target.starts_with('/') || head.target == "*" || head.method == http::Method::connect,
        "a target is a path");
    for (const http::Field& field : head.headers.fields()) {
      require(field.removed() || (is_plain(field.name()) && is_plain(field.value())),
              "a field is one line");
      require(field.removed() || (field.id != http::HeaderId::connection &&
                                  field.id != http::HeaderId::transfer_encoding),
              "no field of a connection");
    }
    act();
  }

  void on_refused(ErrorCode why, std::string_view /*head*/) noexcept override {
    told_ = true;
    require(!over_ && why != ErrorCode::none, "refused once, for a reason");
    answer(10);
  }

  void on_malformed(ErrorCode why, std::string_view head) noexcept override {
    require(!told_ && why != ErrorCode::none, "nothing comes before that");
    require(head.empty() || head.ends_with(" HTTP/2.0\r\n"), "a line as HTTP/1 has it");
    on_closed({why, Side::downstream, Retry::never, 0, nullptr});
  }

  void on_body(ByteQueue& data, End end) noexcept override {
    require(told_ && !over_ && !whole_, "a body between its head and its end");
    held_ += data.size();
    require(held_ <= http::limits::kWindow, "no more than the window");
    data.clear();
    whole_ = end == End::yes;
    act();
  }

  void on_trailers(http::HeaderMap& /*trailers*/) noexcept override {
    require(told_ && !over_ && !whole_, "trailers are an end");
    whole_ = true;
    act();
  }

  void on_sent(size_t bytes) noexcept override {
    require(!over_, "sent while it is open");
    sent_ += bytes;
    require(sent_ <= given_, "no more than was given");
  }

  void on_closed(const Error& /*why*/) noexcept override {
    require(!over_, "closed once");
    over_ = true;
  }

 private:
  void tell() {
    require(!told_ && !over_, "one head");
    told_ = true;
  }

  void answer(size_t size) {
    if (answered_) {
      return;
    }
    answered_ = true;
    http::ResponseHead head;
    head.framing = Framing::chunked;
    stream_.send_head(head, End::no);
    ByteQueue body;
    body.append(std::string(size, 'x'));
    given_ = size;
    stream_.send_body(body, input_.choose(4) == 0 ? End::no : End::yes);
  }

  http::ServerStream& stream_;
  Input& input_;
  bool told_ = false;
  bool whole_ = false;
  bool answered_ = false;
  bool over_ = false;
  size_t held_ = 0;
  size_t given_ = 0;
  size_t sent_ = 0;
};

class Client final : public session::RequestAcceptor {
 public:
  explicit Client(Input& input) : input_(input), loop_(*net::EventLoop::create()) {}

  void run() {
    session_ = new session::H2ServerSession(*loop_, std::make_unique<net::MemoryTransport>(wire_),
                                            session::Peer(*net::Address::parse("192.0.2.1:1234")),
                                            settings_, *this);
    require(session_->start(), "it starts");
    say(kStart);
    std::string_view rest = input_.bytes();
    while (!rest.empty() && !gone_) {
      say(input_.next_piece(rest));
      if (!sinks_.empty()) {
        sinks_[input_.choose(sinks_.size())].act();
      }
      if (input_.choose(16) == 0) {
        wire_.take_only(input_.choose(2000));
      } else if (input_.choose(4) == 0) {
        wire_.take_all();
      }
    }
    finish();
  }

 private:
  static session::ServerSettings make_settings() {
    using std::chrono::seconds;
    return {.header_timeout = seconds(10),
            .keepalive_timeout = seconds(10),
            .body_timeout = seconds(10),
            .write_timeout = seconds(10),
            .tunnel_timeout = seconds(10),
            .keepalive_requests = 50};
  }

  void say(std::string_view bytes) {
    wire_.say(bytes);
    if (!wire_.closed()) {
      session_->on_io(wire_.ready());
    }
    turn(4);
  }

  void turn(int times) {
    for (int i = 0; i < times; ++i) {
      loop_->run_once_at(now_);
    }
  }

  void finish() {
    switch (input_.choose(3)) {
      case 0:
        wire_.fin();
        break;
      case 1:
        session_ended([this] { session_->drain(); });
        break;
      default:
        break;
    }
    wire_.take_all();
    for (int i = 0; i < 100 && !gone_; ++i) {
      session_ended([this] { session_->on_io(wire_.ready()); });
      now_ += std::chrono::seconds(1);
      turn(4);
    }
    session_ended([this] { session_->abort(); });
    turn(4);
    require(gone_ && wire_.closed() && !wire_.misused(), "a connection ends");
    for (const Sink& sink : sinks_) {
      require(sink.over(), "each stream is told of its end");
    }
  }

  template <class Call>
  void session_ended(Call call) {
    if (!gone_) {
      call();
    }
  }

  http::RequestSink& on_new_stream(http::ServerStream& stream,
                                   session::ServerSession& /*session*/) noexcept override {
    require(!gone_, "no stream behind the end");
    return sinks_.emplace_back(stream, input_);
  }

  void on_session_closed(session::ServerSession& /*session*/) noexcept override {
    require(!gone_, "gone once");
    gone_ = true;
  }

  Input& input_;
  net::MemoryWire wire_;
  std::unique_ptr<net::EventLoop> loop_;
  TimePoint now_ = loop_->now();
  session::ServerSettings settings_ = make_settings();
  session::H2ServerSession* session_ = nullptr;
  std::deque<Sink> sinks_;
  bool gone_ = false;
};

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::Input input(data, size);
  pingap::fuzz::Client(input).run();
  return 0;
}
