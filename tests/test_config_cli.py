"""The command line: validate, errors with their place, sources, exit codes, route explain."""

import json
import os
import signal
import socket
import subprocess

import pytest

from rig import toml
from rig.origin import Origin
from rig.product import Product, binary, config, environment, front, run

OK, FAILURE, USAGE, INVALID, CANNOT_BIND = 0, 1, 2, 3, 4

GOOD = """[upstreams.api]
addrs = ["127.0.0.1:9"]
[locations.api]
upstream = "api"
path = "/api"
[servers.main]
addr = "127.0.0.1:0"
locations = ["api"]
"""


@pytest.fixture
def file(tmp_path):
    """Writes a text; returns its path."""
    def write(text, name="pingap.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)
    return write


# --- validate

@pytest.mark.parametrize("words", [["validate", "--config"], ["-t", "-c"], ["--test", "-config"],
                                   ["validate", "-c"], ["run", "-t", "--config"]])
def test_valid_config_is_accepted_in_every_spelling(file, words):
    code, _, err = run(*words, file(GOOD))
    assert (code, "error" in err) == (OK, False), err


def errors(path):
    code, out, err = run("validate", "--config", path)
    assert code == INVALID, (code, out, err)
    return out + err


@pytest.mark.parametrize("old,new,line,column,words", [
    ('addrs = ', 'adrs = ', 2, 1, ["adrs", "did you mean", "addrs"]),
    ('upstream = "api"', 'upstream = "apy"', 4, 12, ["apy", "api"]),
    ('locations = ["api"]', 'locations = ["none"]', 8, 14, ["none"]),
    ('path = "/api"', 'path = "/api"\npath_type = "prefx"', 6, 13, ["prefx", "prefix"]),
    ('path = "/api"', 'path = "("\npath_type = "regex"', 5, 8, ["("]),
    ('path = "/api"', 'path = "/api"\nread_timeout = "5 parsecs"', 6, 16, ["parsecs"]),
    ('path = "/api"', 'path = "/api"\nclient_max_body_size = "5 bananas"', 6, 24, ["bananas"]),
    ('"127.0.0.1:9"', '"127.0.0.1:99999"', 2, 10, ["99999"]),
    ('addr = "127.0.0.1:0"', 'addr = "127.0.0.1:x"', 7, 8, ["127.0.0.1", "port"]),
    ('path = "/api"', 'path = "/api"\npriority = "high"', 6, 12, ["priority"]),
    ('[servers.main]', '[server.main]', 6, None, ["server", "did you mean", "servers"]),
    ('path = "/api"', 'path = "/api', 5, None, []),
])
def test_error_names_file_line_and_column_and_helps(file, old, new, line, column, words):
    assert old in GOOD
    path = file(GOOD.replace(old, new, 1))
    text = errors(path)
    place = f"{path}:{line}:" + (f"{column}:" if column else "")
    assert place in text, text
    assert "^" in text, "a caret below the source line"
    for word in words:
        assert word in text, text


def test_all_errors_are_collected_in_source_order(file):
    text = errors(file('[upstreams.a]\nadrs = []\n[locations.l]\nupstream = "x"\nfoo = 1\n'
                       '[servers.s]\naddr = "1.2.3.4:1"\nlocations = ["nope"]\n'))
    places = [line for line in text.splitlines() if ": error:" in line]
    assert len(places) >= 4
    numbers = [int(line.split(".toml:")[1].split(":")[0]) for line in places]
    assert numbers == sorted(numbers)


def test_same_listener_twice_is_an_error(file):
    text = errors(file(GOOD.replace("127.0.0.1:0", "127.0.0.1:8081")
                       + '[servers.two]\naddr = "127.0.0.1:8081"\nlocations = ["api"]\n'))
    assert "127.0.0.1:8081" in text


def test_key_and_its_alias_together_are_an_error(file):
    text = errors(file(GOOD.replace('addrs =', 'algo = "random"\nalgorithm = "random"\naddrs =')))
    assert "algo" in text


@pytest.mark.parametrize("value", ['"500ms"', '"1h 30m"', '"2s"', '"1m"'])
def test_durations(file, value):
    assert run("-t", "-c", file(GOOD.replace('path = "/api"',
                                             f'path = "/api"\nread_timeout = {value}')))[0] == OK


@pytest.mark.parametrize("value", ['"64kb"', '"1MiB"', '"10"', '10', '"1GiB"'])
def test_sizes(file, value):
    body = f'path = "/api"\nclient_max_body_size = {value}'
    assert run("-t", "-c", file(GOOD.replace('path = "/api"', body)))[0] == OK


def test_environment_references_are_replaced(file):
    text = GOOD.replace('"127.0.0.1:9"', '"127.0.0.1:${RIG_PORT}"').replace(
        '"/api"', '"${RIG_PATH:-/fallback}"')
    assert run("-t", "-c", file(text), env={"RIG_PORT": "9"})[0] == OK
    code, _, err = run("-t", "-c", file(text))
    assert code == INVALID and "RIG_PORT" in err


def test_directory_of_files_is_one_config_and_errors_name_the_right_file(tmp_path, file):
    head, _, tail = GOOD.partition("[servers.main]")
    file(head, "10-routes.toml")
    file("[servers.main]" + tail, "20-server.toml")
    assert run("validate", "--config", str(tmp_path))[0] == OK
    file("[servers.main]" + tail.replace('"api"', '"nope"'), "20-server.toml")
    assert "20-server.toml:3:" in errors(str(tmp_path))


def test_config_from_stdin():
    assert run("validate", "--config", "-", stdin=GOOD)[0] == OK
    assert run("validate", "--config", "-", stdin=GOOD + "x")[0] == INVALID


def test_validate_opens_no_port_and_needs_no_free_one(file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = file(GOOD.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        assert run("validate", "--config", path)[0] == OK


def test_hostile_files_are_refused_not_fatal(file):
    for text in ("[" * 10000, "a = " + "[" * 10000, "\x00", "a.b" * 50000, "x = 1e999999"):
        assert run("validate", "--config", file(text))[0] == INVALID


# --- exit codes

@pytest.mark.parametrize("words", [[], ["frob"], ["--frob"], ["run", "--config"],
                                   ["route", "explain", "GET"], ["completion", "tcsh"]])
def test_wrong_command_line_is_2(words):
    code, out, err = run(*words)
    assert code == USAGE and err and not out


def test_run_with_an_invalid_config_is_3_and_says_why(file):
    code, _, err = run("run", "--config", file(GOOD.replace("addrs", "adrs")))
    assert code == INVALID and "adrs" in err


def test_missing_config_file_is_3(tmp_path):
    code, _, err = run("run", "--config", str(tmp_path / "no.toml"))
    assert code == INVALID and "no.toml" in err


def test_taken_port_is_4_and_named(file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = file(GOOD.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        code, _, err = run("run", "--config", path)
    assert code == CANNOT_BIND and f"127.0.0.1:{port}" in err


def test_graceful_stop_is_0():
    with Origin() as origin, front(origin) as product:
        product.signal(signal.SIGTERM)
        assert product.wait_exit() == OK


# --- words

def test_version():
    code, out, _ = run("version")
    assert code == OK and out.startswith("pingap ")
    assert run("--version")[1] == out
    assert "version" in json.loads(run("version", "--json")[1])


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["route", "explain", "--help"],
                                   ["validate", "--help"]])
def test_help(words):
    code, out, err = run(*words)
    assert code == OK and "--config" in out and not err


def test_help_has_examples_and_exit_codes():
    out = run("--help")[1]
    assert "Examples" in out and "Exit codes" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_commands(shell):
    code, out, _ = run("completion", shell)
    assert code == OK and "validate" in out and "explain" in out


def test_bash_completion_is_valid_bash():
    script = run("completion", "bash")[1]
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- route explain

EXPLAIN = GOOD + """
[locations.exact]
upstream = "api"
path = "/api/exact"
path_type = "exact"
rewrite = "^/api/(.*)$ /v2/$1"
match_headers = ["X-Beta:1"]
"""


def explain(file, *words):
    conf = EXPLAIN.replace('locations = ["api"]', 'locations = ["api", "exact"]')
    code, out, err = run("route", "explain", *words, "--config", file(conf))
    assert code == OK, err
    return out


def test_explain_shows_every_location_the_choice_and_why(file):
    out = explain(file, "GET", "http://a.test/api/exact")
    assert "api" in out and "exact" in out
    assert "X-Beta" in out, "why the better one was not taken"
    assert "127.0.0.1:9" in out or "upstream" in out


def test_explain_shows_the_rewritten_request(file):
    out = explain(file, "GET", "http://a.test/api/exact?q=1", "-H", "X-Beta: 1")
    assert "/v2/exact?q=1" in out


def test_explain_says_when_nothing_matches(file):
    code, out, _ = run("route", "explain", "GET", "/other", "--config", file(GOOD))
    assert "404" in out or "no location" in out.lower()
    assert code in (OK, FAILURE)


def test_explain_agrees_with_the_running_proxy(recorder, file):
    locations = {
        "exact": {"path": "/a", "path_type": "exact", "headers_set": {"X-Location": "exact"}},
        "regex": {"path": "^/a[0-9]", "path_type": "regex",
                  "headers_set": {"X-Location": "regex"}},
        "prefix": {"path": "/a", "headers_set": {"X-Location": "prefix"}},
    }
    conf = config(recorder.addr, locations=locations)
    path = file(toml.dumps(conf))
    with Product(conf) as product:
        for target in ("/a", "/a/x", "/a1", "//a", "/x/../a"):
            name = product.get(target).get("X-Location")
            out = run("route", "explain", "GET", f"http://a.test{target}", "--config", path)[1]
            assert name in out, (target, name, out)


# --- environment of the process

def test_config_path_from_the_environment(file):
    env = environment()
    env["PINGAP_CONFIG"] = file(GOOD)
    done = subprocess.run([binary(), "validate"], env=env, capture_output=True, check=False,
                          timeout=20)
    assert done.returncode == OK


def test_secrets_are_not_in_the_error_text(file, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hunter2", encoding="ascii")
    os.chmod(secret, 0o600)
    text = GOOD.replace('path = "/api"', f'path = "file:{secret}"\npath_type = "exact"')
    _, out, err = run("validate", "--config", file(text))
    assert "hunter2" not in out + err


def test_a_second_program_on_the_same_port_does_not_start(recorder):
    """It could share the port, and each would get a part of the connections."""
    with front(recorder) as product:
        host, port = product.address()[:2]
        conf = config([recorder.addr], server={"addr": f"{host}:{port}"})
        with pytest.raises(AssertionError, match="another program has this port"):
            Product(conf)
        assert product.get("/").status == 200


# A disk that is full must not look like success, nor end the program in the middle.
@pytest.mark.parametrize("words", [["version"], ["plugin", "show", "--markdown"]])
def test_what_cannot_be_printed_is_a_failure(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([binary(), *words], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=30, env=environment(), check=False)
    assert done.returncode == FAILURE
    assert done.stderr == "pingap: cannot write to stdout: No space left on device\n"
