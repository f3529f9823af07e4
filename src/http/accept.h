// What a client likes to be given (RFC 9110 12.4, 12.5). Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

namespace pingap::http {

// "0.25" as 250; -1 where it is no weight (RFC 9110 12.4.2).
int parse_weight(std::string_view text) noexcept;

// Of what stands behind a name, "version=1; q=0.5": the weight in thousandths, 1000 without one. A
// weight that is none counts as 0.
int weight_of(std::string_view parameters) noexcept;

// The best weight that `name`, in any case, has in a list such as "text/html, */*;q=0.5"; nothing
// where it is not named.
std::optional<int> weight_in(std::string_view list, std::string_view name) noexcept;

// Of the value of Accept: it likes JSON better than HTML, or names it first of equals. Nobody who
// says nothing does.
bool prefers_json(std::string_view accept) noexcept;

}  // namespace pingap::http
