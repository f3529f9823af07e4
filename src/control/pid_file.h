// The file that tells the process's number to service managers and scripts. Control thread.
#pragma once

#include <string>
#include <sys/types.h>

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
  // It names `owner` again, who goes on, if it did before write().
  void give_back(pid_t owner);

 private:
  bool write(pid_t pid);

  std::string path_;
  pid_t named_ = 0;  // before write(); 0 = nobody
  bool written_ = false;
};

}  // namespace pingap::control
