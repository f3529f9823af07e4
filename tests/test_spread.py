"""Which worker serves a connection: the kernel's hash is corrected where it deals badly."""

import contextlib
import os

import pytest

from rig.client import request
from rig.deadline import until
from rig.product import front

WORKERS = 4
COUNT = 60
# An address of the loopback that no other program connects from.
SOURCE = f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.7"


def ports_of_one_worker(product, count):
    """Source ports whose connections all come to the socket of the same worker.

    The kernel hashes addresses and ports, so the same ones come to the same socket again. Eight
    connections at a time make no worker crowded: it is the hash alone that dealt them.
    """
    found = {}
    target = None
    while len(found) < count:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(product.client(source=SOURCE)) for _ in range(8)]
            for client in clients:
                assert client.get("/").status == 200
            spread = product.spread()
            assert len(spread) == WORKERS
            for client in clients:
                port = client.sock.getsockname()[1]
                index = next(i for i, ports in enumerate(spread) if port in ports)
                if target in (None, index):
                    target = index
                    found[port] = True
            for client in clients:
                client.rst()  # no TIME_WAIT: the port can be used again
        until(lambda: not any(product.spread()), "the connections are gone")
    return list(found)[:count]


def assert_spread(product, count):
    counts = sorted(len(clients) for clients in product.spread())
    assert len(counts) == WORKERS and sum(counts) == count
    assert counts[-1] <= 1.25 * count / WORKERS + 8, counts
    return counts


@pytest.fixture
def clients():
    with contextlib.ExitStack() as stack:
        yield lambda product, **options: stack.enter_context(product.client(**options))


def test_connections_that_hash_to_one_worker_are_spread(recorder, clients):
    with front(recorder, basic={"threads": WORKERS}) as product:
        opened = []
        for port in ports_of_one_worker(product, COUNT):
            opened.append(clients(product, source=(SOURCE, port)))
            assert opened[-1].get("/").status == 200
            assert_spread(product, len(opened))
        for client in opened:
            assert client.get("/again").body == b"echo /again"
        assert_spread(product, COUNT)


def test_burst_of_connections_that_hash_to_one_worker_is_spread(recorder, clients):
    with front(recorder, basic={"threads": WORKERS}) as product:
        ports = ports_of_one_worker(product, COUNT)
        opened = [clients(product, source=(SOURCE, port)) for port in ports]
        for client in opened:
            client.send(request("/"))
        for client in opened:
            assert client.response().status == 200
        counts = assert_spread(product, COUNT)
        assert counts[-2] - counts[0] <= 1, "the others share what is left"


def test_connections_of_a_unix_socket_are_spread(recorder, clients, tmp_path):
    server = {"addr": f"unix:{tmp_path / 's'}"}
    with front(recorder, server=server, basic={"threads": WORKERS}) as product:
        for number in range(1, 101):
            assert clients(product).get("/").status == 200
            if number % 20 == 0:
                assert_spread(product, number)


def test_limit_of_connections_is_reached_though_all_hash_to_one_worker(recorder, clients):
    """Nobody is closed while any worker may have one more."""
    server = {"max_connections": 40}
    with front(recorder, server=server, basic={"threads": WORKERS}) as product:
        ports = ports_of_one_worker(product, 40)
        opened = [clients(product, source=(SOURCE, port)) for port in ports]
        for _ in range(2):
            for client in opened:
                assert client.get("/").status == 200
        assert [len(ports) for ports in product.spread()] == [10] * WORKERS


def test_connections_handed_over_in_the_instant_of_the_stop_are_served(recorder, clients):
    for _ in range(5):
        with front(recorder, basic={"threads": WORKERS}) as product:
            ports = ports_of_one_worker(product, COUNT)
            opened = [clients(product, source=(SOURCE, port)) for port in ports]
            for client in opened:
                client.send(request("/"))
            product.signal()
            for client in opened:
                assert client.response().status == 200
                client.close()
            assert product.wait_exit() == 0
