#include "http/hpack/encoder.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "http/hpack/integer.h"
#include "http/hpack/quick_text.h"
#include "http/hpack/static_table.h"

namespace pingap::http::hpack {
namespace {

constexpr size_t kDefaultTable = 4096;

enum class Indexing : uint8_t {
  yes,
  no,     // it hardly comes again: it would only throw others out
  never,  // a secret: nobody on the way may put it into a table either
};

// Of a cookie this short somebody who can have us send guesses might find it out, byte by byte.
constexpr size_t kShortCookie = 20;

constexpr auto kById = [] {
  std::array<Indexing, static_cast<size_t>(HeaderId::count_)> table{};
  for (const HeaderId id :
       {HeaderId::age, HeaderId::content_length, HeaderId::content_range, HeaderId::etag,
        HeaderId::if_match, HeaderId::if_modified_since, HeaderId::if_none_match,
        HeaderId::if_range, HeaderId::if_unmodified_since, HeaderId::last_modified,
        HeaderId::location, HeaderId::range, HeaderId::sec_websocket_key, HeaderId::traceparent,
        HeaderId::tracestate, HeaderId::x_request_id}) {
    table[static_cast<size_t>(id)] = Indexing::no;
  }
  for (const HeaderId id :
       {HeaderId::authorization, HeaderId::proxy_authorization, HeaderId::set_cookie}) {
    table[static_cast<size_t>(id)] = Indexing::never;
  }
  return table;
}();

// Names that are not known, but that say what they hold.
bool is_secret(std::string_view name) noexcept {
  constexpr std::string_view kWords[] = {"auth", "key", "secret", "token"};
  return std::ranges::any_of(
      kWords, [name](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

// Of a name that is known.
Indexing indexing_of(HeaderId id, std::string_view value) noexcept {
  if (id == HeaderId::cookie && value.size() < kShortCookie) {
    return Indexing::never;
  }
  return kById[static_cast<size_t>(id)];
}

uint32_t hash_of(const Name& name, std::string_view value) noexcept {
  const uint64_t of_name = name.id != HeaderId::other    ? static_cast<uint64_t>(name.id)
                           : name.pseudo != Pseudo::none ? 256 + static_cast<uint64_t>(name.pseudo)
                                                         : quick_hash(name.text, 0);
  return static_cast<uint32_t>(quick_hash(value, of_name) >> 32);
}

char* write_string(char* to, std::string_view text) noexcept {
  to = write_integer(to, 0, 7, static_cast<uint32_t>(text.size()));
  return to + text.copy(to, text.size());
}

// A literal, whose name is that of an entry of the static table or follows.
char* write_literal(char* to, uint8_t high, unsigned bits, size_t name_index, const Name& name,
                    std::string_view value) noexcept {
  to = write_integer(to, high, bits, static_cast<uint32_t>(name_index));
  if (name_index == 0) {
    to = write_string(to, name.text);
  }
  return write_string(to, value);
}

char* write_indexed(char* to, size_t index) noexcept {
  return write_integer(to, 0x80, 7, static_cast<uint32_t>(index));
}

// A name longer than this is written as it is, without a look at what it may be.
constexpr size_t kLongName = 256;

char* write_long_name(char* to, std::string_view name, std::string_view value) noexcept {
  *to++ = '\x10';  // never indexed: it may be a secret, or is
  to = write_integer(to, 0, 7, static_cast<uint32_t>(name.size()));
  return write_string(std::ranges::transform(name, to, to_lower).out, value);
}

}  // namespace

Encoder::Encoder(size_t table) noexcept
    : most_(std::min(table, kLargestTable)),
      smallest_(std::min(most_, kDefaultTable)),
      resized_(smallest_ != kDefaultTable),
      table_(smallest_) {
}

void Encoder::set_limit(size_t size) noexcept {
  const size_t wanted = std::min(size, most_);
  if (wanted == table_.capacity()) {
    return;
  }
  smallest_ = resized_ ? std::min(smallest_, wanted) : wanted;
  resized_ = true;
  table_.set_capacity(wanted);
}

char* Encoder::begin(char* to) noexcept {
  if (!resized_) [[likely]] {
    return to;
  }
  resized_ = false;
  // What was smaller in between has emptied the table: the peer has to do the same.
  if (smallest_ < table_.capacity()) {
    to = write_integer(to, 0x20, 5, static_cast<uint32_t>(smallest_));
  }
  return write_integer(to, 0x20, 5, static_cast<uint32_t>(table_.capacity()));
}

char* Encoder::write(char* to, const Name& name, std::string_view value) noexcept {
  if (name.id != HeaderId::other) [[likely]] {
    return write_field(to, {lower_header_name(name.id), name.id}, static_index_of(name.id), value);
  }
  return name.pseudo != Pseudo::none ? write_pseudo(to, name, value)
                                     : write_named(to, name.text, value);
}

char* Encoder::write_never_indexed(char* to, const Name& name, std::string_view value) noexcept {
  if (name.id == HeaderId::other) {
    return write_long_name(to, name.text, value);
  }
  return write_literal(to, 0x10, 4, static_index_of(name.id), {lower_header_name(name.id)}, value);
}

// One that is not known.
char* Encoder::write_named(char* to, std::string_view name, std::string_view value) noexcept {
  std::array<char, kLongName> lower;  // NOLINT(*-member-init): what is used of it is written
  if (name.size() > lower.size()) {
    return write_long_name(to, name, value);
  }
  std::ranges::transform(name, lower.data(), to_lower);
  return write_indexing(to, {{lower.data(), name.size()}, HeaderId::other}, 0, value);
}

char* Encoder::write_field(char* to, const Name& name, size_t name_index,
                           std::string_view value) noexcept {
  switch (indexing_of(name.id, value)) {
    case Indexing::never:
      return write_literal(to, 0x10, 4, name_index, name, value);
    case Indexing::no:
      return write_literal(to, 0, 4, name_index, name, value);
    case Indexing::yes:
      break;
  }
  return write_indexing(to, name, name_index, value);
}

char* Encoder::write_pseudo(char* to, const Name& name, std::string_view value) noexcept {
  const size_t name_index = static_index_of(name.pseudo);
  if (const size_t index = static_match(name.pseudo, value); index != 0) {
    return write_indexed(to, index);
  }
  if (name.pseudo == Pseudo::path) {
    return write_literal(to, 0, 4, name_index, name, value);
  }
  return write_indexing(to, name, name_index, value);
}

// Fields that come again come in the same places: where one was found it is looked for first.
size_t Encoder::find(uint32_t hash, const Name& name, std::string_view value) noexcept {
  uint32_t& place = places_[hash % places_.size()];
  const size_t index = table_.inserted() - 1 - place;
  if (index < table_.count() && table_.is_at(index, hash, name, value)) {
    return index;
  }
  const size_t found = table_.find(hash, name, value);
  if (found != DynamicTable::kNone) {
    place = table_.inserted() - 1 - static_cast<uint32_t>(found);
  }
  return found;
}

char* Encoder::write_indexing(char* to, const Name& name, size_t name_index,
                              std::string_view value) noexcept {
  const uint32_t hash = hash_of(name, value);
  if (const size_t found = find(hash, name, value); found != DynamicTable::kNone) {
    return write_indexed(to, kStaticEntries + 1 + found);
  }
  if (name.id == HeaderId::other && name.pseudo == Pseudo::none && is_secret(name.text)) {
    return write_literal(to, 0x10, 4, name_index, name, value);
  }
  // A field that takes much of the table would throw out more than it is worth.
  if (name.text.size() + value.size() + kEntryOverhead > table_.capacity() / 2) {
    return write_literal(to, 0, 4, name_index, name, value);
  }
  table_.insert(name, value, true, hash);
  places_[hash % places_.size()] = table_.inserted() - 1;
  return write_literal(to, 0x40, 6, name_index, name, value);
}

}  // namespace pingap::http::hpack
