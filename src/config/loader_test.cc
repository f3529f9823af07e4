#include "config/loader.h"

#include <gtest/gtest.h>

namespace pingap::config {
namespace {

TEST(Loader, LoadsTheExample) {
  for (const char* name : {"/configs/example.toml", "/configs/reference.toml"}) {
    Diagnostics diagnostics;
    const Model model = load(read_sources(std::string(PINGAP_SOURCE_DIR) + name, diagnostics),
                             diagnostics);
    EXPECT_EQ(diagnostics.render(), "") << name;
    EXPECT_FALSE(model.servers.empty());
  }
}

}  // namespace
}  // namespace pingap::config
