#include "control/history.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "config/etcd_url.h"
#include "config/read_file.h"
#include "config/write_file.h"
#include "control/history_folder.h"
#include "control/lines.h"
#include "control/user_name.h"
#include "net/fd.h"

namespace pingap::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "# pingap revision ";
constexpr std::string_view kTextLine = "# text: ";
constexpr std::string_view kSuffix = ".rev";
constexpr std::string_view kEtcd = "etcd:";    // what names of texts in etcd begin with
constexpr std::string_view kOneKey = ".toml";  // what a path in etcd ends with that is one key

// Of all revisions together, but for the newest two.
constexpr uintmax_t kMaxBytes = 64 << 20;

// A head and the texts.
constexpr size_t kMaxFile = config::kMaxConfigSize + (1 << 20);

std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text;
}

std::string render(const Revision& revision) {
  std::string text =
      fmt::format("{}{}\n# time: {}\n# author: {}\n# origin: {}\n# comment: {}\n# hash: {}\n",
                  kFirstLine, revision.number, revision.time, one_line(revision.author),
                  one_line(revision.origin), one_line(revision.comment), revision.hash);
  for (const config::Text& one : revision.texts) {
    text += fmt::format("{}{} {}\n{}\n", kTextLine, one.text.size(), one_line(one.name), one.text);
  }
  return text;
}

bool parse_head(std::string_view& text, Revision& out) {
  std::string_view first = take_line(text);
  if (!first.starts_with(kFirstLine)) {
    return false;
  }
  out.number = number_of(first.substr(kFirstLine.size())).value_or(0);
  const std::array<std::pair<std::string_view, std::string*>, 5> fields = {
      {{"# time: ", &out.time},
       {"# author: ", &out.author},
       {"# origin: ", &out.origin},
       {"# comment: ", &out.comment},
       {"# hash: ", &out.hash}}};
  for (const auto& [name, value] : fields) {
    const std::string_view line = take_line(text);
    if (!line.starts_with(name)) {
      return false;
    }
    *value = one_line(std::string(line.substr(name.size())));
  }
  return out.number > 0;
}

// A name below the configuration's folder: who writes a revision does not say where else is
// written.
bool stays_inside(std::string_view name) {
  const fs::path path(name);
  return !path.empty() && path.is_relative() &&
         std::ranges::none_of(path,
                              [](const fs::path& part) { return part.empty() || part == ".."; });
}

bool parse_texts(std::string_view text, Revision& out) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!line.starts_with(kTextLine)) {
      return false;
    }
    line.remove_prefix(kTextLine.size());
    const size_t space = line.find(' ');
    const auto size = number_of(line.substr(0, space));
    if (!size || space == std::string_view::npos || *size >= text.size() ||
        !stays_inside(line.substr(space + 1))) {
      return false;
    }
    std::string name(line.substr(space + 1));
    out.texts.push_back({name, std::string(text.substr(0, *size)), name});
    text.remove_prefix(*size + 1);
  }
  return hash_of(out.texts) == out.hash;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename());
  }
  return names;
}

std::string now_as_text() {
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%SZ}",
      fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

}  // namespace

