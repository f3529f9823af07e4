// What does not work as it should right now, of the whole process. Whoever cannot do its part says
// so here, beside the log, until it can again; who tells people of it reads it from here: all that
// is amiss is in one place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace pingap {

// Something that may be in trouble; forgotten with it. Any thread, but one at a time for each.
// Takes a lock: not for the path of a request.
class Trouble {
 public:
  enum class Part : uint8_t {
    certificates,   // of a server or an upstream: new ones cannot be used, or there are none
    configuration,  // it cannot be read, or was refused
    discovery,      // who knows servers of an upstream does not tell
    logging,        // of a file: lines cannot be written
    metrics,        // they do not reach the collector
    plugin,         // a file or the keys that it goes by cannot be had
    tracing,        // spans do not reach the collector
    upstream,       // it has no server that takes requests
  };

  // `name` is one of the configuration: of the server, the upstream, the plugin.
  Trouble(Part part, std::string name);
  Trouble(const Trouble&) = delete;
  Trouble& operator=(const Trouble&) = delete;
  ~Trouble();

  // It is in trouble, by `what`, a text for people. Where it was already the time stays.
  void begin(std::string what);
  // It is well.
  void end() noexcept;

  struct Report {
    Part part;
    std::string name;
    std::string what;
    WallTime since;
  };

  // All that there is, by part, name and time.
  static std::vector<Report> all();

 private:
  const Part part_;
  const std::string name_;
};

std::string_view to_string(Trouble::Part part) noexcept;

}  // namespace pingap
