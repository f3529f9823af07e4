#include "config/storage.h"

#include <map>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "config/suggest.h"
#include "config/write_file.h"

namespace pingap::config {
namespace {

namespace fs = std::filesystem;

tl::unexpected<WriteFailure> failed(std::string what) {
  return tl::make_unexpected(WriteFailure{false, std::move(what)});
}

}  // namespace

FileStorage::FileStorage(const std::string& path) : name_(path), path_(path) {
}

bool FileStorage::is_folder() const {
  std::error_code error;
  return name_.ends_with('/') || fs::is_directory(path_, error);
}

Stored FileStorage::read(Diagnostics& diagnostics) {
  return {read_sources(path_, diagnostics), {}};
}

tl::expected<Stored, std::string> FileStorage::peek() {
  std::error_code error;
  if (!fs::exists(path_, error) || (is_folder() && fs::is_empty(path_, error))) {
    return Stored{};
  }
  Diagnostics diagnostics;
  Stored stored = read(diagnostics);
  for (const Diagnostic& entry : diagnostics.entries()) {
    const bool empty = is_folder() && stored.texts.empty() && entry.what.starts_with("there is no");
    if (entry.severity == Severity::error && !empty) {
      return tl::unexpected(entry.what);
    }
  }
  return stored;
}

tl::expected<std::string, WriteFailure> FileStorage::write(const std::vector<Text>& texts,
                                                           const std::string& /*expected*/) {
  if (name_ == "-") {
    return failed("stdin cannot be written to");
  }
  if (is_folder()) {
    return write_folder(texts);
  }
  if (texts.size() != 1) {
    return failed(fmt::format("{} is one file for {} texts: give a folder, with / at its end",
                              quote_path(name_), texts.size()));
  }
  if (auto done = write_file_atomically(path_, texts.front().text); !done) {
    return failed(done.error());
  }
  return std::string();
}

tl::expected<std::string, WriteFailure> FileStorage::write_folder(const std::vector<Text>& texts) {
  const auto before = peek();
  if (!before) {
    return failed(before.error());
  }
  for (const TextChange& change : compare(before->texts, texts)) {
    const fs::path file = path_ / change.path;
    std::error_code error;
    if (change.how == TextChange::How::remove) {
      fs::remove(file, error);
    } else {
      fs::create_directories(file.parent_path(), error);
    }
    if (error) {
      return failed(quote_path(file.native()) + ": " + error.message());
    }
    if (change.how != TextChange::How::remove) {
      if (auto done = write_file_atomically(file, change.text); !done) {
        return failed(done.error());
      }
    }
  }
  return std::string();
}

std::vector<TextChange> compare(const std::vector<Text>& from, const std::vector<Text>& to) {
  std::map<std::string_view, std::string_view> old;
  for (const Text& text : from) {
    old.emplace(text.path, text.text);
  }
  std::vector<TextChange> changes;
  for (const Text& text : to) {
    const auto known = old.find(text.path);
    if (known == old.end()) {
      changes.push_back({TextChange::How::add, text.path, text.text});
    } else if (known->second != text.text) {
      changes.push_back({TextChange::How::change, text.path, text.text});
    }
    old.erase(text.path);
  }
  for (const auto& [path, text] : old) {
    changes.push_back({TextChange::How::remove, std::string(path), {}});
  }
  return changes;
}

}  // namespace pingap::config
