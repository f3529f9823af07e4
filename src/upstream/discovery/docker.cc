#include "upstream/discovery/docker.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace pingap::upstream {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxList = 4 << 20;  // bytes
// Events come in bunches: a container that starts makes several.
constexpr Duration kDebounce = milliseconds(500);
constexpr Duration kFirstRetry = seconds(1);
constexpr Duration kLastRetry = seconds(30);
constexpr Duration kListTimeout = seconds(10);  // for a piece of it
// A machine on which nothing happens is silent; the list is asked for all the same.
constexpr Duration kEventsTimeout = hours(24);

session::ClientSettings settings_for(Duration read) {
  session::ClientSettings settings;
  settings.connect_timeout = seconds(2);
  settings.read_timeout = read;
  settings.write_timeout = kListTimeout;
  settings.idle_timeout = seconds(1);
  settings.tunnel_timeout = kListTimeout;
  return settings;
}

std::shared_ptr<const Endpoint> endpoint_for(const std::string& socket) {
  auto endpoint = std::make_shared<Endpoint>();
  endpoint->name = "unix:" + socket;
  endpoint->address = net::Address::parse(endpoint->name);
  endpoint->state = std::make_shared<EndpointState>();
  return endpoint;
}

Duration next_retry(Duration& retry) noexcept {
  return std::exchange(retry, std::min(2 * retry, kLastRetry));
}

}  // namespace

DockerSource::DockerSource(net::EventLoop& loop, Settings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      name_("docker " + settings_.query.label),
      list_target_(containers_target(settings_.query)),
      events_target_(events_target()),
      list_settings_(settings_for(kListTimeout)),
      events_settings_(settings_for(kEventsTimeout)),
      pool_(loop, endpoint_for(settings_.socket), pool_settings_, counts_),
      trouble_(Trouble::Part::discovery, settings_.upstream),
      events_trouble_(Trouble::Part::discovery, settings_.upstream),
      retry_(kFirstRetry),
      list_retry_(kFirstRetry),
      events_(pool_, events_settings_,
              {[this] { on_listening(); }, [this](std::string_view) { on_event(); },
               [this](const std::string& why) { on_events_end(why); }}),
      list_(pool_, list_settings_,
            {[] {}, [this](std::string_view piece) { on_list_data(piece); },
             [this](const std::string& why) { on_list_end(why); }}) {
}

void DockerSource::start(Report report) {
  report_ = std::move(report);
  loop_.arm(listen_timer_, Duration::zero());
  loop_.arm(list_timer_, Duration::zero());
}

// ---- events

void DockerSource::listen() noexcept {
  events_.start(events_target_);
}

// What has happened before is not told of: it is in the list from here on.
void DockerSource::on_listening() {
  retry_ = kFirstRetry;
  events_failed_ = false;
  events_trouble_.end();
  soon_ = true;  // also where a list is on its way: it may have been made before
  loop_.arm(list_timer_, Duration::zero());
}

// Whatever it says: the list is what counts. Later events do not move it further away.
void DockerSource::on_event() noexcept {
  if (!soon_) {
    soon_ = true;
    loop_.arm(list_timer_, kDebounce);
  }
}

// One that ends is no trouble, where the next one begins: a daemon is restarted now and then. Where
// it does not list containers either that is told.
void DockerSource::on_events_end(const std::string& why) {
  if (std::exchange(events_failed_, true) && !failing_) {
    events_trouble_.begin(
        fmt::format("{} does not tell of events: {}; containers are looked for every {} s",
                    settings_.socket, why.empty() ? "it ends at once" : why,
                    std::chrono::duration_cast<seconds>(settings_.interval).count()));
  }
  loop_.arm(listen_timer_, next_retry(retry_));
}

// ---- the list

void DockerSource::ask() noexcept {
  soon_ = false;
  if (asking_) {
    again_ = true;  // after this one: a slow daemon must come to an end with it
    return;
  }
  asking_ = true;
  text_.clear();
  too_large_ = false;
  loop_.arm(late_timer_, settings_.list_timeout);
  list_.start(list_target_);
}

void DockerSource::on_list_late() {
  list_.stop();
  on_list_end("the list does not come to an end");
}

void DockerSource::on_list_data(std::string_view piece) {
  too_large_ = too_large_ || text_.size() + piece.size() > kMaxList;
  if (!too_large_) {
    text_ += piece;
  }
}

void DockerSource::on_list_end(const std::string& why) {
  late_timer_.cancel();
  if (!why.empty()) {
    note_failure(why);
  } else if (too_large_) {
    note_failure("the list has more than 4 MiB");
  } else {
    use_list();
  }
  text_ = {};
  settled_ = true;
  asking_ = false;
  if (std::exchange(again_, false)) {
    on_event();
  } else if (!soon_) {
    loop_.arm(list_timer_, failing_ ? next_retry(list_retry_) : settings_.interval);
  }
}

void DockerSource::use_list() {
  config::Diagnostics diagnostics;
  Containers found = parse_containers(text_, settings_.query, settings_.filter, diagnostics);
  if (diagnostics.has_errors()) {
    note_failure(diagnostics.entries().front().what);
    return;
  }
  if (found.unusable != unusable_) {
    for (const std::string& one : found.unusable) {
      PINGAP_LOG(warn, "upstream {}: container {}", settings_.upstream, one);
    }
    unusable_ = std::move(found.unusable);
  }
  if (!known_ || failing_ || found.servers.size() != servers_) {
    PINGAP_LOG(info, "upstream {}: {} running container{} with label {}", settings_.upstream,
               found.servers.size(), found.servers.size() == 1 ? "" : "s", settings_.query.label);
  }
  known_ = true;
  failing_ = false;
  trouble_.end();
  list_retry_ = kFirstRetry;
  servers_ = found.servers.size();
  report_(std::move(found.servers));
}

void DockerSource::note_failure(std::string_view why) {
  const std::string what =
      fmt::format("{} does not list containers: {}; {}", settings_.socket, why,
                  known_ ? "the servers of before stay" : "there are no servers of it yet");
  if (!std::exchange(failing_, true)) {
    PINGAP_LOG(warn, "upstream {}: {}", settings_.upstream, what);
  }
  trouble_.begin(what);
  events_trouble_.end();
}

}  // namespace pingap::upstream
