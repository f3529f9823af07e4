#include "session/h1_connection.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "http/h1/serializer.h"
#include "http/limits.h"

namespace pingap::session {
namespace {

using http::Framing;
using http::h1::BodyReader;

// Bytes read per connection and turn, so that one busy peer does not starve the others.
constexpr size_t kReadsPerTurn = 64 * 1024;
// Below this a read would bring too little: the rest of a chunk is left alone.
constexpr size_t kSmallRoom = 4 * 1024;
// A body piece shorter than this is copied behind the head it follows, so that both leave in one
// contiguous send; a longer one is sent from where it is.
constexpr size_t kCopyBelow = 4 * 1024;

}  // namespace

H1Connection::H1Connection(net::EventLoop& loop, std::unique_ptr<net::Transport> transport) noexcept
    : loop_(loop), transport_(std::move(transport)) {
}

void H1Connection::on_io(net::IoEvents ready) noexcept {
  if (closed_) {
    return;
  }
  readable_ = readable_ || ready.readable;
  writable_ = writable_ || ready.writable;
  hangup_ = hangup_ || ready.hangup;
  if (connecting_) {
    if (writable_) {
      on_connect_ready();
    }
    if (connecting_ || closed_) {
      return;
    }
    // Established, and what the peer sent at once may have come with the same event: read on.
  }
  if (ready.failed && !wants_input()) {
    const int error = transport_->take_error();
    // Both sides shut down in order: what the socket still holds is read as the window opens, and
    // what was read to its end is still on its way.
    if (error != 0 || (unreleased_ < http::limits::kWindow && !input_ended_)) {
      on_failure(error);
      return;
    }
  }
  if (writable_ && !out_.empty()) {
    flush();
  }
  if (readable_ && !closed_) {
    receive();
  }
}

void H1Connection::on_resume() noexcept {
  if (!closed_) {
    receive();
  }
}

void H1Connection::on_deferred() noexcept {
  if (closed_ || connecting_) {
    return;
  }
  if (writable_ && !out_.empty()) {
    flush();
  } else {
    after_output();
  }
}

void H1Connection::flush() noexcept {
  const net::IoResult result = transport_->write(out_);
  writable_ = result.status == net::IoStatus::progress;
  if (result.status == net::IoStatus::failed) {
    on_write_failure(result.error);
    return;
  }
  if (result.bytes > 0) {
    on_output(result.bytes);
  }
  if (!closed_) {
    after_output();
  }
}

void H1Connection::receive() noexcept {
  size_t budget = kReadsPerTurn;
  while (readable_ && !closed_ && wants_input()) {
    if (budget == 0) {
      loop_.resume_later(*this);
      return;
    }
    const std::span<char> room = input_room();
    const net::IoResult result = transport_->read(room);
    switch (result.status) {
      case net::IoStatus::progress:
        in_end_ += static_cast<uint32_t>(result.bytes);
        budget -= std::min(budget, result.bytes);
        // A short read has drained the socket; its next bytes raise a new event. With the FIN
        // already announced there will be none: go on until it is read.
        readable_ = result.bytes == room.size() || hangup_;
        on_input();
        break;
      case net::IoStatus::would_block:
        readable_ = false;
        break;
      case net::IoStatus::eof:
        readable_ = false;
        input_ended_ = true;
        on_input_end();
        break;
      case net::IoStatus::failed:
        readable_ = false;
        on_failure(result.error);
        break;
    }
  }
  release_empty_input();
}

std::span<char> H1Connection::input_room() noexcept {
  if (in_chunk_ && in_begin_ == in_end_ &&
      (in_chunk_.unique() || in_chunk_.capacity() - in_end_ < kSmallRoom)) {
    if (!in_chunk_.unique() || in_chunk_.capacity() != kChunkSize) {
      in_chunk_.reset();
    }
    in_begin_ = 0;
    in_end_ = 0;
  }
  if (!in_chunk_) {
    in_chunk_ = make_chunk();
  }
  if (in_end_ == in_chunk_.capacity()) {
    // A partial head (or a chunk-size line at the very end): move it on into more room.
    const size_t rest = in_end_ - in_begin_;
    ChunkRef bigger = make_chunk(std::max(kChunkSize, std::bit_ceil(rest * 2)));
    std::memcpy(bigger.data(), in_chunk_.data() + in_begin_, rest);
    in_chunk_ = std::move(bigger);
    in_begin_ = 0;
    in_end_ = static_cast<uint32_t>(rest);
  }
  return {in_chunk_.data() + in_end_, in_chunk_.capacity() - in_end_};
}

void H1Connection::consume_input(size_t bytes) noexcept {
  in_begin_ += static_cast<uint32_t>(bytes);
}

void H1Connection::keep_partial_input(size_t max) noexcept {
  const size_t size = in_end_ - in_begin_;
  if (size == 0 || size * 4 > in_chunk_.capacity()) {
    return;
  }
  ChunkRef small = make_chunk(std::clamp<size_t>(std::bit_ceil(size * 2), 512, max * 2));
  std::memcpy(small.data(), in_chunk_.data() + in_begin_, size);
  in_chunk_ = std::move(small);
  in_begin_ = 0;
  in_end_ = static_cast<uint32_t>(size);
}

BodyReader::Step H1Connection::take_body(ByteQueue& batch) noexcept {
  for (;;) {
    const BodyReader::Step step = reader_.next(input());
    if (step.kind == BodyReader::Kind::data) {
      const size_t begin = in_begin_ + step.skip;
      batch.push(in_chunk_, begin, begin + step.size);
    }
    consume_input(step.skip + step.size);
    if (step.kind != BodyReader::Kind::data) {
      return step;
    }
  }
}

void H1Connection::frame_body(ByteQueue& data, End end, const http::HeaderMap* trailers) noexcept {
  const size_t size = data.size();
  if (size > 0) {
    body_unsent_ += size;
    if (out_framing_ == Framing::chunked) {
      char room[20];
      out_.append({room, http::h1::write_chunk_head(size, room)});
      out_.move_from(data, size, kCopyBelow);
      out_.append("\r\n");
    } else {
      out_.move_from(data, size, kCopyBelow);
    }
  }
  if (end == End::yes && out_framing_ == Framing::chunked) {
    http::h1::write_last_chunk(trailers, out_);
  }
  flush_later();
}

void H1Connection::close_connection() noexcept {
  if (closed_) {
    return;
  }
  closed_ = true;
  transport_.reset();
  out_.clear();
  in_chunk_.reset();
  in_begin_ = 0;
  in_end_ = 0;
  Deferrable::unlink();
  Resumable::unlink();
  loop_.retire(this);
}

}  // namespace pingap::session
