// request_size_limit: how large a request may be.
#include "plugin/traffic/kinds.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;

struct Settings {
  uint64_t max_body = 0;
  uint64_t max_header = 0;
  uint64_t max_uri = 0;
};

constexpr const char* kBodyTooLarge = "body is too large";

constexpr Option<Settings> kOptions[] = {
    {{"max_body", "max_size", Type::size, "no limit",
      "of the body, as announced and as it comes: 413"},
     &Settings::max_body},
    {{"max_header", "", Type::size, "no limit", "of all header fields, names and values: 431"},
     &Settings::max_header},
    {{"max_uri", "", Type::size, "no limit", "of the target: 414"}, &Settings::max_uri},
};

class Counting final : public BodyFilter {
 public:
  explicit Counting(uint64_t most) noexcept : left_(most) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End /*end*/) noexcept override {
    if (in.size() > left_) {
      return tl::unexpected(
          Error{ErrorCode::body_too_large, Side::downstream, Retry::never, 0, kBodyTooLarge});
    }
    left_ -= in.size();
    out.move_from(in, in.size());
    return {};
  }

  bool keeps_length() const noexcept override { return true; }

 private:
  uint64_t left_;
};

class RequestSizeLimit final : public Plugin {
 public:
  explicit RequestSizeLimit(Settings settings) noexcept : settings_(settings) {}

  uint8_t hooks() const noexcept override {
    return settings_.max_body > 0 ? kRequest | kRequestBody : kRequest;
  }

  Verdict on_request(Context& context) const noexcept override {
    const http::RequestHead& head = context.x.request;
    if (settings_.max_uri > 0 && head.target.size() > settings_.max_uri) {
      return context.refuse(414, ErrorCode::target_too_long, "target is too long");
    }
    if (settings_.max_header > 0 && size_of(head.headers) > settings_.max_header) {
      return context.refuse(431, ErrorCode::head_too_large, "header is too large");
    }
    if (settings_.max_body > 0 && head.framing == http::Framing::length &&
        head.content_length > settings_.max_body) {
      return context.refuse(413, ErrorCode::body_too_large, kBodyTooLarge);
    }
    return Verdict::next;
  }

  BodyFilter* request_body(Context& context) const noexcept override {
    return &context.make<Counting>(settings_.max_body);
  }

 private:
  static uint64_t size_of(const http::HeaderMap& headers) noexcept {
    uint64_t size = 0;
    for (const http::Field& field : headers.fields()) {
      size += field.removed() ? 0 : field.name_size + uint64_t{field.value_size};
    }
    return size;
  }

  Settings settings_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  if (settings.max_body + settings.max_header + settings.max_uri == 0) {
    making.reader.error(making.entry.at,
                        {"a limit of nothing", "`max_body`, `max_header` or `max_uri`", {}});
  }
  return std::make_shared<RequestSizeLimit>(settings);
}

}  // namespace

const Kind kRequestSizeLimit{
    "request_size_limit",       "",  "limits bodies, headers and targets", Phase::limit,
    describe_options<kOptions>, make};

}  // namespace pingap::plugin
