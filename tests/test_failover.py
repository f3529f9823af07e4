"""Servers that die, hang, come back and are full, under load and with real backends."""

import asyncio
import collections
import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest

from rig import h2
from rig.client import Closed, request
from rig.deadline import until
from rig.nginx import Nginx
from rig.origin import Gate, Origin, echo, response
from rig.product import Product, config, front
from rig.sockdiag import SockDiag
from rig.standin import black_hole, free_port


class Load:
    """Clients that ask one after the other on kept connections until they are told to stop."""

    def __init__(self, product, clients=8, pause=0.004, method="GET", body=None):
        self.statuses = collections.Counter()
        self.bodies = collections.Counter()
        self.failures = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(product, pause, method, body))
                         for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, product, pause, method, body):
        try:
            with product.client(timeout=20) as client:
                while not self._over.wait(pause):
                    answer = client.get("/x", method=method, body=body)
                    with self._lock:
                        self.statuses[answer.status] += 1
                        self.bodies[answer.body] += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(repr(error))

    def wait(self, more):
        """Until so many answers more have come."""
        goal = sum(self.statuses.values()) + more
        until(lambda: sum(self.statuses.values()) >= goal or self.failures, "answers", 30)

    def wait_body(self, body, more=1):
        goal = self.bodies[body] + more
        until(lambda: self.bodies[body] >= goal or self.failures, f"answers of {body}", 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def check(self):
        assert not self.failures
        assert set(self.statuses) == {200}, self.statuses


def named(name):
    return Nginx(f"location / {{ return 200 {name}; }}")


def kill(nginx):
    """All of its processes at once, as a machine that loses power."""
    workers = subprocess.run(["pgrep", "-P", str(nginx.process.pid)], capture_output=True,
                             text=True, check=True).stdout.split()
    for pid in [nginx.process.pid, *map(int, workers)]:
        os.kill(pid, signal.SIGKILL)
    nginx.process.wait()


@pytest.mark.parametrize("upstream", [{}, {"algorithm": "least_conn"}, {"algorithm": "ip_hash"},
                                      {"health_check": "http://h/?interval=100ms"}])
def test_one_of_three_is_killed_under_load(upstream):
    """No client sees it, with nothing configured."""
    with named("a") as a, named("b") as b, named("c") as c, contextlib.ExitStack() as stack:
        product = stack.enter_context(Product(config([a.addr, b.addr, c.addr], upstream=upstream,
                                                     basic={"threads": 2})))
        with Load(product) as load:
            load.wait(300)
            kill(b)
            load.wait(1000)
    load.check()


def test_a_server_that_was_killed_is_back_when_it_runs_again():
    """Within interval times rise, without an error."""
    async def script(conn):
        message = await conn.request()
        while message is not None:
            await conn.send(response(200, "OK", (), b"b"))
            message = await conn.request()

    upstream = {"health_check": "http://h/?interval=100ms&success=2"}
    port = free_port()
    with named("a") as a, front([a.addr, f"127.0.0.1:{port}"], upstream=upstream) as product, \
            Load(product, clients=4) as load:
        product.wait_line(f"127.0.0.1:{port} is down")
        for _ in range(2):
            load.wait(100)
            with Origin(script, port=port):
                product.wait_line(f"127.0.0.1:{port} is up: 2 checks passed")
                load.wait_body(b"b", 20)
                product.stderr.clear()
            product.wait_line(f"127.0.0.1:{port} is down")
            product.stderr.clear()
            load.wait(50)
    load.check()


def test_posts_lose_at_most_what_was_under_way():
    clients = 8
    with named("a") as a, named("b") as b, front([a.addr, b.addr]) as product:
        with Load(product, clients, method="POST", body=b"abc") as load:
            load.wait(200)
            kill(b)
            load.wait(500)
    assert not load.failures
    assert set(load.statuses) <= {200, 502}
    assert load.statuses[502] <= clients


def test_dropped_packets_cost_a_few_requests_a_connect_timeout(recorder):
    """At most max_fails of them, then none."""
    with black_hole() as hole, \
            front([hole, recorder.addr], upstream={"connection_timeout": "300ms"}) as product, \
            product.client() as client:
        slow = 0
        for _ in range(100):
            start = time.monotonic()
            assert client.get("/").status == 200
            slow += time.monotonic() - start >= 0.3
        lines = product.wait_log(100)
    assert sum(int(line["attempts"]) > 1 for line in lines) == 3
    assert slow >= 3


def test_all_are_dead_and_it_is_known():
    """RE-09: no storm of connects; when a server is back it is found by itself."""
    port = free_port()
    keys = {"circuit_break_max_consecutive_failures": 2, "circuit_break_open_duration": "300ms",
            "circuit_break_half_open_consecutive_success_threshold": 1, "max_ejected_percent": 100}
    with front([f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}"], upstream=keys) as product:
        seen = [product.get("/") for _ in range(12)]
        known = [answer for answer in seen if answer.status == 503]
        assert len(known) >= 8
        assert {answer.get("Retry-After") for answer in known} == {"1"}
        with Origin(port=port) as back:
            until(lambda: product.get("/").status == 200, "it is found")
            assert back.requests


# --- tiers, sticky clients

def test_backups_stand_in(recorder):
    with Origin() as backup:
        port = free_port()
        upstream = {"backup_addrs": [backup.addr], "circuit_break_open_duration": "200ms"}
        with Product(config([f"127.0.0.1:{port}"], upstream=upstream)) as product:
            assert [product.get("/").status for _ in range(10)] == [200] * 10
            assert len(backup.requests) == 10
            with Origin(port=port) as first:
                until(lambda: product.get("/").status == 200 and first.requests, "the first is back")
                backup.reset()
                assert [product.get("/").status for _ in range(10)] == [200] * 10
                assert not backup.requests


def test_answers_that_break_off_are_none():
    async def breaks_off(conn):
        while await conn.request() is not None:
            await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            conn.rst()
            return

    with Origin(breaks_off) as bad, Origin() as good, \
            front([bad, good], upstream={"circuit_break_open_duration": "1h"}) as product:
        for _ in range(20):
            with contextlib.suppress(Closed):
                product.get("/")
        assert (len(bad.requests), len(good.requests)) == (3, 17)
        assert product.get("/").status == 200


def test_backups_stand_in_for_many(recorder):
    """Also before it is known that the others are out, and when more are than may be left out."""
    dead = [f"127.0.0.1:{free_port()}" for _ in range(5)]
    with Product(config(dead, upstream={"backup_addrs": [recorder.addr]})) as product:
        assert {product.get("/").status for _ in range(100)} == {200}
        assert len(recorder.requests) == 100
        attempts = [int(line["attempts"]) for line in product.wait_log(100)]
    assert attempts == [4] * 5 + [1] * 95


def test_backups_get_no_try_where_there_are_none(recorder):
    dead = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    with Product(config(dead, upstream={"backup_addrs": [recorder.addr]},
                        location={"max_retries": 0})) as product:
        assert product.get("/").status == 502
    assert not recorder.requests


STICKY = {"sticky_cookie": "SRV", "sticky_secret": "s3cret"}


def cookie_of(answer):
    return answer.get("Set-Cookie").partition(";")[0]


def test_a_client_comes_back_to_its_server():
    with Origin() as a, Origin() as b, front([a, b], upstream=STICKY) as product:
        first = product.get("/")
        assert first.get("Set-Cookie").partition(";")[2] == " Path=/; HttpOnly; SameSite=Lax"
        for _ in range(10):
            again = product.get("/", headers=[("Cookie", f"x=y; {cookie_of(first)}; z=1")])
            assert again.status == 200 and again.get("Set-Cookie") is None
        assert sorted(len(one.requests) for one in (a, b)) == [0, 11]
        assert not any(one.addr in cookie_of(first) for one in (a, b))


def test_a_cookie_that_nobody_gave_is_none():
    with Origin() as a, Origin() as b, front([a, b], upstream=STICKY) as product:
        for _ in range(4):
            answer = product.get("/", headers=[("Cookie", "SRV=" + "0" * 32)])
            assert answer.get("Set-Cookie")
    assert a.requests and b.requests


def test_cookies_are_those_of_every_instance_with_the_secret():
    with Origin() as a, Origin() as b:
        with front([a, b], upstream=STICKY) as one, front([b, a], upstream=STICKY) as two, \
                front([a, b], upstream={**STICKY, "sticky_secret": "other"}) as three:
            cookie = cookie_of(one.get("/"))
            assert two.get("/", headers=[("Cookie", cookie)]).get("Set-Cookie") is None
            assert three.get("/", headers=[("Cookie", cookie)]).get("Set-Cookie")


def test_a_client_whose_server_is_gone_gets_another():
    with Origin() as a, Origin() as b, front([a, b], upstream=STICKY) as product:
        first = product.get("/")
        gone, left = (a, b) if a.requests else (b, a)
        gone.stop_listening()
        gone.close_connections()
        other = product.get("/", headers=[("Cookie", cookie_of(first))])
        assert (other.status, len(left.requests)) == (200, 1)
        assert cookie_of(other) != cookie_of(first)
        again = product.get("/", headers=[("Cookie", cookie_of(other))])
        assert again.get("Set-Cookie") is None


# --- queue

def full_server():
    """An origin that answers only when its gate is open."""
    async def script(conn):
        message = await conn.request()
        while message is not None:
            await conn.origin.gate.wait()
            await conn.send(echo(message))
            message = await conn.request()

    origin = Origin(script)
    origin.gate = Gate()
    return origin


QUEUE = {"max_connections": 1, "queue_timeout": "20s"}


@pytest.mark.parametrize("threads", [1, 3])
def test_requests_wait_for_a_server_that_has_room(threads):
    with full_server() as origin, contextlib.ExitStack() as stack:
        product = stack.enter_context(
            Product(config(origin.addr, upstream=QUEUE, basic={"threads": threads})))
        clients = [stack.enter_context(product.client(timeout=20)) for _ in range(10)]
        for number, client in enumerate(clients):
            client.send(request(f"/{number}"))
        origin.wait_requests(1)
        assert len(origin.requests) == 1
        origin.gate.open()
        assert [client.response().status for client in clients] == [200] * 10
    assert len(origin.requests) == 10


def test_they_go_in_the_order_in_which_they_came():
    with full_server() as origin, front(origin, upstream=QUEUE) as product, SockDiag() as diag, \
            contextlib.ExitStack() as stack:
        clients = []
        for number in range(6):
            client = stack.enter_context(product.client(timeout=20))
            client.send(request(f"/{number}"))
            clients.append(client)
            until(lambda: not diag.unread_by_peer(client.sock),  # pylint: disable=W0640
                  "it is read", step=0)
        origin.gate.open()
        for client in clients:
            assert client.response().status == 200
        assert [one.path() for one in origin.requests] == [f"/{number}" for number in range(6)]


def test_who_has_waited_long_enough_is_told():
    with full_server() as origin, \
            front(origin, upstream={**QUEUE, "queue_timeout": "200ms"}) as product, \
            product.client() as first:
        first.send(request("/first"))
        origin.wait_requests(1)
        answer = product.get("/second")
        line = product.wait_log(1)[0]
        assert (answer.status, line["reason"]) == (503, "queue_timeout")
        assert answer.get("Retry-After")
        origin.gate.open()
        assert first.response().status == 200
        assert product.get("/third").status == 200


def test_no_more_wait_than_may():
    with full_server() as origin, contextlib.ExitStack() as stack:
        product = stack.enter_context(front(origin, upstream={**QUEUE, "max_pending": 2}))
        clients = [stack.enter_context(product.client(timeout=20)) for _ in range(3)]
        for client in clients:
            client.send(request("/x"))
        origin.wait_requests(1)

        def refused():
            answer = product.get("/more")
            assert (answer.status, answer.get("Retry-After")) == (503, "1")
            return product.wait_log(1)[0]["reason"] == "upstream_limit"
        until(refused, "the queue is full")
        origin.gate.open()
        assert [client.response().status for client in clients] == [200] * 3


def test_who_leaves_while_waiting_leaves_no_trace():
    with full_server() as origin, front(origin, upstream=QUEUE) as product, \
            product.client() as first, SockDiag() as diag:
        first.send(request("/first"))
        origin.wait_requests(1)
        for _ in range(5):
            waiting = product.client()
            waiting.send(request("/gone"))
            until(lambda: not diag.unread_by_peer(waiting.sock),  # pylint: disable=W0640
                  "it is read", step=0)
            waiting.rst()
        product.wait_log(5)
        origin.gate.open()
        assert first.response().status == 200
        assert product.get("/last").status == 200
    assert [one.path() for one in origin.requests] == ["/first", "/last"]


@pytest.mark.parametrize("size", [10_000, 74 << 10, 100_000, 1 << 20])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_waits_with_its_request_is_whole(size, chunked):
    """More than is kept for a second try comes while there is no try at all."""
    body = os.urandom(size)
    head = "POST /x HTTP/1.1\r\nHost: a.test\r\n"
    with full_server() as origin, front(origin, upstream=QUEUE) as product, \
            product.client(timeout=20) as first, product.client(timeout=20) as second, \
            SockDiag() as diag:
        first.send(request("/first"))
        origin.wait_requests(1)
        if chunked:
            data = (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + b"".join(
                b"%x\r\n%s\r\n" % (len(part), part)
                for part in (body[at:at + 9000] for at in range(0, size, 9000))) + b"0\r\n\r\n"
        else:
            data = (head + f"Content-Length: {size}\r\n\r\n").encode() + body
        sender = threading.Thread(target=second.send, args=(data,))
        sender.start()
        read = [None]

        def stands():
            before, read[0] = read[0], diag.unread_by_peer(second.sock)
            return before == read[0] and (not sender.is_alive() or read[0])
        until(stands, "the proxy has what it takes")
        origin.gate.open()
        assert first.response().status == 200
        assert second.response("POST").status == 200
        sender.join()
        assert [one.body for one in origin.requests] == [b"", body]


def test_who_was_answered_while_waiting_is_not_sent_on():
    """Its deadline is over, the client does not take the answer, and then there is room."""
    with full_server() as origin, \
            front(origin, upstream=QUEUE, location={"request_timeout": "300ms"}) as product, \
            product.client() as patient, \
            h2.H2Client(product.address(), settings=h2.setting(4, 0)) as client:
        patient.send(request("/first"))
        origin.wait_requests(1)
        client.send(h2.get(1, path="/second"))
        assert client.pump(lambda: client.answers[1].status)
        assert client.answers[1].status == 504
        origin.gate.open()
        assert product.get("/third").status == 200
        client.open_windows(1)
        assert client.answer().how == "end"
        assert client.order.count((h2.HEADERS, 1)) == 1
    assert "/second" not in [one.path() for one in origin.requests]


def test_the_queue_goes_on_when_a_server_is_back():
    """Nobody is under way who could make room by ending: those who wait look by themselves."""
    async def script(conn):
        message = await conn.request()
        while message is not None:
            if conn.origin.gate.is_open():
                await conn.send(echo(message))
            else:
                await conn.origin.failing.wait()
                conn.rst()
                return
            message = await conn.request()

    keys = {**QUEUE, "max_connections": 2, "circuit_break_max_consecutive_failures": 2,
            "circuit_break_open_duration": "300ms",
            "circuit_break_half_open_consecutive_success_threshold": 1}
    with Origin(script) as origin, contextlib.ExitStack() as stack:
        origin.gate, origin.failing = Gate(), Gate()
        product = stack.enter_context(front(origin, upstream=keys, location={"retry_on": "off"}))
        clients = [stack.enter_context(product.client(timeout=20)) for _ in range(12)]
        for client in clients:
            client.send(request("/x"))
        origin.wait_requests(2)
        origin.failing.open()
        origin.gate.open()
        statuses = [client.response().status for client in clients]
        assert set(statuses) <= {200, 502, 503}
        until(lambda: product.get("/later").status == 200, "it serves again")


def test_workers_take_turns_at_a_server_that_has_room_for_one():
    """A worker with a queue of its own does not keep all the room to itself."""
    async def script(conn):
        message = await conn.request()
        while message is not None:
            await asyncio.sleep(0.002)
            await conn.send(echo(message))
            message = await conn.request()

    with Origin(script) as origin, contextlib.ExitStack() as stack:
        product = stack.enter_context(Product(config(
            origin.addr, upstream={**QUEUE, "queue_timeout": "3s"}, basic={"threads": 3})))
        with Load(product, clients=24, pause=0) as load:
            load.wait(600)
    load.check()


def test_a_dying_server_with_many_requests_under_way_costs_nobody_an_error():
    """They die on kept connections, are told to try it once more, and it is out by then."""
    clients = 12
    arrived, gate = [], Gate()

    async def script(conn):
        message = await conn.request()
        while message is not None:
            if message.path() == "/hang":
                arrived.append(conn)
                await gate.wait()
                conn.rst()
                return
            await conn.send(echo(message))
            message = await conn.request()

    with Origin(script) as dying, Origin() as good, contextlib.ExitStack() as stack:
        product = stack.enter_context(front([dying, good], upstream={"retry_budget_min": 100}))
        all_clients = [stack.enter_context(product.client(timeout=20)) for _ in range(clients)]
        for client in all_clients:
            client.send(request("/warm"))
        assert {client.response().status for client in all_clients} == {200}
        for client in all_clients:
            client.send(request("/hang"))
        until(lambda: len(arrived) + sum(one.path() == "/hang" for one in good.requests) ==
              clients, "all are under way")
        dying.stop_listening()
        gate.open()
        assert {client.response().status for client in all_clients} == {200}


# --- the whole upstream

def test_one_breaker_for_all_servers():
    keys = {"circuit_break_max_consecutive_failures": 4, "circuit_break_scope": "upstream"}
    bad = lambda _: response(500, "X", (), b"")  # noqa: E731
    with Origin(answer=bad) as a, Origin(answer=bad) as b, front([a, b], upstream=keys) as product:
        statuses = [product.get("/").status for _ in range(8)]
    assert statuses == [500] * 4 + [503] * 4


def test_how_servers_are_is_said_on_usr1(recorder):
    port = free_port()
    with front([f"127.0.0.1:{port}", recorder.addr]) as product, product.client() as client:
        for _ in range(20):
            assert client.get("/").status == 200
        product.signal(signal.SIGUSR1)
        product.wait_line(f"127.0.0.1:{port} is out, weight 1; requests 3 .* 3 without an answer")
        product.wait_line(f"{recorder.addr} is up, weight 1; requests 20 .3 repeated, 0 failed, "
                          r"0 without an answer\), connections 1 .1 opened, 19 times reused")
