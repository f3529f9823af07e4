#include "cli/completion.h"

namespace pingap::cli {
namespace {

constexpr std::string_view kBash = R"sh(# bash completion for pingap
_pingap() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      run|validate|reload|status|upgrade|log|upstream|top|trace|profile|diff|history|show|rollback|version|config|push|\
      pull|sync|route|explain|plugin|list|fmt|completion|demo-backend) command=$word ;;
    esac
  done
  case $previous in
    -c|--config|-config)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return ;;
    --layout) COMPREPLY=($(compgen -W 'file items' -- "$current")); return ;;
    --sort) COMPREPLY=($(compgen -W 'requests errors p99 name' -- "$current")); return ;;
    -H|--header|--listen|--name|--comment|--interval|--client|--path|--for|--most|--seconds) return ;;
  esac
  local words=
  COMPREPLY=()
  case $command in
    '') words='run validate reload status upgrade log upstream top trace profile diff history show rollback version
               config route plugin fmt completion demo-backend --config --test --help --version' ;;
    run) words='--config --test --autoreload --last-good --upgrade --help' ;;
    validate) words='--config --strict --help' ;;
    upgrade|history|show) words='--config --help' ;;
    log) words='reset trace debug info warn error off --config --help' ;;
    upstream) words='set enable drain disable weight --config --help' ;;
    top) words='--once --json --interval --sort --config --help' ;;
    trace) words='--client --path --for --most --off --config --help' ;;
    profile) words='--seconds --config --help' ;;
    reload|rollback) words='--config --comment --help' ;;
    diff)
      words='--config --help'
      if [[ $current != -* ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$current"))
        return
      fi ;;
    status) words='--json --requests --config --help' ;;
    version) words='--json --help' ;;
    config) words='push pull sync --help' ;;
    push|pull|sync)
      words='--dry-run --force --text-only --layout --config --help'
      [[ $current == -* ]] || COMPREPLY=($(compgen -f -- "$current")) ;;
    route) words='explain --help' ;;
    plugin) words='list show --help' ;;
    list) words='--json --help' ;;
    explain)
      if [[ $previous == explain ]]; then
        words='GET HEAD POST PUT DELETE PATCH OPTIONS'
      else
        words='--header --config --help'
      fi ;;
    fmt)
      words='--check --diff --help'
      if [[ $current != -* ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$current"))
        return
      fi ;;
    completion) words='bash zsh fish --help' ;;
    demo-backend) words='--listen --name --help' ;;
  esac
  COMPREPLY+=($(compgen -W "$words" -- "$current"))
}
complete -F _pingap pingap
)sh";

