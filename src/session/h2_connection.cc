#include "session/h2_connection.h"

#include <algorithm>
#include <utility>

namespace pingap::session {
namespace {

using http::h2::Code;

// Bytes read per connection and turn.
constexpr size_t kReadsPerTurn = 64 * 1024;

}  // namespace

H2Connection::H2Connection(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                           http::h2::Role role, uint32_t streams) noexcept
    : loop_(loop), transport_(std::move(transport)), framer_(role, *this, out_, streams) {
}

// ---- reading ----

void H2Connection::on_io(net::IoEvents ready) noexcept {
  if (closed_) {
    return;
  }
  readable_ = readable_ || ready.readable;
  writable_ = writable_ || ready.writable;
  hangup_ = hangup_ || ready.hangup;
  if (writable_ && has_output()) {
    flush();
  }
  if (readable_ && !closed_) {
    receive();
  }
}

void H2Connection::on_resume() noexcept {
  on_deferred();  // what was read before has made room: the peer is told first
  if (!closed_) {
    receive();
  }
}

void H2Connection::receive() noexcept {
  size_t budget = kReadsPerTurn;
  bool looked_again = false;
  while (readable_ && !closed_ && may_read()) {
    if (budget == 0) {
      loop_.resume_later(*this);
      break;
    }
    if (!in_chunk_ || !in_chunk_.unique()) {
      in_chunk_ = make_chunk();
    }
    const net::IoResult result = transport_->read({in_chunk_.data(), kChunkSize});
    readable_ = result.more || (result.status == net::IoStatus::progress && hangup_);
    if (result.status == net::IoStatus::would_block) {
      if (hangup_ && transport_->secure() && !std::exchange(looked_again, true)) {
        readable_ = true;  // behind the part of a record there is an end, which no event will tell
        continue;
      }
      break;
    }
    if (result.status != net::IoStatus::progress) {
      on_input_end(result.error);
      return;
    }
    budget -= std::min(budget, result.cost());
    received_ += result.bytes;
    if (!feed({in_chunk_.data(), result.bytes})) {
      break;
    }
  }
  if (in_chunk_ && (closed_ || !readable_)) {
    in_chunk_.reset();  // a connection that waits holds no buffer
  }
  if (!closed_) {
    watch_reading();
    flush_later();
  }
}

// Hands bytes to the framer. False: no more of them are looked at.
bool H2Connection::feed(std::string_view bytes) noexcept {
  if (ending_) {
    return true;  // thrown away
  }
  framer_.receive(bytes);
  flush_later();
  return !ending_;
}

H2Connection::Part H2Connection::part_of(std::string_view bytes) const noexcept {
  const auto begin = static_cast<size_t>(bytes.data() - in_chunk_.data());
  return {begin, begin + bytes.size()};
}

// ---- limits (security.md 1F) ----

bool H2Connection::check(ErrorCode why) noexcept {
  if (why != ErrorCode::none) {
    fail(why, why == ErrorCode::h2_protocol ? Code::protocol_error : Code::enhance_your_calm);
  }
  return !ending_;
}

void H2Connection::fail(ErrorCode why, Code code) noexcept {
  if (!ending_) {
    ending_ = true;
    framer_.terminate(code);
    on_failed(why);
    flush_later();
  }
}

void H2Connection::on_frame(const http::h2::FrameHeader& header) noexcept {
  check(guard_.on_frame(static_cast<uint8_t>(header.type), header.length, loop_.now()));
}

void H2Connection::on_empty_data() noexcept {
  check(guard_.on_useless_frame(loop_.now()));
}

void H2Connection::on_broken(ErrorCode why, Code code) noexcept {
  fail(why, code);
}

// ---- writing ----

void H2Connection::on_deferred() noexcept {
  if (!closed_ && !connecting_) {
    flush();
  }
}

void H2Connection::flush() noexcept {
  if (lingering_) {
    if (transport_->pending()) {
      writable_ = transport_->write(out_, End::yes).status == net::IoStatus::progress;
    }
    return;
  }
  for (;;) {
    framer_.write();
    if (closed_) {
      return;
    }
    if (!has_output()) {
      note_answers_taken();
      write_timer_.cancel();
      break;
    }
    if (!write_timer_.armed()) {
      taken_mark_ = taken_;
      loop_.arm(write_timer_, write_timeout());
    }
    if (!writable_) {
      break;
    }
    const net::IoResult result = transport_->write(out_, End::no);
    taken_ += result.bytes;
    if (result.status == net::IoStatus::failed) {
      on_write_failed(result.error);
      return;
    }
    writable_ = result.status == net::IoStatus::progress;
    on_written(result.bytes);
    note_answers_taken();
  }
  after_flush();
  if (!closed_ && readable_ && may_read()) {
    loop_.resume_later(*this);
  }
}

// All that there were when this was last so have been taken. Not only where nothing is left to
// write: with a long body that is never so, and its reader may ask for PINGs all the while.
void H2Connection::note_answers_taken() noexcept {
  if (taken_ >= answers_mark_) {
    framer_.on_answers_taken();
    answers_mark_ = framed();
  }
}

void H2Connection::close_connection() noexcept {
  write_timer_.cancel();
  transport_.reset();
  out_.clear();
  in_chunk_.reset();
  Deferrable::unlink();
  Resumable::unlink();
}

}  // namespace pingap::session
