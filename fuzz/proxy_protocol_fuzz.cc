// Headers of the PROXY protocol: whatever comes in pieces is what it is whole, nothing behind its
// end matters, and what is written of what was read is read the same.
#include "input.h"
#include "net/proxy_protocol.h"

namespace pingap::fuzz {
namespace {

using net::ProxyParse;
using net::ProxyStatus;

constexpr size_t kMost = 512;

ProxyParse parse(std::string_view bytes) {
  return net::parse_proxy_header(Exact(bytes).view(), kMost);
}

bool same(const ProxyParse& a, const ProxyParse& b) {
  return a.status == b.status && a.size == b.size && a.client.ip == b.client.ip &&
         a.client.port == b.client.port;
}

void check_written(const ProxyParse& parsed) {
  net::ProxyHeaderRoom room;
  for (const auto version : {net::ProxyVersion::v1, net::ProxyVersion::v2}) {
    const auto text = net::write_proxy_header(version, parsed.client, {}, room);
    const ProxyParse again = parse(text);
    require(again.status == ProxyStatus::complete && again.size == text.size(), "one header");
    require(again.client.ip == parsed.client.ip, "the same client");
    require(parsed.client.ip.size == 0 || again.client.port == parsed.client.port, "and port");
  }
}

void run(Input input) {
  const std::string_view bytes = input.bytes();
  const ProxyParse whole = parse(bytes);
  require(whole.size <= bytes.size() && whole.size <= kMost, "bounded by what is there");
  // Once decided it stays so, however much more comes.
  for (size_t size = 0; size < bytes.size(); size += 1 + input.choose(8)) {
    const ProxyParse part = parse(bytes.substr(0, size));
    require(part.status == ProxyStatus::incomplete || same(part, whole), "decided once");
  }
  require(whole.status != ProxyStatus::incomplete || bytes.size() < kMost, "it comes to an end");
  if (whole.status == ProxyStatus::complete) {
    require(same(parse(bytes.substr(0, whole.size)), whole), "nothing behind it matters");
    check_written(whole);
  }
}

}  // namespace
}  // namespace pingap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pingap::fuzz::run({data, size});
  return 0;
}
