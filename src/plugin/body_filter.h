// What changes the bytes of a body on their way. Worker; lives as long as its request.
#pragma once

#include "base/byte_queue.h"
#include "base/error.h"

namespace pingap::plugin {

class BodyFilter {
 public:
  // Takes all of `in`, which may be empty at the end, and puts what becomes of it at the end of
  // `out`; it may keep a bounded part back until more has come. An error ends the exchange: the
  // client of a request gets an answer for its code, one that has got a part of an answer sees that
  // it breaks off.
  virtual Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept = 0;

  // It only looks: the body's length stays as it was announced.
  virtual bool keeps_length() const noexcept { return false; }

 protected:
  ~BodyFilter() = default;
};

}  // namespace pingap::plugin
