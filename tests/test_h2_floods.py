"""HTTP/2 floods (security.md 1F): each limit, the line in the log, what the origin saw, and an
honest client beside."""

import re
import shutil
import signal
import struct
import subprocess

import pytest

from rig import h2
from rig.deadline import SLOW, seconds
from rig.h2 import beside, connect, frame, get, head, literal, post, reset, string, window
from rig.origin import Origin, response
from rig.product import front

MIB = 1 << 20
SETTINGS_TIMEOUT = 4


def memory_bound(bytes_):
    """A sanitizer's own bookkeeping is not ours."""
    return bytes_ if SLOW == 1 else 64 * MIB + 4 * bytes_


async def slow(conn):
    """Answers the honest at once and nobody else."""
    message = await conn.request()
    if message is not None and message.path() == "/honest":
        await conn.send(response(body=b"ok", headers=[("Connection", "close")]))
        return
    await conn.end()


def all_cancelled(origin):
    origin.wait(lambda: all(conn.ended or conn.closed for conn in origin.connections),
                "what was begun for the client is cancelled")


def reasons(product, count=1):
    """Why lines of the log say that something failed."""
    product.wait_log(count)
    return {line["reason"] for line in product.log_lines() if line["reason"]}


def calmed(client):
    client.pump(lambda: client.goaway is not None)
    return client.goaway == h2.CALM


def update(number, stream=1):
    """PRIORITY of a stream that never comes, on the one before: a ring of them."""
    return frame(h2.PRIORITY, 0, number, struct.pack(">IB", stream, 16))


CONTROL = {
    "H2-77": lambda i: frame(h2.PING, 0, 0, bytes(8)),
    "H2-77 unasked ACK": lambda i: frame(h2.PING, h2.ACK, 0, bytes(8)),
    "H2-78": lambda i: frame(h2.SETTINGS),
    "H2-85": lambda i: update(3),
    "FL-08 table": lambda i: frame(h2.SETTINGS, 0, 0, h2.setting(1, 4096 * (i % 2))),
    "FL-11": lambda i: update(2 * i + 5, 2 * i + 3),
    "unknown": lambda i: frame(0xfe, 0, 0, b"x"),
    "PRIORITY_UPDATE": lambda i: frame(0x10, 0, 0, struct.pack(">I", 1) + b"u=%d" % (i % 8)),
}


@pytest.mark.parametrize("name", CONTROL)
def test_frames_that_carry_nothing_have_a_budget(recorder, name):
    with front(recorder) as product, beside(product), connect(product) as client:
        client.send(b"".join(CONTROL[name](i) for i in range(900)))
        client.request(1, head())
        assert client.answer().status == 200
        assert client.goaway is None
        for _ in range(10):
            client.send(b"".join(CONTROL[name](i) for i in range(900, 1300)))
        assert calmed(client)
        assert reasons(product, 3) == {"h2_frame_flood"}


def test_resets_of_streams_that_are_over_have_a_budget(recorder):
    with front(recorder) as product, beside(product), connect(product) as client:
        client.request(1, head())
        assert client.answer(1).status == 200
        client.send(reset(1) * 900)
        client.request(3, head())
        assert client.answer(3).status == 200
        assert client.goaway is None
        for _ in range(10):
            client.send(reset(1) * 400)
        assert calmed(client)
        assert "h2_frame_flood" in reasons(product, 4)


WINDOWS = {
    "tiny": lambda i: window(1, 1),
    "often": lambda i: window(0, 4096),
    "FL-10": lambda i: frame(h2.SETTINGS, 0, 0, h2.setting(4, 0x7fffffff * (i % 2))),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_window_games_have_a_budget(name):
    """A hundred streams whose windows are shut, and then opened by nothing."""
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product, settings=h2.setting(4, 0)) as client:
            client.send(b"".join(get(stream) for stream in range(1, 201, 2)))
            origin.wait_requests(101)
            for _ in range(10):
                client.send(b"".join(WINDOWS[name](i) for i in range(1000)))
            assert calmed(client)
            all_cancelled(origin)
        assert reasons(product, 102) == {"h2_frame_flood"}


@pytest.mark.parametrize("filler", [b"", b"\xff" + bytes(255)], ids=["empty", "padding"])
def test_h2_79_empty_data_has_a_budget(recorder, filler):
    data = frame(h2.DATA, h2.PADDED if filler else 0, 1, filler)
    with front(recorder) as product, beside(product), connect(product) as client:
        client.send(post(1))
        sent = 0
        for _ in range(5000):
            # Padding counts for the windows, which are kept to.
            client.pump(lambda: client.goaway or 65535 + client.credit[1] - sent >= len(filler))
            if client.goaway:
                break
            client.send(data)
            sent += len(filler)
        assert calmed(client)
        assert "h2_frame_flood" in reasons(product, 3)


