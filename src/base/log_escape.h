// Text from peers on its way into a log line: it can neither end the line nor break its syntax,
// and sends nothing to a terminal (security.md LG-01). Pure, any thread.
#pragma once

#include <string_view>

namespace pingap {

// Both write `value` to [to, end), stop before the first piece that does not fit, and return where
// they ended; `cut` is set when something was left out, never cleared. Escape sequences and UTF-8
// characters are never split.

// Plain lines: control characters (C0, DEL, C1, U+2028, U+2029), '"', '\\' and bytes that are not
// UTF-8 become \xNN, byte by byte.
char* escape_text(std::string_view value, char* to, char* end, bool& cut) noexcept;

// Inside a JSON string (RFC 8259 7): the same characters become \uNNNN, '"' and '\\' get a
// backslash, a byte that is not UTF-8 becomes \u00NN. The output is valid UTF-8 always.
char* escape_json(std::string_view value, char* to, char* end, bool& cut) noexcept;

}  // namespace pingap
