#include "cli/sync.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "cli/checkout.h"
#include "config/etcd_url.h"
#include "config/layout.h"
#include "config/storage.h"
#include "control/load.h"
#include "control/storage.h"

namespace pingap::cli {
namespace {

using config::Stored;
using config::Text;
using config::TextChange;

// Ends a command: what went wrong has been printed.
using Step = std::optional<ExitCode>;

ExitCode fail(ExitCode code, std::string_view what) {
  fmt::print(stderr, "pingap: {}\n", what);
  return code;
}

class Sync {
 public:
  explicit Sync(const Options& options)
      : options_(options),
        from_etcd_(config::is_etcd_url(options.source)),
        to_etcd_(config::is_etcd_url(options.target)) {}

  ExitCode run() {
    for (const auto step : {&Sync::open, &Sync::read, &Sync::check, &Sync::lay_out, &Sync::guard}) {
      if (const Step ended = (this->*step)()) {
        return *ended;
      }
    }
    const std::vector<TextChange> changes = config::compare(before_.texts, texts_);
    for (const TextChange& change : changes) {
      const char sign = change.how == TextChange::How::add      ? '+'
                        : change.how == TextChange::How::change ? '~'
                                                                : '-';
      fmt::print("{} {}\n", sign, change.path);
    }
    if (options_.dry_run) {
      fmt::print("{}: {} to be changed, nothing was\n", target_->name(), count(changes.size()));
      return ExitCode::ok;
    }
    return write(changes.size());
  }

 private:
  std::string count(size_t changes) const {
    return fmt::format("{} {}{}", changes, to_etcd_ ? "key" : "file", changes == 1 ? "" : "s");
  }

  Step open() {
    for (const auto& [where, storage] :
         {std::pair{&options_.source, &source_}, std::pair{&options_.target, &target_}}) {
      auto opened = control::open_storage(*where);
      if (!opened) {
        fmt::print(stderr, "{}", opened.error().report);
        return opened.error().code;
      }
      *storage = std::move(*opened);
    }
    return std::nullopt;
  }

  Step read() {
    config::Diagnostics diagnostics;
    Stored stored = source_->read(diagnostics);
    if (diagnostics.has_errors()) {
      fmt::print(stderr, "{}", diagnostics.render());
      return from_etcd_ ? ExitCode::runtime_failure : ExitCode::invalid_config;
    }
    texts_ = std::move(stored.texts);
    source_hash_ = hash_of(texts_);
    source_version_ = std::move(stored.version);
    auto before = target_->peek();
    if (!before) {
      return fail(ExitCode::runtime_failure, before.error());
    }
    before_ = std::move(*before);
    return std::nullopt;
  }

  // What a fleet would refuse is not given to it.
  Step check() {
    if (!to_etcd_) {
      return std::nullopt;
    }
    if (options_.text_only) {
      config::Diagnostics diagnostics;
      config::load(texts_, diagnostics);
      fmt::print(stderr, "{}", diagnostics.render());
      return diagnostics.has_errors() ? Step(ExitCode::invalid_config) : std::nullopt;
    }
    const auto loaded = control::load(texts_, control::Check::configuration);
    fmt::print(stderr, "{}", loaded ? loaded->warnings : loaded.error().report);
    if (!loaded) {
      fmt::print(stderr,
                 "pingap: nothing was written; --text-only does not look at files that it "
                 "names\n");
      return ExitCode::invalid_config;
    }
    return std::nullopt;
  }

  // The target keeps its layout, unless told otherwise.
  Step lay_out() {
    const bool file = !to_etcd_ && !config::FileStorage(options_.target).is_folder();
    const bool one = file || options_.target.ends_with(".toml") || options_.layout == Layout::file;
    const bool has_items = std::ranges::any_of(
        before_.texts, [](const Text& text) { return !config::headers_of(text.path).empty(); });
    const bool whole = texts_.size() == 1 && texts_.front().path == config::kWholePath;
    if (one && !whole) {
      auto joined = config::join_into_one(texts_);
      if (!joined) {
        return fail(ExitCode::runtime_failure,
                    joined.error() + "; give a folder, with / at its end");
      }
      texts_ = {std::move(*joined)};
    } else if (!one && whole && (options_.layout == Layout::items || has_items)) {
      auto items = config::split_into_items(texts_.front());
      if (!items) {
        return fail(ExitCode::runtime_failure, items.error());
      }
      texts_ = std::move(*items);
    }
    return std::nullopt;
  }

  // Nothing that somebody else has done is lost: not in etcd, and not in a file.
  Step guard() {
    if (options_.force || from_etcd_ == to_etcd_) {
      return std::nullopt;
    }
    const std::string& local = to_etcd_ ? options_.source : options_.target;
    const std::string url = config::shown_url(to_etcd_ ? options_.target : options_.source);
    auto known = read_checkout(local);
    if (known && known->url != url) {
      known.reset();
    }
    if (to_etcd_ && known && known->version != before_.version) {
      return fail(
          ExitCode::conflict,
          fmt::format("{} was changed since {} was pulled: it is at {}, not at {} any more; "
                      "pull it, or use --force",
                      target_->name(), local, before_.version, known->version));
    }
    const bool edited = !before_.texts.empty() && !config::compare(before_.texts, texts_).empty() &&
                        (!known || known->hash != hash_of(before_.texts));
    if (from_etcd_ && edited) {
      return fail(ExitCode::conflict,
                  fmt::format("{} has changes that {} does not: push it, or use --force", local,
                              source_->name()));
    }
    return std::nullopt;
  }

  ExitCode write(size_t changes) {
    auto written = target_->write(texts_, before_.version);
    if (!written) {
      return fail(written.error().conflict ? ExitCode::conflict : ExitCode::runtime_failure,
                  written.error().what);
    }
    fmt::print("{}: {} changed{}{}\n", target_->name(), count(changes),
               written->empty() ? "" : ", now at ", *written);
    if (from_etcd_ == to_etcd_ || options_.source == "-") {
      return ExitCode::ok;
    }
    const std::string failure =
        to_etcd_ ? write_checkout(options_.source,
                                  {config::shown_url(options_.target), *written, source_hash_})
                 : write_checkout(options_.target, {config::shown_url(options_.source),
                                                    source_version_, hash_of(texts_)});
    if (!failure.empty()) {
      fmt::print(stderr, "pingap: it cannot be remembered what was written: {}\n", failure);
    }
    return ExitCode::ok;
  }

  const Options& options_;
  const bool from_etcd_;
  const bool to_etcd_;
  std::unique_ptr<config::Storage> source_;
  std::unique_ptr<config::Storage> target_;
  std::vector<Text> texts_;  // of the source, as they are to lie in the target
  uint64_t source_hash_ = 0;
  std::string source_version_;
  Stored before_;  // in the target
};

}  // namespace

ExitCode sync_config(const Options& options) {
  return Sync(options).run();
}

}  // namespace pingap::cli
