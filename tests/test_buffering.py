"""request_buffering and response_buffering: on demand, with a memory budget, spilling to disk."""

import hashlib
import os
import socket

import pytest

from rig.client import request
from rig.deadline import SLOW, holds, until
from rig.origin import Gate, Origin, response
from rig.product import front

MIB = 1 << 20


def test_request_is_streamed_by_default(recorder):
    with front(recorder) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n01234")
        recorder.wait(lambda: recorder.connections and recorder.connections[0].partial
                      and recorder.connections[0].partial.body == b"01234", "first half")
        client.send("56789")
        assert client.response("POST").status == 200


def test_buffered_request_reaches_the_origin_whole(recorder):
    with front(recorder, location={"request_buffering": True}) as product:
        with product.client() as client:
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n01234")
            holds(lambda: recorder.received == 0, "nothing at the origin yet", 0.3)
            client.send("56789")
            assert client.response("POST").status == 200
    assert recorder.requests[0].body == b"0123456789"


def test_buffered_chunked_request_gets_a_length(recorder):
    with front(recorder, location={"request_buffering": True}) as product:
        with product.client() as client:
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5\r\nabcde\r\n5\r\nfghij\r\n0\r\n\r\n")
            assert client.response("POST").status == 200
    message = recorder.requests[0]
    assert (message.framing, message.body) == ("length", b"abcdefghij")


def test_broken_buffered_request_never_reaches_the_origin(recorder):
    with front(recorder, location={"request_buffering": True}) as product:
        with product.client() as client:
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5\r\nabcde\r\nZZ\r\n")
            assert client.response("POST").status == 400
        recorder.settle()
    assert recorder.received == 0


@pytest.mark.parametrize("size", [100, MIB, 20 * MIB])
def test_buffered_upload_arrives_unchanged_and_memory_stays_bounded(size):
    body = os.urandom(MIB) * (size // MIB) if size >= MIB else os.urandom(size)
    with Origin(keep=1 << 16) as origin, \
            front(origin, location={"request_buffering": True},
                  basic={"buffer_budget": "1MiB"}) as product:
        before = product.rss()
        with product.client(timeout=20) as client:
            client.send(request("/", method="POST", body=body))
            assert client.response("POST").status == 200
        if SLOW == 1:
            assert product.rss() - before < 3 * MIB
        message = origin.requests[0]
        assert message.body_hash.digest() == hashlib.sha1(body).digest()
        assert os.listdir(product.dir.name) and not spill_files(product)


def spill_files(product):
    """Names under the product's own directory that no test put there."""
    return [name for name in os.listdir(product.dir.name)
            if name not in ("pingap.toml", "main.log")]


def test_response_is_streamed_by_default():
    gate = Gate()

    async def halves(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
        await gate.wait()
        await conn.send(b"56789")
        await conn.end()

    with Origin(halves) as origin, front(origin) as product, product.client() as client:
        client.send(request("/"))
        until(lambda: b"01234" in peek(client), "first half")
        gate.open()
        assert client.response().body == b"0123456789"


def peek(client):
    try:
        return client.sock.recv(65536, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


def test_buffered_response_frees_the_origin_while_the_client_is_slow():
    body = os.urandom(MIB) * 8
    gate = Gate()

    async def serve_once(conn):
        await conn.request()
        await conn.send(response(body=body))
        gate.open()
        await conn.end()

    with Origin(serve_once) as origin, \
            front(origin, location={"response_buffering": True},
                  basic={"buffer_budget": "1MiB"}) as product:
        with product.client(rcvbuf=4096, timeout=20) as client:
            client.send(request("/"))
            gate.wait_opened("the origin has given its whole answer", 10)
            assert not spill_files(product)
            assert client.response(keep=16 * MIB).body == body


def test_truncated_answer_to_a_buffering_location_is_a_502():
    """Nothing has been sent yet, so the error can be told."""
    async def cut(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        conn.fin()
        await conn.end()

    with Origin(cut) as origin, front(origin, location={"response_buffering": True}) as product:
        with product.client() as client:
            client.send(request("/", method="POST", body=b""))
            answer, whole = client.any_response("POST")
        assert answer.status == 502 or not whole


def test_buffers_over_the_budget_do_not_stop_small_requests(recorder):
    with front(recorder, location={"request_buffering": True},
               basic={"buffer_budget": "1MiB"}) as product:
        stalled = []
        for _ in range(8):
            client = product.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2000000\r\n\r\n"
                        + b"x" * 1_000_000)
            stalled.append(client)
        for _ in range(5):
            assert product.get("/", method="POST", body=b"small").status == 200
        for client in stalled:
            client.close()
