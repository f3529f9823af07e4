"""Every state has a deadline (SL-01 to SL-04, SL-07, RE-11, 5C). Configured times are short."""

import asyncio
import contextlib
import time

import pytest

from rig.client import Closed, request
from rig.deadline import SLOW, holds
from rig.origin import Origin, play, response
from rig.product import front


def elapsed(start):
    return time.monotonic() - start


def close_to(seconds, wanted):
    return wanted * 0.9 <= seconds <= wanted * 1.5 + 0.5 * SLOW


# --- request heads (SL-01, SL-02)

def test_sl01_slow_head_is_answered_408_at_the_deadline_not_per_read(recorder):
    with front(recorder, server={"header_timeout": "1s"}) as product, product.client() as client:
        start = time.monotonic()
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n")
        while not client.readable(0.1) and elapsed(start) < 5:
            client.send(b"X: y\r\n")
        answer = client.response()
        assert answer.status == 408
        assert close_to(elapsed(start), 1)
        client.wait_closed()
        assert product.wait_log(1)[0]["reason"]
    assert recorder.received == 0


def test_sl01_many_slow_clients_do_not_hurt_an_honest_one(recorder):
    with front(recorder, server={"header_timeout": "2s"}) as product:
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(product.client()) for _ in range(500)]
            before = product.rss()
            for client in slow:
                client.send(b"G")
            start = time.monotonic()
            for _ in range(20):
                assert product.get("/").status == 200
            assert elapsed(start) < 1 * SLOW
            assert product.rss() - before < 500 * 20 * 1024
            for client in slow:
                with contextlib.suppress(Closed):
                    assert client.response(timeout=6).status == 408
                client.wait_closed()


def test_sl02_silent_connection_is_closed_without_an_answer(recorder):
    with front(recorder, server={"header_timeout": "500ms"}) as product:
        with product.client() as client:
            start = time.monotonic()
            data = client.read_to_end()
            assert close_to(elapsed(start), 0.5)
        assert data == b"" or data.startswith(b"HTTP/1.1 408 ")
        assert len(product.stderr) < 20


def test_idle_kept_connection_is_closed_quietly(recorder):
    with front(recorder, server={"keepalive_timeout": "500ms"}) as product:
        with product.client() as client:
            client.get("/")
            start = time.monotonic()
            assert client.wait_closed() == "fin"
            assert close_to(elapsed(start), 0.5)


def test_head_deadline_holds_on_a_kept_connection_too(recorder):
    server = {"header_timeout": "500ms", "keepalive_timeout": "10s"}
    with front(recorder, server=server) as product, product.client() as client:
        client.get("/")
        client.send(b"GET /")
        assert client.response().status == 408


# --- request bodies (SL-03)

def test_sl03_stalled_upload_is_answered_408_and_the_upstream_closed(recorder):
    with front(recorder, server={"body_timeout": "500ms"}) as product, product.client() as client:
        start = time.monotonic()
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nabc")
        recorder.wait(lambda: recorder.received, "head at the origin")
        assert client.response("POST").status == 408
        assert close_to(elapsed(start), 0.5)
        recorder.wait(lambda: recorder.connections[0].ended, "upstream closed")
    assert recorder.requests == []


def test_slow_but_steady_upload_is_left_alone(recorder):
    with front(recorder, server={"body_timeout": "500ms"}) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\n")
        for _ in range(12):
            client.readable(0.1)
            client.send(b"x")
        assert client.response("POST").status == 200


def test_pause_of_the_client_is_not_blamed_on_the_upstream(recorder):
    with front(recorder, upstream={"read_timeout": "500ms"}) as product:
        with product.client() as client:
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc")
            recorder.wait(lambda: recorder.received, "head at the origin")
            assert not client.readable(1.2)
            client.send("def")
            assert client.response("POST").status == 200


def test_sl03_buffered_stalled_upload_never_reaches_the_upstream(recorder):
    with front(recorder, location={"request_buffering": True},
               server={"body_timeout": "500ms"}) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nabc")
        assert client.response("POST").status == 408
    assert recorder.received == 0


# --- slow readers (SL-04)

