// [plugins.NAME], and which plugins a server or location uses for whom. What a plugin does, and its
// other keys, only its type knows (src/plugin).
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/schema.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::config {
namespace {

constexpr Range kPriorities{-1'000'000, 1'000'000};

void read_paths(Reader& reader, const Field& field, Condition& out) {
  for (Located<std::string>& path : reader.list(field, Commas::no)) {
    std::string_view plain = path.value;
    PathType type = PathType::prefix;
    if (plain.starts_with('~') || plain.starts_with('=')) {
      type = plain.front() == '~' ? PathType::regex : PathType::exact;
      plain = trim(plain.substr(1));
    }
    if (reader.check(path.at, check_path(plain, type))) {
      out.paths.push_back(std::move(path));
    }
  }
}

constexpr Key<Condition> kConditionKeys[] = {
    {{"path", "", "list of paths", "any"}, read_paths},
    {{"methods", "", "list of methods", "any"},
     [](Reader& reader, const Field& field, Condition& out) {
       read_methods(reader, field, out.methods);
     }},
    {{"match_headers", "", "conditions", "none"},
     [](Reader& reader, const Field& field, Condition& out) {
       read_match_headers(reader, field, out.match_headers);
     }},
    {{"remote", "", "list of networks", "any"},
     [](Reader& reader, const Field& field, Condition& out) {
       read_networks(reader, field, out.remote);
     }},
};

void read_condition(Reader& reader, const Field& field, std::optional<Condition>& out) {
  if (field.value.kind != ValueKind::table) {
    reader.wrong_type(field, R"(a table such as { path = "/admin", methods = ["POST"] })");
    return;
  }
  // One that says nothing would turn a plugin on or off for everybody, unseen.
  if (field.value.members.empty()) {
    reader.error(field.value.at, {fmt::format("an empty {} says nothing", quote(field.key)),
                                  {},
                                  "remove it, or say for which requests"});
  }
  read_table(field.value, field.key, kConditionSchema, reader, out.emplace());
}

constexpr Key<Plugin> kPluginKeys[] = {
    {{"type", "category", "type of a plugin", "required"},
     [](Reader& reader, const Field& field, Plugin& out) { reader.text(field, out.type); }},
    {{"priority", "", "integer", "0"},
     [](Reader& reader, const Field& field, Plugin& out) {
       if (const auto number = reader.integer(field, kPriorities)) {
         out.priority = static_cast<int32_t>(*number);
       }
     }},
    {{"when", "", "condition", "everybody"},
     [](Reader& reader, const Field& field, Plugin& out) {
       read_condition(reader, field, out.conditions.when);
     }},
    {{"unless", "", "condition", "nobody"},
     [](Reader& reader, const Field& field, Plugin& out) {
       read_condition(reader, field, out.conditions.unless);
     }},
};

// { name = "jwt", when = {...} }
constexpr Key<PluginUse> kUseKeys[] = {
    {{"name", "", "name of a plugin", "required"},
     [](Reader& reader, const Field& field, PluginUse& out) { reader.text(field, out.name); }},
    {{"when", "", "condition", "everybody"},
     [](Reader& reader, const Field& field, PluginUse& out) {
       read_condition(reader, field, out.conditions.when);
     }},
    {{"unless", "", "condition", "nobody"},
     [](Reader& reader, const Field& field, PluginUse& out) {
       read_condition(reader, field, out.conditions.unless);
     }},
};

void read_use(Reader& reader, const Field& field, const Value& item, std::vector<PluginUse>& out) {
  PluginUse use;
  if (item.kind == ValueKind::table) {
    read_table(item, field.key, Schema<PluginUse>{kUseKeys, {}}, reader, use);
    if (use.name.value.empty()) {
      reader.error(item.at, {"a plugin without `name`", R"({ name = "NAME", when = {...} })", {}});
      return;
    }
  } else if (!reader.text({field.key, field.key_at, item}, use.name)) {
    return;
  }
  if (std::ranges::find(out, use) != out.end()) {
    reader.error(item.at, {quote(use.name.value) + " is listed twice", {}, {}});
    return;
  }
  out.push_back(std::move(use));
}

}  // namespace

const Schema<Plugin> kPluginSchema{kPluginKeys, {}};
const Schema<Condition> kConditionSchema{kConditionKeys, {}};

// A list of names and of tables; one name alone, too.
void read_plugins(Reader& reader, const Field& field, std::vector<PluginUse>& out) {
  if (field.value.kind != ValueKind::array) {
    read_use(reader, field, field.value, out);
    return;
  }
  for (const Value& item : field.value.items) {
    read_use(reader, field, item, out);
  }
}

}  // namespace pingap::config
