// The configurations that were in use, each in a file of its own, beside the configuration:
// "/etc/pingap/pingap.toml-history/000012.rev". For people: a head of comments, then the text. One
// process adds; any reads. Blocks on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/loader.h"

namespace pingap::control {

struct Revision {
  uint64_t number = 0;  // from 1
  std::string time;     // "2026-01-02T03:04:05Z"
  std::string author;   // a user; may be empty
  std::string origin;   // "start", "command", "signal", "file", "rollback to 3"
  std::string comment;  // may be empty
  std::string hash;     // of the texts: SHA-256, hex
  // Named as seen from the configuration: a file's own name, or the path in its folder. Empty in
  // lists.
  std::vector<config::Text> texts;
};

class History {
 public:
  // Of the configuration `config`, a path; keeps so many. Nothing is made before the first add().
  History(const std::string& config, size_t keep);

  // Whether something can be kept: not of stdin or etcd, and not with `keep` 0.
  bool on() const noexcept { return keep_ > 0; }

  const std::string& folder() const noexcept { return folder_; }

  // Keeps `revision`, whose texts are named as they were read; number, time and hash are filled in.
  // Nothing is added where the newest one has the same texts. The number of the newest one, or what
  // went wrong.
  tl::expected<uint64_t, std::string> add(Revision revision);

  // Nothing has been kept yet.
  bool empty() const { return numbers().empty(); }

  // The newest first, without texts. Damaged ones are left out.
  std::vector<Revision> list() const;
  // The error is for people, a line.
  tl::expected<Revision, std::string> read(uint64_t number) const;

  // Texts of a revision, named as they were read: as paths.
  std::vector<config::Text> placed(std::vector<config::Text> texts) const;

 private:
  // The other way round.
  std::vector<config::Text> named(std::vector<config::Text> texts) const;
  std::vector<uint64_t> numbers() const;  // the oldest first
  std::string path_of(uint64_t number) const;
  void drop_old() const;

  std::string config_;
  std::string folder_;
  size_t keep_;
};

std::string hash_of(const std::vector<config::Text>& texts);

}  // namespace pingap::control
