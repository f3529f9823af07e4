"""What hangs right now: /state and `pingap status --requests` list the requests under way, the
oldest first, with the phase that each is in."""

import contextlib
import json

from rig import h2
from rig.client import request
from rig.deadline import until
from rig.metrics import get
from rig.origin import Gate, Origin, in_the_middle
from rig.product import Product, config
from test_websocket import echo_tunnel, open_tunnel

METRICS = {"addr": "127.0.0.1:0"}


@contextlib.contextmanager
def watched(origin, metrics=None, **parts):
    conf = config(origin.addr, **parts)
    conf["metrics"] = {**METRICS, **(metrics or {})}
    with Product(conf) as product:
        yield product


def under_way(product, query=""):
    status, _, text = get(product.address("metrics"), "/state" + query)
    assert status == 200, text
    return json.loads(text)["requests"]


def wait_for(product, **wanted):
    """The one request that is under way, once it is like that."""
    def look():
        oldest = under_way(product)["oldest"]
        return oldest[0] if [{key: one[key] for key in wanted} for one in oldest] == [wanted] else None

    return until(look, f"a request with {wanted}")


def gone(product):
    until(lambda: under_way(product)["under_way"] == 0, "nothing under way")


def holding(gate):
    async def script(conn):
        await conn.request()
        await gate.wait()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await conn.end()

    return script


def test_one_that_waits_for_its_answer_is_listed_and_gone_afterwards():
    gate = Gate()
    with Origin(holding(gate)) as origin, watched(origin) as product:
        with product.client() as client:
            client.send(request("/slow?token=secret", method="POST", body=b"12345"))
            one = wait_for(product, phase="waiting", request_body_bytes=5)
            assert 0 <= one.pop("age") < 60
            connection = one.pop("connection")
            assert connection > 0 and one == {
                "phase": "waiting", "protocol": "HTTP/1.1", "method": "POST", "host": "a.test",
                "path": "/slow", "client": "127.0.0.1", "request_id": "", "server": "main",
                "location": "all", "upstream": "origin", "upstream_server": origin.addr, "tries": 1,
                "status": 0, "request_body_bytes": 5, "response_body_bytes": 0}
            code, out, _ = product.order("status", "--requests", "5")
            assert code == 0 and "1 requests under way, 0 of them tunnels" in out
            assert (f"  waiting     POST a.test/slow of 127.0.0.1 (connection {connection}): main, "
                    f"all, origin {origin.addr}; 1 tries, 5 B in, 0 B out\n") in out
            assert "secret" not in out
            gate.open()
            assert client.response().body == b"ok"
        gone(product)
        assert "0 requests under way" in product.order("status", "--requests", "5")[1]


def test_phases_are_told_apart():
    with Origin() as origin, watched(origin, location={"request_buffering": True}) as product:
        with product.client() as client:
            client.send(b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\n123")
            wait_for(product, phase="buffering", request_body_bytes=3, tries=0, upstream="origin")
    gate = Gate()
    with Origin(in_the_middle(gate)) as origin, watched(origin) as product:
        with product.client() as client:
            client.send(request("/a"))
            wait_for(product, phase="responding", response_body_bytes=2, status=200)
            gate.open()
            client.response()
        gone(product)


def test_one_in_the_queue_for_a_server_is_told_apart():
    gate = Gate()
    limits = {"max_connections": 1, "queue_timeout": "1h"}
    with Origin(holding(gate)) as origin, watched(origin, upstream=limits) as product:
        with product.client() as first, product.client() as second:
            first.send(request("/first"))
            wait_for(product, phase="waiting")
            second.send(request("/second"))
            until(lambda: [(one["path"], one["phase"]) for one in under_way(product)["oldest"]] == [
                ("/first", "waiting"), ("/second", "queued")], "one waits for its turn")


def test_tunnels_do_not_hide_what_hangs():
    with Origin(echo_tunnel) as origin, watched(origin) as product:
        with open_tunnel(product), product.client() as client:
            client.send(b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\n123")
            until(lambda: under_way(product)["under_way"] == 2, "both")
            state = under_way(product, "?requests=1")
            assert state["tunnels"] == 1
            assert [one["path"] for one in state["oldest"]] == ["/a"]
            assert [one["phase"] for one in under_way(product)["oldest"]][1:] == ["tunnel"]
        until(lambda: under_way(product)["tunnels"] == 0, "the tunnel has ended")
        gone(product)


def test_the_oldest_of_all_workers_are_listed_and_no_more_than_asked_for():
    with Origin(holding(Gate())) as origin, watched(origin, basic={"threads": 2}) as product:
        with contextlib.ExitStack() as stack:
            for number in range(6):
                client = stack.enter_context(product.client())
                client.send(request(f"/{number}"))
                until(lambda: under_way(product)["under_way"] == number + 1, "it is under way")
            state = under_way(product, "?requests=3")
            assert state["under_way"] == 6 and state["silent_workers"] == []
            assert [one["path"] for one in state["oldest"]] == ["/0", "/1", "/2"]
            code, out, _ = product.order("status", "--json", "--requests", "2")
            assert code == 0
            assert [one["path"] for one in json.loads(out)["requests"]["oldest"]] == ["/0", "/1"]


def test_a_number_that_is_none_is_refused():
    with Origin() as origin, watched(origin) as product:
        for query in ("?requests=0", "?requests=1001", "?requests=x", "?other=1"):
            status, _, text = get(product.address("metrics"), "/state" + query)
            assert (status, text) == (
                400, "/state takes ?requests=N: how many of those under way, 1 to 1000\n"), query
        code, _, err = product.order("status", "--requests", "1001")
        assert (code, err) == (2, "pingap: `1001` is no number of requests from 1 to 1000\n")


def test_only_who_may_see_metrics_sees_them():
    with Origin() as origin, watched(origin, {"token": "t"}) as product:
        address = product.address("metrics")
        assert get(address, "/state?requests=5")[0] == 401
        assert get(address, "/state?requests=5", headers={"Authorization": "Bearer t"})[0] == 200


def test_connections_are_told_apart_by_what_they_speak():
    def speaks(product):
        server, = json.loads(get(product.address("metrics"), "/state")[2])["servers"]
        return {kind: count for kind, count in server["speaks"].items() if count}

    with Origin(holding(Gate())) as origin, watched(origin) as product:
        with h2.connect(product) as client, product.client() as other:
            client.request(1, h2.head())
            other.send(request("/"))
            until(lambda: speaks(product) == {"http1": 1, "http2": 1}, "one of each")
            assert {one["protocol"] for one in under_way(product)["oldest"]} == {
                "HTTP/1.1", "HTTP/2.0"}
            other.rst()
        until(lambda: not speaks(product), "none")
