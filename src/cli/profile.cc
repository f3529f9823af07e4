#include "cli/profile.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/remote.h"
#include "cli/symbols.h"

namespace pingap::cli {
namespace {

namespace fs = std::filesystem;

// Of the files that code came from; each is read when first asked for.
class Names {
 public:
  // The program may have been replaced since it was started: the kernel still has it.
  void set_process(std::string_view pid) {
    program_ = "/proc/" + std::string(pid) + "/exe";
    std::error_code error;
    program_path_ = fs::read_symlink(program_, error).string();
  }

  void add_module(std::string_view path) { modules_.push_back({std::string(path), {}}); }

  // "1:4f0"; the frame that is `innermost` was at this byte, others behind a call.
  const std::string& name_of(std::string_view frame, bool innermost) {
    std::string& name = names_[std::string(frame) + (innermost ? "." : "")];
    if (name.empty()) {
      name = find(frame, innermost);
    }
    return name;
  }

 private:
  struct Module {
    std::string path;
    std::unique_ptr<Symbols> symbols;
  };

  std::string find(std::string_view frame, bool innermost) {
    const size_t colon = frame.find(':');
    const auto number = parse_decimal(frame.substr(0, colon));
    uint64_t offset = 0;
    if (colon == std::string_view::npos || !number || *number >= modules_.size() ||
        std::from_chars(frame.data() + colon + 1, frame.data() + frame.size(), offset, 16).ec !=
            std::errc{}) {
      return "[unknown]";
    }
    Module& module = modules_[*number];
    if (module.symbols == nullptr) {
      module.symbols =
          std::make_unique<Symbols>(module.path == program_path_ ? program_ : module.path);
    }
    std::string name = module.symbols->name_at(innermost || offset == 0 ? offset : offset - 1);
    // The form has no place for these.
    for (char& c : name) {
      c = c == ';' || c == '\n' ? ':' : c;
    }
    return name.empty() ? fmt::format("[{}]", fs::path(module.path).filename().string()) : name;
  }

  std::string program_;
  std::string program_path_;
  std::vector<Module> modules_;
  std::unordered_map<std::string, std::string> names_;
};

std::string_view take_word(std::string_view& text, char end) noexcept {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view word = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return word;
}

// "THREAD;0:1f4;0:2a0"
std::string named(std::string_view stack, Names& names) {
  std::string text(take_word(stack, ';'));
  while (!stack.empty()) {
    const std::string_view frame = take_word(stack, ';');
    text.append(";").append(names.name_of(frame, stack.empty()));
  }
  return text;
}

}  // namespace

std::string fold(std::string_view answer) {
  Names names;
  std::map<std::string, uint64_t> counts;
  while (!answer.empty()) {
    std::string_view line = take_word(answer, '\n');
    const std::string_view what = take_word(line, ' ');
    if (what == "pid") {
      names.set_process(line);
    } else if (what == "module") {
      names.add_module(line);
    } else if (what == "stack" && !line.empty()) {
      const auto count = parse_decimal(take_word(line, ' '));
      counts[named(line, names)] += count.value_or(0);
    }
  }
  std::string text;
  for (const auto& [stack, count] : counts) {
    text += fmt::format("{} {}\n", stack, count);
  }
  return text;
}

ExitCode profile_process(const Options& options) {
  const control::Answer answer =
      order(options, {"profile", {{"seconds", std::to_string(options.seconds)}}, {}});
  if (answer.code != ExitCode::ok) {
    fmt::print(stderr, "{}", answer.text);
    return answer.code;
  }
  const std::string folded = fold(answer.text);
  if (folded.empty()) {
    fmt::print(stderr, "pingap: no thread has needed CPU time\n");
  }
  fmt::print("{}", folded);
  return ExitCode::ok;
}

}  // namespace pingap::cli
