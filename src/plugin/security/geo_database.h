// Where addresses are, by a file of the MaxMind DB format (GeoLite2-Country and others that have
// `country.iso_code` and `continent.code`). Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/ip.h"

namespace pingap::plugin {

class GeoDatabase {
 public:
  // Reads all of it: what becomes of the file later does not matter. The error says what is wrong.
  static tl::expected<std::shared_ptr<const GeoDatabase>, std::string> open(
      const std::string& path);

  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;
  virtual ~GeoDatabase() = default;

  // Views are of the database; empty = not known.
  struct Place {
    std::string_view country;    // ISO 3166-1 alpha-2
    std::string_view continent;  // "EU"
  };

  virtual Place find(const IpAddress& address) const noexcept = 0;

 protected:
  GeoDatabase() = default;
};

}  // namespace pingap::plugin
