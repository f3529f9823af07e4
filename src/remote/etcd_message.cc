#include "remote/etcd_message.h"

#include <algorithm>
#include <charconv>
#include <ranges>

#include <fmt/format.h>

#include "config/value.h"
#include "http/base64.h"

namespace pingap::remote {
namespace {

using config::Member;
using config::Value;
using config::ValueKind;

constexpr size_t kMaxComplaint = 200;  // bytes that are shown
// What a transaction may have at one level; of two levels, so many times so many.
constexpr size_t kMaxPerLevel = 60;
// Comparisons count like operations of their level.
constexpr size_t kMaxCompares = 60;

std::string base64(std::string_view bytes) {
  std::string text(http::Base64Encoder::room_for(bytes.size()) + http::Base64Encoder::kLast, '\0');
  http::Base64Encoder encoder;
  size_t size = encoder.encode(bytes, text.data());
  size += encoder.finish(text.data() + size);
  text.resize(size);
  return text;
}

std::optional<std::string> unbase64(std::string_view text) {
  std::string bytes(http::Base64Decoder::room_for(text.size()), '\0');
  http::Base64Decoder decoder;
  const auto size = decoder.decode(text, bytes.data());
  if (!size || !decoder.whole()) {
    return std::nullopt;
  }
  bytes.resize(*size);
  return bytes;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string range_of(std::string_view prefix) {
  return fmt::format(R"("key":"{}","range_end":"{}")", base64(prefix), base64(prefix_end(prefix)));
}

// ---- reading

std::optional<Value> tree_of(std::string_view json) {
  config::Diagnostics diagnostics;
  Value root = config::read_json(json, 0, diagnostics);
  if (diagnostics.has_errors() || root.kind != ValueKind::table) {
    return std::nullopt;
  }
  return root;
}

const Value* find(const Value& table, std::string_view key) {
  const auto found = std::ranges::find(table.members, key, &Member::key);
  return found == table.members.end() ? nullptr : &found->value;
}

std::string_view text_of(const Value& table, std::string_view key) {
  const Value* value = find(table, key);
  return value != nullptr && value->kind == ValueKind::string ? std::string_view(value->text)
                                                              : std::string_view();
}

bool is_true(const Value& table, std::string_view key) {
  const Value* value = find(table, key);
  return value != nullptr && value->kind == ValueKind::boolean && value->integer != 0;
}

// 0 where it is left out, as etcd does with zeros.
int64_t number_of(const Value& table, std::string_view key) {
  const Value* value = find(table, key);
  if (value == nullptr) {
    return 0;
  }
  if (value->kind == ValueKind::integer) {
    return value->integer;
  }
  int64_t number = 0;
  std::from_chars(value->text.data(), value->text.data() + value->text.size(), number);
  return number;
}

int64_t revision_of(const Value& answer) {
  const Value* header = find(answer, "header");
  return header == nullptr ? 0 : number_of(*header, "revision");
}

std::optional<EtcdItem> item_of(const Value& kv) {
  auto key = unbase64(text_of(kv, "key"));
  auto value = unbase64(text_of(kv, "value"));
  if (!key || !value) {
    return std::nullopt;
  }
  return EtcdItem{std::move(*key), std::move(*value), number_of(kv, "mod_revision")};
}

std::string cut(std::string_view text) {
  return std::string(text.substr(0, kMaxComplaint));
}

}  // namespace

bool EtcdRange::same_as(const EtcdRange& other) const noexcept {
  return std::ranges::equal(items, other.items, [](const EtcdItem& a, const EtcdItem& b) {
    return a.key == b.key && a.mod_revision == b.mod_revision;
  });
}

int64_t EtcdRange::last_write() const noexcept {
  int64_t last = 0;
  for (const EtcdItem& item : items) {
    last = std::max(last, item.mod_revision);
  }
  return last;
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) {
    end.pop_back();
  }
  if (end.empty()) {
    return std::string(1, '\0');  // to the end of all keys
  }
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::string range_request(std::string_view prefix) {
  return fmt::format("{{{}}}", range_of(prefix));
}

std::string count_request(std::string_view prefix) {
  return fmt::format(R"({{{},"count_only":true}})", range_of(prefix));
}

std::string watch_request(std::string_view prefix, int64_t revision) {
  return fmt::format(R"({{"create_request":{{{},"start_revision":"{}","progress_notify":true}}}})",
                     range_of(prefix), revision);
}

std::string authenticate_request(std::string_view user, std::string_view password) {
  return fmt::format(R"({{"name":{},"password":{}}})", json_string(user), json_string(password));
}

namespace {

// What must not be another than seen: no key was written since, and (as far as there is room) each
// one is still there. The answer's count tells of what was deleted beyond that.
std::string compares_of(const EtcdWrite& write) {
  std::string out = fmt::format(R"({{"target":"MOD","result":"LESS",{},"mod_revision":"{}"}})",
                                range_of(write.prefix), write.seen.revision + 1);
  for (const EtcdItem& item : write.seen.items | std::views::take(kMaxCompares - 1)) {
    out += fmt::format(R"(,{{"target":"MOD","result":"EQUAL","key":"{}","mod_revision":"{}"}})",
                       base64(item.key), item.mod_revision);
  }
  return out;
}

std::vector<std::string> operations_of(const EtcdWrite& write) {
  std::vector<std::string> all;
  all.reserve(write.operations());
  for (const EtcdPut& put : write.puts) {
    all.push_back(fmt::format(R"({{"request_put":{{"key":"{}","value":"{}"}}}})", base64(put.key),
                              base64(put.value)));
  }
  for (const std::string& key : write.deletes) {
    all.push_back(fmt::format(R"({{"request_delete_range":{{"key":"{}"}}}})", base64(key)));
  }
  return all;
}

}  // namespace

std::string write_request(const EtcdWrite& write) {
  const std::vector<std::string> all = operations_of(write);
  std::string body =
      fmt::format(R"({{"compare":[{}],"success":[{{"request_range":{{{},"count_only":true}}}})",
                  compares_of(write), range_of(write.prefix));
  for (size_t from = 0; from < all.size(); from += kMaxPerLevel) {
    body += R"(,{"request_txn":{"success":[)";
    const size_t end = std::min(from + kMaxPerLevel, all.size());
    for (size_t i = from; i < end; ++i) {
      body += (i > from ? "," : "") + all[i];
    }
    body += "]}}";
  }
  return body + "]}";
}

std::optional<EtcdRange> parse_range(std::string_view json) {
  const auto root = tree_of(json);
  if (!root) {
    return std::nullopt;
  }
  EtcdRange range;
  range.revision = revision_of(*root);
  if (const Value* kvs = find(*root, "kvs")) {
    range.items.reserve(kvs->items.size());
    for (const Value& kv : kvs->items) {
      auto item = item_of(kv);
      if (!item) {
        return std::nullopt;
      }
      range.items.push_back(std::move(*item));
    }
  }
  return range.revision > 0 ? std::optional(std::move(range)) : std::nullopt;
}

std::optional<std::string> parse_token(std::string_view json) {
  const auto root = tree_of(json);
  if (!root || text_of(*root, "token").empty()) {
    return std::nullopt;
  }
  return std::string(text_of(*root, "token"));
}

std::optional<EtcdWritten> parse_written(std::string_view json) {
  const auto root = tree_of(json);
  if (!root || revision_of(*root) == 0) {
    return std::nullopt;
  }
  EtcdWritten written{is_true(*root, "succeeded"), revision_of(*root), 0};
  const Value* responses = find(*root, "responses");
  if (written.done && responses != nullptr && !responses->items.empty()) {
    if (const Value* counted = find(responses->items.front(), "response_range")) {
      written.count = number_of(*counted, "count");
    }
  }
  return written;
}

std::optional<EtcdEvents> parse_events(std::string_view json) {
  const auto root = tree_of(json);
  if (!root) {
    return std::nullopt;
  }
  EtcdEvents out;
  const Value* result = find(*root, "result");
  if (result == nullptr) {
    out.error = true;
    out.why = parse_complaint(json).what;
    return out;
  }
  out.created = is_true(*result, "created");
  out.canceled = is_true(*result, "canceled");
  out.compacted = number_of(*result, "compact_revision");
  out.why = cut(text_of(*result, "cancel_reason"));
  out.revision = revision_of(*result);
  if (const Value* events = find(*result, "events")) {
    out.events = events->items.size();
  }
  return out;
}

// {"error":"...","message":"...","code":16}, or of a stream
// {"error":{"grpc_code":14,"message":...}}
EtcdComplaint parse_complaint(std::string_view json) {
  const auto root = tree_of(json);
  if (!root) {
    return {};
  }
  const Value* inner = find(*root, "error");
  const Value& from = inner != nullptr && inner->kind == ValueKind::table ? *inner : *root;
  const int64_t code =
      find(from, "code") != nullptr ? number_of(from, "code") : number_of(from, "grpc_code");
  std::string_view what = text_of(from, "message");
  if (what.empty()) {
    what = text_of(from, "error");
  }
  return {static_cast<int>(code), cut(what)};
}

}  // namespace pingap::remote
