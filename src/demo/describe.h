// What a demo backend tells about the request it got. The thread of DemoBackends.
#pragma once

#include <string>
#include <string_view>

#include "http/head.h"

namespace pingap::demo {

// Who answered, the request line, Host, and the headers a proxy adds (X-..., Via, Forwarded). A
// JSON object or lines of text; the body's size is added by finish_description().
std::string describe(const http::RequestHead& head, std::string_view backend, bool json);
void finish_description(std::string& text, uint64_t body_bytes, bool json);

}  // namespace pingap::demo
