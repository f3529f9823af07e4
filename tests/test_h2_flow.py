"""Flow control over HTTP/2: a stream that does not move holds neither memory nor the others."""

import time

from rig import h2
from rig.deadline import SLOW, until
from rig.h2 import beside, connect, frame, get, head, post, window
from rig.origin import Gate, Origin, response
from rig.product import front

MIB = 1 << 20
LONG = 256 * MIB
# Socket buffers of the kernel, autotuned by the sender's speed.
KERNEL = 24 * MIB


def memory_bound(bytes_=MIB):
    """A sanitizer's own bookkeeping is not ours."""
    return bytes_ if SLOW == 1 else 64 * MIB + bytes_


def endless(pushed):
    """A script that answers /honest, and to all others LONG bytes; counts those in `pushed`."""
    piece = b"x" * 65536

    async def script(conn):
        message = await conn.request()
        if message.path() == "/honest":
            await conn.send(response(body=b"ok", headers=[("Connection", "close")]))
            return
        # It serves no second request: the connection must not be kept for one.
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % LONG)
        while pushed[0] < LONG and await conn.send(piece):
            pushed[0] += len(piece)
        await conn.end()

    return script


class Stalled:
    """True once a number has stood still between two looks."""

    def __init__(self, number):
        self._number = number
        self._last = None

    def __call__(self):
        now = self._number()
        same = now == self._last
        self._last = now
        return same and now > 0


def test_a_long_download_through_a_reader_that_stops_and_goes_holds_no_memory():
    pushed = [0]
    step = MIB // 2
    with Origin(endless(pushed)) as origin, front(origin) as product, beside(product):
        with connect(product, rcvbuf=65536) as client:
            client.request(1, head(path="/honest"))
            assert client.answer().body == b"ok"
            before, most, got = product.rss(), 0, 0
            may = 65535 - len(b"ok")  # what the window of the connection lets through
            client.send(get(3))
            answer = client.answers[3]
            while got < LONG:
                client.pump(lambda: got + len(answer.body) >= min(may, LONG))
                got += len(answer.body)
                answer.body = b""
                if may // step % 64 == 0:  # the reader stops until the backend has stopped
                    until(Stalled(lambda: pushed[0]), "the backend is stopped", 20, 0.1)
                    assert pushed[0] - got < KERNEL
                    most = max(most, product.rss() - before)
                client.send(window(3, step) + window(0, step))
                may += step
            most = max(most, product.rss() - before)
    assert got == LONG
    assert most < memory_bound(), f"{most} bytes more"


def test_a_long_upload_to_an_origin_that_stops_and_goes_holds_no_memory():
    halted, go = Gate(), Gate()
    piece = frame(h2.DATA, 0, 3, bytes(16384))

    async def reads(conn):
        message = await conn.head()
        if message.path() == "/honest":
            await conn.send(response(body=b"ok", headers=[("Connection", "close")]))
            return
        await conn.bytes(16 * MIB)
        conn.pause()
        halted.open()
        await go.wait()
        conn.resume()
        await conn.bytes(LONG)
        await conn.send(response(body=b"got it", headers=[("Connection", "close")]))
        await conn.end()

    with Origin(reads, keep=65536, rcvbuf=65536) as origin, front(origin) as product:
        with beside(product), connect(product) as client:
            client.request(1, head(path="/honest"))
            assert client.answer().body == b"ok"
            before, most, sent = product.rss(), 0, 0
            client.send(post(3, ("content-length", str(LONG))))
            while sent < LONG:
                if 65535 + client.credit[3] - sent >= 16384:
                    client.send(piece)
                    sent += 16384
                elif not client.poll(0.5) and halted.is_open() and not go.is_open():
                    # It has come to a halt; the kernel holds some MiB.
                    assert sent - origin.received < LONG // 8
                    most = max(most, product.rss() - before)
                    go.open()
            client.send(frame(h2.DATA, h2.END_STREAM, 3))
            assert client.answer(3).body == b"got it"
            most = max(most, product.rss() - before)
            assert go.is_open()
    assert most < memory_bound(), f"{most} bytes more"


def test_uploads_of_single_bytes_to_a_stalled_origin_hold_no_more_than_their_windows():
    """65,000 DATA frames of a byte: what is kept is bytes, not the reads that they came in."""
    gate = Gate()
    streams = range(1, 21, 2)

    async def deaf(conn):
        if (await conn.head()).path() == "/honest":
            await conn.send(response(body=b"ok", headers=[("Connection", "close")]))
            return
        conn.pause()
        await gate.wait()
        await conn.end()

    with Origin(deaf, rcvbuf=4096) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            before = product.rss()
            for stream in streams:
                client.send(post(stream))
            origin.wait(lambda: len(origin.connections) == len(streams) + 1, "all are asked")
            for stream in streams:
                client.send(frame(h2.DATA, 0, stream, b"x") * 60000)
            client.send(frame(h2.PING, 0, 0, bytes(8)))
            client.pump(lambda: client.counts[h2.PING])
            assert product.rss() - before < memory_bound(len(streams) * 128 * 1024 + MIB)
            gate.open()


def test_streams_whose_windows_are_shut_do_not_stop_the_others():
    pushed = [0]
    with Origin(endless(pushed)) as origin, front(origin) as product, beside(product):
        with connect(product, settings=h2.setting(4, 0)) as client:
            client.send(window(0, 1 << 20))
            client.send(b"".join(get(stream) for stream in range(1, 61, 2)))
            client.pump(lambda: all(client.answers[s].status for s in range(1, 61, 2)))
            for stream in range(61, 121, 2):
                client.request(stream, head(path="/honest"))
                client.send(window(stream, 100))
                assert client.answer(stream).body == b"ok"
            assert not any(client.answers[s].body for s in range(1, 61, 2))


def test_two_downloads_that_say_nothing_of_priority_share_the_connection():
    body = b"x" * MIB
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        with connect(product, settings=h2.setting(4, 1 << 22)) as client:
            client.send(get(1) + get(3))
            origin.wait_requests(2)
            client.pump(lambda: client.answers[1].status and client.answers[3].status)
            client.send(window(0, 1 << 22))
            assert client.answer(1).body == client.answer(3).body == body
    order = [stream for kind, stream in client.order if kind == h2.DATA]
    changes = sum(1 for a, b in zip(order, order[1:]) if a != b)
    assert changes > len(order) // 4


def test_a_stream_that_waits_for_more_urgent_ones_is_not_taken_for_stalled():
    pushed = [0]
    with Origin(endless(pushed)) as origin:
        with front(origin, server={"write_timeout": "1s"}) as product:
            with connect(product, settings=h2.setting(4, 1 << 28)) as client:
                client.send(get(1, ("priority", "u=0")))
                client.pump(lambda: len(client.answers[1].body) == 65535)
                client.request(3, head(("priority", "u=7"), path="/honest"))
                client.pump(lambda: client.answers[3].status)
                began = client.counts[h2.DATA]
                end = time.monotonic() + 2.5
                while time.monotonic() < end:  # longer than write_timeout
                    client.send(window(0, 16384))
                    client.pump(lambda: client.counts[h2.DATA] > began)
                    began = client.counts[h2.DATA]
                assert client.answers[3].how is None
                client.answers[1].body = b""
                client.send(h2.reset(1))
                client.send(window(0, 1 << 24))
                assert client.answer(3).body == b"ok"
