// Writes header blocks (RFC 7541) into what a connection sends. Fields that come again go into the
// peer's table, secrets never do (RFC 7541 7.1.3); names become lower case. Pure; one for each
// connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/hpack/dynamic_table.h"
#include "http/hpack/field.h"

namespace pingap::http::hpack {

class Encoder {
 public:
  // `table`: bytes that we would use at most, whatever the peer allows. Until it has said something
  // it allows 4,096 (RFC 9113 6.5.2).
  explicit Encoder(size_t table) noexcept;

  // SETTINGS_HEADER_TABLE_SIZE of the peer has come: the next block says what we make of it
  // (RFC 7541 4.2).
  void set_limit(size_t size) noexcept;

  // The most bytes that begin() and write() write.
  static constexpr size_t kBeginRoom = 12;

  static constexpr size_t room_for(std::string_view name, std::string_view value) noexcept {
    return name.size() + value.size() + 18;
  }

  // The start of a block; behind it the fields, pseudo-fields first. Each returns its end.
  char* begin(char* to) noexcept;
  // The name may be in any case.
  char* write(char* to, const Name& name, std::string_view value) noexcept;
  // The same of one that the next, too, is not to have in a table (RFC 7541 6.2.3).
  char* write_never_indexed(char* to, const Name& name, std::string_view value) noexcept;

  const DynamicTable& table() const noexcept { return table_; }

 private:
  char* write_pseudo(char* to, const Name& name, std::string_view value) noexcept;
  char* write_named(char* to, std::string_view name, std::string_view value) noexcept;
  char* write_field(char* to, const Name& name, size_t name_index, std::string_view value) noexcept;
  size_t find(uint32_t hash, const Name& name, std::string_view value) noexcept;
  char* write_indexing(char* to, const Name& name, size_t name_index,
                       std::string_view value) noexcept;

  size_t most_;
  size_t smallest_;       // that the table was since the last block
  bool resized_ = false;  // the peer is to be told
  DynamicTable table_;
  std::array<uint32_t, 32> places_{};  // numbers of insertions, by the hash of what was inserted
};

}  // namespace pingap::http::hpack
