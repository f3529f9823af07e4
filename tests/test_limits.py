"""The default limits of security.md 5C: at the limit it works, one above it does not."""

import contextlib
import socket
import time

import pytest

from rig.client import Closed, request
from rig.deadline import holds
from rig.origin import Origin, play
from rig.product import front
from rig.sockdiag import SockDiag


def head(size=None, fields=None, target=None):
    """A request head of exactly `size` bytes, or with `fields` fields, or a target length."""
    if target is not None:
        return request("/" + "t" * (target - 1))
    start = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
    if fields is not None:
        return start + b"".join(b"X-%d: y\r\n" % n for n in range(fields - 1)) + b"\r\n"
    return start + b"X: " + b"a" * (size - len(start) - 7) + b"\r\n\r\n"


def status(product, data):
    with product.client() as client:
        client.send(data)
        return client.response().status


@pytest.mark.parametrize("data,wanted", [
    (head(size=32 * 1024), 200), (head(size=32 * 1024 + 1), 431), (head(size=1 << 20), 431),
    (head(fields=128), 200), (head(fields=129), 431), (head(fields=3000), 431),
    (head(target=8 * 1024), 200), (head(target=8 * 1024 + 1), 414),
    (b"M" * 32 + head(size=200)[3:], 200), (b"M" * 33 + head(size=200)[3:], 400),
    (b"\r\n" * 2 + head(size=200), 200), (b"\r\n" * 3 + head(size=200), 400),
])
def test_request_head_limits(recorder, data, wanted):
    with front(recorder) as product:
        assert status(product, data) == wanted
        recorder.settle()
    assert len(recorder.requests) == (1 if wanted == 200 else 0)


def test_head_size_is_configurable(recorder):
    with front(recorder, server={"max_header_size": "2KiB"}) as product:
        assert status(product, head(size=2048)) == 200
        assert status(product, head(size=2049)) == 431


def test_field_count_is_configurable(recorder):
    with front(recorder, server={"max_headers": 10}) as product:
        assert status(product, head(fields=10)) == 200
        assert status(product, head(fields=11)) == 431


def chunked(extension=0, trailer=0):
    line = b"5;" + b"e" * (extension - 1) if extension else b"5"
    end = b"X: " + b"t" * (trailer - 5) + b"\r\n" if trailer else b""
    return (b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            + line + b"\r\nabcde\r\n0\r\n" + end + b"\r\n")


@pytest.mark.parametrize("data,wanted", [
    (chunked(extension=4090), 200), (chunked(extension=4100), 400),
    (chunked(trailer=8180), 200), (chunked(trailer=8200), 400),
])
def test_chunk_extension_and_trailer_limits(recorder, data, wanted):
    with front(recorder) as product:
        assert status(product, data) == wanted


def test_extension_bytes_count_over_the_whole_message(recorder):
    data = (b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"1;eeeeeeeee\r\na\r\n" * 500 + b"0\r\n\r\n")
    with front(recorder) as product:
        assert status(product, data) == 400


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_body_limit_of_a_location(recorder, framing):
    def upload(size):
        if framing == "length":
            return request("/", method="POST", body=b"b" * size)
        return (b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                + b"%x\r\n" % size + b"b" * size + b"\r\n0\r\n\r\n")
    with front(recorder, location={"client_max_body_size": "1KiB"}) as product:
        assert status(product, upload(1024)) == 200
        assert status(product, upload(1025)) == 413
        recorder.settle()
    assert [message.body_length for message in recorder.requests] == [1024]


def test_announced_body_above_the_limit_is_refused_before_it_comes(recorder):
    with front(recorder, location={"client_max_body_size": "1KiB"}) as product:
        with product.client() as client:
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\n"
                        "Content-Length: 5000\r\n\r\n")
            answer = client.response("POST")
            assert (answer.status, answer.interim) == (413, [])
        recorder.settle()
    assert recorder.received == 0


def test_bodies_have_no_limit_by_default(recorder):
    with front(recorder) as product:
        answer = product.get("/", method="POST", body=b"b" * (4 << 20))
    assert answer.status == 200 and recorder.requests[0].body_length == 4 << 20


@pytest.mark.parametrize("count,wanted", [(10, 200), (11, 502)])
def test_interim_answers_are_limited(count, wanted):
    data = b"HTTP/1.1 103 E\r\n\r\n" * count + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with Origin(play(data)) as origin, front(origin) as product:
        assert product.get("/").status == wanted


def test_connections_of_a_server_are_limited(recorder):
    with front(recorder, server={"max_connections": 10}) as product:
        clients = [product.client() for _ in range(10)]
        try:
            for client in clients:
                assert client.get("/").status == 200
            # Room for a new one is made by closing the one that was idle longest.
            with product.client() as another:
                try:
                    served = another.get("/").status == 200
                except Closed:
                    served = False
            still = 0
            for client in clients:
                try:
                    still += client.get("/").status == 200
                except Closed:
                    pass
            assert served or still == 10
            assert still >= 9
        finally:
            for client in clients:
                client.close()


def test_drain_after_an_answer_is_bounded(recorder):
    """64 KiB or 2 s of an unread body, then the connection ends."""
    with front(recorder, location={"path": "/only"}) as product, product.client() as client:
        client.send("POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n")
        assert client.response("POST").status == 404
        # The bound is on what the product takes, not on what our own kernel keeps.
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        start = time.monotonic()
        sent = 0
        while client.send(b"x" * 4096) and time.monotonic() - start < 8:
            sent += 4096
            client.readable(0.2)
        assert time.monotonic() - start < 6
        assert sent < 1 << 20


def test_re20_listen_backlog_is_long(recorder):
    """At least 4,096, or what the kernel allows."""
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        allowed = int(file.read())
    with front(recorder) as product, SockDiag() as diag:
        assert diag.backlog(product.address()) >= min(4096, allowed)


def test_connections_with_half_a_head_do_not_lift_the_limit_of_connections(recorder):
    server = {"max_connections": 10, "header_timeout": "20s"}
    with front(recorder, basic={"threads": 1}, server=server) as product:
        with contextlib.ExitStack() as stack:
            for _ in range(10):
                stack.enter_context(product.client()).send(b"G")
            holds(lambda: True, "all ten have been read", 0.2)
            for _ in range(10):
                assert stack.enter_context(product.client()).wait_closed(timeout=2)
