#include "config/edit_error.h"

namespace pingap::config {

tl::expected<Value, EditError> parse_for_edit(std::string_view text, EditFault fault) {
  Diagnostics diagnostics;
  Value tree = read_toml(text, diagnostics.add_source({}, {}), diagnostics);
  if (diagnostics.has_errors()) {
    const Diagnostic& first = diagnostics.entries().front();
    return edit_error(fault, first.what, first.hint, first.at);
  }
  return tree;
}

}  // namespace pingap::config
