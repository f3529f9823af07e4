// Writes numbers as Prometheus reads them: the text format 0.0.4, or OpenMetrics 1.0. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "observe/exemplar.h"
#include "observe/histogram.h"

namespace pingap::observe {

enum class Form : uint8_t { text, openmetrics };

std::string_view content_type(Form form) noexcept;

enum class Kind : uint8_t { counter, gauge, histogram };

// A metric; the name of a counter ends in _total.
struct Family {
  std::string_view name;
  Kind kind;
  std::string_view help;
};

using Label = std::pair<std::string_view, std::string_view>;

// name="value",name="value" with what must be escaped in values.
std::string labels(std::initializer_list<Label> all);

class Exposition {
 public:
  explicit Exposition(Form form) : form_(form) {}

  // All samples from now on are of this one; each family once.
  void begin(const Family& family);

  // `labels` as above; may be empty.
  void sample(std::string_view labels, uint64_t value);
  void sample(std::string_view labels, double value);
  // The same with one more label, whose value needs no escaping.
  void sample(std::string_view labels, Label more, uint64_t value);
  // All lines of one histogram, in seconds.
  void histogram(std::string_view labels, const HistogramTotals& totals,
                 const ExemplarSet* exemplars = nullptr);

  // The text; nothing may be added afterwards.
  std::string finish();

 private:
  void start_line(std::string_view suffix, std::string_view labels, Label more);
  void add_exemplar(const Exemplar& exemplar);

  Form form_;
  Family family_{};
  std::string text_;
};

}  // namespace pingap::observe
