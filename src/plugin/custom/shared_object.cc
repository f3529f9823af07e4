#include "plugin/custom/shared_object.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <pingap_plugin.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file_access.h"

namespace pingap::plugin {
namespace {

constexpr off_t kMaxSize = off_t{256} * 1024 * 1024;
constexpr const char* kSymbol = "pingap_plugin_export";

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}

  File(const File&) = delete;
  File& operator=(const File&) = delete;

  ~File() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  int get() const noexcept { return fd_; }

  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string last_error() {
  return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): glibc's is per thread
}

// Its code gets all rights of the proxy: nobody else may be able to change it.
tl::expected<void, std::string> check_owner(const struct stat& info, const char* what) {
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return tl::unexpected(
        fmt::format("{} belongs to another user (uid {}); it has to be root's or "
                    "the proxy's own",
                    what, info.st_uid));
  }
  const bool sticky = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky) {
    return tl::unexpected(
        fmt::format("{} can be written by others than its owner; chmod go-w", what));
  }
  return {};
}

tl::expected<off_t, std::string> check_file(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return tl::unexpected(last_error());
  }
  if (!S_ISREG(info.st_mode)) {
    return tl::unexpected<std::string>("it is no regular file");
  }
  if (info.st_size > kMaxSize) {
    return tl::unexpected<std::string>("it is larger than 256 MB");
  }
  if (auto fine = check_owner(info, "the file"); !fine) {
    return tl::unexpected(std::move(fine.error()));
  }
  struct stat folder{};
  if (::stat(folder_of(path).c_str(), &folder) != 0) {
    return tl::unexpected(last_error());
  }
  if (auto fine = check_owner(folder, "its folder"); !fine) {
    return tl::unexpected(std::move(fine.error()));
  }
  return info.st_size;
}

bool copy(int from, int to, off_t size) {
  off_t done = 0;
  while (done < size) {
    const ssize_t some = ::sendfile(to, from, &done, static_cast<size_t>(size - done));
    if (some == 0) {
      errno = EIO;  // it has become shorter
    }
    if (some <= 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

// What is not there at this place is zero.
template <class T>
T read_at(int fd, off_t at) {
  T out{};
  if (::pread(fd, &out, sizeof(out), at) != static_cast<ssize_t>(sizeof(out))) {
    out = {};
  }
  return out;
}

// Whether all is there that its headers tell of. The loader maps that as it is told to, and a page
// behind the end of a file is a SIGBUS: half a copy (a full disk) must not get to it.
bool is_whole(int fd, off_t size) {
  const auto head = read_at<Elf64_Ehdr>(fd, 0);
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(Elf64_Phdr)) {
    return true;  // no object of this machine, as the loader will say
  }
  const auto room = static_cast<uint64_t>(size);
  const auto fits = [room](uint64_t at, uint64_t bytes) {
    return at <= room && bytes <= room - at;
  };
  if (!fits(head.e_phoff, uint64_t{head.e_phnum} * sizeof(Elf64_Phdr))) {
    return false;
  }
  for (uint64_t i = 0; i < head.e_phnum; ++i) {
    const auto part =
        read_at<Elf64_Phdr>(fd, static_cast<off_t>(head.e_phoff + i * sizeof(Elf64_Phdr)));
    if (part.p_type == PT_LOAD && !fits(part.p_offset, part.p_filesz)) {
      return false;
    }
  }
  return true;
}

}  // namespace

tl::expected<std::unique_ptr<SharedObject>, std::string> SharedObject::load(
    const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return tl::unexpected(last_error());
  }
  const auto size = check_file(file.get(), path);
  if (!size) {
    return tl::unexpected(size.error());
  }
  const std::string shown = "pingap:" + path.substr(path.rfind('/') + 1).substr(0, 200);
  std::unique_ptr<SharedObject> made(new SharedObject());
  made->copy_ = ::memfd_create(shown.c_str(), MFD_CLOEXEC);
  if (made->copy_ < 0 || !copy(file.get(), made->copy_, *size)) {
    return tl::unexpected("it cannot be copied to memory: " + last_error());
  }
  if (!is_whole(made->copy_, *size)) {
    return tl::unexpected<std::string>("a part of it is missing: it was not copied to its end");
  }
  if (auto opened = made->open(); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  return made;
}

tl::expected<void, std::string> SharedObject::open() {
  name_ = fmt::format("/proc/self/fd/{}", copy_);
  handle_ = ::dlopen(name_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    return tl::unexpected<std::string>(::dlerror());  // NOLINT(concurrency-mt-unsafe): as above
  }
  const auto* table = static_cast<const pingap_plugin*>(::dlsym(handle_, kSymbol));
  if (table == nullptr || table->magic != PINGAP_PLUGIN_MAGIC) {
    return tl::unexpected(
        fmt::format("it is no plugin: it has no `{}`, which PINGAP_PLUGIN(Class) makes", kSymbol));
  }
  if (table->abi != PINGAP_PLUGIN_ABI || table->size < sizeof(pingap_plugin)) {
    return tl::unexpected(fmt::format(
        "it was made for version {} of the interface, this program has version {}; compile it anew "
        "with the header of this version",
        table->abi, PINGAP_PLUGIN_ABI));
  }
  if (table->create == nullptr || table->destroy == nullptr) {
    return tl::unexpected<std::string>("its table has no `create` or no `destroy`");
  }
  table_ = table;
  return {};
}

SharedObject::~SharedObject() {
  if (handle_ != nullptr) {
    ::dlclose(handle_);
    if (void* still = ::dlopen(name_.c_str(), RTLD_NOW | RTLD_NOLOAD)) {
      ::dlclose(still);
      return;  // it stays for good; its name must not become another one's
    }
  }
  if (copy_ >= 0) {
    ::close(copy_);
  }
}

}  // namespace pingap::plugin
