// Reads header blocks (RFC 7541), one whole block at a time: whoever has it in pieces
// (CONTINUATION) puts it together first, which its limit bounds. Its table is kept in step also
// where nobody wants the fields. Pure; one for each connection and direction.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/callback.h"
#include "http/hpack/dynamic_table.h"
#include "http/hpack/field.h"

namespace pingap::http::hpack {

// Takes a field of a block. False: no more of them are wanted, and the connection ends.
using TakeField = Callback<bool(const DecodedField&)>;

class Literals;
enum class Again : uint8_t;

class Decoder {
 public:
  enum class Outcome : uint8_t {
    done,
    stopped,  // no more were wanted: the table is out of step from now on
    broken,   // it is no header block: COMPRESSION_ERROR, and the connection ends (RFC 9113 4.3)
  };

  // `table`: bytes, our SETTINGS_HEADER_TABLE_SIZE; what the encoder at the other end may use.
  explicit Decoder(size_t table) noexcept : limit_(table), table_(table) {}

  Outcome decode(std::string_view block, TakeField take) noexcept;

  const DynamicTable& table() const noexcept { return table_; }

 private:
  bool read_size_update(std::string_view& in) noexcept;
  bool find(uint32_t index, DecodedField& field) const noexcept;
  bool read_field(std::string_view& in, uint8_t first, Literals& literals,
                  DecodedField& field) noexcept;
  bool read_literal(std::string_view& in, unsigned bits, Again again, Literals& literals,
                    DecodedField& field) noexcept;

  size_t limit_;
  DynamicTable table_;
};

}  // namespace pingap::http::hpack
