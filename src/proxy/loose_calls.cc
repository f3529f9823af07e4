#include "proxy/loose_calls.h"

#include <array>
#include <memory>
#include <utility>

#include "proxy/side_call.h"
#include "proxy/worker.h"

namespace pingap::proxy {
namespace {

// What a usual head takes.
constexpr size_t kRoom = 4096;

http::HeaderMap copy_fields(const http::HeaderMap& from, Arena& arena) noexcept {
  http::HeaderMap made = http::HeaderMap::copy(from, arena, 0);
  for (http::Field& field : made.fields()) {
    field.name_data = arena.copy(field.name()).data();
    field.value_data = arena.copy(field.value()).data();
    field.flags &= static_cast<uint8_t>(~http::Field::kCanonical);
  }
  return made;
}

}  // namespace

class LooseCalls::One final : public Hook, public net::Retirable {
 public:
  One(LooseCalls& owner, Generation& generation, const Cluster& cluster,
      const plugin::Subrequest& asked)
      : owner_(owner),
        generation_(generation),
        bytes_(asked.body.size()),
        call_(owner.worker_, cluster, copy(asked, arena_), nullptr, arena_,
              Callback<void()>::of<&One::on_done>(this)) {}

  void start() noexcept { call_.start(); }

  Generation& generation() noexcept { return generation_; }

  size_t bytes() const noexcept { return bytes_; }

 private:
  static plugin::Subrequest copy(const plugin::Subrequest& asked, Arena& arena) {
    plugin::Subrequest made;
    made.method = asked.method;
    made.method_text = arena.copy(asked.method_text);
    made.target = arena.copy(asked.target);
    made.authority = arena.copy(asked.authority);
    made.headers = copy_fields(asked.headers, arena);
    made.body.share_from(asked.body, 0);
    made.timeout = asked.timeout;
    return made;
  }

  void on_done() noexcept { owner_.end(*this); }

  LooseCalls& owner_;
  Generation& generation_;
  const size_t bytes_;
  std::array<char, kRoom> room_;
  Arena arena_{std::span<char>(room_)};
  SideCall call_;
};

LooseCalls::~LooseCalls() {
  drop_all();
}

bool LooseCalls::start(Generation& generation, const Cluster& cluster,
                       const plugin::Subrequest& asked) {
  if (count_ >= kMost || bytes_ + asked.body.size() > kMostBytes) {
    return false;
  }
  auto one = std::make_unique<One>(*this, generation, cluster, asked);
  ++generation.exchanges;
  ++count_;
  bytes_ += one->bytes();
  calls_.push_back(*one);
  one.release()->start();  // in the list from here on
  return true;
}

void LooseCalls::end(One& one) noexcept {
  one.Hook::unlink();
  --count_;
  bytes_ -= one.bytes();
  worker_.unpin(one.generation());
  worker_.loop().retire(&one);
}

void LooseCalls::drop_all() noexcept {
  while (Hook* hook = calls_.pop_front()) {
    auto* one = static_cast<One*>(hook);
    --count_;
    bytes_ -= one->bytes();
    worker_.unpin(one->generation());
    delete one;
  }
}

}  // namespace pingap::proxy
