#include "plugin/security/geo_database.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace pingap::plugin {
namespace {

constexpr off_t kMostBytes = off_t{512} << 20;

struct File {
  explicit File(int opened) noexcept : file(opened) {}

  File(File&& other) noexcept : file(std::exchange(other.file, -1)) {}

  File& operator=(File&&) = delete;

  ~File() {
    if (file >= 0) {
      ::close(file);
    }
  }

  int file;
};

std::string last_error() {
  return std::generic_category().message(errno);
}

// The library maps the file: one that is cut while it is in use would end the process. So it is
// given a copy that nobody else has.
tl::expected<File, std::string> copy_of(const std::string& path) {
  const File from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (from.file < 0 || ::fstat(from.file, &about) != 0) {
    return tl::unexpected(last_error());
  }
  if (!S_ISREG(about.st_mode) || about.st_size > kMostBytes) {
    return tl::unexpected<std::string>("it is no file of at most 512 MiB");
  }
  File to(::memfd_create("geo", MFD_CLOEXEC));
  if (to.file < 0) {
    return tl::unexpected(last_error());
  }
  off_t done = 0;
  while (done < about.st_size) {
    const auto rest = static_cast<size_t>(about.st_size - done);
    const ssize_t copied = ::sendfile(to.file, from.file, &done, rest);
    if (copied < 0) {
      return tl::unexpected(last_error());
    }
    if (copied == 0) {
      break;  // it was cut meanwhile
    }
  }
  return to;
}

std::string_view text_at(MMDB_entry_s& entry, const char* table, const char* key) noexcept {
  MMDB_entry_data_s data{};
  if (MMDB_get_value(&entry, &data, table, key, nullptr) != MMDB_SUCCESS || !data.has_data ||
      data.type != MMDB_DATA_TYPE_UTF8_STRING) {
    return {};
  }
  return {data.utf8_string, data.data_size};
}

class Opened final : public GeoDatabase {
 public:
  int open(int file) {
    const int result =
        MMDB_open(fmt::format("/proc/self/fd/{}", file).c_str(), MMDB_MODE_MMAP, &db_);
    open_ = result == MMDB_SUCCESS;
    return result;
  }

  ~Opened() override {
    if (open_) {
      MMDB_close(&db_);
    }
  }

  Opened() = default;
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  Place find(const IpAddress& address) const noexcept override {
    sockaddr_storage room{};
    if (address.size == 4) {
      auto& to = reinterpret_cast<sockaddr_in&>(room);
      to.sin_family = AF_INET;
      std::memcpy(&to.sin_addr, address.bytes.data(), 4);
    } else if (address.size == 16 && db_.metadata.ip_version == 6) {
      auto& to = reinterpret_cast<sockaddr_in6&>(room);
      to.sin6_family = AF_INET6;
      std::memcpy(&to.sin6_addr, address.bytes.data(), 16);
    } else {
      return {};
    }
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s found =
        MMDB_lookup_sockaddr(&db_, reinterpret_cast<const sockaddr*>(&room), &error);
    if (error != MMDB_SUCCESS || !found.found_entry) {
      return {};
    }
    return {text_at(found.entry, "country", "iso_code"), text_at(found.entry, "continent", "code")};
  }

 private:
  MMDB_s db_{};
  bool open_ = false;
};

}  // namespace

tl::expected<std::shared_ptr<const GeoDatabase>, std::string> GeoDatabase::open(
    const std::string& path) {
  const auto copy = copy_of(path);
  if (!copy) {
    return tl::unexpected(copy.error());
  }
  auto made = std::make_shared<Opened>();
  if (const int error = made->open(copy->file); error != MMDB_SUCCESS) {
    return tl::unexpected(
        fmt::format("it is no database of the MaxMind format: {}", MMDB_strerror(error)));
  }
  return made;
}

}  // namespace pingap::plugin