constexpr std::string_view kZsh = R"sh(#compdef pingap
# zsh completion for pingap
_pingap() {
  local -a commands config
  commands=(
    'run:Start the proxy in the foreground'
    'validate:Check the configuration'
    'reload:Make the running process use its configuration as it is now'
    'status:How the running process is'
    'upgrade:Start the program anew in place of the running process'
    'log:Show or change the levels of the application log'
    'upstream:List the servers of upstreams, or tell one what to do'
    'top:What the running process does, live'
    'trace:Write the requests of a client or path to the log'
    'profile:What the threads of the running process work on'
    'diff:What a reload would change'
    'history:The configurations that were in use'
    'show:The text of a revision'
    'rollback:Go back to a revision'
    'version:Print version, commit and compiler'
    'config:Bring a configuration into etcd, or out of it'
    'route:Look into routing'
    'plugin:What plugins there are, and their keys'
    'fmt:Write configuration files in the one form'
    'completion:Print a completion script for a shell'
    'demo-backend:A small HTTP server to try the proxy with'
  )
  config=('(-c --config)'{-c,--config}'[configuration]:file or folder:_files')
  local state line
  _arguments -C $config '(-t --test)'{-t,--test}'[only check the configuration]' \
    '(- *)'{-h,--help}'[print help]' '(- *)'{-V,--version}'[print the version]' \
    '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
        run)
          _arguments $config '(-t --test)'{-t,--test}'[only check]' \
            '--autoreload[take up changed files]' '--last-good[where it cannot be used: a revision]' \
            '(-u --upgrade)'{-u,--upgrade}'[take over from the running process]' ;;
        validate) _arguments $config '--strict[warnings count]' ;;
        upgrade|history|show) _arguments $config '1:revision:' ;;
        log) _arguments $config '*:level:(reset trace debug info warn error off)' ;;
        upstream)
          _arguments $config '1:order:(set)' '2:upstream:' '3:server:' \
            '4:what:(enable drain disable weight)' '5:weight:' ;;
        top)
          _arguments $config '--once[print it once]' '--json[as JSON]' '--interval[of rates]:seconds:' \
            '--sort[by what]:key:(requests errors p99 name)' ;;
        trace)
          _arguments $config '--client[of whom]:address:' '--path[for what]:path:' \
            '--for[how long]:time:' '--most[how many]:number:' '--off[no more]' ;;
        profile) _arguments $config '--seconds[how long]:seconds:' ;;
        reload|rollback) _arguments $config '--comment[why]:text:' '1:revision:' ;;
        diff) _arguments $config '*:file or revision:_files' ;;
        status) _arguments $config '--json[as JSON]' '--requests[the oldest ones]:number:' ;;
        version) _arguments '--json[as JSON]' ;;
        config)
          _arguments '1:command:(push pull sync)' $config '*:file or URL:_files' \
            '--dry-run[only say what would change]' '--force[over changes of others]' \
            '--text-only[look for no files]' '--layout[how it is to lie]:layout:(file items)' ;;
        route)
          _arguments '1:command:(explain)' '2:method:(GET HEAD POST PUT DELETE PATCH OPTIONS)' \
            '3:url:' '*'{-H,--header}'[header of the request]:header:' $config ;;
        plugin) _arguments '1:command:(list show)' '2:type:' '--json[as JSON]' ;;
        fmt)
          _arguments '--check[only name what would change]' '--diff[only show what would change]' \
            '*:configuration:_files' ;;
        completion) _arguments '1:shell:(bash zsh fish)' ;;
        demo-backend) _arguments '--listen[address]:address:' '--name[name]:name:' ;;
      esac ;;
  esac
}
if [[ $funcstack[1] == _pingap ]]; then
  _pingap "$@"
else
  compdef _pingap pingap
fi
)sh";

