// dynamic: a plugin that somebody else has compiled, as a shared object. sdk/pingap_plugin.h is
// what it is written against, docs/plugins-dynamic.md says how.
#include <algorithm>
#include <array>
#include <atomic>

#include <fmt/format.h>

#include "base/log.h"
#include "config/suggest.h"
#include "plugin/custom/dynamic_host.h"
#include "plugin/custom/kinds.h"
#include "plugin/custom/shared_object.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

constexpr int64_t kQuietNs = 1'000'000'000;  // between two lines about failures

struct Settings {
  Located<std::string> file;
  std::vector<config::FieldMatch> options;
};

constexpr Option<Settings> kOptions[] = {
    {{"file", "", Type::text, "required", "the shared object, with its folder"}, &Settings::file},
    {{"options", "", Type::pairs, "none", "\"name: value\", for the plugin"}, &Settings::options},
};

class Dynamic final : public Plugin {
 public:
  Dynamic(std::string name, std::unique_ptr<SharedObject> object, void* self) noexcept
      : name_(std::move(name)), object_(std::move(object)), table_(object_->table()), self_(self) {}

  Dynamic(const Dynamic&) = delete;
  Dynamic& operator=(const Dynamic&) = delete;

  ~Dynamic() override { table_.destroy(self_); }

  uint8_t hooks() const noexcept override {
    const auto bit = [](bool has, Hook hook) { return has ? static_cast<unsigned>(hook) : 0U; };
    const unsigned hooks = bit(table_.on_request != nullptr, kRequest) |
                           bit(table_.on_response != nullptr, kResponse) |
                           bit(table_.on_request_body != nullptr, kRequestBody) |
                           bit(table_.on_response_body != nullptr, kResponseBody) |
                           bit(table_.on_log != nullptr, kEnd);
    return static_cast<uint8_t>(hooks);
  }

  Verdict on_request(Context& context) const noexcept override {
    DynamicExchange& kept = kept_of(context);
    DynamicCall call{DynamicHook::on_request, context.x, kept, &context.answer};
    const uint32_t verdict = table_.on_request(self_, call.handle());
    if (verdict == PINGAP_NEXT) {
      return Verdict::next;
    }
    if (verdict == PINGAP_ANSWERED && call.answered) {
      return Verdict::respond;
    }
    report(call, verdict == PINGAP_ANSWERED ? "it says that it has answered, and has not" : "");
    context.answer = {};
    return context.refuse(500, ErrorCode::plugin_failed, context.x.plugin_reason);
  }

  void on_response(Context& context) const noexcept override {
    DynamicExchange& kept = kept_of(context);
    DynamicCall call{DynamicHook::on_response, context.x, kept};
    if (!kept.failed && table_.on_response(self_, call.handle()) != PINGAP_NEXT) {
      report(call, "");
      context.host.fail_response(ErrorCode::plugin_failed);
    }
  }

  BodyFilter* request_body(Context& context) const noexcept override;
  BodyFilter* response_body(Context& context) const noexcept override;

  void on_end(Context& context) const noexcept override {
    DynamicExchange& kept = kept_of(context);
    DynamicCall call{DynamicHook::on_log, context.x, kept};
    table_.on_log(self_, call.handle());
  }

  uint32_t on_body(DynamicCall& call, std::string_view bytes, End last) const noexcept {
    const auto hook = call.hook == DynamicHook::on_request_body ? table_.on_request_body
                                                                : table_.on_response_body;
    const uint32_t verdict =
        hook(self_, call.handle(), {bytes.data(), bytes.size()}, last == End::yes ? 1 : 0);
    if (verdict != PINGAP_NEXT && verdict != PINGAP_ANSWERED) {
      report(call, "");
      return PINGAP_FAILED;
    }
    return verdict;
  }

 private:
  static DynamicExchange& kept_of(Context& context) noexcept {
    if (context.state == nullptr) {
      context.state = &context.make<DynamicExchange>();
    }
    return *static_cast<DynamicExchange*>(context.state);
  }

