"""WebSocket of HTTP/2 clients (RFC 8441) to HTTP/1.1 origins (security.md 1D, UG-02 to UG-10)."""

import base64
import re
import signal
import struct

import pytest

from rig import h2
from rig.client import request
from rig.deadline import SLOW, holds, until
from rig.h2 import H2Client, frame, head
from rig.notation import expand
from rig.origin import Gate, Origin, echo, response, shared_loop
from rig.product import front
from rig.pushed import Pushed
from test_websocket import BAD_101, accept, switching

SMUG = expand("{SMUG}")
VERSION = ("sec-websocket-version", "13")
INITIAL_WINDOW_SIZE, ENABLE_CONNECT_PROTOCOL = 4, 8


def connect(*more, protocol="websocket", version=VERSION, **pseudo):
    fields = head(*filter(None, [version]), *more, **{"method": "CONNECT", "path": "/ws", **pseudo})
    return [(":protocol", protocol)] + fields


def data(payload, stream=1, end=False):
    """DATA frames of a size that everybody takes."""
    pieces = [payload[at:at + 16000] for at in range(0, len(payload), 16000)] or [b""]
    return b"".join(frame(h2.DATA, h2.END_STREAM if end and piece is pieces[-1] else 0, stream,
                          piece) for piece in pieces)


def answer_101(message, headers=()):
    """What an honest origin says to this handshake."""
    return switching(headers).replace(accept().encode(),
                                      accept(message.get("Sec-WebSocket-Key")).encode())


async def echo_tunnel(conn):
    """Opens a tunnel for a handshake and sends back what comes; serves other requests."""
    while True:
        message = await conn.request()
        if message is None:
            return
        if message.get("Upgrade") != "websocket":
            await conn.send(echo(message))
            continue
        conn.tunnel = True
        await conn.send(answer_101(message))
        seen = len(message.raw_head) + 2
        while await conn.bytes(seen + 1):
            got = conn.raw[seen:]
            seen += len(got)
            await conn.send(got)
        conn.fin()
        await conn.end()
        return


def scripted(after):
    """A script that opens a tunnel and then does what `after` says."""
    async def script(conn):
        message = await conn.request()
        conn.tunnel = True
        await conn.send(answer_101(message))
        await after(conn)
    return script


def open_client(product, **options):
    return H2Client(product.address()[:2], **options)


def open_tunnel(client, stream=1, *more):
    client.request(stream, connect(*more), end=False)
    answer = client.answers[stream]
    assert client.pump(lambda: answer.status is not None)
    assert answer.status == 200, answer.status
    return answer


def announced(client):
    client.pump(lambda: client.counts[h2.SETTINGS] > 0)
    return client.settings.get(ENABLE_CONNECT_PROTOCOL, 0)


# --- what is announced

@pytest.mark.parametrize("locations,wanted", [
    ({"all": {}}, 1), ({"all": {"websocket": False}}, 0),
    ({"one": {"path": "/ws"}, "two": {"path": "/x", "websocket": False}}, 1),
])
def test_it_is_announced_where_a_location_takes_it(recorder, locations, wanted):
    with front(recorder, locations=locations) as product, open_client(product) as client:
        assert announced(client) == wanted


def test_h239_it_is_a_fault_where_it_is_not_announced(recorder):
    with front(recorder, location={"websocket": False}) as product, open_client(product) as client:
        client.request(1, connect(), end=False)
        answer = client.answer()
        assert answer.how == h2.PROTOCOL or client.goaway == h2.PROTOCOL
    assert recorder.received == 0


# --- UG-08: the handshake

