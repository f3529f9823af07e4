"""The application log and the rotation of log files."""

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from rig.deadline import until
from rig.metrics import Samples, get
from rig.product import Product, binary, config, front
from rig.standin import free_port


def text_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:  # also between a rotation and the next line
        return ""


def change(product, **logging):
    product.conf["logging"] = logging
    product.write_config()
    code, _, error = product.order("reload")
    assert code == 0, error


def test_json_in_a_file(recorder, tmp_path):
    path = tmp_path / "p.log"
    with front(recorder) as product:
        change(product, output=str(path), format="json")
        until(lambda: "configuration reloaded" in text_of(path), "the event is there")
        event = json.loads(text_of(path).splitlines()[-1])
        assert event["level"] == "info" and event["component"] == "control"
        assert os.stat(path).st_mode & 0o777 == 0o640
        before = len(product.stderr)
        change(product, output="stderr")
        product.wait_line("configuration reloaded")
        assert len(product.stderr) > before


def test_everything_from_the_start_is_in_the_file(recorder, tmp_path):
    path = tmp_path / "p.log"
    with front(recorder) as product:
        product.stop()
        product.conf["logging"] = {"output": str(path)}
        product.write_config()
        with subprocess.Popen([binary(), "run", "--config", product.config],
                              stderr=subprocess.PIPE) as process:
            until(lambda: " ready: " in text_of(path), "it serves")
            process.terminate()
            assert process.communicate()[1] == b"" and process.returncode == 0
    assert " stopping: " in text_of(path) and " ready: " in text_of(path) and " listening on " in text_of(path)


@pytest.mark.parametrize("scheme", ["unix", "udp"])
def test_syslog(recorder, tmp_path, scheme):
    if scheme == "unix":
        daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        daemon.bind(str(tmp_path / "log"))
        output = f"syslog:{tmp_path}/log"
    else:
        daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        daemon.bind(("127.0.0.1", 0))
        output = f"syslog:udp://127.0.0.1:{daemon.getsockname()[1]}"
    daemon.settimeout(10)
    with daemon, front(recorder) as product:
        change(product, output=output, syslog_facility="local1")
        message = daemon.recv(4096).decode()
        priority, _, rest = message.partition(">1 ")
        assert priority == "<142"  # local1 (17) * 8 + info
        fields = rest.split(" ", 6)
        assert fields[2] == "pingap" and fields[3] == str(product.process.pid)
        assert fields[4:6] == ["control", "-"] and "configuration reloaded" in fields[6]


def test_a_syslog_that_is_gone_is_no_loss(recorder, tmp_path):
    with front(recorder) as product:
        change(product, output=f"syslog:{tmp_path}/nobody")
        product.wait_line("configuration reloaded")
        assert product.get("/").status == 200


def test_levels_by_component(recorder):
    with front("127.0.0.1:1", {"options": []}) as product:
        assert product.get("/").status == 502
        code, out, _ = product.order("log", "proxy=debug")
        assert code == 0 and "proxy debug\n" in out and "tls info\n" in out
        product.get("/")
        product.wait_line("debug request of 127.0.0.1 .*upstream_refused")
        assert "proxy info\n" in product.order("log", "reset")[1]
        assert product.order("log", "tls=loud")[0] == 2
        assert product.order("log", "nothing=debug")[0] == 2
        change(product, levels=["proxy: error", "tls: debug"])
        out = product.order("log")[1]
        assert "proxy error\n" in out and "tls debug\n" in out and "config info\n" in out


@pytest.mark.parametrize("keys,error", [
    ({"output": "nowhere"}, "`nowhere` is no target of a log"),
    ({"levels": ["ssl: debug"]}, "`ssl` is no part of the program"),
    ({"levels": ["tls: loud"]}, "`tls` needs a level"),
    ({"syslog_facility": "local9"}, "`local9` is no facility"),
    ({"output": "/no/such/folder/p.log"}, "create the folder"),
    ({"format": "xml"}, "unknown `format`"),
])
def test_what_is_wrong_is_said(recorder, keys, error):
    with front(recorder) as product:
        product.conf["logging"] = keys
        product.write_config()
        code, _, text = product.order("validate")
        assert code == 3 and error in text
        assert product.order("reload")[0] != 0
        assert product.get("/").status == 200


# ---- rotation

def all_lines(folder, name):
    lines = []
    for entry in os.listdir(folder):
        path = os.path.join(folder, entry)
        if entry.startswith(name) and not entry.endswith(".part"):
            opened = gzip.open(path, "rt") if entry.endswith(".gz") else open(path, encoding="utf-8")
            with opened as file:
                lines += file.read().splitlines()
    return lines


class Load:
    """Requests without a pause, until it ends; `count` of them were answered."""

    def __init__(self, product, threads):
        self._product = product
        self._ending = threading.Event()
        self._counts = [0] * threads
        self._threads = [threading.Thread(target=self._run, args=(number,))
                         for number in range(threads)]

    def _run(self, thread):
        with self._product.client() as client:
            while not self._ending.is_set():
                assert client.get(f"/{thread}/{self._counts[thread]}").status == 200
                self._counts[thread] += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    @property
    def count(self):
        return sum(self._counts)


def end_of(product):
    product.signal()
    assert product.wait_exit() == 0


def quiet(recorder, path, **logging):
    conf = config([recorder.addr], server={"access_log": f"{path} {{path}}",
                                           "keepalive_requests": 0})
    conf["logging"] = logging
    return Product(conf, log=False)


