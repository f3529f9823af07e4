"""WebSocket of HTTP/1.1 and HTTP/2 clients to HTTP/2 backends (RFC 8441)."""

import struct

import pytest

from rig import h2
from rig.client import request
from rig.deadline import SLOW, holds, until
from rig.h2 import frame, head
from rig.h2_origin import OPEN, H2Origin
from rig.product import front
from test_websocket import HANDSHAKE, KEY, accept
from test_websocket_h2 import SMUG, connect, data, open_client
from test_websocket_h2 import open_tunnel as open_h2

ALLOWS = OPEN + struct.pack(">HI", 8, 1)  # SETTINGS_ENABLE_CONNECT_PROTOCOL
H2C = {"protocol": "h2c"}
BOTH = pytest.mark.parametrize("how", ["h1", "h2"])


def is_tunnel(one):
    return one.get(":protocol") == "websocket"


def accepting(*fields, status=200):
    return lambda one: one.head(*fields, status=status) if is_tunnel(one) else None


def answer(one):
    """To what has ended: a tunnel ends, too."""
    return one.data(b"", end=True) if is_tunnel(one) else one.answer(b"echo " + one.path.encode())


def backend(on_head=accepting(), on_data=lambda one, piece: one.data(piece), **options):
    options = {"settings": ALLOWS, "on_request": answer, **options}
    return H2Origin(on_head=on_head, on_data=on_data, **options)


def behind(origin, **parts):
    return front(origin, upstream=H2C, **parts)


def shake(product, *fields):
    """A client of HTTP/1.1 with an open tunnel, and the 101."""
    client = product.client()
    client.send(request("/ws", HANDSHAKE + list(fields)))
    switched = client.response()
    assert switched.status == 101
    return client, switched


def ask(product, how):
    """The answer to a handshake that opens no tunnel."""
    if how == "h1":
        return product.get("/ws", HANDSHAKE)
    with open_client(product) as client:
        client.request(1, connect(), end=False)
        return client.answer()


def test_an_h1_client_gets_a_tunnel():
    with backend() as origin, behind(origin) as product:
        client, switched = shake(product, ("Origin", "https://a.test"))
        with client:
            assert switched.get("Sec-WebSocket-Accept") == accept()
            assert (switched.get("Upgrade"), switched.tokens("Connection")) == \
                ("websocket", ["upgrade"])
            client.send(b"hello")
            assert client.bytes(5) == b"hello"
        one = origin.requests[0]
        origin.wait(lambda: one.whole or one.reset is not None, "the end")
    asked = dict(one.fields)
    assert [asked[name] for name in (":method", ":protocol", ":scheme", ":path", ":authority")] == \
        ["CONNECT", "websocket", "http", "/ws", "a.test"]
    assert asked["sec-websocket-version"] == "13" and asked["origin"] == "https://a.test"
    assert not {"connection", "upgrade", "sec-websocket-key", "content-length"} & set(asked)
    assert KEY not in asked.values()


def test_an_h2_client_gets_a_tunnel():
    with backend(accepting(("sec-websocket-protocol", "one"))) as origin, \
            behind(origin) as product, open_client(product) as client:
        got = open_h2(client, 1, ("sec-websocket-protocol", "one, two"))
        assert got.get("sec-websocket-protocol") == "one"
        assert got.get("sec-websocket-accept") is None
        client.send(data(b"hello"))
        client.pump(lambda: got.body == b"hello")
        client.send(data(b"", end=True))
        assert client.answer().how == "end"
        line = product.wait_log(1)[0]
        assert (line["status"], line["upstream_status"], line["reason"]) == (200, 200, "")
    asked = dict(origin.requests[0].fields)
    assert (asked[":method"], asked[":protocol"], asked[":path"]) == \
        ("CONNECT", "websocket", "/ws")


@pytest.mark.parametrize("status", [200, 201, 299])
def test_every_success_is_a_tunnel(status):
    with backend(accepting(("content-length", "3"), status=status)) as origin, \
            behind(origin) as product:
        client, switched = shake(product)
        with client:
            assert switched.line.startswith(b"HTTP/1.1 101 ")
            client.send(b"more than three")
            assert client.bytes(15) == b"more than three"


@BOTH
@pytest.mark.parametrize("status", [302, 403, 426, 500])
def test_anything_else_is_the_answer(how, status):
    with backend(lambda one: one.answer(b"no", ("x-why", "because"), status=status),
                 on_data=lambda *_: None) as origin, behind(origin) as product:
        got = ask(product, how)
        assert (got.status, got.body, got.get("x-why")) == (status, b"no", "because")
        origin.wait(lambda: origin.requests[0].whole or origin.requests[0].reset is not None,
                    "the request ends, too")
        assert product.get("/next").body == b"no"
    assert len(origin.connections) == 1


