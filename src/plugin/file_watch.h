// A file that a plugin goes by, looked after in the background: when it has changed it is read
// again. One that cannot be used changes nothing; that is said in the log once, and among the
// troubles of the process (base/trouble.h) until it can.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "base/file_state.h"
#include "base/trouble.h"
#include "plugin/background.h"

namespace pingap::plugin {

class FileWatch {
 public:
  struct Settings {
    std::string plugin;  // its name
    std::string what;    // is in the file, for people: "passwords"
    std::string path;
    std::string state;  // of the file, from before it was read first
    // A text that is another when it is to be read again.
    std::string (*state_of)(const std::string& path) = file_state;
  };

  // Reads the file and goes by it from then on; or why it cannot be used. Background.
  using Read = std::function<tl::expected<void, std::string>()>;

  FileWatch(Settings settings, Read read);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // What is done now and then. Of the background's, or of a test that has no background.
  void look();

 private:
  const Settings settings_;
  const Read read_;
  // Background:
  std::string read_at_;  // the state that was read, or refused
  std::string seen_;     // at the last look
  Trouble trouble_;
  std::unique_ptr<Background::Repeated> repeated_;  // the first to go
};

}  // namespace pingap::plugin