def test_ug08_the_origin_sees_a_handshake_of_http1():
    with Origin(echo_tunnel) as origin, front(origin) as product, open_client(product) as client:
        answer = open_tunnel(client, 1, ("origin", "http://a.test"),
                             ("sec-websocket-protocol", "chat"))
        assert not {"upgrade", "connection", "sec-websocket-accept", "content-length"} & \
            {name for name, _ in answer.fields}
        for size in (1, 10, 50000):
            answer.body = b""
            client.send(data(b"d" * size))
            assert client.pump(lambda wanted=size: len(answer.body) >= wanted)
            assert answer.body == b"d" * size
    seen = origin.requests[0]
    assert (seen.method, seen.path(), seen.get("Host")) == (b"GET", "/ws", "a.test")
    assert (seen.tokens("Connection"), seen.get("Upgrade")) == (["upgrade"], "websocket")
    assert seen.get("Sec-WebSocket-Version") == "13"
    assert seen.get("Sec-WebSocket-Protocol") == "chat"
    assert seen.get("Origin") == "http://a.test"
    assert seen.get("X-Forwarded-For") == "127.0.0.1"
    assert len(base64.b64decode(seen.get("Sec-WebSocket-Key"), validate=True)) == 16
    assert not any(name.startswith(b":") for name, _ in seen.fields)


def test_ug08_each_handshake_has_a_key_of_our_own():
    mine = "AAAAAAAAAAAAAAAAAAAAAA=="
    with Origin(echo_tunnel) as origin, front(origin) as product, open_client(product) as client:
        for stream in (1, 3):
            open_tunnel(client, stream, ("sec-websocket-key", mine))
    keys = [message.all("Sec-WebSocket-Key") for message in origin.requests]
    assert all(len(key) == 1 for key in keys)
    assert len({mine.encode(), *(key[0] for key in keys)}) == 3


def test_what_the_origin_chose_is_passed_on():
    async def script(conn):
        message = await conn.request()
        conn.tunnel = True
        await conn.send(answer_101(message, [("Sec-WebSocket-Protocol", "chat"), ("X-A", "b")]))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, open_client(product) as client:
        answer = open_tunnel(client, 1, ("sec-websocket-protocol", "chat, mail"))
        assert (answer.get("sec-websocket-protocol"), answer.get("x-a")) == ("chat", "b")
        client.request(3, head(), end=True)


def test_tunnels_and_requests_share_a_connection():
    with Origin(echo_tunnel) as origin, front(origin) as product, open_client(product) as client:
        streams = [1, 3, 5]
        for stream in streams:
            open_tunnel(client, stream)
        client.request(7, head(path="/plain"))
        assert client.answer(7).body == b"echo /plain"
        for stream in streams:
            client.send(data(str(stream).encode(), stream))
        for stream in streams:
            answer = client.answers[stream]
            assert client.pump(lambda one=answer: one.body)
            assert answer.body == str(stream).encode()
    assert len(origin.requests) == 4


def test_the_log_has_a_get_that_was_switched():
    with Origin(echo_tunnel) as origin, front(origin) as product, open_client(product) as client:
        answer = open_tunnel(client)
        client.send(data(b"", end=True))
        client.answer()
        line = product.wait_log(1)[0]
        assert answer.how == "end"
    assert (line["status"], line["upstream_status"], line["method"]) == (200, 101, "GET")


@pytest.mark.parametrize("protocol", ["connect-udp", "webtransport", "h2c", "websocket, h2c", "x"])
def test_other_protocols_are_not_implemented(recorder, protocol):
    with front(recorder) as product, open_client(product) as client:
        client.request(1, connect(protocol=protocol), end=False)
        assert client.answer().status == 501
        assert product.wait_log(1)[0]["reason"] == "unsupported_protocol"
        client.request(3, head())
        assert client.answer(3).status == 200
    assert [message.path() for message in recorder.requests] == ["/"]


def test_websocket_can_be_switched_off_for_a_location(recorder):
    locations = {"ws": {"path": "/ws"}, "no": {"path": "/no", "websocket": False}}
    with front(recorder, locations=locations) as product, open_client(product) as client:
        client.request(1, connect(path="/no"), end=False)
        assert client.answer().status == 501
    assert recorder.received == 0


# --- UG-03

