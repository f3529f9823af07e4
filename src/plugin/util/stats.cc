// stats: what the process has counted, as a small JSON. For more there are the metrics.
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>

#include "plugin/process_report.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  std::string path{"/stats"};
};

constexpr Option<Settings> kOptions[] = {
    {{"path", "", Type::path, "\"/stats\"", "where"}, &Settings::path},
};

// Bytes in memory; 0 where the system does not say.
uint64_t resident_memory() noexcept {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen("/proc/self/statm", "re"),
                                                         close);
  unsigned long long size = 0;
  unsigned long long resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &size, &resident) != 2) {
    return 0;
  }
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

class Stats final : public Plugin {
 public:
  explicit Stats(Settings settings) noexcept : settings_(std::move(settings)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    if (context.x.uri.match_path != settings_.path) {
      return Verdict::next;
    }
    const ProcessReporter* reporter = process_reporter();
    const ProcessReport report = reporter == nullptr ? ProcessReport{} : reporter->report();
    const auto number = [](uint64_t value) { return std::to_string(value); };
    const std::string_view text = context.x.arena.concat(
        R"({"version":")", PINGAP_VERSION, R"(","uptime_seconds":)", number(report.uptime),
        R"(,"workers":)", number(report.workers), R"(,"connections":)", number(report.connections),
        R"(,"requests":)", number(report.requests), R"(,"server_errors":)",
        number(report.server_errors), R"(,"tls_handshakes":)", number(report.handshakes),
        R"(,"memory_bytes":)", number(resident_memory()), "}\n");
    Answer& answer = context.answer;
    answer.headers = http::HeaderMap::copy({}, context.x.arena, 4);
    answer.headers.add(http::HeaderId::content_type, "application/json");
    answer.headers.add(http::HeaderId::cache_control, "no-store");
    answer.body.append(text);
    return Verdict::respond;
  }

 private:
  Settings settings_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  return std::make_shared<Stats>(std::move(settings));
}

}  // namespace

const Kind kStats{
    "stats", "", "shows what the process has counted", Phase::content, describe_options<kOptions>,
    make};

}  // namespace pingap::plugin
