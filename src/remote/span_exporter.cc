#include "remote/span_exporter.h"

#include <algorithm>
#include <array>
#include <pthread.h>
#include <utility>
#include <zlib.h>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"
#include "remote/backoff.h"

namespace pingap::remote {
namespace {

constexpr size_t kMaxAnswer = 64 * 1024;        // bytes; it has a few words
constexpr milliseconds kGiveUp{30'000};         // a batch that could not be sent so long is dropped
constexpr milliseconds kLongestPause{10'000};   // that a collector may ask for
constexpr std::chrono::seconds kTellEvery{60};  // of failures that go on
constexpr size_t kKeptBatch = 4 * 1024 * 1024;  // bytes of memory that are kept for the next one

// The status codes of gRPC that OTLP calls retryable (OTLP specification, "Failures"). Of
// RESOURCE_EXHAUSTED only those that say when, which is in details that are not read here.
bool is_retryable(uint64_t grpc_status) noexcept {
  constexpr std::array<uint64_t, 6> kRetryable = {1, 4, 10, 11, 14, 15};
  return std::ranges::find(kRetryable, grpc_status) != kRetryable.end();
}

bool is_retryable_http(long status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// What is behind the first `room` bytes, behind as many. Empty where zlib fails, which it does for
// want of memory only.
std::string gzipped(const std::string& text, size_t room) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(room + deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data() + room));
  stream.avail_in = static_cast<uInt>(text.size() - room);
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + room);
  stream.avail_out = static_cast<uInt>(out.size() - room);
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? room + stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

// One message of gRPC begins with a byte that says whether it is compressed, and its size.
constexpr size_t kGrpcPrefix = 5;

// Fills that room in front of a message.
void put_grpc_prefix(std::string& message, bool compressed) noexcept {
  message[0] = static_cast<char>(compressed ? 1 : 0);
  const size_t size = message.size() - kGrpcPrefix;
  for (size_t i = 1; i < kGrpcPrefix; ++i) {
    message[i] = static_cast<char>(size >> (8 * (kGrpcPrefix - 1 - i)) & 0xff);
  }
}

std::string_view grpc_message(std::string_view body) noexcept {
  return body.size() < kGrpcPrefix || body[0] != 0 ? std::string_view{} : body.substr(kGrpcPrefix);
}

}  // namespace

// ---- control thread

void SpanExporter::use(std::shared_ptr<const SpanTarget> target,
                       std::shared_ptr<trace::SpanRings> rings) {
  std::shared_ptr<trace::SpanRings> waited_on;
  {
    const std::lock_guard lock(mutex_);
    if (target == nullptr && !thread_.joinable()) {
      return;
    }
    waited_on = std::exchange(waited_on_, rings);
    next_ = Next{std::move(target), std::move(rings)};
    if (!thread_.joinable()) {
      ended_ = false;
      thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    }
  }
  changed_.notify_all();
  if (waited_on != nullptr) {
    waited_on->wake();
  }
}

void SpanExporter::stop() noexcept {
  {
    std::unique_lock lock(mutex_);
    stop_by_ = Clock::now() + kFlush;
    const auto waited_on = waited_on_;
    changed_.notify_all();
    if (waited_on != nullptr) {
      waited_on->wake();
    }
    changed_.wait_until(lock, *stop_by_, [this] { return ended_; });
  }
  thread_ = {};  // asks it to stop, and waits
}

// ---- its own thread

void SpanExporter::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "pingap-spans");
  while (!stop.stop_requested()) {
    const bool last = time_left().has_value();
    adopt();
    while (collect()) {
      send(stop);
    }
    if (last) {
      break;
    }
    forget_old_rings();
    wait();
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

// Goes by what it was told last.
void SpanExporter::adopt() {
  const std::lock_guard lock(mutex_);
  if (!next_) {
    return;
  }
  if (rings_ != nullptr && rings_ != next_->rings) {
    old_rings_.push_back(rings_);
  }
  rings_ = next_->rings;
  if (next_->target != nullptr) {
    target_ = next_->target;
    origin_ = trace::make_origin(target_->resource, target_->version);
    client_.emplace(target_->tls);
  }
  next_.reset();
}

// Nobody can write to them any more.
void SpanExporter::forget_old_rings() {
  std::erase_if(old_rings_, [](const std::shared_ptr<trace::SpanRings>& one) {
    return one.use_count() == 1 && std::ranges::all_of(one->all(), [](const auto& ring) {
             return ring->front() == nullptr;
           });
  });
}

void SpanExporter::wait() {
  if (rings_ != nullptr) {
    rings_->wait_until(Clock::now() + target_->batch_delay);
    return;
  }
  std::unique_lock lock(mutex_);
  const auto called = [this] { return next_.has_value() || stop_by_.has_value(); };
  if (old_rings_.empty()) {  // perhaps there was never a target
    changed_.wait(lock, called);
  } else {
    changed_.wait_until(lock, Clock::now() + target_->batch_delay, called);
  }
}

// What is in the rings, as much as a batch may have; false: nothing.
bool SpanExporter::collect() {
  batch_.clear();
  spans_ = 0;
  const auto take_from = [this](trace::SpanRings& rings) {
    for (const auto& ring : rings.all()) {
      for (const char* record = nullptr;
           spans_ < target_->batch_size && (record = ring->front()) != nullptr; ring->pop()) {
        spans_ += trace::append_spans(record, batch_);
      }
    }
  };
  for (const auto& old : old_rings_) {
    take_from(*old);
  }
  if (rings_ != nullptr) {
    take_from(*rings_);
  }
  return spans_ > 0;
}

// Until it is taken, or there is no sense in going on.
void SpanExporter::send(const std::stop_token& stop) {
  const auto give_up = Clock::now() + kGiveUp;
  Backoff backoff;
  while (true) {
    const Outcome outcome = post(stop);
    tell(outcome);
    if (outcome.sent == Sent::taken) {
      const uint64_t rejected = std::min<uint64_t>(outcome.rejected, spans_);
      totals().sent.fetch_add(spans_ - rejected, std::memory_order_relaxed);
      totals().rejected.fetch_add(rejected, std::memory_order_relaxed);
      break;
    }
    const milliseconds time = std::max(backoff.next(), outcome.after.value_or(milliseconds(0)));
    if (outcome.sent == Sent::refused || time_left() || Clock::now() + time > give_up) {
      totals().unsent.fetch_add(spans_, std::memory_order_relaxed);
      break;
    }
    pause(time);
    adopt();
  }
  if (batch_.size() > kKeptBatch) {
    batch_.reset();
  }
}

// Where what becomes of spans is counted.
trace::SpanRings& SpanExporter::totals() noexcept {
  return rings_ != nullptr ? *rings_ : *old_rings_.back();
}

SpanExporter::Outcome SpanExporter::post(const std::stop_token& stop) {
  HttpRequest request;
  request.url = target_->url;
  request.headers = target_->headers;
  request.max_body = kMaxAnswer;
  request.timeout =
      std::max(std::min(target_->timeout, time_left().value_or(target_->timeout)), milliseconds(1));
  request.connect_timeout = std::min(request.connect_timeout, request.timeout);
  const size_t room = target_->grpc ? kGrpcPrefix : 0;
  request.body = trace::make_export_request(origin_, batch_.view(), room);
  std::string compressed = target_->gzip ? gzipped(request.body, room) : std::string();
  const bool gzip = !compressed.empty();
  if (gzip) {
    request.body = std::move(compressed);
    request.headers.emplace_back(target_->grpc ? "grpc-encoding: gzip" : "Content-Encoding: gzip");
  }
  if (target_->grpc) {
    request.version = HttpVersion::http2;
    request.headers.emplace_back("Content-Type: application/grpc");
    request.headers.emplace_back("TE: trailers");
    put_grpc_prefix(request.body, gzip);
  } else {
    request.headers.emplace_back("Content-Type: application/x-protobuf");
  }
  request.headers.push_back(fmt::format("User-Agent: pingap/{}", target_->version));
  const auto answer = client_->post(request, stop);
  if (!answer) {
    const bool too_large = answer.error().kind == HttpFailure::Kind::too_large;
    return {too_large ? Sent::refused : Sent::again, 0, answer.error().what, {}};
  }
  return target_->grpc ? judge_grpc(*answer) : judge_http(*answer);
}

SpanExporter::Outcome SpanExporter::judge_http(const HttpAnswer& answer) {
  if (answer.status / 100 == 2) {
    const trace::ExportAnswer said = trace::read_export_answer(answer.body);
    return {Sent::taken, said.rejected, said.message, {}};
  }
  Outcome outcome;
  outcome.sent = is_retryable_http(answer.status) ? Sent::again : Sent::refused;
  outcome.why = fmt::format("the answer has status {}", answer.status);
  if (const auto seconds = parse_decimal(answer.field("Retry-After"))) {
    const auto asked = static_cast<int64_t>(std::min<uint64_t>(*seconds, 3600));
    outcome.after = std::min<milliseconds>(std::chrono::seconds(asked), kLongestPause);
  }
  return outcome;
}

// What a gateway says by HTTP alone stands for a status of gRPC, too.
SpanExporter::Outcome SpanExporter::judge_grpc(const HttpAnswer& answer) {
  if (answer.status != 200) {
    return judge_http(answer).sent == Sent::again
               ? Outcome{Sent::again, 0, fmt::format("the answer has status {}", answer.status), {}}
               : Outcome{
                     Sent::refused, 0, fmt::format("the answer has status {}", answer.status), {}};
  }
  const auto status = parse_decimal(answer.field("grpc-status"));
  if (status == 0U) {
    const trace::ExportAnswer said = trace::read_export_answer(grpc_message(answer.body));
    return {Sent::taken, said.rejected, said.message, {}};
  }
  if (!status) {
    return {Sent::refused, 0, "the answer is not one of gRPC", {}};
  }
  return {is_retryable(*status) ? Sent::again : Sent::refused,
          0,
          fmt::format("grpc-status {} {}", *status, answer.field("grpc-message")),
          {}};
}

// Less, where it is told something.
void SpanExporter::pause(milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return next_.has_value() || stop_by_.has_value(); });
}

// To the end of the process; nothing: that is not in sight.
std::optional<milliseconds> SpanExporter::time_left() {
  const std::lock_guard lock(mutex_);
  if (!stop_by_) {
    return std::nullopt;
  }
  return std::max(std::chrono::duration_cast<milliseconds>(*stop_by_ - Clock::now()),
                  milliseconds(0));
}

// That it fails, now and then; that it works again, once.
void SpanExporter::tell(const Outcome& outcome) {
  if (outcome.sent == Sent::taken && outcome.rejected == 0) {
    trouble_.end();
    if (std::exchange(failing_, false)) {
      PINGAP_LOG(info, "[tracing]: spans are taken again by {}", target_->url);
    }
    return;
  }
  const std::string what =
      outcome.sent == Sent::taken
          ? fmt::format("{} rejects spans: {}", target_->url, outcome.why)
          : fmt::format("spans cannot be sent to {}: {}", target_->url, outcome.why);
  trouble_.begin(what);
  const auto now = Clock::now();
  if (!std::exchange(failing_, true) || now - told_ >= kTellEvery) {
    told_ = now;
    PINGAP_LOG(warn, "[tracing]: {}", what);
  }
}

}  // namespace pingap::remote
