// Status codes: their usual phrases, and which one a failed request is answered with.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace pingap::http {

// The phrase of a registered status (RFC 9110 15, IANA registry); empty for others.
std::string_view reason_phrase(uint16_t status) noexcept;

// What a client is told, or would be told where it is gone: 499 stands in the log for a client
// that left, as other proxies write it.
uint16_t status_for(ErrorCode code) noexcept;

}  // namespace pingap::http
