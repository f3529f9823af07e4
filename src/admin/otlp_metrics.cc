#include "admin/otlp_metrics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/strings.h"
#include "trace/protobuf.h"

namespace pingap::admin {
namespace {

namespace pb = trace::pb;
using observe::Kind;

// Field numbers of metrics.proto and common.proto.
namespace field {
constexpr uint32_t kMetrics = 2;  // of ScopeMetrics
constexpr uint32_t kName = 1;     // of Metric
constexpr uint32_t kDescription = 2;
constexpr uint32_t kUnit = 3;
constexpr uint32_t kGauge = 5;
constexpr uint32_t kSum = 7;
constexpr uint32_t kHistogram = 9;
constexpr uint32_t kPoints = 1;       // of Gauge, Sum and Histogram
constexpr uint32_t kTemporality = 2;  // of Sum and Histogram
constexpr uint32_t kMonotonic = 3;    // of Sum
constexpr uint32_t kStart = 2;        // of both kinds of points
constexpr uint32_t kTime = 3;
constexpr uint32_t kDouble = 4;  // of NumberDataPoint
constexpr uint32_t kInt = 6;
constexpr uint32_t kNumberAttributes = 7;
constexpr uint32_t kCount = 4;  // of HistogramDataPoint
constexpr uint32_t kSumOfAll = 5;
constexpr uint32_t kBucketCounts = 6;
constexpr uint32_t kExplicitBounds = 7;
constexpr uint32_t kExemplars = 8;
constexpr uint32_t kHistogramAttributes = 9;
constexpr uint32_t kExemplarTime = 2;  // of Exemplar
constexpr uint32_t kExemplarDouble = 3;
constexpr uint32_t kExemplarTrace = 5;
constexpr uint32_t kExemplarAttributes = 7;
constexpr uint32_t kKey = 1;  // of KeyValue
constexpr uint32_t kValue = 2;
constexpr uint32_t kString = 1;  // of AnyValue
}  // namespace field

constexpr uint64_t kCumulative = 2;

void add_varint(std::string& out, uint64_t value) {
  std::array<char, pb::kMaxVarint> room;
  out.append(room.data(), pb::put_varint(value, room.data()));
}

void add_tag(std::string& out, uint32_t number, pb::Wire wire) {
  add_varint(out, number << 3 | static_cast<uint32_t>(wire));
}

void add_bytes(std::string& out, uint32_t number, std::string_view value) {
  add_tag(out, number, pb::Wire::bytes);
  add_varint(out, value.size());
  out += value;
}

void add_uint(std::string& out, uint32_t number, uint64_t value) {
  add_tag(out, number, pb::Wire::varint);
  add_varint(out, value);
}

void add_word(std::string& out, uint64_t value) {
  std::array<char, sizeof(value)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(value));
  out.append(bytes.data(), bytes.size());
}

void add_fixed64(std::string& out, uint32_t number, uint64_t value) {
  add_tag(out, number, pb::Wire::fixed64);
  add_word(out, value);
}

void add_attribute(std::string& out, uint32_t number, std::string_view key,
                   std::string_view value) {
  std::string any;
  add_bytes(any, field::kString, value);
  std::string pair;
  add_bytes(pair, field::kKey, key);
  add_bytes(pair, field::kValue, any);
  add_bytes(out, number, pair);
}

// As observe::labels() writes them: name="value",... with \\, \" and \n.
std::string attributes_of(std::string_view labels, uint32_t number) {
  std::string out;
  while (!labels.empty()) {
    const size_t equals = labels.find("=\"");
    if (equals == std::string_view::npos) {
      break;
    }
    const std::string_view name = labels.substr(0, equals);
    labels.remove_prefix(equals + 2);
    std::string value;
    while (!labels.empty() && labels.front() != '"') {
      const bool escaped = labels.front() == '\\' && labels.size() > 1;
      const char next = labels[escaped ? 1 : 0];
      value += escaped && next == 'n' ? '\n' : next;
      labels.remove_prefix(escaped ? 2 : 1);
    }
    add_attribute(out, number, name, value);
    labels.remove_prefix(std::min<size_t>(2, labels.size()));  // the quote, and a comma
  }
  return out;
}

// "0af7..." as bytes.
std::string bytes_of(std::string_view hex) {
  std::string out;
  for (; hex.size() >= 2; hex.remove_prefix(2)) {
    out += static_cast<char>(hex_value(hex[0]) << 4 | hex_value(hex[1]));
  }
  return out;
}

uint64_t nanoseconds(WallTime time) noexcept {
  return static_cast<uint64_t>(time.time_since_epoch().count());
}

// The request of a bucket, by its trace, or else by its id.
void add_exemplar(std::string& point, const observe::Exemplar& exemplar) {
  std::string out;
  add_fixed64(out, field::kExemplarTime, nanoseconds(exemplar.at));
  add_fixed64(out, field::kExemplarDouble,
              std::bit_cast<uint64_t>(std::chrono::duration<double>(exemplar.took).count()));
  if (exemplar.of == observe::ExemplarOf::trace_id) {
    add_bytes(out, field::kExemplarTrace, bytes_of(exemplar.id));
  } else {
    add_attribute(out, field::kExemplarAttributes, "request_id", exemplar.id);
  }
  add_bytes(point, field::kExemplars, out);
}

std::string_view unit_of(std::string_view name) noexcept {
  if (name.ends_with("_seconds")) {
    return "s";
  }
  return name.ends_with("_bytes") ? "By" : "1";
}

}  // namespace

