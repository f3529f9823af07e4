#include "base/gzip.h"

#include <zlib.h>

namespace pingap {

std::string gzipped(const std::string& text, size_t room) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(room + deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data() + room));
  stream.avail_in = static_cast<uInt>(text.size() - room);
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + room);
  stream.avail_out = static_cast<uInt>(out.size() - room);
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? room + stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace pingap
