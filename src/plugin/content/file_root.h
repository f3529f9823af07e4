// Files below a folder, and nothing else: the kernel keeps the way inside it, whatever links and
// names there are. Any thread; blocks on the file system.
#pragma once

#include <string>
#include <sys/stat.h>
#include <vector>

#include "net/fd.h"
#include "plugin/plugin.h"

namespace pingap::plugin {

struct OpenFile {
  net::Fd fd;  // none: there is no such file, or it may not be read
  struct stat info{};

  bool is_folder() const noexcept { return S_ISDIR(info.st_mode); }

  bool is_file() const noexcept { return S_ISREG(info.st_mode); }
};

class FileRoot {
 public:
  FileRoot() = default;
  // Which folder is at that path now; another text where it has been replaced.
  static std::string identity(const std::string& folder);

  // The error is an errno.
  static tl::expected<FileRoot, int> open(const std::string& folder, bool follow_links);

  // `path` is relative, without `..`; a link out of the folder leads nowhere.
  OpenFile find(const std::string& path) const noexcept;

  struct Entry {
    std::string name;
    bool folder;
    uint64_t size;
    int64_t modified;
  };

  // Of a folder that was found: names without those that begin with a dot, sorted, folders first.
  static std::vector<Entry> list(const OpenFile& folder);

 private:
  net::Fd root_;
  bool follow_links_ = false;
};

// Bytes of a file, from `first` on.
class FileSource final : public BodySource {
 public:
  FileSource(net::Fd fd, uint64_t first) noexcept : fd_(std::move(fd)), at_(first) {}

  Result<> read(size_t most, ByteQueue& out) noexcept override;

  bool can_fill() const noexcept override { return true; }

  Result<size_t> fill(Pipe& pipe, size_t most) noexcept override;

 private:
  static tl::unexpected<Error> failure(ssize_t got) noexcept;

  net::Fd fd_;
  uint64_t at_;
};

}  // namespace pingap::plugin
