"""UG-10 in its full size: 1,000 tunnels at once count against every limit, and are freed once."""

import contextlib
import resource

import pytest

from rig import h2
from rig.client import Closed
from rig.deadline import until
from rig.h2 import H2Client
from rig.many import Crowd
from rig.origin import Gate, Origin, echo
from rig.product import front
from test_websocket import open_tunnel, switching
from test_websocket_h2 import connect, data, echo_tunnel

COUNT = 1000


@pytest.fixture(autouse=True)
def descriptors():
    """The recorder's sockets are ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * COUNT + 500:
        pytest.skip(f"the hard limit of descriptors is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def crowd_of(product):
    crowd = Crowd(product.address(), COUNT, "tunnels")
    try:
        yield crowd
    finally:
        crowd.close()


def wait_freed(origin, product):
    """Nothing is left of the tunnels on either side."""
    until(lambda: all(conn.ended for conn in origin.connections), "closed at the origin", 20)
    until(lambda: product.descriptors() < 100, "closed here", 20)


def test_ug10_tunnels_fill_an_upstream():
    """Twice: had a slot been freed twice, one more would find room."""
    with Origin(echo_tunnel) as origin, front(origin, upstream={"max_connections": COUNT}) as \
            product, crowd_of(product) as crowd:
        for _ in range(2):
            assert crowd.ask("open") == COUNT
            for _ in range(3):
                assert product.get("/x").status == 503
            assert crowd.ask("again") == COUNT
            assert crowd.ask("close") == COUNT
            wait_freed(origin, product)
        assert product.get("/x").status == 200


def test_ug10_tunnels_fill_a_server():
    """None of them is idle: no room is made by closing one."""
    with Origin(echo_tunnel) as origin, front(origin, server={"max_connections": COUNT}) as \
            product, crowd_of(product) as crowd:
        for _ in range(2):
            assert crowd.ask("open") == COUNT
            for _ in range(3):
                with product.client() as client, pytest.raises((Closed, BrokenPipeError)):
                    client.get("/x")
            assert crowd.ask("again") == COUNT
            assert crowd.ask("close") == COUNT
            wait_freed(origin, product)
        assert product.get("/x").status == 200


def test_ug10_streams_with_tunnels_fill_an_upstream():
    """Ten connections of a hundred streams each."""
    streams = range(1, 200, 2)
    with Origin(echo_tunnel) as origin, \
            front(origin, upstream={"max_connections": COUNT}) as product:
        for _ in range(2):
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(H2Client(product.address()[:2], timeout=20))
                           for _ in range(COUNT // len(streams))]
                for client in clients:
                    for stream in streams:
                        client.request(stream, connect(), end=False)
                for client in clients:
                    client.pump(lambda it=client: all(it.answers[n].status for n in streams))
                    assert {client.answers[stream].status for stream in streams} == {200}
                for _ in range(3):
                    assert product.get("/x").status == 503
                for client in clients:
                    client.send(data(b"hello", streams[-1]))
                    client.pump(lambda it=client: it.answers[streams[-1]].body == b"hello")
                clients[0].send(h2.reset(1))  # one slot, and one only
                until(lambda: sum(1 for one in origin.connections if one.ended) % COUNT == 1,
                      "one is free")
                with open_tunnel(product):
                    assert product.get("/x").status == 503
            wait_freed(origin, product)
            origin.reset()
        assert product.get("/x").status == 200


def test_ug10_tunnels_count_for_least_conn():
    gate = Gate()

    async def until_told(conn):
        message = await conn.request()
        while message is not None and message.path() != "/ws":
            await conn.send(echo(message))
            message = await conn.request()
        if message is None:
            return
        conn.tunnel = True
        await conn.send(switching())
        await gate.wait()
        conn.rst()

    with Origin(until_told) as freed, Origin(echo_tunnel) as busy, \
            front([freed, busy], upstream={"algorithm": "least_conn"}) as product, \
            contextlib.ExitStack() as stack:
        tunnels = [stack.enter_context(open_tunnel(product)) for _ in range(20)]
        assert (len(freed.connections), len(busy.connections)) == (10, 10)
        gate.open()
        until(lambda: sum(1 for tunnel in tunnels if tunnel.readable(0)) == 10, "ten have ended")
        for _ in range(5):
            assert product.get("/x").status == 200
        assert (len(freed.requests), len(busy.requests)) == (15, 10)
