// mirror: sends a part of the requests to another upstream, too, and throws its answers away. The
// request itself neither waits for that nor learns of it.
#include <array>
#include <atomic>
#include <memory>

#include "base/log.h"
#include "plugin/fields.h"
#include "plugin/forwarded.h"
#include "plugin/random.h"
#include "plugin/traffic/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

constexpr int64_t kMostBody = 16 << 20;
constexpr Duration kTellEvery = std::chrono::seconds(10);
// Pieces that are shorter are copied together, so that a trickle does not pin a chunk of 16 KiB
// each: what is kept takes at most twice its size.
constexpr size_t kCopyBelow = 8192;

struct Settings {
  Located<std::string> upstream;
  Number percent{100};
  uint64_t max_body = 64 << 10;
  milliseconds timeout{10'000};
  std::string host;
  std::vector<config::FieldMatch> set_headers;
};

constexpr Option<Settings> kOptions[] = {
    {{"upstream", "", Type::text, "required", "where copies go"}, &Settings::upstream},
    {{"percent", "", Type::number, "100", "of the requests", {}, {0, 100}}, &Settings::percent},
    {{"max_body",
      "",
      Type::size,
      "\"64kb\"",
      "requests with longer bodies are not copied",
      {},
      {0, kMostBody}},
     &Settings::max_body},
    {{"timeout", "", Type::duration, "\"10s\"", "for a copy and its answer", {}, {1, 0}},
     &Settings::timeout},
    {{"host", "", Type::text, "the request's", "the Host of copies"}, &Settings::host},
    {{"set_headers", "", Type::pairs, "none", "\"Name: value\": more fields of copies"},
     &Settings::set_headers},
};

// Why there is no copy.
enum class Omitted : uint8_t {
  no_room,     // too many are under way
  long_body,   // longer than `max_body`
  endless,     // a tunnel or a call of gRPC
  incomplete,  // the request ended before its body did
};

constexpr std::array<std::string_view, 4> kOmitted = {"no_room", "long_body", "endless",
                                                      "incomplete"};

// One in the next configuration goes on counting. Any thread.
using Omissions = std::array<std::atomic<uint64_t>, kOmitted.size()>;

class Mirror;

// Keeps what passes, and sends it at the end.
class Copying final : public BodyFilter {
 public:
  Copying(const Mirror& mirror, exchange::Exchange& x, Host& host) noexcept
      : mirror_(mirror), x_(x), host_(host) {}

  Copying(const Copying&) = delete;
  Copying& operator=(const Copying&) = delete;
  ~Copying();

  Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept override;

  bool keeps_length() const noexcept override { return true; }

 private:
  const Mirror& mirror_;
  exchange::Exchange& x_;
  Host& host_;
  ByteQueue copy_;
  bool over_ = false;  // it was sent, or never will be
};

class Mirror final : public Plugin {
 public:
  Mirror(Settings settings, FieldList fields, std::shared_ptr<Omissions> omissions) noexcept
      : settings_(std::move(settings)),
        fields_(std::move(fields)),
        omissions_(std::move(omissions)) {}

  uint8_t hooks() const noexcept override { return kRequest | kRequestBody; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    if (!happens(settings_.percent.value)) {
      return Verdict::next;
    }
    // A tunnel has no end; a call of gRPC may have none, either.
    if (x.request.websocket || x.grpc) {
      omit(Omitted::endless);
    } else if (x.request.framing == http::Framing::none ||
               (x.request.framing == http::Framing::length && x.request.content_length == 0)) {
      ByteQueue none;
      send(x, context.host, none);
    } else if (x.request.framing != http::Framing::length ||
               x.request.content_length <= settings_.max_body) {
      context.state = static_cast<BodyFilter*>(&context.make<Copying>(*this, x, context.host));
    } else {
      omit(Omitted::long_body);
    }
    return Verdict::next;
  }

  BodyFilter* request_body(Context& context) const noexcept override {
    return static_cast<BodyFilter*>(context.state);
  }

  std::vector<LeftOut> left_out() const override {
    std::vector<LeftOut> found;
    found.reserve(kOmitted.size());
    for (size_t i = 0; i < kOmitted.size(); ++i) {
      found.push_back({kOmitted[i], (*omissions_)[i].load(std::memory_order_relaxed)});
    }
    return found;
  }

  uint64_t max_body() const noexcept { return settings_.max_body; }

  const std::shared_ptr<Omissions>& omissions() const noexcept { return omissions_; }

  void omit(Omitted why) const noexcept {
    (*omissions_)[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  }

  void send(exchange::Exchange& x, Host& host, ByteQueue& body) const noexcept {
    Subrequest copy;
    copy.upstream = settings_.upstream.value;
    copy.method = x.request.method;
    copy.method_text = x.request.method_text;
    copy.target = x.uri.target;
    copy.authority = settings_.host.empty() ? x.request.authority : settings_.host;
    copy.headers = end_to_end_fields(x, Body::yes, {}, fields_.all().size() + 4);
    add_forwarded_fields(x, copy.headers);
    for (const NamedTemplate& field : fields_.all()) {
      copy.headers.remove(std::string_view(field.name));
      add_field(copy.headers, field, field.value.render(x));
    }
    copy.body = std::move(body);
    copy.timeout = settings_.timeout;
    if (!host.send_aside(copy)) {
      omit(Omitted::no_room);
      tell(host.now());
    }
  }

 private:
  void tell(TimePoint now) const noexcept {
    const int64_t at = now.time_since_epoch().count();
    int64_t told = told_at_.load(std::memory_order_relaxed);
    if (at - told >= kTellEvery.count() &&
        told_at_.compare_exchange_strong(told, at, std::memory_order_relaxed)) {
      PINGAP_LOG(warn, "mirror: too many copies to [upstreams.{}] are under way: some are left out",
                 settings_.upstream.value);
    }
  }

  Settings settings_;
  FieldList fields_;
  std::shared_ptr<Omissions> omissions_;
  mutable std::atomic<int64_t> told_at_{0};
};

Copying::~Copying() {
  if (!over_) {
    mirror_.omit(Omitted::incomplete);
  }
}

Result<> Copying::filter(ByteQueue& in, ByteQueue& out, End end) noexcept {
  if (!over_) {
    over_ = copy_.size() + in.size() > mirror_.max_body();
    if (over_) {
      copy_.clear();
      mirror_.omit(Omitted::long_body);
    } else {
      copy_.share_from(in, kCopyBelow);
    }
  }
  out.move_from(in, in.size());
  if (end == End::yes && !over_) {
    over_ = true;
    mirror_.send(x_, host_, copy_);
  }
  return {};
}

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  if (making.upstreams != nullptr) {
    making.upstreams->push_back(settings.upstream);
  }
  FieldList fields =
      FieldList::compile(settings.set_headers, config::EditOf::request, making.reader);
  const auto* before = static_cast<const Mirror*>(making.before);
  return std::make_shared<Mirror>(
      std::move(settings), std::move(fields),
      before == nullptr ? std::make_shared<Omissions>() : before->omissions());
}

}  // namespace

const Kind kMirror{"mirror",
                   "",
                   "sends a copy of requests to another upstream",
                   Phase::traffic,
                   describe_options<kOptions>,
                   make};

}  // namespace pingap::plugin
