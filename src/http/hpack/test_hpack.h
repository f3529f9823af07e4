// What tests of HPACK share: bytes as the RFC prints them, and nghttp2 at the other end. Tests and
// fuzzing only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "http/hpack/decoder.h"
#include "http/hpack/integer.h"

namespace pingap::http::hpack {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string unhex(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
  }
  return out;
}

// Keeps copies, whose views are gone with the next field.
class Keeper {
 public:
  TakeField take() { return TakeField::of<&Keeper::on_field>(this); }

  bool on_field(const DecodedField& field) noexcept {
    fields.emplace_back(field.name.text, field.value);
    well_formed = well_formed && field.name.well_formed && field.well_formed;
    last = field.name;
    return fields.size() != most;
  }

  Fields fields;
  bool well_formed = true;
  Name last;
  size_t most = SIZE_MAX;
};

class Deflater {
 public:
  explicit Deflater(size_t table = 4096) { nghttp2_hd_deflate_new(&deflater_, table); }

  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  ~Deflater() { nghttp2_hd_deflate_del(deflater_); }

  void resize(size_t table) { nghttp2_hd_deflate_change_table_size(deflater_, table); }

  std::string write(const Fields& fields, uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
    std::vector<nghttp2_nv> nv;
    nv.reserve(fields.size());
    for (const auto& [name, value] : fields) {
      nv.push_back({bytes(name), bytes(value), name.size(), value.size(), flags});
    }
    std::string out(nghttp2_hd_deflate_bound(deflater_, nv.data(), nv.size()), '\0');
    const ssize_t size =
        nghttp2_hd_deflate_hd(deflater_, bytes(out), out.size(), nv.data(), nv.size());
    out.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return out;
  }

 private:
  static uint8_t* bytes(const std::string& text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));  // NOLINT: it only reads
  }

  nghttp2_hd_deflater* deflater_ = nullptr;
};

class Inflater {
 public:
  Inflater() { nghttp2_hd_inflate_new(&inflater_); }

  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  ~Inflater() { nghttp2_hd_inflate_del(inflater_); }

  void resize(size_t table) { nghttp2_hd_inflate_change_table_size(inflater_, table); }

  // False where it is no header block; `fields` are those before that.
  bool read(std::string_view block, Fields& fields) {
    for (;;) {
      nghttp2_nv nv;
      int flags = 0;
      const ssize_t taken = nghttp2_hd_inflate_hd2(
          inflater_, &nv, &flags, reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      if (taken < 0) {
        return false;
      }
      block.remove_prefix(static_cast<size_t>(taken));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields.emplace_back(std::string(reinterpret_cast<const char*>(nv.name), nv.namelen),
                            std::string(reinterpret_cast<const char*>(nv.value), nv.valuelen));
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
        nghttp2_hd_inflate_end_headers(inflater_);
        return true;
      }
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.empty()) {
        return false;
      }
    }
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

// `text` in Huffman's code as nghttp2 has it. It leaves a value plain that gets no shorter by it:
// letters are put in front of which eight are five bytes, and taken off again.
inline std::string huffman_of(const std::string& text) {
  const size_t letters = 8 * (16 + text.size());
  std::string_view block;
  const std::string written = Deflater().write({{"x", std::string(letters, 'a') + text}});
  block = std::string_view(written).substr(3);  // a literal with the name `x`
  uint32_t size = 0;
  return read_integer(block, 7, size) ? std::string(block.substr(letters / 8 * 5)) : std::string();
}

}  // namespace pingap::http::hpack