def test_sl04_reader_that_stops_is_cut_off_and_the_upstream_was_paused():
    body = b"x" * (100 << 20)

    async def big(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        conn.origin.taken = 0
        for start in range(0, len(body), 1 << 16):
            if not await conn.send(body[start:start + (1 << 16)]):
                return
            conn.origin.taken += 1 << 16

    with Origin(big) as origin, front(origin, server={"write_timeout": "1s"}) as product:
        before = product.rss()
        with product.client(rcvbuf=1024) as client:
            client.send(request("/"))
            client.bytes(1)
            line = product.wait_log(1, timeout=10)[0]
            assert product.rss() - before < (1 << 20) * (SLOW if SLOW > 1 else 1)
            assert origin.taken < 20 << 20
            assert line["reason"]
        origin.wait(lambda: origin.connections[0].ended or origin.connections[0].closed,
                    "upstream aborted")


def test_reader_that_makes_progress_is_left_alone():
    body = b"x" * (1 << 20)
    with Origin(answer=lambda _: response(body=body)) as origin, \
            front(origin, server={"write_timeout": "500ms"}) as product:
        with product.client(rcvbuf=65536) as client:
            client.send(request("/"))
            start = client.bytes(200)
            left = start.index(b"\r\n\r\n") + 4 + len(body) - len(start)
            for _ in range(10):
                holds(lambda: True, "reading slowly", 0.12)
                left -= len(client.bytes(60000))
            assert left > 0 and len(client.bytes(left)) == left


# --- origins (RE-11)

def test_re11_origin_that_drips_its_head_is_504_at_the_deadline():
    async def drip(conn):
        await conn.request()
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 200:
            if not await conn.send(bytes([byte])):
                return
            await asyncio.sleep(0.1)

    with Origin(drip) as origin, front(origin, upstream={"read_timeout": "1s"}) as product:
        start = time.monotonic()
        assert product.get("/").status == 504
        assert close_to(elapsed(start), 1)
        origin.wait(lambda: origin.connections[0].ended, "upstream closed")


def test_re11_origin_that_stalls_in_the_body_is_an_abort():
    stalled = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    with Origin(play(stalled, "hang")) as origin, \
            front(origin, upstream={"read_timeout": "1s"}) as product:
        with product.client() as client:
            start = time.monotonic()
            client.send(request("/"))
            answer, whole = client.any_response()
            assert (answer.status, whole) == (200, False)
            assert close_to(elapsed(start), 1)
        origin.wait(lambda: origin.connections[0].ended, "upstream closed")


def test_location_timeout_goes_before_the_upstream_timeout():
    with Origin(play(b"", "hang")) as origin, \
            front(origin, upstream={"read_timeout": "30s"},
                  location={"read_timeout": "300ms"}) as product:
        assert product.get("/").status == 504


def test_silent_origin_is_504_with_a_reason():
    with Origin(play(b"", "hang")) as origin, \
            front(origin, upstream={"read_timeout": "300ms"}) as product:
        assert product.get("/").status == 504
        line = product.wait_log(1)[0]
    assert line["reason"] and int(line["status"]) == 504


def test_origin_that_does_not_take_the_body_is_504():
    async def deaf(conn):
        conn.pause()
        await conn.end()

    with Origin(deaf, rcvbuf=4096) as origin, \
            front(origin, upstream={"write_timeout": "500ms", "read_timeout": "30s"}) as product:
        with product.client() as client:
            client.sock.setblocking(True)
            client.send(f"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {100 << 20}\r\n\r\n")
            client.sock.settimeout(0.2)
            with contextlib.suppress(ConnectionError):
                while not client.readable(0):
                    with contextlib.suppress(TimeoutError):
                        client.sock.send(b"x" * 65536)
            answer = client.response("POST")
            assert answer.status == 504


def test_a_body_that_pauses_does_not_cut_the_answer_that_is_on_its_way():
    """Both sides talk at once: while the answer moves, the body may wait."""
    async def talks(conn):
        await conn.bytes(1)
        await conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(15):
            await asyncio.sleep(0.1)
            await conn.send(b"1\r\nx\r\n")
        await conn.send(b"0\r\n\r\n")
        await conn.end()

    with Origin(talks) as origin, \
            front(origin, server={"body_timeout": "500ms"}) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n")
        assert client.response("POST").body == b"x" * 15


def test_a_body_that_pauses_while_the_answer_pauses_too_ends_both():
    async def stops(conn):
        await conn.bytes(1)
        await conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await conn.end()

    with Origin(stops) as origin, \
            front(origin, server={"body_timeout": "500ms"}) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n")
        with pytest.raises(Closed):
            client.response("POST")
        assert product.wait_log(1)[0]["reason"] == "body_timeout"


# --- descriptors (SL-07)

def test_sl07_out_of_descriptors_pauses_accept_and_recovers(recorder):
    with front(recorder, options={"nofile": (64, 64)}) as product:
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(product.client())
            before = product.cpu_nanoseconds()
            start = time.monotonic()
            holds(lambda: product.process.poll() is None, "alive", 2)
            used = (product.cpu_nanoseconds() - before) / 1e9 / elapsed(start)
            assert used < 0.05, f"{used:.0%} of a CPU while out of descriptors"
        assert product.get("/").status == 200
        assert len(product.stderr) < 100, "no log flood"


def test_too_few_descriptors_are_named_at_start(recorder):
    with front(recorder, options={"nofile": (64, 64)}) as product:
        product.wait_line(r"(?i)descriptor|nofile|open files")


def test_tunnel_deadline_is_its_own(recorder):
    """The idle time of a tunnel is tested in test_websocket.py; here: it does not bite requests."""
    with front(recorder, location={"tunnel_timeout": "100ms"}) as product:
        with product.client() as client:
            client.get("/1")
            holds(lambda: not client.readable(0), "kept", 0.4)
            assert client.get("/2").status == 200


@pytest.mark.parametrize("number", [3])
def test_requests_per_connection_are_limited(recorder, number):
    with front(recorder, server={"keepalive_requests": number}) as product:
        with product.client() as client:
            answers = [client.get("/") for _ in range(number)]
            client.wait_closed()
    assert ["close" in answer.tokens("Connection") for answer in answers] == [False, False, True]
