"""HTTP/2 that breaks rules or budgets (security.md 1E, 1F): the outcome, and somebody honest beside."""

import struct

import pytest

from rig import h2
from rig.h2 import connect, frame, head, literal, string
from rig.origin import Origin
from rig.product import front

pytestmark = pytest.mark.usefixtures("transport")


def honest(product):
    with connect(product) as client:
        client.request(1, head(path="/honest"))
        assert client.answer().status == 200


HEADS = {
    "H2-02": head(("content-length", "5")),
    "H2-06": head(("content-length", "5"), ("content-length", "6")),
    "H2-07": head(("content-length", "+5")),
    "H2-08": head(("transfer-encoding", "chunked")),
    "H2-09": head(("connection", "close")),
    "H2-10": head(("upgrade", "websocket")),
    "H2-11": head(("te", "gzip")),
    "H2-13": head(("x-a", "b\r\nx-evil: 1")),
    "H2-14": head(("x-a", "b\nx-evil: 1")),
    "H2-15": head(("x-a", "b\0c")),
    "H2-16": head(("x-a: b\r\nx-evil", "1")),
    "H2-17": head(("x:a", "1")),
    "H2-18": head(("X-Upper", "1")),
    "H2-19": head(("", "1")),
    "H2-20": head(("x-a", " b")),
    "H2-21": head(path="/ HTTP/1.1\r\nx: y"),
    "H2-22": head(path=" "),
    "H2-23": head(path=""),
    "H2-24": head(path="x"),
    "H2-25": head(path="http://a.test/x"),
    "H2-26": head(path="/x#frag"),
    "H2-27": head(method="GET /x HTTP/1.1"),
    "H2-28": head(scheme="http://x/?"),
    "H2-28 path": head(scheme="odd", path="x"),
    "H2-28 only": head(scheme="odd"),
    "H2-29": head(("host", "b.test")),
    "H2-31": head(("host", "a.test"), ("host", "a.test"), authority=None),
    "H2-32": head((":path", "/")),
    "H2-33": [("x-a", "b")] + head(),
    "H2-34": head((":odd", "1")),
    "H2-35": head(scheme=None),
    "H2-36": head((":status", "200")),
    "H2-37": head((":protocol", "websocket")),
    "H2-39": head((":protocol", "websocket"), method="CONNECT"),
}


@pytest.mark.parametrize("name", HEADS)
def test_malformed_heads_reach_no_origin(recorder, name):
    # H2-39: what was not announced (RFC 8441 4)
    with front(recorder, location={"websocket": False}) as product:
        with connect(product) as client:
            client.request(1, HEADS[name])
            answer = client.answer()
            assert answer.status in (None, 400), f"{answer.status}"
            assert answer.status == 400 or client.goaway or client.ended or \
                answer.how in (h2.PROTOCOL, h2.COMPRESSION)
        honest(product)
    assert [m.path() for m in recorder.requests] == ["/honest"]


@pytest.mark.parametrize("frames", [
    pytest.param(frame(h2.DATA, h2.END_STREAM, 1, b"abc"), id="H2-03"),
    pytest.param(frame(h2.DATA, h2.END_STREAM, 1, b"abcdefg"), id="H2-04"),
    pytest.param(frame(h2.DATA, 0, 1, b"abc") +
                 frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, literal("x-t", "1")),
                 id="H2-05"),
    pytest.param(frame(h2.DATA, 0, 1, b"abc") + frame(h2.DATA, h2.END_STREAM, 1), id="H2-89"),
])
def test_a_length_that_is_not_kept_is_no_request(recorder, frames):
    with front(recorder) as product:
        with connect(product) as client:
            client.request(1, head(("content-length", "5"), method="POST"), end=False)
            client.send(frames)
            answer = client.answer()
            assert answer.status in (None, 400)
        honest(product)
    assert [m.path() for m in recorder.requests] == ["/honest"]


