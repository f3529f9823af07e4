// Content codings (RFC 9110 8.4.1): bytes in, encoded or decoded bytes out. Worker; what is
// finished goes back to a list of its thread, as making one anew costs more than a short body.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_queue.h"
#include "base/error.h"

namespace pingap::plugin {

enum class Coding : uint8_t { gzip, brotli, zstd };

std::string_view name_of(Coding coding) noexcept;  // "gzip", "br", "zstd"

// By its name in Content-Encoding, "x-gzip" too. False: none that we know.
bool parse_coding(std::string_view name, Coding& coding) noexcept;

// What is to be seen at the other end by now.
enum class Flush : uint8_t { none, sync, end };

class Coder {
 public:
  virtual ~Coder() = default;
  // Takes all of `in`; what comes of it goes to the end of `out`. False: the bytes are no such
  // coding, or there is no memory; then it must not be used any more.
  virtual bool run(std::string_view in, Flush flush, ByteQueue& out) noexcept = 0;
};

// Gives a coder back to its thread's list instead of freeing it.
struct GiveBack {
  void operator()(Coder* coder) const noexcept;
};

using CoderPtr = std::unique_ptr<Coder, GiveBack>;

// Null where so many are at work on this thread that their memory would get too much, or there is
// none left.
CoderPtr make_encoder(Coding coding, int level) noexcept;
CoderPtr make_decoder(Coding coding) noexcept;

// Encoders and decoders that one worker has at work at most (security.md CO-06).
inline constexpr uint32_t kMostCoders = 512;

}  // namespace pingap::plugin
