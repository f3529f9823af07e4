// A stream with nothing behind it. Tests only.
#pragma once

#include "http/h2/framed_stream.h"

namespace pingap::http::h2 {

class TestStream final : public FramedStream {
 public:
  explicit TestStream(int32_t id = 0) noexcept : FramedStream(id) {}

  ~TestStream() = default;
};

}  // namespace pingap::http::h2
