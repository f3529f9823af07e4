#include "plugin/content/coding.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include <brotli/decode.h>
#include <brotli/encode.h>

#include "base/strings.h"

namespace pingap::plugin {
namespace {

constexpr size_t kPiece = 4096;  // least room that is given to a library at a time
constexpr int kWindow = 18;      // log2; a larger one would cost megabytes for each stream (CO-06)

// A coder that can be used again is kept under this; others have -1.
class Kept : public Coder {
 public:
  explicit Kept(int slot) noexcept : slot_(slot) {}

  int slot() const noexcept { return slot_; }

  // For the next body; false: it is of no more use.
  virtual bool restart() noexcept = 0;

 private:
  int slot_;
};

constexpr size_t kLevels = 24;
constexpr size_t kSlots = 3 * kLevels + 3;  // encoders by coding and level, then decoders
constexpr size_t kMostKept = 8;             // of each

struct Lists {
  std::array<std::vector<std::unique_ptr<Kept>>, kSlots> free;
  uint32_t at_work = 0;
};

Lists& lists() noexcept {
  thread_local Lists all;
  return all;
}

// ---- gzip

class GzipEncoder final : public Kept {
 public:
  GzipEncoder(int slot, int level) noexcept : Kept(slot) {
    constexpr int kGzip = 15 + 16;
    constexpr int kMemory = 8;
    good_ = deflateInit2(&stream_, level, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) == Z_OK;
  }

  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  ~GzipEncoder() override { deflateEnd(&stream_); }

  bool good() const noexcept { return good_; }

  bool restart() noexcept override { return deflateReset(&stream_) == Z_OK; }

  bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept override {
    const int how = flush == Flush::end    ? Z_FINISH
                    : flush == Flush::sync ? Z_SYNC_FLUSH
                                           : Z_NO_FLUSH;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(in.size());
    for (;;) {
      const std::span<char> room = out.prepare(kPiece);
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int result = deflate(&stream_, how);
      out.commit(room.size() - stream_.avail_out);
      if (result == Z_STREAM_END) {
        return true;
      }
      if (result != Z_OK && result != Z_BUF_ERROR) {
        return false;
      }
      if (stream_.avail_out > 0) {
        return stream_.avail_in == 0 && flush != Flush::end;
      }
    }
  }

 private:
  z_stream stream_{};
  bool good_ = false;
};

// Members one after the other are one body (RFC 1952 2.2); what is behind them is an error.
class GzipDecoder final : public Kept {
 public:
  explicit GzipDecoder(int slot) noexcept : Kept(slot) {
    good_ = inflateInit2(&stream_, 15 + 16) == Z_OK;
  }

  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  ~GzipDecoder() override { inflateEnd(&stream_); }

  bool good() const noexcept { return good_; }

  bool restart() noexcept override {
    ended_ = false;
    return inflateReset(&stream_) == Z_OK;
  }

  bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(in.size());
    while (stream_.avail_in > 0) {
      if (ended_ && !restart()) {
        return false;
      }
      const std::span<char> room = out.prepare(kPiece);
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      out.commit(room.size() - stream_.avail_out);
      if (result == Z_STREAM_END) {
        ended_ = true;
      } else if (result != Z_OK) {
        return false;
      } else if (stream_.avail_in == 0 && stream_.avail_out == 0) {
        return drain(out);
      }
    }
    return flush != Flush::end || ended_;
  }

 private:
  // What it still has when all of the input is taken.
  bool drain(ByteQueue& out) noexcept {
    for (;;) {
      const std::span<char> room = out.prepare(kPiece);
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int result = inflate(&stream_, Z_SYNC_FLUSH);
      out.commit(room.size() - stream_.avail_out);
      ended_ = result == Z_STREAM_END;
      if (ended_ || result == Z_BUF_ERROR || (result == Z_OK && stream_.avail_out > 0)) {
        return true;
      }
      if (result != Z_OK) {
        return false;
      }
    }
  }

