"""forward_auth in a running proxy: who is let in, what is sent each way, and that nothing opens it."""

import time

import pytest

from rig import h2
from rig.client import request
from rig.deadline import until
from rig.h2 import H2Client, frame, head
from rig.h2_origin import H2Origin
from rig.origin import Gate, Origin, play, response
from rig.product import Product, config
from test_websocket import HANDSHAKE, echo_tunnel

PLUGIN = {"type": "forward_auth", "upstream": "auth", "path": "/verify?app=1",
          "response_headers": ["X-User"], "client_headers": ["Set-Cookie"]}
GOOD = [("Cookie", "session=good")]


def judge(asked):
    """The server that knows."""
    if asked.get("Cookie") == "session=good":
        return response(200, "OK", [("X-User", "alice"), ("Set-Cookie", "seen=1")], b"fine")
    if asked.get("Cookie") == "session=old":
        return response(302, "Found", [("Location", "https://login.test/?x"), ("Set-Cookie", "a=b")])
    return response(401, "Unauthorized", [("WWW-Authenticate", "Basic"), ("Content-Type", "text/x")],
                    b"who?")


@pytest.fixture
def auth():
    with Origin(answer=judge) as origin:
        yield origin


def guarded(origin, auth_addr, plugin=None, server=None, locations=None, upstream=None, **location):
    conf = config(origin.addr, location={"plugins": ["guard"], **location}, server=server,
                  locations=locations)
    conf["upstreams"]["auth"] = {"addrs": [auth_addr], **(upstream or {})}
    conf["plugins"] = {"guard": {**PLUGIN, **(plugin or {})}}
    return Product(conf)


def test_who_is_let_in_and_who_is_not(recorder, auth):
    with guarded(recorder, auth.addr) as product:
        answer = product.get("/a?b", GOOD)
        assert answer.status == 200 and answer.get("Set-Cookie") == "seen=1"
        assert recorder.requests[-1].all("X-User") == [b"alice"]
        answer = product.get("/a?b")
        assert (answer.status, answer.body) == (401, b"who?")
        assert answer.get("WWW-Authenticate") == "Basic" and answer.get("Content-Type") == "text/x"
        answer = product.get("/", [("Cookie", "session=old")])
        assert answer.status == 302 and answer.get("Location") == "https://login.test/?x"
        assert answer.get("Set-Cookie") == "a=b"
        assert [line["reason"] for line in product.wait_log(3)] == ["", "unauthorized", "unauthorized"]
    assert len(recorder.requests) == 1
    assert len(auth.requests) == 3


def test_what_the_server_is_asked(recorder, auth):
    with guarded(recorder, auth.addr) as product, product.client() as client:
        client.send(request("/x/../a%62?c=d", GOOD + [
            ("X-Forwarded-Uri", "/open"), ("X-Forwarded-Method", "HEAD"), ("X-Forwarded-For", "1.1.1.1"),
            ("X-Original-URL", "/open"), ("X_Original_Method", "GET"), ("x-original-uri", "/open"),
            ("Expect", "100-continue"), ("TE", "trailers"), ("Range", "bytes=0-0"),
            ("If-None-Match", "*")], method="POST", body=b"secret body"))
        assert client.response().status == 200
    asked = auth.requests[0]
    assert asked.method == b"GET" and asked.target == b"/verify?app=1" and asked.body == b""
    for name, value in ((b"X-Forwarded-Uri", b"/ab?c=d"), (b"X-Forwarded-Method", b"POST"),
                        (b"X-Forwarded-For", b"127.0.0.1"), (b"X-Forwarded-Host", b"a.test"),
                        (b"X-Forwarded-Proto", b"http")):
        assert asked.all(name.decode()) == [value]
    for name in ("Expect", "TE", "Range", "If-None-Match", "Content-Length", "Transfer-Encoding",
                 "X-Original-URL", "X-Original-URI", "X_Original_Method"):
        assert asked.get(name) is None, name


def test_a_body_arrives_whole_behind_it(recorder, auth):
    body = bytes(range(256)) * 2000
    with guarded(recorder, auth.addr) as product, product.client() as client:
        client.send(request("/", GOOD, method="POST", body=body))
        assert client.response().status == 200
    assert recorder.requests[0].body == body


@pytest.mark.parametrize("server", [{}, {"underscores_in_headers": "keep"}])
def test_a_client_cannot_say_who_it_is(recorder, server):
    spoofed = [("X-User", "root"), ("x-user", "root"), ("X_User", "root"), ("Connection", "X-User")]
    with Origin(answer=lambda _: response(204, "No Content")) as auth, \
            guarded(recorder, auth.addr, server=server) as product:
        assert product.get("/", spoofed).status == 200
    seen = [name.lower() for name, _ in recorder.requests[0].fields]
    assert b"x-user" not in seen and b"x_user" not in seen
    with Origin(answer=judge) as auth, guarded(recorder, auth.addr, server=server) as product:
        assert product.get("/", GOOD + spoofed).status == 200
    assert recorder.requests[1].all("X-User") == [b"alice"]
    assert recorder.requests[1].all("X_User") == []


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 304 Same\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Len",
    b"HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", b"garbage\r\n\r\n",
    b"HTTP/1.1 100 Go\r\n\r\n" * 20, b"",
])
def test_nothing_that_breaks_opens_it(recorder, answer):
    with Origin(script=play(answer, then="fin")) as auth, \
            guarded(recorder, auth.addr, {"timeout": "2s"}) as product:
        assert product.get("/", GOOD).status == 503
        product.check_alive()
        assert product.wait_log(1)[0]["reason"] == "plugin_failed"
    assert not recorder.requests


