// The verbs of the command line, for cli/options only; each group of them is in a file of its own.
// Whoever includes this sees CLI11, whose header takes twelve seconds to compile.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/options.h"

namespace pingap::cli {

// The line is wrong: what is, and what would be right.
Exit usage(std::string_view what, std::string_view hint = {});

// What the line says: the options, and words that become options once all is read.
struct Given {
  Options options;
  std::vector<std::string> headers;
  std::string shell;
  std::string layout;
  std::string sort;
  bool test = false;
  bool json = false;
  bool markdown = false;
  bool check = false;
  bool diff = false;
};

// Turns the words given for a verb into options; nothing = the line is right.
using Finish = std::function<std::optional<Exit>(Given&)>;

class Verbs {
 public:
  Given given;

  Verbs() = default;
  ~Verbs() = default;
  Verbs(const Verbs&) = delete;  // CLI11 writes into `given`
  Verbs& operator=(const Verbs&) = delete;
  Verbs(Verbs&&) = delete;
  Verbs& operator=(Verbs&&) = delete;

  // In the order of --help.
  CLI::App& add(CLI::App& parent, Command command, const char* name, const char* about,
                Finish finish = {});
  // --config, and --json.
  void add_config(CLI::App& app);
  void add_json(CLI::App& app, const char* about = "As JSON");

  // Once the line is read: which of them was given, `run` if none, and its words as options.
  std::optional<Exit> finish();

 private:
  struct Verb {
    const CLI::App* app;
    Command command;
    Finish finish;
  };

  std::vector<Verb> verbs_;
};

void add_verbs_of_running(CLI::App& app, Verbs& verbs);         // verbs_running.cc
void add_verbs_of_configurations(CLI::App& app, Verbs& verbs);  // verbs_configurations.cc
void add_tools(CLI::App& app, Verbs& verbs);                    // verbs_tools.cc

}  // namespace pingap::cli
