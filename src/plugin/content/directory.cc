// directory: files of a folder as answers: ranges, conditional requests, listings, one page for all
// paths of an application.
#include <array>
#include <charconv>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/suggest.h"
#include "http/date.h"
#include "http/method.h"
#include "plugin/content/file_conditions.h"
#include "plugin/content/file_root.h"
#include "plugin/content/kinds.h"
#include "plugin/content/listing.h"
#include "plugin/content/media_type.h"
#include "plugin/fields.h"
#include "plugin/file_watch.h"
#include "plugin/http_list.h"
#include "plugin/swapped.h"
#include "route/path.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using http::HeaderId;

using Roots = Swapped<FileRoot>;

struct Settings {
  Located<std::string> path;
  std::string prefix;
  std::vector<std::string> index{"index.html"};
  std::string fallback;
  bool autoindex = false;
  bool follow_symlinks = false;
  bool hidden = false;
  bool precompressed = false;
  bool download = false;
  bool fallthrough = false;
  milliseconds max_age{0};
  bool is_private = false;
  std::string charset{"utf-8"};
  std::vector<config::FieldMatch> headers;
};

constexpr Option<Settings> kOptions[] = {
    {{"path", "", Type::text, "required", "the folder, absolute"}, &Settings::path},
    {{"prefix", "", Type::path, "none",
      "taken off the front of the request's path before a file is looked for"},
     &Settings::prefix},
    {{"index", "", Type::list, "[\"index.html\"]", "the file that stands for a folder"},
     &Settings::index},
    {{"fallback", "", Type::text, "none",
      "the file, from the folder on, for paths that lead nowhere: of an application that routes by "
      "itself"},
     &Settings::fallback},
    {{"autoindex", "", Type::boolean, "false", "list folders that have no index"},
     &Settings::autoindex},
    {{"follow_symlinks", "", Type::boolean, "false",
      "also links, as long as they stay in the folder"},
     &Settings::follow_symlinks},
    {{"hidden", "", Type::boolean, "false",
      "also files whose name, or whose folder's name, begins with a dot; `.well-known` is always "
      "shown"},
     &Settings::hidden},
    {{"precompressed", "", Type::boolean, "false",
      "send FILE.zst, FILE.br or FILE.gz where it is there and the client accepts it"},
     &Settings::precompressed},
    {{"download", "", Type::boolean, "false", "browsers save the file instead of showing it"},
     &Settings::download},
    {{"fallthrough", "", Type::boolean, "false",
      "what is not there goes on to the next plugin or the upstream, instead of 404"},
     &Settings::fallthrough},
    {{"max_age", "", Type::duration, "none", "how long caches may keep files; not of text/html"},
     &Settings::max_age},
    {{"private", "", Type::boolean, "false", "only the browser's cache may"},
     &Settings::is_private},
    {{"charset", "", Type::text, "\"utf-8\"", "of texts"}, &Settings::charset},
    {{"headers", "", Type::pairs, "none", "more fields of answers with files"}, &Settings::headers},
};

// What is found for a request.
struct Found {
  OpenFile file;
  std::string name;           // that its type is known by
  std::string_view encoding;  // of a precompressed one
};

// The path of a file. False: no file has such a name.
bool decode(std::string_view path, std::string& out) {
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      const int high = i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
      const int low = high >= 0 ? hex_value(path[i + 2]) : -1;
      if (low < 0) {
        return false;
      }
      c = static_cast<char>(high << 4 | low);
      if (c == '/') {
        return false;  // a part of a name, which no file can have
      }
      i += 2;
    }
    if (c == '\0') {
      return false;
    }
    out += c;
  }
  return true;
}

