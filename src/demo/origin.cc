#include "demo/origin.h"

#include "demo/reply.h"
#include "net/transport.h"

namespace pingap::demo {
namespace {

session::ServerSettings settings() {
  using std::chrono::hours;
  using std::chrono::seconds;
  session::ServerSettings settings;
  settings.header_timeout = seconds(10);
  settings.keepalive_timeout = seconds(75);
  settings.body_timeout = seconds(60);
  settings.write_timeout = seconds(60);
  settings.tunnel_timeout = hours(1);
  return settings;
}

}  // namespace

Origin::Origin(net::EventLoop& loop, net::Fd socket, std::string name)
    : loop_(loop),
      listener_(loop, std::move(socket), *this),
      name_(std::move(name)),
      settings_(settings()) {
}

void Origin::abort() noexcept {
  while (session::ServerSession* session = sessions_.front()) {
    session->abort();
  }
}

const ChunkRef& Origin::filler() noexcept {
  if (!filler_) {
    constexpr std::string_view kPattern = "0123456789abcdef";
    filler_ = make_chunk();
    for (size_t i = 0; i < filler_.capacity(); ++i) {
      filler_.data()[i] = kPattern[i % kPattern.size()];
    }
  }
  return filler_;
}

void Origin::on_accept(net::Fd connection, const net::Address& peer) noexcept {
  auto transport = std::make_unique<net::SocketTransport>(std::move(connection));
  auto session = std::make_unique<session::H1ServerSession>(loop_, std::move(transport),
                                                            session::Peer(peer), settings_, *this);
  if (session->start()) {
    sessions_.push_back(*session.release());  // it owns itself until it is closed
  }
}

http::RequestSink& Origin::on_new_stream(http::ServerStream& stream,
                                         session::ServerSession& /*session*/) noexcept {
  return *std::make_unique<Reply>(*this, stream).release();  // retires itself
}

void Origin::on_session_closed(session::ServerSession& /*session*/) noexcept {
}

}  // namespace pingap::demo
