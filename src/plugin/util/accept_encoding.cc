// accept_encoding: what is left of Accept-Encoding for caches and backends: fewer spellings of one
// wish.
#include <algorithm>

#include "base/strings.h"
#include "plugin/headers.h"
#include "plugin/http_list.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  std::vector<std::string> encodings{"zstd", "br", "gzip"};
  bool only_one_encoding = false;
};

constexpr Option<Settings> kOptions[] = {
    {{"encodings", "", Type::list, "[\"zstd\", \"br\", \"gzip\"]",
      "what may be asked for, the best one first"},
     &Settings::encodings},
    {{"only_one_encoding", "", Type::boolean, "false", "ask for the best one only"},
     &Settings::only_one_encoding},
};

class AcceptEncoding final : public Plugin {
 public:
  explicit AcceptEncoding(Settings settings) noexcept : settings_(std::move(settings)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    if (x.request.headers.find(http::HeaderId::accept_encoding) == nullptr) {
      return Verdict::next;
    }
    std::string_view left;
    for (const std::string& one : settings_.encodings) {
      if (quality_of(x.request.headers, http::HeaderId::accept_encoding, one) > 0) {
        left = left.empty() ? std::string_view(one) : x.arena.concat(left, ", ", one);
        if (settings_.only_one_encoding) {
          break;
        }
      }
    }
    if (left.empty()) {
      remove_request_header(x, "Accept-Encoding");
    } else {
      set_request_header(x, "Accept-Encoding", left);
    }
    return Verdict::next;
  }

 private:
  Settings settings_;
};

// A text with commas too, as the original has it.
std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  std::vector<std::string> all;
  for (const std::string& one : settings.encodings) {
    std::string_view list = one;
    std::string_view item;
    while (next_list_item(list, item)) {
      if (!item.empty()) {
        all.emplace_back(item);
      }
    }
  }
  settings.encodings = std::move(all);
  return std::make_shared<AcceptEncoding>(std::move(settings));
}

}  // namespace

const Kind kAcceptEncoding{
    "accept_encoding",          "",  "reduces Accept-Encoding to what is of use", Phase::identify,
    describe_options<kOptions>, make};

}  // namespace pingap::plugin
