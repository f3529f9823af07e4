// Where a configuration lies, by what stands on the command line. Control thread.
#pragma once

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "config/storage.h"
#include "control/load.h"

namespace pingap::control {

// "-" (stdin), a file, a folder, "etcd://...".
tl::expected<std::unique_ptr<config::Storage>, Refusal> open_storage(const std::string& config);

}  // namespace pingap::control
