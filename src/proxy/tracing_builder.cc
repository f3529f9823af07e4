#include "proxy/tracing_builder.h"

#include <utility>

#include <fmt/format.h>

#include "base/file_state.h"
#include "config/suggest.h"
#include "tls/pem_source.h"

namespace pingap::proxy {
namespace {

std::string state_of_files(const config::Collector& from) {
  std::string state;
  for (const auto* source : {&from.ca, &from.cert, &from.key}) {
    const std::string path = source->value.empty() ? std::string() : tls::path_of(source->value);
    state += path.empty() ? path : file_state(path) + ";";
  }
  return state;
}

trace::Sampling sampling_of(const config::Tracing& from) noexcept {
  return {from.sample_ratio, from.sample_per_second, from.parent_based, from.sample_errors};
}

trace::Propagation propagation_of(const config::Tracing& from) noexcept {
  trace::Propagation to;
  switch (from.parents) {
    case config::Tracing::Parents::all:
      to.parents = trace::Propagation::Parents::all;
      break;
    case config::Tracing::Parents::trusted:
      to.parents = trace::Propagation::Parents::trusted;
      break;
    case config::Tracing::Parents::none:
      to.parents = trace::Propagation::Parents::none;
      break;
  }
  to.tracecontext = from.propagates("tracecontext");
  to.baggage = from.propagates("baggage");
  to.b3 = from.propagates("b3");
  to.b3_multi = from.propagates("b3multi");
  return to;
}

}  // namespace

std::string read_pem(const std::string& key, const config::Located<std::string>& source,
                     tls::Readers readers, config::Diagnostics& diagnostics) {
  if (source.value.empty()) {
    return {};
  }
  auto pem = tls::read_pem(source.value, readers);
  if (!pem) {
    diagnostics.error(source.at, fmt::format("{}: {}", config::quote(key), pem.error()));
    return {};
  }
  return pem->text;
}

CollectorPems read_pems(const config::Collector& from, config::OtlpSignal signal,
                        config::Diagnostics& diagnostics) {
  const auto get = [&](std::string_view key, const config::Located<std::string>& source,
                       tls::Readers readers) {
    return read_pem(fmt::format("{}{}", config::key_prefix(signal), key), source, readers,
                    diagnostics);
  };
  return {get("tls_ca", from.ca, tls::Readers::any), get("tls_cert", from.cert, tls::Readers::any),
          get("tls_key", from.key, tls::Readers::no_others)};
}

void build_tracing(const config::Tracing& from, config::Diagnostics& diagnostics,
                   const Snapshot* before, Snapshot& to) {
  if (!from.on()) {
    return;
  }
  std::string files = state_of_files(from.collector);
  std::shared_ptr<trace::SpanRings> rings;
  if (before != nullptr && before->tracing != nullptr) {
    if (before->tracing->settings == from && before->tracing->files_state == files) {
      to.tracer = before->tracer;
      to.tracing = before->tracing;
      return;
    }
    rings = before->tracer->shared_rings();
  }
  if (rings == nullptr || rings->records() != from.queue_size) {
    rings = std::make_shared<trace::SpanRings>(to.workers, from.queue_size,
                                               rings ? rings->totals() : trace::SpanTotals());
  }
  auto made = std::make_shared<Tracing>();
  made->settings = from;
  made->files_state = std::move(files);
  made->pems = read_pems(from.collector, config::OtlpSignal::traces, diagnostics);
  to.tracing = std::move(made);
  to.tracer =
      std::make_shared<trace::Tracer>(sampling_of(from), propagation_of(from), std::move(rings));
}

}  // namespace pingap::proxy
