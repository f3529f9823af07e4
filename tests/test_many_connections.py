"""10,000 clients at once: held, served again, cheap, and an honest newcomer is not hurt."""

import resource
import time

import pytest

from rig.deadline import SLOW, until
from rig.many import Crowd
from rig.product import front

COUNT = 10_000


@pytest.fixture
def limit():
    """(soft, hard) with room for the product."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < COUNT + 500:
        pytest.skip(f"the hard limit of descriptors is {hard}")
    return (1024, hard)


def test_ten_thousand_connections_are_held_and_served(recorder, limit):
    """The product is started with a soft limit of 1,024: it raises it itself."""
    with front(recorder, options={"nofile": limit}, basic={"threads": 2}) as product:
        product.get("/")
        before = product.rss()
        crowd = Crowd(product.address(), COUNT)
        try:
            assert crowd.ask("open") == COUNT
            assert product.descriptors() >= COUNT
            if SLOW == 1:  # what the rush needed beside them is given back
                until(lambda: product.rss() - before <= 9_500_000, "950 bytes each while idle", 25)
            assert crowd.ask("again") == COUNT
            start = time.monotonic()
            assert product.get("/honest").status == 200
            assert time.monotonic() - start < 1 * SLOW
        finally:
            crowd.close()
        until(lambda: product.descriptors() < 200, "descriptors come back", 10)
        assert product.get("/after").status == 200


def test_idle_connections_cost_no_cpu(recorder, limit):
    with front(recorder, options={"nofile": limit}) as product:
        crowd = Crowd(product.address(), 2000)
        try:
            assert crowd.ask("open") == 2000
            before = product.cpu_nanoseconds()
            start = time.monotonic()
            until(lambda: time.monotonic() - start > 1, "a second of idleness", 3, 0.2)
            assert (product.cpu_nanoseconds() - before) / 1e9 < 0.02 * SLOW
        finally:
            crowd.close()


def test_memory_comes_back_after_many_requests(recorder):
    """0.3 (4): after 1,000 repeats memory is back within 1 MiB."""
    with front(recorder) as product:
        for _ in range(200):
            product.get("/")
        before = product.rss()
        for _ in range(1000):
            product.get("/")
        if SLOW == 1:
            assert product.rss() - before < 1 << 20
        assert product.descriptors() < 100
