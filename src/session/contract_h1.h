// HTTP/1 for the session contract: the peers of its two sessions, and how they read what those
// wrote. Written from RFC 9112 apart from the product's codec. Tests only.
#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "session/contract_bench.h"
#include "session/h1_client_session.h"
#include "session/h1_server_session.h"

namespace pingap::session::contract {

// Cuts what was written into messages.
class H1Reader {
 public:
  // `ended` says that the connection came to a clean end behind `bytes`.
  H1Reader(std::string_view bytes, bool ended) : rest_(bytes), ended_(ended) {}

  bool done() const { return rest_.empty(); }

  // What is there of the next message. `method`: of the request that it answers, empty for one.
  Message next(std::string_view method) {
    Message message;
    const size_t end = rest_.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      message.start = take(rest_.size());
      return message;
    }
    const std::string head(take(end + 4));
    const size_t line = head.find("\r\n");
    message.fields = head.substr(line + 2);
    message.start = method.empty() ? head.substr(0, head.rfind(' ', line)) : head.substr(9, 3);
    read_body(message, method);
    return message;
  }

 private:
  std::string_view take(size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  void read_body(Message& message, std::string_view method) {
    const bool response = !method.empty();
    const bool interim = response && message.start[0] == '1';
    const size_t length = message.fields.find("Content-Length: ");
    if (message.start == "101") {
      message.body = take(rest_.size());
      message.whole = ended_;
    } else if (interim || method == "HEAD" || message.start == "204" || message.start == "304") {
      message.whole = true;
    } else if (message.says("Transfer-Encoding: chunked\r\n")) {
      read_chunks(message);
    } else if (length != std::string::npos) {
      const size_t size = std::stoul(message.fields.substr(length + 16));
      message.body = take(size);
      message.whole = message.body.size() == size;
    } else if (response) {
      message.body = take(rest_.size());
      message.whole = ended_;
    } else {
      message.whole = true;
    }
  }

  void read_chunks(Message& message) {
    for (;;) {
      size_t size = 0;
      const char* end = rest_.data() + rest_.size();
      const auto [stop, error] = std::from_chars(rest_.data(), end, size, 16);
      if (error != std::errc{} || end - stop < 2) {
        take(rest_.size());
        return;
      }
      take(static_cast<size_t>(stop - rest_.data()) + 2);
      if (size == 0) {
        break;
      }
      message.body += take(size);
      if (take(2) != "\r\n") {
        return;
      }
    }
    const size_t empty_line = ("\r\n" + std::string(rest_)).find("\r\n\r\n");
    message.trailers = take(empty_line);
    message.whole = take(2) == "\r\n";
  }

  std::string_view rest_;
  bool ended_;
};

inline std::string h1_framing(Body body, size_t length) {
  switch (body) {
    case Body::length:
      return "Content-Length: " + std::to_string(length) + "\r\n";
    case Body::chunked:
      return "Transfer-Encoding: chunked\r\n";
    case Body::none:
    case Body::until_close:
      break;
  }
  return {};
}

inline std::string h1_body(Body body, std::string_view bytes, End end) {
  std::string out(bytes);
  if (body == Body::chunked) {
    char size[20];
    const auto [stop, error] = std::to_chars(size, size + sizeof(size), bytes.size(), 16);
    out = bytes.empty() ? "" : std::string(size, stop) + "\r\n" + out + "\r\n";
    out += end == End::yes ? "0\r\n\r\n" : "";
  }
  return out;
}

inline std::string h1_trailers(std::string_view line) {
  return "0\r\n" + std::string(line) + "\r\n\r\n";
}

class H1Server final : public ServerProtocol {
 public:
  net::IoHandler& start(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                        const ServerSettings& settings, RequestAcceptor& acceptor) override {
    const Peer peer(*net::Address::parse("192.0.2.1:1234"));
    session_ = new H1ServerSession(loop, std::move(transport), peer, settings, acceptor);
    EXPECT_TRUE(session_->start());
    return *session_;
  }

  void drain() override { session_->drain(); }

  void drain_gently() override { session_->drain_gently(); }

  void serve_one() override { session_->serve_one(); }

  void abort() override { session_->abort(); }

  std::string head(const Ask& ask) override {
    methods_.emplace_back(ask.method);
    body_ = ask.body;
    std::string out =
        std::string(ask.method) + (ask.http10 ? " / HTTP/1.0\r\n" : " / HTTP/1.1\r\n");
    out += "Host: a.test\r\n" + h1_framing(ask.body, ask.length);
    out += ask.close ? "Connection: close\r\n" : "";
    out += ask.expect ? "Expect: 100-continue\r\n" : "";
    if (ask.websocket) {
      out +=
          "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    }
    return out + "\r\n";
  }

  std::string body(std::string_view bytes, End end) override { return h1_body(body_, bytes, end); }

  std::string trailers(std::string_view line) override { return h1_trailers(line); }

  std::vector<Message> answers(const net::MemoryWire& wire) override {
    std::vector<Message> all;
    size_t asked = 0;
    H1Reader reader(wire.written(), (wire.closed() || wire.shut()) && !wire.aborted());
    while (!reader.done()) {
      const bool known = asked < methods_.size();
      all.push_back(reader.next(known ? methods_[asked] : "GET"));
      all.back().request = asked;
      if (all.back().start[0] != '1') {
        ++asked;
      }
    }
    return all;
  }

 private:
  H1ServerSession* session_ = nullptr;
  std::vector<std::string> methods_;
  Body body_ = Body::none;
};

class H1Client final : public ClientProtocol {
 public:
  net::IoHandler& start(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                        const ClientSettings& settings, ClientSessionOwner& owner,
                        bool connecting) override {
    session_ = new H1ClientSession(loop, std::move(transport), settings, owner);
    EXPECT_TRUE(session_->start(connecting));
    return *session_;
  }

  http::ClientStream& open(http::ResponseSink& sink, const ClientSettings& settings) override {
    return session_->open(sink, settings);
  }

  void close() override { session_->close(); }

  std::string head(const Reply& reply) override {
    body_ = reply.body;
    std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " Some\r\n";
    out += h1_framing(reply.body, reply.length);
    if (reply.status == 101) {
      out += "Connection: upgrade\r\nUpgrade: websocket\r\n";
    }
    return out.append(reply.fields) + "\r\n";
  }

  std::string body(std::string_view bytes, End end) override { return h1_body(body_, bytes, end); }

  std::string trailers(std::string_view line) override { return h1_trailers(line); }

  std::vector<Message> requests(const net::MemoryWire& wire) override {
    std::vector<Message> all;
    H1Reader reader(wire.written(), wire.closed() || wire.shut());
    while (!reader.done()) {
      all.push_back(reader.next({}));
      if (all.back().says("Upgrade: websocket\r\n")) {
        break;  // what follows is not HTTP
      }
    }
    return all;
  }

 private:
  H1ClientSession* session_ = nullptr;
  Body body_ = Body::none;
};

}  // namespace pingap::session::contract
