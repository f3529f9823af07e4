// Any bytes as Accept-Encoding and as a weight: a wish is between 0 and 1000, and does not depend
// on how a list is spread over fields.
#include <cstddef>
#include <cstdint>

#include "base/arena.h"
#include "http/accept.h"
#include "input.h"
#include "plugin/http_list.h"

namespace {

using namespace pingap;
using fuzz::require;

int quality(std::string_view coding, std::string_view first, std::string_view second = {}) {
  Arena arena;
  http::HeaderMap headers = http::HeaderMap::copy({}, arena, 2);
  headers.add(http::HeaderId::accept_encoding, first);
  if (!second.empty()) {
    headers.add(http::HeaderId::accept_encoding, second);
  }
  return plugin::quality_of(headers, http::HeaderId::accept_encoding, coding);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::Exact text({reinterpret_cast<const char*>(data), size});
  const int weight = http::parse_weight(text.view());
  require(weight >= -1 && weight <= 1000, "a weight is in its range");
  for (const std::string_view coding : {"gzip", "br", "zstd", "identity"}) {
    const int all = quality(coding, text.view());
    require(all >= 0 && all <= 1000, "a wish is in its range");
    const size_t comma = text.view().find(',');
    // In a quoted string a comma ends nothing.
    if (comma != std::string_view::npos && text.view().find('"') == std::string_view::npos) {
      const fuzz::Exact first(text.view().substr(0, comma));
      const fuzz::Exact second(text.view().substr(comma + 1));
      require(quality(coding, first.view(), second.view()) == all, "fields are one list");
    }
  }
  return 0;
}
