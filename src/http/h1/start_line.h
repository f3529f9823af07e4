// The first line of a request or response (RFC 9112 3, 4). Pure; used by the parser only.
#pragma once

#include <cstddef>

#include "http/h1/field_line.h"
#include "http/head.h"

namespace pingap::http::h1 {

// Sets method, version, target and asterisk; host and authority from an absolute-form or
// authority-form target, else empty.
bool take_request_line(Cursor& cursor, size_t max_target, RequestHead& head) noexcept;

// Sets version, status and reason. Any three digits from 100 up are a status: what RFC 9110 15 does
// not define is the client's to judge.
bool take_status_line(Cursor& cursor, ResponseHead& head) noexcept;

}  // namespace pingap::http::h1
