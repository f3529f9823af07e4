"""`pingap top`: the numbers of the process that runs, in a terminal and without one."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

from rig.client import request
from rig.deadline import seconds, until
from rig.origin import Origin, echo, response
from rig.product import Product, binary, config, environment
from rig.standin import free_port

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def answer(message):
    return response(503) if message.path().startswith("/bad") else echo(message)


@contextlib.contextmanager
def running(metrics=True):
    """A product with two locations, one of which fails, in front of an origin."""
    with Origin(answer=answer) as origin:
        conf = config(origin.addr, locations={"good": {"path": "/"}, "bad": {"path": "/bad"}})
        conf["upstreams"]["dead"] = {"addrs": [f"127.0.0.1:{free_port()}"], "max_fails": 0}
        if metrics:
            conf["metrics"] = {"addr": "127.0.0.1:0"}
        with Product(conf) as product:
            yield product


@contextlib.contextmanager
def load(product):
    """Requests until the end: three good ones, then a bad one, and so on."""
    stop = threading.Event()

    def ask():
        with product.client() as client:
            while not stop.is_set():
                for path in ("/", "/", "/", "/bad"):
                    client.send(request(path))
                    client.response()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Screen:
    """`pingap top` in a terminal of its own."""

    def __init__(self, product, *options, rows=30, columns=120):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.raw = b""
        self.process = subprocess.Popen(
            [binary(), "top", "--interval", "0.1", "--config", product.config, *options],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            env=environment(product._folders()))
        os.set_blocking(self.master, False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def frame(self):
        """The lines that were shown last, as a whole."""
        with contextlib.suppress(BlockingIOError):
            self.raw += os.read(self.master, 1 << 20)
        frames = self.raw.decode("utf-8", "replace").split("\x1b[H")
        whole = [one for one in frames if one.endswith("\x1b[J")]
        return ESCAPE.sub("", whole[-1]).split("\r\n") if whole else []

    def wait(self, what, look):
        return until(lambda: look(self.frame()), what)

    def wait_end(self):
        def ended():
            self.frame()  # or it could wait for us
            return self.process.poll() is not None

        until(ended, "the end of top")
        self.frame()
        return self.process.returncode

    def press(self, key):
        os.write(self.master, key.encode())


def rows(lines):
    """{location or server: cells} of a frame or a table."""
    cells = [line.split() for line in lines]
    return {row[1]: row for row in cells if len(row) > 7}


# --- once


def test_json_has_rates_and_totals():
    with running() as product:
        for path in ("/", "/", "/bad"):
            product.get(path)
        with load(product):
            code, out, err = product.order("top", "--json", "--interval", "0.3")
        assert code == 0, err
        view = json.loads(out)
    assert view["reloads"] == 0 and view["last_reload_taken"] is True
    assert view["interval"] >= 0.3 and view["uptime"] >= 0
    locations = {one["location"]: one for one in view["locations"]}
    assert locations["good"]["requests"] >= 2 and locations["bad"]["requests"] >= 1
    assert locations["good"]["requests_per_second"] > 0
    assert locations["good"]["server_errors_per_second"] == 0
    assert locations["bad"]["server_errors_per_second"] == locations["bad"]["requests_per_second"] > 0
    assert locations["good"]["p50"] > 0
    upstreams = {one["upstream"]: one for one in view["upstreams"]}
    assert upstreams["origin"]["state"] == "up" and upstreams["origin"]["tries_per_second"] > 0
    assert upstreams["dead"]["tries"] == 0


def test_without_a_terminal_it_is_printed_once():
    with running() as product:
        product.get("/")
        for options in ((), ("--once",)):
            code, out, err = product.order("top", "--interval", "0.1", *options)
            assert code == 0, err
            assert "\x1b" not in out
            table = rows(out.splitlines())
            assert {"good", "LOCATION", "BACKEND"} <= set(table)
            assert table["good"][0] == "main"


def test_without_metrics_there_are_upstreams():
    with running(metrics=False) as product:
        product.get("/")
        code, out, err = product.order("top", "--once", "--interval", "0.1")
        assert code == 0, err
        assert "requests are not counted: there is no [metrics]" in out
        view = json.loads(product.order("top", "--json", "--interval", "0.1")[1])
    assert view["locations"] == [] and "in_flight" not in view
    assert {one["upstream"]: one["tries"] for one in view["upstreams"]} == {"origin": 1, "dead": 0}


def test_without_a_process_it_says_so():
    with running() as product:
        product.stop()
        code, out, err = product.order("top", "--once")
    assert code == 1 and out == "" and "no process answers" in err


# A process that stands still answers nobody; who asks is not held for ever.
def test_a_process_that_does_not_answer_is_given_up():
    with running() as product:
        product.signal(signal.SIGSTOP)
        try:
            code, _, err = product.order("top", "--once")
        finally:
            product.signal(signal.SIGCONT)
        assert code == 1 and "does not answer" in err


# --- in a terminal


def test_it_is_live_in_a_terminal():
    with running() as product, Screen(product) as screen:
        with load(product):
            table = screen.wait("rates", lambda lines: (lambda table: table if all(
                float(table.get(name, ["0"] * 3)[2].rstrip("kM")) > 0 for name in ("good", "bad"))
                else None)(rows(lines)))
            assert table["bad"][4] == "100.0%"
        screen.wait("rates of nothing", lambda lines: rows(lines)["good"][2] == "0.0")
        screen.press("q")
        assert screen.wait_end() == 0


def test_the_terminal_is_as_it_was():
    for end in ("q", "\x03", signal.SIGTERM, signal.SIGHUP):
        with running() as product, Screen(product) as screen:
            screen.wait("a frame", lambda lines: "LOCATION" in " ".join(lines))
            assert termios.tcgetattr(screen.slave) != screen.before
            if isinstance(end, str):
                screen.press(end)
            else:
                screen.process.send_signal(end)
            assert screen.wait_end() == 0
            assert termios.tcgetattr(screen.slave) == screen.before
            # Another screen, no cursor, no wrapping: each is taken back.
            for mode in ("1049", "25", "7"):
                states = re.findall(rb"\x1b\[\?" + mode.encode() + rb"([hl])", screen.raw)
                assert len(states) == 2 and states[0] != states[1], mode


def test_keys_sort():
    with running() as product, load(product), Screen(product) as screen:
        def first(name):
            def look(lines):
                table = [line.split() for line in lines]
                names = [row[1] for row in table if len(row) > 7 and row[0] == "main"]
                return names[:1] == [name]
            return look

        screen.wait("most requests first", first("good"))
        screen.press("n")
        screen.wait("by name", first("bad"))
        screen.press("r")
        screen.wait("by requests", first("good"))
        screen.press("e")
        screen.wait("by errors", first("bad"))


def test_it_fits_the_terminal():
    with running() as product, Screen(product, rows=30) as screen:
        screen.wait("a frame", lambda lines: "LOCATION" in " ".join(lines))
        screen.resize(8, 40)
        screen.process.send_signal(signal.SIGWINCH)
        lines = screen.wait("a small frame", lambda lines: lines if len(lines) <= 8 else None)
        assert all(len(line) <= 60 for line in lines)  # the line of keys is cut by the terminal
        assert all(len(line) <= 40 for line in lines[:-1])


# One that ends is waited for: another one may take its place.
def test_it_outlives_the_process():
    with running() as product, Screen(product) as screen:
        screen.wait("a frame", lambda lines: "LOCATION" in " ".join(lines))
        product.stop()
        screen.wait("what is wrong", lambda lines: "no process answers" in " ".join(lines))
        product.start()
        screen.wait("numbers again", lambda lines: lines[-1].startswith("q quit"))
        screen.press("q")
        assert screen.wait_end() == 0
