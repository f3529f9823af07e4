// HTTP/2 for the session contract: the client of its server session. Frames are made and read here,
// apart from the product; HPACK of the answers is read by nghttp2, which writes it. Tests only.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "session/contract_bench.h"
#include "session/h2_server_session.h"

namespace pingap::session::contract {

inline std::string h2_number(uint64_t value, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = bytes; i > 0; value >>= 8) {
    out[--i] = static_cast<char>(value & 0xff);
  }
  return out;
}

inline std::string h2_frame(uint8_t type, uint8_t flags, uint32_t stream,
                            std::string_view payload) {
  return join({h2_number(payload.size(), 3), h2_number(type, 1), h2_number(flags, 1),
               h2_number(stream, 4), std::string(payload)});
}

// A literal without indexing, name and value shorter than 127 bytes (RFC 7541 6.2.2).
inline std::string h2_field(std::string_view name, std::string_view value) {
  return join({std::string(1, '\0'), h2_number(name.size(), 1), std::string(name),
               h2_number(value.size(), 1), std::string(value)});
}

struct H2Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string_view payload;

  bool end() const { return (flags & NGHTTP2_FLAG_END_STREAM) != 0; }
};

// Cuts what was written into frames; the last may be missing its end.
inline std::vector<H2Frame> h2_frames(std::string_view bytes) {
  std::vector<H2Frame> frames;
  const auto number = [&](size_t from, size_t size) {
    uint32_t value = 0;
    for (const char byte : bytes.substr(from, size)) {
      value = value << 8 | static_cast<uint8_t>(byte);
    }
    return value;
  };
  while (bytes.size() >= 9 && bytes.size() >= 9 + number(0, 3)) {
    const size_t size = number(0, 3);
    frames.push_back({static_cast<uint8_t>(number(3, 1)), static_cast<uint8_t>(number(4, 1)),
                      number(5, 4), bytes.substr(9, size)});
    bytes.remove_prefix(9 + size);
  }
  return frames;
}

inline uint32_t h2_read(std::string_view payload) {
  uint32_t value = 0;
  for (const char byte : payload.substr(0, 4)) {
    value = value << 8 | static_cast<uint8_t>(byte);
  }
  return value;
}

// Header blocks of one connection.
class H2Inflater {
 public:
  H2Inflater() { nghttp2_hd_inflate_new(&inflater_); }

  H2Inflater(const H2Inflater&) = delete;
  H2Inflater& operator=(const H2Inflater&) = delete;

  ~H2Inflater() { nghttp2_hd_inflate_del(inflater_); }

  // Lines, with `:status` taken out; names begin with capitals as they do in HTTP/1.
  std::string read(std::string_view block, std::string& status) {
    std::string lines;
    for (;;) {
      nghttp2_nv nv;
      int flags = 0;
      const ssize_t taken = nghttp2_hd_inflate_hd2(
          inflater_, &nv, &flags, reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      EXPECT_GE(taken, 0);
      if (taken < 0) {
        return lines;
      }
      block.remove_prefix(static_cast<size_t>(taken));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        add(lines, status, std::string(reinterpret_cast<const char*>(nv.name), nv.namelen),
            std::string(reinterpret_cast<const char*>(nv.value), nv.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
        nghttp2_hd_inflate_end_headers(inflater_);
        return lines;
      }
    }
  }

 private:
  static void add(std::string& lines, std::string& status, std::string name,
                  const std::string& value) {
    if (name == ":status") {
      status = value;
      return;
    }
    bool start = true;
    for (char& letter : name) {
      letter = start && letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
      start = letter == '-';
    }
    lines.append(name).append(": ").append(value).append("\r\n");
  }

  nghttp2_hd_inflater* inflater_ = nullptr;
};

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
    for (; heard_ < frames.size(); ++heard_) {
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
      const auto found = current.find(frame.stream);
      if (frame.type == NGHTTP2_HEADERS) {
        Message message;
        message.fields = inflater.read(frame.payload, message.start);
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
