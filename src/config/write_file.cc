#include "config/write_file.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file_access.h"
#include "config/suggest.h"

namespace pingap::config {
namespace {

namespace fs = std::filesystem;

using Written = tl::expected<void, std::string>;

constexpr int kMaxLinks = 40;     // as many as the kernel follows
constexpr size_t kMaxName = 200;  // of what a temporary name begins with: a name has 255 bytes

tl::unexpected<std::string> failure(std::string_view what, const fs::path& path, int error,
                                    std::string_view hint = {}) {
  return tl::make_unexpected(fmt::format("cannot {} {}: {}{}{}", what, quote_path(path.native()),
                                         std::generic_category().message(error),
                                         hint.empty() ? "" : "; ", hint));
}

// Where the links lead: to a file, or to where one would be made.
tl::expected<fs::path, std::string> target_of(const fs::path& path) {
  fs::path at = path;
  for (int i = 0; i < kMaxLinks; ++i) {
    std::error_code error;
    const fs::path link = fs::read_symlink(at, error);
    if (error) {
      return at;  // no link
    }
    at = at.parent_path() / link;
  }
  return failure("write", path, ELOOP);
}

// A file in the folder of the one that it is to become; gone with this object unless it became it.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : name_(fs::path(folder_of(target)) /
              ("." + target.filename().native().substr(0, kMaxName) + ".XXXXXX.tmp")) {
    constexpr int kSuffix = 4;  // ".tmp"
    fd_ = ::mkostemps(name_.data(), kSuffix, O_CLOEXEC);
  }

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  ~TemporaryFile() {
    if (fd_ >= 0) {
      ::close(fd_);
      if (!renamed_) {
        ::unlink(name_.c_str());
      }
    }
  }

  // Negative where it could not be made; errno is then of its constructor.
  int fd() const noexcept { return fd_; }

  int write_all(std::string_view text) const noexcept {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno != EINTR) {
        return errno;
      }
      text.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
    return ::fsync(fd_) == 0 ? 0 : errno;
  }

  int rename_to(const fs::path& target) noexcept {
    renamed_ = ::rename(name_.c_str(), target.c_str()) == 0;
    return renamed_ ? 0 : errno;
  }

 private:
  std::string name_;
  int fd_ = -1;
  bool renamed_ = false;
};

// The new name is on the disk only when the folder is.
int sync_folder(const std::string& folder) noexcept {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return errno == EACCES ? 0 : errno;  // one that may be written but not read
  }
  const int error = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;  // some file systems have none
  ::close(fd);
  return error;
}

// Mode and owner of the file that is replaced. The mode comes last: a change of the owner clears
// bits of it, and until then nobody else may read.
Written take_over(int fd, const fs::path& target, const struct stat& old) {
  struct stat now{};
  if (::fstat(fd, &now) != 0) {
    return failure("write", target, errno);
  }
  if ((now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
      ::fchown(fd, old.st_uid, old.st_gid) != 0) {
    return failure("keep the owner of", target, errno, "run this as its owner or as root");
  }
  if (::fchmod(fd, old.st_mode & 07777) != 0) {
    return failure("keep the mode of", target, errno);
  }
  return {};
}

// Nothing if there is no file yet.
tl::expected<std::optional<struct stat>, std::string> look_at(const fs::path& target) {
  struct stat info{};
  if (::stat(target.c_str(), &info) != 0) {
    if (errno == ENOENT && !target.filename().empty()) {
      return std::nullopt;
    }
    return failure("write", target, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return tl::make_unexpected(
        fmt::format("cannot write {}: it is not a regular file", quote_path(target.native())));
  }
  // A rename would replace a file that is write-protected, too.
  if (const int error = try_to_write(target, Symlinks::follow); error != 0) {
    return failure("write", target, error);
  }
  return info;
}

}  // namespace

Written write_file_atomically(const fs::path& path, std::string_view text, mode_t mode_of_new) {
  const auto target = target_of(path);
  if (!target) {
    return tl::make_unexpected(target.error());
  }
  const auto old = look_at(*target);
  if (!old) {
    return tl::make_unexpected(old.error());
  }
  TemporaryFile file(*target);
  if (file.fd() < 0) {
    return failure("make a file beside", *target, errno);
  }
  if (old->has_value()) {
    if (Written kept = take_over(file.fd(), *target, **old); !kept) {
      return kept;
    }
  } else if (::fchmod(file.fd(), mode_of_new) != 0) {
    return failure("write", *target, errno);
  }
  if (const int error = file.write_all(text); error != 0) {
    return failure("write", *target, error);
  }
  if (const int error = file.rename_to(*target); error != 0) {
    return failure("replace", *target, error);
  }
  if (const int error = sync_folder(folder_of(*target)); error != 0) {
    return failure("make lasting", *target, error, "it is written, but may be lost in a crash");
  }
  return {};
}

}  // namespace pingap::config