constexpr std::string_view kFish = R"sh(# fish completion for pingap
set -l commands run validate reload status upgrade log upstream top trace profile diff history show rollback version config route plugin fmt completion demo-backend
complete -c pingap -f
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a run -d 'Start the proxy'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a validate -d 'Check the configuration'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a reload -d 'Use the configuration as it is now'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a upgrade -d 'Start the program anew in its place'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a status -d 'How the running process is'
complete -c pingap -n '__fish_seen_subcommand_from status' -l json -d 'As JSON'
complete -c pingap -n '__fish_seen_subcommand_from status' -l requests -x -d 'The oldest ones'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a log -d 'Show or change the levels of the application log'
complete -c pingap -n '__fish_seen_subcommand_from log' -a 'reset trace debug info warn error off'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a upstream -d 'List the servers of upstreams, or tell one what to do'
complete -c pingap -n '__fish_seen_subcommand_from upstream' -a 'set enable drain disable weight'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a top -d 'What the running process does, live'
complete -c pingap -n '__fish_seen_subcommand_from top' -l once -d 'Print it once'
complete -c pingap -n '__fish_seen_subcommand_from top' -l json -d 'As JSON'
complete -c pingap -n '__fish_seen_subcommand_from top' -l interval -x -d 'Seconds that rates are over'
complete -c pingap -n '__fish_seen_subcommand_from top' -l sort -x -a 'requests errors p99 name' -d 'By what'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a trace -d 'Write requests to the log'
complete -c pingap -n '__fish_seen_subcommand_from trace' -l client -x -d 'Of this address'
complete -c pingap -n '__fish_seen_subcommand_from trace' -l path -x -d 'Whose path begins so'
complete -c pingap -n '__fish_seen_subcommand_from trace' -l for -x -d 'How long'
complete -c pingap -n '__fish_seen_subcommand_from trace' -l most -x -d 'How many'
complete -c pingap -n '__fish_seen_subcommand_from trace' -l off -d 'No more'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a profile -d 'What its threads work on'
complete -c pingap -n '__fish_seen_subcommand_from profile' -l seconds -x -d 'How long'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a diff -d 'What a reload would change'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a history -d 'Configurations that were in use'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a show -d 'The text of a revision'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a rollback -d 'Go back to a revision'
complete -c pingap -n '__fish_seen_subcommand_from validate' -l strict -d 'Warnings count'
complete -c pingap -n '__fish_seen_subcommand_from run' -l autoreload -d 'Take up changed files'
complete -c pingap -n '__fish_seen_subcommand_from run' -l last-good -d 'Where it cannot be used: a revision'
complete -c pingap -n '__fish_seen_subcommand_from run' -s u -l upgrade -d 'Take over from the running process'
complete -c pingap -n '__fish_seen_subcommand_from reload rollback' -l comment -x -d 'Why'
complete -c pingap -n '__fish_seen_subcommand_from diff' -F
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a version -d 'Print the version'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a config -d 'Bring a configuration into etcd, or out of it'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a route -d 'Look into routing'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a plugin -d 'What plugins there are'
complete -c pingap -n '__fish_seen_subcommand_from plugin; and not __fish_seen_subcommand_from list show' -a 'list show'
complete -c pingap -n '__fish_seen_subcommand_from plugin' -l json -d 'As JSON'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a fmt -d 'Write files in the one form'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a completion -d 'Print a completion script'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a demo-backend -d 'A small HTTP server'
complete -c pingap -s h -l help -d 'Print help'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'Print the version'
complete -c pingap -n "not __fish_seen_subcommand_from version plugin fmt completion demo-backend" -s c -l config -r -F -d 'Configuration'
complete -c pingap -n "not __fish_seen_subcommand_from validate version route plugin fmt completion demo-backend" -s t -l test -d 'Only check the configuration'
complete -c pingap -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from push pull sync' -a 'push pull sync'
complete -c pingap -n '__fish_seen_subcommand_from push pull sync' -F
complete -c pingap -n '__fish_seen_subcommand_from push pull sync' -l dry-run -d 'Only say what would change'
complete -c pingap -n '__fish_seen_subcommand_from push pull sync' -l force -d 'Over changes of others'
complete -c pingap -n '__fish_seen_subcommand_from push pull sync' -l text-only -d 'Look for no files'
complete -c pingap -n '__fish_seen_subcommand_from push pull sync' -l layout -x -a 'file items' -d 'How it is to lie'
complete -c pingap -n '__fish_seen_subcommand_from version' -l json -d 'As JSON'
complete -c pingap -n '__fish_seen_subcommand_from route; and not __fish_seen_subcommand_from explain' -a explain -d 'Explain a request'
complete -c pingap -n '__fish_seen_subcommand_from explain' -a 'GET HEAD POST PUT DELETE PATCH OPTIONS'
complete -c pingap -n '__fish_seen_subcommand_from explain' -s H -l header -x -d 'Header of the request'
complete -c pingap -n '__fish_seen_subcommand_from fmt' -F -l check -d 'Only name what would change'
complete -c pingap -n '__fish_seen_subcommand_from fmt' -l diff -d 'Only show what would change'
complete -c pingap -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
complete -c pingap -n '__fish_seen_subcommand_from demo-backend' -l listen -x -d 'Address'
complete -c pingap -n '__fish_seen_subcommand_from demo-backend' -l name -x -d 'Name'
)sh";

}  // namespace

std::string_view completion_script(Shell shell) noexcept {
  switch (shell) {
    case Shell::bash:
      return kBash;
    case Shell::zsh:
      return kZsh;
    case Shell::fish:
      break;
  }
  return kFish;
}

}  // namespace pingap::cli
