// HTTP/2 for the session contract: the client of its server session. Tests only.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "session/contract_bench.h"
#include "session/contract_h2_frames.h"
#include "session/h2_server_session.h"

namespace pingap::session::contract {

class H2Server final : public ServerProtocol {
 public:
  net::IoHandler& start(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                        const ServerSettings& settings, RequestAcceptor& acceptor) override {
    const Peer peer(*net::Address::parse("192.0.2.1:1234"));
    session_ = new H2ServerSession(loop, std::move(transport), peer, settings, acceptor);
    EXPECT_TRUE(session_->start());
    return *session_;
  }

  void drain() override { session_->drain(); }

  void drain_gently() override { session_->drain_gently(); }

  void serve_one() override { session_->serve_one(); }

  void abort() override { session_->abort(); }

  bool multiplexes() const override { return true; }

  Duration notice() const override { return 1500ms; }

  // With windows for all that is to come, and SETTINGS acknowledged.
  std::string greeting() override {
    const std::string settings =
        h2_number(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 2) + h2_number(kOurWindow, 4);
    return join({"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", h2_frame(NGHTTP2_SETTINGS, 0, 0, settings),
                 h2_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, {}),
                 h2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, h2_number(kOurWindow, 4))});
  }

  std::string head(const Ask& ask) override {
    EXPECT_FALSE(ask.websocket) << "the server does not offer it";
    asked_ += 2;
    open_ = ask.body != Body::none;
    windows_[asked_] = http::limits::kWindow;
    const std::string fields = join(
        {h2_field(":method", ask.method), h2_field(":scheme", "http"), h2_field(":path", "/"),
         h2_field(":authority", "a.test"),
         ask.body == Body::length ? h2_field("content-length", std::to_string(ask.length)) : "",
         ask.expect ? h2_field("expect", "100-continue") : ""});
    return h2_frame(NGHTTP2_HEADERS, open_ ? kHead : kWhole, asked_, fields);
  }

  // As much as the window takes; the rest is kept for go_on().
  std::string body(std::string_view bytes, End end) override {
    if (!open_) {
      return {};
    }
    kept_.push_back({asked_, std::string(bytes), end == End::yes});
    open_ = end == End::no;
    return say_kept();
  }

  std::string trailers(std::string_view line) override {
    EXPECT_EQ(kept(), 0U);
    open_ = false;
    return h2_frame(NGHTTP2_HEADERS, kWhole, asked_,
                    h2_field(line.substr(0, line.find(':')), line.substr(line.find(':') + 2)));
  }

  std::string go_on(const net::MemoryWire& wire) override {
    const std::vector<H2Frame> frames = h2_frames(wire.written());
    for (; heard_ < frames.size() && frames[heard_].whole; ++heard_) {
      const H2Frame& frame = frames[heard_];
      if (frame.type == NGHTTP2_WINDOW_UPDATE && frame.stream != 0) {
        windows_[frame.stream] += h2_read(frame.payload);
      } else if (frame.type == NGHTTP2_RST_STREAM) {
        std::erase_if(kept_, [&](const Kept& kept) { return kept.stream == frame.stream; });
      }
    }
    return say_kept();
  }

  size_t window_step() const override { return http::limits::kWindow / 2; }

  size_t kept() const override {
    size_t all = 0;
    for (const Kept& kept : kept_) {
      all += kept.bytes.size();
    }
    return all;
  }

  std::vector<Message> answers(const net::MemoryWire& wire) override {
    std::vector<Message> all;
    std::map<uint32_t, size_t> current;  // the final answer of a stream
    H2Inflater inflater;
    for (const H2Frame& frame : h2_frames(wire.written())) {
      if (!frame.whole) {
        break;
      }
      const auto found = current.find(frame.stream);
      if (frame.type == NGHTTP2_HEADERS) {
        Message message;
        take_fields(message, inflater.read(frame.payload));
        if (found != current.end()) {
          all[found->second].trailers = message.fields;
          all[found->second].whole = frame.end();
          continue;
        }
        message.whole = frame.end() || message.start[0] == '1';
        message.request = (frame.stream - 1) / 2;
        if (message.start[0] != '1') {
          current[frame.stream] = all.size();
        }
        all.push_back(message);
      } else if (frame.type == NGHTTP2_DATA && found != current.end()) {
        all[found->second].body += frame.payload;
        all[found->second].whole = frame.end();
      }
    }
    return all;
  }

 private:
  struct Kept {
    uint32_t stream = 0;
    std::string bytes;
    bool end = false;
  };

  static constexpr uint8_t kNone = NGHTTP2_FLAG_NONE;
  static constexpr uint8_t kEnd = NGHTTP2_FLAG_END_STREAM;
  static constexpr uint8_t kHead = NGHTTP2_FLAG_END_HEADERS;
  static constexpr uint8_t kWhole = kHead | kEnd;
  static constexpr uint32_t kOurWindow = 1 << 30;
  static constexpr size_t kFrame = 16'384;

  // Names begin with capitals as they do in HTTP/1.
  static void take_fields(Message& message, const H2Inflater::Fields& fields) {
    for (auto [name, value] : fields) {
      if (name == ":status") {
        message.start = value;
        continue;
      }
      bool start = true;
      for (char& letter : name) {
        letter = start && letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
        start = letter == '-';
      }
      message.fields.append(name).append(": ").append(value).append("\r\n");
    }
  }

  std::string say_kept() {
    std::string out;
    std::map<uint32_t, bool> blocked;
    std::deque<Kept> rest;
    for (Kept& kept : kept_) {
      size_t& window = windows_[kept.stream];
      while (!blocked[kept.stream] && !kept.bytes.empty() && window > 0) {
        const size_t size = std::min({kept.bytes.size(), window, kFrame});
        const bool last = kept.end && size == kept.bytes.size();
        out += h2_frame(NGHTTP2_DATA, last ? kEnd : kNone, kept.stream,
                        std::string_view(kept.bytes).substr(0, size));
        kept.bytes.erase(0, size);
        window -= size;
        kept.end = kept.end && !last;
      }
      if (kept.bytes.empty() && kept.end && !blocked[kept.stream]) {
        out += h2_frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, kept.stream, {});
      } else if (!kept.bytes.empty()) {
        blocked[kept.stream] = true;
        rest.push_back(kept);
      } else if (kept.end) {
        rest.push_back(kept);
      }
    }
    kept_ = std::move(rest);
    return out;
  }

  H2ServerSession* session_ = nullptr;
  uint32_t asked_ = static_cast<uint32_t>(-1);  // the newest stream
  bool open_ = false;                           // more of its request is to come
  std::map<uint32_t, size_t> windows_;
  std::deque<Kept> kept_;  // bodies that wait for a window, in order
  size_t heard_ = 0;       // frames that were looked at
};

}  // namespace pingap::session::contract
