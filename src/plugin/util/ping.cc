// ping: says that the proxy is there.
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  std::string path{"/ping"};
};

constexpr Option<Settings> kOptions[] = {
    {{"path", "", Type::path, "\"/ping\"", "where"}, &Settings::path},
};

class Ping final : public Plugin {
 public:
  explicit Ping(Settings settings) noexcept : settings_(std::move(settings)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    if (context.x.uri.match_path.size() != settings_.path.size()) {
      return Verdict::next;
    }
    return answer_at_path(context);
  }

 private:
  // Not a part of the above, so that other paths cost little.
  [[gnu::noinline]] Verdict answer_at_path(Context& context) const noexcept {
    if (context.x.uri.match_path != settings_.path) {
      return Verdict::next;
    }
    Answer& answer = context.answer;
    answer.headers = http::HeaderMap::copy({}, context.x.arena, 4);
    answer.headers.add(http::HeaderId::content_type, "text/plain; charset=utf-8");
    answer.headers.add(http::HeaderId::cache_control, "no-store");
    answer.body.append("pong");
    return Verdict::respond;
  }

  Settings settings_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  return std::make_shared<Ping>(std::move(settings));
}

}  // namespace

const Kind kPing{
    "ping", "", "answers \"pong\" at one path", Phase::guard, describe_options<kOptions>, make};

}  // namespace pingap::plugin
