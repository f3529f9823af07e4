#include "cli/top.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <poll.h>
#include <unistd.h>

#include <fmt/core.h>

#include "base/clock.h"
#include "cli/remote.h"
#include "cli/terminal.h"
#include "cli/top_view.h"

namespace pingap::cli {
namespace {

constexpr std::string_view kKeys = "q quit   sort by: r requests  e errors  p p99  n name";

// What was counted, and when.
struct Moment {
  TimePoint at;
  Counts counts;
};

// The error is a line without its end.
class Watched {
 public:
  explicit Watched(const Options& options) : options_(options) {}

  tl::expected<Moment, std::string> look() const {
    control::Answer answer = order(options_, {"metrics", {}, {}}, kPatience);
    if (answer.code != ExitCode::ok) {
      while (answer.text.ends_with('\n')) {
        answer.text.pop_back();
      }
      return tl::make_unexpected(std::move(answer.text));
    }
    return Moment{steady_now(), read_counts(answer.text)};
  }

 private:
  // A process that stands still must not hold a terminal for ever.
  static constexpr Duration kPatience = std::chrono::seconds(3);

  const Options& options_;
};

TopView view_of(const Moment& before, const Moment& now) {
  // Another process counts from the start.
  const bool same = before.counts.process.started == now.counts.process.started;
  return compare(same ? before.counts : Counts{}, now.counts,
                 std::chrono::duration<double>(now.at - before.at).count(),
                 std::chrono::duration<double>(wall_now().time_since_epoch()).count());
}

Duration interval_of(const Options& options) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.interval));
}

ExitCode show_once(const Options& options) {
  const Watched process(options);
  const auto before = process.look();
  if (!before) {
    fmt::print(stderr, "{}\n", before.error());
    return ExitCode::runtime_failure;
  }
  ::poll(nullptr, 0, static_cast<int>(options.interval * 1000));
  const auto now = process.look();
  if (!now) {
    fmt::print(stderr, "{}\n", now.error());
    return ExitCode::runtime_failure;
  }
  TopView view = view_of(*before, *now);
  sort_rows(view, options.sort);
  fmt::print("{}", options.format == Format::json ? to_json(view) : to_text(view, {}));
  return ExitCode::ok;
}

std::optional<TopSort> sort_of(char key) noexcept {
  switch (key) {
    case 'r':
      return TopSort::requests;
    case 'e':
      return TopSort::errors;
    case 'p':
      return TopSort::slowest;
    case 'n':
      return TopSort::name;
    default:
      return std::nullopt;
  }
}

// Until somebody has had enough. A process that does not answer, as it is replaced by another one,
// is waited for.
class Screen {
 public:
  Screen(const Options& options, const Terminal& terminal, Moment first)
      : process_(options),
        terminal_(terminal),
        interval_(interval_of(options)),
        sort_(options.sort),
        before_(std::move(first)) {}

  void run() {
    TimePoint next = before_.at + interval_;
    draw();
    for (;;) {
      const Terminal::Input input = terminal_.wait(next - steady_now());
      if (input.event == Terminal::Event::quit || input.key == 'q') {
        return;
      }
      if (const auto sort = sort_of(input.key)) {
        sort_ = *sort;
      }
      if (steady_now() >= next) {
        refresh();
        next = steady_now() + interval_;
      }
      draw();
    }
  }

 private:
  void refresh() {
    auto now = process_.look();
    if (!now) {
      problem_ = now.error();
      return;
    }
    problem_.clear();
    view_ = view_of(before_, *now);
    before_ = std::move(*now);
  }

  void draw() {
    const Terminal::Size size = terminal_.size();
    std::string text;
    if (view_) {
      sort_rows(*view_, sort_);
      text = to_text(*view_, {std::max<size_t>(size.rows, 2) - 1, size.columns});
    } else {
      text = "counting...\n";
    }
    terminal_.show(text.append(problem_.empty() ? kKeys : problem_));
  }

  Watched process_;
  const Terminal& terminal_;
  const Duration interval_;
  TopSort sort_;
  Moment before_;
  std::optional<TopView> view_;  // none before the second look
  std::string problem_;          // why there are no newer numbers
};

ExitCode show_live(const Options& options) {
  auto first = Watched(options).look();
  if (!first) {
    fmt::print(stderr, "{}\n", first.error());
    return ExitCode::runtime_failure;
  }
  const auto terminal = Terminal::open();
  if (!terminal) {
    fmt::print(stderr, "pingap: {}\n", terminal.error());
    return ExitCode::runtime_failure;
  }
  Screen(options, *terminal, std::move(*first)).run();
  return ExitCode::ok;
}

}  // namespace

ExitCode show_top(const Options& options) {
  const bool once = options.once || options.format == Format::json || ::isatty(STDIN_FILENO) == 0 ||
                    ::isatty(STDOUT_FILENO) == 0;
  return once ? show_once(options) : show_live(options);
}

}  // namespace pingap::cli
