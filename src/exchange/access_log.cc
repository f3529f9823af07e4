#include "exchange/access_log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "base/strings.h"
#include "exchange/access_log_writer.h"
#include "exchange/log_escape.h"

namespace pingap::exchange {
namespace {

struct Named {
  std::string_view name;
  std::string_view format;
};

constexpr std::array<Named, 5> kNamed = {{
    {"default",
     "{when} {client_ip} \"{method} {uri} {proto}\" {status} {reason} in={payload_size} "
     "out={size} {latency_us}us upstream={upstream_addr} attempts={attempts} failed={failed_tries} "
     "host=\"{host}\" "
     "agent=\"{user_agent}\""},
    // NCSA's formats, as log analysers expect them.
    {"common", "{client_ip} - - [{when_clf}] \"{method} {uri} {proto}\" {status} {size}"},
    {"combined",
     "{client_ip} - - [{when_clf}] \"{method} {uri} {proto}\" {status} {size} \"{referer}\" "
     "\"{user_agent}\""},
    {"tiny", "{method} {uri} {status} {size_human} - {latency}ms"},
    {"short", "{remote} {method} {uri} {proto} {status} {size_human} - {latency}ms"},
}};

struct JsonField {
  std::string_view key;
  std::string_view tag;
};

constexpr std::array<JsonField, 22> kJsonFields = {{
    {"time", "when_utc_iso"},
    {"client", "client_ip"},
    {"peer", "remote"},
    {"method", "method"},
    {"uri", "uri"},
    {"proto", "proto"},
    {"host", "host"},
    {"status", "status"},
    {"reason", "reason"},
    {"server", "server"},
    {"location", "location"},
    {"upstream", "upstream_addr"},
    {"upstream_name", "upstream"},
    {"upstream_status", "upstream_status"},
    {"attempts", "attempts"},
    {"failed_tries", "failed_tries"},
    {"reused", "upstream_reused"},
    {"request_bytes", "payload_size"},
    {"response_bytes", "size"},
    {"duration_us", "latency_us"},
    {"user_agent", "user_agent"},
    {"referer", "referer"},
}};

// A format whose fixed parts alone are longer leaves no room for the fields of a line.
constexpr size_t kMaxFixed = 8 * 1024;

std::string allowed_names() {
  std::string text;
  for (const Named& named : kNamed) {
    text.append(named.name).append(", ");
  }
  return text + "json";
}

std::string allowed_tags() {
  std::string text;
  for (const LogTagInfo& info : log_tags()) {
    text.append("{").append(info.name).append("}, ");
  }
  return text + "{hostname}, {~cookie}, {>request-header}, {<response-header}, {$ENVIRONMENT}";
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
      const size_t brace = text.find_first_of("{}");
      literal_ += text.substr(0, brace);
      if (brace == std::string_view::npos) {
        break;
      }
      text.remove_prefix(brace);
      if (text.size() > 1 && text[0] == text[1]) {
        literal_ += text[0];
        text.remove_prefix(2);
        continue;
      }
      const size_t end = text.find('}');
      if (text[0] == '}' || end == std::string_view::npos) {
        return tl::unexpected("a single \"" + std::string(1, text[0]) +
                              "\" in the access log format; a tag is {name}, and {{ and }} stand "
                              "for braces themselves");
      }
      if (auto added = tag(text.substr(1, end - 1)); !added) {
        return added;
      }
      text.remove_prefix(end + 1);
    }
    return {};
  }

  void json() {
    out_.json_ = true;
    char before = '{';
    for (const JsonField& field : kJsonFields) {
      (literal_ += before).append("\"").append(field.key).append("\":");
      op(*find_log_tag(field.tag));
      before = ',';
    }
    literal_ += '}';
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
    add({.tag = info.tag, .header = info.header, .member = info.member}, {},
        info.max_size == 0 ? Line::kTextNeeds : info.max_size);
  }

  // A value that is known now.
  void constant(std::string_view value) {
    std::array<char, kMaxField> room;
    bool cut = false;
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
    // {:name} is how Pingap writes the tags that it keeps in its context.
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
    add({.tag = prefix == '>' ? LogTag::request_header : LogTag::response_header,

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
  if (format == "json") {
    compiler.json();
    return compiler.finish();
  }
  const std::string_view name = format.empty() ? kNamed[0].name : format;
  const auto* named = std::find_if(kNamed.begin(), kNamed.end(),
                                   [&](const Named& known) { return known.name == name; });
  const std::string_view text = named == kNamed.end() ? format : named->format;
  if (text.find('{') == std::string_view::npos) {
    return tl::unexpected("unknown access log format \"" + std::string(format) +
                          "\"; allowed are " + allowed_names() + ", or a text with {tag}s");
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) {
    return tl::unexpected(
        std::string("a control character in the access log format; a line of "
                    "the log is one line"));
  }
  if (auto done = compiler.custom(text); !done) {
    return tl::unexpected(done.error());
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