std::string hash_of(const std::vector<config::Text>& texts) {
  std::string all;
  for (const config::Text& text : texts) {
    all += fmt::format("{}\n{}\n", text.name, text.text.size());
    all += text.text;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(all.data(), all.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += fmt::format("{:02x}", digest.at(i));
  }
  return hex;
}

History::History(const std::string& config, size_t keep)
    : config_(config), folder_(history_folder_of(config)), keep_(keep) {
  while (config_.size() > 1 && config_.ends_with('/')) {
    config_.pop_back();
  }
  if (config::is_etcd_url(config_)) {
    const auto address = config::parse_etcd_url(config_);
    config_ = address ? std::string(kEtcd) + address->path : config_;
  }
}

History History::keeping(size_t keep) const {
  History other = *this;
  other.keep_ = keep;
  return other;
}

// "etcd:/pingap": texts have the names of their keys.
bool History::is_etcd() const noexcept {
  return config_.starts_with(kEtcd);
}

std::vector<config::Text> History::named(std::vector<config::Text> texts) const {
  std::error_code error;
  const bool folder = fs::is_directory(config_, error);
  for (config::Text& text : texts) {
    if (is_etcd()) {
      text.name = text.path;
      continue;
    }
    const fs::path name(text.name);
    text.name = folder ? name.lexically_relative(config_) : name.filename();
  }
  return texts;
}

std::vector<config::Text> History::placed(std::vector<config::Text> texts) const {
  std::error_code error;
  const bool folder = is_etcd() ? !config_.ends_with(kOneKey) : fs::is_directory(config_, error);
  for (config::Text& text : texts) {
    text.name = folder ? fs::path(config_) / text.name : fs::path(config_);
  }
  return texts;
}

tl::expected<uint64_t, std::string> History::add(Revision revision) {
  revision.texts = named(std::move(revision.texts));
  revision.hash = hash_of(revision.texts);
  revision.time = now_as_text();
  const auto all = numbers();
  if (!all.empty()) {
    const auto newest = read(all.back());
    if (newest && newest->hash == revision.hash) {
      return newest->number;
    }
  }
  revision.number = all.empty() ? 1 : all.back() + 1;
  if (const int error = make_folder()) {
    return tl::make_unexpected(
        fmt::format("cannot make {}: {}", folder_, std::generic_category().message(error)));
  }
  if (auto done = config::write_file_atomically(path_of(revision.number), render(revision));
      !done) {
    return tl::make_unexpected(done.error());
  }
  drop_old();
  return revision.number;
}

int History::make_folder() const {
  std::error_code ignored;  // mkdir() says what is wrong
  fs::create_directories(fs::path(folder_).parent_path(), ignored);
  return ::mkdir(folder_.c_str(), S_IRWXU) == 0 || errno == EEXIST ? 0 : errno;
}

std::vector<Revision> History::list() const {
  std::vector<Revision> revisions;
  for (const uint64_t number : numbers()) {
    if (auto revision = read(number)) {
      revision->texts.clear();
      revisions.push_back(std::move(*revision));
    }
  }
  std::ranges::reverse(revisions);
  return revisions;
}

tl::expected<Revision, std::string> History::read(uint64_t number) const {
  return read_from(path_of(number), number);
}

tl::expected<Revision, std::string> History::read_from(const std::string& file,
                                                       uint64_t number) const {
  const std::string path = path_of(number);
  const auto text = config::read_file(file, kMaxFile);
  if (!text) {
    return tl::make_unexpected(fmt::format("no revision {}: {}: {}", number, path, text.error()));
  }
  Revision revision;
  std::string_view rest = *text;
  if (!parse_head(rest, revision) || revision.number != number || !parse_texts(rest, revision)) {
    return tl::make_unexpected(fmt::format("revision {} is damaged: {}", number, path));
  }
  return revision;
}

tl::expected<Revision, std::string> History::read_trusted(uint64_t number) const {
  const std::string path = path_of(number);
  // What is looked at is what is read, whatever is put in its place meanwhile.
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return tl::make_unexpected(fmt::format("no revision {}: {}: {}", number, path,
                                           std::generic_category().message(errno)));
  }
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return tl::make_unexpected(fmt::format(
        "revision {} was written by user {}, who may have less rights than you: look at it with "
        "`pingap show {}`, and write it yourself where it is good",
        number, user_name(status.st_uid), number));
  }
  return read_from(fmt::format("/proc/self/fd/{}", file.get()), number);
}

void History::share_with(uint64_t number, gid_t group) const noexcept {
  const net::Fd file(
      ::open(path_of(number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file && ::fchown(file.get(), static_cast<uid_t>(-1), group) == 0) {
    ::fchmod(file.get(), S_IRUSR | S_IWUSR | S_IRGRP);
  }
}

std::vector<uint64_t> History::numbers() const {
  std::vector<uint64_t> numbers;
  for (const std::string& name : names_in(folder_)) {
    if (name.ends_with(kSuffix)) {
      if (const auto number = number_of(name.substr(0, name.size() - kSuffix.size()))) {
        numbers.push_back(*number);
      }
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string History::path_of(uint64_t number) const {
  return fmt::format("{}/{:06}{}", folder_, number, kSuffix);
}

// And what a crash has left of a file that was to be.
void History::drop_old() const {
  std::error_code ignored;
  for (const std::string& name : names_in(folder_)) {
    if (name.ends_with(".tmp")) {
      fs::remove(fs::path(folder_) / name, ignored);
    }
  }
  auto all = numbers();
  std::ranges::reverse(all);
  uintmax_t bytes = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    std::error_code error;
    const uintmax_t size = fs::file_size(path_of(all[i]), error);
    bytes += error ? 0 : size;
    if (i >= keep_ || (i >= 2 && bytes > kMaxBytes)) {
      fs::remove(path_of(all[i]), error);
    }
  }
}

}  // namespace pingap::control
