#include "proxy/worker.h"

#include <algorithm>
#include <malloc.h>
#include <sys/resource.h>

#include "base/log.h"

namespace pingap::proxy {
namespace {

constexpr Duration kTrimEvery = std::chrono::seconds(5);
// How often backends that are no more are looked at.
constexpr Duration kForgetEvery = std::chrono::milliseconds(100);
constexpr Duration kLogDelay = std::chrono::milliseconds(200);
// How often a draining worker looks whether it is done.
constexpr Duration kDrainCheck = std::chrono::milliseconds(10);
// For how long a worker below its crowd limit takes that for still right: the limit goes down when
// others lose connections. What makes it go up is looked at before a connection is moved.
constexpr Duration kCrowdLimitAge = std::chrono::milliseconds(10);

// Descriptors that client connections must leave to backends, logs and the rest.
uint64_t reserved_descriptors(uint64_t limit) noexcept {
  return std::max<uint64_t>(64, limit / 5);
}

uint64_t descriptor_limit() noexcept {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace

Worker::Worker(std::shared_ptr<const Snapshot> snapshot, std::unique_ptr<net::EventLoop> loop,
               uint32_t index, uint32_t count)
    : loop_(std::move(loop)), index_(index), count_(count) {
  const uint64_t descriptors = descriptor_limit();
  connection_limit_ = static_cast<uint32_t>(
      std::max<uint64_t>(1, (descriptors - reserved_descriptors(descriptors)) / count_));
  add_backends(*snapshot, {});
  generations_.push_back(std::make_unique<Generation>(std::move(snapshot)));
}

Worker::~Worker() {
  join();
}

void Worker::set_peers(std::span<const std::unique_ptr<Worker>> all) {
  peers_ = all;
  loads_.resize(all.size());
}

// The upstream of this name in the configuration that is in use; null where there is none.
const Cluster* Worker::find_before(std::string_view name) const noexcept {
  return generations_.empty() ? nullptr : snapshot().find_cluster(name);
}

// Those that there are not yet.
void Worker::add_backends(const Snapshot& snapshot, const ClusterSets& sets) {
  backends_.resize(std::max(backends_.size(), snapshot.cluster_slots));
  queues_.resize(backends_.size());
  clusters_.resize(backends_.size());
  for (const auto& cluster : snapshot.clusters) {
    auto& made = backends_[cluster->index];
    if (made == nullptr) {
      clusters_[cluster->index] = cluster;
      auto& queue = queues_[cluster->index];
      queue = std::make_unique<Queue>(Queue{this, cluster->index});
      made =
          std::make_unique<upstream::Backends>(*loop_, cluster->backends, index_, count_, cluster);
      if (const Cluster* before = find_before(cluster->name)) {
        made->inherit(backends(*before));
      }
      const auto set = sets.find(cluster->index);
      made->update(set == sets.end() ? cluster->servers : set->second);
      made->set_wake_others(Callback<void()>::of<&Queue::wake_others>(queue.get()));
    }
  }
}

// A request has ended here, and others wait for its server elsewhere.
void Worker::Queue::wake_others() noexcept {
  for (const auto& peer : worker->peers_) {
    if (peer.get() != worker) {
      peer->loop_->post([at = peer.get(), index = cluster] {
        if (index < at->backends_.size() && at->backends_[index] != nullptr) {
          at->backends_[index]->wake();
        }
      });
    }
  }
}

void Worker::serve(const std::vector<Served>& all) {
  std::vector<std::shared_ptr<Listening>> wanted;
  for (const Served& one : all) {
    Frontend& frontend = own(*one.listening);
    std::vector<observe::LogBuffer*> logs;
    logs.reserve(one.logs.size());
    for (const auto& sink : one.logs) {
      logs.push_back(log_buffer(sink));
    }
    frontend.adopt(*one.site, std::move(logs));
    if (std::ranges::find(listening_, one.listening) == listening_.end()) {
      // The kernel may have accepted connections already: nothing is lost before this.
      if (auto started = frontend.start(); !started) {
        PINGAP_LOG(error, "[servers.{}]: a worker cannot listen on {}: errno {}", one.site->name,
                   frontend.address_text(), started.error().sys);
      }
    }
    wanted.push_back(one.listening);
  }
  for (auto& one : listening_) {
    if (std::ranges::find(wanted, one) == wanted.end()) {
      own(*one).leave(generations_[generations_.size() - 2]->snapshot);  // that of before
      leaving_.push_back(std::move(one));
    }
  }
  listening_ = std::move(wanted);
}

observe::LogBuffer* Worker::log_buffer(const std::shared_ptr<observe::LogSink>& sink) {
  for (const auto& [known, buffer] : log_buffers_) {
    if (known == sink.get()) {
      return buffer.get();
    }
  }
  return log_buffers_.emplace_back(sink.get(), std::make_unique<observe::LogBuffer>(sink))
      .second.get();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::run() noexcept {
  pthread_setname_np(pthread_self(), "pingap-worker");
  loop_->run();
  // On this thread: what is destroyed gives its chunks back to the thread's free list. The
  // frontends stay: other workers may be looking at them.
  loose_calls_.drop_all();
  loop_->run_once(Duration::zero());  // requests that have just ended let go of their backends
  for (auto& one : backends_) {
    one.reset();  // their places stay: a snapshot that ends in this turn looks for its own
  }
  loop_->run_once(Duration::zero());
  log_buffers_.clear();  // hands over what is in them
  finished_.store(true, std::memory_order_release);
}

void Worker::join() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Worker::update(size_t cluster, std::shared_ptr<const upstream::EndpointSet> servers) {
  loop_->post([this, cluster, servers = std::move(servers)]() mutable {
    if (cluster < backends_.size() && backends_[cluster] != nullptr) {  // else it has ended
      backends_[cluster]->update(std::move(servers));
    }
  });
}

void Worker::watch(std::shared_ptr<RequestWatch> what) {
  loop_->post([this, what = std::move(what)]() mutable { watch_ = std::move(what); });
}

// ---- another configuration

void Worker::publish(std::shared_ptr<const Snapshot> snapshot,
                     std::shared_ptr<const ClusterSets> sets, std::vector<Served> served,
                     net::EventLoop& control, const std::function<void()>& done) {
  loop_->post([this, snapshot = std::move(snapshot), sets = std::move(sets),
               served = std::move(served), &control, done]() mutable {
    control_ = &control;
    add_backends(*snapshot, *sets);
    generations_.push_back(std::make_unique<Generation>(std::move(snapshot)));
    serve(served);
    forget_later();
    control.post(done);
  });
}

// Not from inside what ends.
void Worker::forget_later() noexcept {
  if (!forget_timer_.armed()) {
    loop_->arm(forget_timer_, Duration::zero());
  }
}

void Worker::forget_generations() noexcept {
  const auto ended = [this](const auto& one) {
    return one->exchanges == 0 && one != generations_.back();
  };
  for (const auto& one : generations_) {
    if (ended(one)) {
      control_->post([snapshot = std::move(one->snapshot)] {});
    }
  }
  std::erase_if(generations_, [&](const auto& one) { return one->snapshot == nullptr; });
  forget_backends();
  forget_frontends();
  forget_logs();
}

// Those of upstreams that are no more, or others now. Nobody asks them for anything; the last bytes
// of tunnels may still be to go out.
void Worker::forget_backends() noexcept {
  std::vector<bool> used(backends_.size());
  for (const auto& generation : generations_) {
    for (const auto& cluster : generation->snapshot->clusters) {
      used[cluster->index] = true;
    }
  }
  for (size_t i = 0; i < backends_.size(); ++i) {
    if (used[i] || backends_[i] == nullptr) {
      continue;
    }
    backends_[i]->drain();
    if (backends_[i]->lingers()) {
      loop_->arm(forget_timer_, kForgetEvery);
      continue;
    }
    backends_[i].reset();
    queues_[i].reset();
    clusters_[i].reset();
  }
}

// A look later than the one at which nothing was under way any more: exchanges that have just ended
// are still to be freed.
void Worker::forget_frontends() noexcept {
  std::erase_if(leaving_, [this](const auto& one) { return own(*one).forgotten(); });
  if (!leaving_.empty()) {
    loop_->arm(forget_timer_, kForgetEvery);
  }
}

// Those of no frontend any more; the last worker to do so has the file closed.
void Worker::forget_logs() noexcept {
  std::erase_if(log_buffers_, [this](const auto& one) {
    const auto writes_to_it = [&](const auto& listening) {
      return own(*listening).writes_to(one.second.get());
    };
    return std::ranges::none_of(listening_, writes_to_it) &&
           std::ranges::none_of(leaving_, writes_to_it);
  });
}

void Worker::for_each_frontend(void (*tell)(Frontend&)) noexcept {
  for (const auto* list : {&listening_, &leaving_}) {
    for (const auto& one : *list) {
      tell(own(*one));
    }
  }
}

void Worker::drain() {
  loop_->post([this] { drain_here(); });
}

void Worker::hand_over() {
  loop_->post([this] { hand_over_here(); });
}

void Worker::abort() {
  loop_->post([this] { abort_here(); });
}

void Worker::stop_taking() noexcept {
  connections_.fetch_or(kStopping, std::memory_order_relaxed);
}

void Worker::drain_here() noexcept {
  stop_taking();
  for_each_frontend([](Frontend& one) { one.drain(); });
  loop_->arm(stop_timer_, net::Listener::kDrainTime + kDrainCheck);
}

void Worker::hand_over_here() noexcept {
  stop_taking();
  for_each_frontend([](Frontend& one) { one.hand_over(); });
  loop_->arm(stop_timer_, kDrainCheck);
}

void Worker::abort_here() noexcept {
  stop_taking();
  for_each_frontend([](Frontend& one) { one.abort(); });
  loop_->stop();
}

// Of tunnels whose clients have gone, the last bytes may still be on their way.
bool Worker::backends_have_all() const noexcept {
  return std::ranges::none_of(backends_,
                              [](const auto& one) { return one != nullptr && one->lingers(); });
}

void Worker::stop_when_done() noexcept {
  if (connections() == 0 && backends_have_all()) {
    loop_->stop();
    return;
  }
  loop_->arm(stop_timer_, kDrainCheck);
}

uint32_t Worker::connection_limit(const Site& site) const noexcept {
  return site.max_connections == 0 ? connection_limit_
                                   : std::max(1U, (site.max_connections + count_ - 1) / count_);
}

bool Worker::may_be_crowded() const noexcept {
  return connections() >= crowd_limit_ || loop_->now() - crowd_limit_at_ >= kCrowdLimitAge;
}

Frontend* Worker::choose_host(const Listening& all) noexcept {
  for (size_t i = 0; i < peers_.size(); ++i) {
    const Worker& peer = *peers_[i];
    const bool takes = i == index_ || !peer.stopping();
    loads_[i] = {.connections = peer.connections(),
                 .has_room = takes && all.frontends[i]->has_room()};
  }
  const WorkerChoice choice = choose_worker(loads_, index_);
  crowd_limit_ = choice.crowd_limit;
  crowd_limit_at_ = loop_->now();
  return choice.worker ? all.frontends[*choice.worker].get() : nullptr;
}

WallTime Worker::wall_time() noexcept {
  if (wall_at_ != loop_->now()) {
    wall_at_ = loop_->now();
    wall_ = wall_now();
  }
  return wall_;
}

void Worker::flush_log_later() noexcept {
  if (!log_timer_.armed()) {
    loop_->arm(log_timer_, kLogDelay);
  }
}

void Worker::flush_logs() noexcept {
  for (const auto& [sink, buffer] : log_buffers_) {
    buffer->flush();
    if (buffer->pending()) {
      flush_log_later();  // the writer is behind
    }
  }
}

void Worker::trim_memory_later() noexcept {
  if (!trim_timer_.armed()) {
    loop_->arm(trim_timer_, kTrimEvery);
  }
}

// Buffers that a burst needed and nobody since: the memory is free for others.
void Worker::trim_memory() noexcept {
  const bool more = trim_free_chunks();
  if (FreeBlocks::trim_all() || more) {
    loop_->arm(trim_timer_, kTrimEvery);
    return;
  }
  ::malloc_trim(0);  // what was freed lies between what is in use
}

void Worker::on_connection_opened() noexcept {
  connections_.fetch_add(1, std::memory_order_relaxed);
}

void Worker::on_connection_closed() noexcept {
  connections_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace pingap::proxy
