// metrics: what is counted, for Prometheus, at a path of a server. The control thread makes the
// text; the request waits for it, its worker does not.
#include <memory>
#include <string>
#include <utility>

#include "plugin/process_report.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  std::string path{"/metrics"};
};

constexpr Option<Settings> kOptions[] = {
    {{"path", "", Type::path, "\"/metrics\"", "where"}, &Settings::path},
};

class Metrics final : public Plugin {
 public:
  explicit Metrics(Settings settings) noexcept : settings_(std::move(settings)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    if (context.x.uri.match_path != settings_.path) {
      return Verdict::next;
    }
    ProcessReporter* const reporter = process_reporter();
    if (reporter == nullptr) {
      return context.refuse(503, ErrorCode::plugin_failed, "nobody counts");
    }
    context.state = &context.make<MetricsReport>();
    reporter->metrics(context.x.request.headers.get("accept"),
                      [continuation = context.host.continue_later()](const MetricsReport& report) {
                        continuation->resume([report](void* state) {
                          *static_cast<MetricsReport*>(state) = report;
                        });
                      });
    return Verdict::suspend;
  }

  Verdict on_resume(Context& context) const noexcept override {
    const auto& report = *static_cast<const MetricsReport*>(context.state);
    Answer& answer = context.answer;
    answer.headers = http::HeaderMap::copy({}, context.x.arena, 4);
    answer.headers.add(http::HeaderId::content_type, report.content_type);
    answer.headers.add(http::HeaderId::cache_control, "no-store");
    answer.body.append(*report.text);
    return Verdict::respond;
  }

 private:
  Settings settings_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  return std::make_shared<Metrics>(std::move(settings));
}

}  // namespace

const Kind kMetrics{"metrics",
                    "",
                    "shows what is counted, for Prometheus",
                    Phase::content,
                    describe_options<kOptions>,
                    make};

}  // namespace pingap::plugin