def test_fl_01_rapid_reset_is_ended_and_cancelled():
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            for number in range(50):
                client.send(b"".join(get(s) + reset(s)
                                     for s in range(1 + 400 * number, 401 + 400 * number, 2)))
            assert calmed(client)
            # RST_STREAM of the 201st is the last that is looked at, but for tokens that came back.
            assert client.last_stream < 2 * 400
        all_cancelled(origin)
        assert len(origin.requests) <= 100 + 1
        assert "h2_reset_flood" in reasons(product, 200)
        product.signal(signal.SIGUSR1)
        product.wait_line(r"since the start: errors \d+ \(.*\bh2_reset_flood [1-9]")


def test_resets_below_the_budget_do_no_harm():
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            client.send(b"".join(get(s) + reset(s) for s in range(1, 301, 2)))
            client.request(301, head(path="/honest"))
            assert client.answer(301).status == 200
            assert client.goaway is None


def test_fl_02_honest_requests_are_served_beside_a_hundred_that_reset():
    with Origin(slow) as origin, front(origin) as product, beside(product) as honest:
        clients = [connect(product) for _ in range(100)]
        for turn in range(20):
            for client in clients:
                client.send(b"".join(get(s) + reset(s)
                                     for s in range(1 + 20 * turn, 21 + 20 * turn, 2)))
            stream = 5 + 2 * turn
            honest.request(stream, head(path="/honest"))
            assert honest.answer(stream).status == 200
        for client in clients:
            client.close()
        all_cancelled(origin)


def test_refused_streams_have_a_budget_once_the_limit_is_known():
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            client.pump(lambda: client.counts[h2.SETTINGS] >= 2)  # ours was acknowledged, too
            client.send(b"".join(get(s) for s in range(1, 2001, 2)))
            client.pump(lambda: client.goaway is not None)
            assert client.goaway
        all_cancelled(origin)
        assert len(origin.requests) <= 101


def test_fl_04_half_a_head_and_then_silence_ends_by_its_timeout(recorder):
    with front(recorder, server={"header_timeout": "1s"}) as product, beside(product):
        before = product.rss()
        clients = [connect(product) for _ in range(20)]
        for client in clients:
            client.pump(lambda c=client: c.settings)  # it acknowledges them
            client.send(frame(h2.HEADERS, 1, 1, h2.block(head()) + literal("x", "y" * 10000)))
        for client in clients:
            client.pump(lambda c=client: c.goaway is not None)
            assert client.goaway == h2.NO_ERROR
        assert product.rss() - before < memory_bound(MIB + 20 * 64 * 1024)
        assert reasons(product, 21) == {"header_timeout"}
        for client in clients:
            client.close()


@pytest.mark.parametrize("name", ["x", "cookie"])
def test_fl_05_fl_06_heads_that_unpack_hold_no_memory(recorder, name):
    """One field of 4,000 bytes (or an empty crumb) in the table, then thousands of references."""
    value = "y" * (3900 if name == "x" else 0)
    first = h2.block(head()) + b"\x40" + string(name) + string(value) + \
        b"\xbe" * (10 if name == "x" else 1000)
    with front(recorder) as product, beside(product):
        before = product.rss()
        with connect(product, settings=h2.setting(4, 0)) as client:
            client.send(frame(h2.HEADERS, 5, 1, first))
            sent = len(first)
            for stream in range(3, 200, 2):
                block = h2.block(head()) + b"\xbe" * 3900
                client.send(frame(h2.HEADERS, 5, stream, block))
                sent += len(block)
            client.pump(lambda: client.goaway is not None)
            assert client.goaway == h2.CALM
            assert product.rss() - before < memory_bound(16 * sent)
        assert "h2_head_flood" in reasons(product, 2)
    assert {message.path() for message in recorder.requests} == {"/honest"}


