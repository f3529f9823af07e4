#include "demo/reply.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "demo/describe.h"
#include "demo/origin.h"
#include "http/limits.h"
#include "http/status.h"
#include "http/websocket.h"

namespace pingap::demo {
namespace {

using http::Framing;
using http::HeaderId;

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

constexpr uint64_t kMaxBytes = uint64_t{1} << 40;
constexpr uint64_t kMaxDelay = 600'000;  // ms
constexpr int kStreamLines = 5;
constexpr Duration kStreamStep = std::chrono::milliseconds(200);

http::ResponseHead response(uint16_t status, std::span<http::Field> fields) noexcept {
  http::ResponseHead head;
  head.status = status;
  head.headers = http::HeaderMap(fields);
  return head;
}

void set_length(http::ResponseHead& head, uint64_t length) noexcept {
  head.framing = Framing::length;
  head.content_length = length;
  head.has_content_length = true;
}

}  // namespace

// ---- the request ----

void Reply::on_head(http::RequestHead& head, End end) noexcept {
  head_request_ = head.method == http::Method::head;
  json_ = head.headers.get(HeaderId::accept).find(kJson) != std::string_view::npos;
  if (head.expect_continue && end == End::no) {
    http::ResponseHead go_on;
    go_on.status = 100;
    stream_.send_interim(go_on);
  }
  if (!choose(head.target.substr(0, head.target.find('?')))) {
    plan_ = Plan::status;
    number_ = 400;
  }
  if (plan_ == Plan::websocket && head.websocket) {
    start_websocket(head);
    return;
  }
  if (plan_ == Plan::echo) {
    start_echo(head, end);
    return;
  }
  text_ = describe(head, origin_.name(), json_);
  if (end == End::yes) {
    answer();
  }
}

bool Reply::choose(std::string_view path) noexcept {
  struct Numbered {
    std::string_view prefix;
    Plan plan;
    uint64_t least;
    uint64_t most;
  };

  static constexpr std::array<Numbered, 3> kNumbered = {{
      {"/status/", Plan::status, 200, 599},
      {"/bytes/", Plan::bytes, 0, kMaxBytes},
      {"/delay/", Plan::delay, 0, kMaxDelay},
  }};
  for (const Numbered& known : kNumbered) {
    if (path.starts_with(known.prefix)) {
      const auto number = parse_decimal(path.substr(known.prefix.size()));
      plan_ = known.plan;
      number_ = number.value_or(0);
      return number && *number >= known.least && *number <= known.most;
    }
  }
  if (path == "/stream") {
    plan_ = Plan::stream;
  } else if (path == "/echo") {
    plan_ = Plan::echo;
  } else if (path == "/ws") {
    plan_ = Plan::websocket;
  }
  return true;
}

void Reply::on_refused(ErrorCode why, std::string_view /*head*/) noexcept {
  timer_.cancel();
  if (head_sent_) {
    stream_.reset(why);
    origin_.loop().retire(this);
    return;
  }
  answer_text(http::status_for(why), kText, std::string(to_string(why)) + "\n");
}

void Reply::on_body(ByteQueue& data, End end) noexcept {
  if (tunnel_) {
    echo_messages(data, end);
    return;
  }
  if (plan_ == Plan::echo) {
    echo(data, end);
    return;
  }
  received_ += data.size();
  stream_.release_window(data.size());
  data.clear();
  if (end == End::yes && !head_sent_) {
    answer();
  }
}

void Reply::on_trailers(http::HeaderMap& /*trailers*/) noexcept {
  ByteQueue none;
  on_body(none, End::yes);
}

void Reply::on_closed(const Error& /*why*/) noexcept {
  timer_.cancel();
  origin_.loop().retire(this);
}

// ---- answers ----

void Reply::answer() noexcept {
  switch (plan_) {
    case Plan::bytes:
      start_bytes();
      return;
    case Plan::stream:
      start_stream();
      return;
    case Plan::delay:
      origin_.loop().arm(timer_, std::chrono::milliseconds(number_));
      return;
    case Plan::websocket:
      answer_text(426, kText, "this is a WebSocket\n");
      return;
    case Plan::describe:
    case Plan::status:
    case Plan::echo:
      break;
  }
  finish_description(text_, received_, json_);
  const uint64_t status = plan_ == Plan::status ? number_ : 200;
  answer_text(static_cast<uint16_t>(status), json_ ? kJson : kText, text_);
}

void Reply::answer_text(uint16_t status, std::string_view type, std::string_view text) noexcept {
  std::array<http::Field, 8> fields;
  http::ResponseHead head = response(status, fields);
  if (status == 204 || status == 304) {
    send_head(head, type, End::yes);
    return;
  }
  if (status == 426) {
    head.headers.add(HeaderId::upgrade, "websocket");  // RFC 9110 15.5.22
  }
  set_length(head, text.size());
  send_head(head, type, head_request_ ? End::yes : End::no);
  if (!head_request_) {
    ByteQueue body;
    body.append(text);
    ended_ = true;
    stream_.send_body(body, End::yes);
  }
}

void Reply::send_head(http::ResponseHead& head, std::string_view type, End end) noexcept {
  head.headers.add("X-Backend", origin_.name());
  head.headers.add("X-Powered-By", "pingap demo");
  if (!type.empty()) {
    head.headers.add(HeaderId::content_type, type);
  }
  head_sent_ = true;
  ended_ = end == End::yes;
  stream_.send_head(head, end);
}

void Reply::start_bytes() noexcept {
  std::array<http::Field, 8> fields;
  http::ResponseHead head = response(200, fields);
  set_length(head, number_);
  const bool empty = head_request_ || number_ == 0;
  send_head(head, kText, empty ? End::yes : End::no);
  if (!empty) {
    pump_bytes();
  }
}

// As much as a window at a time, all from the same chunk.
void Reply::pump_bytes() noexcept {
  while (!ended_ && in_flight_ < http::limits::kWindow) {
    const ChunkRef& filler = origin_.filler();
    const auto size = static_cast<size_t>(std::min<uint64_t>(filler.capacity(), number_));
    ByteQueue piece;
    piece.push(filler, 0, size);
    number_ -= size;
    in_flight_ += size;
    ended_ = number_ == 0;
    stream_.send_body(piece, ended_ ? End::yes : End::no);
  }
}

void Reply::start_stream() noexcept {
  std::array<http::Field, 8> fields;
  http::ResponseHead head = response(200, fields);
  head.framing = Framing::chunked;
  send_head(head, kText, head_request_ ? End::yes : End::no);
  if (!head_request_) {
    on_timer();  // the first line at once
  }
}

void Reply::on_timer() noexcept {
  if (plan_ == Plan::delay) {
    plan_ = Plan::describe;
    answer();
    return;
  }
  ++lines_;
  ByteQueue line;
  line.append("line " + std::to_string(lines_) + " of " + std::to_string(kStreamLines) + " from " +
              origin_.name() + "\n");
  ended_ = lines_ == kStreamLines;
  if (!ended_) {
    origin_.loop().arm(timer_, kStreamStep);
  }
  stream_.send_body(line, ended_ ? End::yes : End::no);
}

// ---- echoes ----

void Reply::start_echo(const http::RequestHead& head, End end) noexcept {
  std::array<http::Field, 8> fields;
  http::ResponseHead out = response(200, fields);
  if (end == End::yes) {
    set_length(out, 0);
  } else if (head.framing == Framing::length) {
    set_length(out, head.content_length);
  } else {
    out.framing = Framing::chunked;
  }
  const std::string_view type = head.headers.get(HeaderId::content_type);
  send_head(out, type.empty() ? "application/octet-stream" : type, end);
}

// What was sent on frees the window of what is still to come.
void Reply::echo(ByteQueue& data, End end) noexcept {
  if (ended_) {
    return;
  }
  unreleased_ += data.size();
  in_flight_ += data.size();
  ended_ = end == End::yes;
  stream_.send_body(data, end);
}

void Reply::start_websocket(const http::RequestHead& head) noexcept {
  const auto accept = http::websocket_accept_for(head.headers.get(HeaderId::sec_websocket_key));
  if (!accept) {
    answer_text(400, kText, "bad Sec-WebSocket-Key\n");
    return;
  }
  tunnel_ = true;
  std::array<http::Field, 8> fields;
  http::ResponseHead out = response(101, fields);
  out.framing = Framing::tunnel;
  out.websocket = true;
  out.headers.add(HeaderId::sec_websocket_accept, {accept->data(), accept->size()});
  send_head(out, {}, End::no);
}

void Reply::echo_messages(ByteQueue& data, End end) noexcept {
  ByteQueue out;
  bool open = !ended_;
  unreleased_ += data.size();
  while (open && !data.empty()) {
    const std::string_view bytes = data.front();
    open = websocket_.take(bytes, out);
    data.consume(bytes.size());
  }
  data.clear();
  if (!ended_ && (!open || end == End::yes || !out.empty())) {
    in_flight_ += out.size();
    ended_ = !open || end == End::yes;
    stream_.send_body(out, ended_ ? End::yes : End::no);
  }
  on_sent(0);
}

void Reply::on_sent(size_t bytes) noexcept {
  in_flight_ -= std::min<uint64_t>(bytes, in_flight_);
  if (plan_ == Plan::bytes) {
    pump_bytes();
  }
  if (in_flight_ == 0 && unreleased_ > 0) {
    const size_t release = unreleased_;
    unreleased_ = 0;
    stream_.release_window(release);
  }
}

}  // namespace pingap::demo
