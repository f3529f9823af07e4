// Why a text was not edited.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "config/diagnostics.h"
#include "config/value.h"

namespace pingap::config {

enum class EditFault : uint8_t {
  broken_text,  // the text itself is not valid TOML
  bad_input,    // what is to be put into it is not
  not_found,    // there is no such item
  conflict,     // it is written in a way that this cannot change, or the name is taken
  unsafe,       // the result would say something else than was asked for
};

struct EditError {
  EditFault fault = EditFault::unsafe;
  std::string what;
  std::string hint{};  // may be empty
  Position at{};       // in the text, or in the input; line 0 = no place
};

// The whole text after the change.
using Edited = tl::expected<std::string, EditError>;

inline tl::unexpected<EditError> edit_error(EditFault fault, std::string what,
                                            std::string hint = {}, Position at = {}) {
  return tl::make_unexpected(EditError{fault, std::move(what), std::move(hint), at});
}

// A text as its tree; `fault` where it is not valid TOML.
tl::expected<Value, EditError> parse_for_edit(std::string_view text, EditFault fault);

}  // namespace pingap::config
