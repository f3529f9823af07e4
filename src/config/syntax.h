// The form of names, header values, paths, hosts and rewrites in the configuration. Each function
// gives the problem of a text, or nothing. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/model.h"
#include "config/problem.h"

namespace pingap::config {

using MaybeProblem = std::optional<Problem>;

// token of RFC 9110 5.6.2.
bool is_token(std::string_view text) noexcept;

// No control byte at all, also no tab.
bool is_printable(std::string_view text) noexcept;

// The name of an upstream, location or server: it stands in logs and metrics.
MaybeProblem check_entry_name(std::string_view name);

// Name and value of a header that is matched.
MaybeProblem check_header_name(std::string_view name);
MaybeProblem check_header_value(std::string_view value);

// Which headers an operator may not edit: the proxy writes those that frame a message or belong to
// one connection (RFC 9110 7.6.1), or a message would say one thing and be another.
enum class EditOf : uint8_t { request, response };
MaybeProblem check_header_edit(std::string_view name, EditOf message);

// Path of a location.
MaybeProblem check_path(std::string_view path, PathType type);

// "a.com", "*.a.com", "~regex", "127.0.0.1", "[::1]".
MaybeProblem check_host(std::string_view host);

// "https://a.com", "http://a.com:8080": what a browser writes as Origin (RFC 6454 6.2).
MaybeProblem check_origin(std::string_view origin);

MaybeProblem check_regex(std::string_view pattern);

// Number of words, regex and groups of "REGEX REPLACEMENT".
MaybeProblem check_rewrite(std::string_view rewrite);

}  // namespace pingap::config
