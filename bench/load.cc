// A small HTTP/1.1 load generator for the bench: exactly N requests, or an open loop at a fixed
// rate whose latency counts from the moment a request was due (so a stall is not hidden), or
// idle connections that are held. One thread, loopback only. Prints one line of JSON.
//
//   load --port P --path /1k -c 64 -n 10000 [--close] [--post BYTES] [--rate R] [--hold]
//        [--spread N]   the path is followed by 00000/ to N-1, in turn
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

// Held connections are opened so many at a time: the origin shall not see 10,000 at once.
constexpr size_t kHoldRamp = 64;

struct Options {
  uint16_t port = 0;
  std::string path = "/";
  size_t connections = 1;
  uint64_t requests = 1;
  size_t spread = 1;
  size_t post = 0;      // bytes of body; 0 = GET
  std::string headers;  // more fields of requests, with their line ends
  double rate = 0;      // requests per second; 0 = as fast as answers come
  bool close = false;   // one request per connection
  bool hold = false;    // then keep the connections open until stdin ends
};

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct Connection {
  int fd = -1;
  bool busy = false;
  const std::string* request = nullptr;
  size_t sent = 0;         // bytes of it
  bool head_done = false;  // of the answer
  uint64_t body_left = 0;
  bool chunked = false;  // then the body ends where its last bytes say so
  std::string tail;
  std::string head;
  Clock::time_point due;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), connections_(options.connections) {
    for (size_t i = 0; i < options.spread; ++i) {
      requests_.push_back(request_text(i));
    }
    latencies_.reserve(options.requests);
    epoll_ = epoll_create1(0);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event);
  }

  void run() {
    start_ = Clock::now();
    for (Connection& connection : connections_) {
      idle_.push_back(&connection);
    }
    start_due();
    while (finished_ < options_.requests) {
      turn();
    }
    end_ = Clock::now();
  }

  void print() {
    std::sort(latencies_.begin(), latencies_.end());
    const double seconds = std::chrono::duration<double>(end_ - start_).count();
    std::printf(
        "{\"requests\": %zu, \"errors\": %zu, \"seconds\": %.4f, \"p50_us\": %.1f, "
        "\"p99_us\": %.1f, \"max_us\": %.1f}\n",
        latencies_.size(), errors_, seconds, percentile(0.50), percentile(0.99), percentile(1.0));
    std::fflush(stdout);
  }

 private:
  std::string request_text(size_t index) const {
    std::string text = options_.post > 0 ? "POST " : "GET ";
    text += options_.path;
    if (options_.spread > 1) {
      const std::string digits = std::to_string(index);
      text += std::string(5 - std::min<size_t>(5, digits.size()), '0') + digits + "/";
    }
    text += " HTTP/1.1\r\nHost: bench.example:8080\r\nUser-Agent: load\r\nAccept: */*\r\n" +
            options_.headers;
    if (options_.close) {
      text += "Connection: close\r\n";
    }
    if (options_.post > 0) {
      text += "Content-Length: " + std::to_string(options_.post) + "\r\n";
    }
    return text + "\r\n" + std::string(options_.post, 'x');
  }

  Clock::time_point due_time(uint64_t index) const {
    const double ns = options_.rate > 0 ? 1e9 * static_cast<double>(index) / options_.rate : 0;
    return start_ + nanoseconds(static_cast<int64_t>(ns));
  }

  // Starts what is due and sets the timer for what comes next.
  void start_due() {
    const Clock::time_point now = Clock::now();
    while (started_ < options_.requests && !idle_.empty() && due_time(started_) <= now &&
           (!options_.hold || started_ - finished_ < kHoldRamp)) {
      Connection& connection = *idle_.back();
      idle_.pop_back();
      connection.due = options_.rate > 0 ? due_time(started_) : now;
      // A stride that is prime to the number of paths: neighbours in time are far apart.
      connection.request = &requests_[started_ * 7919 % requests_.size()];
      ++started_;
      begin(connection);
    }
    if (options_.rate <= 0 || started_ >= options_.requests || idle_.empty()) {
      return;
    }
    const auto wait = std::max(nanoseconds(1), nanoseconds(due_time(started_) - now)).count();
    const itimerspec at{.it_interval = {},
                        .it_value = {wait / 1'000'000'000, wait % 1'000'000'000}};
    timerfd_settime(timer_, 0, &at, nullptr);
  }

  void turn() {
    epoll_event events[128];
    const int count = epoll_wait(epoll_, events, 128, 10'000);
    if (count == 0) {
      std::fprintf(stderr, "load: nothing came for 10 s\n");
      std::exit(1);
    }
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        uint64_t expirations = 0;
        (void)!read(timer_, &expirations, sizeof expirations);
        continue;
      }
      Connection& connection = *static_cast<Connection*>(events[i].data.ptr);
      if (!connection.busy) {  // the server closed an idle connection
        drop(connection);
        continue;
      }
      send_rest(connection);
      receive(connection);
    }
    start_due();
  }

  void begin(Connection& connection) {
    if (connection.fd < 0) {
      open(connection);
    }
    connection.busy = true;
    connection.sent = 0;
    connection.head_done = false;
    connection.head.clear();
    send_rest(connection);
  }

  void open(Connection& connection) {
    connection.fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connection.fd < 0 ||
        connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      die("connect");
    }
    const int one = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = &connection}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) {
      die("epoll_ctl");
    }
  }

  void drop(Connection& connection) {
    if (connection.fd >= 0) {
      close(connection.fd);
      connection.fd = -1;
    }
  }

  void send_rest(Connection& connection) {
    while (connection.busy && connection.sent < connection.request->size()) {
      const ssize_t n =
          send(connection.fd, connection.request->data() + connection.sent,
               connection.request->size() - connection.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) {
        return;  // full, or broken: receive() finds out
      }
      connection.sent += static_cast<size_t>(n);
    }
  }

  void receive(Connection& connection) {
    static char buffer[256 * 1024];
    while (connection.busy) {
      // MSG_TRUNC lets TCP drop body bytes without copying them: less noise beside the origin.
      const size_t want = connection.head_done ? sizeof buffer : 4096;
      const int flags =
          MSG_DONTWAIT | (connection.head_done && !connection.chunked ? MSG_TRUNC : 0);
      const ssize_t n = recv(connection.fd, buffer, want, flags);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
      }
      if (n <= 0 || !take(connection, {buffer, static_cast<size_t>(n)})) {
        ++errors_;
        drop(connection);
        finish(connection);
        return;
      }
    }
  }

  // Looks at bytes of the answer; false when it is not a 200 whose end can be told.
  bool take(Connection& connection, std::string_view bytes) {
    size_t body = bytes.size();
    if (!connection.head_done) {
      connection.head.append(bytes);
      const size_t end = connection.head.find("\r\n\r\n");
      if (end == std::string::npos) {
        return connection.head.size() < 16'384;
      }
      body = connection.head.size() - end - 4;
      connection.tail = connection.head.substr(end + 4);
      connection.head.resize(end + 2);
      if (!read_head(connection)) {
        return false;
      }
    } else if (connection.chunked) {
      connection.tail += bytes;
    }
    if (connection.chunked) {
      constexpr std::string_view kLast = "\r\n0\r\n\r\n";
      connection.tail.erase(
          0, connection.tail.size() - std::min(connection.tail.size(), kLast.size()));
      connection.body_left = connection.tail == kLast ? body : UINT64_MAX;
    }
    if (body > connection.body_left) {
      return false;
    }
    connection.body_left -= body;
    if (connection.body_left == 0) {
      const nanoseconds took = Clock::now() - connection.due;
      latencies_.push_back(static_cast<uint64_t>(took.count()));
      if (options_.close) {
        drop(connection);
      }
      finish(connection);
    }
    return true;
  }

  static bool read_head(Connection& connection) {
    connection.head_done = true;
    std::string& head = connection.head;
    if (head.compare(0, 12, "HTTP/1.1 200") != 0) {
      return false;
    }
    std::transform(head.begin(), head.end(), head.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    connection.chunked = head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
    if (connection.chunked) {
      return true;
    }
    const size_t at = head.find("\r\ncontent-length:");
    if (at == std::string::npos) {
      return false;
    }
    connection.body_left = std::strtoull(head.c_str() + at + 17, nullptr, 10);
    return true;
  }

  void finish(Connection& connection) {
    connection.busy = false;
    ++finished_;
    if (!options_.hold) {
      idle_.push_back(&connection);
    }
    if (options_.rate <= 0) {
      start_due();
    }
  }

  double percentile(double part) const {
    if (latencies_.empty()) {
      return 0;
    }
    const auto last = static_cast<double>(latencies_.size() - 1);
    return static_cast<double>(latencies_[static_cast<size_t>(part * last)]) / 1000.0;
  }

  const Options options_;
  std::vector<std::string> requests_;
  std::vector<Connection> connections_;
  std::vector<Connection*> idle_;
  std::vector<uint64_t> latencies_;  // ns
  uint64_t started_ = 0;
  uint64_t finished_ = 0;
  size_t errors_ = 0;
  int epoll_ = -1;
  int timer_ = -1;
  Clock::time_point start_;
  Clock::time_point end_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view key = argv[i];
    if (key == "--close") {
      options.close = true;
      continue;
    }
    if (key == "--hold") {
      options.hold = true;
      continue;
    }
    const char* value = i + 1 < argc ? argv[++i] : "";
    if (key == "--port") {
      options.port = static_cast<uint16_t>(std::atoi(value));
    } else if (key == "--path") {
      options.path = value;
    } else if (key == "-c") {
      options.connections = std::strtoull(value, nullptr, 10);
    } else if (key == "-n") {
      options.requests = std::strtoull(value, nullptr, 10);
    } else if (key == "--spread") {
      options.spread = std::strtoull(value, nullptr, 10);
    } else if (key == "--post") {
      options.post = std::strtoull(value, nullptr, 10);
    } else if (key == "--header") {
      options.headers += std::string(value) + "\r\n";
    } else if (key == "--rate") {
      options.rate = std::atof(value);
    } else {
      std::fprintf(stderr, "load: what is %s?\n", argv[i]);
      std::exit(2);
    }
  }
  // A held connection makes one request, so that the proxy has seen it work.
  options.requests = options.hold ? options.connections : options.requests;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Load load(options);
  load.run();
  load.print();
  if (options.hold) {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
  }
  return 0;
}
