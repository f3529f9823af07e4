#include "proxy/body_spool.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

namespace pingap::proxy {
namespace {

constexpr uint64_t kMemoryCap = 256 * 1024;  // of one body
// Pieces shorter than this are copied together, so that the chunks of a spool hold no more than
// twice its bytes.
constexpr size_t kCopyBelow = kChunkSize / 2;

std::atomic<uint64_t> g_budget{64 << 20};  // set at start
std::atomic<uint64_t> g_used{0};           // by all workers

bool charge(uint64_t bytes) noexcept {
  const uint64_t before = g_used.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= g_budget.load(std::memory_order_relaxed)) {
    return true;
  }
  g_used.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

Error disk_error(const char* what) noexcept {
  return {ErrorCode::buffer_full, Side::local, Retry::never, errno, what};
}

}  // namespace

void set_buffer_budget(uint64_t bytes) noexcept {
  g_budget.store(bytes);
}

BodySpool::~BodySpool() {
  g_used.fetch_sub(charged_, std::memory_order_relaxed);
}

Result<> BodySpool::open_file() noexcept {
  const char* directory = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): never set by us
  if (directory == nullptr || *directory == '\0') {
    directory = "/tmp";
  }
  // Without a name from the start: nothing is left behind, nobody else can open it.
  file_ = net::Fd(::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, S_IRUSR | S_IWUSR));
  if (!file_) {
    return tl::unexpected(disk_error("temporary file"));
  }
  return {};
}

Result<> BodySpool::append(ByteQueue& data) noexcept {
  const uint64_t bytes = data.size();
  if (!file_ && memory_.size() + bytes <= kMemoryCap && charge(bytes)) {
    charged_ += bytes;
    memory_.share_from(data, kCopyBelow);
    data.clear();
    size_ += bytes;
    memory_end_ = size_;
    return {};
  }
  if (!file_) {
    if (auto opened = open_file(); !opened) {
      return opened;
    }
  }
  while (!data.empty()) {
    const std::string_view piece = data.front();
    const auto at = static_cast<off_t>(size_ - memory_end_);
    const ssize_t put = ::pwrite(file_.get(), piece.data(), piece.size(), at);
    if (put <= 0) {
      if (put < 0 && errno == EINTR) {
        continue;
      }
      return tl::unexpected(disk_error("write"));
    }
    size_ += static_cast<uint64_t>(put);
    data.consume(static_cast<size_t>(put));
  }
  return {};
}

Result<> BodySpool::read(uint64_t offset, size_t max, ByteQueue& out) noexcept {
  if (offset < memory_end_) {
    out.share_range(memory_, offset - released_, std::min<uint64_t>(max, memory_end_ - offset));
    return {};
  }
  max = static_cast<size_t>(std::min<uint64_t>(max, size_ - offset));
  while (max > 0) {
    const std::span<char> room = out.prepare(std::min(max, kChunkSize));
    const auto at = static_cast<off_t>(offset - memory_end_);
    const ssize_t got = ::pread(file_.get(), room.data(), std::min(room.size(), max), at);
    if (got <= 0) {
      out.commit(0);
      return tl::unexpected(disk_error("read"));
    }
    out.commit(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
    max -= static_cast<size_t>(got);
  }
  return {};
}

void BodySpool::release(uint64_t offset) noexcept {
  const uint64_t until = std::min(offset, memory_end_);
  if (until <= released_) {
    return;
  }
  const uint64_t bytes = until - released_;
  memory_.consume(static_cast<size_t>(bytes));
  released_ = until;
  charged_ -= bytes;
  g_used.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace pingap::proxy
