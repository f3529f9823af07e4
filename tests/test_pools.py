"""Connections to backends that are made in advance, and those that have served for long enough."""

import pytest

from rig.deadline import until
from rig.h2_origin import H2Origin
from rig.origin import Origin
from rig.product import front


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


@pytest.mark.parametrize("requests", [1, 3])
def test_a_connection_serves_so_many_requests(requests):
    with Origin() as origin, front(origin, upstream={"keepalive_requests": requests}) as product:
        for _ in range(2 * requests):
            assert product.get("/").status == 200
        assert len(origin.connections) == 2


def test_a_connection_that_is_too_old_is_not_used_again():
    with Origin() as origin, front(origin, upstream={"max_connection_age": "1ms"}) as product:
        until(lambda: product.get("/").status == 200 and len(origin.connections) > 1, "another one")
