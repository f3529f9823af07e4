// The file that tells the process's number to service managers and scripts. Control thread.
#pragma once

#include <string>

namespace pingap::control {

class PidFile {
 public:
  // An empty path: none is kept.
  explicit PidFile(std::string path) : path_(std::move(path)) {}

  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  // Takes the file away, if it still names this process.
  ~PidFile();

  // Says why not in the log.
  bool write();

 private:
  std::string path_;
  bool written_ = false;
};

}  // namespace pingap::control
