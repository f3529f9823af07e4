"""`validate` and this machine: it finds what `run` would fail on, and touches nothing."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from rig import toml
from rig.product import Product, binary, config, environment, run

OK, INVALID, CANNOT_BIND = 0, 3, 4

NOT_OURS = "192.0.2.1"  # RFC 5737: no machine has it


def text_of(basic=None, **server):
    """A configuration that would start but for what is given."""
    return toml.dumps(config("127.0.0.1:9", basic=basic, server=server))


def place(text, value):
    """Line and column at which `value` stands in a TOML text."""
    before = text[:text.index(value)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10)) - 1}:"


# (what, keys, the value that is wrong, what is told); FOLDER is an empty folder but for `file`.
LOGS = [
    ("log without folder", {"access_log": "FOLDER/none/a.log json"}, "FOLDER/none/a.log json",
     ["access_log", "FOLDER/none/a.log", "No such file or directory", "create the folder"]),
    ("log is a folder", {"access_log": "FOLDER"}, "FOLDER", ["Is a directory"]),
    ("log in a file", {"access_log": "FOLDER/file/a.log"}, "FOLDER/file/a.log",
     ["Not a directory"]),
]
PROBLEMS = [
    ("pid file without folder", {"basic": {"pid_file": "FOLDER/none/p.pid"}}, "FOLDER/none/p.pid",
     ["pid_file", "create the folder"]),
    ("address of nobody", {"addr": f"{NOT_OURS}:80"}, f"{NOT_OURS}:80",
     [f"cannot listen on `{NOT_OURS}:80`", "no such address"]),
    ("second of two addresses", {"addr": ["127.0.0.1:0", f"{NOT_OURS}:8080"]}, f"{NOT_OURS}:8080",
     ["no such address"]),
    ("unix socket without folder", {"addr": "unix:FOLDER/none/s"}, "unix:FOLDER/none/s",
     ["create the folder"]),
    ("file in the way of a unix socket", {"addr": "unix:FOLDER/file"}, "unix:FOLDER/file",
     ["in the way"]),
] + ([
    ("no such user", {"basic": {"user": "no-such-user"}}, "no-such-user", ["no user"]),
    ("no such group", {"basic": {"group": "no-such-group"}}, "no-such-group", ["no group"]),
] if os.geteuid() == 0 else [])


@pytest.mark.parametrize("starts,keys,value,words", [
    (rows is LOGS, *row[1:]) for rows in (LOGS, PROBLEMS) for row in rows],
                         ids=[row[0] for row in LOGS + PROBLEMS])
def test_validate_finds_what_run_fails_on(tmp_path, starts, keys, value, words):
    """Or goes on without: test_missing_files.py."""
    (tmp_path / "file").write_text("x", encoding="ascii")
    filled = lambda text: text.replace("FOLDER", str(tmp_path))
    text = filled(text_of(**keys))
    code, out, err = run("validate", "--config", "-", stdin=text)
    assert (code, out) == (INVALID, ""), err
    assert f"<stdin>:{place(text, filled(value))} error:" in err and "^" in err
    for word in words:
        assert filled(word) in err
    if starts:
        return
    code, _, told = run("run", "--config", "-", stdin=text)
    assert (code, told) == (CANNOT_BIND, err)


@pytest.mark.parametrize("name", ["none.html", "."])
def test_template_that_cannot_be_read_is_found_by_both(tmp_path, name):
    text = text_of({"error_template": f"{tmp_path}/{name}"})
    for command in ("validate", "run"):
        code, _, err = run(command, "--config", "-", stdin=text)
        assert code == INVALID and f"<stdin>:{place(text, str(tmp_path))} error:" in err


def test_all_is_found_at_once_with_what_is_wrong_in_the_text(tmp_path):
    text = text_of({"pid_file": f"{tmp_path}/none/p.pid", "grace_period": 5},
                   addr=[f"{NOT_OURS}:80", f"{NOT_OURS}:81"],
                   access_log=f"{tmp_path}/none/a.log")
    for command, errors in (("validate", 5), ("run", 4)):  # a start goes on without a log
        code, _, err = run(command, "--config", "-", stdin=text)
        assert code == INVALID and err.count(" error: ") == errors, err


def test_validate_leaves_no_trace(tmp_path):
    text = text_of({"pid_file": f"{tmp_path}/p.pid"}, access_log=f"{tmp_path}/a.log",
                   addr=["127.0.0.1:0", f"unix:{tmp_path}/s"])
    assert run("validate", "--config", "-", stdin=text)[0] == OK
    assert not os.listdir(tmp_path)


def test_validate_beside_a_running_proxy(recorder, tmp_path):
    files = {name: tmp_path / name for name in ("p.pid", "a.log", "s")}
    conf = config(recorder.addr, basic={"pid_file": str(files["p.pid"])},
                  server={"addr": ["127.0.0.1:0", f"unix:{files['s']}"],
                          "access_log": str(files["a.log"])})
    with Product(conf, log=False) as product:
        host, port = product.address()
        conf["servers"]["main"]["addr"][0] = f"{host}:{port}"  # as a fixed port would be
        product.get("/before")
        before = {name: path.lstat() for name, path in files.items()}
        with product.client() as client:
            assert client.get("/kept").status == 200
            code, _, err = run("validate", "--config", "-", stdin=toml.dumps(conf))
            assert (code, err) == (OK, "")
            assert client.get("/kept").status == 200
        after = {name: path.lstat() for name, path in files.items()}
        for _ in range(20):
            assert product.get("/after").status == 200
        product.signal()
        assert product.wait_exit() == OK
    for name in ("p.pid", "s"):
        assert before[name] == after[name], name
    assert before["a.log"].st_ino == after["a.log"].st_ino
    assert len(files["a.log"].read_text(encoding="ascii").splitlines()) == 23


def test_name_that_does_not_resolve_is_a_warning():
    text = toml.dumps(config(["no-such-name.invalid:80", f"{NOT_OURS}:80"]))
    quick = {"RES_OPTIONS": "attempts:1 timeout:1"}
    code, _, err = run("validate", "--config", "-", stdin=text, env=quick)
    assert code == OK
    assert f"<stdin>:{place(text, 'no-such-name')} warning: `no-such-name.invalid:80`" in err
    conf = config("no-such-name.invalid:80", upstream={"discovery": "static"})
    with Product(conf, env=quick) as product:  # elsewise: test_discovery.py
        assert product.get("/").status == 503
        product.wait_line("warning: `no-such-name.invalid:80` does not resolve")


# --- as somebody else than root

@pytest.fixture
def public():
    """A folder that everybody may read, with a copy of the program."""
    with tempfile.TemporaryDirectory(prefix="pingap-test-") as name:
        os.chmod(name, 0o755)
        shutil.copy(binary(), name)
        yield pathlib.Path(name)


def as_nobody(folder, *words, stdin):
    done = subprocess.run([folder / "pingap", *words], input=stdin, capture_output=True, text=True,
                          env=environment(), user="nobody", group="nogroup", extra_groups=[],
                          timeout=20, check=False)
    return done.returncode, done.stderr


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="starts programs as nobody")


def privileged_ports():
    """The first port that everybody may listen on."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        return int(file.read())


