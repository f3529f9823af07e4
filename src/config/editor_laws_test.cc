// What holds for every document and every change: many of both, made by a generator with a seed.
// PINGAP_TEST_CASES makes more of them.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/editor.h"
#include "config/formatter.h"

namespace pingap::config {
namespace {

constexpr const char* kValues[] = {
    "1",
    "-0.5",
    "true",
    "\"a # b\"",
    "'[x]'",
    "\"\\\"\\u0041\"",
    "[1,2 , 3]",
    "[]",
    "{}",
    "{ a = 1 , b.c = [ 2 ] }",
    "[ # c ]\n  \"x\", # [\n\n  'y' ,\n]",
    "\"\"\"one \\\n   two\"\"\"\"",
    "'''\n[table]\nkey = 1\n'''",
    "1979-05-27 07:32:00",
    "[{ a = '}' }, { a = \"]\" }]",
};
constexpr const char* kNames[] = {"a", "bb", "\"c d\"", "'e.f'", "g-1", "\"\\u00e4\""};

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  size_t below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  bool one_in(size_t n) { return below(n) == 0; }

  template <class T, size_t N>
  const T& pick(const T (&items)[N]) {
    return items[below(N)];
  }

  // Valid but for names that come twice, which is for the caller to see.
  std::string document() {
    std::string text = one_in(4) ? "# the file\n\n" : "";
    for (size_t i = below(3); i > 0; --i) {
      entry(text);
    }
    for (size_t i = 1 + below(6); i > 0; --i) {
      noise(text);
      table(text);
    }
    noise(text);
    if (one_in(5)) {
      text.erase(text.find_last_not_of('\n') + 1);
    }
    return one_in(5) ? with_returns(text) : text;
  }

  std::string value() { return pick(kValues); }

 private:
  void table(std::string& text) {
    text += one_in(6) ? "  " : "";
    const bool array = one_in(12);
    text += array ? "[[" : "[";
    text += pick({"u", "l", "s"});
    for (size_t i = below(3); i > 0; --i) {
      text += one_in(8) ? " . " : ".";
      text += pick(kNames);
    }
    text += array ? "]]" : "]";
    text += one_in(4) ? " # header\n" : "\n";
    for (size_t i = below(5); i > 0; --i) {
      entry(text);
      noise(text);
    }
  }

  template <size_t N>
  std::string pick(const char* const (&items)[N]) {
    return items[below(N)];
  }

  void entry(std::string& text) {
    text += one_in(5) ? "\t" : "";
    text += pick(kNames);
    if (one_in(5)) {
      text += '.';
      text += pick(kNames);
    }
    text += one_in(3) ? "=" : " = ";
    text += value();
    text += one_in(3) ? "  # why\n" : "\n";
  }

  void noise(std::string& text) {
    while (one_in(3)) {
      text += pick({"\n", "# c\n", "  # [x]\n", "# k = 1 # d\n", " \t\n"});
    }
  }

  static std::string with_returns(const std::string& text) {
    std::string out;
    for (const char c : text) {
      out += c == '\n' ? "\r\n" : std::string(1, c);
    }
    return out;
  }

