"""Events that come together, or while nothing may be read: no byte is lost."""

import asyncio
import contextlib
import signal

import pytest

from rig.client import request
from rig.deadline import holds
from rig.origin import Gate, Origin, response
from rig.product import front
from test_websocket import open_tunnel, switching

SIZE = 4 << 20


def read_slowly(client, total):
    """Reads `total` bytes or to the end, so that the product's window is full most of the time."""
    got = len(client.received)
    while got < total:
        piece = client.sock.recv(100_000)
        if not piece:
            break
        got += len(piece)
        holds(lambda: True, "the window fills", 0.003, step=0.003)
    return got


def test_answer_that_comes_with_the_connection_is_not_overlooked():
    async def at_once(conn):
        await conn.send(response(503, "Busy", [("Connection", "close")], b"busy"))
        await conn.end()

    with Origin(at_once) as origin, contextlib.ExitStack() as stack:
        product = stack.enter_context(front(origin, basic={"threads": 1},
                                            upstream={"read_timeout": "2s"}))
        clients = [stack.enter_context(product.client()) for _ in range(300)]
        product.signal(signal.SIGSTOP)  # then all are handled, and connected, in one turn
        for client in clients:
            client.send(request("/"))
        product.signal(signal.SIGCONT)
        for client in clients:
            answer = client.response()
            assert (answer.status, answer.body) == (503, b"busy")


@pytest.mark.parametrize("headers", [[("Content-Length", str(SIZE))], []])
def test_end_of_a_unix_origin_leaves_what_it_has_sent(tmp_path, headers):
    async def big(conn):
        await conn.request()
        await conn.send(response(headers=headers + [("Connection", "close")], length=False))
        await conn.send(b"x" * SIZE)

    with Origin(big, unix=str(tmp_path / "s")) as origin, front(origin) as product:
        for _ in range(4):
            with product.client(rcvbuf=65536) as client:
                client.send(request("/", version="1.0"))
                assert read_slowly(client, SIZE) >= SIZE


def test_tunnel_closed_by_the_client_first_brings_all_the_origin_sends():
    async def big(conn):
        await conn.request()
        conn.tunnel = True
        await conn.send(switching())
        await conn.end()
        await conn.send(b"x" * SIZE)
        conn.fin()
        await conn.origin.done.wait()

    with Origin(big) as origin, front(origin) as product:
        origin.done = Gate()
        with contextlib.closing(open_tunnel(product)) as client:
            client.fin()
            assert read_slowly(client, SIZE) == SIZE
        origin.done.open()


@pytest.mark.parametrize("size", range(1 << 20, (1 << 20) + (160 << 10), 16 << 10))
def test_tunnel_closed_by_the_origin_first_takes_all_the_client_sends(tmp_path, size):
    async def slow(conn):
        conn.pause()
        message = await conn.head()
        conn.tunnel = True
        await conn.send(switching())
        conn.fin()
        await conn.origin.go.wait()
        while not conn.ended:
            conn.resume()
            await conn.bytes(conn.received + 1)
            conn.pause()
            await asyncio.sleep(0.002)
        conn.origin.got = conn.received - len(message.raw_head) - 2

    with Origin(slow, unix=str(tmp_path / "s")) as origin, front(origin) as product:
        origin.go = Gate()
        with contextlib.closing(open_tunnel(product)) as client:
            assert client.wait_closed() == "fin"
            client.send(b"u" * size)
            client.fin()
            origin.go.open()
            origin.wait(lambda: hasattr(origin, "got"), "the end of the tunnel at the origin")
            assert origin.got == size
            assert origin.connections[0].ended == "fin"


@pytest.mark.parametrize("size", range(176 << 10, 432 << 10, 16 << 10))
def test_tunnel_closed_by_both_takes_all_the_client_sent(tmp_path, size):
    async def slow(conn):
        conn.pause()
        message = await conn.head()
        conn.tunnel = True
        await conn.send(switching())
        await conn.origin.shut.wait()
        conn.fin()
        await conn.origin.go.wait()
        conn.resume()
        await conn.end()
        conn.origin.got = conn.received - len(message.raw_head) - 2

    with Origin(slow, unix=str(tmp_path / "s")) as origin, front(origin) as product:
        origin.shut = Gate()
        origin.go = Gate()
        with contextlib.closing(open_tunnel(product)) as client:
            client.send(b"u" * size)
            client.fin()
            holds(lambda: True, "the product takes what it can", 0.05)
            origin.shut.open()
            assert client.wait_closed() == "fin"
            origin.go.open()
            origin.wait(lambda: hasattr(origin, "got"), "the end of the tunnel at the origin")
            assert origin.got == size
