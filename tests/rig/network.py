"""Tests in a network of their own, in which packets can be lost.

In it 10.8.0.0/16 and 10.9.0.0/16 lead to nobody: what is sent there is dropped without a word, as
by a firewall. add_host() puts a host there, remove_host() takes it away again; the connections to
it stay and are heard of no more.
"""

import functools
import os
import subprocess
import sys

import pytest

from .deadline import seconds

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
