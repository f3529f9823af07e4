#include "control/watching.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "config/units.h"

namespace pingap::control {
namespace {

// Each line is some 600 bytes: neither a forgotten trace nor a flood fills a disk.
constexpr auto kLongest = std::chrono::hours(1);
constexpr auto kUsual = std::chrono::seconds(30);
constexpr uint32_t kMost = 10'000;
constexpr uint32_t kUsualMost = 100;

Answer refuse(std::string what) {
  return {ExitCode::usage, fmt::format("pingap: {}\n", what)};
}

std::string whom(const proxy::RequestWatch::Settings& settings, const std::string& client) {
  return fmt::format("requests{}{}", client.empty() ? "" : " of " + client,
                     settings.path.empty() ? "" : " for " + settings.path + "...");
}

}  // namespace

Answer Watching::order(const Command& command) {
  if (!command.field("off").empty()) {
    const std::string text = describe();
    end();
    return {ExitCode::ok, text};
  }
  if (command.field("client").empty() && command.field("path").empty()) {
    return {ExitCode::ok, describe()};
  }
  return begin(command);
}

Answer Watching::begin(const Command& command) {
  proxy::RequestWatch::Settings settings{{}, std::string(command.field("path")), kUsualMost, {}};
  const std::string client(command.field("client"));
  if (!client.empty()) {
    settings.client = Network::parse(client);
    if (!settings.client) {
      return refuse(
          fmt::format("`{}` is no address or network, such as 10.0.0.1 or 10.0.0.0/8", client));
    }
  }
  if (!settings.path.empty() && !settings.path.starts_with('/')) {
    return refuse(fmt::format("`{}` is no path: it begins with /", settings.path));
  }
  std::chrono::milliseconds lasts = kUsual;
  if (const std::string_view text = command.field("for"); !text.empty()) {
    const auto parsed = config::parse_duration(text);
    if (!parsed || parsed->count() == 0 || *parsed > kLongest) {
      return refuse(fmt::format("`{}` is no time of at most 1h, such as 30s", text));
    }
    lasts = *parsed;
  }
  if (const std::string_view text = command.field("most"); !text.empty()) {
    const auto [last, error] =
        std::from_chars(text.data(), text.data() + text.size(), settings.most);
    if (error != std::errc{} || last != text.data() + text.size() || settings.most == 0 ||
        settings.most > kMost) {
      return refuse(fmt::format("`{}` is no number of lines from 1 to {}", text, kMost));
    }
  }
  settings.until = loop_.now() + lasts;
  const std::string what = whom(settings, client);
  const uint32_t most = settings.most;
  end();
  watch_ = std::make_shared<proxy::RequestWatch>(std::move(settings));
  server_.watch(watch_);
  loop_.arm(timer_, kLook);
  const std::string text = fmt::format("{} are traced to the log for {}, at most {}", what,
                                       config::format_duration(lasts), most);
  PINGAP_LOG(info, "{}", text);
  return {ExitCode::ok, text + '\n'};
}

std::string Watching::describe() const {
  if (watch_ == nullptr) {
    return "nothing is traced\n";
  }
  const auto& settings = watch_->settings();
  const auto left = std::chrono::ceil<std::chrono::seconds>(settings.until - loop_.now());
  return fmt::format("{} of at most {} requests are traced so far, {} s are left\n",
                     std::min(watch_->noted(), settings.most), settings.most,
                     std::max<int64_t>(left.count(), 0));
}

void Watching::on_timer() noexcept {
  const auto& settings = watch_->settings();
  if (loop_.now() >= settings.until || watch_->noted() >= settings.most) {
    end();
    return;
  }
  loop_.arm(timer_, kLook);
}

void Watching::end() {
  timer_.cancel();
  if (watch_ != nullptr) {
    server_.watch(nullptr);
    PINGAP_LOG(info, "no more requests are traced: {} were",
               std::min(watch_->noted(), watch_->settings().most));
    watch_.reset();
  }
}

}  // namespace pingap::control
