// Where a certificate or a key comes from: a file, PEM text or base64 of PEM. Control thread;
// blocks on files.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace pingap::tls {

struct Pem {
  Pem() = default;
  Pem(Pem&& other) noexcept = default;
  Pem& operator=(Pem&& other) noexcept = default;
  ~Pem();

  std::string text;  // wiped when it goes: it may be a key
};

enum class Readers : uint8_t { any, no_others };  // who may read the file, beside its owner

// `source` is PEM or base64 of it, no path: it may be a key, and is never shown.
bool is_content(std::string_view source) noexcept;

// The path that `source` is, empty where it is a text.
std::string path_of(std::string_view source);

// `source` starts with "-----BEGIN" somewhere, or is base64 of such a text, or else is a path
// ("~/" is the home folder). The error never quotes the content.
tl::expected<Pem, std::string> read_pem(std::string_view source, Readers readers);

}  // namespace pingap::tls
