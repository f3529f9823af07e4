#include "control/reloader.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "base/print.h"
#include "config/changes.h"
#include "config/difference.h"
#include "control/limits.h"
#include "control/user_name.h"

namespace pingap::control {
namespace {

// How often it looks whether who knows servers has answered.
constexpr Duration kApplyCheck = std::chrono::milliseconds(10);

}  // namespace

Reloader::Reloader(config::Storage& storage, History history, Loaded loaded, proxy::Server& server,
                   proxy::LiveUpstreams& upstreams, net::EventLoop& loop)
    : storage_(storage),
      history_(std::move(history)),
      started_(loaded.model.basic),
      loaded_(std::move(loaded)),
      server_(server),
      upstreams_(upstreams),
      loop_(loop),
      lookup_(loop),
      guard_(server, upstreams, loop) {
  certificates_.emplace(loop_, loaded_.model, *loaded_.snapshot);
  status_.loaded_at = wall_now();
  if (!loaded_.stands_in.empty()) {
    stands_in_.begin(fmt::format("what is there could not be used: {} runs; mend it and reload",
                                 loaded_.stands_in));
  }
}

void Reloader::reload(Request request, Done done) {
  if (stopped_) {
    done({ExitCode::runtime_failure, "this process is ending\n", {}});
    return;
  }
  waiting_.push_back({std::move(request), std::move(done)});
  if (served_.empty()) {
    begin();
  }
}

void Reloader::catch_up() {
  if (storage_.can_follow() || storage_.name() == "-") {
    return;  // who follows brings it
  }
  const auto texts = read_texts(storage_);
  if (texts && hash_of(*texts) != hash_of(loaded_.texts)) {
    reload({"upgrade", {}, {}}, [](const Answer& /*answer*/) {});
  }
}

void Reloader::stop() {
  stopped_ = true;
  guard_.cancel();
  timer_.cancel();
  lookup_.cancel();
  next_.reset();
  reading_ = false;
  for (auto* asked : {&served_, &waiting_}) {
    for (const Asked& one : std::exchange(*asked, {})) {
      one.done({ExitCode::runtime_failure, "this process is ending\n", {}});
    }
  }
}

void Reloader::bring(config::Storage::Read read) {
  brought_ = std::move(read);
  if (std::exchange(reading_, false)) {
    begin();
  } else if (!stopped_) {
    reload({"etcd", {}, {}}, [](const Answer& /*answer*/) {});
  }
}

void Reloader::begin() {
  auto asked = std::exchange(waiting_, {});
  std::ranges::move(asked, std::back_inserter(served_));
  const auto ready = [this](tl::expected<Loaded, Refusal> loaded) { use(std::move(loaded)); };
  if (!storage_.can_follow()) {
    load_next(ready);
    return;
  }
  if (!brought_) {
    reading_ = true;
    storage_.refresh();
    return;
  }
  auto read = std::move(*std::exchange(brought_, std::nullopt));
  if (!read) {
    use(tl::make_unexpected(Refusal{ExitCode::invalid_config, "error: " + read.error() + "\n"}));
    return;
  }
  seen_ = std::move(*read);
  load_next(ready);
}

// Of who is followed, what was brought last.
tl::expected<std::vector<config::Text>, Refusal> Reloader::next_texts() const {
  if (!storage_.can_follow()) {
    return read_texts(storage_);
  }
  return seen_ ? seen_->texts : loaded_.texts;
}

void Reloader::load_next(const Ready& ready) {
  auto texts = next_texts();
  if (!texts) {
    ready(tl::unexpected(texts.error()));
    return;
  }
  load_texts(std::move(*texts), ready);
}

// Names that are new are looked up elsewhere meanwhile: that may take long.
void Reloader::load_texts(std::vector<config::Text> texts, const Ready& ready) {
  auto parsed = std::make_shared<Parsed>(parse(std::move(texts)));
  auto names = parsed->diagnostics.has_errors()
                   ? std::vector<std::string>()
                   : proxy::names_to_look_up(parsed->model, loaded_.snapshot.get());
  if (names.empty()) {
    ready(build(std::move(*parsed), Check::start, loaded_.snapshot.get()));
    return;
  }
  lookup_.start(std::move(names), [this, parsed, ready](const net::NamedAddresses& found) {
    ready(build(std::move(*parsed), Check::start, loaded_.snapshot.get(), &found));
  });
}

// What runs goes on until the other one is known to be good.
void Reloader::use(tl::expected<Loaded, Refusal> loaded) {
  if (!loaded) {
    print_error(loaded.error().report);
    PINGAP_LOG(error, "reload refused: the configuration before stays");
    end({loaded.error().code, loaded.error().report});
    return;
  }
  if (auto bound = bind(*loaded); !bound) {
    PINGAP_LOG(error, "reload refused: {}", bound.error());
    end({ExitCode::cannot_bind, bound.error() + "\n"});
    return;
  }
  next_ = std::move(*loaded);
  if (!guard_.watching()) {  // else it is compared with what was before that one
    guard_.remember();
    safe_ = loaded_.texts;
  }
  upstreams_.prepare(*next_->snapshot);
  apply_by_ = loop_.now() + kFindServers;
  apply();
}

// Both, or none.
tl::expected<void, std::string> Reloader::bind(const Loaded& next) {
  if (side_ != nullptr) {
    proxy::InheritedSockets none;
    if (auto bound = side_->prepare(next.model, none); !bound) {
      return bound;
    }
  }
  auto bound = server_.prepare(*next.snapshot);
  if (!bound && side_ != nullptr) {
    side_->abandon();
  }
  return bound;
}

// It does worse than the one before, which comes back; one that is on its way goes before.
void Reloader::take_back(const std::string& why) {
  if (!served_.empty()) {
    worse_ = why;
    return;
  }
  PINGAP_LOG(error, "the new configuration is taken back: {}", why);
  served_.push_back({{"guard", {}, why}, [](const Answer& /*answer*/) {}});
  load_texts(safe_, [this](tl::expected<Loaded, Refusal> loaded) { use(std::move(loaded)); });
}

void Reloader::apply() noexcept {
  if (!upstreams_.prepared() && loop_.now() < apply_by_) {
    loop_.arm(timer_, kApplyCheck);
    return;
  }
  commit();
}

// Revisions begin with the first change: before it there is nothing to go back to.
void Reloader::keep_first(bool always) {
  const History kept = history();
  if (kept.on() && (always || !kept.empty())) {
    keep({"start", user_name(::geteuid()), {}});
  }
}

History Reloader::history() const {
  return history_.keeping(loaded_.model.basic.history);
}

// What to say of it, a line; the change is not refused for it.
std::string Reloader::keep(const Request& request) {
  History kept = history();
  if (!kept.on()) {
    return {};
  }
  auto added =
      kept.add({0, {}, request.author, request.origin, request.comment, {}, loaded_.texts});
  if (!added) {
    PINGAP_LOG(warn, "no revision was kept: {}", added.error());
    return fmt::format("warning: no revision was kept: {}\n", added.error());
  }
  status_.revision = *added;
  return fmt::format("revision {}\n", *added);
}

std::string Reloader::for_restart(const config::Basic& next) const {
  return config::keys_for_restart(started_, next);
}

void Reloader::compare(const Done& done) {
  load_next([this, done](const tl::expected<Loaded, Refusal>& next) { done(compare_with(next)); });
}

Answer Reloader::compare_with(const tl::expected<Loaded, Refusal>& next) const {
  if (!next) {
    return {next.error().code, next.error().report, {}};
  }
  if (auto bindable = server_.try_to_prepare(*next->snapshot); !bindable) {
    return {ExitCode::cannot_bind, bindable.error() + "\n"};
  }
  if (side_ != nullptr) {
    if (auto bindable = side_->try_to_prepare(next->model); !bindable) {
      return {ExitCode::cannot_bind, bindable.error() + "\n"};
    }
  }
  std::string text = config::difference({loaded_.model, loaded_.texts}, {next->model, next->texts});
  const std::string restart = for_restart(next->model.basic);
  if (!restart.empty()) {
    text += fmt::format("only a restart takes up: {}\n", restart);
  }
  return {ExitCode::ok, next->warnings + (text.empty() ? "no difference\n" : text)};
}

void Reloader::commit() {
  std::string what = config::changes(loaded_.model, next_->model);
  if (what.empty()) {
    what = "nothing has changed";
  }
  const std::string restart = for_restart(next_->model.basic);
  if (!restart.empty()) {
    what += fmt::format("; only a restart takes up {}", restart);
  }
  if (history().on() && history().empty()) {
    keep({"start", user_name(::geteuid()), {}});
  }
  certificates_.reset();
  stands_in_.end();
  guard_.cancel();
  worse_.clear();
  loaded_ = std::move(*next_);
  next_.reset();
  if (side_ != nullptr) {
    side_->commit();
  }
  if (export_) {
    export_(loaded_);
  }
  server_.publish(loaded_.snapshot, upstreams_.commit(loaded_.snapshot), loop_,
                  [this, what] { finish(what); });
  upstreams_.set_own(listening(server_, side_));
  certificates_.emplace(loop_, loaded_.model, *loaded_.snapshot);
  print_error(loaded_.warnings);
}

// Every worker goes by it.
void Reloader::finish(const std::string& what) {
  PINGAP_LOG(info, "configuration reloaded: {}", what);
  if (served_.empty()) {
    return;  // the process ends
  }
  const Request& request = served_.front().request;
  std::string kept = keep(request);
  const config::Basic& basic = loaded_.model.basic;
  guard_.begin();
  if (request.origin == "guard") {
    taken_back_.begin(fmt::format(
        "what was loaded last is not what runs: it was taken back, as {}; mend it and reload",
        request.comment));
  } else {
    taken_back_.end();
  }
  if (basic.guard_window > Duration::zero() && request.origin != "guard") {
    kept += fmt::format("watched for {} s\n",
                        std::chrono::duration<double>(basic.guard_window).count());
    guard_.watch(basic.guard_window, basic.guard_max_errors,
                 [this](const std::string& why) { take_back(why); });
  }
  end({ExitCode::ok,
       fmt::format("{}configuration reloaded: {}\n{}", loaded_.warnings, what, kept)});
}

void Reloader::end(const Answer& answer) {
  status_.last_taken = answer.code == ExitCode::ok;
  if (status_.last_taken) {
    ++status_.taken;
    status_.loaded_at = wall_now();
    refused_.end();
  } else {
    ++status_.refused;
    status_.refused_at = wall_now();
    refused_.begin("the last one was refused: " + answer.text.substr(0, answer.text.find('\n')));
  }
  for (const Asked& one : std::exchange(served_, {})) {
    one.done(answer);
  }
  if (served_.empty() && !worse_.empty()) {
    take_back(std::exchange(worse_, {}));
    return;
  }
  if (served_.empty() && !waiting_.empty()) {
    begin();
  }
}

}  // namespace pingap::control
