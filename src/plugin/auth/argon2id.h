// Hashes of argon2id (RFC 9106) in the form that its tools write:
//   $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH
// crypt(3) of Debian 12 has none. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace pingap::plugin {

// Whether it is of this family: argon2i and argon2d, too.
bool is_argon2(std::string_view hash) noexcept;

// What keeps the hash from being used, as "what it is; what to do"; empty = nothing.
std::string fault_of_argon2(std::string_view hash);

// Whether the password is the one of a hash without fault. Takes its memory and its time.
bool matches_argon2(const std::string& password, const std::string& hash) noexcept;

}  // namespace pingap::plugin