@pytest.mark.parametrize("fields,end", [
    (connect(version=None), False),
    (connect(version=("sec-websocket-version", "8")), False),
    (connect(version=("sec-websocket-version", "14")), False),
    (connect(("sec-websocket-version", "13")), False),
    (connect(("content-length", "5")), False),
    (connect(), True),
    (connect(path=None), False),
    (connect(scheme=None), False),
    (connect(authority=None), False),
    (connect(method="GET"), False),
    (connect(method="POST"), False),
    (connect(("upgrade", "websocket")), False),
    (connect(("connection", "upgrade")), False),
])
def test_ug03_what_is_no_handshake_opens_no_tunnel(recorder, fields, end):
    with front(recorder) as product:
        with open_client(product) as client:
            client.request(1, fields, end=end)
            client.send(data(b"early"))
            answer = client.answer()
            assert answer.status == 400 or answer.how == h2.PROTOCOL or client.goaway
        assert product.get("/honest").status == 200
    assert [message.path() for message in recorder.requests] == ["/honest"]


# --- UG-02: nothing behind the head goes on before the 101

def early(reply):
    async def script(conn):
        message = await conn.request()
        await conn.origin.gate.wait()
        conn.origin.early = conn.received - len(message.raw_head) - 2
        answer = reply(message)
        conn.tunnel = b" 101 " in answer[:20]
        await conn.send(answer)
        await conn.end()

    return script


@pytest.mark.parametrize("status,reason", [(426, "Upgrade Required"), (403, "Forbidden"),
                                           (302, "Found"), (500, "Oops")])
def test_ug02_bytes_behind_a_refused_handshake_go_nowhere(status, reason):
    with Origin(early(lambda _: response(status, reason, body=b"no"))) as origin, \
            front(origin) as product, open_client(product) as client:
        origin.gate = Gate()
        client.request(1, connect(), end=False)
        client.send(data(SMUG))
        origin.wait_requests(1)
        holds(lambda: len(origin.requests) == 1, "only the handshake is at the origin", 0.3)
        origin.gate.open()
        client.pump(lambda: client.answers[1].body)
        client.send(data(SMUG))
        answer = client.answer()
        assert (answer.status, answer.body) == (status, b"no")
        origin.settle()
        assert origin.early == 0
        assert [message.path() for message in origin.requests] == ["/ws"]
        client.request(3, head(path="/next"))  # the connection goes on
        origin.wait_requests(2)


def test_ug02_bytes_behind_an_accepted_handshake_are_tunnel_data():
    with Origin(early(answer_101)) as origin, front(origin) as product, \
            open_client(product) as client:
        origin.gate = Gate()
        client.request(1, connect(), end=False)
        early_bytes = b"".join(bytes([byte]) * 3 for byte in range(200))
        for at in range(0, len(early_bytes), 7):
            client.send(data(early_bytes[at:at + 7]))
        origin.wait_requests(1)
        holds(lambda: len(origin.requests) == 1, "only the handshake is at the origin", 0.3)
        origin.gate.open()
        client.pump(lambda: client.answers[1].status)
        client.send(data(b"late"))
        conn = origin.connections[0]
        origin.wait(lambda: conn.raw.endswith(early_bytes + b"late"), "tunnel data")
        assert origin.early == 0


def test_ug02_an_end_before_the_101_is_the_end_of_the_tunnel():
    with Origin(early(answer_101)) as origin, front(origin) as product, \
            open_client(product) as client:
        origin.gate = Gate()
        client.request(1, connect(), end=False)
        client.send(data(b"all", end=True))
        origin.wait_requests(1)
        origin.gate.open()
        origin.wait(lambda: origin.connections[0].ended == "fin", "the end is passed on")
        assert origin.connections[0].raw.endswith(b"all")


