// How the rows of `pingap top` look.
#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "cli/top_view.h"

namespace pingap::cli {
namespace {

// Of what stands at the top and between the tables.
constexpr size_t kFixedLines = 7;

// What moves the cursor or is half a letter has no place in a cell; names may come from elsewhere.
std::string cell(std::string_view text, size_t width) {
  std::string out;
  size_t letters = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xC0U) == 0x80U;
    if (!continues && letters == width) {
      return out;
    }
    letters += continues ? 0U : 1U;
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  out.append(width - std::min(width, letters), ' ');
  return out;
}

// 0.4, 12.3, 1234, 12.3k, 4.5M.
std::string number(double value) {
  if (value < 99.95) {
    return fmt::format("{:.1f}", value);
  }
  if (value < 9999.5) {
    return fmt::format("{:.0f}", value);
  }
  return value < 999'950 ? fmt::format("{:.1f}k", value / 1e3)
                         : fmt::format("{:.1f}M", value / 1e6);
}

std::string bytes(double value) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", value) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string time(double seconds) {
  if (seconds < 0.0995) {
    return fmt::format("{:.1f}ms", seconds * 1e3);
  }
  return seconds < 0.9995 ? fmt::format("{:.0f}ms", seconds * 1e3)
                          : fmt::format("{:.2f}s", seconds);
}

std::string time(const std::optional<Quantile>& quantile) {
  if (!quantile) {
    return "-";
  }
  switch (quantile->bound) {
    case Quantile::Bound::about:
      return time(quantile->seconds);
    case Quantile::Bound::below:
      return fmt::format("<{:.0f}ms", quantile->seconds * 1e3);
    case Quantile::Bound::above:
      return fmt::format(">{:.0f}s", quantile->seconds);
  }
  return {};
}

std::string share(double part, double all) {
  return all > 0 && part > 0 ? fmt::format("{:.1f}%", 100 * part / all) : "-";
}

std::string since(double uptime) {
  const auto seconds = static_cast<uint64_t>(uptime);
  const uint64_t days = seconds / 86'400;
  const std::string rest =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return days > 0 ? fmt::format("{}d {}", days, rest) : rest;
}

class Text {
 public:
  Text(const TopView& view, TopSize size) : view_(view), size_(size) {}

  std::string run() {
    const size_t room = size_.rows > kFixedLines ? size_.rows - kFixedLines : 0;
    size_t locations = view_.locations.size();
    size_t backends = view_.backends.size();
    if (size_.rows > 0 && locations + backends > room) {
      // Each at least half of it, and what the other leaves.
      const size_t half = room / 2;
      locations = std::min(locations, room - std::min(backends, half));
      backends = std::min(backends, room - locations);
    }
    head();
    line("");
    name_width_ = width_of_names();
    locations_table(locations);
    line("");
    backends_table(backends);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    out_ += size_.columns > 0 ? cell(text, size_.columns) : std::string(text);
    while (out_.ends_with(' ')) {
      out_.pop_back();
    }
    out_ += '\n';
  }

  void head() {
    const ProcessCounts& process = view_.process;
    line(fmt::format("pingap {}  up {}  revision {:.0f}  reloads {:.0f}, {:.0f} refused{}",
                     process.version, since(view_.uptime), process.revision, process.reloads,
                     process.refused_reloads,
                     process.last_reload_taken ? "" : "  LAST RELOAD REFUSED"));
    std::string rates = "requests are not counted: there is no [metrics]";
    if (process.in_flight) {
      rates = fmt::format("requests {}/s  4xx {}  5xx {}  p50 {}  p99 {}  in flight {:.0f}",
                          number(view_.all.requests),
                          share(view_.all.client_errors, view_.all.requests),
                          share(view_.all.server_errors, view_.all.requests), time(view_.all.p50),
                          time(view_.all.p99), *process.in_flight);
    }
    line(fmt::format("{}  connections {:.0f}", rates, process.connections));
    line(fmt::format("cpu {:.2f}  memory {}  loop lag {}  in {}/s  out {}/s{}", view_.cpu,
                     bytes(process.resident_bytes), time(process.lag), bytes(view_.all.bytes_in),
                     bytes(view_.all.bytes_out),
                     process.log_lines_dropped > 0
                         ? fmt::format("  LOG LINES LOST {:.0f}", process.log_lines_dropped)
                         : ""));
  }

  size_t width_of_names() const noexcept {
    size_t longest = 12;
    for (const LocationRow& row : view_.locations) {
      longest = std::max({longest, row.server.size(), row.location.size()});
    }
    for (const BackendRow& row : view_.backends) {
      longest = std::max({longest, row.upstream.size(), row.server.size()});
    }
    constexpr size_t kNumbers = 66;
    const size_t most = size_.columns > kNumbers + 24 ? (size_.columns - kNumbers) / 2 : 12;
    return size_.columns > 0 ? std::min(longest, most) : longest;
  }

