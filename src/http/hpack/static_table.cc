#include "http/hpack/static_table.h"

namespace pingap::http::hpack {

constexpr std::array<StaticEntry, kStaticEntries + 1> kStaticTable = {{
    {},
    {":authority", "", HeaderId::other, Pseudo::authority},
    {":method", "GET", HeaderId::other, Pseudo::method},
    {":method", "POST", HeaderId::other, Pseudo::method},
    {":path", "/", HeaderId::other, Pseudo::path},
    {":path", "/index.html", HeaderId::other, Pseudo::path},
    {":scheme", "http", HeaderId::other, Pseudo::scheme},
    {":scheme", "https", HeaderId::other, Pseudo::scheme},
    {":status", "200", HeaderId::other, Pseudo::status},
    {":status", "204", HeaderId::other, Pseudo::status},
    {":status", "206", HeaderId::other, Pseudo::status},
    {":status", "304", HeaderId::other, Pseudo::status},
    {":status", "400", HeaderId::other, Pseudo::status},
    {":status", "404", HeaderId::other, Pseudo::status},
    {":status", "500", HeaderId::other, Pseudo::status},
    {"accept-charset", "", HeaderId::other, Pseudo::none},
    {"accept-encoding", "gzip, deflate", HeaderId::accept_encoding, Pseudo::none},
    {"accept-language", "", HeaderId::accept_language, Pseudo::none},
    {"accept-ranges", "", HeaderId::accept_ranges, Pseudo::none},
    {"accept", "", HeaderId::accept, Pseudo::none},
    {"access-control-allow-origin", "", HeaderId::access_control_allow_origin, Pseudo::none},
    {"age", "", HeaderId::age, Pseudo::none},
    {"allow", "", HeaderId::allow, Pseudo::none},
    {"authorization", "", HeaderId::authorization, Pseudo::none},
    {"cache-control", "", HeaderId::cache_control, Pseudo::none},
    {"content-disposition", "", HeaderId::content_disposition, Pseudo::none},
    {"content-encoding", "", HeaderId::content_encoding, Pseudo::none},
    {"content-language", "", HeaderId::content_language, Pseudo::none},
    {"content-length", "", HeaderId::content_length, Pseudo::none},
    {"content-location", "", HeaderId::content_location, Pseudo::none},
    {"content-range", "", HeaderId::content_range, Pseudo::none},
    {"content-type", "", HeaderId::content_type, Pseudo::none},
    {"cookie", "", HeaderId::cookie, Pseudo::none},
    {"date", "", HeaderId::date, Pseudo::none},
    {"etag", "", HeaderId::etag, Pseudo::none},
    {"expect", "", HeaderId::expect, Pseudo::none},
    {"expires", "", HeaderId::expires, Pseudo::none},
    {"from", "", HeaderId::other, Pseudo::none},
    {"host", "", HeaderId::host, Pseudo::none},
    {"if-match", "", HeaderId::if_match, Pseudo::none},
    {"if-modified-since", "", HeaderId::if_modified_since, Pseudo::none},
    {"if-none-match", "", HeaderId::if_none_match, Pseudo::none},
    {"if-range", "", HeaderId::if_range, Pseudo::none},
    {"if-unmodified-since", "", HeaderId::if_unmodified_since, Pseudo::none},
    {"last-modified", "", HeaderId::last_modified, Pseudo::none},
    {"link", "", HeaderId::link, Pseudo::none},
    {"location", "", HeaderId::location, Pseudo::none},
    {"max-forwards", "", HeaderId::max_forwards, Pseudo::none},
    {"proxy-authenticate", "", HeaderId::proxy_authenticate, Pseudo::none},
    {"proxy-authorization", "", HeaderId::proxy_authorization, Pseudo::none},
    {"range", "", HeaderId::range, Pseudo::none},
    {"referer", "", HeaderId::referer, Pseudo::none},
    {"refresh", "", HeaderId::other, Pseudo::none},
    {"retry-after", "", HeaderId::retry_after, Pseudo::none},
    {"server", "", HeaderId::server, Pseudo::none},
    {"set-cookie", "", HeaderId::set_cookie, Pseudo::none},
    {"strict-transport-security", "", HeaderId::strict_transport_security, Pseudo::none},
    {"transfer-encoding", "", HeaderId::transfer_encoding, Pseudo::none},
    {"user-agent", "", HeaderId::user_agent, Pseudo::none},
    {"vary", "", HeaderId::vary, Pseudo::none},
    {"via", "", HeaderId::via, Pseudo::none},
    {"www-authenticate", "", HeaderId::www_authenticate, Pseudo::none},
}};

namespace {

constexpr auto kIndexOfId = [] {
  std::array<uint8_t, static_cast<size_t>(HeaderId::count_)> index{};
  for (size_t i = kStaticEntries; i > 0; --i) {
    index[static_cast<size_t>(kStaticTable[i].id)] = static_cast<uint8_t>(i);
  }
  index[static_cast<size_t>(HeaderId::other)] = 0;
  return index;
}();

constexpr auto kIndexOfPseudo = [] {
  std::array<uint8_t, static_cast<size_t>(Pseudo::unknown) + 1> index{};
  for (size_t i = kStaticEntries; i > 0; --i) {
    index[static_cast<size_t>(kStaticTable[i].pseudo)] = static_cast<uint8_t>(i);
  }
  index[static_cast<size_t>(Pseudo::none)] = 0;
  return index;
}();

}  // namespace

size_t static_index_of(HeaderId id) noexcept {
  return kIndexOfId[static_cast<size_t>(id)];
}

size_t static_index_of(Pseudo pseudo) noexcept {
  return kIndexOfPseudo[static_cast<size_t>(pseudo)];
}

size_t static_match(Pseudo pseudo, std::string_view value) noexcept {
  for (size_t i = static_index_of(pseudo); i != 0 && kStaticTable[i].pseudo == pseudo; ++i) {
    if (!kStaticTable[i].value.empty() && kStaticTable[i].value == value) {
      return i;
    }
  }
  return 0;
}

}  // namespace pingap::http::hpack
