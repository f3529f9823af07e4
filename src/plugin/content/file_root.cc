#include "plugin/content/file_root.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace pingap::plugin {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

}  // namespace

std::string FileRoot::identity(const std::string& folder) {
  struct stat info{};
  return ::stat(folder.c_str(), &info) == 0 ? fmt::format("{}:{}", info.st_dev, info.st_ino) : "-";
}

tl::expected<FileRoot, int> FileRoot::open(const std::string& folder, bool follow_links) {
  FileRoot made;
  made.root_ = net::Fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  made.follow_links_ = follow_links;
  if (!made.root_) {
    return tl::unexpected(errno);
  }
  return made;
}

OpenFile FileRoot::find(const std::string& path) const noexcept {
  OpenFile found;
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;  // a pipe in the place does not block
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  how.resolve |= follow_links_ ? 0U : uint64_t{RESOLVE_NO_SYMLINKS};
  const std::string& name = path.empty() ? std::string(".") : path;
  net::Fd fd(
      static_cast<int>(::syscall(SYS_openat2, root_.get(), name.c_str(), &how, sizeof(how))));
  if (!fd || ::fstat(fd.get(), &found.info) != 0 || (!found.is_file() && !found.is_folder())) {
    return found;
  }
  found.fd = std::move(fd);
  return found;
}

std::vector<FileRoot::Entry> FileRoot::list(const OpenFile& folder) {
  std::vector<Entry> entries;
  net::Fd copy(::openat(folder.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, CloseFolder> stream(copy ? ::fdopendir(copy.get()) : nullptr);
  if (stream == nullptr) {
    return entries;
  }
  copy.release();                                        // the stream's now
  while (const dirent* one = ::readdir(stream.get())) {  // NOLINT: a stream of our own
    struct stat info{};
    if (one->d_name[0] != '.' &&
        ::fstatat(folder.fd.get(), one->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
      entries.push_back({one->d_name, S_ISDIR(info.st_mode), static_cast<uint64_t>(info.st_size),
                         info.st_mtim.tv_sec});
    }
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.folder != b.folder ? a.folder : a.name < b.name;
  });
  return entries;
}

// Also of a file that has become shorter.
tl::unexpected<Error> FileSource::failure(ssize_t got) noexcept {
  return tl::make_unexpected(Error{ErrorCode::io, Side::local, Retry::never, got < 0 ? errno : 0,
                                   "a file cannot be read"});
}

Result<size_t> FileSource::fill(Pipe& pipe, size_t most) noexcept {
  auto at = static_cast<off64_t>(at_);
  const ssize_t got = ::splice(fd_.get(), &at, pipe.write_end(), nullptr, most, SPLICE_F_NONBLOCK);
  if (got <= 0) {
    return failure(got);
  }
  pipe.filled(static_cast<size_t>(got));
  at_ += static_cast<uint64_t>(got);
  return static_cast<size_t>(got);
}

Result<> FileSource::read(size_t most, ByteQueue& out) noexcept {
  const std::span<char> room = out.prepare(std::min<size_t>(most, 16 * 1024));
  const ssize_t got =
      ::pread(fd_.get(), room.data(), std::min(room.size(), most), static_cast<off_t>(at_));
  if (got <= 0) {
    return failure(got);
  }
  out.commit(static_cast<size_t>(got));
  at_ += static_cast<uint64_t>(got);
  return {};
}

}  // namespace pingap::plugin
