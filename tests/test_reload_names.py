"""A resolver that does not answer keeps a reload waiting, and nothing else."""

import copy
import os
import signal
import socket
import threading
import time

import pytest

from rig import toml
from rig.deadline import until
from rig.origin import Origin
from rig.preload import library
from rig.product import front


class Asked:
    """A command that runs meanwhile."""

    def __init__(self, product, *words):
        self.answer = None
        self._thread = threading.Thread(target=self._run, args=(product, words))
        self._thread.start()

    def _run(self, product, words):
        self.answer = product.order(*words)

    def wait(self):
        self._thread.join()
        return self.answer


def with_names(product, origin, value, count=1):
    conf = copy.deepcopy(product.conf)
    conf["upstreams"]["named"] = {"discovery": "static", "addrs": [
        f"h{number}.slow.test:{origin.port}" for number in range(count)]}
    conf["locations"]["named"] = {"upstream": "named", "path": "/named",
                                  "headers_set": [f"X-New: {value}"]}
    conf["servers"]["main"]["locations"].append("named")
    return conf


def write(product, conf):
    with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
        file.write(toml.dumps(conf))


def looking_up(product):
    """How many threads wait for names."""
    folder = f"/proc/{product.process.pid}/task"
    count = 0
    for task in os.listdir(folder):
        with open(f"{folder}/{task}/comm", encoding="ascii") as file:
            count += file.read() == "pingap-names\n"
    return count


@pytest.fixture(name="slow")
def slow_names(tmp_path):
    """(options of a product, what lets names be found)"""
    path = library("slow_names", str(tmp_path))
    until_there = tmp_path / "go"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        env = {"LD_PRELOAD": path, "SLOW_UNTIL": str(until_there),
               "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
        yield {"env": env}, until_there.touch, manager


def test_what_goes_on_meanwhile(slow):
    options, go, manager = slow
    with Origin() as origin, front(origin, options) as product:
        write(product, with_names(product, origin, "a"))
        first = Asked(product, "reload")
        until(lambda: looking_up(product) == 1, "a name is looked up")
        assert product.get("/").status == 200 and product.get("/named").get("X-New") is None
        while manager.recv(1000) != b"WATCHDOG=1":
            pass
        while manager.recv(1000) != b"WATCHDOG=1":
            pass
        product.signal(signal.SIGUSR1)
        product.wait_line("log files reopened")
        write(product, with_names(product, origin, "b"))
        before = product.descriptors()
        others = [Asked(product, "reload") for _ in range(3)]
        until(lambda: product.descriptors() == before + 3, "all of them wait")
        assert first.answer is None
        go()
        assert first.wait()[0] == 0
        assert [other.wait()[0] for other in others] == [0, 0, 0]
        assert product.get("/named").get("X-New") == "b"
        reloads = [line for line in product.stderr if "configuration reloaded" in line]
        assert len(reloads) == 2, "one more for all that came meanwhile"


def test_many_names_at_once(slow):
    options, go, _ = slow
    with Origin() as origin, front(origin, options) as product:
        write(product, with_names(product, origin, "a", 20))
        asked = Asked(product, "reload")
        until(lambda: looking_up(product) == 8, "eight at a time")
        go()
        assert asked.wait()[0] == 0
        for _ in range(20):
            assert product.get("/named").status == 200
        until(lambda: not looking_up(product), "the threads end")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_does_not_wait_for_names(slow, number):
    options, _, _ = slow
    with Origin() as origin, front(origin, options) as product:
        write(product, with_names(product, origin, "a", 3))
        asked = Asked(product, "reload")
        until(lambda: looking_up(product) == 3, "names are looked up")
        since = time.monotonic()
        product.signal(number)
        assert product.wait_exit() == 0
        assert time.monotonic() - since < 3
        assert asked.wait()[0] == 1


def test_a_difference_is_told_once_names_are_known(slow):
    options, go, _ = slow
    with Origin() as origin, front(origin, options) as product:
        write(product, with_names(product, origin, "a"))
        asked = Asked(product, "diff")
        until(lambda: looking_up(product) == 1, "a name is looked up")
        assert product.get("/").status == 200
        go()
        code, out, _ = asked.wait()
        assert code == 0 and "+ upstreams.named" in out
        assert product.get("/named").get("X-New") is None


def test_what_has_not_changed_is_not_looked_up_again(slow):
    options, go, _ = slow
    with Origin() as origin, front(origin, options) as product:
        go()
        write(product, with_names(product, origin, "a"))
        assert product.order("reload")[0] == 0
        os.unlink(options["env"]["SLOW_UNTIL"])
        write(product, with_names(product, origin, "b"))
        assert product.order("reload")[0] == 0
        assert product.get("/named").get("X-New") == "b"
