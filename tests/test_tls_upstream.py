"""TLS to backends: verification, names, protocols, resumption (security.md 1H)."""

import pytest

from rig.client import request
from rig.nginx import Nginx
from rig.origin import Origin
from rig.product import config, front, run
from rig.tls import TlsClient, authority
from rig.toml import dumps
from test_websocket import HANDSHAKE, echo_tunnel

TLS_SERVER = "ssl_certificate {cert}; ssl_certificate_key {key}; {more}"


def backend(pair, listen=" ssl", more="", locations=""):
    """nginx that speaks TLS and tells in headers what it saw."""
    seen = ('location /seen { add_header X-Sni "$ssl_server_name"; add_header X-Reused '
            '"$ssl_session_reused"; add_header X-Protocol "$server_protocol"; add_header X-Verify '
            '"$ssl_client_verify"; add_header X-Scheme "$scheme"; '
            'add_header X-Connection "$connection"; return 200 "hello"; }')
    tls = TLS_SERVER.format(cert=pair.cert, key=pair.key, more=more)
    return Nginx(tls + locations + seen, listen=listen)


def to(backend, **upstream):
    upstream.setdefault("ca", authority().ca.cert)
    return front(backend.addr, upstream=upstream)


@pytest.fixture(scope="module")
def pair():
    return authority().issue("backend.test")


def test_a_backend_with_tls(pair):
    with backend(pair) as nginx, to(nginx, sni="backend.test") as product:
        answer = product.get("/seen")
        assert answer.status == 200 and answer.body == b"hello"
        assert answer.get("x-sni") == "backend.test"
        assert answer.get("x-scheme") == "https"


def test_long_bodies(pair):
    body = bytes(range(256)) * 4096 * 8
    with backend(pair) as nginx, to(nginx, sni="backend.test") as product:
        nginx.file("long", body)
        with product.client() as client:
            for _ in range(3):
                client.send(request("/long"))
                assert client.response(keep=len(body)).body == body


@pytest.mark.parametrize("names,upstream,reason", [
    (["other.test"], {"sni": "backend.test"}, "upstream_certificate"),
    (["backend.test"], {"sni": "backend.test", "verify_name": "other.test"},
     "upstream_certificate"),
    (["127.0.0.2"], {"tls": True}, "upstream_certificate"),
    (["x.y.backend.test", "*.y.backend.test"], {"sni": "a.x.y.backend.test"},
     "upstream_certificate")])
def test_a_wrong_name_is_refused(names, upstream, reason):
    with backend(authority().issue(*names)) as nginx, to(nginx, **upstream) as product:
        answer = product.get("/seen")
        assert answer.status == 502
        assert b"mismatch" not in answer.body and b".test" not in answer.body  # TLS-20
        assert product.wait_log(1)[0]["reason"] == reason
        product.wait_line("certificate: hostname mismatch|certificate: IP address mismatch")


@pytest.mark.parametrize("names,upstream", [
    (["other.test"], {"sni": "backend.test", "verify_name": "other.test"}),
    (["*.backend.test"], {"sni": "x.backend.test"}),
    (["127.0.0.1"], {"tls": True}),
    (["nobody.test"], {"sni": "backend.test", "verify_cert": False})])
def test_a_right_name_is_accepted(names, upstream):
    with backend(authority().issue(*names)) as nginx, to(nginx, **upstream) as product:
        assert product.get("/seen").status == 200


def test_an_unknown_authority_is_refused(pair):
    with backend(pair) as nginx:
        with front(nginx.addr, upstream={"sni": "backend.test"}) as product:  # the system's
            assert product.get("/seen").status == 502
            assert product.wait_log(1)[0]["reason"] == "upstream_certificate"


def test_an_expired_certificate_is_refused():
    old = authority().issue_expired("backend.test")
    with backend(old) as nginx, to(nginx, sni="backend.test") as product:
        assert product.get("/seen").status == 502
        assert product.wait_log(1)[0]["reason"] == "upstream_certificate"


def test_a_backend_in_the_clear_is_refused(pair):
    """What it says before TLS is never taken for an answer (TLS-19)."""
    with Nginx() as nginx, to(nginx, sni="backend.test") as product:
        answer = product.get("/")
        assert answer.status == 502
        assert product.wait_log(1)[0]["reason"] == "upstream_tls"


def test_sni_of_the_request():
    both = authority().issue("one.test", "two.test")
    with backend(both) as nginx, to(nginx, sni="$host") as product, product.client() as client:
        for host in ("one.test", "two.test", "one.test", "two.test"):
            client.send(request("/seen", host=host))
            answer = client.response()
            assert answer.status == 200 and answer.get("x-sni") == host
        client.send(request("/seen", host="three.test"))
        assert client.response().status == 502


