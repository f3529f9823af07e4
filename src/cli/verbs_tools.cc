// Verbs that need no running process, and only `route explain` a configuration.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "cli/help.h"
#include "cli/verbs.h"
#include "config/address.h"
#include "config/suggest.h"
#include "config/syntax.h"

namespace pingap::cli {
namespace {

constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

std::optional<Exit> finish_explain(Given& given) {
  Options& options = given.options;
  if (!config::is_token(options.method)) {
    return usage("METHOD is not a method: " + config::quote(options.method));
  }
  std::ranges::transform(options.method, options.method.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
  });
  const std::string_view url = options.url;
  if (!url.starts_with('/') && !url.starts_with("http://") && !url.starts_with("https://")) {
    return usage("URL is not one: " + config::quote(url), "http://host/path or /path");
  }
  for (const std::string& header : given.headers) {
    const size_t colon = header.find(':');
    const std::string name(trim(std::string_view(header).substr(0, colon)));
    if (colon == std::string::npos || config::check_header_name(name)) {
      return usage("not a header: " + config::quote(header), "-H 'Name: value'");
    }
    const std::string value(trim(std::string_view(header).substr(colon + 1)));
    if (config::check_header_value(value)) {
      return usage("not a header: " + config::quote(header), "-H 'Name: value'");
    }
    options.headers.push_back({name, value});
  }
  return std::nullopt;
}

std::optional<Exit> finish_completion(Given& given) {
  const auto found = std::ranges::find(kShells, given.shell);
  if (found == kShells.end()) {
    return usage("no completion for " + config::quote(given.shell), "bash, zsh or fish");
  }
  given.options.shell = static_cast<Shell>(found - kShells.begin());
  return std::nullopt;
}

std::optional<Exit> finish_demo(Given& given) {
  Options& options = given.options;
  const auto address = config::parse_listen_address(options.listen);
  if (!address) {
    return usage("--listen: " + address.error().what, address.error().hint);
  }
  options.listen = address->to_string();
  if (options.name.empty()) {
    options.name = options.listen;
  }
  return std::nullopt;
}

void add_route(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  CLI::App& route = *app.add_subcommand("route", "Look into routing");
  route.require_subcommand(1);
  CLI::App& explain = verbs.add(
      route, Command::route_explain, "explain",
      "Show every location considered for a request, why, and what is sent on", finish_explain);
  explain.footer(kExplainFooter);
  explain.add_option("method", options.method, "GET, POST, ...")->required()->type_name("METHOD");
  explain.add_option("url", options.url, "http://host/path or /path")->required()->type_name("URL");
  explain
      .add_option("-H,--header", verbs.given.headers,
                  "A header of the request, 'Name: value'; repeat")
      ->allow_extra_args(false)
      ->type_name("HEADER");
  verbs.add_config(explain);
}

void add_plugin(CLI::App& app, Verbs& verbs) {
  CLI::App& plugin = *app.add_subcommand("plugin", "What plugins there are, and their keys");
  plugin.require_subcommand(1);
  verbs.add_json(verbs.add(plugin, Command::plugin_list, "list", "All types, by name"));
  CLI::App& show = verbs.add(plugin, Command::plugin_show, "show", "The keys of a type");
  show.footer(kPluginFooter);
  show.add_option("type", verbs.given.options.name, "As in `type = \"TYPE\"`; all if left out")
      ->type_name("TYPE");
  verbs.add_json(show, "As a JSON Schema");
  show.add_flag("--markdown", verbs.given.markdown, "As in docs/plugins-reference.md");
}

void add_completion(CLI::App& app, Verbs& verbs) {
  CLI::App& completion = verbs.add(app, Command::completion, "completion",
                                   "Print a completion script for a shell", finish_completion);
  completion.footer(kCompletionFooter);
  completion.add_option("shell", verbs.given.shell, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL");
}

void add_demo(CLI::App& app, Verbs& verbs) {
  Options& options = verbs.given.options;
  CLI::App& demo = verbs.add(app, Command::demo_backend, "demo-backend",
                             "A small HTTP server to try the proxy with", finish_demo);
  demo.footer(kDemoFooter);
  demo.add_option("--listen", options.listen, "Address, such as 127.0.0.1:9101")
      ->required()
      ->type_name("ADDR");
  demo.add_option("--name", options.name, "What it calls itself")->type_name("NAME");
}

}  // namespace

void add_tools(CLI::App& app, Verbs& verbs) {
  add_route(app, verbs);
  add_plugin(app, verbs);
  verbs.add_json(verbs.add(app, Command::version, "version", "Print version, commit and compiler"));
  add_completion(app, verbs);
  add_demo(app, verbs);
}

}  // namespace pingap::cli
