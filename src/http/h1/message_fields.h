// The fields whose meaning the codec itself needs: framing, connection options, upgrade, Host.
// Pure. Everything found here ends up in members of the head (RFC 9112 6, 9).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "http/h1/authority.h"
#include "http/head.h"
#include "http/header_map.h"

namespace pingap::http::h1 {

class MessageFields {
 public:
  MessageFields(Version version, bool request) noexcept : version_(version), request_(request) {}

  // Looks at one field in the order of arrival; not `none` when the message must be refused.
  ErrorCode note(const Field& field) noexcept {
    return kMeaningful.data()[static_cast<size_t>(field.id)] ? note_meaning(field)
                                                             : ErrorCode::none;
  }

  bool chunked() const noexcept { return chunked_; }

  bool has_length() const noexcept { return has_length_; }

  uint64_t length() const noexcept { return length_; }

  bool has_expect() const noexcept { return expect_; }

  bool has_keep_alive() const noexcept { return hint_; }

  bool has_host() const noexcept { return has_host_; }

  const Authority& host() const noexcept { return host_; }

  std::string_view host_text() const noexcept { return host_text_; }

  // RFC 9112 9.3. A reverse proxy is the server for its clients, so that the exception for
  // proxies and HTTP/1.0 does not apply.
  bool keep_alive() const noexcept {
    return !close_ && (version_ == Version::http11 || keep_alive_);
  }

  // Connection names fields of this message, beside its own options.
  bool names_fields() const noexcept { return names_fields_; }

  // "Connection: upgrade" and exactly one protocol, "websocket", in HTTP/1.1 without a body.
  bool wants_websocket() const noexcept {
    return websocket_ && upgrade_option_ && protocols_ == 1 && version_ == Version::http11 &&
           !chunked_ && !has_length_;
  }

 private:
  static constexpr auto kMeaningful = [] {
    std::array<bool, static_cast<size_t>(HeaderId::count_)> table{};
    for (const HeaderId id :
         {HeaderId::connection, HeaderId::content_length, HeaderId::expect, HeaderId::host,
          HeaderId::keep_alive, HeaderId::transfer_encoding, HeaderId::upgrade}) {
      table[static_cast<size_t>(id)] = true;
    }
    return table;
  }();

  ErrorCode note_meaning(const Field& field) noexcept;
  [[gnu::noinline]] ErrorCode note_length(std::string_view value) noexcept;
  [[gnu::noinline]] ErrorCode note_coding(std::string_view value) noexcept;
  [[gnu::noinline]] ErrorCode note_connection(std::string_view value) noexcept;
  [[gnu::noinline]] ErrorCode note_options(std::string_view value) noexcept;
  ErrorCode note_option(std::string_view option) noexcept;
  [[gnu::noinline]] ErrorCode note_expect(std::string_view value) noexcept;
  [[gnu::noinline]] ErrorCode note_host(std::string_view value) noexcept;
  [[gnu::noinline]] ErrorCode note_upgrade(std::string_view value) noexcept;

  Version version_;
  bool request_;
  bool chunked_ = false;
  bool has_length_ = false;
  bool has_host_ = false;
  bool expect_ = false;
  bool hint_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
  bool upgrade_option_ = false;
  bool names_fields_ = false;
  bool websocket_ = false;
  uint32_t protocols_ = 0;  // in Upgrade
  uint32_t options_ = 0;    // in Connection
  uint64_t length_ = 0;
  Authority host_;
  std::string_view host_text_;
};

}  // namespace pingap::http::h1