  // Rows beyond `room` are only counted.
  template <class Rows, class Row>
  void table(const Rows& rows, size_t room, Row write) {
    for (size_t i = 0; i < rows.size(); ++i) {
      if (i + 1 == room && room < rows.size()) {
        line(fmt::format("... {} more", rows.size() - i));
        return;
      }
      if (i == room) {
        return;
      }
      line(write(rows[i]));
    }
  }

  void locations_table(size_t room) {
    line(fmt::format("{} {} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8} {:>10}/s",
                     cell("SERVER", name_width_), cell("LOCATION", name_width_), "REQ/S", "4XX",
                     "5XX", "BROKEN", "P50", "P99", "OUT"));
    table(view_.locations, room, [this](const LocationRow& row) {
      return fmt::format("{} {} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8} {:>10}/s",
                         cell(row.server, name_width_), cell(row.location, name_width_),
                         number(row.requests), share(row.client_errors, row.requests),
                         share(row.server_errors, row.requests), share(row.broken, row.requests),
                         time(row.p50), time(row.p99), bytes(row.bytes_out));
    });
  }

  void backends_table(size_t room) {
    line(fmt::format("{} {} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8} {}", cell("UPSTREAM", name_width_),
                     cell("BACKEND", name_width_), "TRIES/S", "FAILED", "5XX", "RETRY", "CONNS",
                     "INFLIGHT", "STATE"));
    table(view_.backends, room, [this](const BackendRow& row) {
      return fmt::format("{} {} {:>8} {:>7} {:>7} {:>7} {:>8.0f} {:>8.0f} {}",
                         cell(row.upstream, name_width_), cell(row.server, name_width_),
                         number(row.tries), share(row.failed, row.tries),
                         share(row.server_errors, row.tries), share(row.retries, row.tries),
                         row.now.connections, row.now.in_flight, row.now.state);
    });
  }

  const TopView& view_;
  const TopSize size_;
  size_t name_width_ = 12;
  std::string out_;
};

void write_quantile(JsonWriter& out, std::string_view name,
                    const std::optional<Quantile>& quantile) {
  if (quantile) {
    out.number(name, quantile->seconds);
  }
}

void write_rates(JsonWriter& out, const LocationRow& row) {
  out.number("requests_per_second", row.requests);
  out.number("client_errors_per_second", row.client_errors);
  out.number("server_errors_per_second", row.server_errors);
  out.number("broken_per_second", row.broken);
  out.number("bytes_in_per_second", row.bytes_in);
  out.number("bytes_out_per_second", row.bytes_out);
  write_quantile(out, "p50", row.p50);
  write_quantile(out, "p99", row.p99);
  out.number("requests", row.total);
}

void write_process(JsonWriter& out, const TopView& view) {
  const ProcessCounts& process = view.process;
  out.text("version", process.version);
  out.number("uptime", view.uptime);
  out.number("interval", view.seconds);
  out.number("cpu", view.cpu);
  out.number("resident_bytes", process.resident_bytes);
  out.number("connections", process.connections);
  if (process.in_flight) {
    out.number("in_flight", *process.in_flight);
  }
  out.number("event_loop_lag", process.lag);
  out.number("revision", process.revision);
  out.number("reloads", process.reloads);
  out.number("refused_reloads", process.refused_reloads);
  out.key("last_reload_taken");
  out.boolean(process.last_reload_taken);
  out.number("log_lines_dropped", process.log_lines_dropped);
}

void write_backend(JsonWriter& out, const BackendRow& row) {
  out.begin_object();
  out.text("upstream", row.upstream);
  out.text("server", row.server);
  out.text("state", row.now.state);
  out.number("weight", row.now.weight);
  out.number("tries_per_second", row.tries);
  out.number("failed_per_second", row.failed);
  out.number("server_errors_per_second", row.server_errors);
  out.number("retries_per_second", row.retries);
  out.number("connections", row.now.connections);
  out.number("in_flight", row.now.in_flight);
  out.number("tries", row.now.tries);
  out.number("failed", row.now.failed);
  out.end();
}

}  // namespace

std::string to_text(const TopView& view, TopSize size) {
  return Text(view, size).run();
}

std::string to_json(const TopView& view) {
  JsonWriter out;
  out.begin_object();
  write_process(out, view);
  out.key("all");
  out.begin_object();
  write_rates(out, view.all);
  out.end();
  out.key("locations");
  out.begin_list();
  for (const LocationRow& row : view.locations) {
    out.begin_object();
    out.text("server", row.server);
    out.text("location", row.location);
    write_rates(out, row);
    out.end();
  }
  out.end();
  out.key("upstreams");
  out.begin_list();
  for (const BackendRow& row : view.backends) {
    write_backend(out, row);
  }
  out.end();
  out.end();
  return out.finish() + '\n';
}

}  // namespace pingap::cli
