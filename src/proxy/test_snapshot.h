// For tests: a snapshot that needs no backend. Nothing but /l has a location, so that a frontend
// answers by itself.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "proxy/snapshot.h"

namespace pingap::proxy {

constexpr std::string_view kTestRequest = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
constexpr std::string_view kTestAnswer = "HTTP/1.1 404 ";

// One server, "s", with `server` as its keys.
inline std::shared_ptr<const Snapshot> test_snapshot(const std::string& server,
                                                     const std::string& basic = "",
                                                     config::Model* keep = nullptr) {
  config::Diagnostics diagnostics;
  config::Model model = config::load({{"t", "[basic]\n" + basic +
                                                "[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n"
                                                "[locations.l]\nupstream = \"u\"\npath = \"/l\"\n"
                                                "[servers.s]\nlocations = [\"l\"]\n" +
                                                server}},
                                     diagnostics);
  auto snapshot = build_snapshot(model, diagnostics);
  if (keep != nullptr) {
    *keep = std::move(model);
  }
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render();
  return snapshot;
}

}  // namespace pingap::proxy
