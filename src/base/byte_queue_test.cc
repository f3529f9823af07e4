#include "base/byte_queue.h"

#include <array>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace pingap {
namespace {

std::string text_of(const ByteQueue& queue) {
  std::array<iovec, 64> slots{};
  std::string text;
  for (const iovec& piece : queue.gather(slots)) {
    text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  return text;
}

ChunkRef chunk_with(std::string_view text) {
  ChunkRef chunk = make_chunk();
  std::memcpy(chunk.data(), text.data(), text.size());
  return chunk;
}

TEST(ByteQueue, JoinsSlicesThatTouch) {
  ByteQueue queue;
  const ChunkRef chunk = chunk_with("abcdef");
  queue.push(chunk, 0, 3);
  queue.push(chunk, 3, 6);
  EXPECT_EQ(queue.slices(), 1U);
  EXPECT_EQ(text_of(queue), "abcdef");
}

TEST(ByteQueue, GrowsBeyondItsInlineSlices) {
  ByteQueue queue;
  std::string wanted;
  for (int i = 0; i < 40; ++i) {
    const std::string piece = std::to_string(i) + ",";
    queue.push(chunk_with(piece), 0, piece.size());
    wanted += piece;
  }
  EXPECT_EQ(text_of(queue), wanted);
  queue.consume(5);
  EXPECT_EQ(text_of(queue), wanted.substr(5));
  ByteQueue moved(std::move(queue));
  EXPECT_EQ(text_of(moved), wanted.substr(5));
  EXPECT_TRUE(queue.empty());  // NOLINT(bugprone-use-after-move): empty is its moved-from state
}

TEST(ByteQueue, AppendNeverWritesIntoASharedChunk) {
  const ChunkRef chunk = chunk_with("abcXYZ");
  ByteQueue queue;
  queue.push(chunk, 0, 3);
  queue.append("def");
  EXPECT_EQ(text_of(queue), "abcdef");
  EXPECT_EQ(std::string_view(chunk.data(), 6), "abcXYZ");
}

TEST(ByteQueue, MoveTakesNoMoreThanAsked) {
  ByteQueue from;
  from.append("hello world");
  ByteQueue to;
  EXPECT_EQ(to.move_from(from, 5), 5U);
  EXPECT_EQ(text_of(to), "hello");
  EXPECT_EQ(text_of(from), " world");
}

TEST(ByteQueue, MoveCopiesShortSlicesBehindOwnTail) {
  ByteQueue to;
  to.append("head ");
  ByteQueue from;
  from.push(chunk_with("body"), 0, 4);
  to.move_from(from, 4, 100);
  EXPECT_EQ(to.slices(), 1U);
  EXPECT_EQ(text_of(to), "head body");
}

TEST(ByteQueue, ShareCopiesWhatIsShort) {
  ByteQueue from;
  const ChunkRef chunk = chunk_with(std::string(100, 'x'));
  from.push(chunk, 0, 10);
  ByteQueue copy;
  copy.share_from(from, 50);
  EXPECT_EQ(chunk.get()->refs, 2U);
  copy.share_from(from, 1);
  EXPECT_EQ(chunk.get()->refs, 3U);
  EXPECT_EQ(copy.size(), 20U);
}

TEST(ByteQueue, ShareRangeStartsInsideASlice) {
  ByteQueue from;
  from.push(chunk_with("abc"), 0, 3);
  from.push(chunk_with("defg"), 0, 4);
  ByteQueue part;
  part.share_range(from, 2, 3);
  EXPECT_EQ(text_of(part), "cde");
  EXPECT_EQ(text_of(from), "abcdefg");
}

TEST(ByteQueue, CommitOfNothingLeavesNoSlice) {
  ByteQueue queue;
  EXPECT_GE(queue.prepare(10).size(), 10U);
  queue.commit(0);
  EXPECT_EQ(queue.slices(), 0U);
}

}  // namespace
}  // namespace pingap