class Directory final : public Plugin {
 public:
  Directory(Settings settings, std::shared_ptr<Roots> roots, std::unique_ptr<FileWatch> watch,
            FieldList fields) noexcept
      : settings_(std::move(settings)),
        roots_(std::move(roots)),
        watch_(std::move(watch)),
        fields_(std::move(fields)) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    const http::Method method = context.x.request.method;
    if (method != http::Method::get && method != http::Method::head) {
      return settings_.fallthrough ? Verdict::next : refuse_method(context);
    }
    std::string path;
    if (!path_of(context.x.uri.path, path)) {
      return not_found(context);
    }
    const FileRoot& root = *roots_->of(context.host.worker());
    Found found{root.find(path), path, {}};
    if (found.file.is_folder()) {
      if (!context.x.uri.path.ends_with('/')) {
        return add_slash(context);
      }
      if (!find_index(root, path, found)) {
        return settings_.autoindex && found.file.fd ? list(context, found.file)
                                                    : fall_back(context, root);
      }
    }
    if (!found.file.fd || context.x.uri.path.ends_with('/') != found.name.ends_with('/')) {
      const bool index = found.file.fd && found.name != path;
      if (!index) {
        return fall_back(context, root);
      }
    }
    return send(context, root, std::move(found));
  }

 private:
  // Relative to the folder.
  bool path_of(std::string_view path, std::string& out) const {
    if (!settings_.prefix.empty()) {
      if (!route::is_path_prefix(settings_.prefix, path)) {
        return false;
      }
      path.remove_prefix(settings_.prefix.size());
    }
    while (path.starts_with('/')) {
      path.remove_prefix(1);
    }
    return decode(path, out) && (settings_.hidden || !is_hidden(out)) && has_no_dots(out);
  }

  static bool is_hidden(std::string_view path) noexcept {
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      const std::string_view part = path.substr(0, slash);
      if (part.starts_with('.') && part != ".well-known") {
        return true;
      }
      path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return false;
  }

  static bool has_no_dots(std::string_view path) noexcept {
    return path != ".." && !path.starts_with("../") && !path.ends_with("/..") &&
           path.find("/../") == std::string_view::npos;
  }

  bool find_index(const FileRoot& root, const std::string& folder, Found& found) const {
    for (const std::string& name : settings_.index) {
      OpenFile file = root.find(folder + name);
      if (file.is_file() && file.fd) {
        found = {std::move(file), folder + name, {}};
        return true;
      }
    }
    return false;
  }

  Verdict fall_back(Context& context, const FileRoot& root) const {
    if (settings_.fallback.empty()) {
      return not_found(context);
    }
    Found found{root.find(settings_.fallback), settings_.fallback, {}};
    return found.file.fd && found.file.is_file() ? send(context, root, std::move(found))
                                                 : not_found(context);
  }

  Verdict not_found(Context& context) const noexcept {
    return settings_.fallthrough ? Verdict::next
                                 : context.refuse(404, ErrorCode::no_route, "no such file");
  }

  static Verdict refuse_method(Context& context) noexcept {
    context.answer.headers = http::HeaderMap::copy({}, context.x.arena, 2);
    context.answer.headers.add(HeaderId::allow, "GET, HEAD");
    return context.refuse(405, ErrorCode::method_not_allowed, "files are only read");
  }

  // Relative, so that no host and no scheme has to be known.
  static Verdict add_slash(Context& context) noexcept {
    exchange::Exchange& x = context.x;
    std::string_view path = x.uri.path;
    path.remove_prefix(path.rfind('/') + 1);
    context.answer.status = 301;
    context.answer.headers = http::HeaderMap::copy({}, x.arena, 2);
    // "./" in front: a name with a colon is no scheme then (RFC 3986 4.2).
    context.answer.headers.add(HeaderId::location,
                               x.uri.has_query ? x.arena.concat("./", path, "/?", x.uri.query)
                                               : x.arena.concat("./", path, "/"));
    return Verdict::respond;
  }

  static Verdict list(Context& context, const OpenFile& folder) {
    Answer& answer = context.answer;
    answer.headers = http::HeaderMap::copy({}, context.x.arena, 4);
    answer.headers.add(HeaderId::content_type, "text/html; charset=utf-8");
    answer.headers.add(HeaderId::cache_control, "no-cache");
    answer.body.append(render_listing(context.x.uri.match_path, FileRoot::list(folder)));
    return Verdict::respond;
  }

  // A file beside the one that was found, in a coding that the client accepts.
  static void choose_encoded(const FileRoot& root, const http::HeaderMap& asked, Found& found) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kKnown = {
        {{"zstd", ".zst"}, {"br", ".br"}, {"gzip", ".gz"}}};
    int most = 0;
    for (const auto& [coding, extension] : kKnown) {
      const int quality = quality_of(asked, HeaderId::accept_encoding, coding);
      if (quality <= most) {
        continue;
      }
      OpenFile file = root.find(found.name + std::string(extension));
      if (file.fd && file.is_file()) {
        found.file = std::move(file);
        found.encoding = coding;
        most = quality;
      }
    }
  }

  Verdict send(Context& context, const FileRoot& root, Found found) const {
    exchange::Exchange& x = context.x;
    if (settings_.precompressed) {
      choose_encoded(root, x.request.headers, found);
    }
    const auto size = static_cast<uint64_t>(found.file.info.st_size);
    const std::string_view etag = etag_of(found.file.info, x.arena);
    const int64_t modified = found.file.info.st_mtim.tv_sec;
    const Part part = choose_part(x.request.headers, {etag, modified, size});
    if (part.outcome == Outcome::failed) {
      return context.refuse(412, ErrorCode::none, "precondition failed");
    }
    Answer& answer = context.answer;
    http::HeaderMap& headers = answer.headers;
    headers = fields_.render(x);
    headers.add(HeaderId::etag, etag);
    headers.add(HeaderId::last_modified, date_text(modified, x.arena));
    headers.add(HeaderId::accept_ranges, "bytes");
    if (settings_.precompressed) {
      headers.add(HeaderId::vary, "Accept-Encoding");
    }
    const std::string_view type = media_type_of(found.name);
    add_caching(headers, type, x.arena);
    if (part.outcome == Outcome::not_modified) {
      answer.status = 304;
      return Verdict::respond;
    }
    if (part.outcome == Outcome::cannot_be_satisfied) {
      answer.status = 416;
      headers.add(HeaderId::content_range, x.arena.concat("bytes */", number(size, x.arena)));
      return Verdict::respond;
    }
    add_content(headers, found, type, x.arena);
    if (part.outcome == Outcome::part) {
      answer.status = 206;
      headers.add(
          HeaderId::content_range,
          x.arena.concat("bytes ", number(part.first, x.arena), "-",
                         number(part.first + part.size - 1, x.arena), "/", number(size, x.arena)));
    }
    answer.source = std::make_unique<FileSource>(std::move(found.file.fd), part.first);
    answer.source_size = part.size;
    return Verdict::respond;
  }

  void add_content(http::HeaderMap& headers, const Found& found, std::string_view type,
                   Arena& arena) const {
    headers.add(HeaderId::content_type, is_text(type) && !settings_.charset.empty()
                                            ? arena.concat(type, "; charset=", settings_.charset)
                                            : type);
    headers.add("X-Content-Type-Options", "nosniff");
    if (!found.encoding.empty()) {
      headers.add(HeaderId::content_encoding, found.encoding);
    }
    if (settings_.download) {
      headers.add(HeaderId::content_disposition, "attachment");
    }
  }

  // Pages change while what they name by a version does not: they are asked for again.
  void add_caching(http::HeaderMap& headers, std::string_view type, Arena& arena) const {
    if (settings_.max_age == milliseconds::zero()) {
      return;
    }
    const auto age = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(settings_.max_age).count());
    headers.add(HeaderId::cache_control,
                type == "text/html"
                    ? std::string_view("no-cache")
                    : arena.concat(settings_.is_private ? "private, max-age=" : "max-age=",
                                   number(age, arena)));
  }

  static std::string_view number(uint64_t value, Arena& arena) noexcept {
    char* out = arena.make_array<char>(20);
    return {out, static_cast<size_t>(std::to_chars(out, out + 20, value).ptr - out)};
  }

  static std::string_view etag_of(const struct stat& info, Arena& arena) noexcept {
    char* out = arena.make_array<char>(56);
    char* to = out;
    *to++ = '"';
    to = std::to_chars(to, to + 16, static_cast<uint64_t>(info.st_mtim.tv_sec), 16).ptr;
    *to++ = '-';
    to = std::to_chars(to, to + 16, static_cast<uint64_t>(info.st_mtim.tv_nsec), 16).ptr;
    *to++ = '-';
    to = std::to_chars(to, to + 16, static_cast<uint64_t>(info.st_size), 16).ptr;
    *to++ = '"';
    return {out, static_cast<size_t>(to - out)};
  }

  static std::string_view date_text(int64_t seconds, Arena& arena) noexcept {
    const http::DateText text = http::format_date(seconds);
    return arena.copy({text.data(), text.size()});
  }

  Settings settings_;
  std::shared_ptr<Roots> roots_;
  std::unique_ptr<FileWatch> watch_;  // whether another folder has taken its place
  FieldList fields_;
};

