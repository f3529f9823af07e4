// lua: the operator's own logic, as a script. docs/plugins-lua.md.
#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "base/log.h"
#include "config/read_file.h"
#include "config/suggest.h"
#include "plugin/custom/kinds.h"
#include "plugin/custom/lua_state.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

constexpr size_t kMaxFile = 1024 * 1024;
constexpr uint64_t kLeastMemory = 128 * 1024;
constexpr uint64_t kMostMemory = uint64_t{1} << 30;
constexpr Duration kQuiet = std::chrono::seconds(1);  // between two lines about errors of one state

struct Settings {
  Located<std::string> code;
  Located<std::string> file;
  uint32_t max_instructions = 1'000'000;
  uint64_t max_memory = 16 * 1024 * 1024;
  milliseconds max_time{50};
};

constexpr Option<Settings> kOptions[] = {
    {{"code", "", Type::lines, "none", "the script; it or `file` is required"}, &Settings::code},
    {{"file", "", Type::text, "none", "a file with the script; read again when it has changed"},
     &Settings::file},
    {{"max_instructions",
      "",
      Type::integer,
      "1000000",
      "of one call; more is an error",
      {},
      {1000, 1'000'000'000}},
     &Settings::max_instructions},
    {{"max_memory", "", Type::size, "\"16MB\"", "of the script, on each worker"},
     &Settings::max_memory},
    {{"max_time", "", Type::duration, "\"50ms\"", "of a processor, for one call"},
     &Settings::max_time},
};

// A script on one worker.
struct alignas(64) Slot {
  std::unique_ptr<LuaState> state;
  TimePoint last_line{};
  uint64_t unsaid = 0;
};

class Lua final : public Plugin {
 public:
  Lua(std::string name, std::vector<Slot> slots) noexcept
      : name_(std::move(name)), slots_(std::move(slots)) {
    constexpr std::pair<LuaHook, Hook> kPairs[] = {{LuaHook::on_request, kRequest},
                                                   {LuaHook::on_response, kResponse},
                                                   {LuaHook::on_request_body, kRequestBody},
                                                   {LuaHook::on_response_body, kResponseBody},
                                                   {LuaHook::on_log, kEnd}};
    for (const auto& [hook, bit] : kPairs) {
      if (slots_.front().state->has(hook)) {
        hooks_ = static_cast<uint8_t>(hooks_ | bit);
      }
    }
  }

  uint8_t hooks() const noexcept override { return hooks_; }

  Verdict on_request(Context& context) const noexcept override {
    LuaExchange& kept = kept_of(context);
    LuaCall call{LuaHook::on_request, context.x, context.host, kept, &context.answer};
    if (!run(call)) {
      context.answer = {};
      return context.refuse(500, ErrorCode::script_failed, context.x.plugin_reason);
    }
    return kept.answered ? Verdict::respond : Verdict::next;
  }

  void on_response(Context& context) const noexcept override {
    LuaExchange& kept = kept_of(context);
    LuaCall call{LuaHook::on_response, context.x, context.host, kept};
    if (!kept.failed && !run(call)) {
      context.host.fail_response(ErrorCode::script_failed);
    }
  }

  BodyFilter* request_body(Context& context) const noexcept override;
  BodyFilter* response_body(Context& context) const noexcept override;

  void on_end(Context& context) const noexcept override {
    LuaExchange& kept = kept_of(context);
    LuaCall call{LuaHook::on_log, context.x, context.host, kept};
    if (!kept.failed) {
      run(call);
    }
  }

  // False: it has failed, the log has it.
  bool run(LuaCall& call) const noexcept {
    Slot& slot = slots_[call.host.worker()];
    if (slot.state->call(call)) {
      return true;
    }
    call.kept.failed = true;
    call.x.plugin_reason = call.x.arena.copy(slot.state->error());
    report(slot, call.host.now());
    return false;
  }

 private:
  LuaExchange& kept_of(Context& context) const noexcept {
    if (context.state == nullptr) {
      auto& made = context.make<LuaExchange>();
      made.state = slots_[context.host.worker()].state.get();
      context.state = &made;
    }
    return *static_cast<LuaExchange*>(context.state);
  }

  // Requests come by the thousand: a line a second says enough.
  void report(Slot& slot, TimePoint now) const noexcept {
    if (slot.last_line != TimePoint{} && now - slot.last_line < kQuiet) {
      ++slot.unsaid;
      return;
    }
    slot.last_line = now;
    const uint64_t unsaid = std::exchange(slot.unsaid, 0);
    PINGAP_LOG(error, "[plugins.{}]: the script has failed: {}{}", name_, slot.state->error(),
               unsaid > 0 ? fmt::format(" (and {} times before)", unsaid) : "");
  }

  const std::string name_;
  mutable std::vector<Slot> slots_;  // one for each worker, used by that one alone
  uint8_t hooks_ = 0;
};

// The script on the pieces of a body.
class LuaFilter final : public BodyFilter {
 public:
  LuaFilter(const Lua& plugin, LuaHook hook, exchange::Exchange& x, Host& host,
            LuaExchange& kept) noexcept
      : plugin_(plugin), hook_(hook), x_(x), host_(host), kept_(kept) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept override {
    if (kept_.failed) {
      return tl::unexpected(failure());
    }
    while (!in.empty() || end == End::yes) {
      const std::string_view piece = in.front();
      const End last = piece.size() == in.size() ? end : End::no;
      LuaCall call{hook_, x_, host_, kept_, nullptr, piece, last, &out};
      if (!plugin_.run(call)) {
        return tl::unexpected(failure());
      }
      if (call.unchanged) {
        out.move_from(in, piece.size());
      } else {
        in.consume(piece.size());
      }
      if (last == End::yes) {
        break;
      }
    }
    return {};
  }

 private:
  static Error failure() noexcept {
    return {ErrorCode::script_failed, Side::local, Retry::never, 0, nullptr};
  }

  const Lua& plugin_;
  const LuaHook hook_;
  exchange::Exchange& x_;
  Host& host_;
  LuaExchange& kept_;
};

BodyFilter* Lua::request_body(Context& context) const noexcept {
  return &context.make<LuaFilter>(*this, LuaHook::on_request_body, context.x, context.host,
                                  kept_of(context));
}

BodyFilter* Lua::response_body(Context& context) const noexcept {
  LuaExchange& kept = kept_of(context);
  if (kept.failed) {
    return nullptr;  // what goes out is the error page
  }
  return &context.make<LuaFilter>(*this, LuaHook::on_response_body, context.x, context.host, kept);
}

// The text of the script and what it is called; nullopt where that has been said.
std::optional<LuaScript> read_script(const Making& making, const Settings& settings) {
  const std::string& path = settings.file.value;
  if (settings.code.value.empty() == path.empty()) {
    making.reader.error(making.entry.at,
                        {"a script is either in `code` or in `file`", {}, "write one of them"});
    return std::nullopt;
  }
  if (path.empty()) {
    return LuaScript{"=[plugins." + making.entry.name + "] code", settings.code.value};
  }
  making.files.push_back(path);
  auto text = config::read_file(path, kMaxFile);
  if (!text) {
    making.reader.error(settings.file.at, {fmt::format("cannot read the script {}: {}",
                                                       config::quote_path(path), text.error()),
                                           {},
                                           {}});
    return std::nullopt;
  }
  return LuaScript{"@" + path, std::move(*text)};
}

bool check_limits(const Making& making, const Settings& settings) {
  if (settings.max_memory < kLeastMemory || settings.max_memory > kMostMemory) {
    making.reader.error(making.entry.at, {"`max_memory` of a script is from 128KB to 1GB", {}, {}});
    return false;
  }
  return true;
}

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  const size_t errors = making.reader.diagnostics().errors();
  read_options(making.entry, kOptions, making.reader, settings);
  if (making.reader.diagnostics().errors() > errors || !check_limits(making, settings)) {
    return nullptr;
  }
  const auto script = read_script(making, settings);
  if (!script) {
    return nullptr;
  }
  const LuaLimits limits{settings.max_memory, settings.max_instructions, settings.max_time};
  std::vector<Slot> slots(std::max(making.workers, 1U));
  for (Slot& slot : slots) {
    auto state = LuaState::load(*script, limits);
    if (!state) {
      making.reader.error(settings.file.value.empty() ? settings.code.at : settings.file.at,
                          {"the script cannot be used: " + state.error(), {}, {}});
      return nullptr;
    }
    slot.state = std::move(*state);
  }
  auto made = std::make_shared<Lua>(making.entry.name, std::move(slots));
  if (made->hooks() == 0) {
    making.reader.error(making.entry.at,
                        {"the script defines nothing that is called",
                         "on_request, on_response, on_request_body, on_response_body or on_log",
                         {}});
    return nullptr;
  }
  return made;
}

}  // namespace

const Kind kLua{
    "lua", "", "runs a script of your own", Phase::transform, describe_options<kOptions>, make};

}  // namespace pingap::plugin
