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

#include <nghttp2/nghttp2.h>

#include "base/strings.h"
#include "session/contract_bench.h"
#include "session/h2_client_session.h"

namespace pingap::session::contract {

// ---- frames, written from RFC 9113 4.1 and RFC 7541 6.2.2

enum class Frame : uint8_t {
  data,
  headers,
  priority,
  rst_stream,
  settings,
  push_promise,
  ping,
  goaway
};

inline constexpr uint8_t kEndStream = 1;
inline constexpr uint8_t kAck = 1;
inline constexpr uint8_t kEndHeaders = 4;

inline std::string h2_number(uint64_t value, int bytes) {
  std::string out;
  while (bytes-- > 0) {
    out += static_cast<char>(value >> (8 * bytes));
  }
  return out;
}

inline std::string h2_frame(Frame type, uint8_t flags, int32_t stream, std::string_view payload) {
  std::string out = h2_number(payload.size(), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return (out + h2_number(static_cast<uint32_t>(stream), 4)).append(payload);
}

// A literal without indexing; both shorter than 127 bytes.
inline std::string h2_field(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  out += static_cast<char>(name.size());
  out.append(name) += static_cast<char>(value.size());
  return out.append(value);
}

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

inline std::string h2_data(int32_t stream, std::string_view bytes, End end) {
  constexpr size_t kMost = 16384;
  std::string out;
  for (; bytes.size() > kMost; bytes.remove_prefix(kMost)) {
    out += h2_frame(Frame::data, 0, stream, bytes.substr(0, kMost));
  }
  return out + h2_frame(Frame::data, end == End::yes ? kEndStream : 0, stream, bytes);
}

// SETTINGS with windows as large as they can be, so that no upload waits.
inline std::string h2_greeting(std::string_view more_settings = {}) {
  constexpr uint32_t kLargest = (1U << 31) - 1;
  std::string settings = h2_number(4, 2) + h2_number(kLargest, 4);
  settings += more_settings;
  constexpr uint8_t kWindowUpdate = 8;
  return h2_frame(Frame::settings, 0, 0, settings) + h2_frame(Frame::settings, kAck, 0, {}) +
         h2_frame(static_cast<Frame>(kWindowUpdate), 0, 0, h2_number(kLargest - 65535, 4));
}

// What a client wrote.
class H2Reader {
 public:
  explicit H2Reader(std::string_view bytes) {
    nghttp2_hd_inflate_new(&inflater_);
    bytes.remove_prefix(std::min<size_t>(bytes.size(), 24));  // the preface
    while (bytes.size() >= 9) {
      const size_t size = number(bytes, 3);
      take(static_cast<Frame>(bytes[3]), static_cast<uint8_t>(bytes[4]),
           static_cast<int32_t>(number(bytes.substr(5), 4)), bytes.substr(9, size),
           bytes.size() >= 9 + size);
      bytes.remove_prefix(std::min(bytes.size(), 9 + size));
    }
  }

  H2Reader(const H2Reader&) = delete;
  H2Reader& operator=(const H2Reader&) = delete;

  ~H2Reader() { nghttp2_hd_inflate_del(inflater_); }

  std::map<int32_t, Message> requests;  // by stream
  std::map<int32_t, uint32_t> resets;   // their codes
  std::vector<uint32_t> goaways;        // codes
  size_t pings = 0;                     // no answers

 private:
  static size_t number(std::string_view bytes, size_t size) {
    size_t value = 0;
    for (const char c : bytes.substr(0, size)) {
      value = value << 8 | static_cast<uint8_t>(c);
    }
    return value;
  }

  void take(Frame type, uint8_t flags, int32_t id, std::string_view payload, bool whole) {
    if (type == Frame::headers && whole) {
      take_headers(requests[id], payload);
    } else if (type == Frame::data) {
      requests[id].body += payload;
    } else if (type == Frame::rst_stream && whole) {
      resets[id] = static_cast<uint32_t>(number(payload, 4));
      return;
    } else if (type == Frame::goaway && whole) {
      goaways.push_back(static_cast<uint32_t>(number(payload.substr(4), 4)));
      return;
    } else if (type == Frame::ping && flags != kAck) {
      ++pings;
    }
    const bool of_message = type == Frame::headers || type == Frame::data;
    if (of_message && whole && (flags & kEndStream) != 0) {
      requests[id].whole = true;
    }
  }

  void take_headers(Message& message, std::string_view block) {
    std::string lines;
    std::string method;
    std::string path;
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const ssize_t used =
          nghttp2_hd_inflate_hd2(inflater_, &field, &flags,
                                 reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      ASSERT_GE(used, 0);
      block.remove_prefix(static_cast<size_t>(used));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<char*>(field.value), field.valuelen);
        method = name == ":method" ? value : method;
        path = name == ":path" ? value : path;
        lines += name.starts_with(':') ? "" : name + ": " + value + "\r\n";
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
        nghttp2_hd_inflate_end_headers(inflater_);
        break;
      }
    }
    if (message.start.empty()) {
      message.start = method + " " + path;
      message.fields = lines;
    } else {
      message.trailers = lines;
    }
  }

  nghttp2_hd_inflater* inflater_ = nullptr;
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
    return h2_frame(Frame::headers, over_ ? kEndHeaders | kEndStream : kEndHeaders, id_, block);
  }

  std::string body(std::string_view bytes, End end) override {
    if (over_ || (bytes.empty() && end == End::no)) {
      return {};
    }
    over_ = end == End::yes;
    return h2_data(id_, bytes, end);
  }

  std::string trailers(std::string_view line) override {
    return h2_frame(Frame::headers, kEndHeaders | kEndStream, id_,
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
    id_ = static_cast<int32_t>(nghttp2_session_get_next_stream_id(session_->framing()));
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
  int32_t id_ = 0;
  bool over_ = false;  // the backend's message
};

}  // namespace pingap::session::contract