  std::mt19937 random_;
};

size_t cases() {
  const char* given = std::getenv("PINGAP_TEST_CASES");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? 3000 : std::strtoul(given, nullptr, 10);
}

std::optional<Value> tree_of(std::string_view text) {
  Diagnostics diagnostics;
  Value tree = read_toml(text, 0, diagnostics);
  return diagnostics.has_errors() ? std::nullopt : std::optional(std::move(tree));
}

// All paths of a tree that do not lead through an array.
void collect(const Value& value, ItemPath& path, std::vector<ItemPath>& out) {
  for (const Member& member : value.members) {
    path.push_back(member.key);
    out.push_back(path);
    collect(member.value, path, out);
    path.pop_back();
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

bool is_part(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  size_t at = 0;
  for (const std::string& line : whole) {
    at += at < part.size() && part[at] == line ? 1U : 0U;
  }
  return at == part.size();
}

// How many bytes at both ends are the same, each counted once.
size_t same_at_ends(std::string_view a, std::string_view b) {
  const auto front = static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  a.remove_prefix(front);
  b.remove_prefix(front);
  size_t back = 0;
  while (back < std::min(a.size(), b.size()) && a[a.size() - back - 1] == b[b.size() - back - 1]) {
    ++back;
  }
  return front + back;
}

bool has_inline_tables(std::string_view text) {
  return text.find('{') != std::string_view::npos;
}

class Laws {
 public:
  explicit Laws(Generator& generator, std::string text)
      : generator_(generator), text_(std::move(text)), tree_(*tree_of(text_)) {
    ItemPath path;
    collect(tree_, path, paths_);
  }

  void check() {
    formatting();
    if (paths_.empty()) {
      return;
    }
    const ItemPath path = paths_[generator_.below(paths_.size())];
    const Value& old = *find_value(tree_, path);
    replacing(path, old);
    adding(path, old);
    removing(path);
    renaming(path);
    putting(path, old);
  }

 private:
  void formatting() {
    const Edited once = format_toml(text_);
    ASSERT_TRUE(once) << once.error().what << "\n" << text_;
    EXPECT_TRUE(same_values(*tree_of(*once), tree_));
    const Edited twice = format_toml(*once);
    ASSERT_TRUE(twice);
    EXPECT_EQ(*twice, *once) << text_;
  }

  // Nothing may ever come out wrong; what cannot be done is a conflict that is seen before.
  void expect_honest(const Edited& edited, const ItemPath& path) {
    if (!edited) {
      EXPECT_EQ(edited.error().fault, EditFault::conflict)
          << edited.error().what << " at " << toml_path(path) << "\n"
          << text_;
    }
  }

  void replacing(const ItemPath& path, const Value& old) {
    const std::string value = generator_.value();
    const Edited edited = set_value(text_, path, value);
    expect_honest(edited, path);
    if (old.kind != ValueKind::table && old.kind != ValueKind::array) {
      ASSERT_TRUE(edited) << edited.error().what << "\n" << text_;
    }
    if (!edited) {
      return;
    }
    Value wanted = tree_;
    put_value(wanted, path, tree_of("v = " + value)->members[0].value);
    EXPECT_TRUE(same_values(*tree_of(*edited), wanted)) << toml_path(path) << "\n" << text_;
    const size_t comments = static_cast<size_t>(std::ranges::count(text_, '#'));
    const size_t changed = text_.size() - same_at_ends(text_, *edited);
    EXPECT_LE(changed, 80U) << "more than the value is gone";
    EXPECT_GE(static_cast<size_t>(std::ranges::count(*edited, '#')) + 3, comments);
  }

  void adding(const ItemPath& path, const Value& old) {
    ItemPath fresh = path;
    if (old.kind != ValueKind::table) {
      fresh.pop_back();
    }
    for (size_t i = generator_.below(2); i > 0; --i) {
      fresh.emplace_back("new table");
    }
    fresh.emplace_back("new");
    const Edited edited = set_value(text_, fresh, "[ 1 ]");
    expect_honest(edited, fresh);
    if (!edited) {
      return;
    }
    EXPECT_EQ(same_at_ends(text_, *edited), text_.size()) << *edited;
    const Edited back = remove_item(*edited, fresh);
    ASSERT_TRUE(back) << back.error().what << "\n" << *edited;
    EXPECT_TRUE(is_part(lines_of(*back), lines_of(*edited)) || has_inline_tables(text_)) << *back;
  }

  void removing(const ItemPath& path) {
    const Edited edited = remove_item(text_, path);
    expect_honest(edited, path);
    if (!edited) {
      return;
    }
    EXPECT_EQ(find_value(*tree_of(*edited), path), nullptr);
    if (!has_inline_tables(text_)) {
      EXPECT_TRUE(is_part(lines_of(*edited), lines_of(text_))) << text_ << "\n->\n" << *edited;
    }
  }

  void renaming(const ItemPath& path) {
    const Edited edited = rename_item(text_, path, "new name");
    expect_honest(edited, path);
    if (!edited) {
      return;
    }
    ItemPath there = path;
    there.back() = "new name";
    const Edited back = rename_item(*edited, there, path.back());
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_TRUE(same_values(*tree_of(*back), tree_));
    EXPECT_EQ(lines_of(*back).size(), lines_of(text_).size());
  }

  void putting(const ItemPath& path, const Value& old) {
    if (old.kind != ValueKind::table) {
      return;
    }
    const Edited body = table_body(text_, path);
    expect_honest(body, path);
    if (body) {
      const Edited kept = put_table(text_, path, *body, Comments::kept);
      ASSERT_TRUE(kept) << kept.error().what << "\n" << text_;
      EXPECT_EQ(*kept, text_);
      const Edited replaced = put_table(text_, path, *body, Comments::replaced);
      ASSERT_TRUE(replaced) << replaced.error().what << "\n" << text_;
      EXPECT_EQ(shown_comments(*replaced), shown_comments(text_)) << text_;
    }
    const Edited other = put_table(text_, path, "bb = 2\n[sub]\nx = 1\n", Comments::kept);
    if (other) {
      EXPECT_EQ(find_value(*tree_of(*other), path)->members.size(), 2U);
    }
  }

  static size_t shown_comments(std::string_view text) {
    return static_cast<size_t>(std::ranges::count(text, '#'));
  }

  Generator& generator_;
  std::string text_;
  Value tree_;
  std::vector<ItemPath> paths_;
};

TEST(EditorLaws, HoldForDocumentsThatAGeneratorMakes) {
  size_t valid = 0;
  for (uint32_t seed = 0; seed < cases() && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Generator generator(seed);
    const std::string text = generator.document();
    if (tree_of(text)) {
      ++valid;
      Laws(generator, text).check();
    }
  }
  EXPECT_GT(valid, cases() / 5) << "the generator makes too few documents that are valid";
}

TEST(EditorLaws, HoldForTheShippedFiles) {
  for (const char* name : {"configs/example.toml", "configs/reference.toml"}) {
    std::ifstream in(std::string(PINGAP_SOURCE_DIR "/") + name, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    ASSERT_TRUE(tree_of(text)) << name;
    for (uint32_t seed = 0; seed < 100 && !testing::Test::HasFailure(); ++seed) {
      SCOPED_TRACE(seed);
      Generator generator(seed);
      Laws(generator, text).check();
    }
  }
}

}  // namespace
}  // namespace pingap::config
