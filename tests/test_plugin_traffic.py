"""traffic_splitting and mirror in a running proxy."""

import time

import pytest

from rig.client import request
from rig.deadline import until
from rig.h2 import H2Client, head
from rig.metrics import scrape
from rig.origin import Origin, play, response, serve
from rig.product import Product, binary, config, sanitized
from test_websocket import HANDSHAKE, echo_tunnel


@pytest.fixture
def other():
    with Origin() as origin:
        yield origin


def product_of(origin, other_addr, plugin, uses=("plugin",), server=None, upstream=None, **location):
    conf = config(origin.addr, location={"plugins": list(uses), **location}, server=server)
    conf["upstreams"]["other"] = {"addrs": [other_addr], **(upstream or {})}
    conf["plugins"] = {"plugin": plugin}
    return Product(conf)


def split(**keys):
    return {"type": "traffic_splitting", "weights": {"origin": 1, "other": 1}, **keys}


def mirror(**keys):
    return {"type": "mirror", "upstream": "other", **keys}


# --- traffic_splitting

def test_both_upstreams_get_requests_and_the_log_knows_which(recorder, other):
    with product_of(recorder, other.addr, split()) as product:
        for _ in range(40):
            assert product.get("/").status == 200
        lines = product.wait_log(40)
    assert len(recorder.requests) + len(other.requests) == 40
    assert recorder.requests and other.requests
    assert sum(line["upstream_name"] == "other" for line in lines) == len(other.requests)


def test_a_cookie_and_a_key_bring_back(recorder, other):
    with product_of(recorder, other.addr, split(sticky_cookie="way")) as product:
        cookie = product.get("/").get("Set-Cookie").split(";")[0]
        first = len(other.requests)
        for _ in range(10):
            assert product.get("/", [("Cookie", cookie)]).get("Set-Cookie") is None
        assert len(other.requests) == first * 11
    with product_of(recorder, other.addr, split(key="$arg_u")) as product:
        recorder.reset()
        other.reset()
        for user in range(20):
            for _ in range(2):
                product.get(f"/?u={user}")
        assert len(recorder.requests) % 2 == 0 and len(recorder.requests) + len(other.requests) == 40


def test_it_needs_no_upstream_of_the_location_and_works_on_servers(other):
    conf = config("127.0.0.1:1", locations={"all": {"path": "/"}},
                  server={"plugins": ["plugin"]})
    conf["upstreams"]["other"] = {"addrs": [other.addr]}
    conf["locations"]["all"] = {"path": "/", "plugins": []}
    conf["plugins"] = {"plugin": split(weights={"other": 1})}
    with Product(conf) as product:
        assert product.get("/").status == 200
        assert len(other.requests) == 1


def test_a_failed_try_is_repeated_at_the_same_upstream(recorder):
    with product_of(recorder, "127.0.0.1:1", split(weights={"origin": 0, "other": 1})) as product:
        assert product.get("/").status == 502
    assert not recorder.requests


def test_upgrades_and_http2_go_there(recorder):
    with Origin(script=echo_tunnel) as other, \
            product_of(recorder, other.addr, split(weights={"other": 1})) as product:
        with product.client() as client:
            assert client.get("/ws", HANDSHAKE).status == 101
    with Origin() as other, product_of(recorder, other.addr, split(weights={"other": 1})) as product:
        with H2Client(product.address()[:2]) as client:
            client.request(1, head())
            assert client.answer(1).status == 200
        assert len(other.requests) == 1
    assert not recorder.requests


def test_weights_change_with_a_reload_under_load(recorder, other):
    with product_of(recorder, other.addr, split(weights={"origin": 1})) as product:
        assert product.get("/").status == 200
        product.conf["plugins"]["plugin"]["weights"] = {"other": 1}
        product.write_config()
        assert product.order("reload")[0] == 0
        assert product.get("/").status == 200
    assert len(recorder.requests) == len(other.requests) == 1


# --- mirror

def test_a_copy_is_the_request(recorder, other):
    with product_of(recorder, other.addr, mirror(set_headers={"X-Shadow": "1"})) as product:
        assert product.get("/a?b", [("X-A", "1"), ("Connection", "X-B"), ("X-B", "2")]).status == 200
        other.wait_requests(1)
        with product.client() as client:
            client.send(request("/p", method="POST", body=b"abc" * 100))
            assert client.response().status == 200
        other.wait_requests(2)
        with product.client() as client:
            client.send(b"PUT /c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            assert client.response().status == 200
        other.wait_requests(3)
        with H2Client(product.address()[:2]) as client:
            client.request(1, head(path="/h2"))
            assert client.answer(1).status == 200
        other.wait_requests(4)
    first, second, third, fourth = other.requests
    assert first.target == b"/a?b" and first.get("X-A") == "1" and first.get("X-B") is None
    assert first.get("Host") == "a.test" and first.get("X-Shadow") == "1"
    assert first.get("X-Forwarded-For") == "127.0.0.1"
    assert second.method == b"POST" and second.body == b"abc" * 100
    assert third.method == b"PUT" and third.body == b"abcde"
    assert fourth.target == b"/h2"
    assert [one.body for one in recorder.requests] == [one.body for one in other.requests]
    assert all(one.get("X-Shadow") is None for one in recorder.requests)


def test_a_part_only(recorder, other):
    with product_of(recorder, other.addr, mirror(percent=50)) as product:
        for _ in range(60):
            product.get("/")
        until(lambda: len(other.requests) > 5, "some copies")
    assert len(recorder.requests) == 60 and len(other.requests) < 55


def test_long_bodies_and_tunnels_are_not_copied(other):
    with Origin() as origin, product_of(origin, other.addr, mirror(max_body="1kb")) as product:
        for framing in ("length", "chunked"):
            with product.client() as client:
                if framing == "length":
                    client.send(request("/", method="POST", body=b"x" * 5000))
                else:
                    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                + b"400\r\n" + b"x" * 1024 + b"\r\n1\r\ny\r\n0\r\n\r\n")
                assert client.response().status == 200
        product.get("/last")
        other.wait_requests(1)
    assert [one.target for one in other.requests] == [b"/last"]
    other.reset()
    with Origin(script=echo_tunnel) as origin, product_of(origin, other.addr, mirror()) as product:
        with product.client() as client:
            assert client.get("/ws", HANDSHAKE).status == 101
    assert not other.requests