@BOTH
@pytest.mark.parametrize("settings", [OPEN, OPEN + struct.pack(">HI", 8, 0)])
def test_a_backend_that_does_not_announce_it_is_not_asked(how, settings):
    with backend(settings=settings) as origin, behind(origin) as product:
        assert ask(product, how).status == 502
        assert product.wait_log(1)[0]["reason"] == "upstream_bad_upgrade"
        assert product.get("/next").status == 200
        assert ask(product, how).status == 502, "also where it is known from the start"
        assert [one.path for one in origin.requests] == ["/next"]


@BOTH
def test_the_settings_are_waited_for(how):
    with backend(greets=False) as origin, behind(origin) as product, open_client(product) as two, \
            product.client() as one:
        if how == "h1":
            one.send(request("/ws", HANDSHAKE))
        else:
            two.request(1, connect(), end=False)
            two.send(data(b"early"))
        origin.wait(lambda: origin.connections and origin.connections[0].settings, "a connection")
        holds(lambda: not origin.requests, "nothing is asked", 0.3)
        origin.connections[0].greet()
        origin.wait_requests(1)
        if how == "h1":
            assert one.response().status == 101
        else:
            two.pump(lambda: two.answers[1].body == b"early")


@BOTH
def test_settings_that_never_come(how):
    with backend(greets=False) as origin, \
            behind(origin, location={"read_timeout": "300ms"}) as product:
        assert ask(product, how).status == 504
        assert product.wait_log(1)[0]["reason"] == "upstream_timeout"


@BOTH
def test_an_answer_that_never_comes(how):
    with backend(on_head=lambda one: None, on_request=lambda one: None) as origin, \
            behind(origin, location={"read_timeout": "200ms"}) as product:
        assert ask(product, how).status == 504
        assert product.wait_log(1)[0]["reason"] == "upstream_timeout"
        origin.wait(lambda: origin.requests[0].reset == h2.CANCEL, "the handshake is given up")


@BOTH
@pytest.mark.parametrize("field", [("sec-websocket-protocol", "three"),
                                   ("sec-websocket-extensions", "x-mine")])
def test_what_was_not_offered_is_no_tunnel(how, field):
    with backend(accepting(field)) as origin, behind(origin) as product:
        assert ask(product, how).status == 502
        origin.wait(lambda: origin.requests[0].reset is not None, "given up")
        assert product.wait_log(1)[0]["reason"] == "upstream_bad_upgrade"
    assert len(origin.requests) == 1


@BOTH
def test_a_switch_of_protocols_is_none_in_http2(how):
    with backend(accepting(status=101)) as origin, behind(origin) as product:
        assert ask(product, how).status == 502
        assert product.get("/next").status == 200


def test_bytes_before_the_answer_wait_for_it():
    with backend(on_head=lambda one: None, on_request=lambda one: None) as origin, \
            behind(origin) as product, open_client(product) as client:
        client.request(1, connect(), end=False)
        client.send(data(SMUG))
        origin.wait_requests(1)
        one = origin.requests[0]
        holds(lambda: one.body == b"", "nothing goes on", 0.3)
        one.conn.send(one.head())
        origin.wait(lambda: one.body == SMUG, "then all of it")


def test_bytes_before_a_refusal_go_nowhere():
    with backend(on_head=lambda one: None, on_request=lambda one: None) as origin, \
            behind(origin) as product, open_client(product) as client:
        client.request(1, connect(), end=False)
        client.send(data(SMUG))
        origin.wait_requests(1)
        one = origin.requests[0]
        one.conn.send(one.answer(b"no", status=403))
        assert client.answer().status == 403
        origin.wait(lambda: one.whole or one.reset is not None, "the request ends")
        assert one.body == b""


@BOTH
def test_half_close_of_the_client_is_passed_on(how):
    with backend(on_data=lambda *_: None,
                 on_request=lambda one: one.data(b"last words", end=True)) as origin, \
            behind(origin) as product:
        if how == "h1":
            client, _ = shake(product)
            with client:
                client.fin()
                assert client.read_to_end() == b"last words"
        else:
            with open_client(product) as client:
                open_h2(client)
                client.send(data(b"", end=True))
                got = client.answer()
                assert (got.how, got.body) == ("end", b"last words")
        assert product.wait_log(1)[0]["reason"] == ""


@BOTH
def test_half_close_of_the_backend_is_passed_on(how):
    with backend(accepting(), on_data=lambda *_: None, on_request=lambda one: None) as origin, \
            behind(origin) as product, open_client(product) as two:
        one = (lambda: origin.requests[0])
        if how == "h1":
            client, _ = shake(product)
        else:
            client = two
            open_h2(client)
        one().conn.send(one().data(b"bye", end=True))
        if how == "h1":
            assert client.read_to_end() == b"bye"
            client.send(b"still here")
            origin.wait(lambda: one().body == b"still here", "data after the end")
            client.fin()
        else:
            assert client.answer().how == "end"
            client.send(data(b"still here"))
            origin.wait(lambda: one().body == b"still here", "data after the end")
            client.send(data(b"", end=True))
        origin.wait(lambda: one().whole, "the tunnel ends")
        assert product.wait_log(1)[0]["reason"] == ""
        client.close()