// Files are looked for in the folder that was there: one that takes its place has to be seen.
std::unique_ptr<FileWatch> watch_folder(const std::string& name, const Settings& settings,
                                        std::string state, const std::shared_ptr<Roots>& roots) {
  const std::string& path = settings.path.value;
  return std::make_unique<FileWatch>(
      FileWatch::Settings{name, "files", path, std::move(state), &FileRoot::identity},
      [path, follow = settings.follow_symlinks, roots]() -> tl::expected<void, std::string> {
        auto root = FileRoot::open(path, follow);
        if (!root) {
          return tl::make_unexpected(std::generic_category().message(root.error()));
        }
        roots->publish(std::make_shared<const FileRoot>(std::move(*root)));
        return {};
      });
}

std::shared_ptr<const Plugin> make(const Making& making) {
  config::Reader& reader = making.reader;
  Settings settings;
  read_options(making.entry, kOptions, reader, settings);
  FieldList fields = FieldList::compile(settings.headers, config::EditOf::response, reader);
  while (settings.fallback.starts_with('/')) {
    settings.fallback.erase(0, 1);
  }
  if (settings.path.value.empty()) {
    return nullptr;
  }
  if (!settings.path.value.starts_with('/')) {
    reader.error(settings.path.at, {"`path` is not absolute", {}, {}});
    return nullptr;
  }
  std::string state = FileRoot::identity(settings.path.value);
  auto root = FileRoot::open(settings.path.value, settings.follow_symlinks);
  if (!root) {
    reader.error(settings.path.at,
                 {fmt::format("cannot read the folder {}", config::quote(settings.path.value)),
                  std::strerror(root.error()),  // NOLINT(concurrency-mt-unsafe): the only thread
                  {}});
    return nullptr;
  }
  auto roots =
      std::make_shared<Roots>(making.workers, std::make_shared<const FileRoot>(std::move(*root)));
  auto watch = watch_folder(making.entry.name, settings, std::move(state), roots);
  return std::make_shared<Directory>(std::move(settings), std::move(roots), std::move(watch),
                                     std::move(fields));
}

}  // namespace

const Kind kDirectory{"directory",
                      "",
                      "answers with the files of a folder",
                      Phase::content,
                      describe_options<kOptions>,
                      make};

}  // namespace pingap::plugin