def test_rotation_by_size_under_load_loses_nothing(recorder, tmp_path):
    with quiet(recorder, tmp_path / "a.log", rotate_size=1500, rotate_keep=0,
               rotate_compress=True) as product:
        with Load(product, 3) as load:
            until(lambda: [name for name in os.listdir(tmp_path) if name.endswith(".gz")] and
                  len(os.listdir(tmp_path)) > 5, "it is rotated", timeout=20)
        end_of(product)
    lines = all_lines(tmp_path, "a.log")
    assert len(lines) == len(set(lines)) == load.count


def test_old_files_are_removed(recorder, tmp_path):
    with quiet(recorder, tmp_path / "a.log", rotate_size=4, rotate_keep=2) as product:
        for number in range(5):
            product.get(f"/{number}")
            until(lambda n=number: f"/{n}" in text_of(tmp_path / "a.log"), "the line is there")
        until(lambda: len(os.listdir(tmp_path)) == 3, "the old ones are gone")
    assert sorted(all_lines(tmp_path, "a.log")) == ["/2", "/3", "/4"]


def test_rotation_by_others_and_usr1_loses_nothing(recorder, tmp_path):
    """As logrotate does: rename, then the signal."""
    path = str(tmp_path / "a.log")
    with quiet(recorder, path) as product:
        with Load(product, 3) as load:
            for number in range(10):
                until(lambda: os.path.exists(path) and os.path.getsize(path), "it has lines")
                os.rename(path, f"{path}.{number}")
                product.signal(signal.SIGUSR1)
        end_of(product)
    lines = all_lines(tmp_path, "a.log")
    assert len(lines) == len(set(lines)) == load.count


def test_logrotate(recorder, tmp_path):
    """The real one, with the lines of the documentation."""
    program = shutil.which("logrotate") or "/usr/sbin/logrotate"
    if not os.path.exists(program):
        pytest.skip("logrotate is not installed")
    path = tmp_path / "a.log"
    os.chmod(tmp_path, 0o755)
    with quiet(recorder, path) as product:
        rules = tmp_path / "rules"
        rules.write_text(f"{path} {{\n rotate 9\n compress\n delaycompress\n missingok\n"
                         f" postrotate\n  kill -USR1 {product.process.pid}\n endscript\n}}\n")
        with Load(product, 2) as load:
            for _ in range(4):
                until(lambda: os.path.exists(path) and os.path.getsize(path), "it has lines")
                subprocess.run([program, "--force", "--state", tmp_path / "state", rules],
                               check=True)
        end_of(product)
    lines = all_lines(tmp_path, "a.log")
    assert len(lines) == len(set(lines)) == load.count


def test_a_killed_process_has_lost_nothing_that_was_flushed(recorder, tmp_path):
    """What is in the file is whole, and nothing in front of it is missing."""
    path = tmp_path / "a.log"
    with quiet(recorder, path) as product:
        product.get("/0")
        until(lambda: text_of(path) == "/0\n", "a line that nothing follows is written soon")
        count = 1
        with product.client() as client:
            while text_of(path).count("\n") < 50:
                assert client.get(f"/{count}").status == 200
                count += 1
        before = text_of(path).count("\n")
        product.kill()
        text = text_of(path)
        product.start()
    assert text == "".join(f"/{number}\n" for number in range(text.count("\n")))
    assert before <= text.count("\n") <= count


def test_the_log_that_fails_says_so_to_stderr(recorder, tmp_path):
    """Its own warning must not wait where it cannot be written."""
    path = tmp_path / "p.log"
    os.symlink("/dev/full", path)
    with front(recorder) as product:
        change(product, output=str(path))
        product.wait_line(f"log {path}: cannot write: No space left")
        os.unlink(path)
        product.signal(signal.SIGUSR1)
        until(lambda: "configuration reloaded" in text_of(path), "what waited is written")
        assert "cannot write" not in text_of(path)


def test_lines_that_nobody_takes_are_counted(recorder):
    with front(recorder) as product, open("/dev/full", "wb") as full:
        product.stop()
        port = free_port()
        product.conf["metrics"] = {"addr": f"127.0.0.1:{port}"}
        product.write_config()
        with subprocess.Popen([binary(), "run", "--config", product.config],
                              stderr=full) as process:
            until(lambda: product.order("reload")[0] == 0, "it serves")
            text = get(("127.0.0.1", port))[2]
            process.terminate()
    assert Samples(text).one("log_lines_dropped_total") > 0


def test_a_full_disk_degrades_the_log_and_recovers(recorder, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
                      capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    try:
        filler = folder / "filler"
        with quiet(recorder, folder / "a.log") as product:
            product.get("/first")
            until(lambda: "/first" in text_of(folder / "a.log"), "the line is there")
            filler.write_bytes(b"x" * 4096 * 14)
            with product.client() as client:
                for number in range(60):
                    assert client.get(f"/full{'x' * 200}/{number}").status == 200
            product.wait_line("cannot write.*No space left")
            assert product.get("/during").status == 200
            filler.unlink()
            until(lambda: "/during" in text_of(folder / "a.log"), "it goes on by itself")
            lines = text_of(folder / "a.log").splitlines()
            assert len(lines) == 62 and len(set(lines)) == 62
    finally:
        subprocess.run(["umount", str(folder)], check=True)
