// Scripts: what they see and change, what they cannot, and where they are stopped.
#include <array>
#include <thread>

#include <gtest/gtest.h>

#include "base/log.h"
#include "plugin/custom/kinds.h"
#include "plugin/custom/lua_state.h"
#include "plugin/test_plugin.h"

namespace pingap::plugin {
namespace {

// A plugin of that script; `rest` are further options.
std::string with(const std::string& code, const std::string& rest = "") {
  return "code = '''\n" + code + "\n'''\n" + rest;
}

std::string in_request(const std::string& body) {
  return with("function on_request()\n" + body + "\nend");
}

// What the script leaves in the field X of the request.
std::string x_of(const std::string& body, std::string target = "/", Asked::Headers headers = {}) {
  const Made made(kLua, in_request(body));
  Asked asked(std::move(target), std::move(headers));
  const Verdict verdict = asked.ask(*made);
  return verdict == Verdict::next ? asked.sent("x")
                                  : "failed: " + std::string(asked.x.plugin_reason);
}

// Of an expression, as text.
std::string value_of(const std::string& expression) {
  return x_of("request.headers.x = tostring(" + expression + ")");
}

// Why a hook fails.
std::string failure_of(const std::string& body, const std::string& rest = "",
                       const std::string& before = "") {
  const Made made(kLua, with(before + "\nfunction on_request()\n" + body + "\nend", rest));
  Asked asked;
  if (asked.ask(*made) != Verdict::respond) {
    return "it has not failed";
  }
  EXPECT_EQ(asked.answer.status, 500);
  EXPECT_EQ(asked.answer.reason, ErrorCode::script_failed);
  return std::string(asked.x.plugin_reason);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string text_of(ByteQueue& queue) {
  std::string text;
  while (!queue.empty()) {
    text += queue.front();
    queue.consume(queue.front().size());
  }
  return text;
}

// ---- what it sees and changes

TEST(Lua, ReadsTheRequest) {
  EXPECT_EQ(
      x_of("request.headers.x = request.method .. ' ' .. request.path .. ' ' .. request.query",
           "/a/b?c=d"),
      "GET /a/b c=d");
  EXPECT_EQ(x_of("request.headers.x = request.host .. ' ' .. request.client_ip .. ' ' .. "
                 "request.scheme"),
            "a.test 192.0.2.7 http");
  EXPECT_EQ(x_of("request.headers.x = request.headers['user-agent']", "/", {{"User-Agent", "u"}}),
            "u");
  EXPECT_EQ(value_of("request.headers.none"), "nil");
  EXPECT_EQ(x_of("request.headers.x = request.arg('b') .. tostring(request.arg('c'))", "/?a=1&b=2"),
            "2nil");
  EXPECT_EQ(x_of("request.headers.x = request.cookie('k')", "/", {{"Cookie", "j=1; k=2"}}), "2");
  EXPECT_EQ(x_of("request.headers.x = table.concat(request.get_headers('A'), ';')", "/",
                 {{"a", "1"}, {"A", "2"}}),
            "1;2");
  EXPECT_EQ(x_of("local all = '' for _, f in ipairs(request.get_headers()) do all = all .. f[1] .. "
                 "f[2] end request.headers.x = all",
                 "/", {{"a", "1"}, {"b", "2"}}),
            "a1b2");
}

TEST(Lua, ReadsVariables) {
  EXPECT_EQ(x_of("request.headers.x = var.remote_addr .. var['arg_a']", "/?a=1"), "192.0.2.71");
  EXPECT_EQ(value_of("var.auth_user"), "nil");
  EXPECT_TRUE(has(x_of("return var.nonsense"), "there is no variable `nonsense`"));
  EXPECT_TRUE(has(x_of("return var['host}$path']"), "there is no variable"));
  EXPECT_TRUE(has(x_of("var.host = 'x'"), "read only"));
}

TEST(Lua, ChangesTheRequest) {
  const Made made(kLua, in_request("request.headers['X-A'] = 'new'\n"
                                   "request.headers['X-B'] = nil\n"
                                   "request.add_header('X-C', 2)\n"
                                   "request.path = '/new'\n"
                                   "request.query = 'a=%20'"));
  Asked asked("/old?q", {{"X-A", "old"}, {"X_A", "spoofed"}, {"X-B", "b"}, {"X-C", "1"}});
  ASSERT_EQ(asked.ask(*made), Verdict::next) << asked.x.plugin_reason;
  EXPECT_EQ(asked.sent("X-A"), "new");
  EXPECT_EQ(asked.sent("X_A"), "");
  EXPECT_EQ(asked.sent("X-B"), "");
  EXPECT_EQ(asked.x.request.headers.fields().back().value(), "2");
  EXPECT_EQ(asked.x.uri.target, "/new?a=%20");
}

TEST(Lua, ReadsWhatItHasSetBefore) {
  EXPECT_EQ(x_of("request.path = '/%61/../b' request.headers.x = request.path"), "/b");
}

TEST(Lua, Answers) {
  const Made made(kLua, in_request("return respond(403, {['X-Why'] = 'closed'}, 'no\\n')"));
  Asked asked;
  ASSERT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_EQ(asked.answer.status, 403);
  EXPECT_EQ(asked.answered("x-why"), "closed");
  EXPECT_EQ(asked.body(), "no\n");
  EXPECT_FALSE(asked.answer.page);
}

TEST(Lua, AnswersWithAnErrorPageWhereThereIsNoBody) {
  const Made made(kLua, in_request("return respond(401, nil, nil, 'no key')"));
  Asked asked;
  ASSERT_EQ(asked.ask(*made), Verdict::respond);
  EXPECT_TRUE(asked.answer.page);
  EXPECT_EQ(asked.answer.reason, ErrorCode::unauthorized);
  EXPECT_EQ(asked.x.plugin_reason, "no key");
}

TEST(Lua, ChangesTheResponse) {
  const Made made(kLua, with("function on_response()\n"
                             "if response.status == 404 then response.status = 410 end\n"
                             "response.headers.Server = nil\n"
                             "response.headers['X-Path'] = request.path\n"
                             "response.add_header('Set-Cookie', 'b=2')\nend"));
  Asked asked("/p");
  asked.x.response.headers.add("Server", "x");
  asked.x.response.headers.add("Set-Cookie", "a=1");
  asked.respond(*made, 404);
  EXPECT_EQ(asked.failed, ErrorCode::none) << asked.x.plugin_reason;
  EXPECT_EQ(asked.x.response.status, 410);
  EXPECT_EQ(asked.got("server"), "");
  EXPECT_EQ(asked.got("x-path"), "/p");
  EXPECT_EQ(asked.x.response.headers.fields().back().value(), "b=2");
  EXPECT_EQ(asked.got("set-cookie"), "a=1");
}

TEST(Lua, KeepsWhatBelongsToOneExchange) {
  const Made made(kLua, with("function on_request() ctx.n = request.path end\n"
                             "function on_response() response.headers.x = tostring(ctx.n) end"));
  Asked one("/1");
  Asked two("/2");
  Asked three("/3");
  one.ask(*made);
  two.ask(*made);
  one.respond(*made);
  two.respond(*made);
  three.respond(*made);
  EXPECT_EQ(one.got("x"), "/1");
  EXPECT_EQ(two.got("x"), "/2");
  EXPECT_EQ(three.got("x"), "nil");
}

TEST(Lua, ChangesBodies) {
  const Made made(kLua, with("function on_response_body(chunk, last)\n"
                             "if chunk == 'keep' then return nil end\n"
                             "if last then return chunk .. '!' end\n"
                             "return chunk:upper()\nend"));
  EXPECT_EQ((*made).hooks(), Plugin::kResponseBody);
  Asked asked;
  Context context = asked.context();
  BodyFilter* filter = (*made).response_body(context);
  ByteQueue out;
  for (const std::string_view piece : {"abc", "keep"}) {
    ByteQueue in;
    in.append(piece);
    ASSERT_TRUE(filter->filter(in, out, End::no));
  }
  ByteQueue none;
  ASSERT_TRUE(filter->filter(none, out, End::yes));
  EXPECT_EQ(text_of(out), "ABCkeep!");
}

TEST(Lua, FailsABodyThatItMakesNoTextOf) {
  const Made made(kLua, with("function on_request_body() return 7 end"));
  Asked asked;
  Context context = asked.context();
  BodyFilter* filter = (*made).request_body(context);
  ByteQueue in, out;
  in.append("x");
  const auto done = filter->filter(in, out, End::no);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::script_failed);
  EXPECT_TRUE(has(std::string(asked.x.plugin_reason), "has to return a string"));
}

TEST(Lua, SeesTheEnd) {
  const Made made(kLua, with("function on_log() assert(response.status == 201) end"));
  Asked asked;
  asked.x.status = 201;
  asked.end(*made);
  EXPECT_EQ(asked.x.plugin_reason, "");
}

// ---- what it may not hand over

TEST(Lua, RefusesWhatWouldBreakMessages) {
  const std::pair<const char*, const char*> kCases[] = {
      {"request.headers.x = 'a\\r\\nb: c'", "no value of a header field"},
      {"request.headers.x = 'a\\0b'", "no value of a header field"},
      {"request.headers.x = ('a'):rep(10000)", "no value of a header field"},
      {"request.headers['a b'] = 'c'", "no name of a header field"},
      {"request.headers[':path'] = 'c'", "no name of a header field"},
      {"request.headers[''] = 'c'", "no name of a header field"},
      {"request.headers['Content-Length'] = 5", "writes that header field itself"},
      {"request.headers['transfer-encoding'] = 'chunked'", "writes that header field itself"},
      {"request.headers.Connection = 'close'", "writes that header field itself"},
      {"request.headers.TE = nil", "writes that header field itself"},
      {"request.headers.Host = 'b'", "Host cannot be changed"},
      {"request.path = 'a'", "starts with `/`"},
      {"request.path = '/a?b'", "starts with `/`"},
      {"request.path = '/../a'", "no path or query"},
      {"request.path = '/a b\\n'", "no path or query"},
      {"request.query = 'a#b'", "no path or query"},
      {"request.method = 'PUT'", "can be set, not `method`"},
      {"return request.nonsense", "request has no `nonsense`"},
      {"return response.status", "there is no response yet"},
      {"response.headers.x = 'y'", "in on_response only"},
      {"respond(99)", "200 to 599"},
      {"respond(101)", "200 to 599"},
      {"respond(1000)", "200 to 599"},
      {"respond('x')", "number expected"},
      {"respond(204, nil, 'x')", "has no body"},
      {"respond(304, nil, 'x')", "has no body"},
      {"respond(200, {['Content-Length'] = '1'}, 'x')", "writes that header field itself"},
      {"respond(200, {X = 'a\\nb'}, 'x')", "no value of a header field"},
      {"respond(200, {'a'}, 'x')", "names and values"},
      {"respond(200, nil, {})", "string expected"},
      {"return 403", "an answer is given by respond()"},
      {"for i = 1, 1000 do request.add_header('a', 'b') end", "more than 128 fields"},
      {"for i = 1, 100 do request.headers.a = ('b'):rep(5000) end", "more than 128 fields"},
      {"log('loud', 'x')", "a level is one of"},
      {"error('mine')", "mine"},
      {"error({})", "no text but a table"},
      {"error()", "no text but a nil"},
      {"local x = nil; x.y = 1", "attempt to index local 'x'"},
  };
  for (const auto& [body, why] : kCases) {
    EXPECT_TRUE(has(failure_of(body), why)) << body << "\n" << failure_of(body);
  }
}

TEST(Lua, RefusesStatusesThatTakeTheBodyAway) {
  for (const char* set : {"204", "304", "101", "600", "205"}) {
    const Made made(kLua,
                    with("function on_response() response.status = " + std::string(set) + " end"));
    Asked asked;
    asked.respond(*made);
    EXPECT_EQ(asked.failed, ErrorCode::script_failed) << set;
    EXPECT_EQ(asked.x.response.status, 200);
  }
}

TEST(Lua, IsNotAskedAgainAboutAnExchangeItHasFailed) {
  const Made made(kLua, with("function on_response() error('x') end"));
  Asked asked;
  asked.respond(*made);
  EXPECT_EQ(asked.failed, ErrorCode::script_failed);
  asked.failed = ErrorCode::none;
  asked.respond(*made, 500);
  EXPECT_EQ(asked.failed, ErrorCode::none);
}

TEST(Lua, SaysWhereItHasFailed) {
  EXPECT_EQ(failure_of("\n\nerror('here')"), "[plugins.p] code:5: here");
  EXPECT_EQ(failure_of("\nwhile true do end"), "[plugins.p] code:4: it has run max_instructions");
}

// ---- the sandbox

TEST(Lua, HasNothingThatReachesOutside) {
  for (const char* name :
       {"io",           "debug",     "ffi",        "jit",        "package",      "require",
        "module",       "load",      "loadstring", "loadfile",   "dofile",       "collectgarbage",
        "newproxy",     "getfenv",   "setfenv",    "gcinfo",     "os.execute",   "os.exit",
        "os.getenv",    "os.remove", "os.rename",  "os.tmpname", "os.setlocale", "string.dump",
        "string.gfind", "_G.io",     "_G.debug"}) {
    EXPECT_EQ(value_of(name), "nil") << name;
  }
  EXPECT_EQ(value_of("type(os.time())"), "number");
  EXPECT_EQ(value_of("bit.band(7, 2)"), "2");
}

TEST(Lua, KeepsMetatablesToItself) {
  EXPECT_EQ(value_of("getmetatable('')"), "false");
  EXPECT_EQ(value_of("getmetatable(_G)"), "false");
  EXPECT_EQ(value_of("getmetatable(request)"), "false");
  EXPECT_EQ(value_of("getmetatable(request.headers)"), "false");
  EXPECT_TRUE(has(failure_of("setmetatable(_G, {})"), "protected metatable"));
  EXPECT_TRUE(has(failure_of("setmetatable(request, nil)"), "protected metatable"));
  EXPECT_EQ(value_of("getmetatable(1LL)"), "ffi");
}

TEST(Lua, RefusesNewGlobalsInHooks) {
  EXPECT_TRUE(has(failure_of("forgotten = 1"), "the global `forgotten` is new"));
  EXPECT_EQ(failure_of("count = count + 1", "", "count = 0"), "it has not failed");
}

TEST(Lua, RefusesByteCodeAndOtherLoads) {
  const std::pair<const char*, const char*> kCases[] = {
      {"code = \"\\u001bLJ\"", "byte code"},
      {"code = \"x = = 1\"", "[plugins.p] code:1: unexpected symbol near '='"},
      {"code = \"error('at once')\"", "[plugins.p] code:1: at once"},
      {"code = \"request.headers.x = 1\"", "no request while the script is loaded"},
      {"code = \"while true do end\"", "max_instructions"},
      {"code = \"local t = {} for i = 1, 1e8 do t[i] = {} end\"", "max_"},
      {"code = \"on_request = 1\"", "on_request is no function"},
      {"code = \"x = 1\"", "defines nothing that is called"},
      {"", "either in `code` or in `file`"},
      {"code = \"x = 1\"\nfile = \"x\"", "either in `code` or in `file`"},
      {"file = \"/nonexistent/x.lua\"", "cannot read the script"},
      {"code = 1", "a string"},
      {"code = \"x = 1\"\nmax_memory = \"1KB\"", "from 128KB to 1GB"},
      {"code = \"x = 1\"\nmax_instructions = 1", "max_instructions"},
  };
  for (const auto& [options, why] : kCases) {
    const Made made(kLua, options);
    EXPECT_TRUE(made.failed()) << options;
    EXPECT_TRUE(has(made.errors(), why)) << options << "\n" << made.errors();
  }
}

// ---- limits

TEST(Lua, EndsWhatRunsOrGrowsForever) {
  const char* const kLoops[] = {
      "while true do end",
      "while true do pcall(function() while true do end end) end",
      "while true do pcall(error) end",
      "local function f() return pcall(f) end while true do f() end",
      "local function f() while true do end end while true do xpcall(f, f) end",
      "while true do pcall(coroutine.wrap(function() while true do end end)) end",
      "local function r(n) return r(n + 1) + 1 end return r(1)",
      "local function r() local c = coroutine.wrap(r) return c() end r()",
      "local function r() return (('a'):gsub('a', r)) end r()",
      "local function r() table.sort({1, 2, 3}, r) end r()",
      "local m m = setmetatable({}, {__tostring = function(s) return tostring(s) end}) tostring(m)",
      "local m m = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return m[1]",
      "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end",
      "local s = 'x' while true do s = s .. s end",
      "local s = 'x' while true do pcall(function() s = s .. s end) end",
      "local s = ('x'):rep(4e6) while true do local t = s .. 'y' end",
      "local s = ('x'):rep(4e6) while true do pcall(string.upper, s) end",
      "return ('x'):rep(1e9)",
      "return #('x'):rep(1e6, ('y'):rep(1e6))",
      "local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end",
      "return string.format('%99999d', 1)",
      "return unpack({}, 1, 1e8)",
      "return ('a'):rep(40):match(('a-'):rep(30) .. 'b')",
      "return ('a'):rep(20000):find('(.-).-.-b')",
      "return ('('):rep(20000):find('%b()x')",
      "while true do pcall(string.find, ('a'):rep(5000), '.-.-b') end",
      "return ('x'):rep(1000):gsub('.*.*.*y', '')",
      "return ('x'):rep(300):match(('x?'):rep(300) .. ('y'))",
  };
  for (const char* loop : kLoops) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_NE(failure_of(loop, "max_memory = \"8MB\""), "it has not failed") << loop;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << loop;
  }
}

TEST(Lua, WorksOnBehindAFailure) {
  const Made made(kLua, in_request("if request.arg('grow') then local t = {} for i = 1, 1e9 do "
                                   "t[i] = {i} end end request.headers.x = 'fine'"));
  for (int i = 0; i < 3; ++i) {
    Asked bad("/?grow=1");
    EXPECT_EQ(bad.ask(*made), Verdict::respond);
    Asked good("/");
    EXPECT_EQ(good.ask(*made), Verdict::next);
    EXPECT_EQ(good.sent("x"), "fine");
  }
}

TEST(Lua, CountsPerCallAndNotInAll) {
  const Made made(
      kLua, with("function on_request() for i = 1, 500 do local s = ('x'):rep(100) .. i end end",
                 "max_instructions = 10000\nmax_memory = \"256KB\""));
  for (int i = 0; i < 200; ++i) {
    Asked asked;
    ASSERT_EQ(asked.ask(*made), Verdict::next) << i << asked.x.plugin_reason;
  }
}

// Errors go up through the frames of a thread: those of one worker are no others'.
TEST(Lua, FailsOnManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::array<std::string, 4> wrong;
  for (size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([i, &wrong] {
      const std::string mine = "mine " + std::to_string(i);
      const LuaScript script{"=s", "function on_log() error('" + mine + "', 0) end"};
      auto state = LuaState::load(script, {1 << 20, 10'000, std::chrono::seconds(1)});
      Asked asked;
      LuaExchange kept;
      for (int n = 0; n < 20'000 && wrong[i].empty(); ++n) {
        LuaCall call{LuaHook::on_log, asked.x, asked, kept};
        if ((*state)->call(call) || (*state)->error() != mine) {
          wrong[i] = (*state)->error() + "?";
        }
      }
    });
  }
  for (std::thread& one : threads) {
    one.join();
  }
  for (const std::string& text : wrong) {
    EXPECT_EQ(text, "");
  }
}

// ---- patterns are Lua's

TEST(Lua, FindsByPatterns) {
  const std::pair<const char*, const char*> kCases[] = {
      {"('hello world'):match('o (%w+)')", "world"},
      {"('key = value'):match('^(%w+)%s*=%s*(%w+)$')", "key"},
      {"('abc'):find('b', 1, true)", "2"},
      {"('a.c'):find('.', 1, true)", "2"},
      {"('abc'):find('')", "1"},
      {"('abc'):find('', 10)", "nil"},
      {"('abc'):find('c', -1)", "3"},
      {"('a1b22'):gsub('%d+', '<%0>')", "a<1>b<22>"},
      {"('abc'):gsub('', '-')", "-a-b-c-"},
      {"('abc'):gsub('.', {a = '1', b = true})", "failed"},
      {"('abc'):gsub('.', {a = '1'})", "1bc"},
      {"('abc'):gsub('%w', function(c) if c == 'b' then return 'X' end end)", "aXc"},
      {"('hello'):gsub('l', 'L', 1)", "heLlo"},
      {"('hello'):gsub('^h', 'j')", "jello"},
      {"('a b'):gsub('(%w) (%w)', '%2 %1')", "b a"},
      {"('x'):gsub('x', '%%')", "%"},
      {"('f(a(b)c)d'):match('%b()')", "(a(b)c)"},
      {"('THE (quick) fox'):find('%((%a+)%)')", "5"},
      {"('THE (quick) fox'):gsub('%f[%a]%a+', 'w')", "w (w) w"},
      {"('\"x\\'y\"'):match('([\"\\'])(.-)%1')", "\""},
      {"('abc'):match('()b()')", "2"},
      {"('[a]'):match('[]]')", "]"},
      {"('a-b'):match('[%a-]+')", "a-b"},
      {"('a^b'):match('[b^]+')", "^b"},
      {"('abc'):match('[^a]+')", "bc"},
      {"('abc'):match('a-b')", "ab"},
      {"('aaa'):match('a-$')", "aaa"},
      {"('$5'):match('$%d')", "$5"},
      {"('abc'):match('x?a')", "a"},
      {"('x\\0y'):match('%z') == '\\0'", "true"},
      {"('ABC'):match('%l')", "nil"},
      {"('a,b,,c'):gsub(',', ';')", "a;b;;c"},
  };
  for (const auto& [expression, wanted] : kCases) {
    const std::string got =
        x_of("local v = " + std::string(expression) + " request.headers.x = tostring(v)");
    if (std::string_view(wanted) == "failed") {
      EXPECT_TRUE(got.starts_with("failed")) << expression;
    } else {
      EXPECT_EQ(got, wanted) << expression;
    }
  }
  EXPECT_EQ(
      x_of("local all = '' for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do all = all .. k .. "
           "v end request.headers.x = all"),
      "a1b2");
  EXPECT_EQ(x_of("local n = 0 for _ in ('abc'):gmatch('') do n = n + 1 end request.headers.x = n"),
            "4");
}

TEST(Lua, RefusesPatternsThatAreNone) {
  for (const char* pattern :
       {"[a", "%", "(a", "a)", "%1", "(a%1", "%b", "%bx", "%f", "%f[a", "[%", "[^", "(()"}) {
    EXPECT_TRUE(has(failure_of("return ('aaa'):match('" + std::string(pattern) + "')"), "pattern"))
        << pattern;
  }
}

}  // namespace
}  // namespace pingap::plugin