@pytest.mark.parametrize("shadow", ["refuses", "hangs", "breaks", "fails"])
def test_it_never_delays_or_fails_the_request(recorder, shadow):
    scripts = {"hangs": play(b"", then="hang"), "breaks": play(b"nonsense", then="fin"),
               "fails": play(response(500, "Oh", body=b"x" * 100_000))}
    with Origin(script=scripts.get(shadow, play(b""))) as other:
        addr = "127.0.0.1:1" if shadow == "refuses" else other.addr
        with product_of(recorder, addr, mirror(timeout="300ms")) as product, \
                product.client() as client:
            began = time.monotonic()
            for _ in range(300):
                assert client.get("/").status == 200
            assert time.monotonic() - began < 20
            product.check_alive()
    assert len(recorder.requests) == 300


def omitted(product, plugin="plugin"):
    return {row["reason"]: value
            for row, value in scrape(product).of("plugin_left_out_total", plugin=plugin)}


def test_copies_that_are_left_out_are_counted_by_reason(other):
    tunnels = [echo_tunnel]

    async def either(conn):
        """The first is a tunnel."""
        await (tunnels.pop() if tunnels else serve)(conn)

    with Origin(script=either) as origin:
        conf = config(origin.addr, location={"plugins": ["plugin"]})
        conf["upstreams"]["other"] = {"addrs": [other.addr]}
        conf["plugins"] = {"plugin": mirror(max_body="1kb")}
        conf["metrics"] = {"addr": "127.0.0.1:0"}
        with Product(conf) as product:
            with product.client() as client:
                assert client.get("/ws", HANDSHAKE).status == 101
            for framing in ("Content-Length: 5000", "Transfer-Encoding: chunked"):
                with product.client() as client:
                    body = b"x" * 5000
                    if "chunked" in framing:
                        body = b"1388\r\n" + body + b"\r\n0\r\n\r\n"
                    client.send(f"POST / HTTP/1.1\r\nHost: a.test\r\n{framing}\r\n\r\n".encode()
                                + body)
                    assert client.response("POST").status == 200
            with product.client() as client:
                client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nhalf")
            until(lambda: omitted(product) == {"no_room": 0, "long_body": 2, "endless": 1,
                                               "incomplete": 1}, "each is counted")
            product.conf["plugins"]["plugin"]["max_body"] = "2kb"
            product.write_config()
            assert product.order("reload")[0] == 0
            assert omitted(product)["long_body"] == 2, "a reload loses no count"
    assert not other.requests


def test_bodies_of_copies_nobody_answers_are_bounded_also_over_reloads(recorder):
    """16 MiB wait for an upstream that says nothing; more is left out. What is under way belongs to
    the configuration before, which ends with it."""
    body = b"x" * (1 << 20)
    with Origin(script=play(b"", then="hang"), keep=1 << 30) as other:
        conf = config(recorder.addr, location={"plugins": ["plugin"]})
        conf["upstreams"]["other"] = {"addrs": [other.addr]}
        conf["plugins"] = {"plugin": mirror(max_body="1MiB", timeout="60s")}
        conf["metrics"] = {"addr": "127.0.0.1:0"}
        with Product(conf) as product, product.client(timeout=20) as client:
            def post(times):
                for _ in range(times):
                    client.send(request("/", method="POST", body=body))
                    assert client.response("POST").status == 200

            post(16)
            assert omitted(product)["no_room"] == 0
            post(4)
            assert omitted(product)["no_room"] == 4
            full = 0
            for turn in range(6):
                product.conf["plugins"]["plugin"]["timeout"] = f"{61 + turn}s"
                product.write_config()
                assert product.order("reload")[0] == 0
                post(4)
                assert omitted(product)["no_room"] == 8 + 4 * turn
                full = product.rss() if turn == 1 else full  # what is kept for reuse is there
            if not sanitized(binary()):
                assert product.rss() - full < 2 << 20
            assert client.get("/").status == 200
            other.stop_listening()
            other.close_connections()
            with Origin(host="127.0.0.1", port=other.port) as back:
                until(lambda: client.get("/").status == 200 and back.requests,
                      "there is room for copies again", 20)
                before = omitted(product)["no_room"]
                post(3)
                back.wait_requests(3)
                assert omitted(product)["no_room"] == before


def test_copies_are_bounded_in_number(recorder):
    with Origin(script=play(b"", then="hang")) as other, \
            product_of(recorder, other.addr, mirror(timeout="30s")) as product:
        with product.client() as client:
            for _ in range(400):
                assert client.get("/").status == 200
        product.wait_line("too many copies")
        assert len(other.requests) <= 256
        assert product.get("/").status == 200


def test_a_stop_does_not_wait_for_copies(recorder):
    with Origin(script=play(b"", then="hang")) as other, \
            product_of(recorder, other.addr, mirror(timeout="60s")) as product:
        product.get("/")
        other.wait_requests(1)
        began = time.monotonic()
        product.stop()
        assert time.monotonic() - began < 5