  z_stream stream_{};
  bool good_ = false;
  bool ended_ = false;
};

// ---- brotli, whose state cannot be used twice

class BrotliEncoder final : public Kept {
 public:
  explicit BrotliEncoder(int level) noexcept
      : Kept(-1), state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ != nullptr) {
      BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<uint32_t>(level));
      BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, kWindow);
    }
  }

  BrotliEncoder(const BrotliEncoder&) = delete;
  BrotliEncoder& operator=(const BrotliEncoder&) = delete;

  ~BrotliEncoder() override { BrotliEncoderDestroyInstance(state_); }

  bool good() const noexcept { return state_ != nullptr; }

  bool restart() noexcept override { return false; }

  bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept override {
    const BrotliEncoderOperation how = flush == Flush::end    ? BROTLI_OPERATION_FINISH
                                       : flush == Flush::sync ? BROTLI_OPERATION_FLUSH
                                                              : BROTLI_OPERATION_PROCESS;
    const auto* next = reinterpret_cast<const uint8_t*>(in.data());
    size_t left = in.size();
    do {
      const std::span<char> room = out.prepare(kPiece);
      auto* to = reinterpret_cast<uint8_t*>(room.data());
      size_t space = room.size();
      if (BrotliEncoderCompressStream(state_, how, &left, &next, &space, &to, nullptr) !=
          BROTLI_TRUE) {
        return false;
      }
      out.commit(room.size() - space);
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE);
    return flush != Flush::end || BrotliEncoderIsFinished(state_) == BROTLI_TRUE;
  }

 private:
  BrotliEncoderState* state_;
};

class BrotliDecoder final : public Kept {
 public:
  BrotliDecoder() noexcept
      : Kept(-1), state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}

  BrotliDecoder(const BrotliDecoder&) = delete;
  BrotliDecoder& operator=(const BrotliDecoder&) = delete;

  ~BrotliDecoder() override { BrotliDecoderDestroyInstance(state_); }

  bool good() const noexcept { return state_ != nullptr; }

  bool restart() noexcept override { return false; }

  bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept override {
    const auto* next = reinterpret_cast<const uint8_t*>(in.data());
    size_t left = in.size();
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
      const std::span<char> room = out.prepare(kPiece);
      auto* to = reinterpret_cast<uint8_t*>(room.data());
      size_t space = room.size();
      result = BrotliDecoderDecompressStream(state_, &left, &next, &space, &to, nullptr);
      out.commit(room.size() - space);
    }
    const bool ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    return left == 0 &&
           (ended || (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT && flush != Flush::end));
  }

 private:
  BrotliDecoderState* state_;
};

// ---- zstd

class ZstdEncoder final : public Kept {
 public:
  ZstdEncoder(int slot, int level) noexcept : Kept(slot), context_(ZSTD_createCCtx()) {
    if (context_ != nullptr) {
      ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
      ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, kWindow);
    }
  }

  ZstdEncoder(const ZstdEncoder&) = delete;
  ZstdEncoder& operator=(const ZstdEncoder&) = delete;

  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }

  bool good() const noexcept { return context_ != nullptr; }

  bool restart() noexcept override {
    return ZSTD_isError(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only)) == 0;
  }

  bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept override {
    const ZSTD_EndDirective how = flush == Flush::end    ? ZSTD_e_end
                                  : flush == Flush::sync ? ZSTD_e_flush
                                                         : ZSTD_e_continue;
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    size_t left = 0;
    do {
      const std::span<char> room = out.prepare(kPiece);
      ZSTD_outBuffer output{room.data(), room.size(), 0};
      left = ZSTD_compressStream2(context_, &output, &input, how);
      out.commit(output.pos);
      if (ZSTD_isError(left) != 0) {
        return false;
      }
    } while (input.pos < input.size || (how != ZSTD_e_continue && left > 0));
    return true;
  }

 private:
  ZSTD_CCtx* context_;
};

