// What is remembered beside a file or folder that a configuration of etcd was pulled into or pushed
// from (".pingap.toml.etcd", or ".etcd" in a folder): who has changed what since. Main thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/loader.h"

namespace pingap::cli {

struct Checkout {
  std::string url;      // of etcd, without credentials
  std::string version;  // that both had
  uint64_t hash = 0;    // of the texts in the file or folder
};

uint64_t hash_of(const std::vector<config::Text>& texts);

// nullopt where nothing, or nothing of use, is remembered.
std::optional<Checkout> read_checkout(const std::string& path);
// What went wrong; empty for nothing.
std::string write_checkout(const std::string& path, const Checkout& checkout);

}  // namespace pingap::cli
