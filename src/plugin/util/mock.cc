// mock: an answer without a backend.
#include <array>

#include "config/syntax.h"
#include "http/status.h"
#include "plugin/fields.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  std::string path;
  uint32_t status = 200;
  std::vector<config::FieldMatch> headers;
  exchange::Template body;
  milliseconds delay{0};
};

constexpr Option<Settings> kOptions[] = {
    {{"path", "", Type::path, "any", "answer only this path, as it is routed by"}, &Settings::path},
    {{"status", "", Type::integer, "200", "of the answer", {}, {200, 599}}, &Settings::status},
    {{"headers", "", Type::pairs, "none", "of the answer; values may have variables"},
     &Settings::headers},
    {{"body", "data", Type::body, "\"\"", "of the answer; may have variables"}, &Settings::body},
    {{"delay", "", Type::duration, "0", "before the answer"}, &Settings::delay},
};

class Mock final : public Plugin {
 public:
  Mock(Settings settings, FieldList fields) noexcept
      : settings_(std::move(settings)), fields_(std::move(fields)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    if (!settings_.path.empty() && context.x.uri.match_path != settings_.path) {
      return Verdict::next;
    }
    if (settings_.delay > milliseconds::zero()) {
      context.host.continue_after(settings_.delay);
      return Verdict::suspend;
    }
    return on_resume(context);
  }

  Verdict on_resume(Context& context) const noexcept override {
    Answer& answer = context.answer;
    answer.status = static_cast<uint16_t>(settings_.status);
    answer.headers = fields_.render(context.x);
    answer.body.append(settings_.body.render(context.x));
    return Verdict::respond;
  }

 private:
  Settings settings_;
  FieldList fields_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  FieldList fields = FieldList::compile(settings.headers, config::EditOf::response, making.reader);
  return std::make_shared<Mock>(std::move(settings), std::move(fields));
}

}  // namespace

const Kind kMock{
    "mock", "", "answers without a backend", Phase::content, describe_options<kOptions>, make};

}  // namespace pingap::plugin
