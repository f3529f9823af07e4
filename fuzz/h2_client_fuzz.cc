// What a backend may say on a connection of HTTP/2: whatever it is, the laws of http/stream.h hold
// for every stream, and the session ends clean.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "http/limits.h"
#include "input.h"
#include "net/memory_transport.h"
#include "session/h2_client_session.h"

namespace pingap::fuzz {
namespace {

using http::Framing;

// SETTINGS without entries: a frame that all the rest may follow.
constexpr std::string_view kGreeting{"\0\0\0\4\0\0\0\0\0", 9};

class Sink final : public http::ResponseSink {
 public:
  void on_connected() noexcept override { open(); }

  void on_head(http::ResponseHead& head, End end) noexcept override {
    open();
    require(!head_seen_, "one final head");
    require(head.status >= 100 && head.status <= 999 && head.status != 101, "a status");
    require(head.status >= 200 || end == End::no, "1xx is not the end");
    head_seen_ = head.status >= 200;
    over_ = end == End::yes;
    left_ = head.framing == Framing::length ? head.content_length : UINT64_MAX;
  }

  void on_body(ByteQueue& data, End end) noexcept override {
    open();
    require(head_seen_ && !over_, "a body is between head and end");
    require(data.size() <= left_, "no more than the length");
    require(data.empty() || held_ < http::limits::kWindow, "no more than the window");
    held_ += data.size();
    left_ -= left_ == UINT64_MAX ? 0 : data.size();
    over_ = end == End::yes;
    require(!over_ || left_ == 0 || left_ == UINT64_MAX, "no less than the length");
    data.clear();
  }

  void on_trailers(http::HeaderMap& /*trailers*/) noexcept override {
    open();
    require(head_seen_ && !over_, "trailers are the end");
    over_ = true;
  }

  void on_sent(size_t bytes) noexcept override {
    open();
    sent_ += bytes;
    require(sent_ <= given, "what is sent was given");
  }

  void on_closed(const Error& why) noexcept override {
    open();
    require(why || over_, "an answer without its end is an error");
    require(why.retry != Retry::safe || !head_seen_, "what is answered is not asked again");
    closed_ = true;
  }

  void give_back() {
    if (!closed_ && held_ > 0) {
      stream->release_window(std::exchange(held_, 0));
    }
  }

  void reset() {
    if (!closed_) {
      closed_ = true;
      stream->reset(ErrorCode::shutting_down);
    }
  }

  bool closed() const { return closed_; }

  http::ClientStream* stream = nullptr;
  size_t given = 0;

 private:
  void open() const { require(!closed_, "nothing comes behind the end"); }

  bool head_seen_ = false;
  bool over_ = false;
  bool closed_ = false;
  uint64_t left_ = 0;
  size_t held_ = 0;
  size_t sent_ = 0;
};

class Owner final : public session::ClientSessionOwner {
 public:
  void on_session_free(session::ClientSession& /*session*/) noexcept override {
    require(!gone, "what is gone has no room");
  }

  void on_session_gone(session::ClientSession& /*session*/) noexcept override {
    require(!gone, "gone once");
    gone = true;
  }

  bool gone = false;
};

class Run {
 public:
  explicit Run(Input input) : input_(input) {
    session_ =
        new session::H2ClientSession(loop(), std::make_unique<net::MemoryTransport>(wire_),
                                     settings_, owner_, static_cast<uint32_t>(sinks_.size()));
    require(session_->start(false), "a start");
    say(kGreeting);
  }

  void play() {
    std::string_view rest = input_.bytes();
    ask();
    while (!rest.empty() && !owner_.gone) {
      say(input_.next_piece(rest));
      act();
    }
    if (!owner_.gone) {
      session_->close();
    }
    turn();
    for (size_t i = 0; i < asked_; ++i) {
      require(sinks_[i].closed(), "every stream is told of its end");
    }
    require(wire_.closed(), "the connection is closed");
  }

 private:
  static net::EventLoop& loop() {
    static const std::unique_ptr<net::EventLoop> one = std::move(*net::EventLoop::create());
    return *one;
  }

  void say(std::string_view bytes) {
    wire_.say(bytes);
    session_->on_io(wire_.ready());
    turn();
  }

  static void turn() {
    for (int i = 0; i < 3; ++i) {
      loop().run_once_at(loop().now());
    }
  }

  void ask() {
    if (asked_ == sinks_.size() || !session_->takes_new()) {
      return;
    }
    Sink& sink = sinks_[asked_++];
    sink.stream = &session_->open(sink, settings_);
    constexpr std::array kMethods = {"GET", "HEAD", "POST"};
    const std::string_view method = kMethods[input_.choose(kMethods.size())];
    http::RequestHead head;
    head.method = http::parse_method(method);
    head.method_text = method;
    head.target = "/";
    head.authority = "a.test";
    const bool uploads = head.method == http::Method::post;
    head.framing = uploads ? Framing::chunked : Framing::none;
    sink.stream->send_head(head, uploads ? End::no : End::yes);
    if (uploads) {
      ByteQueue data;
      data.append(std::string(input_.choose(100'000) + 1, 'x'));
      sink.given += data.size();
      sink.stream->send_body(data, input_.choose(2) == 0 ? End::yes : End::no);
    }
    turn();
  }

  void act() {
    Sink& sink = sinks_[input_.choose(asked_)];
    switch (owner_.gone ? 0 : input_.choose(8)) {
      case 1:
      case 2:
        ask();
        break;
      case 3:
        sink.reset();
        break;
      default:
        sink.give_back();
    }
    turn();
  }

  Input input_;
  net::MemoryWire wire_;
  session::ClientSettings settings_{.connect_timeout = std::chrono::hours(1),
                                    .read_timeout = std::chrono::hours(1),
                                    .write_timeout = std::chrono::hours(1),
                                    .idle_timeout = std::chrono::hours(1),
                                    .tunnel_timeout = std::chrono::hours(1)};
  Owner owner_;
  std::array<Sink, 4> sinks_;
  size_t asked_ = 0;
  session::H2ClientSession* session_ = nullptr;
};

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::Run({data, size}).play();
  return 0;
}
