#include "tls/openssl.h"

#include <openssl/err.h>

namespace pingap::tls {

std::string take_errors() {
  const unsigned long code = ERR_peek_error();
  if (code == 0) {
    return {};
  }
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "error " + std::to_string(code);
  ERR_clear_error();
  return text;
}

}  // namespace pingap::tls
