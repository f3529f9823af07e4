// compression: answers in the coding that the client likes best (RFC 9110 12.5.3), or decoded for
// one that likes none of the backend's.
#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "http/grpc.h"
#include "plugin/content/coding.h"
#include "plugin/content/kinds.h"
#include "plugin/headers.h"
#include "plugin/http_list.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using http::HeaderId;

struct Settings {
  uint32_t gzip_level = 4;
  uint32_t br_level = 4;
  uint32_t zstd_level = 3;
  uint64_t min_length = 256;
  std::vector<std::string> types{"text/html",       "text/css",         "text/plain",
                                 "text/xml",        "text/javascript",  "text/csv",
                                 "text/markdown",   "application/json", "application/javascript",
                                 "application/xml", "application/wasm", "application/manifest+json",
                                 "image/svg+xml",   "font/ttf",         "font/otf"};
  bool decompression = false;
  bool breach_guard = true;
};

constexpr Option<Settings> kOptions[] = {
    {{"gzip_level", "", Type::integer, "4", "1 is fast, 9 is small, 0 is off", {}, {0, 9}},
     &Settings::gzip_level},
    {{"br_level",
      "",
      Type::integer,
      "4",
      "of brotli; 11 is for files that are made once",
      {},
      {0, 11}},
     &Settings::br_level},
    {{"zstd_level", "", Type::integer, "3", "of Zstandard", {}, {0, 22}}, &Settings::zstd_level},
    {{"min_length", "", Type::size, "256", "shorter answers stay as they are"},
     &Settings::min_length},
    {{"types", "", Type::list, "text, JSON, JavaScript, XML, SVG, fonts",
      "media types that are worth it: \"text/html\", \"text/*\""},
     &Settings::types},
    {{"decompression", "", Type::boolean, "false",
      "decode what the backend has encoded for clients that do not accept it"},
     &Settings::decompression},
    {{"breach_guard", "", Type::boolean, "true",
      "answers that set a cookie, and those to requests of other sites that bring a cookie, stay "
      "as "
      "they are: their length would tell what is in them"},
     &Settings::breach_guard},
};

// How much more may come out than went in, once a megabyte has (security.md CO-04).
constexpr uint64_t kMostRatio = 100;
constexpr uint64_t kFree = 1 << 20;
// A piece of a body without known length that is shorter was probably all there was for now.
constexpr size_t kPause = 4096;

class Encoding final : public BodyFilter {
 public:
  Encoding(CoderPtr coder, bool streams, exchange::Exchange& x) noexcept
      : coder_(std::move(coder)), streams_(streams), x_(x) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept override {
    const TimePoint began = steady_now();
    const size_t before = out.size();
    x_.plain_bytes += in.size();
    auto made = encode(in, out, end);
    x_.coded_bytes += out.size() - before;
    x_.coding_time += steady_now() - began;
    return made;
  }

 private:
  Result<> encode(ByteQueue& in, ByteQueue& out, End end) noexcept {
    const bool pause = streams_ && in.size() < kPause;
    while (!in.empty()) {
      const std::string_view piece = in.front();
      const bool last = piece.size() == in.size();
      const Flush flush = !last             ? Flush::none
                          : end == End::yes ? Flush::end
                          : pause           ? Flush::sync
                                            : Flush::none;
      ended_ = flush == Flush::end;
      if (!coder_->run(piece, flush, out)) {
        return failed();
      }
      in.consume(piece.size());
    }
    if (end == End::yes && !ended_) {
      ended_ = true;
      if (!coder_->run({}, Flush::end, out)) {
        return failed();
      }
    }
    return {};
  }

  static Result<> failed() noexcept {
    return tl::unexpected(Error{ErrorCode::plugin_failed, Side::local, Retry::never, 0, nullptr});
  }

  CoderPtr coder_;
  bool streams_;
  exchange::Exchange& x_;
  bool ended_ = false;
};

class Decoding final : public BodyFilter {
 public:
  explicit Decoding(CoderPtr coder) noexcept : coder_(std::move(coder)) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End end) noexcept override {
    while (!in.empty() || end == End::yes) {
      const std::string_view piece = in.front().substr(0, kPause);
      const bool last = piece.size() == in.size();
      const size_t before = out.size();
      if (!coder_->run(piece, last && end == End::yes ? Flush::end : Flush::none, out)) {
        return failed();
      }
      came_ += piece.size();
      made_ += out.size() - before;
      if (made_ > kFree && made_ / kMostRatio > came_) {
        return failed();
      }
      in.consume(piece.size());
      if (last) {
        break;
      }
    }
    return {};
  }

 private:
  static Result<> failed() noexcept {
    return tl::unexpected(
        Error{ErrorCode::upstream_bad_framing, Side::upstream, Retry::never, 0, nullptr});
  }

  CoderPtr coder_;
  uint64_t came_ = 0;
  uint64_t made_ = 0;
};

bool lists_token(const http::HeaderMap& headers, HeaderId id, std::string_view token) noexcept {
  for (const http::Field& field : headers.fields()) {
    std::string_view list = field.value();
    std::string_view item;
    while (field.id == id && !field.removed() && next_list_item(list, item)) {
      if (iequals(item, token)) {
        return true;
      }
    }
  }
  return false;
}

void add_vary(http::HeaderMap& headers) noexcept {
  if (!lists_token(headers, HeaderId::vary, "accept-encoding") &&
      !lists_token(headers, HeaderId::vary, "*")) {
    headers.add(HeaderId::vary, "Accept-Encoding");
  }
}