def test_ug02_what_waits_for_the_101_is_bounded():
    with Origin(early(answer_101)) as origin, front(origin) as product, \
            open_client(product) as client:
        origin.gate = Gate()
        held = []
        for count, stream in enumerate((1, 3, 5), 1):  # the first one is what a connection takes
            client.request(stream, connect(), end=False)
            client.send(b"".join(frame(h2.DATA, 0, stream, b"x") for _ in range(60000)))
            client.send(frame(h2.PING, 0, 0, b"12345678"))
            client.pump(lambda wanted=count: client.counts[h2.PING] == wanted)
            held.append(product.rss())
        assert held[2] - held[0] < 2 * (160 << 10) * SLOW, "a window each, not a chunk per byte"
        origin.gate.open()
        origin.wait(lambda: all(conn.raw.endswith(b"x" * 60000) for conn in origin.connections),
                    "all of it")


# --- UG-04: a 101 that is not one, and a 200 that is none

@pytest.mark.parametrize("case", [case for case in BAD_101 if case != "with a length"])
def test_ug04_a_wrong_101_is_a_502(case):
    async def script(conn):
        message = await conn.request()
        bad = BAD_101[case]
        if case != "wrong accept":
            bad = bad.replace(accept().encode(), accept(message.get("Sec-WebSocket-Key")).encode())
        await conn.send(bad)
        await conn.end()

    with Origin(script) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, connect(), end=False)
        assert client.answer().status == 502
        origin.wait(lambda: origin.connections[0].ended, "upstream closed")
        assert product.wait_log(1)[0]["reason"] == "upstream_bad_upgrade"
    assert len(origin.requests) == 1, "an upgrade is never retried"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_ug04_success_without_a_101_is_no_tunnel(status):
    def answer(_):
        return response(status, "OK", body=None if status == 204 else b"not a tunnel")

    with Origin(answer=answer) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, connect(), end=False)
        client.send(data(SMUG))
        assert client.answer().status == 502
        origin.settle()
        assert [message.path() for message in origin.requests] == ["/ws"]


def test_ug05_a_handshake_without_a_route_reaches_nothing():
    with Origin(echo_tunnel) as origin, front(origin, location={"path": "/only"}) as product, \
            open_client(product) as client:
        client.request(1, connect(), end=False)
        assert client.answer().status == 404
    assert origin.received == 0


@pytest.mark.parametrize("origins,status", [(("https://a.test",), 200), (("https://b.test",), 403),
                                            ((), 403)])
def test_ug06_pages_that_may_open_a_tunnel_are_named(origins, status):
    location = {"ws_allowed_origins": ["https://a.test"]}
    with Origin(echo_tunnel) as origin, front(origin, location=location) as product, \
            open_client(product) as client:
        client.request(1, connect(*(("origin", one) for one in origins)), end=False)
        answer = client.answers[1]
        assert client.pump(lambda: answer.status is not None)
        assert answer.status == status
    assert len(origin.requests) == (status == 200)


def test_methods_of_a_location_are_about_the_get():
    locations = {"ws": {"path": "/ws", "methods": ["GET"]}}
    with Origin(echo_tunnel) as origin, front(origin, locations=locations) as product, \
            open_client(product) as client:
        open_tunnel(client)


# --- UG-07: the life of a tunnel

def test_ug07_an_idle_tunnel_is_closed_on_both_sides():
    with Origin(echo_tunnel) as origin, \
            front(origin, location={"tunnel_timeout": "500ms"}) as product, \
            open_client(product) as client:
        open_tunnel(client)
        assert client.answer().how == h2.CANCEL
        origin.wait(lambda: origin.connections[0].ended, "closed at the origin")
        assert product.wait_log(1)[0]["reason"] == "tunnel_idle"
        client.request(3, head())
        assert client.answer(3).status == 200


def test_ug07_a_busy_tunnel_outlives_its_idle_time_and_that_of_bodies():
    with Origin(echo_tunnel) as origin, \
            front(origin, location={"tunnel_timeout": "400ms"},
                  server={"body_timeout": "200ms", "keepalive_timeout": "200ms"}) as product, \
            open_client(product) as client:
        answer = open_tunnel(client)
        for count in range(1, 11):
            holds(lambda: not client.readable(0), "quiet", 0.1)
            client.send(data(b"x"))
            assert client.pump(lambda wanted=count: len(answer.body) == wanted)
        assert answer.how is None


