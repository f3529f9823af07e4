#include "proxy/grpc_web.h"

#include <algorithm>

#include "http/grpc.h"

namespace pingap::proxy {
namespace {

using http::Framing;
using http::GrpcForm;
using http::HeaderId;

// Room below this is not worth another piece.
constexpr size_t kLeastRoom = 64;

GrpcForm form_of(const http::RequestHead& request, HeaderId field) noexcept {
  return http::read_grpc_type(request.headers.get(field)).form;
}

// The client says by Accept what it wants; without a word about it, it wants what it sends.
bool wants_text(const http::RequestHead& request) noexcept {
  const GrpcForm accepted = form_of(request, HeaderId::accept);
  const bool said = accepted == GrpcForm::web || accepted == GrpcForm::web_text;
  return (said ? accepted : form_of(request, HeaderId::content_type)) == GrpcForm::web_text;
}

}  // namespace

// ---- lengths and memory ----

size_t LengthRatio::take(size_t made) noexcept {
  if (made >= made_) {
    const size_t surplus = made - made_;
    made_ = 0;
    return std::exchange(came_, 0) + surplus;
  }
  const size_t came = came_ * made / made_;  // both are bounded by windows
  came_ -= came;
  made_ -= made;
  return came;
}

std::span<char> PieceRoom::get() noexcept {
  if (chunk_ && chunk_.unique()) {
    used_ = 0;
  }
  if (!chunk_ || chunk_.capacity() - used_ < kLeastRoom) {
    chunk_ = ChunkRef(make_chunk());
    used_ = 0;
  }
  return {chunk_.data() + used_, chunk_.capacity() - used_};
}

void PieceRoom::commit(size_t bytes, ByteQueue& out) noexcept {
  out.push(chunk_, used_, used_ + bytes);
  used_ += bytes;
}

// ---- the request ----

bool GrpcWeb::asked_by(const http::RequestHead& request) noexcept {
  const GrpcForm form = form_of(request, HeaderId::content_type);
  return request.method == http::Method::post &&
         (form == GrpcForm::web || form == GrpcForm::web_text);
}

GrpcWeb::GrpcWeb(http::ServerStream& client, const http::RequestHead& request,
                 Arena& arena) noexcept
    : client_(client),
      arena_(arena),
      request_text_(form_of(request, HeaderId::content_type) == GrpcForm::web_text),
      response_text_(wants_text(request)) {
}

void GrpcWeb::ask(http::RequestHead& request) noexcept {
  const http::GrpcType type = http::read_grpc_type(request.headers.get(HeaderId::content_type));
  request.headers.set(HeaderId::content_type, arena_.concat("application/grpc", type.rest));
  // Messages are compressed by gRPC itself; a coding around all of it would hide where they end.
  request.headers.remove(HeaderId::accept_encoding);
  if (request_text_ && request.framing == Framing::length) {
    request.framing = Framing::chunked;
  }
}

Result<> GrpcWeb::read(ByteQueue& data, End end) noexcept {
  if (!request_text_) {
    return {};
  }
  const Error bad{ErrorCode::bad_grpc_web, Side::downstream, Retry::never, 0, nullptr};
  const size_t came = data.size();
  ByteQueue out;
  while (!data.empty()) {
    const std::span<char> room = decoded_.get();
    const std::string_view part = data.front().substr(0, room.size() / 3 * 4 - 3);
    const auto made = decoder_.decode(part, room.data());
    if (!made) {
      return tl::unexpected(bad);
    }
    decoded_.commit(*made, out);
    data.consume(part.size());
  }
  if (end == End::yes && !decoder_.whole()) {
    return tl::unexpected(bad);
  }
  request_.add(came, out.size());
  data = std::move(out);
  if (request_.idle()) {
    client_.release_window(request_.take(0));  // nothing of it is on its way
  }
  return {};
}

void GrpcWeb::release_window(size_t bytes) noexcept {
  client_.release_window(request_text_ ? request_.take(bytes) : bytes);
  if (request_.idle()) {
    decoded_.free();
  }
}

// ---- the answer ----

void GrpcWeb::send_head(http::ResponseHead& head, End end) noexcept {
  const http::GrpcType type = http::read_grpc_type(head.headers.get(HeaderId::content_type));
  bridging_ = type.form == GrpcForm::native;
  if (bridging_) {
    head.headers.set(
        HeaderId::content_type,
        arena_.concat("application/grpc-web", response_text_ ? "-text" : "", type.rest));
    has_status_ = head.headers.find("grpc-status") != nullptr;
    head.framing = end == End::yes ? Framing::length : Framing::chunked;
    head.has_content_length = end == End::yes;
    head.content_length = 0;
  }
  client_.send_head(head, end);
}

void GrpcWeb::send_interim(const http::ResponseHead& head) noexcept {
  client_.send_interim(head);
}

bool GrpcWeb::unsend() noexcept {
  if (!client_.unsend()) {
    return false;
  }
  bridging_ = false;
  has_status_ = false;
  messages_ = {};
  response_ = {};
  sent_bytes_ = 0;
  return true;
}

// Each piece ends with its padding, as the protocol allows: nothing waits for what comes next.
void GrpcWeb::encode(ByteQueue& data, ByteQueue& out) noexcept {
  http::Base64Encoder encoder;
  while (!data.empty()) {
    const std::span<char> room = encoded_.get();
    const std::string_view part = data.front().substr(0, (room.size() / 4 - 1) * 3);
    encoded_.commit(encoder.encode(part, room.data()), out);
    data.consume(part.size());
  }
  encoded_.commit(encoder.finish(encoded_.get().data()), out);
}

void GrpcWeb::send(ByteQueue& data, size_t came, End end) noexcept {
  if (response_text_ && bridging_) {
    ByteQueue out;
    encode(data, out);
    data = std::move(out);
  }
  response_.add(came, data.size());
  sent_bytes_ += data.size();
  client_.send_body(data, end);
}

void GrpcWeb::send_body(ByteQueue& data, End end) noexcept {
  const size_t came = data.size();
  if (!bridging_) {
    send(data, came, end);
    return;
  }
  ByteQueue seen;
  while (!data.empty()) {
    const std::string_view part = data.front();
    messages_.skip(part);
    seen.move_from(data, part.size());
  }
  send(seen, came, end);
}

void GrpcWeb::send_trailers(const http::HeaderMap& trailers) noexcept {
  if (!bridging_) {
    client_.send_trailers(trailers);
    return;
  }
  http::HeaderMap all = http::HeaderMap::copy(trailers, arena_, 1);
  if (!has_status_ && all.find("grpc-status") == nullptr) {
    all.add("grpc-status", "2");  // unknown: a client could take silence for success
  }
  ByteQueue frame;
  if (all.size() > 0) {
    http::append_grpc_web_trailers(all, frame);
  }
  send(frame, 0, End::yes);
}

size_t GrpcWeb::on_sent(size_t bytes) noexcept {
  const size_t came = response_.take(bytes);
  if (response_.idle()) {
    encoded_.free();
  }
  return came;
}

void GrpcWeb::reset(ErrorCode why) noexcept {
  client_.reset(why);
}

}  // namespace pingap::proxy
