#include "upstream/discovery/ares_answer.h"

#include <algorithm>
#include <ares.h>

#include "net/address.h"
#include "upstream/discovery/dns_message.h"

namespace pingap::upstream {
namespace {

using std::chrono::seconds;

void read(const ares_addrinfo& found, AddressAnswer& answer) {
  auto least = seconds::max();
  for (const ares_addrinfo_node* one = found.nodes; one != nullptr; one = one->ai_next) {
    const auto size = static_cast<socklen_t>(one->ai_addrlen);
    answer.addresses.push_back(net::Address::from(one->ai_addr, size).ip());
    least = std::min(least, sane_ttl(static_cast<uint32_t>(one->ai_ttl)));
  }
  for (const ares_addrinfo_cname* one = found.cnames; one != nullptr; one = one->next) {
    least = std::min(least, sane_ttl(static_cast<uint32_t>(one->ttl)));
  }
  answer.ttl = least == seconds::max() ? Duration::zero() : Duration(least);
}

}  // namespace

Verdict verdict_of(int status) noexcept {
  switch (status) {
    case ARES_SUCCESS:
      return Verdict::found;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
      return Verdict::gone;
    default:
      return Verdict::failed;
  }
}

AddressAnswer read_addresses(int status, const ares_addrinfo* found) {
  AddressAnswer answer;
  if (status == ARES_SUCCESS && found != nullptr) {
    read(*found, answer);
  }
  if (status == ARES_SUCCESS && answer.addresses.empty()) {
    status = ARES_ENODATA;
  }
  answer.outcome = verdict_of(status);
  answer.why = status == ARES_SUCCESS ? "" : ares_strerror(status);
  return answer;
}

ServiceAnswer read_services(int status, std::span<const uint8_t> message) {
  ServiceAnswer answer;
  if (status == ARES_SUCCESS) {
    ares_srv_reply* records = nullptr;
    status = ares_parse_srv_reply(message.data(), static_cast<int>(message.size()), &records);
    for (const ares_srv_reply* one = records; one != nullptr; one = one->next) {
      answer.services.push_back({one->host, one->port, one->priority, one->weight});
    }
    ares_free_data(records);
    answer.ttl = least_ttl(message).value_or(seconds(0));
  }
  if (status == ARES_SUCCESS && answer.services.empty()) {
    status = ARES_ENODATA;  // aliases alone
  }
  answer.outcome = verdict_of(status);
  answer.why = status == ARES_SUCCESS ? "" : ares_strerror(status);
  return answer;
}

}  // namespace pingap::upstream