  // Requests come by the thousand: a line a second says enough.
  void report(DynamicCall& call, std::string_view why) const noexcept {
    call.kept.failed = true;
    if (!why.empty()) {
      call.x.plugin_reason = why;
    }
    const int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
    int64_t last = last_line_.load(std::memory_order_relaxed);
    if ((last == 0 || now - last >= kQuietNs) &&
        last_line_.compare_exchange_strong(last, now, std::memory_order_relaxed)) {
      PINGAP_LOG(error, "[plugins.{}]: the plugin has failed: {}", name_, call.x.plugin_reason);
    }
  }

  const std::string name_;
  const std::unique_ptr<SharedObject> object_;
  const pingap_plugin& table_;  // in object_
  void* const self_;
  mutable std::atomic<int64_t> last_line_{0};
};

class DynamicFilter final : public BodyFilter {
 public:
  DynamicFilter(const Dynamic& plugin, DynamicHook hook, exchange::Exchange& x,
                DynamicExchange& kept) noexcept
      : plugin_(plugin), hook_(hook), x_(x), kept_(kept) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept override {
    while (!in.empty() || end == End::yes) {
      const std::string_view piece = in.front();
      const End last = piece.size() == in.size() ? end : End::no;
      ByteQueue made;
      DynamicCall call{hook_, x_, kept_, nullptr, &made};
      const uint32_t verdict =
          kept_.failed ? uint32_t{PINGAP_FAILED} : plugin_.on_body(call, piece, last);
      if (verdict == PINGAP_FAILED) {
        return tl::unexpected(
            Error{ErrorCode::plugin_failed, Side::local, Retry::never, 0, nullptr});
      }
      if (verdict == PINGAP_NEXT) {
        out.move_from(in, piece.size());
      } else {
        in.consume(piece.size());
        out.move_from(made, made.size());
      }
      if (last == End::yes) {
        break;
      }
    }
    return {};
  }

 private:
  const Dynamic& plugin_;
  const DynamicHook hook_;
  exchange::Exchange& x_;
  DynamicExchange& kept_;
};

BodyFilter* Dynamic::request_body(Context& context) const noexcept {
  return &context.make<DynamicFilter>(*this, DynamicHook::on_request_body, context.x,
                                      kept_of(context));
}

BodyFilter* Dynamic::response_body(Context& context) const noexcept {
  DynamicExchange& kept = kept_of(context);
  if (kept.failed) {
    return nullptr;  // what goes out is the error page
  }
  return &context.make<DynamicFilter>(*this, DynamicHook::on_response_body, context.x, kept);
}

// What the object makes of the options; null where that has been said.
void* create(const Making& making, const Settings& settings, const pingap_plugin& table) {
  std::vector<pingap_option> options;
  options.reserve(settings.options.size());
  const auto text = [](std::string_view one) { return pingap_text{one.data(), one.size()}; };
  for (const config::FieldMatch& one : settings.options) {
    options.push_back({text(one.name), one.value ? text(*one.value) : text("")});
  }
  std::array<char, 256> why{};
  void* made =
      table.create(&dynamic_host(), options.data(), options.size(), why.data(), why.size());
  if (made == nullptr) {
    why.back() = '\0';
    making.reader.error(
        settings.file.at,
        {fmt::format("the plugin {} does not want to be made: {}",
                     config::quote(table.name != nullptr ? table.name : ""), why.data()),
         {},
         {}});
  }
  return made;
}

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  const size_t errors = making.reader.diagnostics().errors();
  read_options(making.entry, kOptions, making.reader, settings);
  if (making.reader.diagnostics().errors() > errors) {
    return nullptr;
  }
  making.files.push_back(settings.file.value);
  auto object = SharedObject::load(settings.file.value);
  if (!object) {
    making.reader.error(settings.file.at,
                        {fmt::format("cannot load the plugin {}: {}",
                                     config::quote_path(settings.file.value), object.error()),
                         {},
                         {}});
    return nullptr;
  }
  void* self = create(making, settings, (*object)->table());
  return self == nullptr ? nullptr
                         : std::make_shared<Dynamic>(making.entry.name, std::move(*object), self);
}

}  // namespace

const Kind kDynamic{"dynamic",
                    "",
                    "runs a plugin of your own, compiled as a shared object",
                    Phase::transform,
                    describe_options<kOptions>,
                    make};

}  // namespace pingap::plugin
