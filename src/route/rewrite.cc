#include "route/rewrite.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/core.h>

#include "base/strings.h"
#include "http/limits.h"
#include "route/route.h"

namespace pingap::route {
namespace {

constexpr size_t kMaxGroups = 32;  // those of base/regex, the whole match counted

bool is_name(char c) noexcept {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || is_digit(c) || c == '_';
}

// Bytes of a path that would end or split an argument of a query.
bool is_query_syntax(char c) noexcept {
  return c == '&' || c == '=' || c == '+' || c == ';';
}

}  // namespace

// The part of a path to replace, and what is around it.
struct Rewrite::Match {
  std::string_view before;
  std::string_view after;
  std::array<std::string_view, kMaxGroups> groups;
};

// Writes into memory of a fixed size. What does not fit is not written but noticed: the size was
// computed, and two computations of one thing may differ one day (security.md RX-02).
class Rewrite::Writer {
 public:
  Writer(char* memory, size_t capacity) noexcept : out_(memory), capacity_(capacity) {}

  // A slash that meets one is left out.
  void join(std::string_view text) noexcept {
    if (!text.empty() && text.front() == '/' && size_ > 0 && out_[size_ - 1] == '/') {
      text.remove_prefix(1);
    }
    put(text);
  }

  void put(std::string_view text) noexcept {
    if (text.size() > capacity_ - size_) {
      overflow_ = true;
      return;
    }
    std::copy(text.begin(), text.end(), out_ + size_);
    size_ += text.size();
  }

  // Text of a path as the value of a query argument.
  void put_argument(std::string_view text) noexcept {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (const char& c : text) {
      if (is_query_syntax(c)) {
        const auto byte = static_cast<uint8_t>(c);
        const char escape[3] = {'%', kHex[byte >> 4], kHex[byte & 15]};
        put({escape, 3});
      } else {
        put({&c, 1});
      }
    }
  }

  bool overflow() const noexcept { return overflow_; }

  std::string_view text() const noexcept { return {out_, size_}; }

 private:
  char* out_;
  size_t capacity_;
  size_t size_ = 0;
  bool overflow_ = false;
};

tl::expected<Rewrite, std::string> Rewrite::compile(const config::Location& location,
                                                    const http::UriOptions& options) {
  Rewrite rewrite;
  rewrite.options_ = options;
  const std::string_view text = trim(location.rewrite.value);
  if (text.empty()) {
    return rewrite;
  }
  const auto path = parse_path(location, options);
  if (!path) {
    return tl::unexpected(path.error());
  }
  std::string_view replacement = text;
  std::string_view pattern = path->kind == PathKind::regex ? path->text : std::string_view{};
  const size_t blank = text.find_first_of(" \t");
  if (blank != std::string_view::npos) {
    pattern = text.substr(0, blank);
    replacement = trim(text.substr(blank));
  }
  if (replacement.find_first_of(" \t") != std::string_view::npos) {
    return tl::unexpected<std::string>(
        "a rewrite is one path, or a regex and a replacement with one blank between them");
  }
  if (!pattern.empty()) {
    auto regex = Regex::create(pattern);
    if (!regex) {
      return tl::unexpected(fmt::format("regex `{}`: {}", pattern, regex.error()));
    }
    rewrite.what_ = What::regex;
    rewrite.regex_ = std::move(*regex);
  } else {
    rewrite.what_ = path->kind == PathKind::exact ? What::whole : What::prefix;
    rewrite.prefix_size_ = path->text.size();
  }
  auto parsed = rewrite.parse_replacement(replacement).and_then([&] {
    return rewrite.check_replacement(options);
  });
  if (!parsed) {
    return tl::unexpected(std::move(parsed.error()));
  }
  return rewrite;
}

tl::expected<void, std::string> Rewrite::parse_replacement(std::string_view text) {
  Piece literal;
  const auto flush = [&] {
    if (!literal.literal.empty()) {
      pieces_.push_back(literal);
    }
    literal.literal.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '?' && !literal.in_query) {
      flush();
      literal.in_query = true;
      query_ = i + 1 == text.size() ? Query::dropped : Query::appended;
      continue;
    }
    if (text[i] != '$') {
      literal.literal += text[i];
      continue;
    }
    if (text.substr(i).starts_with("$$")) {
      literal.literal += '$';
      ++i;
      continue;
    }
    flush();
    Piece group{.literal = {}, .group = -1, .in_query = literal.in_query};
    const auto size = parse_group(text.substr(i), group);
    if (!size) {
      return tl::unexpected(size.error());
    }
    pieces_.push_back(group);
    i += *size - 1;
  }
  flush();
  return {};
}

// `text` starts with "$". Returns the size of the reference.
tl::expected<size_t, std::string> Rewrite::parse_group(std::string_view text, Piece& piece) const {
  std::string_view name;
  size_t size = 0;
  if (text.starts_with("${")) {
    const size_t end = text.find('}');
    if (end == std::string_view::npos) {
      return tl::unexpected(fmt::format("`{}` has no closing brace", text));
    }
    name = text.substr(2, end - 2);
    size = end + 1;
  } else {
    size_t end = 1;
    // "$12" is group 1 and a 2, as everywhere else; "${12}" is group 12.
    const bool number = text.size() > 1 && is_digit(text[1]);
    while (end < text.size() && is_name(text[end]) && !(number && end == 2)) {
      ++end;
    }
    name = text.substr(1, end - 1);
    size = end;
  }
  const auto group = group_number(name);
  if (!group) {
    return tl::unexpected(group.error());
  }
  piece.group = *group;
  return size;
}

