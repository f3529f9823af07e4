// What the tests of loading share: a small environment, a configuration with room for one more key.
#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "config/loader.h"

namespace pingap::config::fixture {

inline std::optional<std::string> environment(const std::string& name) {
  if (name == "THREADS") {
    return "7";
  }
  if (name == "BACKENDS") {
    return "10.0.0.1:80,10.0.0.2:80";
  }
  if (name == "YES") {
    return "true";
  }
  return std::nullopt;
}

struct Loaded {
  Model model;
  Diagnostics diagnostics;
};

inline Loaded load_text(std::string text) {
  Loaded loaded;
  loaded.model = load({{"t", std::move(text)}}, loaded.diagnostics, environment);
  return loaded;
}

inline std::map<std::string, std::string> g_variables;  // an Environment is a plain function

// With these variables of the environment.
inline Loaded load_with(std::map<std::string, std::string> variables, std::string text) {
  g_variables = std::move(variables);
  Loaded loaded;
  loaded.model = load({{"t", std::move(text)}}, loaded.diagnostics, [](const std::string& name) {
    const auto found = g_variables.find(name);
    return found == g_variables.end() ? std::nullopt : std::optional(found->second);
  });
  return loaded;
}

// The messages without excerpts and without those that have no place.
inline std::string messages(const Diagnostics& diagnostics) {
  std::istringstream in(diagnostics.render());
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const bool whole = line.find("nothing to listen on") == std::string::npos;  // but for that
    if (whole && line.starts_with("t:")) {
      out += line + "\n";
    }
  }
  return out;
}

// A configuration that is fine, with room for one more key in each section.
struct Extra {
  std::string basic{};
  std::string upstream{};
  std::string location{};
  std::string server{};
};

inline std::string complete(const Extra& extra) {
  return "[basic]\n" + extra.basic + "\n[upstreams.u]\naddrs = [\"127.0.0.1:1\"]\n" +
         extra.upstream + "\n[locations.l]\nupstream = \"u\"\n" + extra.location +
         "\n[servers.s]\naddr = \"127.0.0.1:2\"\nlocations = [\"l\"]\n" + extra.server + "\n";
}

// What a further key is answered with.
struct Refusal {
  Extra extra;
  std::string message;  // without "t:"
};

inline void expect_refused(const std::vector<Refusal>& cases) {
  for (const Refusal& one : cases) {
    const auto [model, diagnostics] = load_text(complete(one.extra));
    EXPECT_EQ(messages(diagnostics), "t:" + one.message + "\n");
  }
}

}  // namespace pingap::config::fixture
