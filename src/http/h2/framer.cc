#include "http/h2/framer.h"

#include <algorithm>
#include <array>

#include "http/limits.h"

namespace pingap::http::h2 {
namespace {

constexpr std::array<SettingEntry, 6> kServerSettings = {{
    {Setting::max_concurrent_streams, limits::kH2Streams},
    {Setting::initial_window_size, limits::kWindow},
    {Setting::max_header_list_size, limits::kRequestHead},
    {Setting::header_table_size, limits::kH2HeaderTable},
    // Of priorities only those of RFC 9218 are heeded (2.1 there).
    {Setting::no_rfc7540_priorities, 1},
    // The last one, left out where nothing could be asked for with it (RFC 8441 3).
    {Setting::enable_connect_protocol, 1},
}};

constexpr std::array<SettingEntry, 4> kClientSettings = {{
    {Setting::enable_push, 0},
    {Setting::initial_window_size, limits::kWindow},
    {Setting::max_header_list_size, limits::kResponseHead},
    {Setting::header_table_size, limits::kH2HeaderTable},
}};

}  // namespace

Framer::Framer(Role role, FramerEvents& events, ByteQueue& out, uint32_t streams) noexcept
    : role_(role),
      events_(events),
      out_(out),
      streams_(streams),
      reader_(role == Role::server ? FrameReader::Preface::expected : FrameReader::Preface::none),
      decoder_(limits::kH2HeaderTable),
      encoder_(limits::kH2HeaderTable) {
}

void Framer::start(Connect connect) noexcept {
  extended_connect_ = connect == Connect::extended;
  std::span<const SettingEntry> settings = kClientSettings;
  if (role_ == Role::client) {
    out_.append(kPreface);
  } else {
    settings =
        std::span(kServerSettings).first(kServerSettings.size() - (extended_connect_ ? 0 : 1));
  }
  std::array<char, kSettingEntry * kServerSettings.size()> payload;
  char* to = payload.data();
  for (const SettingEntry& entry : settings) {
    to = write_setting(to, entry);
  }
  write_frame(FrameType::settings, 0, 0,
              {payload.data(), static_cast<size_t>(to - payload.data())});
  const uint64_t all = std::min<uint64_t>(uint64_t{limits::kWindow} * streams_, kMaxWindow);
  if (all > kDefaultWindow) {
    receive_window_ = static_cast<int64_t>(all);
    write_number(FrameType::window_update, 0, static_cast<uint32_t>(all - kDefaultWindow));
  }
}

bool Framer::has_room() const noexcept {
  return out_.size() < kMaxOutput;
}

// ---- streams ----

bool Framer::open(FramedStream& stream, std::span<const FieldView> fields, Message::Request request,
                  End end) noexcept {
  if (!takes_requests()) {
    return false;
  }
  stream.id_ = next_stream_;
  next_stream_ = next_stream_ > kMaxStream - 2 ? 0 : next_stream_ + 2;
  stream.message_ = Message(request);
  stream.priority_.incremental = true;  // requests share
  stream.send_window_ = peer_.initial_window_size;
  stream.receive_window_ = limits::kWindow;
  stream.open_ = true;
  table_.add(stream);
  send_head(stream, fields, end);
  wake(stream);  // its body may be here already
  return true;
}

void Framer::send_head(FramedStream& stream, std::span<const FieldView> fields, End end) noexcept {
  if (stopped_ || stream.resetting_ || !is_open(stream)) {
    return;
  }
  write_head(stream.id_, fields, end);
  if (end == End::yes) {
    stream.send_over_ = true;
    scheduler_.add_ended(stream);
  }
}

void Framer::send_body(FramedStream& stream, ByteQueue& data, End end) noexcept {
  if (stream.body_.empty() && data.slices() <= 1) {
    stream.body_.move_from(data, data.size());
  } else {
    // While it waits, pieces come of any size, and each would hold the chunk that it was read into.
    stream.body_.share_from(data, kCopyBelow);
    data.clear();
  }
  stream.send_over_ = stream.send_over_ || end == End::yes;
  wake(stream);
}

void Framer::send_trailers(FramedStream& stream, const HeaderMap& trailers) noexcept {
  for (const FieldView& field : trailer_fields(trailers)) {
    stream.trailers_.emplace_back(field);
  }
  stream.send_over_ = true;
  wake(stream);
}

void Framer::reset(FramedStream& stream, Code code) noexcept {
  if (stopped_ || stream.resetting_ || !is_open(stream)) {
    return;
  }
  stream.resetting_ = true;
  stream.reset_code_ = code;
  scheduler_.add_reset(stream);
}

void Framer::reset_behind_body(FramedStream& stream, Code code) noexcept {
  if (stream.body_.empty()) {
    reset(stream, code);
    return;
  }
  stream.send_over_ = false;
  stream.breaks_off_ = true;
  stream.reset_code_ = code;
}

void Framer::consume(FramedStream& stream, size_t bytes) noexcept {
  stream.consumed_ += bytes;
  if (stopped_ || !is_open(stream) || stream.remote_closed_ || stream.resetting_ ||
      stream.consumed_ < limits::kWindow / 2) {
    return;
  }
  write_number(FrameType::window_update, stream.id_, static_cast<uint32_t>(stream.consumed_));
  stream.receive_window_ += static_cast<int64_t>(stream.consumed_);
  stream.consumed_ = 0;
}

// There is something to send on it, if its window lets it. The one whose frame is being made finds
// that out itself.
void Framer::wake(FramedStream& stream) noexcept {
  if (stopped_ || !is_open(stream) || stream.local_closed_ || stream.resetting_ ||
      &stream == sending_) {
    return;
  }
  if (stream.body_.empty() ? stream.send_over_ : stream.send_window_ > 0) {
    scheduler_.add(stream);
  }
}

// ---- ends ----

void Framer::finish_sending(FramedStream& stream) noexcept {
  stream.local_closed_ = true;
  events_.on_end_sent(stream);
  if (!stopped_) {
    close_if_done(stream);
  }
}

void Framer::close_if_done(FramedStream& stream) noexcept {
  if (stream.local_closed_ && stream.remote_closed_ && !stream.resetting_) {
    close(stream, Code::no_error);
  }
}

void Framer::close(FramedStream& stream, Code code) noexcept {
  table_.remove(stream);
  stream.open_ = false;
  Scheduler::remove(stream);
  receiving_ = receiving_ == &stream ? nullptr : receiving_;
  events_.on_stream_closed(stream, code);
}

void Framer::stop() noexcept {
  stopped_ = true;
  receiving_ = nullptr;
  table_.for_each([](FramedStream& stream) { Scheduler::remove(stream); });
  table_.clear();
}

bool Framer::is_over() const noexcept {
  return stopped_ || (table_.count() == 0 && (goaway_sent_ || goaway_received_));
}

bool Framer::takes_requests() const noexcept {
  return role_ == Role::client && next_stream_ != 0 && !stopped_ && !goaway_sent_ &&
         !goaway_received_;
}

bool Framer::awaits_head() const noexcept {
  return block_.stream != 0 || reader_.awaits_rest_of(FrameType::headers);
}

void Framer::ping() noexcept {
  if (!stopped_) {
    write_frame(FrameType::ping, 0, 0, std::string_view("\0\0\0\0\0\0\0\0", 8));
  }
}

void Framer::announce_shutdown() noexcept {
  if (!stopped_ && !goaway_sent_) {
    write_goaway(kMaxStream, Code::no_error);
  }
}

void Framer::shut_down() noexcept {
  if (!stopped_) {
    goaway_sent_ = true;
    goaway_last_ = last_request_;
    write_goaway(last_request_, Code::no_error);
  }
}

void Framer::terminate(Code code) noexcept {
  if (!stopped_) {
    stopped_ = true;
    goaway_sent_ = true;
    write_goaway(last_request_, code);
  }
}

}  // namespace pingap::http::h2
