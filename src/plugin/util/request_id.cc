// request_id: an id for each request, to the backend, to the client and in the log.
#include <algorithm>
#include <array>

#include "config/syntax.h"
#include "plugin/headers.h"
#include "plugin/random.h"
#include "plugin/util/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

constexpr std::array<std::string_view, 2> kAlgorithms = {"uuid", "nanoid"};
enum class Algorithm : uint8_t { uuid, nanoid };
constexpr size_t kLongest = 128;  // of an id that a client brings

struct Settings {
  Located<std::string> header{"X-Request-ID", {}};
  Located<size_t> algorithm{0, {}};
  uint32_t size = 21;
  bool accept = true;
  bool respond = true;
};

constexpr Option<Settings> kOptions[] = {
    {{"header", "header_name", Type::text, "\"X-Request-ID\"",
      "the field that has it, to the backend and to the client"},
     &Settings::header},
    {{"algorithm", "", Type::choice, "\"uuid\"", "`uuid` (version 7: ids sort by time) or `nanoid`",
      kAlgorithms},
     &Settings::algorithm},
    {{"size", "", Type::integer, "21", "letters of a nanoid", {}, {8, 64}}, &Settings::size},
    {{"accept_incoming", "", Type::boolean, "true",
      "keep an id that the client brings: up to 128 letters, digits and `-_.:+/=@`"},
     &Settings::accept},
    {{"in_response", "", Type::boolean, "true", "send it to the client too"}, &Settings::respond},
};

bool is_id(std::string_view text) noexcept {
  constexpr std::string_view kMarks = "-_.:+/=@";
  if (text.empty() || text.size() > kLongest) {
    return false;
  }
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && kMarks.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

// Each byte as its two digits.
constexpr auto kDigits = [] {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> digits{};
  for (size_t i = 0; i < digits.size(); ++i) {
    digits[i] = {kHex[i >> 4], kHex[i & 15]};
  }
  return digits;
}();

// The `bytes` upper bytes of `bits`, which are moved out.
char* put_hex(uint64_t& bits, int bytes, char* to) noexcept {
  for (int i = 0; i < bytes; ++i) {
    to = std::ranges::copy(kDigits[bits >> 56], to).out;
    bits <<= 8;
  }
  return to;
}

// RFC 9562 5.7: 48 bits of milliseconds, then random ones but for version and variant.
std::string_view make_uuid(WallTime now, Arena& arena) noexcept {
  const auto ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  uint64_t high = ms << 16 | 0x7000 | (random_bits() & 0x0fff);
  uint64_t low = uint64_t{1} << 63 | random_bits() >> 2;
  char* out = arena.make_array<char>(36);
  char* to = put_hex(high, 4, out);
  for (uint64_t* part : {&high, &high, &low}) {
    *to++ = '-';
    to = put_hex(*part, 2, to);
  }
  *to++ = '-';
  put_hex(low, 6, to);
  return {out, 36};
}

std::string_view make_nanoid(size_t size, Arena& arena) noexcept {
  constexpr std::string_view kLetters =
      "useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict";
  char* out = arena.make_array<char>(size);
  uint64_t bits = 0;
  for (size_t i = 0; i < size; ++i) {
    if (i % 10 == 0) {
      bits = random_bits();
    }
    out[i] = kLetters[bits & 63];
    bits >>= 6;
  }
  return {out, size};
}

class RequestId final : public Plugin {
 public:
  explicit RequestId(Settings settings) noexcept : settings_(std::move(settings)) {}

  uint8_t hooks() const noexcept override {
    return settings_.respond ? kRequest | kResponse : kRequest;
  }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    const std::string_view header = settings_.header.value;
    const std::string_view sent =
        settings_.accept ? x.request.headers.get(header) : std::string_view{};
    x.request_id = is_id(sent) ? sent : make_id(context);
    set_request_header(x, header, x.request_id);
    return Verdict::next;
  }

  void on_response(Context& context) const noexcept override {
    context.x.response.headers.set(settings_.header.value, context.x.request_id);
  }

 private:
  std::string_view make_id(Context& context) const noexcept {
    return static_cast<Algorithm>(settings_.algorithm.value) == Algorithm::uuid
               ? make_uuid(context.host.wall_time(), context.x.arena)
               : make_nanoid(settings_.size, context.x.arena);
  }

  Settings settings_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  making.reader.check(settings.header.at, config::check_header_name(settings.header.value));
  making.reader.check(settings.header.at,
                      config::check_header_edit(settings.header.value, config::EditOf::request));
  return std::make_shared<RequestId>(std::move(settings));
}

}  // namespace

const Kind kRequestId{
    "request_id", "", "gives each request an id", Phase::identify, describe_options<kOptions>,
    make};

}  // namespace pingap::plugin