OtlpMetrics::OtlpMetrics(WallTime started, WallTime now)
    : started_(nanoseconds(started)), now_(nanoseconds(now)) {
}

void OtlpMetrics::begin(const observe::Family& family) {
  end();
  family_ = family;
}

void OtlpMetrics::sample(std::string_view labels, uint64_t value) {
  add_number(attributes_of(labels, field::kNumberAttributes), field::kInt, value);
}

void OtlpMetrics::sample(std::string_view labels, double value) {
  add_number(attributes_of(labels, field::kNumberAttributes), field::kDouble,
             std::bit_cast<uint64_t>(value));
}

void OtlpMetrics::sample(std::string_view labels, observe::Label more, uint64_t value) {
  std::string attributes = attributes_of(labels, field::kNumberAttributes);
  add_attribute(attributes, field::kNumberAttributes, more.first, more.second);
  add_number(std::move(attributes), field::kInt, value);
}

void OtlpMetrics::add_number(std::string attributes, uint32_t number, uint64_t bits) {
  std::string point = std::move(attributes);
  if (family_.kind == Kind::counter) {
    add_fixed64(point, field::kStart, started_);
  }
  add_fixed64(point, field::kTime, now_);
  add_fixed64(point, number, bits);
  add_bytes(points_, field::kPoints, point);
}

void OtlpMetrics::histogram(std::string_view labels, const observe::HistogramTotals& totals,
                            const observe::ExemplarSet* exemplars) {
  std::string point = attributes_of(labels, field::kHistogramAttributes);
  add_fixed64(point, field::kStart, started_);
  add_fixed64(point, field::kTime, now_);
  add_fixed64(point, field::kCount, totals.count());
  add_fixed64(point, field::kSumOfAll,
              std::bit_cast<uint64_t>(static_cast<double>(totals.nanoseconds) / 1e9));
  std::string words;
  for (const uint64_t bucket : totals.buckets) {
    add_word(words, bucket);
  }
  add_bytes(point, field::kBucketCounts, words);
  words.clear();
  for (const int64_t bound : observe::kBounds) {
    add_word(words, std::bit_cast<uint64_t>(static_cast<double>(bound) / 1e6));
  }
  add_bytes(point, field::kExplicitBounds, words);
  for (size_t i = 0; exemplars != nullptr && i < exemplars->size(); ++i) {
    if (const auto& one = exemplars->at(i)) {
      add_exemplar(point, *one);
    }
  }
  add_bytes(points_, field::kPoints, point);
}

void OtlpMetrics::end() {
  if (points_.empty()) {
    return;
  }
  std::string_view name = family_.name;
  if (family_.kind == Kind::counter && name.ends_with("_total")) {
    name.remove_suffix(std::string_view("_total").size());
  }
  std::string data = std::move(points_);
  points_.clear();
  uint32_t kind = field::kGauge;
  if (family_.kind != Kind::gauge) {
    kind = family_.kind == Kind::counter ? field::kSum : field::kHistogram;
    add_uint(data, field::kTemporality, kCumulative);
  }
  if (family_.kind == Kind::counter) {
    add_uint(data, field::kMonotonic, 1);
  }
  std::string metric;
  add_bytes(metric, field::kName, name);
  add_bytes(metric, field::kDescription, family_.help);
  add_bytes(metric, field::kUnit, unit_of(name));
  add_bytes(metric, kind, data);
  add_bytes(out_, field::kMetrics, metric);
}

std::string OtlpMetrics::finish() {
  end();
  return std::move(out_);
}

}  // namespace pingap::admin
