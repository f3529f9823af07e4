#include "cli/plugins.h"

#include <cctype>

#include <fmt/format.h>

#include "config/suggest.h"
#include "plugin/builtin/builtin.h"

namespace pingap::cli {
namespace {

using plugin::Kind;
using plugin::OptionInfo;
using Type = OptionInfo::Type;

std::string_view name_of(Type type) noexcept {
  switch (type) {
    case Type::boolean:
      return "boolean";
    case Type::integer:
      return "integer";
    case Type::number:
      return "number";
    case Type::text:
      return "string";
    case Type::path:
      return "path";
    case Type::secret:
      return "secret";
    case Type::duration:
      return "duration";
    case Type::size:
      return "size";
    case Type::list:
      return "list of strings";
    case Type::pairs:
      return "headers";
    case Type::choice:
      return "choice";
    case Type::variable:
      return "string with variables";
    case Type::body:
      return "text with variables";
    case Type::lines:
      return "text";
    case Type::entries:
      return "list of strings and tables";
    case Type::bodies:
      return "table of texts";
    case Type::numbers:
      return "table of numbers";
  }
  return {};
}

std::vector<OptionInfo> options_of(const Kind& kind) {
  std::vector<OptionInfo> options;
  kind.describe(options);
  return options;
}

bool has_range(const OptionInfo& option) noexcept {
  return (option.type == Type::integer || option.type == Type::number) && option.range.max > 0;
}

std::string described(const OptionInfo& option) {
  std::string text(option.help);
  if (has_range(option)) {
    text += fmt::format("; {} to {}", option.range.min, option.range.max);
  }
  if (!option.choices.empty()) {
    const std::string all = config::join_names(option.choices, option.choices.size());
    if (text.find('`') == std::string::npos) {
      text += "; one of " + all;
    }
  }
  if (!option.alias.empty()) {
    text += fmt::format(". Alias `{}`", option.alias);
  }
  return text;
}

std::string text_of(const Kind& kind) {
  std::string text = fmt::format("{}: {}\n", kind.type, kind.summary);
  if (!kind.alias.empty()) {
    text += fmt::format("also called `{}`\n", kind.alias);
  }
  text += fmt::format("phase: {}\n", to_string(kind.phase));
  for (const OptionInfo& option : options_of(kind)) {
    text += fmt::format(
        "\n  {} ({}, {})\n      {}\n", option.name, name_of(option.type),
        option.fallback == "required" ? "required" : fmt::format("default {}", option.fallback),
        described(option));
  }
  return text;
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '|' ? "\\|" : std::string(1, c);
  }
  return out;
}

std::string markdown_of(const Kind& kind) {
  std::string text =
      fmt::format("## {}\n\n{}. Phase: {}.{}\n\n", kind.type, kind.summary, to_string(kind.phase),
                  kind.alias.empty() ? std::string() : fmt::format(" Alias: `{}`.", kind.alias));
  char& first = text[text.find("\n\n") + 2];
  first = static_cast<char>(std::toupper(static_cast<unsigned char>(first)));
  text += "| key | type | default | meaning |\n|---|---|---|---|\n";
  for (const OptionInfo& option : options_of(kind)) {
    text += fmt::format(
        "| `{}` | {} | {} | {} |\n", option.name, name_of(option.type),
        option.fallback == "required" ? "required" : fmt::format("`{}`", option.fallback),
        cell(described(option)));
  }
  return text;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

std::string schema_type(const OptionInfo& option) {
  switch (option.type) {
    case Type::boolean:
      return R"("type":"boolean")";
    case Type::integer:
      return R"("type":"integer")";
    case Type::number:
      return R"("type":"number")";
    case Type::list:
    case Type::pairs:
      return R"("type":"array","items":{"type":"string"})";
    case Type::entries:
      return R"("type":"array","items":{"type":["string","object"]})";
    case Type::bodies:
      return R"("type":"object","additionalProperties":{"type":"string"})";
    case Type::numbers:
      return R"("type":"object","additionalProperties":{"type":"integer"})";
    case Type::size:
      return R"("type":["integer","string"],"format":"size")";
    case Type::duration:
      return R"("type":"string","format":"duration")";
    case Type::secret:
      return R"("type":"string","format":"password")";
    case Type::body:
    case Type::lines:
      return R"("type":"string","format":"multiline")";
    case Type::text:
    case Type::path:
    case Type::choice:
    case Type::variable:
      return R"("type":"string")";
  }
  return {};
}

// JSON Schema, draft 2020-12.
std::string schema_of(const Kind& kind) {
  std::string properties;
  std::string required;
  for (const OptionInfo& option : options_of(kind)) {
    std::string one = fmt::format("{}:{{{},\"description\":{}", quoted(option.name),
                                  schema_type(option), quoted(option.help));
    if (has_range(option)) {
      one += fmt::format(",\"minimum\":{},\"maximum\":{}", option.range.min, option.range.max);
    }
    if (!option.choices.empty()) {
      one += ",\"enum\":[";
      for (const std::string_view choice : option.choices) {
        one += (one.ends_with('[') ? "" : ",") + quoted(choice);
      }
      one += "]";
    }
    if (option.fallback == "required") {
      required += (required.empty() ? "" : ",") + quoted(option.name);
    } else {
      one += fmt::format(",\"x-default\":{}", quoted(option.fallback));
    }
    properties += (properties.empty() ? "" : ",") + one + "}";
  }
  return fmt::format(
      "{{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":{},"
      "\"description\":{},\"type\":\"object\",\"properties\":{{{}}},\"required\":[{}]}}",
      quoted(kind.type), quoted(kind.summary), properties, required);
}

std::string render(const Kind& kind, Format format) {
  switch (format) {
    case Format::text:
      return text_of(kind);
    case Format::json:
      return schema_of(kind);
    case Format::markdown:
      return markdown_of(kind);
  }
  return {};
}

constexpr std::string_view kReferenceHead =
    "# Plugins: all types and their keys\n\n"
    "Written by `pingap plugin show --markdown`. How plugins are used: [plugins](plugins.md).\n";

std::string render_all(Format format) {
  std::string text(format == Format::markdown ? kReferenceHead : std::string_view{});
  for (const Kind* kind : plugin::kinds()) {
    const bool first = kind == plugin::kinds().front();
    if (format == Format::json) {
      text += first ? "[" : ",\n";
    } else if (!first || format == Format::markdown) {
      text += "\n";
    }
    text += render(*kind, format);
  }
  return format == Format::json ? text + "]\n" : text;
}

}  // namespace

std::string plugin_list(Format format) {
  std::string text;
  for (const Kind* kind : plugin::kinds()) {
    if (format == Format::json) {
      text +=
          fmt::format("{}{{\"type\":{},\"phase\":{},\"summary\":{}}}", text.empty() ? "[" : ",\n ",
                      quoted(kind->type), quoted(to_string(kind->phase)), quoted(kind->summary));
    } else {
      text += fmt::format("{:<22} {:<10} {}\n", kind->type, to_string(kind->phase), kind->summary);
    }
  }
  return format == Format::json ? text + "]\n" : text;
}

ExitCode show_plugin(const Options& options) {
  if (options.name.empty()) {
    fmt::print("{}", render_all(options.format));
    return ExitCode::ok;
  }
  const Kind* kind = plugin::find_kind(options.name);
  if (kind == nullptr) {
    std::vector<std::string_view> names;
    for (const Kind* one : plugin::kinds()) {
      names.push_back(one->type);
    }
    const std::string hint = config::did_you_mean(options.name, names);
    fmt::print(stderr, "pingap: there is no plugin of type {}; {}\n", config::quote(options.name),
               hint.empty() ? "`pingap plugin list` shows all" : hint);
    return ExitCode::usage;
  }
  const std::string text = render(*kind, options.format);
  fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
  return ExitCode::ok;
}

}  // namespace pingap::cli
