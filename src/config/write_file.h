// Replaces a file in one step: after a crash at any moment there is the old content or the new one,
// never a part. Any thread; blocks on the disk.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

#include <tl/expected.hpp>

namespace pingap::config {

// A file that is made anew is its owner's only, unless told otherwise: it may hold secrets.
inline constexpr mode_t kModeOfNewFile = 0600;

// Writes `text` to `path`, or gives what went wrong and what to do about it; then the file is as it
// was. A symbolic link stays one: the file that it leads to is replaced. Mode, owner and group of a
// file that is there are kept; `mode_of_new` is that of a new one, whatever the umask. Further hard
// links keep the old content.
//
// The text is on the disk when this returns. Until then it is in ".NAME.XXXXXX.tmp" of the same
// folder; that stays behind only after a crash, and read_sources() passes over it.
tl::expected<void, std::string> write_file_atomically(const std::filesystem::path& path,
                                                      std::string_view text,
                                                      mode_t mode_of_new = kModeOfNewFile);

}  // namespace pingap::config
