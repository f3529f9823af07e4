#include "base/byte_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pingap {

ByteQueue::ByteQueue(ByteQueue&& other) noexcept {
  take(other);
}

ByteQueue& ByteQueue::operator=(ByteQueue&& other) noexcept {
  if (this != &other) {
    clear();
    take(other);
  }
  return *this;
}

// We are empty.
void ByteQueue::take(ByteQueue& other) noexcept {
  heap_ = std::move(other.heap_);
  slots_ = heap_ ? heap_.get() : inline_;
  std::copy_n(other.inline_, kInline, inline_);
  size_ = std::exchange(other.size_, 0);
  head_ = std::exchange(other.head_, 0);
  count_ = std::exchange(other.count_, 0);
  mask_ = std::exchange(other.mask_, kInline - 1);
  other.slots_ = other.inline_;
}

void ByteQueue::grow() noexcept {
  const uint32_t capacity = (mask_ + 1) * 2;
  auto bigger = std::make_unique_for_overwrite<Slice[]>(capacity);
  for (uint32_t i = 0; i < count_; ++i) {
    bigger[i] = at(i);
  }
  heap_ = std::move(bigger);
  slots_ = heap_.get();
  head_ = 0;
  mask_ = capacity - 1;
}

// True: the last slice has become longer instead.
bool ByteQueue::join(const Chunk* chunk, size_t begin, size_t end) noexcept {
  if (count_ == 0 || last().chunk != chunk || last().end != begin) {
    return false;
  }
  last().end = static_cast<uint32_t>(end);
  size_ += end - begin;
  return true;
}

void ByteQueue::add(ChunkRef chunk, size_t begin, size_t end) noexcept {
  if (count_ > mask_) {
    grow();
  }
  ++count_;
  last() = {chunk.release(), static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  size_ += end - begin;
}

void ByteQueue::share(Chunk* chunk, size_t begin, size_t end) noexcept {
  if (!join(chunk, begin, end)) {
    add(ChunkRef::share(chunk), begin, end);
  }
}

void ByteQueue::push(const ChunkRef& chunk, size_t begin, size_t end) noexcept {
  if (begin != end) {
    share(chunk.get(), begin, end);
  }
}

std::span<char> ByteQueue::prepare(size_t min) noexcept {
  if (count_ == 0 || last().room() < min) {
    add(make_chunk(std::max(min, kChunkSize)), 0, 0);
  }
  Slice& tail = last();
  return {tail.chunk->data() + tail.end, tail.room()};
}

void ByteQueue::commit(size_t written) noexcept {
  last().end += static_cast<uint32_t>(written);
  size_ += written;
  if (last().size() == 0) {
    const ChunkRef unused(last().chunk);
    --count_;
  }
}

void ByteQueue::append(std::string_view bytes) noexcept {
  if (bytes.empty()) {
    return;
  }
  std::span<char> room = prepare(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

void ByteQueue::clear() noexcept {
  while (count_ > 0) {
    pop_front();
  }
  size_ = 0;
}

ChunkRef ByteQueue::pop_front() noexcept {
  ChunkRef chunk(at(0).chunk);
  head_ = (head_ + 1) & mask_;
  --count_;
  return chunk;
}

void ByteQueue::consume(size_t bytes) noexcept {
  size_ -= bytes;
  while (bytes > 0) {
    Slice& first = at(0);
    if (bytes < first.size()) {
      first.begin += static_cast<uint32_t>(bytes);
      return;
    }
    bytes -= first.size();
    pop_front();
  }
}

size_t ByteQueue::move_from(ByteQueue& source, size_t max, size_t copy_below) noexcept {
  size_t moved = 0;
  while (moved < max && !source.empty()) {
    const Slice first = source.at(0);
    const size_t n = std::min(first.size(), max - moved);
    moved += n;
    if (n < copy_below && count_ > 0 && last().room() >= n) {
      append({first.data(), n});
      source.consume(n);
    } else if (n < first.size()) {
      share(first.chunk, first.begin, first.begin + n);
      source.consume(n);
    } else {
      source.size_ -= n;
      ChunkRef chunk = source.pop_front();
      if (!join(first.chunk, first.begin, first.end)) {
        add(std::move(chunk), first.begin, first.end);
      }
    }
  }
  return moved;
}

void ByteQueue::share_from(const ByteQueue& source, size_t copy_below) noexcept {
  for (uint32_t i = 0; i < source.count_; ++i) {
    const Slice& slice = source.at(i);
    if (slice.size() < copy_below) {
      append(slice.view());
    } else {
      share(slice.chunk, slice.begin, slice.end);
    }
  }
}

void ByteQueue::share_range(const ByteQueue& source, size_t offset, size_t size) noexcept {
  for (uint32_t i = 0; i < source.count_ && size > 0; ++i) {
    const Slice& slice = source.at(i);
    if (offset >= slice.size()) {
      offset -= slice.size();
      continue;
    }
    const size_t n = std::min(slice.size() - offset, size);
    share(slice.chunk, slice.begin + offset, slice.begin + offset + n);
    offset = 0;
    size -= n;
  }
}

std::string_view ByteQueue::front() const noexcept {
  return count_ == 0 ? std::string_view{} : at(0).view();
}

std::span<iovec> ByteQueue::gather(std::span<iovec> out) const noexcept {
  const size_t n = std::min<size_t>(count_, out.size());
  for (size_t i = 0; i < n; ++i) {
    const Slice& slice = at(static_cast<uint32_t>(i));
    out[i] = {slice.chunk->data() + slice.begin, slice.size()};
  }
  return out.first(n);
}

}  // namespace pingap