def test_ug07_half_close_of_the_client_is_passed_on():
    async def after(conn):
        assert await conn.end() == "fin"
        await conn.send(b"last words")

    with Origin(scripted(after)) as origin, front(origin) as product, \
            open_client(product) as client:
        open_tunnel(client)
        client.send(data(b"", end=True))
        answer = client.answer()
        assert (answer.how, answer.body) == ("end", b"last words")
    assert origin.errors == []


async def end_and_read_late(conn):
    """Opens a tunnel and ends its own direction; then it reads, when it is told to."""
    message = await conn.request()
    conn.tunnel = True
    conn.pause()
    await conn.send(switching(key=message.get("Sec-WebSocket-Key")))
    conn.fin()
    await conn.end()


def test_what_is_sent_last_arrives_at_an_origin_that_has_ended():
    """Both directions are over then, but for bytes on their way."""
    with Origin(end_and_read_late, rcvbuf=4096) as origin, front(origin) as product, \
            open_client(product) as client:
        open_tunnel(client)
        sent = [0]

        def full():
            client.poll()
            room = 65535 + min(client.credit[0], client.credit[1]) - sent[0]
            client.send(data(b"x" * room) if room else b"")
            sent[0] += room
            return room == 0
        until(full, "the origin stops the client", 20, 0.3)
        client.send(data(b"", end=True))
        assert client.answer().how == "end"
        conn = origin.connections[0]
        shared_loop().loop.call_soon_threadsafe(conn.resume)
        origin.wait(lambda: conn.ended, "all is read", 20)
        assert conn.received == len(origin.requests[0].raw_head) + 2 + sent[0]


def test_ug07_half_close_of_the_origin_is_passed_on():
    async def after(conn):
        conn.fin()
        await conn.end()

    with Origin(scripted(after)) as origin, front(origin) as product, \
            open_client(product) as client:
        open_tunnel(client)
        assert client.answer().how == "end"
        client.send(data(b"still here"))
        origin.wait(lambda: origin.connections[0].raw.endswith(b"still here"), "data after FIN")
        client.send(data(b"", end=True))
        origin.wait(lambda: origin.connections[0].ended, "tunnel ends")
        assert product.wait_log(1)[0]["reason"] == ""


@pytest.mark.parametrize("side", ["client", "origin"])
def test_ug07_a_reset_ends_the_other_side(side):
    gate = Gate()

    async def after(conn):
        await gate.wait()
        if side == "origin":
            conn.rst()
        else:
            await conn.end()

    with Origin(scripted(after)) as origin, front(origin) as product, \
            open_client(product) as client:
        open_tunnel(client)
        gate.open()
        if side == "origin":
            assert client.answer().how == h2.CANCEL
        else:
            client.send(frame(h2.RST, 0, 1, struct.pack(">I", h2.CANCEL)))
            origin.wait(lambda: origin.connections[0].ended, "reset passed on")
        assert product.wait_log(1)[0]["status"] == 200


def test_tunnels_that_origins_cut_are_not_the_fault_of_the_client():
    """Its budget of resets is for what it does itself; 300 are more than that."""
    async def cut(conn):
        conn.rst()

    with Origin(scripted(cut)) as origin, front(origin) as product, \
            open_client(product) as client:
        for stream in range(1, 601, 2):
            client.request(stream, connect(), end=False)
            assert client.answer(stream).how == h2.CANCEL
        assert client.counts[h2.GOAWAY] == 0


def test_ug07_the_end_of_the_connection_ends_its_tunnels():
    with Origin(echo_tunnel) as origin, front(origin) as product:
        with open_client(product) as client:
            for stream in (1, 3):
                open_tunnel(client, stream)
        origin.wait(lambda: all(conn.ended for conn in origin.connections), "closed at the origin")
        assert len(product.wait_log(2)) == 2


def test_fields_within_a_tunnel_are_a_fault():
    with Origin(echo_tunnel) as origin, front(origin, location={"trailers": "pass"}) as product, \
            open_client(product) as client:
        open_tunnel(client)
        client.request(1, [("x-a", "b")])
        assert client.answer().how == h2.PROTOCOL
        origin.wait(lambda: origin.connections[0].ended, "closed at the origin")
        assert product.wait_log(1)[0]["reason"] == "bad_trailer"


