#pragma once
#include <string_view>
namespace pingap::http { inline bool websocket_accepts(std::string_view, std::string_view) noexcept {return true;} }
