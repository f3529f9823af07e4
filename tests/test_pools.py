"""Connections to backends that are made in advance, and those that have served for long enough."""

import pytest

from rig.client import request
from rig.deadline import until
from rig.h2_origin import H2Origin
from rig.metrics import scrape
from rig.nginx import Nginx
from rig.origin import Origin
from rig.product import Product, config, front
from rig.tls import authority


def alive(origin):
    return [conn for conn in origin.connections if not conn.ended]


def test_connections_are_made_before_anybody_asks():
    with Origin() as origin, front(origin, upstream={"keepalive_pool_min": 3}) as product:
        until(lambda: len(origin.connections) == 3, "three connections")
        assert product.get("/").status == 200
        assert len(origin.connections) == 3


def test_one_that_the_server_closes_is_replaced():
    with Origin() as origin, front(origin, upstream={"keepalive_pool_min": 2}):
        until(lambda: len(origin.connections) == 2, "two connections")
        origin.connections[0].fin()
        until(lambda: len(alive(origin)) == 2 and len(origin.connections) == 3, "another one")


def test_connections_of_http2_are_made_before_anybody_asks():
    keys = {"protocol": "h2c", "keepalive_pool_min": 2}
    with H2Origin() as origin, front(origin, upstream=keys) as product:
        until(lambda: len(origin.connections) == 2, "two connections")
        for _ in range(5):
            assert product.get("/").status == 200
        assert len(origin.connections) == 2


def test_one_of_http2_that_takes_nothing_new_is_replaced():
    """It says so with GOAWAY, while it still serves."""
    keys = {"protocol": "h2c", "keepalive_pool_min": 2}
    held = []
    with H2Origin(held.append) as origin, front(origin, upstream=keys) as product, \
            product.client() as client:
        until(lambda: len(origin.connections) == 2, "two connections")
        client.send(request("/slow"))
        origin.wait_requests(1)
        held[0].conn.send_goaway(held[0].stream)
        until(lambda: len(origin.connections) == 3, "another one")
        held[0].conn.send(held[0].answer())
        assert client.response().status == 200


@pytest.mark.parametrize("alpn,listen,protocol", [
    ("h2", " ssl http2", "HTTP/2.0"), ("auto", " ssl http2", "HTTP/2.0"),
    ("auto", " ssl", "HTTP/1.1")])
def test_connections_over_tls_are_made_before_anybody_asks(alpn, listen, protocol):
    """Also where it shows only then which protocol they have."""
    pair = authority().issue("backend.test")
    seen = (f"ssl_certificate {pair.cert}; ssl_certificate_key {pair.key}; "
            'location / { add_header X-Protocol "$server_protocol"; return 200 ""; }')
    keys = {"sni": "backend.test", "ca": authority().ca.cert, "alpn": alpn,
            "keepalive_pool_min": 3}
    with Nginx(seen, listen=listen) as nginx:
        conf = config(nginx.addr, upstream=keys)
        conf["metrics"] = {"addr": "127.0.0.1:0"}
        with Product(conf) as product:
            until(lambda: scrape(product).one("upstream_connections") == 3, "three connections")
            for _ in range(5):
                assert product.get("/").get("x-protocol") == protocol
            samples = scrape(product)
    assert samples.one("upstream_connections_opened_total") == 3
    assert samples.one("upstream_connections_reused_total") >= 5


@pytest.mark.parametrize("requests", [1, 3])
def test_a_connection_serves_so_many_requests(requests):
    with Origin() as origin, front(origin, upstream={"keepalive_requests": requests}) as product:
        for _ in range(2 * requests):
            assert product.get("/").status == 200
        assert len(origin.connections) == 2


def test_a_connection_that_is_too_old_is_not_used_again():
    with Origin() as origin, front(origin, upstream={"max_connection_age": "1ms"}) as product:
        until(lambda: product.get("/").status == 200 and len(origin.connections) > 1, "another one")
