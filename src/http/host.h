// Host names in the form in which they are compared. Pure; any thread.
#pragma once

#include <string_view>

#include "base/arena.h"

namespace pingap::http {

// `host` without port, as RequestHead has it: in lower case, without one trailing dot (`a.test.` is
// `a.test`). A view of the input where nothing has to change. Its grammar was checked by the
// parser.
std::string_view normalize_host(std::string_view host, Arena& arena) noexcept;

}  // namespace pingap::http
