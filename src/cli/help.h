// The texts behind the options in --help.
#pragma once

namespace pingap::cli {

inline constexpr const char* kAbout = "pingap - a reverse proxy for HTTP";

inline constexpr const char* kFooter = R"(
Examples:
  pingap --config pingap.toml            start the proxy, logs go to stderr
  pingap --config /etc/pingap/           the same from all *.toml files of a folder
  pingap -t -c pingap.toml               only check the configuration, print every error
  generate-config | pingap -t -c -       check what another program writes
  pingap reload -c pingap.toml           make the running process use what the file says now
  pingap fmt pingap.toml                 write it in the one form, comments kept
  pingap --config etcd://127.0.0.1:2379/pingap
                                         the same from etcd; changes there are taken up at once
  pingap config push -c pingap.toml etcd://127.0.0.1:2379/pingap
                                         put a configuration into etcd
  pingap route explain GET http://shop.test/api/users -c pingap.toml
                                         which location takes this request, and why
  pingap plugin show rate_limit          what the keys of a plugin are
  source <(pingap completion bash)       completion for this shell

Signals: TERM and QUIT stop gracefully within grace_period, a second one or INT stops at once;
HUP reloads the configuration, USR1 opens the log files again, USR2 starts the program anew in place
of this process.

Exit codes:
  0  done, or stopped gracefully
  1  failed while running, or cut requests at the end of grace_period; files that `fmt --check`
     or `--diff` would change
  2  wrong command line
  3  invalid configuration; nothing was started
  4  could not bind an address, open a log or the pid file, or become the user
  5  somebody else has changed what was to be written

PINGAP_CONFIG stands in for a missing --config. PINGAP_ETCD_USER and PINGAP_ETCD_PASSWORD are for
an etcd that wants to know who asks.)";

inline constexpr const char* kStatusFooter = R"(
Examples:
  pingap status -c pingap.toml
  pingap status --requests 20 -c pingap.toml
                                         and what hangs: the oldest requests under way
  pingap status -c pingap.toml --json    all that is known, as /state of [metrics] has it

What is degraded is what does not work as it should right now: names that do not resolve, new
certificates that cannot be used, etcd that is away. It goes away by itself.)";

inline constexpr const char* kLogFooter = R"(
Examples:
  pingap log -c pingap.toml                     how it is
  pingap log tls=debug proxy=debug -c pingap.toml
  pingap log warn -c pingap.toml                of everything
  pingap log reset -c pingap.toml               as the configuration says

LEVEL is trace, debug, info, warn, error or off. It holds until the next reload.)";

inline constexpr const char* kUpstreamFooter = R"(
Examples:
  pingap upstream -c pingap.toml                 how all servers are
  pingap upstream set api 10.0.0.1:8080 drain -c pingap.toml
                                                 nothing new but from clients that come back to it
  pingap upstream set api 10.0.0.1:8080 disable -c pingap.toml
                                                 nothing new; what is under way ends
  pingap upstream set api 10.0.0.1:8080 enable -c pingap.toml
  pingap upstream set api 10.0.0.1:8080 weight 5 -c pingap.toml

It holds until the process ends, by a restart or an upgrade.)";

inline constexpr const char* kTopFooter = R"(
Examples:
  pingap top -c pingap.toml                       q ends it; r, e, p, n sort by requests, errors,
                                                  p99, name
  pingap top --once --interval 10 -c pingap.toml  a table of the next ten seconds
  pingap top --json -c pingap.toml                the same of one second, for programs

Times are those of the histograms: what is below their first bound is shown as <5ms.)";

inline constexpr const char* kTraceFooter = R"(
Each of these requests is a line in the application log, whatever its level is: the location and
server that were chosen, what plugins did, every try, how long each phase took, how it ended. It
ends by itself.

Examples:
  pingap trace --client 10.0.0.7 -c pingap.toml
  pingap trace --path /api/orders --for 5m --most 1000 -c pingap.toml
  pingap trace -c pingap.toml                     how it is
  pingap trace --off -c pingap.toml)";

inline constexpr const char* kProfileFooter = R"(
Notes 99 times in each second of CPU time where each thread is, and prints how often it was where:
"THREAD;OUTERMOST;...;INNERMOST COUNT", as programs that draw flame graphs read it. A thread that
waits is not noted.

