// What is said to etcd's JSON gateway and what it answers (v3): bodies of requests, answers as
// values. Keys and values are base64, 64-bit numbers strings. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace pingap::remote {

struct EtcdItem {
  std::string key;
  std::string value;
  int64_t mod_revision = 0;  // of the last write

  bool operator==(const EtcdItem&) const = default;
};

// What lay below a prefix at one moment, by key.
struct EtcdRange {
  std::vector<EtcdItem> items;
  int64_t revision = 0;  // that moment

  // Whether another range has the same keys, all written at the same revision: then it is the same.
  bool same_as(const EtcdRange& other) const noexcept;
  // The latest write, 0 for none.
  int64_t last_write() const noexcept;
};

struct EtcdPut {
  std::string key;
  std::string value;
};

// A write of several keys at once, done if nothing below `prefix` is another than in `seen`.
struct EtcdWrite {
  std::string prefix;
  EtcdRange seen;
  std::vector<EtcdPut> puts;
  std::vector<std::string> deletes;

  size_t operations() const noexcept { return puts.size() + deletes.size(); }
};

// A write may have so many keys: what etcd allows by default is 128 operations a transaction, with
// transactions inside it counted apart.
inline constexpr size_t kMaxWrite = 3000;

std::string range_request(std::string_view prefix);
// Only how many there are.
std::string count_request(std::string_view prefix);
std::string write_request(const EtcdWrite& write);
// Of all that happens below the prefix from `revision` on.
std::string watch_request(std::string_view prefix, int64_t revision);
std::string authenticate_request(std::string_view user, std::string_view password);

// The answers; nullopt for what cannot be understood.
std::optional<EtcdRange> parse_range(std::string_view json);
std::optional<std::string> parse_token(std::string_view json);

struct EtcdWritten {
  bool done = false;
  int64_t revision = 0;
  int64_t count = 0;  // keys below the prefix just before; where it was done
};

std::optional<EtcdWritten> parse_written(std::string_view json);

struct EtcdEvents {  // one message of a watch
  bool created = false;
  bool canceled = false;
  int64_t compacted = 0;  // the watch began before this revision, which is the first that is left
  size_t events = 0;
  int64_t revision = 0;
  std::string why;  // of a cancel or an error; may be empty
  bool error = false;
};

std::optional<EtcdEvents> parse_events(std::string_view json);

struct EtcdComplaint {
  int code = 0;  // of gRPC; 0 = it said none
  std::string what;
};

EtcdComplaint parse_complaint(std::string_view json);

// What ends the range of all keys that begin with `prefix`.
std::string prefix_end(std::string_view prefix);

}  // namespace pingap::remote
