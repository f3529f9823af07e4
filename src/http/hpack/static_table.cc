#include "http/hpack/static_table.h"

namespace pingap::http::hpack {

constexpr std::array<DecodedField, kStaticEntries + 1> kStaticTable = {{
    {},
    {{":authority", HeaderId::other, Pseudo::authority}, ""},
    {{":method", HeaderId::other, Pseudo::method}, "GET"},
    {{":method", HeaderId::other, Pseudo::method}, "POST"},
    {{":path", HeaderId::other, Pseudo::path}, "/"},
    {{":path", HeaderId::other, Pseudo::path}, "/index.html"},
    {{":scheme", HeaderId::other, Pseudo::scheme}, "http"},
    {{":scheme", HeaderId::other, Pseudo::scheme}, "https"},
    {{":status", HeaderId::other, Pseudo::status}, "200"},
    {{":status", HeaderId::other, Pseudo::status}, "204"},
    {{":status", HeaderId::other, Pseudo::status}, "206"},
    {{":status", HeaderId::other, Pseudo::status}, "304"},
    {{":status", HeaderId::other, Pseudo::status}, "400"},
    {{":status", HeaderId::other, Pseudo::status}, "404"},
    {{":status", HeaderId::other, Pseudo::status}, "500"},
    {{"accept-charset", HeaderId::other}, ""},
    {{"accept-encoding", HeaderId::accept_encoding}, "gzip, deflate"},
    {{"accept-language", HeaderId::accept_language}, ""},
    {{"accept-ranges", HeaderId::accept_ranges}, ""},
    {{"accept", HeaderId::accept}, ""},
    {{"access-control-allow-origin", HeaderId::access_control_allow_origin}, ""},
    {{"age", HeaderId::age}, ""},
    {{"allow", HeaderId::allow}, ""},
    {{"authorization", HeaderId::authorization}, ""},
    {{"cache-control", HeaderId::cache_control}, ""},
    {{"content-disposition", HeaderId::content_disposition}, ""},
    {{"content-encoding", HeaderId::content_encoding}, ""},
    {{"content-language", HeaderId::content_language}, ""},
    {{"content-length", HeaderId::content_length}, ""},
    {{"content-location", HeaderId::content_location}, ""},
    {{"content-range", HeaderId::content_range}, ""},
    {{"content-type", HeaderId::content_type}, ""},
    {{"cookie", HeaderId::cookie}, ""},
    {{"date", HeaderId::date}, ""},
    {{"etag", HeaderId::etag}, ""},
    {{"expect", HeaderId::expect}, ""},
    {{"expires", HeaderId::expires}, ""},
    {{"from", HeaderId::other}, ""},
    {{"host", HeaderId::host}, ""},
    {{"if-match", HeaderId::if_match}, ""},
    {{"if-modified-since", HeaderId::if_modified_since}, ""},
    {{"if-none-match", HeaderId::if_none_match}, ""},
    {{"if-range", HeaderId::if_range}, ""},
    {{"if-unmodified-since", HeaderId::if_unmodified_since}, ""},
    {{"last-modified", HeaderId::last_modified}, ""},
    {{"link", HeaderId::link}, ""},
    {{"location", HeaderId::location}, ""},
    {{"max-forwards", HeaderId::max_forwards}, ""},
    {{"proxy-authenticate", HeaderId::proxy_authenticate}, ""},
    {{"proxy-authorization", HeaderId::proxy_authorization}, ""},
    {{"range", HeaderId::range}, ""},
    {{"referer", HeaderId::referer}, ""},
    {{"refresh", HeaderId::other}, ""},
    {{"retry-after", HeaderId::retry_after}, ""},
    {{"server", HeaderId::server}, ""},
    {{"set-cookie", HeaderId::set_cookie}, ""},
    {{"strict-transport-security", HeaderId::strict_transport_security}, ""},
    {{"transfer-encoding", HeaderId::transfer_encoding}, ""},
    {{"user-agent", HeaderId::user_agent}, ""},
    {{"vary", HeaderId::vary}, ""},
    {{"via", HeaderId::via}, ""},
    {{"www-authenticate", HeaderId::www_authenticate}, ""},
}};

namespace {

constexpr auto kIndexOfId = [] {
  std::array<uint8_t, static_cast<size_t>(HeaderId::count_)> index{};
  for (size_t i = kStaticEntries; i > 0; --i) {
    index[static_cast<size_t>(kStaticTable[i].name.id)] = static_cast<uint8_t>(i);
  }
  index[static_cast<size_t>(HeaderId::other)] = 0;
  return index;
}();

constexpr auto kIndexOfPseudo = [] {
  std::array<uint8_t, static_cast<size_t>(Pseudo::unknown) + 1> index{};
  for (size_t i = kStaticEntries; i > 0; --i) {
    index[static_cast<size_t>(kStaticTable[i].name.pseudo)] = static_cast<uint8_t>(i);
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
  for (size_t i = static_index_of(pseudo); i != 0 && kStaticTable[i].name.pseudo == pseudo; ++i) {
    if (!kStaticTable[i].value.empty() && kStaticTable[i].value == value) {
      return i;
    }
  }
  return 0;
}

}  // namespace pingap::http::hpack