def test_sessions_are_resumed(pair):
    with backend(pair) as nginx:
        with to(nginx, sni="backend.test", keepalive_pool_size=0) as product:
            reused = [product.get("/seen").get("x-reused") for _ in range(4)]
            assert reused == ["."] + ["r"] * 3


def test_connections_are_kept(pair):
    with backend(pair) as nginx, to(nginx, sni="backend.test") as product:
        with product.client() as client:
            seen = set()
            for _ in range(3):
                client.send(request("/seen"))
                seen.add(client.response().get("x-connection"))
            assert len(seen) == 1


@pytest.mark.parametrize("alpn,listen,protocol", [
    ("h1", " ssl http2", "HTTP/1.1"), ("h2", " ssl http2", "HTTP/2.0"),
    ("auto", " ssl http2", "HTTP/2.0"), ("auto", " ssl", "HTTP/1.1"), ("h2", " ssl", None)])
def test_alpn(pair, alpn, listen, protocol):
    with backend(pair, listen) as nginx, to(nginx, sni="backend.test", alpn=alpn) as product:
        for _ in range(3):
            answer = product.get("/seen")
            if protocol:
                assert answer.status == 200 and answer.get("x-protocol") == protocol
                assert answer.get("x-scheme") == "https"
            else:
                assert answer.status == 502
        if protocol is None:
            assert product.wait_log(1)[0]["reason"] == "upstream_protocol"


def test_a_websocket_takes_http1_where_both_are_spoken(pair):
    """A tunnel over HTTP/2 to a backend would need RFC 8441 there."""
    with Origin(script=echo_tunnel) as origin:
        way = (f"location /ws {{ proxy_pass http://{origin.addr}; proxy_http_version 1.1; "
               "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }")
        with backend(pair, " ssl http2", locations=way) as nginx:
            with to(nginx, sni="backend.test", alpn="auto") as product:
                assert product.get("/seen").get("x-protocol") == "HTTP/2.0"
                with product.client() as client:
                    client.send(request("/ws", HANDSHAKE))
                    assert client.interim().startswith("HTTP/1.1 101")
                    client.send(b"hello")
                    assert client.bytes(5) == b"hello"
                assert product.get("/seen").get("x-protocol") == "HTTP/2.0"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_proxy_protocol_goes_before_tls(pair, version):
    seen = 'location /from { return 200 "$proxy_protocol_addr"; }'
    with backend(pair, " ssl proxy_protocol", locations=seen) as nginx:
        with to(nginx, sni="backend.test", send_proxy_protocol=version) as product:
            for source in ("127.0.0.5", "127.0.0.6"):
                with product.client(source=source) as client:
                    client.send(request("/from"))
                    assert client.response().body == source.encode()


def test_we_show_a_certificate(pair):
    ours = authority().issue("pingap.test")
    more = f"ssl_verify_client on; ssl_client_certificate {authority().ca.cert};"
    with backend(pair, more=more) as nginx:
        with to(nginx, sni="backend.test", tls_cert=ours.cert, tls_key=ours.key) as product:
            assert product.get("/seen").get("x-verify") == "SUCCESS"
        with to(nginx, sni="backend.test") as product:
            assert product.get("/seen").status == 400


def test_a_client_and_a_backend_with_tls(pair):
    ours = authority().issue("a.test")
    conf = {"server": ours.keys(), "upstream": {"sni": "backend.test", "ca": authority().ca.cert,
                                                "alpn": "h2"}}
    with backend(pair, " ssl http2") as nginx, front(nginx.addr, **conf) as product:
        with TlsClient(product.address()) as client:
            client.send(request("/seen"))
            assert client.response().get("x-protocol") == "HTTP/2.0"


def refusal(**upstream):
    code, out, err = run("validate", "--config", "-",
                         stdin=dumps(config("127.0.0.1:1", upstream=upstream)))
    assert code == 3, out + err
    return out + err


def test_what_cannot_be_used_stops_the_load(tmp_path):
    (tmp_path / "empty").write_text("")
    assert "needs TLS" in refusal(ca=authority().ca.cert)
    assert "needs TLS" in refusal(alpn="h2")
    assert "it holds no readable certificate" in refusal(sni="a.test", ca=str(tmp_path / "empty"))
    assert "cannot use ca" in refusal(sni="a.test", ca="/no/such")
    assert "needs `tls_key`" in refusal(sni="a.test", tls_cert="/no/such")
    assert "with tls = false" in refusal(sni="a.test", tls=False)
    assert "without TLS" in refusal(sni="a.test", protocol="h2c")
