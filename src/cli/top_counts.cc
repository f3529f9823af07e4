#include "cli/top_counts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <vector>

namespace pingap::cli {
namespace {

struct Sample {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels;
  double value = 0;

  std::string_view label(std::string_view wanted) const noexcept {
    const auto found =
        std::ranges::find(labels, wanted, &std::pair<std::string_view, std::string>::first);
    return found == labels.end() ? std::string_view{} : std::string_view(found->second);
  }

  Counts::Name name_of(std::string_view first, std::string_view second) const {
    return {std::string(label(first)), std::string(label(second))};
  }
};

// One line: name{label="value",...} number. False: it is none.
class LineReader {
 public:
  explicit LineReader(std::string_view line) noexcept : rest_(line) {}

  bool read(Sample& sample) {
    const size_t end = rest_.find_first_of("{ ");
    if (rest_.starts_with('#') || end == std::string_view::npos) {
      return false;
    }
    sample.name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (rest_.starts_with('{') && !read_labels(sample)) {
      return false;
    }
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const auto [last, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), sample.value);
    return error == std::errc{} && last != rest_.data();
  }

 private:
  bool read_labels(Sample& sample) {
    rest_.remove_prefix(1);
    while (!rest_.starts_with('}')) {
      const size_t equals = rest_.find("=\"");
      if (equals == std::string_view::npos) {
        return false;
      }
      const std::string_view name = rest_.substr(0, equals);
      rest_.remove_prefix(equals + 2);
      sample.labels.emplace_back(name, read_value());
      if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
      }
    }
    rest_.remove_prefix(1);
    return true;
  }

  // Up to the closing quote; \\, \" and \n are as the text format has them.
  std::string read_value() {
    std::string value;
    while (!rest_.empty() && rest_.front() != '"') {
      const bool escaped = rest_.front() == '\\' && rest_.size() > 1;
      const char next = rest_[escaped ? 1 : 0];
      value += escaped && next == 'n' ? '\n' : next;
      rest_.remove_prefix(escaped ? 2 : 1);
    }
    rest_.remove_prefix(rest_.empty() ? 0 : 1);
    return value;
  }

  std::string_view rest_;
};

LocationCounts& location_of(Counts& counts, const Sample& sample) {
  return counts.locations[sample.name_of("server", "location")];
}

BackendCounts& backend_of(Counts& counts, const Sample& sample) {
  return counts.backends[sample.name_of("upstream", "server")];
}

void add_answers(Counts& counts, const Sample& sample) {
  LocationCounts& location = location_of(counts, sample);
  location.requests += sample.value;
  const std::string_view status = sample.label("status");
  location.client_errors += status.starts_with('4') ? sample.value : 0;
  location.server_errors += status.starts_with('5') ? sample.value : 0;
}

// As the text has them: each bucket with those below it.
void set_bucket(Counts& counts, const Sample& sample) {
  const std::string_view bound = sample.label("le");
  double seconds = 0;
  size_t at = observe::kBounds.size();
  if (std::from_chars(bound.data(), bound.data() + bound.size(), seconds).ec == std::errc{} &&
      std::isfinite(seconds)) {
    const auto wanted = static_cast<int64_t>(std::llround(seconds * 1e6));
    at =
        static_cast<size_t>(std::ranges::find(observe::kBounds, wanted) - observe::kBounds.begin());
  }
  location_of(counts, sample).durations.at(at) += sample.value;
}

// Each without those below it.
void separate(Buckets& buckets) noexcept {
  for (size_t i = buckets.size() - 1; i > 0; --i) {
    buckets[i] -= buckets[i - 1];
  }
}

using Take = void (*)(Counts&, const Sample&);

template <double LocationCounts::* Member>
void add_to_location(Counts& counts, const Sample& sample) {
  location_of(counts, sample).*Member += sample.value;
}

template <double BackendCounts::* Member>
void add_to_backend(Counts& counts, const Sample& sample) {
  backend_of(counts, sample).*Member += sample.value;
}

template <double ProcessCounts::* Member>
void add_to_process(Counts& counts, const Sample& sample) {
  counts.process.*Member += sample.value;
}

void add_ends(Counts& counts, const Sample& sample) {
  const std::string_view how = sample.label("termination");
  location_of(counts, sample).broken += how == "--" || how == "LR" ? 0 : sample.value;
}

void add_answers_of_backend(Counts& counts, const Sample& sample) {
  backend_of(counts, sample).server_errors += sample.label("class") == "5xx" ? sample.value : 0;
}

void add_reloads(Counts& counts, const Sample& sample) {
  const bool taken = sample.label("result") == "taken";
  (taken ? counts.process.reloads : counts.process.refused_reloads) += sample.value;
}

const std::unordered_map<std::string_view, Take>& takers() {
  using Location = LocationCounts;
  using Backend = BackendCounts;
  using Process = ProcessCounts;
  static const std::unordered_map<std::string_view, Take> all = {
      {"http_requests_total", add_answers},
      {"http_request_duration_seconds_bucket", set_bucket},
      {"http_terminations_total", add_ends},
      {"http_request_body_bytes_total", add_to_location<&Location::bytes_in>},
      {"http_response_body_bytes_total", add_to_location<&Location::bytes_out>},
      {"http_requests_in_flight",
       [](Counts& counts, const Sample& sample) {
         counts.process.in_flight = counts.process.in_flight.value_or(0) + sample.value;
       }},
      {"upstream_requests_total", add_to_backend<&Backend::tries>},
      {"upstream_failed_tries_total", add_to_backend<&Backend::failed>},
      {"upstream_responses_total", add_answers_of_backend},
      {"upstream_retries_total", add_to_backend<&Backend::retries>},
      {"upstream_connections", add_to_backend<&Backend::connections>},
      {"upstream_requests_in_flight", add_to_backend<&Backend::in_flight>},
      {"upstream_server_weight", add_to_backend<&Backend::weight>},
      {"upstream_server_state",
       [](Counts& counts, const Sample& sample) {
         backend_of(counts, sample).state = sample.label("state");
       }},
      {"worker_connections", add_to_process<&Process::connections>},
      {"worker_event_loop_lag_seconds",
       [](Counts& counts, const Sample& sample) {
         counts.process.lag = std::max(counts.process.lag, sample.value);
       }},
      {"log_lines_dropped_total", add_to_process<&Process::log_lines_dropped>},
      {"config_revision", add_to_process<&Process::revision>},
      {"config_reloads_total", add_reloads},
      {"config_last_reload_successful",
       [](Counts& counts, const Sample& sample) {
         counts.process.last_reload_taken = sample.value > 0;
       }},
      {"pingap_build_info",
       [](Counts& counts, const Sample& sample) {
         counts.process.version = sample.label("version");
       }},
      {"process_cpu_seconds_total", add_to_process<&Process::cpu_seconds>},
      {"process_resident_memory_bytes", add_to_process<&Process::resident_bytes>},
      {"process_start_time_seconds", add_to_process<&Process::started>},
  };
  return all;
}

}  // namespace

Counts read_counts(std::string_view text) {
  Counts counts;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    Sample sample;
    if (LineReader(text.substr(0, end)).read(sample)) {
      const auto found = takers().find(sample.name);
      if (found != takers().end()) {
        found->second(counts, sample);
      }
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  for (auto& [name, location] : counts.locations) {
    separate(location.durations);
  }
  return counts;
}

}  // namespace pingap::cli
