#include "session/h1_connection.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "http/h1/serializer.h"
#include "http/limits.h"

namespace pingap::session {
namespace {

using http::Framing;
using http::h1::BodyReader;

// Bytes read per connection and turn, so that one busy peer does not starve the others.
constexpr size_t kReadsPerTurn = 64 * 1024;
// Read at once of a long body.
constexpr size_t kBodyChunks = kReadsPerTurn / kChunkSize;
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
    if (error != 0 || (has_window() && !input_ended_)) {
      on_failure(error);
      return;
    }
  }
  if (writable_ && has_output()) {
    flush();
  }
  if (readable_ && !closed_) {
    receive();
  }
  if (hangup_ && !closed_ && !input_ended_ && !wants_input() && transport_->broken_off()) {
    on_failure(ESHUTDOWN);  // nobody is left for what is under way
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
  if (writable_ && has_output()) {
    flush();
  } else {
    after_output();
  }
}

net::IoResult H1Connection::write_output() noexcept {
  net::IoResult result;
  if (!out_.empty() || transport_->pending()) {
    const bool fin_follows = fin_follows_ && piped_ == 0;
    result = transport_->write(out_, fin_follows ? End::yes : End::no);
  }
  if (piped_ > 0 && result.status == net::IoStatus::progress) {
    const size_t before = result.bytes;
    result = transport_->write_from(*out_pipe_, piped_);
    piped_ -= result.bytes;
    result.bytes += before;
  }
  return result;
}

void H1Connection::flush() noexcept {
  const net::IoResult result = write_output();
  writable_ = result.status == net::IoStatus::progress;
  if (result.bytes > 0) {
    on_output(result.bytes);
  }
  if (closed_) {
    return;
  }
  if (result.status == net::IoStatus::failed) {
    on_write_failure(result.error);
    return;
  }
  after_output();
}

void H1Connection::receive() noexcept {
  size_t budget = kReadsPerTurn;
  bool looked_again = false;
  while (readable_ && !closed_ && wants_input()) {
    if (budget == 0) {
      loop_.resume_later(*this);
      return;
    }
    const size_t got = receive_some(budget);
    budget -= std::min(budget, got);
    if (may_have_ended() && !std::exchange(looked_again, true)) {
      readable_ = true;
    }
  }
  release_empty_input();
}

// TLS has got a part of a record, and the end behind it, of which no event will tell again, is not
// read yet.
bool H1Connection::may_have_ended() const noexcept {
  return !closed_ && !readable_ && hangup_ && !input_ended_ && transport_->secure();
}

// One read. Returns what it takes of the budget.
size_t H1Connection::receive_some(size_t budget) noexcept {
  const size_t few = in_pipe_ == nullptr ? kChunkSize : 0;
  if (reader_.raw() <= few || in_begin_ != in_end_ || !in_body()) {
    return receive_input();
  }
  return in_pipe_ == nullptr ? receive_body(budget) : receive_piped();
}

size_t H1Connection::receive_input() noexcept {
  const std::span<char> room = input_room();
  const net::IoResult result = transport_->read(room);
  if (!note_read(result)) {
    return 0;
  }
  in_end_ += static_cast<uint32_t>(result.bytes);
  on_input();
  return result.cost();
}

// A long body needs no look at its bytes: as many of them in one read as there is window for. The
// room is never just that of the body's rest: a read that fills it would leave open whether more
// has come than the body.
size_t H1Connection::receive_body(size_t budget) noexcept {
  std::array<ChunkRef, kBodyChunks> chunks;
  std::array<iovec, kBodyChunks> rooms;  // filled as far as used
  const uint64_t raw = reader_.raw();
  const size_t most = raw == kBodyChunks * kChunkSize ? kBodyChunks - 1 : kBodyChunks;
  const uint64_t wanted =
      std::min({raw, uint64_t{budget}, uint64_t{http::limits::kWindow - unreleased_}});
  size_t count = 0;
  for (size_t room = 0; count < most && (room < wanted || room == raw); ++count) {
    chunks[count] = make_chunk();
    rooms[count] = {chunks[count].data(), kChunkSize};
    room += kChunkSize;
  }
  const net::IoResult result = transport_->read_many(std::span(rooms).first(count));
  if (!note_read(result)) {
    return 0;
  }
  const size_t body = std::min<uint64_t>(result.bytes, raw);
  ByteQueue data;
  size_t at = 0;
  for (; (at + 1) * kChunkSize <= body; ++at) {
    data.push(chunks[at], 0, kChunkSize);
  }
  if (at * kChunkSize < result.bytes) {
    in_chunk_ = chunks[at];
    in_end_ = static_cast<uint32_t>(result.bytes - at * kChunkSize);
    in_begin_ = static_cast<uint32_t>(body - at * kChunkSize);
    data.push(in_chunk_, 0, in_begin_);
  }
  reader_.advance(body);
  const BodyReader::Step step = take_body(data);
  on_body_read(step, data);
  return result.cost();
}

size_t H1Connection::receive_piped() noexcept {
  const uint64_t wanted = std::min(reader_.raw(), uint64_t{kPipeWindow - unreleased_});
  const net::IoResult result = transport_->read_to(*in_pipe_, wanted);
  if (result.status == net::IoStatus::would_block) {
    pipe_was_full_ = false;
  }
  if (result.status == net::IoStatus::would_block && in_pipe_->size() > 0) {
    pipe_full_ = true;  // or the socket is empty: that is seen when the pipe has room
    return 0;
  }
  if (!note_read(result)) {
    return 0;
  }
  reader_.advance(result.bytes);
  const End end = reader_.raw() == 0 ? End::yes : End::no;
  if (end == End::yes) {
    in_pipe_ = nullptr;
    look_behind_body();
  }
  on_body_piped(result.bytes, end);
  return result.bytes;
}

// Whether more has come than the body, which was read to its last byte and no further.
void H1Connection::look_behind_body() noexcept {
  const std::span<char> room = input_room();
  const net::IoResult result = transport_->read(room);
  if (result.status == net::IoStatus::progress) {
    in_end_ += static_cast<uint32_t>(result.bytes);
    readable_ = result.more || hangup_;
  } else if (result.status == net::IoStatus::would_block) {
    readable_ = false;
  }
  // An end or an error is read again when the message has been dealt with.
}

// True when there are bytes to be looked at.
bool H1Connection::note_read(const net::IoResult& result) noexcept {
  switch (result.status) {
    case net::IoStatus::progress:
      // With the FIN already announced there will be no event: go on until it is read.
      readable_ = result.more || hangup_;
      return true;
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
  return false;
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

bool H1Connection::note_partial_head(std::string_view bytes, size_t max) noexcept {
  if (std::exchange(partial_head_, true)) {
    return false;
  }
  scanner_.reset();
  scanner_.scan(bytes, max);
  return true;
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

void H1Connection::read_body() noexcept {
  ByteQueue batch;
  const BodyReader::Step step = take_body(batch);
  on_body_read(step, batch);
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

void H1Connection::read_by(Pipe& pipe) noexcept {
  if (transport_->splices() && reader_.framing() == Framing::length) {
    in_pipe_ = &pipe;
  }
}

void H1Connection::write_piped(Pipe& pipe, size_t bytes) noexcept {
  out_pipe_ = &pipe;
  piped_ += bytes;
  body_unsent_ += bytes;
  flush_later();
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
  drop_output();
  in_chunk_.reset();
  in_begin_ = 0;
  in_end_ = 0;
  Deferrable::unlink();
  Resumable::unlink();
  loop_.retire(this);
}

}  // namespace pingap::session
