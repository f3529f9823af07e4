#include "cli/terminal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pingap::cli {
namespace {

constexpr char kCtrlC = 3;
constexpr char kCtrlD = 4;

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      return;  // nobody looks any more: wait() finds that, too
    }
    text.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
  }
}

net::Fd take_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH}) {
    sigaddset(&set, signal);
  }
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return net::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

tl::expected<Terminal, std::string> Terminal::open() {
  termios before{};
  net::Fd signals;
  if (::tcgetattr(STDIN_FILENO, &before) == 0) {
    signals = take_signals();
  }
  termios raw = before;
  // Keys come one by one, Ctrl-C among them; what is written is as usual.
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  if (!signals || ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0) {
    return tl::make_unexpected("the terminal: " + std::generic_category().message(errno));
  }
  write_all("\x1b[?1049h\x1b[?25l\x1b[?7l");  // another screen, no cursor, no wrapping of lines
  return Terminal(before, std::move(signals));
}

Terminal::Terminal(termios before, net::Fd signals) noexcept
    : before_(before), signals_(std::move(signals)) {
}

Terminal::Terminal(Terminal&& from) noexcept = default;

Terminal::~Terminal() {
  if (signals_) {
    write_all("\x1b[?7h\x1b[?25h\x1b[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
}

Terminal::Size Terminal::size() const noexcept {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  return known ? Size{size.ws_row, std::max<size_t>(size.ws_col, 1)} : Size{24, 80};
}

// Over what is there, so that nothing flickers.
void Terminal::show(std::string_view text) const {
  std::string out = "\x1b[H";
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.append(text.substr(0, end)).append("\x1b[K");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!text.empty()) {
      out += '\n';
    }
  }
  write_all(out + "\x1b[J");
}

Terminal::Input Terminal::wait(Duration longest) const noexcept {
  std::array<pollfd, 2> watched = {{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  if (::poll(watched.data(), watched.size(), static_cast<int>(std::max<int64_t>(wait, 0))) <= 0) {
    return {Event::timeout};
  }
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    return {info.ssi_signo == SIGWINCH ? Event::resized : Event::quit};
  }
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) != 1 || key == kCtrlC || key == kCtrlD) {
    return {Event::quit};
  }
  return {Event::key, key};
}

}  // namespace pingap::cli