@BOTH
@pytest.mark.parametrize("ended", [False, True])
def test_a_reset_of_the_backend_ends_the_tunnel(how, ended):
    with backend(on_data=lambda *_: None) as origin, behind(origin) as product, \
            open_client(product) as two:
        client = two
        if how == "h1":
            client, _ = shake(product)
        else:
            open_h2(client)
        one = origin.requests[0]
        one.conn.send((one.data(b"", end=True) if ended else b"") + one.rst(h2.CANCEL))
        if how == "h1":
            client.read_to_end()
        else:
            assert client.answer().how in (h2.CANCEL, "end")
        line = product.wait_log(1)[0]
        assert line["reason"] == ("upstream_reset" if ended else "upstream_truncated")
        client.close()
        assert product.get("/next").status == 200
    assert len(origin.connections) == 1


@BOTH
def test_a_reset_of_the_client_ends_the_tunnel(how):
    with backend() as origin, behind(origin) as product, open_client(product) as two:
        if how == "h1":
            client, _ = shake(product)
            client.rst()
        else:
            open_h2(two)
            two.send(frame(h2.RST, 0, 1, struct.pack(">I", h2.CANCEL)))
        origin.wait(lambda: origin.requests[0].reset is not None, "passed on")
        assert product.get("/next").status == 200
    assert len(origin.connections) == 1


@BOTH
def test_an_idle_tunnel_is_closed_on_both_sides(how):
    with backend() as origin, behind(origin, location={"tunnel_timeout": "500ms"}) as product, \
            open_client(product) as two:
        if how == "h1":
            client, _ = shake(product)
            with client:
                client.read_to_end()
        else:
            open_h2(two)
            assert two.answer().how == h2.CANCEL
        origin.wait(lambda: origin.requests[0].reset == h2.CANCEL, "closed at the backend")
        assert product.wait_log(1)[0]["reason"] == "tunnel_idle"


def test_a_busy_tunnel_outlives_all_its_times():
    with backend() as origin, \
            behind(origin, location={"tunnel_timeout": "400ms", "read_timeout": "200ms"}) as product:
        client, _ = shake(product)
        with client:
            for _ in range(10):
                holds(lambda: not client.readable(0), "quiet", 0.1)
                client.send(b"x")
                assert client.bytes(1) == b"x"


def test_megabytes_both_ways_through_small_windows():
    """The backend gives its window back as it takes; so do we."""
    def echo(one, piece):
        credit = struct.pack(">I", len(piece))
        return frame(h2.WINDOW, 0, one.stream, credit) + frame(h2.WINDOW, 0, 0, credit)

    with backend(on_data=echo, settings=struct.pack(">HIHI", 8, 1, 4, 1000)) as origin, \
            behind(origin) as product:
        client, _ = shake(product)
        with client:
            for _ in range(32):
                client.send(b"x" * 65536)
            one = origin.requests[0]
            origin.wait(lambda: len(one.body) == 32 * 65536, "all of it", 20)


def test_a_stalled_client_is_bounded():
    with backend(on_data=lambda *_: None) as origin, behind(origin) as product, \
            open_client(product) as client:
        open_h2(client)
        one = origin.requests[0]
        before = product.rss()
        for _ in range(4):
            one.conn.send(one.data(b"x" * 16384))  # its window, and then it has to wait
        until(lambda: client.pump(lambda: len(client.answers[1].body) == 65535), "what it takes")
        assert one.conn.credit[one.stream] <= 65535
        assert product.rss() - before < (1 << 20) * SLOW
        client.open_windows(1)
        client.pump(lambda: len(client.answers[1].body) == 65536)


def test_tunnels_share_a_connection_with_requests():
    with backend() as origin, behind(origin) as product, open_client(product) as client:
        open_h2(client, 1)
        open_h2(client, 3)
        client.request(5, head(path="/other"))
        assert client.answer(5).body == b"echo /other"
        first, _ = shake(product)
        with first:
            first.send(b"one")
            assert first.bytes(3) == b"one"
        client.send(data(b"three", 3))
        client.pump(lambda: client.answers[3].body == b"three")
    assert len(origin.connections) == 1


def test_the_end_of_the_connection_ends_its_tunnels():
    with backend() as origin, behind(origin) as product:
        first, _ = shake(product)
        second, _ = shake(product)
        origin.connections[0].close()
        for client in (first, second):
            client.read_to_end()
            client.close()
        assert {line["reason"] for line in product.wait_log(2)} == {"upstream_truncated"}


def test_without_websocket_it_is_a_plain_get():
    with backend() as origin, behind(origin, location={"websocket": False}) as product:
        assert product.get("/ws", HANDSHAKE).body == b"echo /ws"
    assert origin.requests[0].get(":method") == "GET"
    assert origin.requests[0].get(":protocol") is None
