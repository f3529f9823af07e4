// api_key: a client shows a key that is its own. Keys are looked up by a keyed hash of them, so
// that neither the table's size nor the first bytes of a guess show in the time that it takes.
#include <unordered_map>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "config/suggest.h"
#include "config/syntax.h"
#include "plugin/auth/credentials.h"
#include "plugin/auth/kinds.h"
#include "plugin/keyed_digest.h"

namespace pingap::plugin {
namespace {

using Type = OptionInfo::Type;
using config::Value;
using config::ValueKind;

constexpr std::string_view kHashed = "sha256:";
constexpr size_t kMaxKey = 4096;  // bytes that a client may show

struct Settings {
  std::string header;
  std::string query;
  std::string cookie;
  const Value* keys = nullptr;
  bool hide = true;
  std::vector<config::FieldMatch> set_headers;
  std::string realm = "pingap";
  milliseconds delay{0};
};

constexpr Option<Settings> kOptions[] = {
    {{"header", "", Type::text, "\"X-API-Key\"", "the header that a key is in"}, &Settings::header},
    {{"query", "", Type::text, "none", "instead of a header: the parameter that a key is in"},
     &Settings::query},
    {{"cookie", "", Type::text, "none", "instead of a header: the cookie that a key is in"},
     &Settings::cookie},
    {{"keys", "", Type::entries, "required",
      "keys, plain or as \"sha256:HEX\"; or tables with `key`, `name` and more that is to be known "
      "of the client as `$auth_...`"},
     &Settings::keys},
    {{"hide_credentials", "", Type::boolean, "true", "the backend does not see the key"},
     &Settings::hide},
    {{"set_headers", "", Type::pairs, "none",
      "\"Name: value\": fields for the backend, such as \"X-Client: $auth_name\"; a client's own "
      "are removed"},
     &Settings::set_headers},
    {{"realm", "", Type::text, "\"pingap\"", "what a client without a key is told to have one for"},
     &Settings::realm},
    {{"delay", "", Type::duration, "none", "before a refusal"}, &Settings::delay},
};

struct Client {
  std::vector<std::pair<std::string, std::string>> known;
};

using Keys = std::unordered_map<Digest, Client, DigestHash>;

std::string_view text_of(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

class KeyReader {
 public:
  explicit KeyReader(config::Reader& reader) : reader_(reader) {}

  Keys read(const Value& list) {
    for (const Value& item : list.items) {
      if (item.kind == ValueKind::table) {
        add_table(item);
      } else {
        add(item, Client{});
      }
    }
    return std::move(keys_);
  }

 private:
  void fail(Position at, std::string what, std::string allowed = {}) {
    reader_.error(at, {std::move(what), std::move(allowed), {}});
  }

  void add(const Value& key, Client&& client) {
    reader_.diagnostics().hide(key.at);
    if (key.kind != ValueKind::string) {
      fail(key.at, "a key is a text", R"("KEY", "sha256:HEX" or { key = "...", name = "..." })");
      return;
    }
    Digest digest{};
    if (key.text.starts_with(kHashed)) {
      if (!parse_hex(std::string_view(key.text).substr(kHashed.size()), digest)) {
        fail(key.at, "a hashed key is no SHA-256", "\"sha256:\" and 64 hexadecimal digits");
        return;
      }
    } else if (key.text.empty() || key.text.size() > kMaxKey || !config::is_printable(key.text)) {
      fail(key.at, key.text.empty() ? "a key is empty" : "a key is not printable, or too long");
      return;
    } else {
      digest = sha256(key.text);
    }
    if (!keys_.try_emplace(keyed_digest(text_of(digest)), std::move(client)).second) {
      fail(key.at, "a key is there twice");
    }
  }

  void add_table(const Value& table) {
    const Value* key = nullptr;
    Client client;
    for (const config::Member& member : table.members) {
      if (member.key == "key") {
        key = &member.value;
      } else if (member.value.kind != ValueKind::string ||
                 !config::is_printable(member.value.text)) {
        fail(member.value.at, config::quote(member.key) + " is not a text of one line");
      } else {
        client.known.emplace_back(member.key, member.value.text);
      }
    }
    if (key == nullptr) {
      fail(table.at, "a client without `key`", R"({ key = "...", name = "..." })");
      return;
    }
    add(*key, std::move(client));
  }

  config::Reader& reader_;
  Keys keys_;
};

class ApiKey final : public Plugin {
 public:
  ApiKey(const Settings& settings, Place place, Keys keys, FieldList fields)
      : place_(std::move(place)),
        keys_(std::move(keys)),
        fields_(std::move(fields)),
        refuser_(settings.delay),
        challenge_(fmt::format("ApiKey realm=\"{}\"", settings.realm)),
        hide_(settings.hide) {}

  uint8_t hooks() const noexcept override { return kRequest; }

  Verdict on_request(Context& context) const noexcept override {
    exchange::Exchange& x = context.x;
    const Credential key = place_.find(x);
    if (key.found == Credential::Found::several) {
      return refuser_.refuse(context, {400, "several keys", {}, {}});
    }
    const Client* client = key.found == Credential::Found::one ? find(key.value) : nullptr;
    if (client == nullptr) {
      const std::string_view why = key.found == Credential::Found::one ? "key is wrong" : "no key";
      return refuser_.refuse(context, {401, why, challenge_, {}});
    }
    if (hide_) {
      place_.hide(x);
    }
    for (const auto& [name, value] : client->known) {
      add_known(x, name, value);
    }
    set_request_fields(x, fields_);
    return Verdict::next;
  }

  Verdict on_resume(Context& context) const noexcept override {
    return Refuser::refuse_now(context, *Refuser::pending(context));
  }

 private:
  const Client* find(std::string_view key) const noexcept {
    if (key.empty() || key.size() > kMaxKey) {
      return nullptr;
    }
    const Digest digest = keyed_digest(text_of(sha256(key)));
    const auto found = keys_.find(digest);
    return found != keys_.end() && same(found->first, digest) ? &found->second : nullptr;
  }

  Place place_;
  Keys keys_;
  FieldList fields_;
  Refuser refuser_;
  std::string challenge_;
  bool hide_;
};

std::shared_ptr<const Plugin> make(const Making& making) {
  Settings settings;
  read_options(making.entry, kOptions, making.reader, settings);
  const auto place =
      choose_place(making, {settings.header, settings.query, settings.cookie}, "X-API-Key");
  FieldList fields =
      FieldList::compile(settings.set_headers, config::EditOf::request, making.reader);
  check_realm(making, settings.realm);
  if (settings.keys == nullptr || !place) {
    return nullptr;
  }
  Keys keys = KeyReader(making.reader).read(*settings.keys);
  return std::make_shared<ApiKey>(settings, *place, std::move(keys), std::move(fields));
}

}  // namespace

const Kind kApiKey{
    "api_key", "key_auth", "lets in who shows a key", Phase::auth, describe_options<kOptions>,
    make};

}  // namespace pingap::plugin