def test_fl_07_answers_that_nobody_reads_are_no_queue(recorder):
    with front(recorder, server={"write_timeout": "1s"}) as product, beside(product):
        before = product.rss()
        client = connect(product, rcvbuf=4096)
        client.send(b"".join(frame(h2.PING, 0, 0, bytes(8)) for _ in range(MIB // 17)))
        assert product.rss() - before < memory_bound(MIB)
        client.pump(lambda: False)  # the connection ends
        client.close()


def test_fl_08_settings_of_many_entries_are_refused(recorder):
    with front(recorder) as product, beside(product), connect(product) as client:
        client.send(frame(h2.SETTINGS, 0, 0, h2.setting(0x99, 1) * 2730) * 10)
        assert calmed(client)
        assert reasons(product, 2) == {"h2_frame_flood"}


def test_fl_08_settings_that_nobody_acknowledges_end_the_connection(recorder):
    """After 10 s, however busy the client is meanwhile."""
    with front(recorder) as product, beside(product), connect(product, timeout=20) as client:
        client.acknowledges = False
        client.request(1, head())
        assert client.answer().status == 200
        client.pump(lambda: client.goaway is not None)
        assert client.goaway == SETTINGS_TIMEOUT
        assert reasons(product, 3) == {"h2_settings_timeout"}


def test_fl_09_windows_opened_by_the_byte_hold_little_and_progress_counts():
    body = b"x" * MIB
    def answer(message):
        return response(body=b"ok" if message.path() == "/honest" else body)

    with Origin(answer=answer) as origin:
        with front(origin, server={"write_timeout": "2s"}) as product, beside(product):
            before = product.rss()
            with connect(product, settings=h2.setting(4, 0)) as client:
                client.send(b"".join(get(stream) for stream in range(1, 201, 2)))
                streams = range(1, 201, 2)
                client.pump(lambda: all(client.answers[s].status for s in streams))
                assert product.rss() - before < memory_bound(10 * MIB)
                # One stream goes on by 2 KiB at a time, which is enough for it.
                client.send(window(0, 1 << 20))
                moving = client.answers[1]
                for size in range(2048, 2048 * 40, 2048):
                    client.send(window(1, 2048))
                    client.pump(lambda size=size: len(moving.body) == size)
                    if all(client.answers[s].how for s in streams[1:]):
                        break
                client.pump(lambda: all(client.answers[s].how for s in streams[1:]), 10)
                assert {client.answers[s].how for s in streams[1:]} == {h2.CANCEL}
            assert "client_stalled" in reasons(product, 101)


def test_fl_12_padded_bytes_are_no_flood(recorder):
    """Flow control counts the padding (RFC 9113 6.1); the budget does not."""
    piece = frame(h2.DATA, h2.PADDED, 1, b"\xff" + b"x" + bytes(255))
    with front(recorder) as product, beside(product), connect(product) as client:
        client.send(post(1))
        credit, sent = 65535, 0
        seen = 0
        while sent < 2000:
            if credit < 257:
                client.pump(lambda: client.credit[1] > seen)
                credit += client.credit[1] - seen
                seen = client.credit[1]
            client.send(piece)
            credit -= 257
            sent += 1
        client.send(frame(h2.DATA, h2.END_STREAM, 1))
        assert client.answer().status == 200
        assert client.goaway is None
    assert recorder.requests[1].body == b"x" * 2000


def test_fl_12_small_messages_are_no_flood():
    """As gRPC sends them: 20,000 frames of a few bytes, answered by as many."""
    count = 20000

    async def echo(conn):
        if (await conn.head()).path() == "/honest":
            await conn.send(response(body=b"ok", headers=[("Connection", "close")]))
            return
        await conn.send(response(headers=[("Transfer-Encoding", "chunked")], length=False))
        for _ in range(count // 100):
            await conn.send(b"5\r\nhello\r\n" * 100)
        await conn.send(b"0\r\n\r\n")
        await conn.end()

    with Origin(echo) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            client.send(post(1))
            for _ in range(100):
                client.send(frame(h2.DATA, 0, 1, b"hello") * (65535 // 5 // 100))
            client.open_windows(1, 1 << 24)
            assert client.answer().body == b"hello" * count
            assert client.goaway is None


def test_fl_13_the_last_stream_number_is_served_and_then_the_connection_ends(recorder):
    with front(recorder) as product, connect(product) as client:
        client.send(get(0x7fffffff))
        client.pump(lambda: client.answers[0x7fffffff].how)
        assert client.answers[0x7fffffff].status == 200
        assert client.pump(lambda: False) is False
        assert client.goaway == h2.NO_ERROR


def test_keepalive_requests_end_a_connection_in_good_order(recorder):
    with front(recorder, server={"keepalive_requests": 3}) as product, connect(product) as client:
        for stream in (1, 3):
            client.request(stream, head())
            assert client.answer(stream).status == 200
        assert client.goaway is None
        client.request(5, head())
        client.pump(lambda: client.goaway is not None)
        assert (client.goaway, client.last_stream) == (h2.NO_ERROR, 0x7fffffff)
        client.request(7, head())  # on its way when we said so
        client.pump(lambda: client.answers[7].how)
        assert client.answers[7].status == 200
        client.pump(lambda: client.last_stream != 0x7fffffff)
        assert (client.goaway, client.last_stream) == (h2.NO_ERROR, 7)
        assert client.pump(lambda: False) is False


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load")
def test_fl_14_honest_load_meets_no_limit(recorder):
    with front(recorder, server={"keepalive_requests": 0}) as product:
        host, port = product.address()[:2]
        out = subprocess.run(["h2load", "-n", "10000", "-c", "10", "-m", "100",
                              f"http://{host}:{port}/"], capture_output=True, text=True,
                             check=True, timeout=seconds(60)).stdout
        assert re.search(r"10000 succeeded, 0 failed, 0 errored", out), out
        assert not {line["reason"] for line in product.wait_log(10000)} - {""}
