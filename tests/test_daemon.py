"""`pingap run --daemon`."""

import os
import signal
import socket

import pytest

from rig import toml
from rig.deadline import until
from rig.origin import Origin
from rig.product import config, run


@pytest.fixture
def background(tmp_path):
    """A configuration of a proxy in the background, whose process is ended afterwards."""
    with Origin() as origin:
        conf = config(origin.addr, basic={"pid_file": str(tmp_path / "pid")})
        conf["logging"] = {"output": str(tmp_path / "app.log")}
        conf["servers"]["main"]["addr"] = f"unix:{tmp_path}/s"
        yield conf
    try:
        pid = int((tmp_path / "pid").read_text(encoding="ascii"))
    except OSError:
        return
    os.kill(pid, signal.SIGTERM)
    until(lambda: not os.path.exists(tmp_path / "pid"), "it ends")


def start_daemon(tmp_path, conf, **options):
    (tmp_path / "p.toml").write_text(toml.dumps(conf), encoding="utf-8")
    return run("run", "--daemon", "--config", str(tmp_path / "p.toml"),
               env={"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}, **options)


def test_it_serves_when_the_caller_ends(tmp_path, background):
    code, out, err = start_daemon(tmp_path, background)
    assert (code, out) == (0, ""), err
    pid = int((tmp_path / "pid").read_text(encoding="ascii"))
    assert os.getsid(pid) == pid
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
    assert "ready" in (tmp_path / "app.log").read_text(encoding="utf-8")


def test_the_exit_code_tells_why_it_does_not_serve(tmp_path, background):
    code, _, err = start_daemon(tmp_path, {**background, "nonsense": {}})
    assert code == 3 and "nonsense" in err
    background["servers"]["main"]["addr"] = "192.0.2.1:80"
    assert start_daemon(tmp_path, background)[0] in (3, 4)
    assert not os.path.exists(tmp_path / "pid")


def test_the_log_must_go_somewhere(tmp_path, background):
    code, _, err = start_daemon(tmp_path, {**background, "logging": {}})
    assert code == 3 and "2>>FILE" in err


def test_a_new_binary_takes_over(tmp_path, background):
    assert start_daemon(tmp_path, background)[0] == 0
    before = int((tmp_path / "pid").read_text(encoding="ascii"))
    code, _, err = run("upgrade", "--config", str(tmp_path / "p.toml"),
                       env={"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)})
    assert code == 0, err
    after = until(lambda: int((tmp_path / "pid").read_text(encoding="ascii") or before) != before
                  and (tmp_path / "pid").read_text(encoding="ascii"), "the new one owns the file")
    assert os.path.exists(f"/proc/{int(after)}")
