#include "config/layout.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "config/schema.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

constexpr std::string_view kSuffix = ".toml";

bool is_section(std::string_view name) {
  return std::ranges::find(kSections, name) != kSections.end() ||
         std::ranges::find(kForeignSections, name, &Foreign::name) != kForeignSections.end();
}

bool is_bare(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// A header with what stands below it. The comments and blank lines above a header belong to it.
struct Block {
  std::vector<std::string> keys;  // of the header; none for what stands before the first one
  std::string lead;               // above it
  std::string head;               // its line, empty for none
  std::string body;
  bool sets = false;  // a key stands in it

  std::string text() const { return lead + head + body; }
};

// Finds the headers of a text that is known to be TOML.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // nullopt for a header that is written in a way that is not understood here.
  std::optional<std::vector<Block>> run() {
    std::vector<Block> blocks(1);
    size_t lead = 0;  // where what may be the lead of the next header begins
    while (at_ < text_.size()) {
      skip_blanks();
      if (peek() == '[') {
        blocks.back().body += text_.substr(body_, lead - body_);
        Block block;
        block.lead = text_.substr(lead, line_start() - lead);
        const size_t from = line_start();
        if (!read_header(block)) {
          return std::nullopt;
        }
        block.head = text_.substr(from, at_ - from);
        blocks.push_back(std::move(block));
        body_ = lead = at_;
      } else if (peek() == '#' || peek() == '\n' || peek() == '\r' || at_ == text_.size()) {
        skip_line();
      } else {
        skip_statement();
        blocks.back().sets = true;
        lead = at_;
      }
    }
    blocks.back().body += text_.substr(body_);
    return blocks;
  }

 private:
  char peek(size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  size_t line_start() const noexcept {
    const size_t end = text_.rfind('\n', at_);
    return at_ == 0 || end == std::string_view::npos ? 0 : end + 1;
  }

  void skip_blanks() noexcept {
    while (peek() == ' ' || peek() == '\t') {
      ++at_;
    }
  }

  void skip_line() noexcept {
    const size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
  }

  // A string of any of the four kinds.
  void skip_string() noexcept {
    const char quote = peek();
    const bool multi = peek(1) == quote && peek(2) == quote;
    at_ += multi ? 3U : 1U;
    while (at_ < text_.size()) {
      if (peek() == '\\' && quote == '"') {
        at_ += 2;
        continue;
      }
      if (peek() == quote && (!multi || (peek(1) == quote && peek(2) == quote))) {
        at_ += multi ? 3U : 1U;
        while (multi && peek() == quote) {
          ++at_;  // quotes right before the end belong to the text
        }
        return;
      }
      ++at_;
    }
  }

  // "key = value" to the end of its last line.
  void skip_statement() noexcept {
    for (int depth = 0; at_ < text_.size();) {
      const char c = peek();
      if (c == '"' || c == '\'') {
        skip_string();
        continue;
      }
      if (c == '#') {
        const size_t end = text_.find('\n', at_);
        at_ = end == std::string_view::npos ? text_.size() : end;
        continue;
      }
      depth += c == '[' || c == '{' ? 1 : 0;
      depth -= c == ']' || c == '}' ? 1 : 0;
      ++at_;
      if (c == '\n' && depth <= 0) {
        return;
      }
    }
  }

  bool read_header(Block& block) {
    at_ += peek(1) == '[' ? 2U : 1U;
    while (true) {
      skip_blanks();
      std::string key;
      if (peek() == '"' || peek() == '\'') {
        const size_t end = text_.find(peek(), at_ + 1);
        key = text_.substr(at_ + 1, end - at_ - 1);
        if (key.find_first_of("\\\n") != std::string::npos) {
          return false;
        }
        at_ = end + 1;
      } else {
        const size_t from = at_;
        while (is_bare(peek())) {
          ++at_;
        }
        key = text_.substr(from, at_ - from);
      }
      block.keys.push_back(std::move(key));
      skip_blanks();
      if (peek() != '.') {
        break;
      }
      ++at_;
    }
    const bool ended = peek() == ']';
    skip_line();
    return ended;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t body_ = 0;  // where that of the last block begins
};

std::string with_newline(std::string text) {
  if (!text.empty() && !text.ends_with('\n')) {
    text += '\n';
  }
  return text;
}

// "upstreams.api", as it stands in a header.
std::string dotted(const std::vector<std::string>& keys) {
  std::string out;
  for (const std::string& key : keys) {
    const bool bare = !key.empty() && std::ranges::all_of(key, is_bare);
    out += (out.empty() ? "" : ".") + (bare ? key : '"' + key + '"');
  }
  return out;
}

// Where a block goes; empty for one that has no place among items.
std::string path_of(const Block& block) {
  const std::vector<std::string>& keys = block.keys;
  if (keys.size() == 1 && is_single(keys[0])) {
    return keys[0] + std::string(kSuffix);
  }
  if (keys.size() < 2 || !is_section(keys[0]) || is_single(keys[0]) ||
      keys[1].find('/') != std::string::npos || keys[1].starts_with('.') || keys[1].empty()) {
    return {};
  }
  return keys[0] + "/" + keys[1] + std::string(kSuffix);
}

size_t rank_of(const Text& text) {
  const std::string section = text.path.substr(0, text.path.find_first_of("./"));
  return static_cast<size_t>(std::ranges::find(kSections, section) - kSections.begin());
}

}  // namespace

std::vector<std::string> headers_of(std::string_view path) {
  if (!path.ends_with(kSuffix)) {
    return {};
  }
  path.remove_suffix(kSuffix.size());
  if (is_single(path)) {
    return {std::string(path)};
  }
  const size_t slash = path.find('/');
  const std::string_view section = path.substr(0, slash);
  if (slash == std::string_view::npos || is_single(section) || !is_section(section) ||
      path.find('/', slash + 1) != std::string_view::npos || slash + 1 == path.size()) {
    return {};
  }
  return {std::string(section), std::string(path.substr(slash + 1))};
}

tl::expected<std::vector<Text>, std::string> split_into_items(const Text& whole) {
  auto blocks = Scanner(whole.text).run();
  if (!blocks) {
    return tl::unexpected(whole.name + " has a header that cannot be taken apart");
  }
  std::map<std::string, std::string> items;
  std::string lead;  // of the whole, or of headers without anything below them
  for (Block& block : *blocks) {
    if (!block.sets && block.keys.size() < 2) {
      lead += block.lead + block.body;
      continue;
    }
    std::string path = path_of(block);
    if (path.empty()) {
      return tl::unexpected(fmt::format(
          "{} cannot be taken apart: {} has keys of several entries; write each as [SECTION.NAME]",
          whole.name,
          block.keys.empty() ? "what stands before the first header"
                             : quote("[" + dotted(block.keys) + "]")));
    }
    items[path] += with_newline(std::exchange(lead, {}) + block.text());
  }
  std::vector<Text> texts;
  texts.reserve(items.size());
  for (auto& [path, text] : items) {
    texts.push_back({whole.name, std::move(text), path});
  }
  return texts;
}

namespace {

// Puts `headers` in front of all of a text that has left them out.
std::string with_header(const std::vector<Block>& blocks, const std::vector<std::string>& headers) {
  std::string out = "[" + dotted(headers) + "]\n" + blocks.front().text();
  for (size_t i = 1; i < blocks.size(); ++i) {
    std::string head = blocks[i].head;
    const size_t inside = head.find_first_not_of(" \t[");
    head.insert(inside, dotted(headers) + ".");
    out += blocks[i].lead + head + blocks[i].body;
  }
  return out;
}

class Joiner {
 public:
  tl::expected<Text, std::string> join(const std::vector<Text>& texts) {
    std::vector<const Text*> order;
    order.reserve(texts.size());
    for (const Text& text : texts) {
      order.push_back(&text);
    }
    std::ranges::sort(order, {}, [](const Text* text) {
      return std::pair(rank_of(*text), std::string_view(text->path));
    });
    Text whole{texts.empty() ? std::string() : texts.front().name, {}, std::string(kWholePath)};
    for (const Text* text : order) {
      auto piece = piece_of(*text, texts.size() == 1);
      if (!piece) {
        return tl::unexpected(
            fmt::format("{} cannot be joined with others: {}", text->name, piece.error()));
      }
      whole.text += with_newline(std::move(*piece));
    }
    return whole;
  }

 private:
  tl::expected<std::string, std::string> piece_of(const Text& text, bool alone) {
    const auto blocks = Scanner(text.text).run();
    if (!blocks) {
      return tl::unexpected<std::string>("it has a header that cannot be read");
    }
    const bool bare = std::ranges::none_of(
        *blocks, [](const Block& one) { return !one.keys.empty() && is_section(one.keys[0]); });
    const std::vector<std::string> headers = headers_of(text.path);
    if (bare && !headers.empty()) {
      seen_.insert(dotted(headers));
      return with_header(*blocks, headers);
    }
    if (blocks->front().sets && !alone) {
      return tl::unexpected<std::string>("it has keys before its first header");
    }
    for (const Block& block : *blocks) {
      const bool list = block.head.find("[[") != std::string::npos;
      if (!block.head.empty() && !list && !seen_.insert(dotted(block.keys)).second) {
        return tl::unexpected(fmt::format("[{}] is in another one, too", dotted(block.keys)));
      }
    }
    return text.text;
  }

  std::set<std::string> seen_;  // headers
};

}  // namespace

tl::expected<Text, std::string> join_into_one(const std::vector<Text>& texts) {
  return Joiner().join(texts);
}

}  // namespace pingap::config
