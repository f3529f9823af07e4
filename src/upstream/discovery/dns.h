// Servers that are found in the domain name system: by the addresses of a host, or by the records
// of a service (RFC 2782), each of which names a host. Control thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.h"
#include "upstream/discovery/name_watch.h"
#include "upstream/discovery/resolver.h"
#include "upstream/discovery/source.h"

namespace pingap::upstream {

class HostSource final : public Source {
 public:
  struct Servers {
    uint16_t port = 80;
    uint32_t weight = 1;
    uint32_t priority = 0;  // of the better family
  };

  // `resolver` and `settings` outlive the source.
  HostSource(net::EventLoop& loop, Resolver& resolver, const NameSettings& settings,
             const std::string& host, Servers servers);

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override;

  bool settled() const noexcept override { return host_.settled(); }

  size_t left_out() const noexcept override { return host_.refused(); }

 private:
  void on_changed();

  const std::string name_;
  const Servers servers_;
  bool reported_ = false;
  Report report_;
  NameWatch host_;
};

class ServiceSource final : public Source {
 public:
  // More records than this are not used.
  static constexpr size_t kMost = 256;

  // What records say of priority comes on top of `priority`.
  ServiceSource(net::EventLoop& loop, Resolver& resolver, const NameSettings& settings,
                std::string service, uint32_t priority);

  const std::string& name() const noexcept override { return name_; }

  void start(Report report) override;
  bool settled() const noexcept override;
  size_t left_out() const noexcept override;

 private:
  void ask() noexcept;
  void on_answer(ServiceAnswer answer);
  void use(std::vector<Service> services);
  bool hosts_are_settled() const noexcept;
  void publish();

  net::EventLoop& loop_;
  Resolver& resolver_;
  const NameSettings& settings_;
  const std::string service_;
  const std::string name_;
  const uint32_t priority_;
  Report report_;
  Refresh refresh_;
  std::vector<Service> services_;
  std::map<std::string, std::unique_ptr<NameWatch>> hosts_;
  Resolver::Question question_;
  net::Timer timer_{Callback<void()>::of<&ServiceSource::ask>(this)};
};

}  // namespace pingap::upstream