def test_ug07_a_stalled_reader_is_bounded_and_stalls_no_other():
    pushed = Pushed()

    async def after(conn):
        while await conn.send(b"x" * 65536):
            pushed.bytes += 65536

    async def script(conn):
        message = await conn.request()
        if message.path() != "/ws":
            await conn.send(echo(message))
            return
        conn.tunnel = True
        await conn.send(answer_101(message))
        await after(conn)

    with Origin(script) as origin, front(origin) as product, open_client(product) as client:
        before = product.rss()
        open_tunnel(client)
        pushed.wait_stopped()
        assert pushed.bytes < 32 << 20
        assert product.rss() - before < (1 << 20) * SLOW
        client.send(frame(h2.WINDOW, 0, 0, struct.pack(">I", 1 << 20)))  # not the stream's
        client.request(3, head(path="/other"))
        assert client.answer(3).body == b"echo /other"


def test_ug07_a_stalled_origin_stops_the_client():
    gate = Gate()

    async def after(conn):
        conn.pause()
        await gate.wait()

    with Origin(scripted(after), rcvbuf=4096) as origin, front(origin) as product, \
            open_client(product) as client:
        open_tunnel(client)
        sent = 0

        def room():
            return client.settings.get(INITIAL_WINDOW_SIZE, 65535) + client.credit[1] - sent

        with pytest.raises(TimeoutError):  # the window opens no more
            while sent < 8 << 20:
                client.pump(lambda: room() > 0, 2)
                size = min(16000, room())
                client.send(frame(h2.DATA, 0, 1, b"x" * size))
                sent += size
        gate.open()


def test_ug07_a_tunnel_goes_on_while_stopping_until_grace_ends():
    with Origin(echo_tunnel) as origin, \
            front(origin, basic={"grace_period": "30s"}) as product, \
            open_client(product) as client:
        answer = open_tunnel(client)
        product.signal(signal.SIGTERM)
        assert client.pump(lambda: client.goaway is not None)
        client.send(data(b"more"))
        assert client.pump(lambda: answer.body == b"more")
        client.send(data(b"", end=True))
        assert client.answer().how == "end" or answer.how == "end"
        assert product.wait_exit() == 0


# --- UG-10

def ended(origin):
    return sum(1 for conn in origin.connections if conn.ended)


def test_ug10_tunnels_count_against_the_limit_and_are_freed_once():
    with Origin(echo_tunnel) as origin, front(origin, upstream={"max_connections": 5}) as product:
        for _ in range(3):
            with open_client(product) as client:
                for stream in range(1, 11, 2):
                    open_tunnel(client, stream)
                client.request(11, connect(), end=False)
                assert client.answer(11).status == 503
                before = ended(origin)
                client.send(frame(h2.RST, 0, 1, struct.pack(">I", h2.CANCEL)))
                until(lambda wanted=before + 1: ended(origin) == wanted, "freed")
                open_tunnel(client, 13)
            until(lambda: all(conn.ended for conn in origin.connections), "all freed")


def test_h1_and_h2_tunnels_side_by_side():
    with Origin(echo_tunnel) as origin, front(origin) as product, open_client(product) as two, \
            product.client() as one:
        answer = open_tunnel(two)
        key = base64.b64encode(b"k" * 16).decode()
        one.send(request("/ws", [("Connection", "Upgrade"), ("Upgrade", "websocket"),
                                 ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]))
        switched = one.response()
        assert (switched.status, switched.get("Sec-WebSocket-Accept")) == (101, accept(key))
        one.send(b"one")
        two.send(data(b"two"))
        assert one.bytes(3) == b"one"
        assert two.pump(lambda: answer.body == b"two")
    assert re.fullmatch(r"[A-Za-z0-9+/]{22}==", origin.requests[0].get("Sec-WebSocket-Key"))
