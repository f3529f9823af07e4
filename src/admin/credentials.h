// Who may ask: a name with a password, or a token. Control thread.
#pragma once

#include <string>
#include <string_view>

namespace pingap::admin {

class Credentials {
 public:
  // Empty ones are none; with none at all everybody may.
  Credentials(const std::string& user, const std::string& password, const std::string& token);
  Credentials() = default;

  // `authorization`: the field of a request; empty = none. How long it takes does not tell how
  // much of it is right.
  bool allow(std::string_view authorization) const noexcept;

 private:
  std::string basic_;   // as the field of a request that may; empty = none
  std::string bearer_;  // the same
};

}  // namespace pingap::admin
