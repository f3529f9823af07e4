#include "plugin/security/list_mode.h"

namespace pingap::plugin {

Verdict decide(Context& context, bool passes, const std::string& message, std::string_view why) {
  if (passes) {
    return Verdict::next;
  }
  context.refuse(403, ErrorCode::forbidden, why);
  if (!message.empty()) {
    Answer& answer = context.answer;
    answer.page = false;
    answer.headers = http::HeaderMap::copy({}, context.x.arena, 2);
    answer.headers.add(http::HeaderId::content_type, "text/plain; charset=utf-8");
    answer.body.append(message);
  }
  return Verdict::respond;
}

}  // namespace pingap::plugin
