// For tests: plays bytes through scanner, parser and body reader as a session does, cut anywhere,
// and tells what came out as text. Vectors are written in the notation of expand().
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/method.h"

namespace pingap::http::h1::testing {

// Replaces \r \n \t \xNN and the macros {V} {SMUG} {CHK} {OK} {CL2} {a*N} {N x 0} {N x 'line'};
// in a repeated line, "-i" becomes "-" and the number of the line, and CRLF is added.
std::string expand(std::string_view notation);

// What a session would see: one "[...]" per message with its head, body and trailers, then what
// is left: "<error>", "wait" or nothing. `cuts` are the places where one read ends.
std::string play_requests(std::string_view bytes, std::span<const size_t> cuts);
// The same for answers to `request`; the end of `bytes` is the end of the connection.
std::string play_responses(std::string_view bytes, std::span<const size_t> cuts, Method request);

// Cut positions worth trying: every one of a short text, some of a long one.
std::vector<size_t> cut_positions(size_t size);

}  // namespace pingap::http::h1::testing
