// The answers the proxy makes itself: HTML or JSON by what the client accepts, a template of the
// operator's if there is one. They never show a path, a stack or bytes of the request. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/byte_queue.h"
#include "base/error.h"
#include "http/head.h"

namespace pingap::proxy {

class ErrorPages {
 public:
  // `text` may hold {{status}}, {{reason}}, {{code}} and {{version}}; it is JSON when it begins
  // with
  // '{'. Empty = the built-in pages.
  void set_template(std::string text);

  // Fills `head` and `body` for `status`; `code` is the machine-readable reason. Views in `head`
  // live in `arena`.
  void render(uint16_t status, ErrorCode code, std::string_view accept, Arena& arena,
              http::ResponseHead& head, ByteQueue& body) const;

 private:
  std::string template_;
  bool template_is_json_ = false;
};

}  // namespace pingap::proxy
