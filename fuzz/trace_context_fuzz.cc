// Any bytes as headers of a trace: what is taken has ids that are not zero and, written again, is
// read as the same; and any bytes as an answer of a collector.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "trace/context.h"
#include "trace/otlp.h"

namespace {

using pingap::trace::Parent;

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void require_same(const std::optional<Parent>& again, const Parent& parent, bool sampled) {
  require(again && again->trace == parent.trace && again->span == parent.span);
  require((again->sampled == Parent::Sampled::yes) == sampled);
}

void check(const std::optional<Parent>& parent) {
  if (!parent) {
    return;
  }
  require(parent->trace.valid() && parent->span != 0);
  const bool sampled = parent->sampled == Parent::Sampled::yes;
  std::string line(pingap::trace::kTraceparentLine, '\0');
  pingap::trace::put_traceparent_line(parent->trace, parent->span, sampled, line.data());
  const auto value =
      std::string_view(line).substr(pingap::trace::kTraceparentAt, pingap::trace::kTraceparentSize);
  require_same(pingap::trace::parse_traceparent(value), *parent, sampled);
  std::string b3(pingap::trace::kB3Size, '\0');
  pingap::trace::put_b3(parent->trace, parent->span, sampled, b3.data());
  require_same(pingap::trace::parse_b3(b3), *parent, sampled);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A copy of its own size, so that reading past the end is seen.
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(pingap::trace::parse_traceparent(text));
  check(pingap::trace::parse_b3(text));
  const size_t first = text.find('\n');
  if (first != std::string::npos) {
    check(pingap::trace::parse_b3_fields(std::string_view(text).substr(0, first),
                                         std::string_view(text).substr(first + 1), "1", ""));
  }
  pingap::trace::read_export_answer(text);
  return 0;
}
