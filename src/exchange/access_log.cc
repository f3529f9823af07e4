#include "exchange/access_log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "base/log_escape.h"
#include "base/strings.h"
#include "exchange/access_log_presets.h"
#include "exchange/access_log_writer.h"
#include "exchange/secrets.h"

namespace pingap::exchange {
namespace {

// A format whose fixed parts alone are longer leaves no room for the fields of a line.
constexpr size_t kMaxFixed = 8 * 1024;

std::string allowed_names() {
  std::string text;
  for (const LogPreset& preset : log_presets()) {
    text.append(preset.name).append(", ");
  }
  return text + "json, logfmt";
}

std::string allowed_tags() {
  std::string text;
  for (const LogTagInfo& info : log_tags()) {
    text.append("{").append(info.name).append("}, ");
  }
  return text +
         "{hostname}, {~cookie}, {>request-header}, {<response-header}, {$ENVIRONMENT}; each of "
         "the names also as $name, and $http_NAME, $sent_http_NAME, $cookie_NAME, $arg_NAME, "
         "$auth_NAME, $env_NAME";
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

// Turns a format's text into ops.
class AccessLogFormat::Compiler {
 public:
  using Outcome = tl::expected<void, std::string>;

  Outcome custom(std::string_view text) {
    while (!text.empty()) {
      const size_t special = text.find_first_of("{}$");
      literal_ += text.substr(0, special);
      if (special == std::string_view::npos) {
        break;
      }
      text.remove_prefix(special);
      auto size = text[0] == '$' ? variable_at(text) : tag_at(text);
      if (!size) {
        return tl::unexpected(std::move(size.error()));
      }
      text.remove_prefix(*size);
    }
    return {};
  }

  // All of the format, or those of a list: "tag, key=tag".
  Outcome keys(bool json, std::string_view list) {
    out_.json_ = true;  // the values of logfmt are escaped the same way
    std::string_view between = json ? "{" : "";
    const auto add_key = [&](std::string_view key, std::string_view tag_name) {
      literal_ += between;
      between = json ? "," : " ";
      const std::string_view quote = json ? "\"" : "";
      literal_.append(quote).append(key).append(quote).append(json ? ":" : "=");
      return named_tag(tag_name);
    };
    if (list.empty()) {
      for (const LogKey& one : log_keys()) {
        add_key(one.key, one.tag);
      }
    }
    std::string_view item;
    while (!list.empty() && next_list_item(list, item)) {
      const size_t equals = item.find('=');
      const std::string_view key = item.substr(0, equals);
      const auto plain = [](char c) { return is_digit(c) || c == '_' || is_letter(c); };
      if (key.empty() || !std::all_of(key.begin(), key.end(), plain)) {
        return tl::unexpected("\"" + std::string(key) +
                              "\" cannot be a key of the access log: letters, digits and _ can");
      }
      const auto added =
          add_key(key, equals == std::string_view::npos ? key : item.substr(equals + 1));
      if (!added) {
        return added;
      }
    }
    literal_ += json ? "}" : "";
    return {};
  }

  tl::expected<AccessLogFormat, std::string> finish() {
    if (!literal_.empty()) {
      add({}, {}, 0);
    }
    size_t rest = 1 + Line::kCopyStep;  // the newline, and what copying a literal writes too much
    for (size_t i = out_.ops_.size(); i > 0; --i) {
      out_.ops_[i - 1].rest = static_cast<uint32_t>(rest);
      rest += needs_[i - 1].literal + needs_[i - 1].value;
    }
    out_.fixed_ = rest;
    out_.text_.append(Line::kCopyStep, ' ');
    if (rest > kMaxFixed) {
      return tl::unexpected("the access log format is too long: its fixed parts may have " +
                            std::to_string(kMaxFixed) + " bytes in a line");
    }
    return std::move(out_);
  }

 private:
  using Line = LogLine<true>;

  void add(LogOp op, std::string_view name, size_t needs) {
    op.literal = static_cast<uint32_t>(out_.text_.size());
    op.literal_size = static_cast<uint32_t>(literal_.size());
    out_.text_ += literal_;
    op.name = static_cast<uint32_t>(out_.text_.size());
    op.name_size = static_cast<uint32_t>(name.size());
    out_.text_ += name;
    out_.ops_.push_back(op);
    needs_.push_back({literal_.size(), needs});
    literal_.clear();
  }

  void op(const LogTagInfo& info) {
    add({.tag = info.tag, .header = info.header, .member = info.member}, info.header_name,
        info.max_size == 0 ? Line::kTextNeeds : info.max_size);
  }

  static bool is_letter(char c) noexcept { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

  // What `text` starts with; the bytes that it takes.
  tl::expected<size_t, std::string> tag_at(std::string_view text) {
    if (text.size() > 1 && text[0] == text[1]) {
      literal_ += text[0];
      return 2;
    }
    const size_t end = text.find('}');
    if (text[0] == '}' || end == std::string_view::npos) {
      return tl::unexpected("a single \"" + std::string(1, text[0]) +
                            "\" in the access log format; a tag is {name}, and {{ and }} stand "
                            "for braces themselves");
    }
    if (auto added = tag(text.substr(1, end - 1)); !added) {
      return tl::unexpected(std::move(added.error()));
    }
    return end + 1;
  }

  // As in headers (variables.h): $name, ${name}, $$; a dollar sign before anything else is itself.
  tl::expected<size_t, std::string> variable_at(std::string_view text) {
    if (text.starts_with("$$")) {
      literal_ += '$';
      return 2;
    }
    const bool braced = text.starts_with("${");
    const size_t begin = braced ? 2 : 1;
    size_t end = begin;
    if (braced) {
      end = std::min(text.find('}'), text.size());
      if (end == text.size()) {
        return tl::unexpected("\"" + std::string(text) + "\" has no closing brace");
      }
    } else if (text.size() > 1 && (is_letter(text[1]) || text[1] == '_')) {
      const bool dashes = is_family_with_dashes(text.substr(1));
      while (end < text.size() && (is_letter(text[end]) || is_digit(text[end]) ||
                                   text[end] == '_' || (dashes && text[end] == '-'))) {
        ++end;
      }
    }
    if (end == begin && !braced) {
      literal_ += '$';
      return 1;
    }
    if (auto added = named_tag(text.substr(begin, end - begin)); !added) {
      return tl::unexpected(std::move(added.error()));
    }
    return end + (braced ? 1 : 0);
  }

  static bool is_family_with_dashes(std::string_view name) noexcept {
    return name.starts_with("http_") || name.starts_with("sent_http_") ||
           name.starts_with("arg_") || name.starts_with("cookie_");
  }

  // A variable, without its dollar sign.
  Outcome named_tag(std::string_view name) {
    if (name == "hostname") {
      constant(host_name());
      return {};
    }
    const auto rest_of = [&](std::string_view family) {
      return name.starts_with(family) ? name.substr(family.size()) : std::string_view{};
    };
    if (std::string header_name(rest_of("http_")); !header_name.empty()) {
      // No header name that gets this far has an underscore (security.md rule U).
      std::replace(header_name.begin(), header_name.end(), '_', '-');
      header('>', header_name);
    } else if (std::string sent(rest_of("sent_http_")); !sent.empty()) {
      std::replace(sent.begin(), sent.end(), '_', '-');
      header('<', sent);
    } else if (const auto cookie = rest_of("cookie_"); !cookie.empty()) {
      header('~', cookie);
    } else if (const auto argument = rest_of("arg_"); !argument.empty()) {
      add({.tag = LogTag::argument, .secret = is_secret_parameter(argument)}, argument,
          Line::kTextNeeds);
    } else if (const auto known = rest_of("auth_"); !known.empty()) {
      add({.tag = LogTag::known}, known, Line::kTextNeeds);
    } else if (const auto environment = rest_of("env_"); !environment.empty()) {
      return tag("$" + std::string(environment));
    } else if (const LogTagInfo* info = find_log_tag(name)) {
      op(*info);
    } else {
      return tl::unexpected("unknown variable \"$" + std::string(name) +
                            "\" in the access log format; allowed are " + allowed_tags() +
                            "; $$ stands for a dollar sign");
    }
    return {};
  }

  // A value that is known now.
  void constant(std::string_view value) {
    std::array<char, kMaxField> room;
    bool cut = false;
    if (out_.json_) {
      const char* end = escape_json(value, room.data(), room.data() + room.size(), cut);
      (literal_ += '"').append(std::string_view(room.data(), end)).append("\"");
      return;
    }
    const char* end = escape_text(value, room.data(), room.data() + room.size(), cut);
    literal_ += value.empty() ? "-" : std::string_view(room.data(), end);
  }

  Outcome tag(std::string_view name) {
    const char prefix = name.empty() ? '\0' : name[0];
    const std::string_view rest = name.empty() ? name : name.substr(1);
    if (name == "hostname" || name == "$hostname") {
      constant(host_name());
      return {};
    }
    if (!rest.empty() && (prefix == '~' || prefix == '>' || prefix == '<')) {
      header(prefix, rest);
      return {};
    }
    if (!rest.empty() && prefix == '$') {
      // Nothing here ever changes the environment.
      const char* value = std::getenv(std::string(rest).c_str());  // NOLINT(concurrency-mt-unsafe)
      constant(value == nullptr ? "" : value);
      return {};
    }
    // {:name} is how Pingap writes the tags that it keeps in its context; {name} also has the names
    // of variables.
    const LogTagInfo* info = find_log_tag(prefix == ':' ? rest : name);
    if (info == nullptr) {
      return tl::unexpected("unknown tag \"{" + std::string(name) +
                            "}\" in the access log format; allowed are " + allowed_tags());
    }
    op(*info);
    return {};
  }

  void header(char prefix, std::string_view name) {
    if (prefix == '~') {
      add({.tag = LogTag::cookie}, name, Line::kTextNeeds);
      return;
    }
    const bool link = is_link_header(name);
    const LogTag of_request = link ? LogTag::request_link : LogTag::request_header;
    const LogTag of_response = link ? LogTag::response_link : LogTag::response_header;
    add({.tag = prefix == '>' ? of_request : of_response,
         .secret = is_secret_header(name),
         .header = http::find_header_id(name)},
        name, Line::kTextNeeds);
  }

  struct Needs {
    size_t literal;
    size_t value;
  };

  AccessLogFormat out_;
  std::string literal_;       // in front of the next value
  std::vector<Needs> needs_;  // bytes of each op
};

tl::expected<AccessLogFormat, std::string> AccessLogFormat::compile(std::string_view format) {
  Compiler compiler;
  for (const bool json : {true, false}) {
    const std::string_view name = json ? "json" : "logfmt";
    const std::string_view list = format.starts_with(name) ? format.substr(name.size()) : "?";
    if (list.empty() || list.starts_with(':')) {
      const std::string_view tags = trim(list.substr(list.empty() ? 0 : 1));
      if (!list.empty() && tags.empty()) {
        return tl::unexpected("no tags in \"" + std::string(format) + "\"");
      }
      if (auto done = compiler.keys(json, tags); !done) {
        return tl::unexpected(std::move(done.error()));
      }
      return compiler.finish();
    }
  }
  const std::span<const LogPreset> presets = log_presets();
  const std::string_view name = format.empty() ? presets[0].name : format;
  const auto named = std::find_if(presets.begin(), presets.end(),
                                  [&](const LogPreset& known) { return known.name == name; });
  const std::string_view text = named == presets.end() ? format : named->format;
  if (text.find_first_of("{$") == std::string_view::npos) {
    return tl::unexpected("unknown access log format \"" + std::string(format) +
                          "\"; allowed are " + allowed_names() +
                          ", or a text with {tag}s or $variables");
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) {
    return tl::unexpected(
        std::string("a control character in the access log format; a line of "
                    "the log is one line"));
  }
  if (auto done = compiler.custom(text); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  return compiler.finish();
}

size_t AccessLogFormat::write(const Exchange& x, WallTime now,
                              std::span<char> room) const noexcept {
  const size_t size = std::min(room.size(), kMaxLine);
  if (size < fixed_) {
    return 0;
  }
  char* const begin = room.data();
  char* const end = begin + size;
  char* const stop = json_ ? LogLine<true>(x, now, text_, fixed_, end).write(ops_, begin)
                           : LogLine<false>(x, now, text_, fixed_, end).write(ops_, begin);
  return static_cast<size_t>(stop - begin);
}

}  // namespace pingap::exchange
