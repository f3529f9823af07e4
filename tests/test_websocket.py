"""Upgrades: when a tunnel is opened and when not (security.md 1D, UG-01 to UG-10)."""

import base64
import hashlib

import pytest

from rig import tls
from rig.client import Client, Closed, request
from rig.deadline import SLOW, holds, until
from rig.notation import expand
from rig.origin import Gate, Origin, echo, response
from rig.product import front
from rig.pushed import Pushed

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
SMUG = expand("{SMUG}")
HANDSHAKE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", KEY)]


def accept(key=KEY):
    magic = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()


def switching(headers=(), key=KEY):
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
             f"Sec-WebSocket-Accept: {accept(key)}"] + [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


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
        await conn.send(switching())
        seen = len(message.raw_head) + 2
        while await conn.bytes(seen + 1):
            data = conn.raw[seen:]
            seen += len(data)
            await conn.send(data)
        conn.fin()
        await conn.end()
        return


def open_tunnel(product):
    client = product.client()
    client.send(request("/ws", HANDSHAKE))
    answer = client.response()
    assert answer.status == 101
    return client


def test_handshake_and_data_pass_both_ways():
    with Origin(echo_tunnel) as origin, front(origin) as product:
        with product.client() as client:
            client.send(request("/ws", HANDSHAKE + [("Sec-WebSocket-Protocol", "chat")]))
            answer = client.response()
            assert answer.status == 101
            assert answer.get("Upgrade").lower() == "websocket"
            assert answer.tokens("Connection") == ["upgrade"]
            assert answer.get("Sec-WebSocket-Accept") == accept()
            for size in (1, 10, 70000):
                client.send(b"d" * size)
                assert client.bytes(size) == b"d" * size
        seen = origin.requests[0]
    assert seen.get("Sec-WebSocket-Key") and seen.get("Sec-WebSocket-Version") == "13"
    assert seen.get("Sec-WebSocket-Protocol") == "chat"
    assert seen.tokens("Connection") == ["upgrade"]


# --- UG-01: h2c is never passed on

@pytest.mark.parametrize("headers", [
    [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMA")],
    [("Connection", "Upgrade"), ("Upgrade", "websocket, h2c")],
    [("Connection", "Upgrade"), ("Upgrade", "foo"), ("Upgrade", "h2c")],
    [("Connection", "Upgrade"), ("Upgrade", "h2c\t")],
    [("Connection", "Upgrade"), ("Upgrade", "H2C")],
    [("Connection", "Upgrade"), ("Upgrade", "h2")],
    [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Upgrade", "h2c")],
    [("Upgrade", "h2c"), ("HTTP2-Settings", "AAMA")],
])
def test_ug01_h2c_never_reaches_the_origin_nor_opens_a_tunnel(recorder, headers):
    with front(recorder) as product, product.client() as client:
        client.send(request("/", headers) + request("/next"))
        first = client.response()
        assert first.status in (200, 400)
        if first.status == 200:
            assert client.response().body == b"echo /next"
    for message in recorder.requests:
        assert message.all("HTTP2-Settings") == []
        assert not any(token.startswith("h2") for token in message.tokens("Upgrade"))


# --- UG-02: nothing behind the head goes on before the 101

def early_data(answer):
    """A script that checks, before it answers, that only the head has come."""

    async def script(conn):
        message = await conn.request()
        if message is None or message.get("Upgrade") is None:
            while message is not None:
                await conn.send(echo(message))
                message = await conn.request()
            return
        await conn.origin.gate.wait()
        conn.origin.early = conn.received - len(conn.raw.partition(b"\r\n\r\n")[0]) - 4
        conn.tunnel = b" 101 " in answer[:20]
        await conn.send(answer)
        while conn.tunnel and not conn.ended:
            await conn.bytes(conn.received + 1)
        message = await conn.request()
        while message is not None:
            await conn.send(echo(message))
            message = await conn.request()

    return script


@pytest.mark.parametrize("status,reason", [(200, "OK"), (426, "Upgrade Required")])
def test_ug02_bytes_behind_a_refused_handshake_are_the_next_request(status, reason):
    answer = response(status, reason, body=b"no")
    with Origin(early_data(answer)) as origin, front(origin) as product:
        origin.gate = Gate()
        with product.client() as client:
            client.send(request("/ws", HANDSHAKE) + SMUG)
            origin.wait_requests(1)
            holds(lambda: len(origin.requests) == 1, "only the handshake is at the origin", 0.3)
            origin.gate.open()
            assert client.response().status == status
            assert client.response().body == b"echo /smug"
        assert origin.early == 0
        assert [message.path() for message in origin.requests] == ["/ws", "/smug"]


def test_ug02_bytes_behind_an_accepted_handshake_are_tunnel_data():
    with Origin(early_data(switching())) as origin, front(origin) as product:
        origin.gate = Gate()
        with product.client() as client:
            client.send(request("/ws", HANDSHAKE) + SMUG)
            origin.wait_requests(1)
            holds(lambda: len(origin.requests) == 1, "only the handshake is at the origin", 0.3)
            origin.gate.open()
            assert client.response().status == 101
            conn = origin.connections[0]
            origin.wait(lambda: conn.raw.endswith(SMUG), "tunnel data")
        assert origin.early == 0


# --- UG-03: what is not a handshake does not become a tunnel

def without(name, *more):
    return [field for field in HANDSHAKE if field[0] != name] + list(more)


BROKEN = {
    "version 8": (without("Sec-WebSocket-Version", ("Sec-WebSocket-Version", "8")), {}),
    "version 14": (without("Sec-WebSocket-Version", ("Sec-WebSocket-Version", "14")), {}),
    "no version": (without("Sec-WebSocket-Version"), {}),
    "no key": (without("Sec-WebSocket-Key"), {}),
    "key of 15 bytes": (without("Sec-WebSocket-Key",
                                ("Sec-WebSocket-Key", base64.b64encode(b"k" * 15).decode())), {}),
    "key that is not base64": (without("Sec-WebSocket-Key",
                                       ("Sec-WebSocket-Key", "!" * 24)), {}),
    "no Connection: upgrade": (without("Connection", ("Connection", "keep-alive")), {}),
    "POST": (HANDSHAKE, {"method": "POST", "body": b""}),
    "HTTP/1.0": (HANDSHAKE, {"version": "1.0"}),
    "with a body": (HANDSHAKE, {"body": b"abcde"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_ug03_broken_handshake_never_becomes_a_tunnel(case):
    headers, how = BROKEN[case]
    with Origin(echo_tunnel) as origin, front(origin) as product, product.client() as client:
        client.send(request("/ws", headers, **how))
        answer = client.response(how.get("method", "GET"))
        assert answer.status in (200, 400, 426)
        if answer.status == 426:
            assert answer.get("Sec-WebSocket-Version") == "13"
        origin.settle()
        assert all(message.get("Upgrade") is None for message in origin.requests)


def test_websocket_can_be_switched_off_for_a_location():
    with Origin(echo_tunnel) as origin, front(origin, location={"websocket": False}) as product:
        answer = product.get("/ws", without("Connection"))
        with product.client() as client:
            client.send(request("/ws", HANDSHAKE))
            answer = client.response()
        assert answer.status != 101
        assert all(message.get("Upgrade") is None for message in origin.requests)


# --- UG-04: a 101 that is not one

BAD_101 = {
    "wrong accept": switching().replace(accept().encode(), b"A" * 28),
    "no accept": switching().replace(b"Sec-WebSocket-Accept", b"X-Accept"),
    "no upgrade": switching().replace(b"Upgrade: websocket\r\n", b""),
    "other upgrade": switching().replace(b"Upgrade: websocket", b"Upgrade: other"),
    "with a length": switching([("Content-Length", "5")]),
    "unasked extension": switching([("Sec-WebSocket-Extensions", "permessage-deflate")]),
    "unasked protocol": switching([("Sec-WebSocket-Protocol", "chat")]),
}


@pytest.mark.parametrize("case", BAD_101)
def test_ug04_wrong_101_is_a_502_and_the_upstream_is_closed(case):
    async def script(conn):
        if await conn.request() is not None:
            await conn.send(BAD_101[case])
            await conn.end()

    with Origin(script) as origin, front(origin) as product, product.client() as client:
        client.send(request("/ws", HANDSHAKE))
        assert client.response().status == 502
        origin.wait(lambda: origin.connections[0].ended, "upstream closed")
    assert len(origin.requests) == 1, "an upgrade is never retried"


# --- UG-05: limits apply to upgrades, too

def test_ug05_upgrade_without_a_route_reaches_nothing():
    with Origin(echo_tunnel) as origin, front(origin, location={"path": "/only"}) as product:
        with product.client() as client:
            client.send(request("/ws", HANDSHAKE))
            assert client.response().status == 404
        assert origin.received == 0


def test_upgrade_cannot_hide_a_body_limit():
    with Origin(echo_tunnel) as origin, \
            front(origin, location={"client_max_body_size": 10}) as product:
        with product.client() as client:
            client.send(request("/ws", HANDSHAKE, method="POST", body=b"b" * 100))
            assert client.response("POST").status in (400, 413)


# --- UG-06: whose pages

ORIGINS = {
    "allowed": (["https://a.test"], ["https://a.test"], 101),
    "in other letters": (["https://A.test"], ["HTTPS://a.TEST"], 101),
    "another": (["https://a.test"], ["https://evil.test"], 403),
    "its beginning": (["https://a.test"], ["https://a.test.evil.test"], 403),
    "another port": (["https://a.test"], ["https://a.test:8443"], 403),
    "null": (["https://a.test"], ["null"], 403),
    "none": (["https://a.test"], [], 403),
    "none, and may be": (["https://a.test", "missing"], [], 101),
    "no word for none": (["missing"], ["missing"], 403),
    "two": (["https://a.test"], ["https://a.test", "https://evil.test"], 403),
    "any": ([], ["https://evil.test"], 101),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_ug06_pages_that_may_open_a_tunnel_are_named(case):
    allowed, origins, status = ORIGINS[case]
    with Origin(echo_tunnel) as origin:
        with front(origin, location={"ws_allowed_origins": allowed}) as product:
            with product.client() as client:
                client.send(request("/ws", HANDSHAKE + [("Origin", one) for one in origins]))
                assert client.response().status == status
            assert len(origin.requests) == (status == 101)
            with product.client() as client:  # it is about tunnels only
                client.send(request("/", [("Origin", "https://evil.test")]))
                assert client.response().status == 200


# --- UG-07: the life of a tunnel

def test_ug07_idle_tunnel_is_closed_on_both_sides():
    with Origin(echo_tunnel) as origin, \
            front(origin, location={"tunnel_timeout": "500ms"}) as product:
        client = open_tunnel(product)
        client.wait_closed()
        client.close()
        origin.wait(lambda: origin.connections[0].ended, "closed at the origin")


def test_ug07_busy_tunnel_outlives_its_idle_time():
    with Origin(echo_tunnel) as origin, \
            front(origin, location={"tunnel_timeout": "400ms"}) as product:
        client = open_tunnel(product)
        for _ in range(10):
            client.readable(0.1)
            client.send(b"x")
            assert client.bytes(1) == b"x"
        client.close()


def test_ug07_half_close_of_the_client_is_passed_on():
    async def script(conn):
        await conn.request()
        conn.tunnel = True
        await conn.send(switching())
        assert await conn.end() == "fin"
        await conn.send(b"last words")

    with Origin(script) as origin, front(origin) as product:
        client = open_tunnel(product)
        client.fin()
        assert client.bytes(10) == b"last words"
        assert client.wait_closed() == "fin"
        client.close()
    assert origin.errors == []


def test_ug07_half_close_of_the_origin_is_passed_on():
    async def script(conn):
        await conn.request()
        conn.tunnel = True
        await conn.send(switching())
        conn.fin()
        await conn.end()

    with Origin(script) as origin, front(origin) as product:
        client = open_tunnel(product)
        assert client.wait_closed() == "fin"
        client.send(b"still here")
        origin.wait(lambda: origin.connections[0].raw.endswith(b"still here"), "data after FIN")
        client.close()
        origin.wait(lambda: origin.connections[0].ended, "tunnel ends")


@pytest.mark.parametrize("side", ["client", "origin"])
def test_ug07_reset_ends_the_other_side(side):
    gate = Gate()

    async def script(conn):
        await conn.request()
        conn.tunnel = True
        await conn.send(switching())
        await gate.wait()
        if side == "origin":
            conn.rst()
        else:
            await conn.end()

    with Origin(script) as origin, front(origin) as product:
        client = open_tunnel(product)
        gate.open()
        if side == "origin":
            client.read_to_end()
            assert client.ended in ("fin", "rst")
        else:
            client.rst()
            origin.wait(lambda: origin.connections[0].ended, "reset passed on")
        assert product.wait_log(1)[0]["status"] == 101


def test_ug07_stalled_reader_of_a_tunnel_is_bounded():
    pushed = Pushed()

    async def script(conn):
        await conn.request()
        conn.tunnel = True
        await conn.send(switching())
        while await conn.send(b"x" * 65536):
            pushed.bytes += 65536

    with Origin(script) as origin, front(origin) as product:
        client = product.client(rcvbuf=4096)
        before = product.rss()
        client.send(request("/ws", HANDSHAKE))
        client.bytes(1)
        pushed.wait_stopped()
        assert pushed.bytes < 32 << 20
        assert product.rss() - before < (1 << 20) * SLOW
        client.close()


def test_a_client_that_leaves_when_all_is_said_broke_nothing():
    """Browsers close TLS without close_notify, also behind a WebSocket that is closed well."""
    async def script(conn):
        await conn.request()
        conn.tunnel = True
        await conn.send(switching())
        conn.fin()
        await conn.end()

    over = tls.transport()
    with Origin(script) as origin, front(origin, server=over.keys) as product, \
            Client(product.address(), tls=over.wrap("http/1.1")) as client:
        client.send(request("/ws", HANDSHAKE))
        assert client.response().status == 101
        assert client.wait_closed() == "fin"
        client.close()
        assert product.wait_log(1)[0]["reason"] == ""


# --- UG-09: CONNECT

@pytest.mark.parametrize("data", [
    b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
    b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
    b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nContent-Length: 5\r\n\r\nabcde",
    b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n" + SMUG,
])
def test_ug09_connect_is_refused_and_the_connection_closed(recorder, data):
    with front(recorder) as product, product.client() as client:
        client.send(data)
        assert client.response().status == 405
        client.wait_closed()
        recorder.settle()
    assert recorder.connections == []


# --- UG-10

def test_ug10_tunnels_count_against_the_limit_and_are_freed_once():
    with Origin(echo_tunnel) as origin, front(origin, upstream={"max_connections": 5}) as product:
        for _ in range(3):
            tunnels = [open_tunnel(product) for _ in range(5)]
            with product.client() as client:
                client.send(request("/ws", HANDSHAKE))
                with pytest.raises((TimeoutError, AssertionError, Closed)):
                    assert client.response(timeout=0.3).status == 101
            for tunnel in tunnels:
                tunnel.close()
            until(lambda: product.get("/x", timeout=1).status == 200, "slots are free again")
