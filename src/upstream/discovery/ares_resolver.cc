#include "upstream/discovery/ares_resolver.h"

#include <algorithm>
#include <ares.h>
#include <array>
#include <netdb.h>
#include <span>
#include <sys/epoll.h>
#include <sys/time.h>
#include <utility>

#include "base/file_state.h"
#include "base/log.h"
#include "net/fd.h"
#include "upstream/discovery/ares_answer.h"

namespace pingap::upstream {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(5);  // at resolv.conf
// The hosts file has no times; it is read for each question.
constexpr Duration kHostsTtl = std::chrono::seconds(10);

// Of RFC 1035 and RFC 2782; the library's headers of these names are not installed.
constexpr int kClassInternet = 1;
constexpr int kTypeService = 33;

}  // namespace

// One instance of the library: it tells which sockets it wants to hear of, and when. They are in an
// epoll descriptor of their own, so that they need no handler each.
class AresResolver::Channel final : public net::IoHandler {
 public:
  static std::unique_ptr<Channel> create(net::EventLoop& loop, const ResolverSettings& settings) {
    auto channel = std::unique_ptr<Channel>(new Channel(loop));
    const int status = channel->init(settings);
    if (status != ARES_SUCCESS) {
      PINGAP_LOG(error, "names cannot be looked up: {}", ares_strerror(status));
      return nullptr;
    }
    return channel;
  }

  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ~Channel() {
    if (ares_ != nullptr) {
      ares_destroy(ares_);  // ends all questions
    }
    loop_.remove(epoll_.get());
  }

  bool busy() const noexcept { return questions_ > 0; }

  // The hosts file may say so for one family alone.
  bool is_in_hosts(const std::string& name) const noexcept {
    for (const int family : {AF_INET, AF_INET6}) {
      hostent* found = nullptr;
      if (ares_gethostbyname_file(ares_, name.c_str(), family, &found) == ARES_SUCCESS) {
        ares_free_hostent(found);
        return true;
      }
    }
    return false;
  }

  template <class Answer>
  struct Asked {
    Channel& channel;
    std::string name;
    std::weak_ptr<const void> question;
    std::function<void(Answer)> deliver;
  };

  void find_addresses(int family, Asked<AddressAnswer>* asked) noexcept {
    ++questions_;
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(ares_, asked->name.c_str(), nullptr, &hints, &Channel::on_addresses, asked);
    arm();
  }

  void find_services(Asked<ServiceAnswer>* asked) noexcept {
    ++questions_;
    ares_search(ares_, asked->name.c_str(), kClassInternet, kTypeService, &Channel::on_services,
                asked);
    arm();
  }

