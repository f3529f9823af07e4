#include "session/h2_server_session.h"

#include <algorithm>
#include <cstring>

#include "http/limits.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

using http::h2::Code;
using http::h2::Framer;

// How long streams that were opened before our GOAWAY may take to arrive.
constexpr Duration kDrainTime = std::chrono::seconds(1);
// A client that takes less of our output within write_timeout is stalled.
constexpr uint64_t kWriteProgress = 1024;
// A closing connection waits this long for its last bytes to be taken.
constexpr Duration kLinger = std::chrono::seconds(2);

}  // namespace

H2ServerSession::H2ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const Peer& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : H2Connection(loop, std::move(transport), http::h2::Role::server, limits::kH2Streams),
      ServerSession(peer, settings),
      acceptor_(acceptor) {
}

H2ServerSession::~H2ServerSession() = default;

bool H2ServerSession::start() noexcept {
  if (!loop_.take_over(transport_->fd(), *this)) {
    return false;
  }
  framer_.start(settings().websocket ? Framer::Connect::extended : Framer::Connect::plain);
  writable_ = true;
  if (transport_->has_input()) {
    readable_ = true;
    loop_.resume_later(*this);
  }
  loop_.arm(read_timer_, settings().header_timeout);
  loop_.arm(settings_timer_, limits::kH2SettingsAck);
  flush_later();
  return true;
}

bool H2ServerSession::waiting() const noexcept {
  return streams_.empty() && sent_streams_.empty() && !framer_.awaits_head() && !closed_;
}

// ---- reading ----

void H2ServerSession::take_input(std::string_view bytes) noexcept {
  readable_ = true;
  in_chunk_ = make_chunk(std::max(bytes.size(), kChunkSize));
  std::memcpy(in_chunk_.data(), bytes.data(), bytes.size());
  if (feed({in_chunk_.data(), bytes.size()})) {
    loop_.resume_later(*this);
  }
}

void H2ServerSession::on_input_end(int error) noexcept {
  input_ended_ = true;
  close({error == 0 ? ErrorCode::client_closed : ErrorCode::client_reset, Side::downstream,
         Retry::never, error, nullptr});
}

// ---- writing ----

void H2ServerSession::on_written(size_t /*bytes*/) noexcept {
  end_sent_streams();
}

void H2ServerSession::on_write_failed(int error) noexcept {
  close({ErrorCode::client_reset, Side::downstream, Retry::never, error, "write"});
}

// Those whose last byte has left.
void H2ServerSession::end_sent_streams() noexcept {
  for (H2ServerStream* stream = sent_streams_.front();
       stream != nullptr && stream->last_byte() <= taken_; stream = sent_streams_.front()) {
    sent_streams_.pop_front();
    stream->on_closed({});
    delete stream;
  }
  watch_reading();
}

void H2ServerSession::after_flush() noexcept {
  if (has_output()) {
    return;
  }
  if (!framer_.is_over() && !ending_) {
    return;
  }
  end_streams({ErrorCode::client_reset, Side::downstream, Retry::never, 0, nullptr});
  if (input_ended_) {
    close({});
    return;
  }
  if (!lingering_) {
    // GOAWAY is to be read before a reset can overtake it (as RFC 9112 9.6 has it for HTTP/1).
    lingering_ = true;
    ending_ = true;
    transport_->shutdown_write();
    loop_.arm(read_timer_, kLinger);
    readable_ = true;
    loop_.resume_later(*this);
  }
}

// ---- ends and deadlines ----

void H2ServerSession::watch_reading() noexcept {
  if (closed_ || lingering_) {
    return;
  }
  const bool busy = !streams_.empty() || !sent_streams_.empty();
  const Watch wanted = framer_.awaits_head() ? Watch::head : busy ? Watch::nothing : Watch::idle;
  if (wanted == watch_ || (watch_ == Watch::first && wanted != Watch::nothing)) {
    return;
  }
  watch_ = wanted;
  if (wanted == Watch::nothing) {
    read_timer_.cancel();
  } else {
    loop_.arm(read_timer_,
              wanted == Watch::head ? settings().header_timeout : settings().keepalive_timeout);
  }
}

void H2ServerSession::on_read_timer() noexcept {
  if (lingering_) {
    close({});
    return;
  }
  if (framer_.awaits_head()) {
    fail(ErrorCode::header_timeout, Code::no_error);
  } else {
    framer_.terminate(Code::no_error);
    ending_ = true;
  }
  flush();
}

void H2ServerSession::on_write_timer() noexcept {
  if (taken_ - taken_mark_ >= kWriteProgress) {
    taken_mark_ = taken_;
    loop_.arm(write_timer_, settings().write_timeout);
    return;
  }
  transport_->abort_on_close();
  close({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
}

void H2ServerSession::on_settings_timer() noexcept {
  fail(ErrorCode::h2_settings_timeout, Code::settings_timeout);
}

void H2ServerSession::drain() noexcept {
  draining_ = true;
  readable_ = true;
  receive();  // what has arrived is served
  if (closed_) {
    return;
  }
  wind_down();
  if (waiting()) {
    on_drain_timer();
    return;
  }
  flush();
}

// Streams that are on their way are served: the last one is named a little later (RFC 9113 6.8).
void H2ServerSession::wind_down() noexcept {
  if (!std::exchange(winding_down_, true)) {
    framer_.announce_shutdown();
    loop_.arm(drain_timer_, kDrainTime);
    flush_later();
  }
}

void H2ServerSession::on_drain_timer() noexcept {
  drain_timer_.cancel();
  framer_.shut_down();
  flush();
}

void H2ServerSession::serve_one() noexcept {
  draining_ = true;
  one_more_ = true;
  loop_.arm(read_timer_, std::min(kLinger, settings().header_timeout));
}

void H2ServerSession::abort() noexcept {
  close({ErrorCode::shutting_down, Side::local, Retry::never, 0, nullptr});
}

void H2ServerSession::end_streams(const Error& why) noexcept {
  framer_.stop();
  for (auto* streams : {&streams_, &sent_streams_}) {
    while (H2ServerStream* stream = streams->pop_front()) {
      stream->on_closed(why);
      delete stream;
    }
  }
}

void H2ServerSession::close(const Error& why) noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  read_timer_.cancel();
  drain_timer_.cancel();
  settings_timer_.cancel();
  fields_.reset();
  end_streams(why ? why
                  : Error{ErrorCode::client_closed, Side::downstream, Retry::never, 0, nullptr});
  close_connection();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session
