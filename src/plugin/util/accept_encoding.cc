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
      "what may be asked for; of those that the client likes equally well the first is the best"},
     &Settings::encodings},
    {{"only_one_encoding", "", Type::boolean, "false",
      "ask only for the one that the client likes best"},
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
    const std::string_view left =
        settings_.only_one_encoding ? best(x.request.headers) : wishes(x.request.headers, x.arena);
    if (left.empty()) {
      remove_request_header(x, "Accept-Encoding");
    } else {
      set_request_header(x, "Accept-Encoding", left);
    }
    return Verdict::next;
  }

 private:
  static int wish(const http::HeaderMap& headers, std::string_view coding) noexcept {
    return quality_of(headers, http::HeaderId::accept_encoding, coding);
  }

  std::string_view best(const http::HeaderMap& headers) const noexcept {
    std::string_view found;
    int most = 0;
    for (const std::string& one : settings_.encodings) {
      if (const int quality = wish(headers, one); quality > most) {
        most = quality;
        found = one;
      }
    }
    return found;
  }

  std::string_view wishes(const http::HeaderMap& headers, Arena& arena) const noexcept {
    std::string_view left;
    for (const std::string& one : settings_.encodings) {
      if (const int quality = wish(headers, one); quality > 0) {
        left = arena.concat(left, left.empty() ? "" : ", ", one, weight_text(quality, arena));
      }
    }
    return left;
  }

  // ";q=0.25" of 250, without zeros at its end (RFC 9110 12.4.2); nothing of 1000.
  static std::string_view weight_text(int quality, Arena& arena) noexcept {
    if (quality == 1000) {
      return "";
    }
    constexpr std::string_view kStart = ";q=0.";
    char* text = arena.make_array<char>(kStart.size() + 3);
    char* to = std::ranges::copy(kStart, text).out;
    for (int unit = 100; quality > 0; unit /= 10) {
      *to++ = static_cast<char>('0' + quality / unit);
      quality %= unit;
    }
    return {text, static_cast<size_t>(to - text)};
  }

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
