"""nginx and HAProxy as backends with TLS, over HTTP/1.1 and HTTP/2: what users put behind us.

Each passes on to a recorder, and says in headers what it saw of our connection.
"""

import contextlib
import os

import pytest

from rig.client import request
from rig.h2 import H2Client, head
from rig.haproxy import HAProxy
from rig.nginx import Nginx
from rig.origin import Gate, Origin, response
from rig.product import front
from rig.standin import find
from rig.tls import authority, context, wrap

MIB = 1 << 20
NGINX = """
ssl_certificate {pair.cert}; ssl_certificate_key {pair.key}; {more}
location / {{ proxy_pass http://{origin}; proxy_http_version 1.1; proxy_set_header Host $host;
  add_header X-Port $remote_port always; add_header X-Alpn "$ssl_alpn_protocol" always;
  add_header X-Sni "$ssl_server_name" always; }}
"""
HAPROXY = """
  http-response set-header X-Port %[src_port]
  http-response set-header X-Alpn %[ssl_fc_alpn]
  http-response set-header X-Sni %[ssl_fc_sni]
"""
KINDS = [pytest.param(name, alpn, id=f"{name}-{alpn}",
                      marks=pytest.mark.skipif(not find(name), reason=f"{name} is not installed"))
         for name in ("nginx", "haproxy") for alpn in ("h1", "h2")]
EACH = pytest.mark.parametrize("name,alpn", KINDS)


@pytest.fixture(scope="module", name="pair")
def pair_fixture():
    return authority().issue("backend.test")


def backend(name, alpn, pair, origin, mutual=False):
    if name == "nginx":
        more = f"ssl_verify_client on; ssl_client_certificate {authority().ca.cert};"
        return Nginx(NGINX.format(pair=pair, origin=origin.addr, more=more if mutual else ""),
                     listen=" ssl http2" if alpn == "h2" else " ssl")
    bind = "alpn " + ("h2,http/1.1" if alpn == "h2" else "http/1.1")
    if mutual:
        bind += f" verify required ca-file {authority().ca.cert}"
    return HAProxy(pair, origin.addr, bind, HAPROXY)


def to(behind, alpn, **upstream):
    upstream = {"sni": "backend.test", "ca": authority().ca.cert, "alpn": alpn, **upstream}
    return front(behind.addr, upstream=upstream)


def answer(message):
    if message.path() == "/none":
        return response(404, "Not Found", body=b"nothing")
    if message.path() == "/long":
        return response(body=LONG)
    if message.method == b"HEAD":
        return response(headers=[("Content-Length", "1234")], length=False)
    return response(headers=[("X-Method", message.method.decode())], body=message.body or b"hello")


LONG = os.urandom(4 * MIB + 1)


@EACH
def test_every_kind_of_request(pair, name, alpn):
    body = os.urandom(MIB)
    chunked = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + \
        b"".join(b"10000\r\n" + body[at:at + 65536] + b"\r\n" for at in range(0, MIB, 65536)) + \
        b"0\r\n\r\n"
    with Origin(answer=answer, keep=2 * MIB) as origin, backend(name, alpn, pair, origin) as \
            behind, to(behind, alpn) as product, product.client(timeout=20) as client:
        got = client.get("/?x=y")
        assert (got.status, got.body) == (200, b"hello")
        assert (got.get("x-sni"), got.get("x-alpn")) == \
            ("backend.test", "h2" if alpn == "h2" else "http/1.1")
        for method in ("POST", "PUT"):
            got = client.get("/", method=method, body=body)
            assert (got.status, got.body, got.get("x-method")) == (200, body, method)
        client.send(chunked)
        assert client.response("POST").body == body
        got = client.get("/", method="HEAD")
        assert (got.status, got.get("content-length"), got.body) == (200, "1234", b"")
        got = client.get("/none")
        assert (got.status, got.body) == (404, b"nothing")
        client.send(request("/long"))
        assert client.response(keep=len(LONG)).body == LONG
        assert {one.get("host") for one in origin.requests} == {"a.test"}
        assert {line["reason"] for line in product.wait_log(7)} == {""}


@EACH
def test_a_connection_is_used_again(pair, name, alpn):
    with Origin(answer=answer) as origin, backend(name, alpn, pair, origin) as behind, \
            to(behind, alpn) as product:
        ports = {product.get("/", method=method, body=b"x" if method == "POST" else None)
                 .get("x-port") for method in ("GET", "POST", "HEAD", "GET", "POST")}
        assert len(ports) == 1
        lines = product.wait_log(5)
    assert [line["reused"] for line in lines] == [False] + [True] * 4


@pytest.mark.parametrize("name,alpn", [kind for kind in KINDS if kind.id.endswith("h2")])
def test_many_requests_at_once_share_a_connection(pair, name, alpn):
    gate = Gate()

    async def script(conn):
        while (message := await conn.request()) is not None:
            if message.path() != "/warm":
                await gate.wait()
            await conn.send(answer(message))

    with Origin(script) as origin, backend(name, alpn, pair, origin) as behind, \
            to(behind, alpn) as product, contextlib.ExitStack() as stack:
        assert product.get("/warm").status == 200
        clients = [stack.enter_context(product.client()) for _ in range(20)]
        for client in clients:
            client.send(request("/"))
        origin.wait_requests(21)
        gate.open()
        assert len({client.response().get("x-port") for client in clients}) == 1


@EACH
def test_clients_of_http2_over_tls(pair, name, alpn):
    """TLS and its verification on both sides."""
    ours = authority().issue("a.test")
    keys = {"sni": "backend.test", "ca": authority().ca.cert, "alpn": alpn}
    with Origin(answer=answer) as origin, backend(name, alpn, pair, origin) as behind, \
            front(behind.addr, upstream=keys, server=ours.keys()) as product, \
            H2Client(product.address(), tls=wrap(context(["h2"]))) as client:
        for stream in range(1, 40, 2):
            client.request(stream, head(scheme="https"))
        for stream in range(1, 40, 2):
            assert (client.answer(stream).status, client.answer(stream).body) == (200, b"hello")


@EACH
@pytest.mark.parametrize("wrong", [{"sni": "other.test"}, {"verify_name": "other.test"},
                                   {"ca": None}])
def test_what_cannot_be_verified_is_a_502(pair, name, alpn, wrong):
    if "ca" in wrong:
        wrong = {"ca": pair.cert}  # a certificate, and not that of its authority
    with Origin(answer=answer) as origin, backend(name, alpn, pair, origin) as behind:
        with to(behind, alpn, **wrong) as product:
            for method, body in (("GET", None), ("POST", b"x")):
                assert product.get("/", method=method, body=body).status == 502
            assert {line["reason"] for line in product.wait_log(2)} == {"upstream_certificate"}
        assert origin.requests == []
        with to(behind, alpn, verify_cert=False) as product:
            assert product.get("/").status == 200


@EACH
def test_a_backend_that_wants_our_certificate(pair, name, alpn):
    ours = authority().issue("pingap.test")
    with Origin(answer=answer) as origin, \
            backend(name, alpn, pair, origin, mutual=True) as behind:
        with to(behind, alpn, tls_cert=ours.cert, tls_key=ours.key) as product:
            assert product.get("/").status == 200
        with to(behind, alpn) as product:  # nginx says it in HTTP, HAProxy in TLS
            assert product.get("/").status in (400, 502)
        assert len(origin.requests) == 1
