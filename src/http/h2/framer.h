// One end of an HTTP/2 connection without its socket (RFC 9113): bytes of the peer in, events out;
// what is to be sent becomes frames at the end of a queue. States of streams, flow control in both
// directions, header blocks and what makes messages malformed are here; what a peer may do how
// often (FloodGuard), deadlines and what is done with messages are the session's. Worker.
//
// Frames of one kind are written when they are asked for: heads, since the order of header blocks
// is that of HPACK's tables, and answers to the peer. DATA and all that ends a stream are made by
// write(), while there is room. So nothing is destroyed in the middle of a call of its own.
//
// Two errors of streams end the connection, as RFC 9113 5.4.1 allows: DATA before any head, and a
// window that grows by nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_queue.h"
#include "http/h2/frame_reader.h"
#include "http/h2/framer_events.h"
#include "http/h2/head_fields.h"
#include "http/h2/scheduler.h"
#include "http/h2/settings.h"
#include "http/h2/stream_table.h"
#include "http/hpack/decoder.h"
#include "http/hpack/encoder.h"

namespace pingap::http::h2 {

class Framer {
 public:
  // Frames of bodies are made while less than this waits to be written, so that a peer that does
  // not read holds no more of us than that and its windows.
  static constexpr size_t kMaxOutput = 64 * 1024;

  // `out`: outlives it; bytes are added at its end. `streams`: how many the peer may open, or we.
  Framer(Role role, FramerEvents& events, ByteQueue& out, uint32_t streams) noexcept;

  // Whether extended CONNECT is offered (RFC 8441).
  enum class Connect : uint8_t { plain, extended };

  // The preface, SETTINGS, and a window of the connection that is that of all streams: one that
  // does not move stops no other.
  void start(Connect connect) noexcept;

  // Looks at what the peer has sent. Nothing of it is used later.
  void receive(std::string_view bytes) noexcept;
  // Makes frames of what waits, while has_room().
  void write() noexcept;

  // Less than kMaxOutput waits to be written.
  bool has_room() const noexcept;

  // ---- streams

  // A request, on a stream that has not begun; false where there are no numbers left, or the
  // connection is ending.
  bool open(FramedStream& stream, std::span<const FieldView> fields, Message::Request request,
            End end) noexcept;
  // A response, 1xx included.
  void send_head(FramedStream& stream, std::span<const FieldView> fields, End end) noexcept;
  // Takes all of `data`.
  void send_body(FramedStream& stream, ByteQueue& data, End end) noexcept;
  void send_trailers(FramedStream& stream, const HeaderMap& trailers) noexcept;

  // What is not framed yet is not sent.
  static void drop_body(FramedStream& stream) noexcept { stream.body_.clear(); }

  // RST_STREAM: whatever else was to be sent is not.
  void reset(FramedStream& stream, Code code) noexcept;
  // The same, but what was given of the body goes out first.
  void reset_behind_body(FramedStream& stream, Code code) noexcept;
  // `bytes` of body were taken: the peer may send as many more.
  void consume(FramedStream& stream, size_t bytes) noexcept;

  // ---- the connection

  void ping() noexcept;
  // GOAWAY that names no stream: what is on its way is served (RFC 9113 6.8).
  void announce_shutdown() noexcept;
  // GOAWAY: no streams behind the last one there was.
  void shut_down() noexcept;
  // GOAWAY, and nothing is sent or heard behind it.
  void terminate(Code code) noexcept;
  // The session destroys its streams: none is touched or told of again.
  void stop() noexcept;

  // Nothing more is to be sent or heard: terminate() was called, or the last stream before a GOAWAY
  // has ended.
  bool is_over() const noexcept;
  // More streams can be opened by us.
  bool takes_requests() const noexcept;
  // Half a head is here.
  bool awaits_head() const noexcept;

  const PeerSettings& peer() const noexcept { return peer_; }

  int64_t send_window() const noexcept { return send_window_; }

  // The highest stream of the peer that became a request.
  int32_t last_request() const noexcept { return last_request_; }

  // The number that open() would give.
  int32_t next_stream() const noexcept { return next_stream_; }

  // Null where it is not open.
  FramedStream* find(int32_t id) const noexcept { return table_.find(id); }

  // The peer has taken the answers to PING and SETTINGS that there were at the last call.
  void on_answers_taken() noexcept { answers_ = 0; }

 private:
  // A piece of body shorter than this is copied behind its frame header, so that both are in one
  // piece of memory; a longer one is sent from where it is.
  static constexpr size_t kCopyBelow = 4 * 1024;

  // What is to come of a header block behind its first frame.
  struct Block {
    int32_t stream = 0;  // 0: none is open
    End end = End::no;
    uint8_t continuations = 0;
    std::string bytes;
  };