def test_plain_connect_is_refused(recorder):
    with front(recorder) as product, connect(product) as client:
        client.request(1, head(method="CONNECT", scheme=None, path=None), end=False)
        answer = client.answer()
        assert answer.status == 405 or answer.how == h2.PROTOCOL
    assert recorder.requests == []


def test_host_alone_is_enough(recorder):
    with front(recorder) as product, connect(product) as client:
        client.request(1, head(("host", "a.test"), authority=None))
        assert client.answer().status == 200
    assert recorder.requests[0].get("Host") == "a.test"


GOAWAYS = {
    "H2-44": (b"\x80", None),
    "H2-45": (h2.integer(200, 7, 0x80), None),
    "H2-46": (b"\xff" * 12 + b"\x01", None),
    "H2-47": (h2.integer(1 << 20, 5, 0x20), None),
    "H2-48": (b"\x00" + h2.integer(200, 7) + b"x", None),
    "H2-49": (b"\x00" + string("x") + b"\x84\xff\xff\xff\xff", None),
    "H2-51": (None, frame(h2.HEADERS, 5, 2, h2.block(head()))),
    "H2-52": (None, frame(h2.HEADERS, 5, 0, h2.block(head()))),
    "H2-54": (None, frame(h2.DATA, 1, 1, b"x")),
    "H2-55": (None, frame(h2.WINDOW, 0, 0, bytes(4))),
    "H2-58": (None, frame(h2.WINDOW, 0, 0, struct.pack(">I", 0x7fffffff))),
    "H2-63": (None, frame(h2.SETTINGS, 0, 0, bytes(5))),
    "H2-64": (None, frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 2, 2))),
    "H2-65": (None, frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31))),
    "H2-66": (None, frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 5, 100))),
    "H2-67": (None, frame(h2.SETTINGS, 0, 1)),
    "H2-68": (None, frame(h2.PING, 0, 0, bytes(7))),
    "H2-69": (None, frame(h2.RST, 0, 1, bytes(4))),
    "H2-70": (None, frame(h2.PUSH, 4, 1, struct.pack(">I", 2) + h2.block(head()))),
    "H2-72": (None, frame(h2.CONTINUATION, 4, 1, h2.block(head()))),
    "H2-73": (None, frame(h2.HEADERS, 1, 1, h2.block(head())) + frame(h2.PING, 0, 0, bytes(8))),
    "H2-74": (None, frame(h2.HEADERS, 4, 1, h2.block(head())) +
              frame(h2.DATA, h2.PADDED, 1, b"\xff" + b"x")),
}
CODES = {  # of those that are not PROTOCOL_ERROR
    **dict.fromkeys(("H2-44", "H2-45", "H2-46", "H2-47", "H2-48", "H2-49"), h2.COMPRESSION),
    **dict.fromkeys(("H2-58", "H2-65"), h2.FLOW),
    **dict.fromkeys(("H2-63", "H2-68"), h2.SIZE),
}


@pytest.mark.parametrize("name", GOAWAYS)
def test_errors_of_a_connection_end_it(recorder, name):
    block, frames = GOAWAYS[name]
    with front(recorder) as product:
        with connect(product) as client:
            client.send(frames if block is None else frame(h2.HEADERS, 5, 1, block))
            assert client.pump(lambda: client.goaway is not None)
            assert client.goaway == CODES.get(name, h2.PROTOCOL)
        honest(product)
    assert [m.path() for m in recorder.requests if m.path() != "/"] == ["/honest"]


def test_unknown_frames_are_ignored(recorder):
    with front(recorder) as product, connect(product) as client:
        client.send(frame(0xfe, 0xff, 0, b"whatever"))
        client.request(1, head())
        assert client.answer().status == 200


# --- budgets

