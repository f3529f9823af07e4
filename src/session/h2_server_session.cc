#include "session/h2_server_session.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <nghttp2/nghttp2.h>

#include "http/limits.h"
#include "session/h2_callbacks.h"

namespace pingap::session {
namespace {

namespace limits = http::limits;

// Bytes read per connection and turn.
constexpr size_t kReadsPerTurn = 64 * 1024;
// Frames are made while less than this waits to be written; input is read only then, too, so that
// a client that asks and does not read cannot make us queue answers to PING and SETTINGS.
constexpr size_t kMaxOutput = 64 * 1024;
// How long streams that were opened before our GOAWAY may take to arrive.
constexpr Duration kDrainTime = std::chrono::seconds(1);
// With this stream the client has nearly used up the numbers: it needs another connection.
constexpr int32_t kLastStream = 0x7fffff00;
// A client that takes less of our output within write_timeout is stalled.
constexpr uint64_t kWriteProgress = 1024;
// A closing connection waits this long for its last bytes to be taken.
constexpr Duration kLinger = std::chrono::seconds(2);

nghttp2_option* make_options() noexcept {
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_settings(options, limits::kH2Settings);
  nghttp2_option_set_max_outbound_ack(options, limits::kH2Acks);
  nghttp2_option_set_max_continuations(options, limits::kH2Continuations);
  nghttp2_option_set_max_deflate_dynamic_table_size(options, limits::kH2HeaderTable);
  // Resets have a budget of ours, which counts those that we are made to send, too.
  nghttp2_option_set_stream_reset_rate_limit(options, UINT32_MAX, UINT32_MAX);
  nghttp2_option_set_builtin_recv_extension_type(options, NGHTTP2_PRIORITY_UPDATE);
  // nghttp2 tells of unknown frames only where somebody wants them; they are to be counted.
  for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; ++type) {
    if (type != NGHTTP2_PRIORITY_UPDATE) {
      nghttp2_option_set_user_recv_extension_type(options, static_cast<uint8_t>(type));
    }
  }
  return options;
}

const std::array<nghttp2_settings_entry, 5> kSettings = {{
    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kH2Streams},
    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kWindow},
    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kRequestHead},
    {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits::kH2HeaderTable},
    // Of priorities only those of RFC 9218 are heeded (2.1 there).
    {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
}};

}  // namespace

H2ServerSession::H2ServerSession(net::EventLoop& loop, std::unique_ptr<net::Transport> transport,
                                 const Peer& peer, const ServerSettings& settings,
                                 RequestAcceptor& acceptor) noexcept
    : ServerSession(peer),
      loop_(loop),
      transport_(std::move(transport)),
      settings_(settings),
      acceptor_(acceptor) {
}

H2ServerSession::~H2ServerSession() {
  nghttp2_session_del(framing_);
}

bool H2ServerSession::start() noexcept {
  if (!start_framing() || !loop_.take_over(transport_->fd(), *this)) {
    return false;
  }
  writable_ = true;
  loop_.arm(read_timer_, settings_.header_timeout);
  loop_.arm(settings_timer_, limits::kH2SettingsAck);
  flush_later();
  return true;
}

bool H2ServerSession::start_framing() noexcept {
  static const nghttp2_session_callbacks* const callbacks = make_h2_server_callbacks();
  static nghttp2_option* const options = make_options();
  return nghttp2_session_server_new2(&framing_, callbacks, this, options) == 0 &&
         nghttp2_submit_settings(framing_, NGHTTP2_FLAG_NONE, kSettings.data(), kSettings.size()) ==
             0 &&
         // One stream that does not move must not stop the others: the window of the connection is
         // that of all of them.
         nghttp2_session_set_local_window_size(framing_, NGHTTP2_FLAG_NONE, 0,
                                               limits::kWindow * limits::kH2Streams) == 0;
}

bool H2ServerSession::waiting() const noexcept {
  return streams_.empty() && sent_streams_.empty() && fields_ == nullptr && !closed_;
}

