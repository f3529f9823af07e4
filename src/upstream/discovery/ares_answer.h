// What c-ares hands over, as answers of ours. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>

#include "upstream/discovery/resolver.h"

struct ares_addrinfo;  // NOLINT(readability-identifier-naming): theirs

namespace pingap::upstream {

// What a status of the library means.
Verdict verdict_of(int status) noexcept;

// Each with `status` where there is nothing to be read.
AddressAnswer read_addresses(int status, const ares_addrinfo* found);
ServiceAnswer read_services(int status, std::span<const uint8_t> message);

}  // namespace pingap::upstream
