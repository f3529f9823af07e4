"""Tests in a network of their own, in which packets can be lost.

In it 10.8.0.0/16 and 10.9.0.0/16 lead to nobody: what is sent there is dropped without a word, as
by a firewall. add_host() puts a host there, remove_host() takes it away again; the connections to
it stay and are heard of no more.
"""

import functools
import os
import signal
import subprocess
import sys

import pytest

from .deadline import seconds, until

_INSIDE = "PINGAP_TEST_NETWORK"
_BEGIN = ("ip link set lo up && ip route add 10.8.0.0/16 dev lo && "
          "ip route add 10.9.0.0/16 dev lo && exec \"$@\"")
_UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]

_TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

NOBODY = "10.9.0.1:80"


@functools.cache
def may_unshare():
    try:
        return subprocess.run([*_UNSHARE, "sh", "-c", _BEGIN, "sh", "true"],
                              capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def in_own_network(test):
    """Runs the test once more, in a process that has a network for itself."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        if os.environ.get(_INSIDE):
            test(*args, **kwargs)
            return
        if not may_unshare():
            pytest.skip("no network of its own to be had here")
        name = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        done = subprocess.run(
            [*_UNSHARE, "sh", "-c", _BEGIN, "sh", sys.executable, "-m", "pytest", "-q",
             "-p", "no:cacheprovider", name],
            cwd=_TESTS, env={**os.environ, _INSIDE: "1"}, capture_output=True, text=True, check=False,
            timeout=seconds(60))
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def add_host(address):
    _ip("address", "add", f"{address}/32", "dev", "lo")


def remove_host(address):
    _ip("address", "del", f"{address}/32", "dev", "lo")


class Island:
    """A further network, inside one of our own, with links to it that can be cut.

    By link N the island is at 10.7.N.1 and the mainland at 10.7.N.254. What is sent over a link
    that is cut is dropped; connections stay. Context manager.
    """

    def __init__(self, links=1):
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._net = f"/proc/{self._holder.pid}/ns/net"
        ours = os.readlink("/proc/self/ns/net")
        until(lambda: os.readlink(self._net) != ours, "the island is there")
        self._inside("ip", "link", "set", "lo", "up")
        for number in range(links):
            _ip("link", "add", f"land{number}", "type", "veth", "peer", "name", f"sea{number}",
                "netns", str(self._holder.pid))
            _ip("address", "add", f"10.7.{number}.254/24", "dev", f"land{number}")
            _ip("link", "set", f"land{number}", "up")
            self._inside("ip", "address", "add", f"10.7.{number}.1/24", "dev", f"sea{number}")
            self.mend(number)

    def words(self):
        """What a command begins with that is to run on the island."""
        return ["nsenter", f"--net={self._net}"]

    def cut(self, link):
        self._inside("ip", "link", "set", f"sea{link}", "down")

    def mend(self, link):
        self._inside("ip", "link", "set", f"sea{link}", "up")

    def _inside(self, *words):
        subprocess.run([*self.words(), *words], check=True, capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._holder.send_signal(signal.SIGKILL)
        self._holder.wait()