bool H2ServerSession::has_room() const noexcept {
  return out_.size() < kMaxOutput;
}

// ---- reading ----

void H2ServerSession::on_io(net::IoEvents ready) noexcept {
  if (closed_) {
    return;
  }
  readable_ = readable_ || ready.readable;
  writable_ = writable_ || ready.writable;
  if (writable_ && !out_.empty()) {
    flush();
  }
  if (readable_ && !closed_) {
    receive();
  }
}

void H2ServerSession::on_resume() noexcept {
  if (!closed_) {
    receive();
  }
}

void H2ServerSession::take_input(std::string_view bytes) noexcept {
  readable_ = true;
  in_chunk_ = make_chunk(std::max(bytes.size(), kChunkSize));
  std::memcpy(in_chunk_.data(), bytes.data(), bytes.size());
  if (feed({in_chunk_.data(), bytes.size()})) {
    loop_.resume_later(*this);
  }
}

void H2ServerSession::receive() noexcept {
  size_t budget = kReadsPerTurn;
  while (readable_ && !closed_ && has_room()) {
    if (budget == 0) {
      loop_.resume_later(*this);
      break;
    }
    if (!in_chunk_ || !in_chunk_.unique()) {
      in_chunk_ = make_chunk();
    }
    const net::IoResult result = transport_->read({in_chunk_.data(), kChunkSize});
    if (result.status == net::IoStatus::would_block) {
      readable_ = false;
      break;
    }
    if (result.status != net::IoStatus::progress) {
      readable_ = false;
      input_ended_ = true;
      const bool reset = result.status == net::IoStatus::failed;
      close({reset ? ErrorCode::client_reset : ErrorCode::client_closed, Side::downstream,
             Retry::never, result.error, nullptr});
      return;
    }
    budget -= std::min(budget, result.bytes);
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

// Hands bytes to nghttp2. False: no more of them are looked at.
bool H2ServerSession::feed(std::string_view bytes) noexcept {
  if (ending_) {
    return true;  // thrown away
  }
  const ssize_t taken = nghttp2_session_mem_recv(
      framing_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  flush_later();
  if (taken < 0) {
    const bool head = taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    check(head ? ErrorCode::h2_head_flood : ErrorCode::h2_frame_flood);
    return false;
  }
  return true;
}

// ---- what nghttp2 tells of ----

void H2ServerSession::on_begin_headers(int32_t id, bool request) noexcept {
  fields_ = std::make_unique<http::h2::RequestBuilder>();
  if (!request) {
    return;
  }
  auto* stream = new H2ServerStream(*this, id);  // NOLINT(bugprone-unhandled-exception-at-new)
  streams_.push_back(*stream);
  nghttp2_session_set_stream_user_data(framing_, id, stream);
}

void H2ServerSession::on_field(std::string_view name, std::string_view value) noexcept {
  if (fields_ == nullptr) {
    return;
  }
  fields_->add(name, value);
  if (fields_->list_size() > limits::kH2Bomb) {
    check(ErrorCode::h2_head_flood);
  }
}

void H2ServerSession::on_headers(H2ServerStream& stream, End end, bool request) noexcept {
  const std::unique_ptr<http::h2::RequestBuilder> fields = std::move(fields_);
  if (fields == nullptr) {
    return;
  }
  if (!request) {
    http::HeaderMap trailers = fields->trailers();
    stream.on_trailers(trailers);
    return;
  }
  set_priority(stream, fields->has_priority());
  ++requests_;
  if (requests_ == settings_.keepalive_requests || stream.id() >= kLastStream) {
    wind_down();
  }
  http::RequestHead head;
  const ErrorCode why = fields->finish(end, head);
  http::RequestSink& sink = acceptor_.on_new_stream(stream, *this);
  if (why != ErrorCode::none) {
    stream.on_refused(why, head, fields->first_line(), sink);
    return;
  }
  stream.on_head(head, end, sink);
  if (draining_ && one_more_) {
    one_more_ = false;
    nghttp2_submit_goaway(framing_, NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_NO_ERROR, nullptr, 0);
  }
}

// Before its stream is there, a client may say what its priority will be (RFC 9218 7.1).
void H2ServerSession::on_priority_update(int32_t id) noexcept {
  if (nghttp2_session_get_stream_user_data(framing_, id) == nullptr &&
      prioritized_.size() < limits::kH2Streams) {
    prioritized_.push_back(id);
  }
}

// Where a request says nothing of its priority, it shares with the others: the answers of clients
// that know no priorities do not wait for each other. RFC 9218 4.2 would have them one by one.
void H2ServerSession::set_priority(const H2ServerStream& stream, bool said) noexcept {
  const bool updated = std::erase(prioritized_, stream.id()) > 0;
  if (!said && !updated) {
    const nghttp2_extpri shared{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    nghttp2_session_change_extpri_stream_priority(framing_, stream.id(), &shared, 0);
  }
}

void H2ServerSession::on_malformed_headers(H2ServerStream& stream) noexcept {
  const std::unique_ptr<http::h2::RequestBuilder> fields = std::move(fields_);
  stream.on_malformed(ErrorCode::bad_header,
                      fields == nullptr ? std::string_view{} : fields->first_line(), acceptor_);
}

void H2ServerSession::on_settings_ack() noexcept {
  guard_.on_settings_ack();
  settings_timer_.cancel();
}

// nghttp2 has found an error of the connection, if it was not us.
void H2ServerSession::on_goaway_sent(uint32_t code) noexcept {
  if (code != NGHTTP2_NO_ERROR && !ending_) {
    fail(code == NGHTTP2_ENHANCE_YOUR_CALM ? ErrorCode::h2_frame_flood : ErrorCode::h2_protocol,
         code);
  }
}

void H2ServerSession::on_stream_closed(H2ServerStream& stream, uint32_t code) noexcept {
  const Error why = stream.why_closed(code);
  if (!why && stream.busy() && !out_.empty()) {
    static_cast<ListHook<H2StreamTag>&>(stream).unlink();
    stream.set_last_byte(framed());
    sent_streams_.push_back(stream);
    return;
  }
  stream.on_closed(why);
  delete &stream;
}

// ---- limits (security.md 1F) ----

bool H2ServerSession::check(ErrorCode why) noexcept {
  if (why != ErrorCode::none) {
    fail(why, why == ErrorCode::h2_protocol ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
  }
  return !ending_;
}

void H2ServerSession::fail(ErrorCode why, uint32_t code) noexcept {
  if (ending_) {
    return;
  }
  ending_ = true;
  fields_.reset();
  nghttp2_session_terminate_session(framing_, code);
  // The backends are told now, whenever the client reads our GOAWAY. What nghttp2 knows of the
  // streams stays until it is out.
  for (H2ServerStream* stream = streams_.front(); stream != nullptr;
       stream = streams_.next(*stream)) {
    stream->on_closed({why, Side::downstream, Retry::never, 0, nullptr});
  }
  tell(why);
  flush_later();
}

// A line in the log for what belongs to no request.
void H2ServerSession::tell(ErrorCode why) noexcept {
  H2ServerStream nobody(*this, 0);
  acceptor_.on_new_stream(nobody, *this).on_malformed(why, {});
}

// ---- writing ----

void H2ServerSession::on_deferred() noexcept {
  if (!closed_) {
    flush();
  }
}

void H2ServerSession::flush() noexcept {
  if (lingering_) {
    return;
  }
  for (;;) {
    if (nghttp2_session_send(framing_) != 0) {
      close({ErrorCode::io, Side::local, Retry::never, 0, "nghttp2"});
      return;
    }
    if (out_.empty()) {
      write_timer_.cancel();
      break;
    }
    if (!write_timer_.armed()) {
      written_mark_ = written_;
      loop_.arm(write_timer_, settings_.write_timeout);
    }
    if (!writable_) {
      break;
    }
    const net::IoResult result = transport_->write(out_, End::no);
    written_ += result.bytes;
    if (result.status == net::IoStatus::failed) {
      close({ErrorCode::client_reset, Side::downstream, Retry::never, result.error, "write"});
      return;
    }
    writable_ = result.status == net::IoStatus::progress;
    end_sent_streams();
  }
  close_if_over();
  if (!closed_ && readable_ && has_room()) {
    loop_.resume_later(*this);
  }
}

// Those whose last byte has left.
void H2ServerSession::end_sent_streams() noexcept {
  for (H2ServerStream* stream = sent_streams_.front();
       stream != nullptr && stream->last_byte() <= written_; stream = sent_streams_.front()) {
    sent_streams_.pop_front();
    stream->on_closed({});
    delete stream;
  }
  watch_reading();
}

void H2ServerSession::close_if_over() noexcept {
  if (!out_.empty()) {
    return;
  }
  const bool over =
      nghttp2_session_want_read(framing_) == 0 && nghttp2_session_want_write(framing_) == 0;
  if (!over && !ending_) {
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
  const Watch wanted = fields_ != nullptr ? Watch::head : busy ? Watch::nothing : Watch::idle;
  if (wanted == watch_ || (watch_ == Watch::first && wanted != Watch::nothing)) {
    return;
  }
  watch_ = wanted;
  if (wanted == Watch::nothing) {
    read_timer_.cancel();
  } else {
    loop_.arm(read_timer_, wanted == Watch::head ? settings_.header_timeout
                                                 : settings_.keepalive_timeout);
  }
}

void H2ServerSession::on_read_timer() noexcept {
  if (lingering_) {
    close({});
    return;
  }
  if (fields_ != nullptr) {
    fail(ErrorCode::header_timeout, NGHTTP2_NO_ERROR);
  } else {
    nghttp2_session_terminate_session(framing_, NGHTTP2_NO_ERROR);
    ending_ = true;
  }
  flush();
}

void H2ServerSession::on_write_timer() noexcept {
  if (written_ - written_mark_ >= kWriteProgress) {
    written_mark_ = written_;
    loop_.arm(write_timer_, settings_.write_timeout);
    return;
  }
  transport_->abort_on_close();
  close({ErrorCode::client_stalled, Side::downstream, Retry::never, 0, nullptr});
}

void H2ServerSession::on_settings_timer() noexcept {
  fail(ErrorCode::h2_settings_timeout, NGHTTP2_SETTINGS_TIMEOUT);
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
    nghttp2_submit_shutdown_notice(framing_);
    loop_.arm(drain_timer_, kDrainTime);
    flush_later();
  }
}

void H2ServerSession::on_drain_timer() noexcept {
  drain_timer_.cancel();
  nghttp2_submit_goaway(framing_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(framing_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  flush();
}

void H2ServerSession::serve_one() noexcept {
  draining_ = true;
  one_more_ = true;
  loop_.arm(read_timer_, std::min(kLinger, settings_.header_timeout));
}

void H2ServerSession::abort() noexcept {
  close({ErrorCode::shutting_down, Side::local, Retry::never, 0, nullptr});
}

void H2ServerSession::end_streams(const Error& why) noexcept {
  for (auto* streams : {&streams_, &sent_streams_}) {
    while (H2ServerStream* stream = streams->pop_front()) {
      nghttp2_session_set_stream_user_data(framing_, stream->id(), nullptr);
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
  write_timer_.cancel();
  drain_timer_.cancel();
  settings_timer_.cancel();
  fields_.reset();
  end_streams(why ? why
                  : Error{ErrorCode::client_closed, Side::downstream, Retry::never, 0, nullptr});
  transport_.reset();
  out_.clear();
  in_chunk_.reset();
  Deferrable::unlink();
  Resumable::unlink();
  ListHook<ServerSessionTag>::unlink();
  acceptor_.on_session_closed(*this);
  loop_.retire(this);
}

}  // namespace pingap::session
