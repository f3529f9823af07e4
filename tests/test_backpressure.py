"""A fast sender and a stalled receiver: what the proxy takes is bounded, in both directions."""

import threading

from rig.client import request
from rig.deadline import SLOW
from rig.origin import Gate, Origin, response
from rig.product import front
from rig.pushed import Pushed

MIB = 1 << 20
# Socket buffers of the kernel on both sides of the proxy, autotuned by the sender's speed.
KERNEL = 24 * MIB


def memory_bound():
    """1 MiB; a sanitizer's own bookkeeping is not ours."""
    return MIB if SLOW == 1 else 64 * MIB


def test_download_into_a_stalled_client_is_bounded():
    pushed = Pushed()

    async def endless(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while await conn.send(b"x" * 65536):
            pushed.bytes += 65536

    with Origin(endless) as origin, front(origin) as product:
        assert product.threads()
        before = product.rss()
        client = product.client(rcvbuf=4096)
        client.send(request("/"))
        client.bytes(1)
        pushed.wait_stopped()
        grown = product.rss() - before
        client.close()
    assert pushed.bytes < KERNEL
    assert grown < memory_bound(), f"{grown} bytes more"


def test_upload_into_a_stalled_origin_is_bounded():
    gate = Gate()

    async def deaf(conn):
        conn.pause()
        gate.open()
        await conn.origin.release.wait()

    with Origin(deaf, rcvbuf=4096) as origin, front(origin) as product:
        origin.release = Gate()
        before = product.rss()
        client = product.client()
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10000000000\r\n\r\n")
        gate.wait_opened("connection at the origin")
        pushed = push(client)
        pushed.wait_stopped()
        grown = product.rss() - before
        client.rst()
        origin.release.open()
    assert pushed.bytes < KERNEL
    assert grown < memory_bound(), f"{grown} bytes more"


def push(client):
    """Writes zeros in a thread until the connection ends; returns the count so far."""
    pushed = Pushed()
    client.sock.settimeout(None)

    def write():
        try:
            while True:
                pushed.bytes += client.sock.send(b"x" * 65536)
        except OSError:
            pass
    threading.Thread(target=write, daemon=True).start()
    return pushed


def test_many_stalled_downloads_cost_a_window_each():
    """5A: active connections cost at most two windows of 64 KiB."""
    count = 50

    async def endless(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while await conn.send(b"x" * 65536):
            conn.origin.pushed.bytes += 65536

    with Origin(endless) as origin, front(origin) as product:
        origin.pushed = Pushed()
        before = product.rss()
        clients = [product.client(rcvbuf=4096) for _ in range(count)]
        for client in clients:
            client.send(request("/"))
        origin.wait_requests(count)
        origin.pushed.wait_stopped()
        grown = product.rss() - before
        for client in clients:
            client.close()
    if SLOW == 1:
        assert grown < count * 2 * 65536 * 1.1 + MIB, f"{grown / count:.0f} bytes each"


def test_one_stalled_client_does_not_slow_another():
    async def script(conn):
        while True:
            message = await conn.request()
            if message is None:
                return
            if message.path() == "/endless":
                await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
                while await conn.send(b"x" * 65536):
                    pass
                return
            await conn.send(response(body=b"quick"))

    with Origin(script) as origin, front(origin) as product:
        stalled = product.client(rcvbuf=4096)
        stalled.send(request("/endless"))
        stalled.bytes(1)
        for _ in range(50):
            assert product.get("/").body == b"quick"
        stalled.close()


def test_memory_comes_back_after_large_transfers():
    body = b"x" * (8 * MIB)
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        with product.client(timeout=20) as client:
            client.get("/")
            before = product.rss()
            for _ in range(10):
                assert client.get("/").body_length == len(body)
        if SLOW == 1:
            assert product.rss() - before < MIB
