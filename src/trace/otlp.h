// Records as OTLP (https://opentelemetry.io/docs/specs/otlp/, v1), with the attributes of the HTTP
// semantic conventions (v1.44: https://opentelemetry.io/docs/specs/semconv/http/http-spans/). Pure;
// one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trace/protobuf.h"
#include "trace/record.h"

namespace pingap::trace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

// The spans of a record behind those in `out`, as fields of a ScopeSpans; how many there are.
size_t append_spans(const char* record, Bytes& out);

// What says who sends them; the same for every batch.
struct Origin {
  std::string resource;  // a Resource
  std::string scope;     // an InstrumentationScope
};

Origin make_origin(const Attributes& resource, std::string_view version);

// An ExportTraceServiceRequest of what append_spans() has made, behind `room` zero bytes for who
// puts something in front of it.
std::string make_export_request(const Origin& origin, std::string_view spans, size_t room);

// What a collector has said in an ExportTraceServiceResponse.
struct ExportAnswer {
  uint64_t rejected = 0;  // spans
  std::string message;
};

// Empty where the bytes are none.
ExportAnswer read_export_answer(std::string_view bytes);

}  // namespace pingap::trace
