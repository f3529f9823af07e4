#include "cli/completion.h"

namespace pingap::cli {
namespace {

constexpr std::string_view kBash = R"sh(# bash completion for pingap
_pingap() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      run|validate|version|route|explain|fmt|completion|demo-backend) command=$word ;;
    esac
  done
  case $previous in
    -c|--config|-config)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return ;;
    -H|--header|--listen|--name) return ;;
  esac
  local words=
  case $command in
    '') words='run validate version route fmt completion demo-backend
               --config --test --help --version' ;;
    run) words='--config --test --help' ;;
    validate) words='--config --help' ;;
    version) words='--json --help' ;;
    route) words='explain --help' ;;
    explain)
      if [[ $previous == explain ]]; then
        words='GET HEAD POST PUT DELETE PATCH OPTIONS'
      else
        words='--header --config --help'
      fi ;;
    fmt)
      words='--check --help'
      if [[ $current != -* ]]; then
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$current"))
        return
      fi ;;
    completion) words='bash zsh fish --help' ;;
    demo-backend) words='--listen --name --help' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
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
    'version:Print version, commit and compiler'
    'route:Look into routing'
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
        run) _arguments $config '(-t --test)'{-t,--test}'[only check]' ;;
        validate) _arguments $config ;;
        version) _arguments '--json[as JSON]' ;;
        route)
          _arguments '1:command:(explain)' '2:method:(GET HEAD POST PUT DELETE PATCH OPTIONS)' \
            '3:url:' '*'{-H,--header}'[header of the request]:header:' $config ;;
        fmt) _arguments '--check[only name what would change]' '*:configuration:_files' ;;
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
set -l commands run validate version route fmt completion demo-backend
complete -c pingap -f
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a run -d 'Start the proxy'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a validate -d 'Check the configuration'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a version -d 'Print the version'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a route -d 'Look into routing'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a fmt -d 'Write files in the one form'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a completion -d 'Print a completion script'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -a demo-backend -d 'A small HTTP server'
complete -c pingap -s h -l help -d 'Print help'
complete -c pingap -n "not __fish_seen_subcommand_from $commands" -s V -l version -d 'Print the version'
complete -c pingap -n "not __fish_seen_subcommand_from version fmt completion demo-backend" -s c -l config -r -F -d 'Configuration'
complete -c pingap -n "not __fish_seen_subcommand_from validate version route fmt completion demo-backend" -s t -l test -d 'Only check the configuration'
complete -c pingap -n '__fish_seen_subcommand_from version' -l json -d 'As JSON'
complete -c pingap -n '__fish_seen_subcommand_from route; and not __fish_seen_subcommand_from explain' -a explain -d 'Explain a request'
complete -c pingap -n '__fish_seen_subcommand_from explain' -a 'GET HEAD POST PUT DELETE PATCH OPTIONS'
complete -c pingap -n '__fish_seen_subcommand_from explain' -s H -l header -x -d 'Header of the request'
complete -c pingap -n '__fish_seen_subcommand_from fmt' -F -l check -d 'Only name what would change'
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
