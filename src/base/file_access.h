// What opening a file for writing would say, without doing it: nothing is created, and no reader of
// a pipe is woken. Any thread; may block on the file system.
#pragma once

#include <string>

namespace pingap {

enum class Symlinks : bool { follow, refuse };

// 0, or the errno that open(path, O_WRONLY | O_CREAT) would end with.
int try_to_write(const std::string& path, Symlinks links);

// The same for a new entry of the folder that `path` is in.
int try_to_create(const std::string& path);

// The folder that `path` is in; "." where it names none.
std::string folder_of(const std::string& path);

}  // namespace pingap