def test_a_server_that_is_not_there_or_slow(recorder):
    with guarded(recorder, "127.0.0.1:1") as product:
        assert product.get("/", GOOD).status == 503
    with Origin(script=play(b"", then="hang")) as auth, \
            guarded(recorder, auth.addr, {"timeout": "100ms"}) as product:
        began = time.monotonic()
        assert product.get("/", GOOD).status == 503
        assert time.monotonic() - began < 5
    assert not recorder.requests


def test_a_kept_connection_that_died_is_no_failure(recorder, auth):
    with guarded(recorder, auth.addr) as product:
        assert product.get("/", GOOD).status == 200
        auth.close_connections()
        assert product.get("/", GOOD).status == 200


def test_a_client_that_goes_while_it_waits(recorder):
    with Origin(script=play(b"", then="hang")) as auth, guarded(recorder, auth.addr) as product:
        with product.client() as client:
            client.send(request("/", GOOD))
            auth.wait_requests(1)
            client.rst()
        until(lambda: len(product.log_lines()) == 1, "the end of the exchange")
        product.check_alive()
    assert not recorder.requests


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PROPFIND"])
def test_every_method_is_asked(recorder, auth, method):
    with guarded(recorder, auth.addr) as product:
        assert product.get("/", method=method).status == 401
        assert product.get("/", GOOD, method=method).status == 200


@pytest.mark.parametrize("target", [
    "/admin", "/%61dmin", "/admin/", "//admin", "/x/../admin", "/x/%2e%2e/admin", "/admin;x=1",
    "/admin%20", "/ADMIN/../admin", "/./admin", "/admin?x", "http://a.test/admin"])
def test_spellings_of_a_path_do_not_get_around_it(recorder, auth, target):
    with guarded(recorder, auth.addr, locations={
            "admin": {"path": "/admin", "path_type": "prefix", "plugins": ["guard"]},
            "all": {"path": "/"}}) as product:
        assert product.get(target).status in (400, 401)
    assert not recorder.requests
    for asked in auth.requests:
        assert asked.get("X-Forwarded-Uri").lower().startswith("/admin")


def test_upgrades_http2_and_grpc_are_asked(auth):
    with Origin(script=echo_tunnel) as origin, guarded(origin, auth.addr) as product:
        with product.client() as client:
            assert client.get("/ws", HANDSHAKE).status == 401
        with product.client() as client:
            assert client.get("/ws", HANDSHAKE + GOOD).status == 101
        with product.client() as client:
            client.send(request("/", [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                      ("HTTP2-Settings", "")]))
            assert client.response().status in (400, 401)
        with H2Client(product.address()[:2]) as client:
            client.request(1, head())
            assert client.answer(1).status == 401
            call = [("content-type", "application/grpc"), ("te", "trailers")]
            client.request(3, head(*call, method="POST", path="/a.B/C"), end=False)
            client.send(frame(h2.DATA, h2.END_STREAM, 3, b"\0\0\0\0\0"))
            assert client.answer(3).get("grpc-status") == "16"


def test_long_answers_are_bounded(recorder):
    long = response(403, "No", [("Content-Type", "text/x")], b"x" * 1_000_000)
    with Origin(answer=lambda _: long) as auth, guarded(recorder, auth.addr) as product:
        answer = product.get("/")
        assert answer.status == 403 and len(answer.body) < 10_000


def test_an_upstream_that_is_not_there_is_an_error(recorder, auth):
    with guarded(recorder, auth.addr) as product:
        del product.conf["upstreams"]["auth"]
        product.write_config()
        code, _, err = product.order("reload")
        assert code != 0 and "there is no [upstreams.auth]" in err
        assert product.get("/").status == 401


def test_a_server_that_speaks_http2(recorder):
    def judge_h2(asked):
        if asked.get("cookie") == "session=good":
            return asked.answer(b"fine", ("x-user", "alice"))
        return asked.answer(b"who?", ("www-authenticate", "Basic"), status=401)
    with H2Origin(judge_h2) as auth, \
            guarded(recorder, auth.addr, upstream={"protocol": "h2c"}) as product:
        for _ in range(3):
            assert product.get("/", GOOD).status == 200
            answer = product.get("/")
            assert (answer.status, answer.body) == (401, b"who?")
    assert recorder.requests[-1].all("X-User") == [b"alice"]


def test_a_reload_while_it_waits(recorder):
    gate = Gate()

    async def slow(conn):
        while await conn.request():
            await gate.wait()
            await conn.send(response(200, "OK", [("X-User", "alice")]))
    with Origin(script=slow) as auth, guarded(recorder, auth.addr) as product:
        with product.client() as client:
            client.send(request("/", GOOD))
            auth.wait_requests(1)
            product.conf["upstreams"]["auth"]["addrs"] = ["127.0.0.1:1"]
            product.write_config()
            assert product.order("reload")[0] == 0
            gate.open()
            assert client.response().status == 200
        assert product.get("/", GOOD).status == 503


def test_clients_that_come_and_go_in_crowds(recorder):
    with Origin(answer=judge) as auth, guarded(recorder, auth.addr) as product:
        for turn in range(60):
            clients = [product.client() for _ in range(8)]
            for number, client in enumerate(clients):
                client.send(request("/", GOOD if number % 2 else [], method="POST", body=b"x" * 3000))
                if (turn + number) % 3 == 0:
                    client.rst()
            for number, client in enumerate(clients):
                if (turn + number) % 3:
                    assert client.response().status == (200 if number % 2 else 401)
                client.close()
        product.check_alive()
        until(lambda: len(product.log_lines()) >= 300, "the log")
