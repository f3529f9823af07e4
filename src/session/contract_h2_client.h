// HTTP/2 for the session contract, the client half: a backend that speaks frames, and how it reads
// what the session wrote. Tests only. The session may have one stream at a time, as on HTTP/1; what
// several do to each other is in h2_client_session_test.cc. Windows are not kept here: more than
// one window at once is not said.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "session/contract_bench.h"
#include "session/contract_h2_frames.h"
#include "session/h2_client_session.h"

namespace pingap::session::contract {

// As `lines`, each with its end, of "Name: value".
inline std::string h2_fields(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    const size_t colon = line.find(": ");
    std::string name(line.substr(0, colon));
    for (char& c : name) {
      c = to_lower(c);
    }
    out += h2_field(name, line.substr(colon + 2));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
  }
  return out;
}

inline std::string h2_data(uint32_t stream, std::string_view bytes, End end) {
  constexpr size_t kMost = 16384;
  std::string out;
  for (; bytes.size() > kMost; bytes.remove_prefix(kMost)) {
    out += h2_frame(NGHTTP2_DATA, 0, stream, bytes.substr(0, kMost));
  }
  return out + h2_frame(NGHTTP2_DATA, end == End::yes ? NGHTTP2_FLAG_END_STREAM : 0, stream, bytes);
}

// SETTINGS with windows as large as they can be, so that no upload waits.
inline std::string h2_greeting(std::string_view more_settings = {}) {
  constexpr uint32_t kLargest = (1U << 31) - 1;
  std::string settings = h2_number(4, 2) + h2_number(kLargest, 4);
  settings += more_settings;
  return h2_frame(NGHTTP2_SETTINGS, 0, 0, settings) +
         h2_frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, {}) +
         h2_frame(NGHTTP2_WINDOW_UPDATE, 0, 0, h2_number(kLargest - 65535, 4));
}

// What a client wrote.
class H2Reader {
 public:
  explicit H2Reader(std::string_view bytes) {
    constexpr size_t kPreface = 24;
    for (const H2Frame& frame : h2_frames(bytes.substr(std::min(bytes.size(), kPreface)))) {
      take(frame);
    }
  }

  std::map<uint32_t, Message> requests;  // by stream
  std::map<uint32_t, uint32_t> resets;   // their codes
  std::vector<uint32_t> goaways;         // codes
  size_t pings = 0;                      // no answers

 private:
  void take(const H2Frame& frame) {
    if (frame.type == NGHTTP2_DATA) {
      requests[frame.stream].body += frame.payload;
      requests[frame.stream].whole = frame.end();
      return;
    }
    if (!frame.whole) {
      return;
    }
    if (frame.type == NGHTTP2_HEADERS) {
      take_headers(requests[frame.stream], frame.payload);
      requests[frame.stream].whole = frame.end();
    } else if (frame.type == NGHTTP2_RST_STREAM) {
      resets[frame.stream] = h2_read(frame.payload);
    } else if (frame.type == NGHTTP2_GOAWAY) {
      goaways.push_back(h2_read(frame.payload.substr(4)));
    } else if (frame.type == NGHTTP2_PING && frame.flags != NGHTTP2_FLAG_ACK) {
      ++pings;
    }
  }

  void take_headers(Message& message, std::string_view block) {
    std::string lines;
    std::string method;
    std::string path;
    for (const auto& [name, value] : inflater_.read(block)) {
      method = name == ":method" ? value : method;
      path = name == ":path" ? value : path;
      lines += name.starts_with(':') ? "" : name + ": " + value + "\r\n";
    }
    if (message.start.empty()) {
      message.start = method + " " + path;
      message.fields = lines;
    } else {
      message.trailers = lines;
    }
  }

  H2Inflater inflater_;
};

class H2Client final : public ClientProtocol,
                       private ClientSessionOwner,
                       private http::ClientStream {
 public:
  net::IoHandler& start(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                        const ClientSettings& settings, ClientSessionOwner& owner,
                        bool connecting) override {
    owner_ = &owner;
    session_ = new H2ClientSession(loop, std::move(transport), settings, *this, 1);
    EXPECT_TRUE(session_->start(connecting));
    return *session_;
  }

  bool multiplexes() const override { return true; }

  std::string greeting() override { return h2_greeting(); }

  http::ClientStream& open(http::ResponseSink& sink, const ClientSettings& settings) override {
    session_->ListHook<ClientSessionTag>::unlink();  // it is full now
    EXPECT_TRUE(session_->takes_new());
    stream_ = &session_->open(sink, settings);
    return *this;
  }

  void close() override { session_->close(); }

  std::string head(const Reply& reply) override {
    const bool interim = reply.status < 200;
    std::string block = h2_field(":status", std::to_string(reply.status));
    if (reply.body == Body::length) {
      block += h2_field("content-length", std::to_string(reply.length));
    }
    block += h2_fields(reply.fields);
    const bool more = reply.body == Body::chunked || reply.body == Body::until_close ||
                      (reply.body == Body::length && reply.length > 0);
    over_ = !interim && (!more || method_ == http::Method::head);
    return h2_frame(
        NGHTTP2_HEADERS,
        over_ ? NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_END_HEADERS, id_,
        block);
  }

  std::string body(std::string_view bytes, End end) override {
    if (over_ || (bytes.empty() && end == End::no)) {
      return {};
    }
    over_ = end == End::yes;
    return h2_data(id_, bytes, end);
  }

  std::string trailers(std::string_view line) override {
    return h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id_,
                    h2_fields(std::string(line) + "\r\n"));
  }

  std::vector<Message> requests(const net::MemoryWire& wire) override {
    const H2Reader reader(wire.written());
    std::vector<Message> all;
    for (const auto& [id, message] : reader.requests) {
      all.push_back(message);
    }
    return all;
  }

 private:
  // What the tests hand out as the stream: it sees the request on its way.
  void send_head(const http::RequestHead& head, End end) noexcept override {
    method_ = head.method;
    over_ = false;
    id_ = static_cast<uint32_t>(session_->framer().next_stream());
    stream_->send_head(head, end);
  }

  void send_body(ByteQueue& data, End end) noexcept override { stream_->send_body(data, end); }

  void send_trailers(const http::HeaderMap& trailers) noexcept override {
    stream_->send_trailers(trailers);
  }

  void release_window(size_t bytes) noexcept override { stream_->release_window(bytes); }

  void reset(ErrorCode why) noexcept override { stream_->reset(why); }

  void on_session_free(ClientSession& session) noexcept override {
    owner_->on_session_free(session);
  }

  void on_session_gone(ClientSession& session) noexcept override {
    owner_->on_session_gone(session);
  }

  H2ClientSession* session_ = nullptr;
  ClientSessionOwner* owner_ = nullptr;
  http::ClientStream* stream_ = nullptr;
  http::Method method_ = http::Method::get;
  uint32_t id_ = 0;
  bool over_ = false;  // the backend's message
};

}  // namespace pingap::session::contract
