// ip_restriction: who may come, by the client's address.
#include <fmt/format.h>

#include "config/suggest.h"
#include "plugin/security/ip_set.h"
#include "plugin/security/kinds.h"
#include "plugin/security/list_mode.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings : ListMode {
  std::vector<Located<std::string>> ip_list;
};

constexpr Option<Settings> kOptions[] = {
    {{"ip_list", "", Type::list, "required",
      "addresses and networks: \"192.0.2.1\", \"10.0.0.0/8\", \"2001:db8::/32\""},
     &Settings::ip_list},
    {{"mode", "", Type::choice, "\"allow\"", "`allow`: only these may come; `deny`: all but these",
      kListModes},
     &Settings::mode},
    {{"message", "", Type::text, "an error page", "what the others are told"}, &Settings::message},
};

class IpRestriction final : public Plugin {
 public:
  IpRestriction(Settings settings, IpSet set) noexcept
      : settings_(std::move(settings)), set_(std::move(set)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  // A unix socket's peer has no address: it is in no list.
  Verdict on_request(Context& context) const noexcept override {
    const bool listed = set_.contains(context.x.client_ip);
    return decide(context, listed != settings_.denies(), settings_.message,
                  settings_.denies() ? "address is denied" : "address is not allowed");
  }

 private:
  Settings settings_;
  IpSet set_;
};

bool has_host_bits(const Network& network) noexcept {
  for (size_t i = 0; i < network.address.size; ++i) {
    const int bits = std::clamp(network.prefix - static_cast<int>(i) * 8, 0, 8);
    if ((network.address.bytes[i] & (0xff >> bits)) != 0 && bits < 8) {
      return true;
    }
  }
  return false;
}

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  IpSet set;
  for (const Located<std::string>& one : settings.ip_list) {
    const auto network = Network::parse(one.value);
    if (!network) {
      making.reader.error(one.at, {config::quote(one.value) + " is not an address or network",
                                   R"("192.0.2.1", "10.0.0.0/8" or "2001:db8::/32")",
                                   {}});
      continue;
    }
    if (has_host_bits(*network)) {
      making.reader.diagnostics().warning(
          one.at, fmt::format("{} is more than a network: the bits behind the prefix are ignored",
                              config::quote(one.value)));
    }
    set.add(*network);
  }
  set.finish();
  settings.ip_list.clear();
  return std::make_shared<IpRestriction>(std::move(settings), std::move(set));
}

}  // namespace

const Kind kIpRestriction{
    "ip_restriction",           "",  "lets in or keeps out by the client's address", Phase::guard,
    describe_options<kOptions>, make};

}  // namespace pingap::plugin
