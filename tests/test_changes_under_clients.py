"""Clients of every protocol while the configuration, or the program, changes under them.

Requests that come one after the other are answered each; streams and tunnels that are open go on.
"""

import contextlib
import copy
import queue
import threading

import pytest

from rig import h2
from rig.client import Closed
from rig.deadline import seconds, until
from rig.h2 import H2Client
from rig.origin import Origin
from rig.product import Product, config
from test_upgrade import Upgraded, alive, write
from test_websocket import open_tunnel as open_h1_tunnel
from test_websocket_h2 import data, echo_tunnel
from test_websocket_h2 import open_tunnel as open_h2_tunnel

grpc = pytest.importorskip("grpc")
from rig import grpc_origin  # noqa: E402


def conf_of(origin, calls):
    conf = config(origin.addr, basic={"threads": 2, "grace_period": "60s"},
                  server={"keepalive_requests": 0},  # only a change makes a client go
                  locations={"calls": {"path": "/test.Calls", "upstream": "calls"},
                             "tunnels": {"path": "/ws", "upstream": "tunnels"}, "all": {}})
    conf["upstreams"]["calls"] = {"addrs": [calls], "protocol": "h2c"}
    conf["upstreams"]["tunnels"] = {"addrs": [origin.addr]}  # echo_tunnel wants its own connections
    return conf


class H2Load:
    """Requests of HTTP/2, four at a time; a connection that says GOAWAY is left for another.

    What is above the stream that GOAWAY names was not begun and may be asked for again: it counts
    neither as answered nor as lost.
    """

    def __init__(self, product):
        self.product = product
        self.answered = 0
        self.lost = []
        self.connections = 0

    def run(self, stop):
        while not stop.is_set():
            self.connections += 1
            with h2.connect(self.product) as client:
                client.send(h2.window(0, 1 << 30))
                stream = 1
                while not stop.is_set() and client.goaway is None:
                    streams = range(stream, stream + 8, 2)
                    for one in streams:
                        client.request(one, h2.head(path="/x"))
                    self._take(client, streams)
                    stream += 8

    def _take(self, client, streams):
        for one in streams:
            answer = client.answers[one]
            client.pump(lambda answer=answer, one=one: answer.how is not None or self._unbegun(
                client, one))
            if (answer.status, answer.how) == (200, "end"):
                self.answered += 1
            elif not self._unbegun(client, one):
                self.lost.append((one, answer.status, answer.how, client.ended))

    @staticmethod
    def _unbegun(client, stream):
        return client.goaway is not None and stream > client.last_stream


class GrpcLoad:
    """Unary calls, one after the other, by a client that follows GOAWAY by itself."""

    def __init__(self, product):
        self.product = product
        self.answered = 0
        self.lost = []

    def run(self, stop):
        with grpc_origin.channel("%s:%d" % self.product.address()[:2]) as calls:
            echo = calls("unary_unary", "Echo")
            while not stop.is_set():
                try:
                    assert echo(b"hi", timeout=seconds(10)) == b"hi"
                    self.answered += 1
                except grpc.RpcError as error:
                    self.lost.append(error)


class Talk:
    """A call that is open: says something, and hears it reversed."""

    def __init__(self, product, stack):
        calls = stack.enter_context(grpc_origin.channel("%s:%d" % product.address()[:2]))
        self.words = queue.Queue()
        self.heard = calls("stream_stream", "Talk")(iter(self.words.get, None),
                                                    timeout=seconds(120))

    def check(self):
        self.words.put(b"abc")
        assert next(self.heard) == b"cba"

    def finish(self):
        self.words.put(None)
        assert list(self.heard) == []
        assert self.heard.code() == grpc.StatusCode.OK


class H1Tunnel:
    """A WebSocket of an HTTP/1.1 client."""

    def __init__(self, product, stack):
        self.client = stack.enter_context(contextlib.closing(open_h1_tunnel(product)))

    def check(self):
        self.client.send(b"ping")
        assert self.client.bytes(4) == b"ping"

    def finish(self):
        self.client.fin()
        assert self.client.wait_closed() == "fin"


class H2Tunnel:
    """A WebSocket in a stream of HTTP/2."""

    def __init__(self, product, stack):
        self.client = stack.enter_context(H2Client(product.address()[:2]))
        self.answer = open_h2_tunnel(self.client)
        self.sent = b""

    def check(self):
        self.sent += b"ping"
        self.client.send(data(b"ping"))
        assert self.client.pump(lambda: self.answer.body == self.sent)

    def finish(self):
        self.client.send(data(b"", end=True))
        assert self.client.pump(lambda: self.answer.how == "end")
        assert self.answer.body == self.sent


@contextlib.contextmanager
def under_load(product):
    """Loads that run meanwhile; at the end nothing of them is lost."""
    loads = [H2Load(product), H2Load(product), GrpcLoad(product)]
    stop = threading.Event()
    failures = []

    def run(load):
        try:
            load.run(stop)
        except (OSError, Closed, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(load,)) for load in loads]
    for thread in threads:
        thread.start()
    try:
        yield loads
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert [load.lost for load in loads] == [[]] * len(loads)
    assert all(load.answered > 50 for load in loads), [load.answered for load in loads]


@contextlib.contextmanager
def served():
    """A product in front of an origin of tunnels and one of calls."""
    with grpc_origin.serving() as (calls, _), Origin(echo_tunnel) as origin, \
            Product(conf_of(origin, calls)) as product, contextlib.ExitStack() as stack:
        yield product, stack


def test_twenty_upgrades():
    """Each generation is given a tunnel of each kind, some of them a call; all go on to the end."""
    with served() as (product, stack), Upgraded(product) as then:
        open_ones = []
        with under_load(product) as loads:
            for turn in range(20):
                kinds = [H1Tunnel, H2Tunnel] + ([Talk] if turn % 5 == 0 else [])
                open_ones += [kind(product, stack) for kind in kinds]
                then.upgrade()
                for one in open_ones:
                    one.check()
        assert loads[0].connections > 1  # they were told to go
        assert product.process.poll() is None and all(alive(pid) for pid in then.pids)
        for one in open_ones:
            one.finish()
        product.process.wait(seconds(10))
        assert product.process.returncode == 0
        until(lambda: not any(alive(pid) for pid in then.pids[:-1]), "those between end", 10)


def test_two_hundred_reloads():
    """The route, its policy and the upstreams themselves change."""
    with served() as (product, stack):
        open_ones = [kind(product, stack) for kind in (H1Tunnel, H2Tunnel, Talk)]
        conf = copy.deepcopy(product.conf)
        with under_load(product) as loads:
            for turn in range(200):
                conf["locations"]["all"]["headers_set"] = [f"X-Turn: {turn}"]
                if turn % 2:
                    for upstream in conf["upstreams"].values():
                        upstream["max_fails"] = turn // 2
                write(product, conf)
                code, _, err = product.order("reload")
                assert code == 0, err
                if turn % 10 == 0:
                    for one in open_ones:
                        one.check()
        assert [load.connections for load in loads[:2]] == [1, 1]  # nobody had to go
        for one in open_ones:
            one.check()
            one.finish()
        assert product.get("/").get("X-Turn") == "199"
