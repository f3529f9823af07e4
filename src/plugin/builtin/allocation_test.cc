// That a steady request costs plugins no heap: operator new is counted. Cryptography, scripts,
// copies (mirror), RE2's sets (ua_restriction) and what makes or reads bodies of its own
// (directory, stats, metrics, sub_filter) do allocate.
#include <array>

#include "base/test_allocations.h"
#include "plugin/builtin/builtin.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

struct Case {
  std::string_view type;
  const char* options;
  Verdict verdict = Verdict::next;
};

constexpr Case kCases[] = {
    {"accept_encoding", ""},
    {"accept_encoding", "only_one_encoding = true"},
    {"compression", ""},
    {"cors", ""},
    {"error_pages", "html = { \"4xx\" = \"<h1>$status $host</h1>\" }\nbackend = true"},
    {"fault", "abort = 503", Verdict::respond},
    {"ip_restriction", R"(ip_list = ["192.0.2.0/24", "2001:db8::/32"])"},
    {"ip_restriction", R"(ip_list = ["10.0.0.0/8"])", Verdict::respond},
    {"mock", "body = \"hello $host\"\nheaders = [\"X-A: $uri\"]", Verdict::respond},
    {"ping", ""},
    {"rate_limit", "rate = 1000000\ninflight = 10"},
    {"rate_limit", "rate = 1000000\nkey = \"$http_cookie\""},
    {"redirect", "host = \"b.test\"", Verdict::respond},
    {"redirect", "regex = \"^/(.*)$\"\nto = \"/new/$1\"", Verdict::respond},
    {"referer_restriction", R"(referer_list = ["*.b.test"])"},
    {"request_headers", R"(set = ["X-A: $host"]
remove = ["X-B"]
rename = ["X-C: X-D"])"},
    {"request_id", ""},
    {"request_id", "algorithm = \"nanoid\""},
    {"request_size_limit", "max_body = 10\nmax_uri = 1000\nmax_header = 1000"},
    {"response_headers", R"(set = ["X-A: $status"]
remove = ["X-B"]
add = ["X-C: 1"])"},
    {"rewrite", "regex = \"^/(.*)$\"\nto = \"/new/$1\"\nhost = \"b.test\"\nset_query = [\"a: 1\"]"},
    {"server_timing", ""},
    {"traffic_splitting", "weights = { a = 1, b = 2 }\nkey = \"$client_ip\""},
    {"traffic_splitting", "weights = { a = 1, b = 2 }\nsticky_cookie = \"way\""},
};

// Whose host costs no heap of its own.
class Steady : public Asked {
 public:
  Steady()
      : Asked("/a/path?b=c", {{"Accept-Encoding", "gzip, br;q=0.5"},
                              {"Cookie", "a=1; b=2"},
                              {"Origin", "https://b.test"},
                              {"Referer", "https://a.b.test/x"},
                              {"User-Agent", "Mozilla/5.0 (X11)"},
                              {"X-C", "1"}}) {
    x.response.status = 404;
    x.response.headers.add("Content-Type", "text/html");
    x.response.headers.add("ETag", "\"1\"");
  }

  ~Steady() override {
    for (size_t i = count_; i-- > 0;) {
      ends_[i].first(ends_[i].second);
    }
  }

  void at_end(void (*destroy)(void*), void* object) noexcept override {
    ends_.at(count_++) = {destroy, object};
  }

 private:
  std::array<std::pair<void (*)(void*), void*>, 8> ends_{};
  size_t count_ = 0;
};

void filter(BodyFilter* filter) {
  if (filter != nullptr) {
    ByteQueue in;
    ByteQueue out;
    in.append("a body of a few bytes");
    (void)filter->filter(in, out, End::yes);
  }
}

// All that a plugin does in a request.
Verdict run(const Plugin& plugin, Asked& asked) {
  Context context = asked.context();
  const Verdict verdict =
      (plugin.hooks() & Plugin::kRequest) != 0 ? plugin.on_request(context) : Verdict::next;
  filter((plugin.hooks() & Plugin::kRequestBody) != 0 ? plugin.request_body(context) : nullptr);
  if ((plugin.hooks() & Plugin::kResponse) != 0) {
    plugin.on_response(context);
  }
  filter((plugin.hooks() & Plugin::kResponseBody) != 0 ? plugin.response_body(context) : nullptr);
  if ((plugin.hooks() & Plugin::kEnd) != 0) {
    plugin.on_end(context);
  }
  asked.answer.body.clear();
  return verdict;
}

class Allocations : public testing::TestWithParam<Case> {};

TEST_P(Allocations, AreNoneInASteadyRequest) {
  const Kind* kind = find_kind(GetParam().type);
  ASSERT_NE(kind, nullptr);
  const Made made(*kind, GetParam().options);
  std::array<Steady, 2> requests;
  size_t next = 0;
  std::array<Verdict, 2> verdicts{};
  const auto ask = [&] {
    verdicts.at(next) = run(*made, requests.at(next));
    ++next;
  };
  EXPECT_EQ(allocations_of(ask), 0U);
  EXPECT_EQ(verdicts.back(), GetParam().verdict);
}

INSTANTIATE_TEST_SUITE_P(, Allocations, testing::ValuesIn(kCases), [](const auto& one) {
  return std::string(one.param.type) + std::to_string(one.index);
});

}  // namespace
}  // namespace pingap::plugin
