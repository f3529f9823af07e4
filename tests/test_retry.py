"""When a request may be sent again (table 2B), what a dead backend costs (RE-06, 08, 09)."""

import asyncio
import contextlib
import time

import pytest

from rig.client import request
from rig.deadline import until
from rig.origin import Gate, Origin, echo, response
from rig.product import Product, config, front
from rig.standin import black_hole, free_port

IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]
OTHERS = ["POST", "PATCH", "BREW"]


def dead():
    return f"127.0.0.1:{free_port()}"


def once_then_serve(first):
    """A script: the connection's first request meets `first(conn)`; all later ones are served."""

    async def script(conn):
        message = await conn.request()
        if message is not None and len(conn.origin.requests) == 1:
            await first(conn)
            return
        while message is not None:
            await conn.send(echo(message))
            message = await conn.request()

    return script


def warm_then(last):
    """A script: serves /warm; the next request on the same connection meets `last(conn)`."""

    async def script(conn):
        message = await conn.request()
        warm = message is not None and message.path() == "/warm"
        while message is not None:
            if warm and message.path() != "/warm":
                await last(conn)
                return
            await conn.send(echo(message))
            message = await conn.request()

    return script


async def reset(conn):
    conn.rst()


async def close(conn):
    conn.close()


async def half_head_reset(conn):
    await conn.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    conn.rst()


async def junk(conn):
    await conn.send(b"garbage\r\n\r\n")
    await conn.end()


def body_of(method):
    return b"abcde" if method in ("PUT", "POST", "PATCH", "BREW") else None


# --- nothing was written: every method may go to the other backend

@pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
def test_refused_connection_moves_on_to_the_other_backend(recorder, method):
    with front([dead(), recorder.addr]) as product:
        statuses = [product.get("/", method=method, body=body_of(method)).status
                    for _ in range(6)]
    assert statuses == [200] * 6
    assert len(recorder.requests) == 6


# --- a kept connection dies under the request, zero bytes answered

@pytest.mark.parametrize("death", [reset, close])
@pytest.mark.parametrize("method", IDEMPOTENT)
def test_idempotent_request_on_a_dying_kept_connection_is_sent_again(method, death):
    with Origin(warm_then(death)) as origin, front(origin) as product:
        assert product.get("/warm").status == 200
        answer = product.get("/x", method=method, body=body_of(method))
        assert answer.status == 200
        line = product.wait_log(2)[1]
    assert [m.path() for m in origin.requests] == ["/warm", "/x", "/x"]
    assert int(line["attempts"]) == 2


def test_trailers_are_sent_again_with_the_body():
    with Origin(warm_then(reset)) as origin, \
            front(origin, location={"trailers": "pass"}) as product:
        with product.client() as client:
            assert client.get("/warm").status == 200
            client.send("PUT /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n"
                        "Trailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")
            assert client.response("PUT").status == 200
    last = origin.requests[-1]
    assert [m.path() for m in origin.requests] == ["/warm", "/x", "/x"]
    assert (last.body, last.trailers) == (b"abc", [(b"X-Sum", b"1")])


@pytest.mark.parametrize("death", [reset, close])
@pytest.mark.parametrize("method", OTHERS)
def test_other_request_taken_by_a_dying_kept_connection_is_not_sent_again(method, death):
    with Origin(warm_then(death)) as origin, front(origin) as product:
        assert product.get("/warm").status == 200
        answer = product.get("/x", method=method, body=body_of(method))
    sent = [m.path() for m in origin.requests].count("/x")
    assert sent == 1
    assert answer.status == 502


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_kept_connection_the_origin_has_closed_is_never_used(method):
    """RE-06: the FIN came before the request, so even a POST is safe and succeeds."""
    async def one_answer_then_fin(conn):
        message = await conn.request()
        if message is not None:
            await conn.send(echo(message))
            conn.fin()
            await conn.end()

    with Origin(one_answer_then_fin) as origin, front(origin) as product:
        for number in range(20):
            assert product.get(f"/{number}", method=method, body=body_of(method)).status == 200
            origin.wait(lambda: origin.connections[-1].ended, "the product closes as well")
    assert len(origin.requests) == 20


def test_junk_on_an_idle_kept_connection_is_not_an_answer():
    """RE-06: bytes nobody asked for end the connection; the next request gets its own answer."""
    async def answer_then_junk(conn):
        message = await conn.request()
        if message is not None:
            await conn.send(echo(message))
            await conn.origin.gate.wait()
            await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            await conn.end()

    with Origin(answer_then_junk) as origin, front(origin) as product:
        origin.gate = Gate()
        assert product.get("/1").body == b"echo /1"
        origin.gate.open()
        origin.wait(lambda: origin.connections[0].ended, "poisoned connection closed")
        assert product.get("/2").body == b"echo /2"


def test_body_above_the_replay_limit_is_not_sent_again():
    big = b"b" * (256 << 10)
    with Origin(warm_then(reset)) as origin, front(origin) as product:
        assert product.get("/warm").status == 200
        answer = product.get("/x", method="PUT", body=big)
    assert answer.status == 502
    assert [m.path() for m in origin.requests].count("/x") <= 1


# --- a fresh connection dies

def fatal(death):
    """A script: every connection's first request meets `death(conn)`."""

    async def script(conn):
        if await conn.request() is not None:
            await death(conn)

    return script


@pytest.mark.parametrize("death", [reset, close, half_head_reset, junk])
@pytest.mark.parametrize("method", IDEMPOTENT)
def test_idempotent_request_is_tried_once_more_at_the_other_backend(method, death):
    with Origin(fatal(death)) as bad, Origin() as good, front([bad, good]) as product:
        statuses = [product.get("/x", method=method, body=body_of(method)).status
                    for _ in range(4)]
    assert statuses == [200] * 4
    assert bad.requests and len(good.requests) == 4