  void on_io(net::IoEvents /*ready*/) noexcept override {
    std::array<epoll_event, 16> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
      const bool in = broken || (event.events & EPOLLIN) != 0;
      const bool out = broken || (event.events & EPOLLOUT) != 0;
      ares_process_fd(ares_, in ? event.data.fd : ARES_SOCKET_BAD,
                      out ? event.data.fd : ARES_SOCKET_BAD);
    }
    arm();
  }

 private:
  explicit Channel(net::EventLoop& loop) : loop_(loop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  int init(const ResolverSettings& settings) {
    ares_options options{};
    options.timeout = settings.timeout_ms;
    options.tries = settings.tries;
    options.sock_state_cb = &Channel::on_socket;
    options.sock_state_cb_data = this;
    std::string path = settings.resolv_conf;
    options.resolvconf_path = path.data();
    int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
    std::vector<std::string> search = settings.search;  // the library does not change them
    std::vector<char*> domains;
    domains.reserve(search.size());
    for (std::string& domain : search) {
      domains.push_back(domain.data());
    }
    if (!domains.empty()) {
      options.domains = domains.data();
      options.ndomains = static_cast<int>(domains.size());
      given |= ARES_OPT_DOMAINS;
    }
    int status = ares_init_options(&ares_, &options, given);
    if (status == ARES_SUCCESS && !settings.servers.empty()) {
      std::string list;
      for (const std::string& server : settings.servers) {
        list += (list.empty() ? "" : ",") + server;
      }
      status = ares_set_servers_ports_csv(ares_, list.c_str());
    }
    if (status == ARES_SUCCESS && (!epoll_ || !loop_.add_level(epoll_.get(), *this))) {
      status = ARES_EFILE;
    }
    return status;
  }

  static void on_socket(void* self, ares_socket_t fd, int readable, int writable) noexcept {
    Channel& channel = *static_cast<Channel*>(self);
    epoll_event event{};
    event.events = (readable != 0 ? EPOLLIN : 0U) | (writable != 0 ? EPOLLOUT : 0U);
    event.data.fd = fd;
    const int epoll = channel.epoll_.get();
    if (event.events == 0) {
      ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    } else if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
      ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
  }

  static void on_addresses(void* argument, int status, int /*timeouts*/,
                           ares_addrinfo* found) noexcept {
    const std::unique_ptr<Asked<AddressAnswer>> asked(static_cast<Asked<AddressAnswer>*>(argument));
    AddressAnswer answer = read_addresses(status, found);
    ares_freeaddrinfo(found);
    if (answer.outcome == Verdict::found && answer.ttl == Duration::zero()) {
      answer.from_hosts = asked->channel.is_in_hosts(asked->name);
      answer.ttl = answer.from_hosts ? kHostsTtl : answer.ttl;
    }
    asked->channel.end(*asked, std::move(answer));
  }

  static void on_services(void* argument, int status, int /*timeouts*/, unsigned char* bytes,
                          int size) noexcept {
    const std::unique_ptr<Asked<ServiceAnswer>> asked(static_cast<Asked<ServiceAnswer>*>(argument));
    const std::span message(bytes, static_cast<size_t>(std::max(size, 0)));
    asked->channel.end(*asked, read_services(status, message));
  }

  // By a message, so that nobody is called from inside a question or the library.
  template <class Answer>
  void end(Asked<Answer>& asked, Answer answer) {
    --questions_;
    loop_.post([question = std::move(asked.question), deliver = std::move(asked.deliver),
                answer = std::move(answer)] {
      if (const auto wanted = question.lock()) {
        deliver(answer);
      }
    });
  }

  void arm() noexcept {
    timeval wait{};
    if (ares_timeout(ares_, nullptr, &wait) == nullptr) {
      timer_.cancel();
      return;
    }
    loop_.arm(timer_, std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec));
  }

  void on_timer() noexcept {
    ares_process_fd(ares_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm();
  }

  net::EventLoop& loop_;
  const net::Fd epoll_;
  ares_channel ares_ = nullptr;
  size_t questions_ = 0;
  net::Timer timer_{Callback<void()>::of<&Channel::on_timer>(this)};
};

AresResolver::AresResolver(net::EventLoop& loop, ResolverSettings settings)
    : loop_(loop), settings_(std::move(settings)) {
}

AresResolver::~AresResolver() = default;

AresResolver::Channel* AresResolver::channel() {
  std::erase_if(old_, [](const auto& one) { return !one->busy(); });
  if (channel_ != nullptr && loop_.now() - looked_at_ < kLookEvery) {
    return channel_.get();
  }
  looked_at_ = loop_.now();
  std::string state = file_state(settings_.resolv_conf);
  if (channel_ != nullptr && state == seen_) {
    return channel_.get();
  }
  auto fresh = Channel::create(loop_, settings_);
  if (fresh == nullptr) {
    return channel_.get();
  }
  if (channel_ != nullptr) {
    PINGAP_LOG(info, "{} has changed and is used anew", settings_.resolv_conf);
    old_.push_back(std::move(channel_));
  }
  seen_ = std::move(state);
  channel_ = std::move(fresh);
  return channel_.get();
}

// There is nobody to ask. Not from inside the question.
template <class Answer>
void AresResolver::fail(const Question& question, std::function<void(Answer)> answer) {
  loop_.post([answer = std::move(answer), wanted = std::weak_ptr(question)] {
    if (const auto held = wanted.lock()) {
      Answer none;
      none.outcome = Verdict::failed;
      none.why = "the resolver cannot be started";
      answer(std::move(none));
    }
  });
}

Resolver::Question AresResolver::find_addresses(const std::string& name, Family family,
                                                std::function<void(AddressAnswer)> answer) {
  Question question = std::make_shared<const char>();
  Channel* with = channel();
  if (with == nullptr) {
    fail(question, std::move(answer));
    return question;
  }
  const int wanted = family == Family::any    ? AF_UNSPEC
                     : family == Family::ipv4 ? AF_INET
                                              : AF_INET6;
  with->find_addresses(wanted,
                       new Channel::Asked<AddressAnswer>{*with, name, question, std::move(answer)});
  return question;
}

Resolver::Question AresResolver::find_services(const std::string& name,
                                               std::function<void(ServiceAnswer)> answer) {
  Question question = std::make_shared<const char>();
  Channel* with = channel();
  if (with == nullptr) {
    fail(question, std::move(answer));
    return question;
  }
  with->find_services(new Channel::Asked<ServiceAnswer>{*with, name, question, std::move(answer)});
  return question;
}

}  // namespace pingap::upstream