@needs_root
@pytest.mark.skipif(privileged_ports() <= 81, reason="every port is free for all here")
def test_port_without_the_right_to_it(public):
    text = text_of(addr="127.0.0.1:81")
    code, err = as_nobody(public, "validate", "--config", "-", stdin=text)
    assert code == INVALID and f"<stdin>:{place(text, '127.0.0.1:81')} error:" in err
    assert "CAP_NET_BIND_SERVICE" in err
    code, told = as_nobody(public, "run", "--config", "-", stdin=text)
    assert (code, told) == (CANNOT_BIND, err)


@needs_root
def test_folder_that_only_others_may_write(public):
    text = text_of({"pid_file": f"{public}/p.pid"}, access_log=f"{public}/a.log")
    code, err = as_nobody(public, "validate", "--config", "-", stdin=text)
    assert code == INVALID and err.count("Permission denied") == 2, err
    assert run("validate", "--config", "-", stdin=text)[0] == OK, "root may"


@needs_root
def test_log_that_cannot_be_opened_after_a_rotation_is_a_warning(public):
    text = text_of({"user": "nobody"}, access_log=f"{public}/a.log")
    code, _, err = run("validate", "--config", "-", stdin=text)
    assert code == OK and "warning" in err and "after a rotation" in err


@needs_root
def test_user_is_ignored_where_only_root_could_become_it(public):
    text = text_of({"user": "no-such-user"})
    code, err = as_nobody(public, "validate", "--config", "-", stdin=text)
    assert code == OK and "only root" in err


@needs_root
def test_user_that_we_may_not_become(public):
    """Root without the capabilities, as in some containers."""
    text = text_of({"user": "nobody"})
    caps = "--bounding-set=-setuid,-setgid"
    for command, wanted in (("validate", INVALID), ("run", CANNOT_BIND)):
        done = subprocess.run(["setpriv", caps, public / "pingap", command, "--config", "-"],
                              input=text, capture_output=True, text=True, env=environment(),
                              timeout=20, check=False)
        assert done.returncode == wanted and "cannot become `nobody`" in done.stderr, done.stderr
