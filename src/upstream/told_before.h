// What sources have told, in words for the process that takes the place of this one: it must not
// know less because a source is away just then. Control thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "upstream/discovery/source.h"

namespace pingap::upstream {

class ToldBefore {
 public:
  // Of a text by to_text(); what cannot be understood is left out.
  static ToldBefore parse(std::string_view text);

  // A line for each server.
  std::string to_text() const;

  void add(const std::string& upstream, const std::string& source, std::vector<Found> found);

  // Of this source of an upstream; none where nothing is known.
  std::vector<Found> of(const std::string& upstream, const std::string& source) const;

 private:
  std::map<std::pair<std::string, std::string>, std::vector<Found>> told_;
};

}  // namespace pingap::upstream
