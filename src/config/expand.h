// References to the environment in strings, and to files in secrets. Control thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "config/problem.h"
#include "config/value.h"

namespace pingap::config {

// Where ${NAME} gets its value from; nullopt = not set. Tests give their own.
using Environment = std::optional<std::string> (*)(const std::string& name);

std::optional<std::string> process_environment(const std::string& name);

// Whether `${...}` has a second meaning in a text: header values have variables, rewrites groups.
enum class Braces : uint8_t { environment, variables };

// Replaces `${NAME}` and `${NAME:-default}`; `$${` stands for a plain `${`. A variable that is not
// set and has no default is an error; the default also stands in for one that is empty. Where there
// are other variables, only names without small letters are the environment's: `${host}` stays.
Parsed<std::string> expand(std::string_view text, Environment environment,
                           Braces braces = Braces::environment);

// Expands every string of the tree in place. Errors go to `diagnostics`.
void expand_all(Value& value, Environment environment, Diagnostics& diagnostics,
                Braces braces = Braces::environment);

// A value that nobody may see: it has no way into a log or an error by accident, and its memory is
// wiped when it goes.
class Secret {
 public:
  Secret() = default;

  explicit Secret(std::string value) noexcept : value_(std::move(value)) {}

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;

  ~Secret() { wipe(); }

  std::string_view reveal() const noexcept { return value_; }

 private:
  void wipe() noexcept;

  std::string value_;
};

// For the keys that hold secrets: those of TLS, in a later version. The secret itself, or the
// content of a file for "file:PATH" (one newline at its end is dropped;
// a relative path starts at `folder`). The problem never quotes the content.
Parsed<Secret> resolve_secret(std::string_view text, const std::filesystem::path& folder);

}  // namespace pingap::config
