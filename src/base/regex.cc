#include "base/regex.h"

#include <algorithm>
#include <array>

#include <re2/re2.h>
#include <re2/set.h>

namespace pingap {
namespace {

constexpr int64_t kRegexMemory = 8 << 20;  // program and automaton of one pattern
constexpr int64_t kSetMemory = 64 << 20;   // of all patterns of a set together
constexpr size_t kMaxGroups = 32;

RE2::Options make_options(RegexCase letters, int64_t memory) {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_case_sensitive(letters == RegexCase::sensitive);
  options.set_log_errors(false);
  options.set_max_mem(memory);
  return options;
}

re2::StringPiece piece(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

}  // namespace

struct Regex::Impl {
  Impl(std::string_view pattern, const RE2::Options& options) : re(piece(pattern), options) {}

  RE2 re;
};

Regex::Regex(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {
}

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

tl::expected<Regex, std::string> Regex::create(std::string_view pattern, RegexCase letters) {
  auto impl = std::make_unique<Impl>(pattern, make_options(letters, kRegexMemory));
  if (!impl->re.ok()) {
    return tl::unexpected(impl->re.error());
  }
  if (impl->re.NumberOfCapturingGroups() >= static_cast<int>(kMaxGroups)) {
    return tl::unexpected("more than " + std::to_string(kMaxGroups - 1) + " groups");
  }
  return Regex(std::move(impl));
}

bool Regex::matches(std::string_view text) const noexcept {
  return impl_->re.Match(piece(text), 0, text.size(), RE2::UNANCHORED, nullptr, 0);
}

bool Regex::matches_fully(std::string_view text) const noexcept {
  return impl_->re.Match(piece(text), 0, text.size(), RE2::ANCHOR_BOTH, nullptr, 0);
}

bool Regex::match_captures(std::string_view text,
                           std::span<std::string_view> groups) const noexcept {
  return match_between(text, 0, text.size(), At::anywhere, groups);
}

bool Regex::match_between(std::string_view text, size_t start, size_t end, At at,
                          std::span<std::string_view> groups) const noexcept {
  std::array<re2::StringPiece, kMaxGroups> found;
  const size_t wanted =
      std::min(groups.size(), static_cast<size_t>(impl_->re.NumberOfCapturingGroups()) + 1);
  const auto anchor = at == At::start ? RE2::ANCHOR_START : RE2::UNANCHORED;
  if (!impl_->re.Match(piece(text), start, end, anchor, found.data(), static_cast<int>(wanted))) {
    return false;
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i] =
        i < wanted ? std::string_view(found[i].data(), found[i].size()) : std::string_view{};
  }
  return true;
}

int Regex::group_count() const noexcept {
  return impl_->re.NumberOfCapturingGroups();
}

int Regex::find_group(std::string_view name) const {
  const auto& names = impl_->re.NamedCapturingGroups();
  const auto found = names.find(std::string(name));
  return found == names.end() ? -1 : found->second;
}

std::vector<std::string> Regex::group_names() const {
  std::vector<std::string> names;
  for (const auto& [name, number] : impl_->re.NamedCapturingGroups()) {
    names.push_back(name);
  }
  return names;
}

std::string_view Regex::pattern() const noexcept {
  return impl_->re.pattern();
}

struct RegexSet::Impl {
  explicit Impl(RegexCase letters) : set(make_options(letters, kSetMemory), RE2::UNANCHORED) {}

  RE2::Set set;
  size_t size = 0;
};

RegexSet::RegexSet(RegexCase letters) : impl_(std::make_unique<Impl>(letters)) {
}

RegexSet::RegexSet(RegexSet&&) noexcept = default;
RegexSet& RegexSet::operator=(RegexSet&&) noexcept = default;
RegexSet::~RegexSet() = default;

tl::expected<int, std::string> RegexSet::add(std::string_view pattern) {
  std::string error;
  const int index = impl_->set.Add(piece(pattern), &error);
  if (index < 0) {
    return tl::unexpected(std::move(error));
  }
  ++impl_->size;
  return index;
}

tl::expected<void, std::string> RegexSet::compile() {
  if (!impl_->set.Compile()) {
    return tl::unexpected<std::string>("the patterns together are too large");
  }
  return {};
}

bool RegexSet::match(std::string_view text, std::vector<int>& out) const {
  out.clear();
  if (impl_->size == 0) {
    return false;
  }
  RE2::Set::ErrorInfo error{};
  if (!impl_->set.Match(piece(text), &out, &error)) {
    if (error.kind == RE2::Set::kNoError) {
      return false;
    }
    // The automaton did not fit in its memory. All patterns are candidates then: the caller must
    // check each candidate with its own Regex anyway.
    out.resize(impl_->size);
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<int>(i);
    }
    return true;
  }
  std::sort(out.begin(), out.end());
  return true;
}

size_t RegexSet::size() const noexcept {
  return impl_->size;
}

}  // namespace pingap
