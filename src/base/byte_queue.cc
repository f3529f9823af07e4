#include "base/byte_queue.h"

#include <algorithm>
#include <cstring>

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

ByteQueue::~ByteQueue() = default;

void ByteQueue::take(ByteQueue& other) noexcept {
  if (other.heap_) {
    heap_ = std::move(other.heap_);
  } else {
    heap_.reset();
    for (uint32_t i = 0; i < kInline; ++i) {
      inline_[i] = std::move(other.inline_[i]);
    }
  }
  size_ = std::exchange(other.size_, 0);
  head_ = std::exchange(other.head_, 0);
  count_ = std::exchange(other.count_, 0);
  capacity_ = std::exchange(other.capacity_, kInline);
}

void ByteQueue::grow() noexcept {
  auto bigger = std::make_unique<Slice[]>(capacity_ * 2);
  for (uint32_t i = 0; i < count_; ++i) {
    bigger[i] = std::move(at(i));
  }
  heap_ = std::move(bigger);
  head_ = 0;
  capacity_ *= 2;
}

void ByteQueue::push(const ChunkRef& chunk, size_t begin, size_t end) noexcept {
  if (begin == end) {
    return;
  }
  size_ += end - begin;
  if (count_ > 0) {
    Slice& last = at(count_ - 1);
    if (last.chunk.get() == chunk.get() && last.end == begin) {
      last.end = static_cast<uint32_t>(end);
      return;
    }
  }
  if (count_ == capacity_) {
    grow();
  }
  Slice& slot = at(count_++);
  slot.chunk = chunk;
  slot.begin = static_cast<uint32_t>(begin);
  slot.end = static_cast<uint32_t>(end);
}

std::span<char> ByteQueue::prepare(size_t min) noexcept {
  if (count_ > 0) {
    Slice& last = at(count_ - 1);
    if (last.chunk.unique() && last.chunk.capacity() - last.end >= min) {
      return {last.chunk.data() + last.end, last.chunk.capacity() - last.end};
    }
  }
  if (count_ == capacity_) {
    grow();
  }
  Slice& slot = at(count_++);
  slot.chunk = make_chunk(std::max(min, kChunkSize));
  slot.begin = 0;
  slot.end = 0;
  return {slot.chunk.data(), slot.chunk.capacity()};
}

void ByteQueue::commit(size_t written) noexcept {
  Slice& last = at(count_ - 1);
  last.end += static_cast<uint32_t>(written);
  size_ += written;
  if (last.size() == 0) {
    last.chunk.reset();
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

void ByteQueue::pop_front() noexcept {
  at(0).chunk.reset();
  head_ = (head_ + 1) & (capacity_ - 1);
  --count_;
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

void ByteQueue::clear() noexcept {
  while (count_ > 0) {
    pop_front();
  }
  size_ = 0;
}

size_t ByteQueue::move_from(ByteQueue& source, size_t max, size_t copy_below) noexcept {
  size_t moved = 0;
  while (moved < max && !source.empty()) {
    Slice& first = source.at(0);
    const size_t n = std::min(first.size(), max - moved);
    const Slice* last = count_ > 0 ? &at(count_ - 1) : nullptr;
    const bool room =
        last != nullptr && last->chunk.unique() && last->chunk.capacity() - last->end >= n;
    if (n < copy_below && room) {
      append({first.chunk.data() + first.begin, n});
    } else {
      push(first.chunk, first.begin, first.begin + n);
    }
    source.consume(n);
    moved += n;
  }
  return moved;
}

void ByteQueue::share_from(const ByteQueue& source, size_t copy_below) noexcept {
  for (uint32_t i = 0; i < source.count_; ++i) {
    const Slice& slice = source.at(i);
    if (slice.size() < copy_below) {
      append(slice.view());
    } else {
      push(slice.chunk, slice.begin, slice.end);
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
    push(slice.chunk, slice.begin + offset, slice.begin + offset + n);
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
    out[i] = {slice.chunk.data() + slice.begin, slice.size()};
  }
  return out.first(n);
}

}  // namespace pingap
