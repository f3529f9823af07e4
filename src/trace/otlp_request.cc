// What is around the spans of a batch, and what a collector answers.
#include <array>

#include "trace/otlp.h"

namespace pingap::trace {
namespace {

// Field numbers of opentelemetry/proto/collector/trace/v1/trace_service.proto and of the messages
// in it.
namespace field {
constexpr uint32_t kResourceSpans = 1;  // of ExportTraceServiceRequest
constexpr uint32_t kResource = 1;       // of ResourceSpans
constexpr uint32_t kScopeSpans = 2;
constexpr uint32_t kResourceSchema = 3;
constexpr uint32_t kScope = 1;       // of ScopeSpans
constexpr uint32_t kAttributes = 1;  // of Resource
constexpr uint32_t kKey = 1;         // of KeyValue
constexpr uint32_t kValue = 2;
constexpr uint32_t kString = 1;  // of AnyValue
}  // namespace field

constexpr std::string_view kSchema = "https://opentelemetry.io/schemas/1.44.0";

// An attribute of the resource.
char* put_text(std::string_view key, std::string_view value, char* to) noexcept {
  const pb::Message pair(field::kAttributes, to);
  const pb::Message any(field::kValue, pb::put_bytes(field::kKey, key, pair.begin()));
  return pair.end(any.end(pb::put_bytes(field::kString, value, any.begin())));
}

}  // namespace

Origin make_origin(const Attributes& resource, std::string_view version) {
  Origin origin;
  Bytes bytes;
  for (const auto& [key, value] : resource) {
    bytes.used_to(put_text(key, value, bytes.room(key.size() + value.size() + 64)));
  }
  origin.resource = bytes.view();
  bytes.clear();
  char* to = bytes.room(version.size() + 64);
  bytes.used_to(pb::put_bytes(2, version, pb::put_bytes(1, "pingap", to)));
  origin.scope = bytes.view();
  return origin;
}

std::string make_export_request(const Origin& origin, std::string_view spans, size_t room) {
  constexpr size_t kRoom = 2 * (1 + pb::kMaxVarint);  // of two tags with their sizes
  std::string resource(origin.resource.size() + kRoom, '\0');
  resource.resize(static_cast<size_t>(
      pb::put_bytes(field::kResource, origin.resource, resource.data()) - resource.data()));
  std::string scope(origin.scope.size() + kRoom, '\0');
  scope.resize(
      static_cast<size_t>(pb::put_bytes(field::kScope, origin.scope, scope.data()) - scope.data()));
  std::string schema(kSchema.size() + kRoom, '\0');
  schema.resize(static_cast<size_t>(pb::put_bytes(field::kResourceSchema, kSchema, schema.data()) -
                                    schema.data()));
  const size_t scope_spans = scope.size() + spans.size();
  const size_t whole =
      resource.size() + 1 + pb::varint_size(scope_spans) + scope_spans + schema.size();
  std::array<char, kRoom> head{};
  std::string out;
  out.reserve(room + whole + kRoom);
  out.resize(room);
  const auto begin = [&](uint32_t number, size_t size) {
    const char* end = pb::put_varint(size, pb::put_tag(number, pb::Wire::bytes, head.data()));
    out.append(head.data(), static_cast<size_t>(end - head.data()));
  };
  begin(field::kResourceSpans, whole);
  out += resource;
  begin(field::kScopeSpans, scope_spans);
  out += scope;
  out += spans;
  out += schema;
  return out;
}

namespace {

// Fields of a message, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view message) noexcept : rest_(message) {}

  // False at the end, or where the bytes are no message.
  bool next() noexcept {
    uint64_t tag = 0;
    if (rest_.empty() || !varint(tag)) {
      return false;
    }
    number = tag >> 3;
    bytes = {};
    value = 0;
    switch (tag & 7) {
      case 0:
        return varint(value);
      case 1:
        return take(8);
      case 2:
        return varint(value) && take(value);
      case 5:
        return take(4);
      default:
        return false;
    }
  }

  uint64_t number = 0;
  uint64_t value = 0;
  std::string_view bytes;

 private:
  bool varint(uint64_t& out) noexcept {
    out = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      out |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return true;
      }
    }
    return false;
  }

  bool take(uint64_t size) noexcept {
    if (size > rest_.size()) {
      return false;
    }
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

ExportAnswer read_export_answer(std::string_view bytes) {
  ExportAnswer answer;
  for (Fields outer(bytes); outer.next();) {
    if (outer.number != 1) {
      continue;
    }
    for (Fields partial(outer.bytes); partial.next();) {  // ExportTracePartialSuccess
      if (partial.number == 1) {
        answer.rejected = partial.value;
      } else if (partial.number == 2) {
        answer.message = partial.bytes;
      }
    }
  }
  return answer;
}

}  // namespace pingap::trace
