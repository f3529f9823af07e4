#include "cli/remote.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <unistd.h>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "config/difference.h"
#include "config/etcd_url.h"
#include "config/loader.h"
#include "config/write_file.h"
#include "control/command_client.h"
#include "control/history.h"
#include "control/load.h"
#include "control/storage.h"
#include "control/user_name.h"

namespace pingap::cli {
namespace {

namespace fs = std::filesystem;

// Also of a configuration with errors: the process says them.
config::Basic basic_of(const std::string& config) {
  config::Diagnostics diagnostics;
  const auto storage = control::open_storage(config);
  return storage ? config::load((*storage)->read(diagnostics).texts, diagnostics).basic
                 : config::Basic{};
}

ExitCode print(const control::Answer& answer) {
  fmt::print(answer.code == ExitCode::ok ? stdout : stderr, "{}", answer.text);
  return answer.code;
}

ExitCode fail(const std::string& why, ExitCode code = ExitCode::runtime_failure) {
  fmt::print(stderr, "pingap: {}\n", why);
  return code;
}

// A file, a folder, or a revision of the configuration.
std::optional<control::Loaded> load_side(const Options& options, const std::string& side) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(side.data(), side.data() + side.size(), number);
  if (error != std::errc{} || end != side.data() + side.size()) {
    auto loaded = control::load(side, control::Check::configuration);
    fmt::print(stderr, "{}", loaded ? loaded->warnings : loaded.error().report);
    return loaded ? std::optional(std::move(*loaded)) : std::nullopt;
  }
  auto revision = control::History(options.config, 1).read(number);
  if (!revision) {
    fail(revision.error());
    return std::nullopt;
  }
  auto loaded = control::load(std::move(revision->texts), control::Check::configuration);
  fmt::print(stderr, "{}", loaded ? loaded->warnings : loaded.error().report);
  return loaded ? std::optional(std::move(*loaded)) : std::nullopt;
}

// ---- rollback

// Makes what is there what `texts` say, files that are not among them included. The error is a
// line.
tl::expected<void, std::string> write_all(const std::vector<config::Text>& texts,
                                          const std::vector<config::Text>& now) {
  for (const config::Text& text : texts) {
    std::error_code error;
    fs::create_directories(fs::path(text.name).parent_path(), error);
    if (auto done = config::write_file_atomically(text.name, text.text); !done) {
      return done;
    }
  }
  for (const config::Text& text : now) {
    if (std::ranges::find(texts, text.name, &config::Text::name) == texts.end()) {
      std::error_code error;
      fs::remove(text.name, error);
    }
  }
  return {};
}

// What is about to be written over, if it was never in use: it is a revision, to go back to.
void keep_unapplied(const Options& options, const std::vector<config::Text>& now) {
  control::History history(options.config, basic_of(options.config).history);
  if (!history.on() || now.empty()) {
    return;
  }
  const std::string why = fmt::format("before the rollback to {}", options.revision);
  const auto kept = history.add(
      {0, {}, control::user_name(::geteuid()), std::string(control::kUnapplied), why, {}, now});
  if (!kept) {
    fail(fmt::format("warning: what was there is not kept: {}", kept.error()));
  }
}

// The process goes over to what has just been written; `undo` is called where it refuses it.
control::Answer order_rollback(const Options& options,
                               const std::function<tl::expected<void, std::string>()>& undo) {
  const std::string origin = fmt::format("rollback to {}", options.revision);
  control::Answer answer =
      order(options, {"reload", {{"comment", options.comment}, {"origin", origin}}, {}});
  if (answer.code == ExitCode::invalid_config || answer.code == ExitCode::cannot_bind) {
    if (auto undone = undo(); !undone) {
      fail(undone.error());
    }
  }
  return answer;
}

ExitCode roll_back_files(const Options& options, const std::vector<config::Text>& texts) {
  config::Diagnostics unused;
  const auto now = config::read_sources(options.config, unused);
  keep_unapplied(options, now);
  if (auto written = write_all(texts, now); !written) {
    write_all(now, texts);
    return fail(written.error());
  }
  return print(order_rollback(options, [&] { return write_all(now, texts); }));
}

// In one transaction each, and over nobody's change.
ExitCode roll_back_etcd(const Options& options, const std::vector<config::Text>& texts) {
  const auto storage = control::open_storage(options.config);
  if (!storage) {
    return print({storage.error().code, storage.error().report, {}});
  }
  const auto now = (*storage)->peek();
  if (!now) {
    return fail(now.error());
  }
  keep_unapplied(options, now->texts);
  const auto written = (*storage)->write(texts, now->version);
  if (!written) {
    return fail(written.error().what,
                written.error().conflict ? ExitCode::conflict : ExitCode::runtime_failure);
  }
  return print(order_rollback(options, [&]() -> tl::expected<void, std::string> {
    const auto undone = (*storage)->write(now->texts, *written);
    return undone ? tl::expected<void, std::string>() : tl::make_unexpected(undone.error().what);
  }));
}

}  // namespace

