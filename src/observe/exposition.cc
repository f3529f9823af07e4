#include "observe/exposition.h"

#include <iterator>

#include <fmt/format.h>

namespace pingap::observe {
namespace {

constexpr std::string_view kTotal = "_total";

constexpr std::string_view kind_name(Kind kind) noexcept {
  switch (kind) {
    case Kind::counter:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      break;
  }
  return "histogram";
}

void append_escaped(std::string& to, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      to += '\\';
      to += c;
    } else if (c == '\n') {
      to += "\\n";
    } else {
      to += c;
    }
  }
}

double seconds(uint64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) / 1e9;
}

// The same upper bound in both formats: OpenMetrics wants a dot in it.
std::string bound_text(size_t bucket, Form form) {
  if (bucket == kBounds.size()) {
    return "+Inf";
  }
  std::string text = fmt::format("{}", static_cast<double>(kBounds[bucket]) / 1e6);
  const bool whole = text.find('.') == std::string::npos;
  return form == Form::openmetrics && whole ? text + ".0" : text;
}

}  // namespace

std::string_view content_type(Form form) noexcept {
  return form == Form::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                   : "text/plain; version=0.0.4; charset=utf-8";
}

std::string labels(std::initializer_list<Label> all) {
  std::string text;
  for (const auto& [name, value] : all) {
    text += text.empty() ? "" : ",";
    text += name;
    text += "=\"";
    append_escaped(text, value);
    text += '"';
  }
  return text;
}

void Exposition::begin(const Family& family) {
  family_ = family;
  std::string_view name = family.name;
  if (form_ == Form::openmetrics && family.kind == Kind::counter) {
    name.remove_suffix(kTotal.size());  // the suffix is that of its sample
  }
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                 kind_name(family.kind));
}

void Exposition::start_line(std::string_view suffix, std::string_view labels, Label more) {
  text_ += family_.name;
  text_ += suffix;
  if (!labels.empty() || !more.first.empty()) {
    text_ += '{';
    text_ += labels;
    if (!more.first.empty()) {
      text_ += labels.empty() ? "" : ",";
      text_ += more.first;
      text_ += "=\"";
      text_ += more.second;
      text_ += '"';
    }
    text_ += '}';
  }
  text_ += ' ';
}

void Exposition::sample(std::string_view labels, uint64_t value) {
  sample(labels, Label{}, value);
}

void Exposition::sample(std::string_view labels, Label more, uint64_t value) {
  start_line({}, labels, more);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void Exposition::sample(std::string_view labels, double value) {
  start_line({}, labels, {});
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void Exposition::histogram(std::string_view labels, const HistogramTotals& totals,
                           const ExemplarSet* exemplars) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    sum += totals.buckets[i];
    start_line("_bucket", labels, {"le", bound_text(i, form_)});
    fmt::format_to(std::back_inserter(text_), "{}", sum);
    if (exemplars != nullptr && form_ == Form::openmetrics && exemplars->at(i)) {
      add_exemplar(*exemplars->at(i));
    }
    text_ += '\n';
  }
  start_line("_sum", labels, {});
  fmt::format_to(std::back_inserter(text_), "{}\n", seconds(totals.nanoseconds));
  start_line("_count", labels, {});
  fmt::format_to(std::back_inserter(text_), "{}\n", sum);
}

void Exposition::add_exemplar(const Exemplar& exemplar) {
  const double at = std::chrono::duration<double>(exemplar.at.time_since_epoch()).count();
  fmt::format_to(std::back_inserter(text_), " # {{{}}} {} {:.3f}",
                 observe::labels({{exemplar.of == ExemplarOf::trace_id ? "trace_id" : "request_id",
                                   exemplar.id}}),
                 std::chrono::duration<double>(exemplar.took).count(), at);
}

std::string Exposition::finish() {
  if (form_ == Form::openmetrics) {
    text_ += "# EOF\n";
  }
  return std::move(text_);
}

}  // namespace pingap::observe
