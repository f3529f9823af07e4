#include "tls/pem_source.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "net/fd.h"

namespace pingap::tls {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr size_t kMaxFile = 1 << 20;
constexpr std::string_view kBegin64 = "LS0tLS1CRUdJTi";  // the same in base64
constexpr size_t kMaxPath = 255;                         // what is longer is base64

bool is_text(std::string_view source) noexcept {
  return source.find(kBegin) != std::string_view::npos;
}

std::string system_message(int code) {
  return std::generic_category().message(code);
}

// The text behind base64, empty where it is none.
std::string decode(std::string_view source) {
  std::string out(source.size(), '\0');
  EVP_ENCODE_CTX* context = EVP_ENCODE_CTX_new();
  EVP_DecodeInit(context);
  int size = 0;
  int rest = 0;
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  const bool ok =
      EVP_DecodeUpdate(context, to, &size, reinterpret_cast<const unsigned char*>(source.data()),
                       static_cast<int>(source.size())) >= 0 &&
      EVP_DecodeFinal(context, to + size, &rest) == 1;
  EVP_ENCODE_CTX_free(context);
  if (!ok) {
    OPENSSL_cleanse(out.data(), out.size());
    return {};
  }
  out.resize(static_cast<size_t>(size) + static_cast<size_t>(rest));
  return out;
}

std::string expand_home(std::string_view path) {
  // Read before there are threads, and never set.
  const char* home = path.starts_with("~/") ? std::getenv("HOME") : nullptr;  // NOLINT
  return home != nullptr ? home + std::string(path.substr(1)) : std::string(path);
}

tl::expected<std::string, std::string> read_all(int fd) {
  std::string text(kMaxFile + 1, '\0');
  size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = ::read(fd, text.data() + size, text.size() - size)) > 0) {
    size += static_cast<size_t>(got);
  }
  if (got >= 0 && size <= kMaxFile) {
    text.resize(size);
    return text;
  }
  OPENSSL_cleanse(text.data(), text.size());
  return tl::unexpected(got < 0 ? system_message(errno) : "it has more than 1 MiB");
}

}  // namespace

Pem::~Pem() {
  OPENSSL_cleanse(text.data(), text.size());
}

bool is_content(std::string_view source) noexcept {
  return is_text(source) || source.starts_with(kBegin64) || source.size() > kMaxPath;
}

std::string path_of(std::string_view source) {
  return is_content(source) ? std::string() : expand_home(source);
}

tl::expected<Pem, std::string> read_pem(std::string_view source, Readers readers) {
  Pem pem;
  if (is_text(source)) {
    pem.text = source;
    return pem;
  }
  if (is_content(source)) {
    pem.text = decode(source);
    if (pem.text.find(kBegin) != std::string::npos) {
      return pem;
    }
    return tl::unexpected<std::string>("it is neither a path nor PEM nor base64 of PEM");
  }
  const std::string path = expand_home(source);
  const net::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat found{};
  if (file.get() < 0 || ::fstat(file.get(), &found) != 0) {
    return tl::unexpected(system_message(errno));
  }
  if (!S_ISREG(found.st_mode)) {
    return tl::unexpected<std::string>("it is not a regular file");
  }
  if (readers == Readers::no_others && (found.st_mode & S_IROTH) != 0) {
    return tl::unexpected<std::string>("everybody can read it");
  }
  auto text = read_all(file.get());
  if (!text) {
    return tl::unexpected(std::move(text.error()));
  }
  pem.text = std::move(*text);
  return pem;
}

}  // namespace pingap::tls
