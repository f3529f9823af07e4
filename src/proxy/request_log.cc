#include "proxy/request_log.h"

#include <algorithm>

#include "config/schema.h"

namespace pingap::proxy {

config::AccessLog inherit_access_log(const config::AccessLog& server,
                                     const config::AccessLog& location) {
  config::AccessLog all = server;
  if (config::given(location.to.at)) {
    const size_t space = server.to.value.find(' ');
    if (location.to.value.find(' ') != std::string::npos) {
      all.format = {};  // it has one of its own
    } else if (space != std::string::npos) {
      all.format = {server.to.value.substr(space + 1), server.to.at};
    }
    all.to = location.to;
  }
  if (config::given(location.format.at)) {
    all.format = location.format;
    all.to.value.resize(std::min(all.to.value.find(' '), all.to.value.size()));
  }
  if (location.statuses) {
    all.statuses = location.statuses;
  }
  if (location.min_duration) {
    all.min_duration = location.min_duration;
  }
  if (location.sample) {
    all.sample = location.sample;
  }
  if (location.redact) {
    all.redact = location.redact;
  }
  return all;
}

std::unique_ptr<RequestLog> build_request_log(const config::AccessLog& from,
                                              config::Diagnostics& diagnostics) {
  const std::string& text = from.to.value;
  if (text.empty() || text == "off") {
    return nullptr;
  }
  // "PATH" or "PATH FORMAT"; a format's name alone is no path.
  const size_t space = text.find(' ');
  const bool own = space != std::string::npos;
  if (own && config::given(from.format.at)) {
    diagnostics.error(from.format.at, "`access_log` has a format already", {},
                      "write it in one of both places");
    return nullptr;
  }
  auto format = exchange::AccessLogFormat::compile(own ? std::string_view(text).substr(space + 1)
                                                       : std::string_view(from.format.value));
  if (!format) {
    diagnostics.error(own ? from.to.at : from.format.at, format.error());
    return nullptr;
  }
  LogFilter filter;
  filter.on = from.statuses || from.min_duration || from.sample.value_or(1) != 1;
  filter.statuses = from.statuses.value_or(StatusSet{});
  filter.min_duration = from.min_duration.value_or(std::chrono::milliseconds::zero());
  filter.sample = from.sample.value_or(0);
  return std::make_unique<RequestLog>(
      RequestLog{text.substr(0, space), std::move(*format), filter, 0, from.to.at});
}

}  // namespace pingap::proxy
