// One form for TOML texts: what `pingap fmt` does. Pure; any thread.
#pragma once

#include <string_view>

#include "config/edit_error.h"

namespace pingap::config {

// The text with the same comments, order, line breaks in arrays and spelling of values, and
//
// - one blank line between tables, at most one elsewhere, none at the start and at the end;
// - no indentation, but two blanks per level in arrays over several lines;
// - ` = `, `[1, 2]`, `{ a = 1 }` and `a.b`;
// - two blanks before a comment at the end of a line, unless it stands in one column with those of
//   the lines beside it, commented ones too;
// - LF, no blanks at the end of a line, no byte order mark.
//
// The result of a result is the same again. It says the same as the text, or there is an error:
// `broken_text`, or `unsafe` if that did not hold.
Edited format_toml(std::string_view text);

}  // namespace pingap::config