class ZstdDecoder final : public Kept {
 public:
  explicit ZstdDecoder(int slot) noexcept : Kept(slot), context_(ZSTD_createDCtx()) {
    if (context_ != nullptr) {
      constexpr int kLongest = 23;  // 8 MiB, as RFC 9659 allows for HTTP
      ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kLongest);
    }
  }

  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }

  bool good() const noexcept { return context_ != nullptr; }

  bool restart() noexcept override {
    open_ = false;
    return ZSTD_isError(ZSTD_DCtx_reset(context_, ZSTD_reset_session_only)) == 0;
  }

  bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    for (;;) {
      const std::span<char> room = out.prepare(kPiece);
      ZSTD_outBuffer output{room.data(), room.size(), 0};
      const size_t before = input.pos;
      const size_t left = ZSTD_decompressStream(context_, &output, &input);
      out.commit(output.pos);
      if (ZSTD_isError(left) != 0) {
        return false;
      }
      if (input.pos > before || output.pos > 0) {
        open_ = left != 0;
      }
      if (input.pos == input.size && output.pos < output.size) {
        return flush != Flush::end || !open_;
      }
    }
  }

 private:
  ZSTD_DCtx* context_;
  bool open_ = false;  // in the middle of a frame
};

// ----

template <class T, class... Args>
std::unique_ptr<Kept> checked(Args... args) {
  auto made = std::make_unique<T>(args...);
  return made->good() ? std::unique_ptr<Kept>(std::move(made)) : nullptr;
}

// What take() releases goes on in a pointer that gives back, which the analyzer does not follow.
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDeleteLeaks)
std::unique_ptr<Kept> new_encoder(Coding coding, int slot, int level) {
  switch (coding) {
    case Coding::gzip:
      return checked<GzipEncoder>(slot, level);
    case Coding::brotli:
      return checked<BrotliEncoder>(level);
    case Coding::zstd:
      return checked<ZstdEncoder>(slot, level);
  }
  return nullptr;
}

std::unique_ptr<Kept> new_decoder(Coding coding, int slot) {
  switch (coding) {
    case Coding::gzip:
      return checked<GzipDecoder>(slot);
    case Coding::brotli:
      return checked<BrotliDecoder>();
    case Coding::zstd:
      return checked<ZstdDecoder>(slot);
  }
  return nullptr;
}

// NOLINTEND(clang-analyzer-cplusplus.NewDeleteLeaks)

template <class Make>
CoderPtr take(size_t slot, const Make& make) noexcept {
  Lists& all = lists();
  if (all.at_work >= kMostCoders) {
    return nullptr;
  }
  auto& kept = all.free[slot];
  std::unique_ptr<Kept> coder;
  if (!kept.empty()) {
    coder = std::move(kept.back());
    kept.pop_back();
  } else {
    coder = make();
  }
  if (coder != nullptr) {
    ++all.at_work;
  }
  return CoderPtr(coder.release());
}

}  // namespace

void GiveBack::operator()(Coder* coder) const noexcept {
  std::unique_ptr<Kept> kept(static_cast<Kept*>(coder));
  Lists& all = lists();
  --all.at_work;
  if (kept->slot() < 0) {
    return;
  }
  auto& list = all.free[static_cast<size_t>(kept->slot())];
  if (list.size() < kMostKept && kept->restart()) {
    list.push_back(std::move(kept));
  }
}

std::string_view name_of(Coding coding) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"gzip", "br", "zstd"};
  return kNames[static_cast<size_t>(coding)];
}

bool parse_coding(std::string_view name, Coding& coding) noexcept {
  for (const Coding one : {Coding::gzip, Coding::brotli, Coding::zstd}) {
    if (iequals(name, name_of(one)) || (one == Coding::gzip && iequals(name, "x-gzip"))) {
      coding = one;
      return true;
    }
  }
  return false;
}

CoderPtr make_encoder(Coding coding, int level) noexcept {
  const size_t slot = static_cast<size_t>(coding) * kLevels + static_cast<size_t>(level);
  return take(slot, [&] { return new_encoder(coding, static_cast<int>(slot), level); });
}

CoderPtr make_decoder(Coding coding) noexcept {
  const size_t slot = 3 * kLevels + static_cast<size_t>(coding);
  return take(slot, [&] { return new_decoder(coding, static_cast<int>(slot)); });
}

}  // namespace pingap::plugin
