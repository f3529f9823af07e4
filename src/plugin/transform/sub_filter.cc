// sub_filter: replaces texts in the bodies of answers, as they pass.
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "plugin/headers.h"
#include "plugin/transform/kinds.h"
#include "plugin/transform/replacing.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using http::HeaderId;

constexpr size_t kMostText = 1024;
constexpr size_t kMostRules = 32;

struct Settings {
  const config::Value* rules = nullptr;
  std::vector<std::string> types{"text/html"};
};

constexpr Option<Settings> kOptions[] = {
    {{"replace", "", Type::entries, "required",
      "tables with `text` or `regex`, `with`, `ignore_case` and `once`, in the order in which they "
      "are done"},
     &Settings::rules},
    {{"types", "", Type::list, "[\"text/html\"]",
      "media types of answers that it is done in: \"text/css\", \"text/*\""},
     &Settings::types},
};

class Filter final : public BodyFilter {
 public:
  explicit Filter(const std::vector<Rule>& rules) : stages_(rules.begin(), rules.end()) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept override {
    while (!in.empty()) {
      const std::string_view piece = in.front();
      pass(piece, 0, out);
      in.consume(piece.size());
    }
    if (end == End::yes) {
      for (size_t i = 0; i < stages_.size(); ++i) {
        std::string rest;
        stages_[i].finish(rest);
        pass(rest, i + 1, out);
      }
    }
    return {};
  }

 private:
  // Through the stages from `first` on.
  void pass(std::string_view piece, size_t first, ByteQueue& out) {
    std::string from(piece);
    for (size_t i = first; i < stages_.size(); ++i) {
      std::string to;
      stages_[i].add(from, to);
      from = std::move(to);
    }
    out.append(from);
  }

  std::vector<Stage> stages_;
};

class SubFilter final : public Plugin {
 public:
  SubFilter(std::vector<Rule> rules, std::vector<std::string> types) noexcept
      : rules_(std::move(rules)), types_(std::move(types)) {}

  uint8_t hooks() const noexcept override { return kResponse | kResponseBody; }

  void on_response(Context& context) const noexcept override {
    context.state = nullptr;
    http::ResponseHead& head = context.x.response;
    if (context.x.grpc || !may_change(head)) {
      return;
    }
    context.state = static_cast<BodyFilter*>(&context.make<Filter>(rules_));
    become_other_bytes(head, context.x.arena);
  }

  BodyFilter* response_body(Context& context) const noexcept override {
    return static_cast<BodyFilter*>(context.state);
  }

 private:
  bool may_change(const http::ResponseHead& head) const noexcept {
    const uint16_t status = head.status;
    if (status < 200 || status == 204 || status == 206 || status == 304 ||
        head.framing == http::Framing::tunnel ||
        head.headers.find(HeaderId::content_encoding) != nullptr ||
        head.headers.find(HeaderId::content_range) != nullptr) {
      return false;
    }
    std::string_view rules = head.headers.get(HeaderId::cache_control);
    std::string_view rule;
    while (next_list_item(rules, rule)) {
      if (iequals(rule, "no-transform")) {
        return false;  // RFC 9111 5.2.2.6
      }
    }
    std::string_view type = head.headers.get(HeaderId::content_type);
    type = trim(type.substr(0, type.find(';')));
    return std::ranges::any_of(types_, [&](std::string_view one) {
      return one.ends_with("/*")
                 ? type.size() >= one.size() &&
                       iequals(type.substr(0, one.size() - 1), one.substr(0, one.size() - 1))
                 : iequals(type, one);
    });
  }

  std::vector<Rule> rules_;
  std::vector<std::string> types_;
};

class RuleReader {
 public:
  explicit RuleReader(config::Reader& reader) : reader_(reader) {}

  // Nothing where something is wrong with it.
  std::optional<Rule> read(const config::Value& table) {
    if (table.kind != config::ValueKind::table) {
      return fail(table.at, "a replacement is a table", R"({ text = "...", with = "..." })");
    }
    Rule rule;
    std::optional<std::string> regex;
    bool has_with = false;
    for (const config::Member& member : table.members) {
      const config::Field field{member.key, member.at, member.value};
      if (member.key == "ignore_case" || member.key == "once") {
        reader_.boolean(field, member.key == "once" ? rule.once : rule.ignore_case);
      } else if (member.key != "text" && member.key != "regex" && member.key != "with") {
        return fail(member.at, config::quote(member.key) + " is no key of a replacement",
                    "`text`, `regex`, `with`, `ignore_case`, `once`");
      } else if (member.value.kind != config::ValueKind::string) {
        reader_.wrong_type(field, "a string");
        return std::nullopt;
      } else if (member.key == "with") {
        rule.with = member.value.text;
        has_with = true;
      } else if (member.key == "text") {
        rule.text = member.value.text;
      } else {
        regex = member.value.text;
      }
    }
    if (!has_with || regex.has_value() != rule.text.empty()) {
      return fail(table.at, "a replacement has `with`, and either `text` or `regex`");
    }
    return regex ? with_regex(std::move(rule), *regex, table.at)
                 : with_text(std::move(rule), table);
  }

 private:
  std::optional<Rule> fail(Position at, std::string what, std::string allowed = {}) {
    reader_.error(at, {std::move(what), std::move(allowed), {}});
    return std::nullopt;
  }

  std::optional<Rule> with_text(Rule rule, const config::Value& table) {
    if (rule.text.size() > kMostText) {
      return fail(table.at, "`text` is too long", fmt::format("at most {} bytes", kMostText));
    }
    if (rule.ignore_case) {
      std::ranges::transform(rule.text, rule.text.begin(), to_lower);
    }
    return rule;
  }

  std::optional<Rule> with_regex(Rule rule, const std::string& pattern, Position at) {
    auto made =
        Regex::create(pattern, rule.ignore_case ? RegexCase::insensitive : RegexCase::sensitive);
    if (!made) {
      return fail(at, std::move(made.error()));
    }
    for (size_t i = 0; i + 1 < rule.with.size(); ++i) {
      if (rule.with[i] == '$' && is_digit(rule.with[i + 1]) &&
          rule.with[i + 1] - '0' > made->group_count()) {
        return fail(at, fmt::format("`regex` has no group ${}", rule.with[i + 1]));
      }
    }
    rule.regex = std::move(*made);
    return rule;
  }

  config::Reader& reader_;
};

constexpr config::Foreign kForeign[] = {
    {"filters",
     "write `replace`: [{ text = \"old\", with = \"new\", once = true }]; `ignore_case` "
     "is `i`, without `once` it is `g`, and `regex` is `subs_filter`"},
    {"path", "write it as `when`: { path = \"/app\" }"},
    {"status_codes", "remove it: all answers with a body of `types` are filtered"},
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings, kForeign);
  if (settings.rules == nullptr) {
    return nullptr;
  }
  if (settings.rules->items.size() > kMostRules) {
    making.reader.error(settings.rules->at,
                        {"too many replacements", fmt::format("at most {}", kMostRules), {}});
  }
  std::vector<Rule> rules;
  RuleReader reader(making.reader);
  for (const config::Value& item : settings.rules->items) {
    if (auto rule = reader.read(item)) {
      rules.push_back(std::move(*rule));
    }
  }
  return std::make_shared<SubFilter>(std::move(rules), std::move(settings.types));
}

}  // namespace

const Kind kSubFilter{
    "sub_filter", "", "replaces texts in answers", Phase::transform, describe_options<kOptions>,
    make};

}  // namespace pingap::plugin