class Compression final : public Plugin {
 public:
  explicit Compression(Settings settings) noexcept : settings_(std::move(settings)) {}

  uint8_t hooks() const noexcept override { return kResponse | kResponseBody; }

  void on_response(Context& context) const noexcept override {
    context.state = nullptr;
    exchange::Exchange& x = context.x;
    http::ResponseHead& head = x.response;
    if (!may_change(x)) {
      return;
    }
    if (const http::Field* field = head.headers.find(HeaderId::content_encoding)) {
      if (settings_.decompression) {
        decode(context, field->value());
      }
      return;
    }
    if (!is_worth_it(head)) {
      return;
    }
    add_vary(head.headers);
    const std::optional<Coding> coding = best(x.request.headers);
    if (!coding || leaks(x)) {
      return;
    }
    CoderPtr coder = make_encoder(*coding, static_cast<int>(level_of(*coding)));
    if (coder == nullptr) {
      return;  // too many at a time
    }
    const bool streams = !head.has_content_length;
    context.state = static_cast<BodyFilter*>(&context.make<Encoding>(std::move(coder), streams, x));
    head.headers.set(HeaderId::content_encoding, name_of(*coding));
    become_other_bytes(head, x.arena);
  }

  BodyFilter* response_body(Context& context) const noexcept override {
    return static_cast<BodyFilter*>(context.state);
  }

 private:
  static bool may_change(const exchange::Exchange& x) noexcept {
    const http::ResponseHead& head = x.response;
    const uint16_t status = head.status;
    return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304 &&
           head.framing != http::Framing::tunnel && !x.grpc &&
           head.headers.find(HeaderId::content_range) == nullptr &&
           !lists_token(head.headers, HeaderId::cache_control, "no-transform") &&
           !lists_token(x.request.headers, HeaderId::cache_control, "no-transform");
  }

  bool is_worth_it(const http::ResponseHead& head) const noexcept {
    if (head.has_content_length && head.content_length < settings_.min_length) {
      return false;
    }
    std::string_view type = head.headers.get(HeaderId::content_type);
    type = trim(type.substr(0, type.find(';')));
    return !type.empty() && std::ranges::any_of(settings_.types, [&](const std::string& one) {
      return one.ends_with("/*") ? type.size() >= one.size() &&
                                       iequals(type.substr(0, one.size() - 1),
                                               std::string_view(one).substr(0, one.size() - 1))
                                 : iequals(type, one);
    });
  }

  uint32_t level_of(Coding coding) const noexcept {
    switch (coding) {
      case Coding::gzip:
        return settings_.gzip_level;
      case Coding::brotli:
        return settings_.br_level;
      case Coding::zstd:
        return settings_.zstd_level;
    }
    return 0;
  }

  // What the client likes best; of equals what is best for us. Without the field nobody has asked.
  std::optional<Coding> best(const http::HeaderMap& asked) const noexcept {
    std::optional<Coding> found;
    int most = 0;
    for (const Coding one : {Coding::zstd, Coding::brotli, Coding::gzip}) {
      const int quality =
          level_of(one) > 0 ? quality_of(asked, HeaderId::accept_encoding, name_of(one)) : 0;
      if (quality > most) {
        most = quality;
        found = one;
      }
    }
    return found;
  }

  // security.md CO-01: where somebody else can make our client ask, and guess by the length.
  bool leaks(const exchange::Exchange& x) const noexcept {
    if (!settings_.breach_guard) {
      return false;
    }
    if (x.response.headers.find(HeaderId::set_cookie) != nullptr) {
      return true;
    }
    const http::HeaderMap& asked = x.request.headers;
    if (asked.find(HeaderId::cookie) == nullptr && asked.find(HeaderId::authorization) == nullptr) {
      return false;
    }
    if (const http::Field* site = asked.find("sec-fetch-site")) {
      return iequals(site->value(), "cross-site");
    }
    const http::Field* referer = asked.find(HeaderId::referer);
    return referer != nullptr && host_of(referer->value()) != x.request.authority;
  }

  static std::string_view host_of(std::string_view url) noexcept {
    const size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
      return {};
    }
    url.remove_prefix(scheme + 3);
    return url.substr(0, url.find('/'));
  }

  void decode(Context& context, std::string_view encoding) const noexcept {
    http::ResponseHead& head = context.x.response;
    Coding coding{};
    if (!parse_coding(encoding, coding)) {
      return;
    }
    add_vary(head.headers);
    const http::HeaderMap& asked = context.x.request.headers;
    if (quality_of(asked, HeaderId::accept_encoding, name_of(coding)) > 0) {
      return;
    }
    CoderPtr coder = make_decoder(coding);
    if (coder == nullptr) {
      return;
    }
    context.state = static_cast<BodyFilter*>(&context.make<Decoding>(std::move(coder)));
    head.headers.remove(HeaderId::content_encoding);
    become_other_bytes(head, context.x.arena);
  }

  Settings settings_;
};

constexpr config::Foreign kForeign[] = {
    {"mode", "remove it: answers are encoded once, as they go to the client"},
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings, kForeign);
  if (settings.gzip_level + settings.br_level + settings.zstd_level == 0 &&
      !settings.decompression) {
    making.reader.error(making.entry.at, {"a compression that is off", {}, {}});
  }
  return std::make_shared<Compression>(std::move(settings));
}

}  // namespace

const Kind kCompression{"compression",
                        "",
                        "encodes answers by gzip, brotli or Zstandard",
                        Phase::identify,
                        describe_options<kOptions>,
                        make};

}  // namespace pingap::plugin
