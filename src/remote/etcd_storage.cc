#include "remote/etcd_storage.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/suggest.h"

namespace pingap::remote {
namespace {

using config::Stored;
using config::Text;
using config::TextChange;
using config::WriteFailure;

constexpr std::string_view kSuffix = ".toml";
constexpr size_t kMostShown = 5;  // keys in an error

// Each write gives a higher revision, and a deletion that no write follows leaves fewer keys.
std::string version_of(int64_t last_write, size_t keys) {
  return fmt::format("{}.{}", last_write, keys);
}

// Without a part that a folder could not have: empty, hidden, "..".
bool is_plain_path(std::string_view path) {
  while (true) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part.starts_with('.') || part.find('\\') != std::string_view::npos ||
        std::ranges::any_of(part, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
      return false;
    }
    if (slash == path.size()) {
      return true;
    }
    path.remove_prefix(slash + 1);
  }
}

tl::unexpected<WriteFailure> failed(std::string what) {
  return tl::make_unexpected(WriteFailure{false, std::move(what)});
}

tl::unexpected<WriteFailure> conflict(std::string what) {
  return tl::make_unexpected(WriteFailure{true, std::move(what)});
}

}  // namespace

EtcdStorage::EtcdStorage(config::EtcdAddress address)
    : single_(address.path.ends_with(kSuffix)),
      path_(address.path),
      prefix_(single_ ? path_ : path_ + "/"),
      name_("etcd:" + path_),
      client_(std::move(address)),
      follower_(client_, {prefix_, [this](std::string_view key) { return wanted(key); }, name_,
                          Trouble::Part::configuration, "etcd", "the configuration before stays"}) {
}

bool EtcdStorage::wanted(std::string_view key) const {
  return single_ ? key == path_
                 : key.ends_with(kSuffix) && is_plain_path(key.substr(prefix_.size()));
}

std::string EtcdStorage::path_of(std::string_view key) const {
  return std::string(single_ ? config::kWholePath : key.substr(prefix_.size()));
}

std::string EtcdStorage::key_of(std::string_view path) const {
  return single_ ? path_ : prefix_ + std::string(path);
}

Stored EtcdStorage::stored(const EtcdRange& range) const {
  Stored out;
  int64_t last_write = 0;
  for (const EtcdItem& item : range.items) {
    if (wanted(item.key)) {
      out.texts.push_back({"etcd:" + item.key, item.value, path_of(item.key)});
      last_write = std::max(last_write, item.mod_revision);
    }
  }
  out.version = version_of(last_write, out.texts.size());
  return out;
}

// ---- reading

// Who does not answer is asked again, until the time for a start is over.
EtcdResult<EtcdRange> EtcdStorage::read_patiently() {
  const TimePoint end = steady_now() + client_.address().timeout;
  Backoff backoff;
  for (bool said = false;;) {
    auto range = client_.range(prefix_, {});
    if (range) {
      return range;
    }
    const auto pause = backoff.next();
    if (range.error().kind != EtcdError::Kind::unreachable || steady_now() + pause >= end) {
      return range;
    }
    if (!std::exchange(said, true)) {
      PINGAP_LOG(
          warn, "{} cannot be read: {}; it is tried again, {} s at most", name_, range.error().what,
          std::chrono::duration_cast<std::chrono::seconds>(client_.address().timeout).count());
    }
    std::this_thread::sleep_for(pause);
  }
}

Stored EtcdStorage::read(config::Diagnostics& diagnostics) {
  auto range = read_patiently();
  if (!range) {
    diagnostics.error({}, fmt::format("cannot read {}: {}", name_, range.error().what), {},
                      range.error().kind == EtcdError::Kind::unreachable
                          ? "without etcd there is no configuration to start with"
                          : "");
    return {};
  }
  Stored out = stored(*range);
  if (out.texts.empty()) {
    diagnostics.error({}, fmt::format("there is no configuration in {}", name_), {},
                      fmt::format("`pingap config push --config FILE {}` puts one there",
                                  client_.address().to_string()));
    return {};
  }
  std::erase_if(range->items, [this](const EtcdItem& item) { return !wanted(item.key); });
  read_ = std::move(*range);
  return out;
}