  // Those of a block that is being decoded.
  struct Fields {
    HeadRules* rules = nullptr;  // null: nobody wants them
    size_t size = 0;             // as SETTINGS_MAX_HEADER_LIST_SIZE counts it
    bool malformed = false;
    std::optional<Priority> priority;
  };

  // framer_receive.cc
  bool step(FrameReader::Token token) noexcept;
  bool is_in_order(const FrameHeader& header) const noexcept;
  void on_header() noexcept;
  void on_frame() noexcept;
  void on_settings(std::string_view payload) noexcept;
  void apply_settings(std::string_view payload) noexcept;
  void on_ping(std::string_view payload) noexcept;
  void on_goaway(std::string_view payload) noexcept;
  void on_rst_stream(std::string_view payload) noexcept;
  void on_window_update(std::string_view payload) noexcept;
  void on_connection_window(uint32_t increment) noexcept;
  void on_priority(std::string_view payload) noexcept;
  void on_priority_update(std::string_view payload) noexcept;
  void keep_priority(int32_t id, Priority priority);
  bool is_idle(int32_t id) const noexcept;
  void break_off(Code code) noexcept;
  void break_off(ErrorCode why, Code code) noexcept;

  // framer_data.cc
  void on_data_header() noexcept;
  void on_body(std::string_view bytes) noexcept;
  void on_body_end() noexcept;
  void end_remote(FramedStream& stream) noexcept;

  // framer_heads.cc
  void on_headers(std::string_view payload) noexcept;
  void on_continuation(std::string_view payload) noexcept;
  void take_block(int32_t id, End end, std::string_view block) noexcept;
  void take_request_block(int32_t id, End end, std::string_view block) noexcept;
  void open_request(int32_t id, End end, std::string_view block) noexcept;
  void read_head(FramedStream& stream, HeadRules::Kind kind, End end,
                 std::string_view block) noexcept;
  bool decode(std::string_view block, Fields& fields) noexcept;
  bool on_field(const hpack::DecodedField& field) noexcept;
  void skip_block(std::string_view block) noexcept;
  void set_first_priority(FramedStream& stream, const Fields& fields) noexcept;

  // framer_write.cc
  void write_data(FramedStream& stream) noexcept;
  void write_data_frame(FramedStream& stream, size_t size, uint8_t flags) noexcept;
  void write_trailers(FramedStream& stream) noexcept;
  void write_reset(FramedStream& stream) noexcept;
  void write_head(int32_t id, std::span<const FieldView> fields, End end) noexcept;
  void write_long_head(int32_t id, std::span<const FieldView> fields, End end,
                       size_t room) noexcept;
  char* write_block(char* to, std::span<const FieldView> fields) noexcept;
  void write_frame(FrameType type, uint8_t flags, int32_t stream,
                   std::string_view payload) noexcept;
  void write_number(FrameType type, int32_t stream, uint32_t number) noexcept;
  void write_goaway(int32_t last, Code code) noexcept;
  void answer(FrameType type, std::string_view payload) noexcept;
  void finish_sending(FramedStream& stream) noexcept;
  void close_if_done(FramedStream& stream) noexcept;
  void close(FramedStream& stream, Code code) noexcept;
  void wake(FramedStream& stream) noexcept;

  static bool is_open(const FramedStream& stream) noexcept { return stream.open_; }

  const Role role_;
  FramerEvents& events_;
  ByteQueue& out_;
  const uint32_t streams_;
  FrameReader reader_;
  hpack::Decoder decoder_;
  hpack::Encoder encoder_;
  PeerSettings peer_;
  StreamTable table_;
  Scheduler scheduler_;
  Block block_;
  Fields* fields_ = nullptr;           // only while a block is decoded
  FramedStream* receiving_ = nullptr;  // of the DATA frame that is being read; null: it is ignored
  FramedStream* sending_ = nullptr;    // whose frame is being made
  int64_t send_window_ = kDefaultWindow;
  int64_t receive_window_ = kDefaultWindow;
  int64_t consumed_ = 0;              // of the connection's window, and the peer does not know
  int32_t next_stream_ = 1;           // of ours
  int32_t last_stream_ = 0;           // the highest of the peer
  int32_t last_request_ = 0;          // the highest of these that became a request
  int32_t goaway_last_ = kMaxStream;  // that our GOAWAY named
  uint32_t answers_ = 0;              // to PING and SETTINGS, since all were taken
  bool extended_connect_ = false;     // we have said so
  bool goaway_sent_ = false;
  bool goaway_received_ = false;
  bool stopped_ = false;

  struct Prioritized {
    int32_t stream;
    Priority priority;
  };

  std::vector<Prioritized> prioritized_;  // streams to come that PRIORITY_UPDATE has named
};

}  // namespace pingap::http::h2
