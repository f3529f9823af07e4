// fault: makes a part of the requests slow or fail, to see what becomes of those who sent them.
#include "plugin/random.h"
#include "plugin/traffic/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  milliseconds delay{0};
  Number delay_percent{100};
  uint32_t abort = 0;
  Number abort_percent{100};
};

constexpr Option<Settings> kOptions[] = {
    {{"delay", "", Type::duration, "none", "how long requests are kept waiting", {}, {1, 0}},
     &Settings::delay},
    {{"delay_percent", "", Type::number, "100", "of the requests", {}, {0, 100}},
     &Settings::delay_percent},
    {{"abort",
      "",
      Type::integer,
      "none",
      "the status that requests are answered with",
      {},
      {400, 599}},
     &Settings::abort},
    {{"abort_percent", "", Type::number, "100", "of the requests", {}, {0, 100}},
     &Settings::abort_percent},
};

class Fault final : public Plugin {
 public:
  explicit Fault(Settings settings) noexcept : settings_(settings) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    if (settings_.delay > milliseconds::zero() && happens(settings_.delay_percent.value)) {
      context.host.continue_after(settings_.delay);
      return Verdict::suspend;
    }
    return on_resume(context);
  }

  Verdict on_resume(Context& context) const noexcept override {
    if (settings_.abort == 0 || !happens(settings_.abort_percent.value)) {
      return Verdict::next;
    }
    return context.refuse(static_cast<uint16_t>(settings_.abort), ErrorCode::plugin_failed,
                          "a fault was asked for");
  }

 private:
  Settings settings_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  if (settings.delay == milliseconds::zero() && settings.abort == 0) {
    making.reader.error(making.entry.at, {"a fault that does nothing", "`delay` or `abort`", {}});
  }
  if (settings.delay == milliseconds::zero()) {
    warn_idle(making.entry, "delay_percent", "without `delay`", making.reader);
  }
  if (settings.abort == 0) {
    warn_idle(making.entry, "abort_percent", "without `abort`", making.reader);
  }
  return std::make_shared<Fault>(settings);
}

}  // namespace

const Kind kFault{"fault",
                  "",
                  "makes requests slow or fail, for tests",
                  Phase::traffic,
                  describe_options<kOptions>,
                  make};

}  // namespace pingap::plugin