tl::expected<Stored, std::string> EtcdStorage::peek() {
  const auto range = read_patiently();
  if (!range) {
    return tl::unexpected(fmt::format("cannot read {}: {}", name_, range.error().what));
  }
  return stored(*range);
}

void EtcdStorage::follow(const Changed& changed, const std::stop_token& stop) {
  const auto tell = [&](EtcdResult<EtcdRange> range) {
    if (!range) {
      changed(tl::unexpected(fmt::format("cannot read {}: {}", name_, range.error().what)));
    } else if (range->items.empty()) {
      changed(tl::unexpected(fmt::format("there is no configuration in {} any more", name_)));
    } else {
      changed(stored(*range));
    }
  };
  follower_.run(std::exchange(read_, std::nullopt), tell, stop);
}

// ---- writing

namespace {

std::string shown(std::vector<std::string> keys) {
  const size_t more = keys.size() > kMostShown ? keys.size() - kMostShown : 0;
  keys.resize(std::min(keys.size(), kMostShown));
  return fmt::format("{}{}", fmt::join(keys, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace

tl::expected<std::string, WriteFailure> EtcdStorage::write(const std::vector<Text>& texts,
                                                           const std::string& expected) {
  if (single_ && texts.size() != 1) {
    return failed(
        fmt::format("{} is one key for {} texts: give a path without .toml", name_, texts.size()));
  }
  const auto range = read_patiently();
  if (!range) {
    return failed(fmt::format("cannot read {}: {}", name_, range.error().what));
  }
  const Stored now = stored(*range);
  if (!expected.empty() && expected != now.version) {
    return conflict(fmt::format("{} was changed by somebody else: it is at {}, not at {} any more",
                                name_, now.version, expected));
  }
  EtcdWrite write{prefix_, *range, {}, {}};
  for (TextChange& change : config::compare(now.texts, texts)) {
    if (change.how == TextChange::How::remove) {
      write.deletes.push_back(key_of(change.path));
    } else {
      write.puts.push_back({key_of(change.path), std::move(change.text)});
    }
  }
  if (write.operations() == 0) {
    return now.version;
  }
  if (write.operations() > kMaxWrite) {
    return failed(fmt::format("{} keys at once: at most {}", write.operations(), kMaxWrite));
  }
  return commit(write, texts);
}

tl::expected<std::string, WriteFailure> EtcdStorage::commit(const EtcdWrite& write,
                                                            const std::vector<Text>& texts) {
  const auto written = client_.write(write, {});
  if (!written) {
    return written.error().kind == EtcdError::Kind::unsure
               ? after_doubt(texts, written.error().what)
               : failed(fmt::format("cannot write {}: {}", name_, written.error().what));
  }
  if (!written->done) {
    // Also where a connection broke and the transaction was sent twice: then the first was ours.
    return after_doubt(texts, "it was changed by somebody else at the same time");
  }
  if (static_cast<size_t>(written->count) != write.seen.items.size()) {
    return conflict(
        fmt::format("{} was written, but somebody else has deleted keys of it at the "
                    "same time",
                    name_));
  }
  if (write.puts.empty()) {
    const auto range = read_patiently();  // which write is the last one now
    return range ? stored(*range).version : std::string();
  }
  return version_of(written->revision, texts.size());
}

// What is there tells whether it is what was meant, where nobody has said so.
tl::expected<std::string, WriteFailure> EtcdStorage::after_doubt(const std::vector<Text>& texts,
                                                                 std::string_view doubt) {
  const auto range = read_patiently();
  if (!range) {
    return failed(fmt::format("{} may have been written or not: {}", name_, range.error().what));
  }
  const Stored now = stored(*range);
  std::vector<std::string> others;
  for (const TextChange& change : config::compare(texts, now.texts)) {
    others.push_back(change.path);
  }
  if (others.empty()) {
    return now.version;
  }
  return conflict(
      fmt::format("{} was not written: {}; it differs in {}", name_, doubt, shown(others)));
}

}  // namespace pingap::remote