FLOODS = {
    "H2-77 PING": frame(h2.PING, 0, 0, bytes(8)),
    "H2-78 SETTINGS": frame(h2.SETTINGS),
    "H2-85 PRIORITY": frame(h2.PRIORITY, 0, 1, struct.pack(">IB", 3, 1)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_of_control_frames_are_told_to_calm_down(recorder, name):
    with front(recorder) as product:
        with connect(product) as client:
            for _ in range(50):
                client.send(FLOODS[name] * 100)
            client.pump(lambda: client.goaway is not None)
            assert client.goaway in (h2.CALM, None) and (client.goaway or client.ended)
        honest(product)


def test_floods_of_empty_data_are_told_to_calm_down(recorder):
    with front(recorder) as product:
        with connect(product) as client:
            client.request(1, head(method="POST"), end=False)
            client.send(frame(h2.DATA, 0, 1) * 5000)
            client.pump(lambda: client.goaway is not None)
            assert client.goaway == h2.CALM or client.ended
        honest(product)


def test_continuations_without_end_are_cut_off(recorder):
    with front(recorder) as product:
        with connect(product) as client:
            client.send(frame(h2.HEADERS, 1, 1, h2.block(head())))
            for _ in range(64):
                client.send(frame(h2.CONTINUATION, 0, 1, literal("x", "y" * 16000)[:16384]))
            client.pump(lambda: client.goaway is not None)
            assert client.goaway or client.ended
        honest(product)
    assert [m.path() for m in recorder.requests] == ["/honest"]


def resets(first, count):
    """Requests that are taken back at once."""
    return b"".join(frame(h2.HEADERS, 5, stream, h2.block(head(path="/reset"))) +
                    frame(h2.RST, 0, stream, struct.pack(">I", h2.CANCEL))
                    for stream in range(first, first + 2 * count, 2))


def provoked(first, count):
    """Requests whose reset the client makes us send (MadeYouReset, CVE-2025-8671)."""
    return b"".join(frame(h2.HEADERS, 5, stream, h2.block(head(path="/reset"))) +
                    frame(h2.WINDOW, 0, stream, struct.pack(">I", 0x7fffffff))
                    for stream in range(first, first + 2 * count, 2))


@pytest.mark.parametrize("flood", [resets, provoked])
def test_streams_that_are_reset_at_once_have_a_budget(flood):
    async def never(conn):
        await conn.end()

    with Origin(never) as origin, front(origin) as product:
        with connect(product) as client:
            for number in range(20):
                client.send(flood(1 + 200 * number, 100))
            client.pump(lambda: client.goaway is not None)
            assert client.goaway == h2.CALM or client.ended
        origin.wait(lambda: all(conn.ended for conn in origin.connections), "all are cancelled")
        assert len(origin.connections) <= 300


def test_more_streams_than_allowed_are_refused_and_the_others_served(recorder):
    with front(recorder) as product, connect(product) as client:
        client.send(b"".join(frame(h2.HEADERS, 5, stream, h2.block(head()))
                             for stream in range(1, 2 * 150, 2)))
        streams = range(1, 300, 2)
        client.pump(lambda: all(client.answers[s].how is not None for s in streams))
        hows = [client.answers[s].how for s in streams]
    assert hows.count("end") >= 100
    assert set(hows) <= {"end", h2.REFUSED}


@pytest.mark.parametrize("name", ["x", "cookie"])
def test_a_head_that_unpacks_to_much_is_431_or_refused(recorder, name):
    """H2-83, H2-84: one indexed field, then 4,000 references to it."""
    block = h2.block(head()) + b"\x40" + string(name) + string("y") + b"\xbe" * 4000
    with front(recorder) as product:
        with connect(product) as client:
            client.request(1, block)
            answer = client.answer()
            assert answer.status == 431 or client.goaway or answer.how not in (None, "end")
        honest(product)
    assert [m.path() for m in recorder.requests] == ["/honest"]


def test_a_client_that_reads_nothing_gets_no_queue_without_end(recorder):
    with front(recorder) as product:
        before = product.rss()
        client = connect(product, rcvbuf=4096)
        client.sock.settimeout(1)
        try:
            for _ in range(100):
                client.sock.sendall(frame(h2.PING, 0, 0, bytes(8)) * 600)
        except OSError:
            pass
        assert product.rss() - before < 4 << 20
        client.close()
        honest(product)
