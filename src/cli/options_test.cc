#include "cli/options.h"

#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/completion.h"

namespace pingap::cli {
namespace {

using Words = std::vector<const char*>;

tl::expected<Options, Exit> parse(const Words& words) {
  return parse_options(words);
}

TEST(Options, TakesTheConfigurationInEverySpelling) {
  for (const Words& words : std::initializer_list<Words>{{"--config", "a.toml"},
                                                         {"--config=a.toml"},
                                                         {"-c", "a.toml"},
                                                         {"-ca.toml"},
                                                         {"-config", "a.toml"},
                                                         {"-config=a.toml"},
                                                         {"run", "-config", "a.toml"},
                                                         {"run", "-c", "a.toml"},
                                                         {"-c", "a.toml", "run"}}) {
    const auto options = parse(words);
    ASSERT_TRUE(options) << words[0] << ": " << options.error().text;
    EXPECT_EQ(options->command, Command::run);
    EXPECT_EQ(options->config, "a.toml");
  }
}

TEST(Options, ValidatesUnderItsAliasToo) {
  for (const Words& words : std::initializer_list<Words>{{"validate", "-c", "-"},
                                                         {"-t", "-c", "-"},
                                                         {"--test", "--config", "-"},
                                                         {"-c", "-", "validate"},
                                                         {"run", "-t", "-config", "-"}}) {
    const auto options = parse(words);
    ASSERT_TRUE(options) << words[0] << ": " << options.error().text;
    EXPECT_EQ(options->command, Command::validate);
    EXPECT_EQ(options->config, "-");
  }
}

TEST(Options, TakesTheConfigurationFromTheEnvironmentLast) {
  const auto from_environment = parse_options({}, "env.toml");
  ASSERT_TRUE(from_environment);
  EXPECT_EQ(from_environment->config, "env.toml");
  const Words words = {"-c", "line.toml"};
  const auto from_line = parse_options(words, "env.toml");
  ASSERT_TRUE(from_line);
  EXPECT_EQ(from_line->config, "line.toml");
}

TEST(Options, ReadsVersion) {
  const auto plain = parse({"version"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->command, Command::version);
  EXPECT_EQ(plain->format, Format::text);
  const auto json = parse({"version", "--json"});
  ASSERT_TRUE(json);
  EXPECT_EQ(json->format, Format::json);
}

TEST(Options, ReadsTop) {
  const auto plain = parse({"top", "-c", "a.toml"});
  ASSERT_TRUE(plain) << plain.error().text;
  EXPECT_EQ(plain->command, Command::top);
  EXPECT_FALSE(plain->once);
  EXPECT_EQ(plain->sort, TopSort::requests);
  const std::pair<const char*, TopSort> sorts[] = {{"requests", TopSort::requests},
                                                   {"errors", TopSort::errors},
                                                   {"p99", TopSort::slowest},
                                                   {"name", TopSort::name}};
  for (const auto& [name, sort] : sorts) {
    const auto options =
        parse({"top", "--once", "--json", "--interval", "2.5", "--sort", name, "-c", "a.toml"});
    ASSERT_TRUE(options) << options.error().text;
    EXPECT_TRUE(options->once);
    EXPECT_EQ(options->format, Format::json);
    EXPECT_EQ(options->interval, 2.5);
    EXPECT_EQ(options->sort, sort);
  }
}

TEST(Options, ReadsTrace) {
  const auto options = parse({"trace", "--client", "10.0.0.0/8", "--path", "/x", "--for", "5m",
                              "--most", "7", "-c", "a.toml"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->command, Command::trace);
  EXPECT_EQ(options->client, "10.0.0.0/8");
  EXPECT_EQ(options->path, "/x");
  EXPECT_EQ(options->lasts, "5m");
  EXPECT_EQ(options->most, "7");
  EXPECT_FALSE(options->off);
  EXPECT_TRUE(parse({"trace", "--off", "-c", "a.toml"})->off);
}

TEST(Options, ReadsProfile) {
  EXPECT_EQ(parse({"profile", "-c", "a.toml"})->seconds, 10U);
  const auto options = parse({"profile", "--seconds", "3", "-c", "a.toml"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->command, Command::profile);
  EXPECT_EQ(options->seconds, 3U);
}

TEST(Options, ReadsRouteExplain) {
  const auto options = parse({"route", "explain", "get", "http://a.test/x?y", "-H", "X-One: 1",
                              "-H", "X-Two:2:3", "-c", "a.toml"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->command, Command::route_explain);
  EXPECT_EQ(options->method, "GET");
  EXPECT_EQ(options->url, "http://a.test/x?y");
  ASSERT_EQ(options->headers.size(), 2u);
  EXPECT_EQ(options->headers[0].name, "X-One");
  EXPECT_EQ(options->headers[0].value, "1");
  EXPECT_EQ(options->headers[1].value, "2:3");
}

TEST(Options, HeadersDoNotSwallowPositionals) {
  const auto options = parse({"route", "explain", "-H", "A: b", "GET", "/x", "-c", "a.toml"});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_EQ(options->method, "GET");
  EXPECT_EQ(options->headers.size(), 1u);
}

TEST(Options, ReadsFmt) {
  const auto plain = parse({"fmt", "a.toml"});
  ASSERT_TRUE(plain) << plain.error().text;
  EXPECT_EQ(plain->command, Command::fmt);
  EXPECT_EQ(plain->fmt_action, FmtAction::write);
  EXPECT_EQ(plain->files, std::vector<std::string>{"a.toml"});
  for (const Words& words : std::initializer_list<Words>{{"fmt", "--check", "a.toml", "-"},
                                                         {"fmt", "a.toml", "-", "--check"}}) {
    const auto check = parse(words);
    ASSERT_TRUE(check) << check.error().text;
    EXPECT_EQ(check->fmt_action, FmtAction::check);
    EXPECT_EQ(check->files, (std::vector<std::string>{"a.toml", "-"}));
  }
}

TEST(Options, ReadsFmtDiff) {
  const auto diff = parse({"fmt", "--diff", "a.toml"});
  ASSERT_TRUE(diff) << diff.error().text;
  EXPECT_EQ(diff->fmt_action, FmtAction::diff);
  EXPECT_FALSE(parse({"fmt", "--diff", "--check", "a.toml"}));
}

TEST(Options, ReadsCompletionAndDemoBackend) {
  const auto completion = parse({"completion", "fish"});
  ASSERT_TRUE(completion);
  EXPECT_EQ(completion->command, Command::completion);
  EXPECT_EQ(completion->shell, Shell::fish);
  const auto demo = parse({"demo-backend", "--listen", "127.0.0.1:9101", "--name", "one"});
  ASSERT_TRUE(demo);
  EXPECT_EQ(demo->command, Command::demo_backend);
  EXPECT_EQ(demo->listen, "127.0.0.1:9101");
  EXPECT_EQ(demo->name, "one");
  const auto unnamed = parse({"demo-backend", "--listen", "127.0.0.1:9101"});
  ASSERT_TRUE(unnamed);
  EXPECT_EQ(unnamed->name, "127.0.0.1:9101");
}

TEST(Options, RefusesAWrongLineWithAHint) {
  struct Case {
    Words words;
    const char* text;
  };

  const Case cases[] = {
      {{}, "no configuration given; add --config FILE"},
      {{"run"}, "no configuration given"},
      {{"validate"}, "no configuration given"},
      {{"route", "explain", "GET", "/"}, "no configuration given"},
      {{"valdate", "-c", "x"}, "did you mean `validate`?"},
      {{"--confg", "x"}, "did you mean `--config`?"},
      {{"run", "x.toml"}, "did you mean `--config x.toml`?"},
      {{"-c"}, "--config: 1 required FILE missing"},
      {{"route"}, "subcommand is required"},
      {{"route", "explain", "GET"}, "url is required"},
      {{"route", "explain", "G T", "/", "-c", "x"}, "not a method: `G T`"},
      {{"route", "explain", "GET", "a.test", "-c", "x"}, "http://host/path or /path"},
      {{"route", "explain", "GET", "/", "-H", "nocolon", "-c", "x"}, "-H 'Name: value'"},
      {{"route", "explain", "GET", "/", "-H", "a b: c", "-c", "x"}, "-H 'Name: value'"},
      {{"route", "explain", "GET", "/", "-H", "a: b\r\nc: d", "-c", "x"}, "-H 'Name: value'"},
      {{"top"}, "no configuration given"},
      {{"top", "--sort", "size", "-c", "x"}, "no sorting by `size`; requests, errors, p99 or name"},
      {{"top", "--interval", "0", "-c", "x"}, "--interval"},
      {{"trace", "--for", "1s", "-c", "x"}, "trace what?"},
      {{"trace", "--off", "--path", "/", "-c", "x"}, "--off goes alone"},
      {{"profile", "--seconds", "61", "-c", "x"}, "--seconds"},
      {{"profile", "--seconds", "0", "-c", "x"}, "--seconds"},
      {{"fmt"}, "file is required"},
      {{"fmt", "--chek", "a.toml"}, "did you mean `--check`?"},
      {{"completion"}, "shell is required"},
      {{"completion", "tcsh"}, "no completion for `tcsh`; bash, zsh or fish"},
      {{"demo-backend"}, "--listen is required"},
      {{"demo-backend", "--listen", "127.0.0.1:x"}, "`x` is not a port"},
  };
  for (const Case& one : cases) {
    const auto options = parse(one.words);
    ASSERT_FALSE(options) << one.text;
    EXPECT_EQ(options.error().code, ExitCode::usage);
    EXPECT_NE(options.error().text.find(one.text), std::string::npos) << options.error().text;
    EXPECT_TRUE(options.error().text.ends_with("Try `pingap --help`.\n")) << options.error().text;
  }
}

TEST(Options, HelpTeachesByExample) {
  const auto options = parse({"--help"});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ExitCode::ok);
  for (const char* text : {"pingap --config pingap.toml", "pingap -t -c pingap.toml",
                           "route explain GET", "3  invalid configuration", "4  could not bind",
                           "validate", "completion", "PINGAP_CONFIG"}) {
    EXPECT_NE(options.error().text.find(text), std::string::npos) << text;
  }
  for (const Words& words : std::initializer_list<Words>{{"run", "-h"},
                                                         {"validate", "-h"},
                                                         {"version", "-h"},
                                                         {"route", "explain", "-h"},
                                                         {"fmt", "-h"},
                                                         {"completion", "-h"},
                                                         {"demo-backend", "-h"}}) {
    const auto help = parse(words);
    ASSERT_FALSE(help);
    EXPECT_EQ(help.error().code, ExitCode::ok);
    EXPECT_NE(help.error().text.find(words[0]), std::string::npos);
  }
}

TEST(Options, VersionFlagPrintsTheVersion) {
  const auto options = parse({"--version"});
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, ExitCode::ok);
  EXPECT_EQ(options.error().text, version_text(Format::text));
  EXPECT_TRUE(options.error().text.starts_with("pingap "));
  EXPECT_TRUE(version_text(Format::json).starts_with(R"({"version":")"));
}

TEST(Completion, KnowsEveryCommandAndOption) {
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish}) {
    const std::string_view script = completion_script(shell);
    for (const char* word : {"run", "validate", "version", "route", "explain", "fmt", "completion",
                             "demo-backend", "config", "top", "trace", "profile", "interval",
                             "check", "test", "json", "header", "listen", "name"}) {
      EXPECT_NE(script.find(word), std::string_view::npos) << word << " in\n" << script;
    }
  }
}

}  // namespace
}  // namespace pingap::cli