tl::expected<int, std::string> Rewrite::group_number(std::string_view name) const {
  int group = -1;
  const auto number = parse_decimal(name);
  if (number && *number < kMaxGroups) {
    group = static_cast<int>(*number);
  } else if (regex_ && !number && !name.empty()) {
    group = regex_->find_group(name);
  }
  if (group >= 0 && regex_ && group <= regex_->group_count()) {
    return group;
  }
  std::string have = "there is no regex to have groups";
  if (regex_) {
    have = fmt::format("the regex has {} group{}", regex_->group_count(),
                       regex_->group_count() == 1 ? "" : "s");
    for (const std::string& known : regex_->group_names()) {
      have += " ${" + known + "}";
    }
  }
  return tl::unexpected(
      fmt::format("no group `${}`: {}; write `$$` for a dollar sign", name, have));
}

// What is literal has to be canonical already: a rewrite that could never work is an error at load.
tl::expected<void, std::string> Rewrite::check_replacement(const http::UriOptions& options) const {
  std::string sample;
  bool starts_with_group = false;
  bool query = query_ == Query::dropped;
  for (const Piece& piece : pieces_) {
    if (piece.in_query && !query) {
      query = true;
      sample += '?';
    }
    starts_with_group |= sample.empty() && piece.group >= 0;
    sample += piece.group >= 0 ? "x" : piece.literal;
  }
  if (starts_with_group) {
    sample.insert(0, "/");
  }
  // A part in the middle of a path may be replaced by anything.
  if (what_ == What::regex && !sample.starts_with('/')) {
    sample.insert(0, "/");
  }
  Arena arena;
  const auto canonical = http::canonicalize(sample, options, arena);
  if (!canonical || sample == "*") {
    return tl::unexpected<std::string>("the replacement is not the path of a URL");
  }
  if (canonical->changed) {
    return tl::unexpected(
        fmt::format("the replacement is not canonical: write `{}`", canonical->target));
  }
  return {};
}

bool Rewrite::find(const http::Canonical& from, Match& match) const noexcept {
  switch (what_) {
    case What::nothing:
      return false;
    case What::whole:
      return true;
    case What::prefix:
      match.after = from.path;
      match.after.remove_prefix(from.path.size() == from.match_path.size()
                                    ? std::min(prefix_size_, from.path.size())
                                    : http::end_of_match(from.path, prefix_size_));
      return true;
    case What::regex:
      break;
  }
  // On what was matched, so that no parameter keeps a rewrite from taking place.
  const std::string_view path = from.match_path;
  if (!regex_ || !regex_->match_captures(path, match.groups)) {
    return false;
  }
  const auto begin = static_cast<size_t>(match.groups[0].data() - path.data());
  match.before = path.substr(0, begin);
  match.after = path.substr(begin + match.groups[0].size());
  return true;
}

size_t Rewrite::bound(const Match& match, std::string_view query) const noexcept {
  size_t size = match.before.size() + match.after.size() + query.size() + 3;
  for (const Piece& piece : pieces_) {
    const size_t text = piece.group < 0 ? piece.literal.size()
                                        : match.groups[static_cast<size_t>(piece.group)].size();
    size += piece.group >= 0 && piece.in_query ? 3 * text : text;
  }
  return size;
}

void Rewrite::write(Writer& writer, const Match& match, std::string_view query) const noexcept {
  writer.put(match.before);
  size_t i = 0;
  for (; i < pieces_.size() && !pieces_[i].in_query; ++i) {
    const Piece& piece = pieces_[i];
    writer.join(piece.group < 0 ? piece.literal : match.groups[static_cast<size_t>(piece.group)]);
  }
  // "/api/" replaced by "/v2" in "/api/x".
  if (what_ == What::prefix && !match.after.empty() && match.after.front() != '/') {
    writer.join("/");
  }
  writer.join(match.after);
  if (query_ == Query::kept) {
    writer.put(query);
    return;
  }
  for (bool first = true; i < pieces_.size(); ++i, first = false) {
    if (first) {
      writer.put("?");
    }
    const Piece& piece = pieces_[i];
    if (piece.group < 0) {
      writer.put(piece.literal);
    } else {
      writer.put_argument(match.groups[static_cast<size_t>(piece.group)]);
    }
  }
  if (query_ == Query::appended && query.size() > 1) {
    writer.put("&");
    writer.put(query.substr(1));
  }
}

Result<http::Canonical> Rewrite::apply(const http::Canonical& from, Arena& arena) const noexcept {
  Match match;
  if (from.path == "*" || !find(from, match)) {
    return from;
  }
  const auto fail = [](ErrorCode code) {
    return tl::unexpected(Error{code, Side::local, Retry::never, 0, "rewrite"});
  };
  const std::string_view query = from.target.substr(from.path.size());  // with its `?`
  const size_t capacity = bound(match, query);
  Writer writer(arena.make_array<char>(capacity), capacity);
  write(writer, match, query);
  if (writer.overflow()) {
    return fail(ErrorCode::rewrite_failed);
  }
  if (writer.text().size() > http::limits::kTarget) {
    return fail(ErrorCode::target_too_long);
  }
  auto canonical = http::canonicalize(writer.text(), options_, arena);
  if (!canonical || canonical->changed || canonical->path == "*") {
    return fail(ErrorCode::rewrite_failed);
  }
  canonical->changed = true;
  return *canonical;
}

}  // namespace pingap::route
