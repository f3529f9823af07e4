// error_pages: bodies of the operator's own for answers with an error, by status, as HTML or JSON.
#include <algorithm>
#include <array>
#include <optional>

#include "base/status_set.h"
#include "config/read_file.h"
#include "config/suggest.h"
#include "http/accept.h"
#include "http/status.h"
#include "plugin/content/kinds.h"
#include "plugin/fields.h"
#include "plugin/headers.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using exchange::Escape;
using http::HeaderId;

constexpr size_t kMostBytes = 1 << 20;  // of a page: it is sent whole with each error
constexpr uint16_t kFirst = 400;
constexpr uint16_t kEnd = 600;

struct Settings {
  const config::Value* html = nullptr;
  const config::Value* json = nullptr;
  bool backend = false;
  std::vector<config::FieldMatch> headers;
};

constexpr Option<Settings> kOptions[] = {
    {{"html", "", Type::bodies, "none",
      "pages by status (\"404\", \"5xx\", \"500-503\"): a text with variables, or the path of a "
      "file with one"},
     &Settings::html},
    {{"json", "", Type::bodies, "none", "the same for clients that like JSON better"},
     &Settings::json},
    {{"backend", "", Type::boolean, "false", "also instead of what a backend says"},
     &Settings::backend},
    {{"headers", "", Type::pairs, "none", "more fields of answers with such a page"},
     &Settings::headers},
};

// One form of all pages.
class Pages {
 public:
  // What is wrong goes to the reader.
  void read(const Making& making, const config::Value& table) {
    struct Entry {
      StatusSet statuses;
      size_t index;
      bool one;
    };

    std::vector<Entry> entries;
    for (const config::Member& member : table.members) {
      Entry entry{{}, texts_.size(), member.key.size() == 3 && is_digit(member.key[2])};
      if (!entry.statuses.add(std::string_view(member.key)) || !is_error(entry.statuses)) {
        making.reader.error(member.at, {config::quote(member.key) + " is no status of an error",
                                        R"("404", "5xx" or "500-503")",
                                        {}});
      } else if (auto text = read_text(making, member)) {
        entries.push_back(entry);
        texts_.push_back(std::move(*text));
      }
    }
    // One that stands alone goes before ranges, those in the order of the table.
    std::ranges::sort(entries, {}, [](const Entry& one) { return std::pair(!one.one, one.index); });
    for (uint16_t status = kFirst; status < kEnd; ++status) {
      const auto found = std::ranges::find_if(
          entries, [&](const Entry& one) { return one.statuses.contains(status); });
      by_status_[status - kFirst] =
          found == entries.end() ? uint16_t{0} : static_cast<uint16_t>(found->index + 1);
    }
  }

  bool empty() const noexcept { return texts_.empty(); }

  // Null where there is none.
  const exchange::Template* find(uint16_t status) const noexcept {
    const uint16_t page = status >= kFirst && status < kEnd ? by_status_[status - kFirst] : 0;
    return page == 0 ? nullptr : &texts_[page - 1U];
  }

 private:
  static bool is_error(const StatusSet& statuses) noexcept {
    for (uint16_t status = 100; status < kFirst; ++status) {
      if (statuses.contains(status)) {
        return false;
      }
    }
    return true;
  }

  static std::optional<exchange::Template> read_text(const Making& making,
                                                     const config::Member& member) {
    if (member.value.kind != config::ValueKind::string) {
      making.reader.wrong_type({member.key, member.at, member.value}, "a string");
      return std::nullopt;
    }
    std::string text = member.value.text;
    if (text.starts_with('/')) {
      making.files.push_back(text);
      auto read = config::read_file(text, kMostBytes);
      if (!read) {
        making.reader.error(member.value.at,
                            {"cannot read the page " + config::quote(text), {}, read.error()});
        return std::nullopt;
      }
      text = std::move(*read);
    }
    auto made = exchange::Template::compile_lines(text);
    if (!made) {
      making.reader.error(member.value.at, {std::move(made.error()), {}, {}});
      return std::nullopt;
    }
    return std::move(*made);
  }