@pytest.mark.parametrize("death", [reset, close, half_head_reset, junk])
@pytest.mark.parametrize("method", OTHERS)
def test_other_requests_are_not_tried_again(method, death):
    with Origin(fatal(death)) as bad, Origin() as good, front([bad, good]) as product:
        statuses = [product.get("/x", method=method, body=body_of(method)).status
                    for _ in range(4)]
    assert bad.requests
    assert statuses.count(502) == len(bad.requests)
    assert statuses.count(200) == len(good.requests)
    assert len(bad.requests) + len(good.requests) == 4


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_at_most_two_attempts(method, count):
    with contextlib.ExitStack() as stack:
        bad = [stack.enter_context(Origin(fatal(reset))) for _ in range(count)]
        with front(bad) as product:
            assert product.get("/x", method=method, body=body_of(method)).status == 502
        seen = sum(len(origin.requests) for origin in bad)
    assert 1 <= seen <= (2 if method == "GET" else 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_re07_request_in_the_instant_of_the_origins_close(method):
    """The stale race: the origin closes after 20 ms of idleness, requests come around then."""
    async def impatient(conn):
        loop = asyncio.get_running_loop()
        while True:
            idle = loop.call_later(0.02, conn.fin)
            message = await conn.request()
            idle.cancel()
            if message is None or not await conn.send(echo(message)):
                return

    statuses = []
    with Origin(impatient) as origin, front(origin) as product, product.client() as client:
        for number in range(300):
            answer = client.get(f"/{number}", method=method, body=body_of(method))
            statuses.append(answer.status)
            client.readable(0.0185 + (number % 30) * 0.0001)
        origin.settle()
        paths = [message.path() for message in origin.requests]
    assert set(statuses) <= ({200} if method == "GET" else {200, 502})
    assert statuses.count(200) > 150
    if method == "POST":
        assert len(paths) == len(set(paths)), "a POST was sent twice"


# --- never

def test_no_retry_once_a_byte_of_the_answer_was_passed_on():
    async def cut_body(conn):
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        conn.rst()

    with Origin(once_then_serve(cut_body)) as origin, front(origin) as product:
        with product.client() as client:
            client.send(request("/"))
            answer, whole = client.any_response()
    assert (answer.status, whole, len(origin.requests)) == (200, False, 1)


def test_no_retry_once_an_interim_answer_was_passed_on():
    """RE-14: a 103 that reached the client counts as sent."""
    async def hint_then_reset(conn):
        await conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await conn.origin.gate.wait()
        conn.rst()

    with Origin(once_then_serve(hint_then_reset)) as origin, front(origin) as product:
        origin.gate = Gate()
        with product.client() as client:
            client.send(request("/"))
            assert client.interim().startswith("HTTP/1.1 103")
            origin.gate.open()
            assert client.response().status == 502
    assert len(origin.requests) == 1


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_error_statuses_of_the_origin_are_passed_on_not_retried(status):
    answer = response(status, "Busy", [("Retry-After", "7")], b"mine")
    with Origin(answer=lambda _: answer) as origin, front(origin) as product:
        seen = product.get("/")
    assert (seen.status, seen.body, seen.get("Retry-After")) == (status, b"mine", "7")
    assert len(origin.requests) == 1


def test_no_retry_for_a_client_that_has_gone():
    async def die_after_client(conn):
        await conn.origin.gate.wait()
        conn.rst()

    with Origin(once_then_serve(die_after_client)) as origin, front(origin) as product:
        origin.gate = Gate()
        client = product.client()
        client.send(request("/x"))
        origin.wait_requests(1)
        client.rst()
        origin.wait(lambda: origin.connections[0].ended, "upstream aborted")
        origin.gate.open()
        assert product.get("/clean").status == 200
    assert [m.path() for m in origin.requests].count("/x") == 1


# --- backends that are down (RE-08, RE-09)

def test_all_backends_dead_is_an_error_at_once():
    with front([dead(), dead()]) as product:
        start = time.monotonic()
        answer = product.get("/")
        assert time.monotonic() - start < 1
        line = product.wait_log(1)[0]
    assert answer.status in (502, 503) and line["reason"]


def test_dead_backend_costs_no_client_an_error(recorder):
    with front([dead(), recorder.addr, dead()]) as product, product.client() as client:
        statuses = [client.get("/").status for _ in range(60)]
    assert statuses == [200] * 60


def test_connect_without_answer_moves_on_after_the_timeout(recorder):
    """RE-08: a backend whose accept queue is full answers no SYN."""
    upstream = {"connection_timeout": "300ms"}
    with black_hole() as hole:
        with front([hole, recorder.addr], upstream=upstream) as product:
            statuses = [product.get("/").status for _ in range(4)]
        assert statuses == [200] * 4
        with front(hole, upstream=upstream) as product:
            assert product.get("/").status == 504


def test_backend_that_comes_back_is_used_again():
    port = free_port()
    with front(f"127.0.0.1:{port}") as product:
        assert product.get("/").status in (502, 503)
        with Origin(port=port) as origin:
            until(lambda: product.get("/").status == 200, "the backend is tried again", 15, 0.05)
            assert origin.requests


def test_one_dead_upstream_does_not_disturb_another(recorder):
    conf = config(recorder.addr, locations={"good": {"path": "/good"},
                                            "bad": {"path": "/bad", "upstream": "bad"}})
    conf["upstreams"]["bad"] = {"addrs": [dead()]}
    with Product(conf) as product:
        for _ in range(10):
            assert product.get("/bad").status in (502, 503)
            assert product.get("/good").status == 200
