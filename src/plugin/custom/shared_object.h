// A shared object with a plugin in it, loaded. Control thread.
//
// What is loaded is a copy in memory: the file can be replaced, or written over, while its code
// runs, and a reload loads the new one beside it.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

struct pingap_plugin;  // NOLINT(readability-identifier-naming): of C

namespace pingap::plugin {

class SharedObject {
 public:
  // The error says what is wrong with the file, and what to do.
  static tl::expected<std::unique_ptr<SharedObject>, std::string> load(const std::string& path);

  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;
  ~SharedObject();

  // What it exports, of our version.
  const pingap_plugin& table() const noexcept { return *table_; }

 private:
  SharedObject() = default;

  tl::expected<void, std::string> open();

  int copy_ = -1;
  std::string name_;  // that the loader knows it by: no other one has it
  void* handle_ = nullptr;
  const pingap_plugin* table_ = nullptr;
};

}  // namespace pingap::plugin
