// The configurations that were in use, each in a file of its own, beside the configuration:
// "/etc/pingap/pingap.toml-history/000012.rev"; of one in etcd where history_folder.h says. For
// people: a head of comments, then the text. One
// process adds; any reads. Blocks on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include <tl/expected.hpp>

#include "config/loader.h"

namespace pingap::control {

struct Revision {
  uint64_t number = 0;  // from 1
  std::string time;     // "2026-01-02T03:04:05Z"
  std::string author;   // a user; may be empty
  std::string origin;   // "start", "command", "file", "rollback to 3", "unapplied"
  std::string comment;  // may be empty
  std::string hash;     // of the texts: SHA-256, hex
  // Named as seen from the configuration: a file's own name, or the path in its folder. Empty in
  // lists.
  std::vector<config::Text> texts;
};

class History {
 public:
  // Of the configuration `config`, a path or a URL; keeps so many. Nothing is made before the first
  // add(). Where it is is settled here: by the user of now.
  History(const std::string& config, size_t keep);

  // The same revisions, but so many are kept.
  History keeping(size_t keep) const;

  // Whether something can be kept: not of stdin, nor without a folder, nor with `keep` 0.
  bool on() const noexcept { return keep_ > 0 && !folder_.empty(); }

  const std::string& folder() const noexcept { return folder_; }

  // Keeps `revision`, whose texts are named as they were read; number, time and hash are filled in.
  // Nothing is added where the newest one has the same texts. The number of the newest one, or what
  // went wrong.
  tl::expected<uint64_t, std::string> add(Revision revision);

  // Makes the folder, and those above it, where they are not there: 0, or errno.
  int make_folder() const;

  // Nothing has been kept yet.
  bool empty() const { return numbers().empty(); }

  // The newest first, without texts. Damaged ones are left out.
  std::vector<Revision> list() const;
  // The error is for people, a line.
  tl::expected<Revision, std::string> read(uint64_t number) const;
  // The same, to be used: only what this user or root has written. Who serves may be another user
  // than who rolls back, with fewer rights, and is not to say what this one does.
  tl::expected<Revision, std::string> read_trusted(uint64_t number) const;

  // Lets a group read a revision that is there; where that fails it is as before.
  void share_with(uint64_t number, gid_t group) const noexcept;

  // Texts of a revision, named as they were read: as paths or keys.
  std::vector<config::Text> placed(std::vector<config::Text> texts) const;

 private:
  // The other way round.
  std::vector<config::Text> named(std::vector<config::Text> texts) const;
  std::vector<uint64_t> numbers() const;  // the oldest first
  std::string path_of(uint64_t number) const;
  tl::expected<Revision, std::string> read_from(const std::string& file, uint64_t number) const;
  bool is_etcd() const noexcept;
  void drop_old() const;

  std::string config_;
  std::string folder_;
  size_t keep_;
};

// The origin of one that was never in use: it was there when a rollback wrote over it.
inline constexpr std::string_view kUnapplied = "unapplied";

std::string hash_of(const std::vector<config::Text>& texts);

}  // namespace pingap::control
