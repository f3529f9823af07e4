// The resolver that is used: c-ares on the loop. The hosts file, /etc/nsswitch.conf and
// /etc/resolv.conf count; when the last changes, it is read anew. Control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "upstream/discovery/resolver.h"

namespace pingap::upstream {

struct ResolverSettings {
  std::vector<std::string> servers;  // "IP:PORT"; empty = the system's
  std::vector<std::string> search;   // domains; empty = the system's
  std::string resolv_conf = "/etc/resolv.conf";
  int timeout_ms = 2000;  // of the first try of a question; each further one takes twice as long
  int tries = 3;          // with each server

  bool operator==(const ResolverSettings&) const = default;
};

class AresResolver final : public Resolver {
 public:
  // The loop outlives the resolver.
  AresResolver(net::EventLoop& loop, ResolverSettings settings);
  ~AresResolver() override;

  const ResolverSettings& settings() const noexcept { return settings_; }

  Question find_addresses(const std::string& name, Family family,
                          std::function<void(AddressAnswer)> answer) override;
  Question find_services(const std::string& name,
                         std::function<void(ServiceAnswer)> answer) override;

 private:
  class Channel;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final

  // The one to ask with; null where c-ares cannot be had.
  Channel* channel();
  template <class Answer>
  void fail(const Question& question, std::function<void(Answer)> answer);

  net::EventLoop& loop_;
  const ResolverSettings settings_;
  std::unique_ptr<Channel> channel_;
  std::vector<std::unique_ptr<Channel>> old_;  // until their last question is answered
  std::string seen_;                           // state of resolv.conf
  TimePoint looked_at_{};
};

}  // namespace pingap::upstream
