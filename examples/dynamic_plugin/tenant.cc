// A plugin as a shared object: requests need the name of a tenant, which the backend is told and
// the client is shown; words that are secret are taken out of answers.
#include <algorithm>
#include <pingap_plugin.h>

namespace {

using pingap_sdk::Exchange;
using pingap_sdk::Verdict;

// What is known of one request.
struct Seen {
  std::string tenant;
  std::string tail;  // of the answer, which may be the start of the word
};

class Tenant {
 public:
  explicit Tenant(const pingap_sdk::Options& options)
      : header_(options.get("header", "X-Tenant")), word_(options.get("hide", "secret")) {
    if (word_.empty()) {
      throw std::invalid_argument("`hide` is empty");
    }
  }

  Verdict on_request(Exchange& x) const {
    const auto tenant = x.request().get(header_);
    if (!tenant || tenant->empty()) {
      x.response().set("X-Needs", header_);
      return x.respond(400, "which tenant?\n");
    }
    if (*tenant == "crash") {
      throw std::runtime_error("no tenant is called crash");
    }
    x.state<Seen>().tenant = *tenant;
    x.set_path("/" + std::string(*tenant) + std::string(x.path()));
    return Verdict::next;
  }

  void on_response(Exchange& x) const { x.response().set("X-Served-For", x.state<Seen>().tenant); }

  // Pieces may end in the middle of the word: so much of the end is kept back.
  std::optional<std::string> on_response_body(Exchange& x, std::string_view piece,
                                              bool last) const {
    std::string& tail = x.state<Seen>().tail;
    std::string text = tail.append(piece);
    for (size_t at = 0; (at = text.find(word_, at)) != std::string::npos;) {
      text.replace(at, word_.size(), "***");
    }
    const size_t keep = last ? 0 : std::min(text.size(), word_.size() - 1);
    tail = text.substr(text.size() - keep);
    text.resize(text.size() - keep);
    return text;
  }

 private:
  std::string header_;
  std::string word_;
};

}  // namespace

PINGAP_PLUGIN(Tenant)