Examples:
  pingap profile -c pingap.toml > pingap.folded
  pingap profile --seconds 30 -c pingap.toml | flamegraph.pl > pingap.svg)";

inline constexpr const char* kConfigFooter = R"(
Examples:
  pingap config push -c pingap.toml etcd://127.0.0.1:2379/pingap
  pingap config push -c /etc/pingap/ etcd://127.0.0.1:2379/pingap --dry-run
  pingap config pull etcd://127.0.0.1:2379/pingap pingap.toml
  pingap config sync etcd://old:2379/pingap etcd://new:2379/pingap

The target becomes like the source: what is only there goes. It is written in one transaction, and
only if nobody else has changed it since it was pulled, or read; else the exit code is 5. What was
pulled or pushed is remembered in a hidden file beside FILE.

URL is etcd://HOST[:PORT],.../PATH with options such as ?timeout=10s&ca=/etc/ssl/etcd.pem.)";

inline constexpr const char* kValidateFooter = R"(
Looks at the configuration and at this machine, opens nothing, and prints all that it finds. Exit
code 3 with an error, and with --strict with a warning, too: locations that get no request, servers
without a health check, weak ciphers, networks that nobody should trust.

Examples:
  pingap validate -c /etc/pingap/
  pingap validate --strict -c pingap.toml && pingap reload -c pingap.toml)";

inline constexpr const char* kReloadFooter = R"(
Waits until the process has taken up the configuration, and says what is new, changed and gone. With
an error nothing changes: the errors are printed, and the exit code is 3, or 4 where an address
cannot be listened on.

Examples:
  pingap reload -c /etc/pingap/pingap.toml
  pingap reload -c pingap.toml --comment 'api: two more servers'

Under the same path as the process was started with; `upgrade_sock` says where it is found.)";

inline constexpr const char* kUpgradeFooter = R"(
For a new version: put the program in the place of the old one, then

  pingap upgrade -c pingap.toml

Nobody who connects meanwhile is lost. The old process ends what it has begun, in grace_period at
most. Where the new one does not come to serve, the old one goes on as if nothing had been.)";

inline constexpr const char* kDiffFooter = R"(
By what is meant, not by the text: comments, order and other spellings are no difference. Without A
and B: what the running process has against what the file says now, and whether it could take it up.

Examples:
  pingap diff -c pingap.toml             what would `pingap reload` change?
  pingap diff old.toml new.toml
  pingap diff 11 12 -c pingap.toml       two revisions
  pingap diff 11 pingap.toml -c pingap.toml)";

inline constexpr const char* kRollbackFooter = R"(
Writes the text of the revision to where the configuration is, and makes the running process use it.
Where that fails the files are as they were.

Examples:
  pingap history -c pingap.toml
  pingap rollback 11 -c pingap.toml --comment 'the new route loops')";

inline constexpr const char* kExplainFooter = R"(
Examples:
  pingap route explain GET /api/users -c pingap.toml
  pingap route explain POST http://shop.test/cart -H 'X-Version: 2' -c pingap.toml)";

inline constexpr const char* kPluginFooter = R"(
Examples:
  pingap plugin list
  pingap plugin show rate_limit
  pingap plugin show rate_limit --json   a JSON Schema of its keys, for forms and editors)";

inline constexpr const char* kFmtFooter = R"(
Blanks, blank lines, indentation and ends of lines are made the same everywhere. Comments, the order
of things and the spelling of values stay, and the configuration says what it said before: that is
checked, and where it did not hold, the file would be left alone.

Examples:
  pingap fmt pingap.toml                 rewrite a file
  pingap fmt /etc/pingap/                rewrite all *.toml files of a folder
  pingap fmt --check configs/            only name the files that would change; exit code 1 if any
  pingap fmt --diff configs/             only show what would change, for people or for `patch`
  generate-config | pingap fmt -         from stdin to stdout)";

inline constexpr const char* kCompletionFooter = R"(
Where each shell looks for it:
  bash   pingap completion bash > ~/.local/share/bash-completion/completions/pingap
  zsh    pingap completion zsh > "${fpath[1]}/_pingap"
  fish   pingap completion fish > ~/.config/fish/completions/pingap.fish)";

inline constexpr const char* kDemoFooter = R"(
Answers every request with its name and what it was sent. Made for trying out configs/example.toml:
  pingap demo-backend --listen 127.0.0.1:9101 --name one)";

}  // namespace pingap::cli
