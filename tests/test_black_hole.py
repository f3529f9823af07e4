"""Servers whose packets are dropped: no refusal, no reset, nothing."""

import time

import pytest

from rig.deadline import until
from rig.network import NOBODY, add_host, in_own_network, remove_host
from rig.origin import Origin
from rig.product import front

SOON = {"connection_timeout": "300ms"}
MAX_FAILS = 3


def timed(client, count, method="GET", body=None):
    """How many of so many requests took a connect timeout or more; all are to be answered."""
    slow = 0
    for _ in range(count):
        start = time.monotonic()
        assert client.get("/", method=method, body=body).status == 200
        slow += time.monotonic() - start >= 0.3
    return slow


@in_own_network
@pytest.mark.parametrize("method,body", [("GET", None), ("POST", b"abc")])
@pytest.mark.parametrize("algorithm", ["round_robin", "least_conn"])
def test_it_costs_a_few_requests_a_connect_timeout(algorithm, method, body):
    with Origin() as good, \
            front([NOBODY, good], upstream=SOON | {"algorithm": algorithm}) as product, \
            product.client() as client:
        timed(client, 100, method, body)
        attempts = [int(line["attempts"]) for line in product.wait_log(100)]
        failed = [line["failed_tries"] for line in product.wait_log(100) if line["failed_tries"]]
    assert sum(attempts) - 100 == len(failed) <= MAX_FAILS
    assert set(failed) == {f"{NOBODY}=upstream_connect_timeout"}


@in_own_network
def test_alone_it_is_a_504():
    with front(NOBODY, upstream=SOON) as product:
        assert product.get("/").status == 504
        assert product.wait_log(1)[0]["reason"] == "upstream_connect_timeout"


@in_own_network
def test_a_health_check_keeps_requests_from_it():
    check = {"health_check": "http://x/?interval=100ms&timeout=100ms&fall=1"}
    with Origin() as good, front([NOBODY, good], upstream=SOON | check) as product, \
            product.client() as client:
        product.wait_line(f"{NOBODY} is down")
        assert timed(client, 20) == 0
        assert {int(line["attempts"]) for line in product.wait_log(20)} == {1}


@in_own_network
def test_a_server_that_vanishes_with_its_connections_is_left_out():
    """What was connected stays connected, as far as we can see."""
    add_host("10.8.0.1")
    keys = {"retry_on": ["connect", "timeout"], "try_timeout": "200ms"}
    with Origin(host="10.8.0.1") as lost, Origin() as good, \
            front([lost, good], upstream=SOON, location=keys) as product, \
            product.client() as client:
        until(lambda: timed(client, 1) == 0 and lost.requests and good.requests, "both serve")
        remove_host("10.8.0.1")
        before = len(product.wait_log(1))
        timed(client, 50)
        lines = product.wait_log(before + 50)[before:]
    failed = [line for line in lines if line["failed_tries"]]
    assert 1 <= len(failed) <= MAX_FAILS


@in_own_network
def test_a_slow_one_is_covered_by_a_second_try():
    with Origin() as good, front([NOBODY, good], location={"hedge_after": "20ms"}) as product, \
            product.client() as client:
        assert timed(client, 10) == 0
        assert any(line["failed_tries"] == f"{NOBODY}=hedged" for line in product.wait_log(10))