control::Answer order(const Options& options, const control::Command& command, Duration longest) {
  const std::string socket = control::find_command_socket(basic_of(options.config), options.config);
  if (socket.empty()) {
    return {ExitCode::runtime_failure,
            fmt::format("pingap: no process can be found by {}: it must be a file, a folder or in "
                        "etcd, and `upgrade_sock` not \"off\"\n",
                        config::shown_url(options.config))};
  }
  auto answer = control::ask(socket, command, 0, longest);
  if (!answer) {
    return {ExitCode::runtime_failure, fmt::format("pingap: {}\n", answer.error())};
  }
  return std::move(*answer);
}

ExitCode change_log(const Options& options) {
  return print(
      order(options, {"log", {{"levels", fmt::format("{}", fmt::join(options.sides, " "))}}, {}}));
}

ExitCode order_upstream(const Options& options) {
  control::Command command{"upstream", {}, {}};
  constexpr std::array<const char*, 5> kFields = {"do", "upstream", "server", "order", "weight"};
  for (size_t i = 0; i < std::min(kFields.size(), options.sides.size()); ++i) {
    command.fields.emplace_back(kFields.at(i), options.sides[i]);
  }
  return print(order(options, command));
}

ExitCode show_status(const Options& options) {
  const std::string format = options.format == Format::json ? "json" : "text";
  return print(order(options, {"status", {{"format", format}, {"requests", options.most}}, {}}));
}

ExitCode trace_requests(const Options& options) {
  return print(order(options, {"trace",
                               {{"client", options.client},
                                {"path", options.path},
                                {"for", options.lasts},
                                {"most", options.most},
                                {"off", options.off ? "yes" : ""}},
                               {}}));
}

ExitCode reload(const Options& options) {
  return print(order(options, {"reload", {{"comment", options.comment}}, {}}));
}

ExitCode upgrade(const Options& options) {
  return print(order(options, {"upgrade", {}, {}}));
}

ExitCode show_difference(const Options& options) {
  if (options.sides.empty()) {
    return print(order(options, {"diff", {}, {}}));
  }
  const auto before = load_side(options, options.sides.at(0));
  const auto after = load_side(options, options.sides.at(1));
  if (!before || !after) {
    return ExitCode::invalid_config;
  }
  const std::string text =
      config::difference({before->model, before->texts}, {after->model, after->texts});
  fmt::print("{}", text.empty() ? "no difference\n" : text);
  return ExitCode::ok;
}

ExitCode roll_back(const Options& options) {
  const control::History history(options.config, 1);
  auto revision = history.read_trusted(options.revision);
  if (!revision) {
    return fail(revision.error());
  }
  const auto texts = history.placed(std::move(revision->texts));
  if (auto loaded = control::load(texts, control::Check::configuration); !loaded) {
    return print({loaded.error().code, loaded.error().report, {}});
  }
  return config::is_etcd_url(options.config) ? roll_back_etcd(options, texts)
                                             : roll_back_files(options, texts);
}

}  // namespace pingap::cli
