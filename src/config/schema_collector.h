// The keys of a collector of OTLP, which [tracing] and [metrics] have under names of their own.
// Control thread.
#pragma once

#include "config/collector.h"
#include "config/reader.h"

namespace pingap::config {

void read_otlp_endpoint(Reader& reader, const Field& field, Collector& out);
void read_otlp_protocol(Reader& reader, const Field& field, Collector& out);
void read_otlp_headers(Reader& reader, const Field& field, Collector& out);
void read_otlp_compression(Reader& reader, const Field& field, Collector& out);
void read_otlp_timeout(Reader& reader, const Field& field, Collector& out);
void read_otlp_ca(Reader& reader, const Field& field, Collector& out);
void read_otlp_cert(Reader& reader, const Field& field, Collector& out);
void read_otlp_key(Reader& reader, const Field& field, Collector& out);
void read_otlp_verify(Reader& reader, const Field& field, Collector& out);

// One of these as the reader of a key of a section.
template <void (*Read)(Reader&, const Field&, Collector&), class Section>
void of_collector(Reader& reader, const Field& field, Section& out) {
  Read(reader, field, out.collector);
}

}  // namespace pingap::config
