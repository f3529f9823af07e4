// Where a configuration lies: files here, etcd in remote/. One thread, except where it is said.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/diagnostics.h"
#include "config/loader.h"

namespace pingap::config {

struct Stored {
  std::vector<Text> texts;
  // Tells this content from any other that the place had or will have; empty where it cannot be
  // told.
  std::string version;
};

struct WriteFailure {
  bool conflict = false;  // somebody else has changed it
  std::string what;
};

class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  virtual ~Storage() = default;

  // For people, without secrets.
  virtual const std::string& name() const noexcept = 0;

  // Problems go to `diagnostics`; then the result is incomplete. May block for as long as the place
  // was told to be waited for.
  virtual Stored read(Diagnostics& diagnostics) = 0;
  // Like read(), but to compare with: nothing there is no error.
  virtual tl::expected<Stored, std::string> peek() = 0;

  // Makes it these texts, by their paths: others go. Where `expected` is not empty it must be the
  // version that is there. Gives the new version.
  virtual tl::expected<std::string, WriteFailure> write(const std::vector<Text>& texts,
                                                        const std::string& expected) = 0;

  // What is there, or why it could not be read.
  using Read = tl::expected<Stored, std::string>;
  using Changed = std::function<void(Read)>;

  // Whether follow() does anything.
  virtual bool can_follow() const noexcept { return false; }

  // Tells of each content since the last read(), on the calling thread, until it is stopped. Says
  // in the log when there is trouble, and when it is over. Nobody may call anything else meanwhile
  // but refresh().
  virtual void follow(const Changed& /*changed*/, const std::stop_token& /*stop*/) {}

  // Makes follow() read at once and tell what is there, changed or not, or that it cannot be read.
  // Any thread.
  virtual void refresh() noexcept {}
};

// A file, a folder of files, or "-" for stdin; a path that is not there is to be a folder if it
// ends with '/'.
class FileStorage final : public Storage {
 public:
  explicit FileStorage(const std::string& path);

  const std::string& name() const noexcept override { return name_; }

  Stored read(Diagnostics& diagnostics) override;
  tl::expected<Stored, std::string> peek() override;
  tl::expected<std::string, WriteFailure> write(const std::vector<Text>& texts,
                                                const std::string& expected) override;

  bool is_folder() const;

 private:
  tl::expected<std::string, WriteFailure> write_folder(const std::vector<Text>& texts);

  const std::string name_;
  const std::filesystem::path path_;
};

struct TextChange {
  enum class How : uint8_t { add, change, remove };

  How how = How::add;
  std::string path;
  std::string text;  // the new one; empty for remove

  bool operator==(const TextChange&) const = default;
};

// What makes `to` of `from`, by path.
std::vector<TextChange> compare(const std::vector<Text>& from, const std::vector<Text>& to);

}  // namespace pingap::config
