// A request of a plugin's own to an upstream of the configuration, beside the one it works on, and
// what comes of it. Worker.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/byte_queue.h"
#include "base/clock.h"
#include "base/error.h"
#include "http/head.h"

namespace pingap::plugin {

struct Subrequest {
  std::string_view upstream;  // one that the plugin has named when it was made
  http::Method method = http::Method::get;
  std::string_view method_text = "GET";
  std::string_view target = "/";
  std::string_view authority;  // the Host; empty = the server's own name
  http::HeaderMap headers;
  ByteQueue body;       // empty = none
  Duration timeout{};   // for all of it
  size_t max_body = 0;  // of the answer, kept; the rest is thrown away
};

struct Subresponse {
  Error error;              // why there is no whole answer; none = there is one
  http::ResponseHead head;  // keeps its own bytes
  ByteQueue body;
  bool cut = false;  // the body was longer than what is kept
};

}  // namespace pingap::plugin