  std::vector<exchange::Template> texts_;
  std::array<uint16_t, kEnd - kFirst> by_status_{};  // counted from 1
};

// Gives the page at the first byte or at the end, whichever comes first, and drops what comes.
class Replacing final : public BodyFilter {
 public:
  explicit Replacing(std::string_view page) noexcept : page_(page) {}

  Result<> filter(ByteQueue& in, ByteQueue& out, End /*end*/) noexcept override {
    in.clear();
    out.append(page_);
    page_ = {};
    return {};
  }

  // The head has the length of the page.
  bool keeps_length() const noexcept override { return true; }

 private:
  std::string_view page_;
};

class ErrorPages final : public Plugin {
 public:
  ErrorPages(bool backend, Pages html, Pages json, FieldList fields) noexcept
      : backend_(backend),
        html_(std::move(html)),
        json_(std::move(json)),
        fields_(std::move(fields)) {}

  uint8_t hooks() const noexcept override { return kResponse | kResponseBody; }

  void on_response(Context& context) const noexcept override {
    context.state = nullptr;
    exchange::Exchange& x = context.x;
    if (x.response.status < kFirst || x.grpc || (!backend_ && !is_ours(context))) {
      return;
    }
    const bool json =
        html_.empty() ||
        (!json_.empty() && http::prefers_json(x.request.headers.get(HeaderId::accept)));
    const exchange::Template* page = (json ? json_ : html_).find(x.response.status);
    if (page == nullptr) {
      return;
    }
    x.status = x.response.status;
    const std::string_view body = page->render(x, json ? Escape::json : Escape::html);
    edit_head(x, json, body.size());
    context.state = static_cast<BodyFilter*>(&context.make<Replacing>(body));
    context.answer.makes_body = !body.empty();
  }

  BodyFilter* response_body(Context& context) const noexcept override {
    return static_cast<BodyFilter*>(context.state);
  }

 private:
  // A page of the proxy's, not a text that a plugin was told to give, and nothing of a backend.
  static bool is_ours(const Context& context) noexcept {
    const exchange::Exchange& x = context.x;
    return x.plugin.empty() ? x.reason != ErrorCode::none : context.answer.page;
  }

  // What described the other body does not describe this one.
  void edit_head(exchange::Exchange& x, bool json, size_t size) const noexcept {
    http::ResponseHead& head = x.response;
    head.headers = http::HeaderMap::copy(head.headers, x.arena, fields_.all().size() + 2);
    for (const HeaderId id : {HeaderId::content_encoding, HeaderId::content_language,
                              HeaderId::content_range, HeaderId::content_disposition,
                              HeaderId::etag, HeaderId::last_modified, HeaderId::accept_ranges}) {
      head.headers.remove(id);
    }
    remove_digests(head.headers);
    head.headers.set(HeaderId::content_type,
                     json ? "application/json" : "text/html; charset=utf-8");
    if (!html_.empty() && !json_.empty()) {
      head.headers.add(HeaderId::vary, "Accept");
    }
    for (const NamedTemplate& field : fields_.all()) {
      head.headers.remove(std::string_view(field.name));
      add_field(head.headers, field, field.value.render(x));
    }
    head.framing = http::Framing::length;
    head.content_length = size;
    head.has_content_length = true;
  }

  const bool backend_;
  const Pages html_;
  const Pages json_;
  const FieldList fields_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  if (settings.html == nullptr && settings.json == nullptr) {
    making.reader.error(making.entry.at, {"error_pages without pages", "`html` or `json`", {}});
  }
  Pages html;
  Pages json;
  if (settings.html != nullptr) {
    html.read(making, *settings.html);
  }
  if (settings.json != nullptr) {
    json.read(making, *settings.json);
  }
  FieldList fields = FieldList::compile(settings.headers, config::EditOf::response, making.reader);
  return std::make_shared<ErrorPages>(settings.backend, std::move(html), std::move(json),
                                      std::move(fields));
}

}  // namespace

const Kind kErrorPages{"error_pages",
                       "",
                       "gives errors a page of your own",
                       Phase::identify,
                       describe_options<kOptions>,
                       make};

}  // namespace pingap::plugin
