"""What is known of servers over reloads: who was found, how they do, what connections there are."""

import contextlib
import json
import os

import pytest

from rig import tls
from rig.client import request
from rig.deadline import until
from rig.dns import Dnsmasq, dnsmasq_is_there
from rig.docker import Docker, container
from rig.h2_origin import H2Origin
from rig.metrics import scrape
from rig.nginx import Nginx
from rig.origin import Gate, Origin, echo, response
from rig.product import Product, config
from rig.who import served_by

ALLOW = ["127.0.0.0/8"]
TLS = "ssl_certificate {pair.cert}; ssl_certificate_key {pair.key}; location / {{ return 200 ok; }}"


def reload(product, **upstream):
    """Goes over to other keys of the upstream, and waits until it is done."""
    product.conf["upstreams"]["origin"].update(upstream)
    product.write_config()
    code, out, err = product.order("reload")
    assert code == 0 and "configuration reloaded" in out, out + err


class Server(Origin):
    """An origin whose health can be chosen, and what it says to others."""

    def __init__(self, health=200, **options):
        self.health = health
        self.fails = False
        super().__init__(answer=self._answer, **options)

    def _answer(self, message):
        if message.path().startswith("/health"):
            return response(self.health, "X", (), b"")
        return response(500, "X", (), b"") if self.fails else echo(message)

    @property
    def checks(self):
        return [one for one in self.requests if one.path().startswith("/health")]

    @property
    def served(self):
        return [one for one in self.requests if not one.path().startswith("/health")]


def checked(interval, **more):
    options = "".join(f"&{key}={value}" for key, value in more.items())
    return {"health_check": f"http://h.test/health?interval={interval}{options}"}


def ask(product, count=40):
    assert {product.get("/x").status for _ in range(count)} == {200}


def put(path, *servers):
    """A file of servers, at once."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(json.dumps({"servers": [{"addr": one.addr} for one in servers]}))
    os.rename(f"{path}.new", path)


def from_file(path, **upstream):
    conf = config([], upstream={"discovery": "file", "discovery_file": str(path), **upstream})
    del conf["upstreams"]["origin"]["addrs"]
    return conf


# --- who is found

@contextlib.contextmanager
def by_name(origin, _path):
    with Dnsmasq({"api.test": ["127.0.0.2"]}) as server:
        conf = config(f"api.test:{origin.port}",
                      upstream={"dns_server": server.addr, "discovery_allow": ALLOW})
        yield conf, server.kill, "does not resolve"


@contextlib.contextmanager
def by_file(origin, path):
    put(path, origin)
    yield from_file(path), lambda: path.write_text("{"), "the servers of before stay"


@contextlib.contextmanager
def by_label(origin, _path):
    with Docker([container("a", "127.0.0.2", [origin.port], {"web": ""})]) as docker:
        conf = config("web", upstream={"discovery": "docker", "docker_socket": docker.path,
                                       "discovery_allow": ALLOW, "update_frequency": "1s"})
        yield conf, docker.stop, "the servers of before stay"


@pytest.mark.parametrize("found", [
    pytest.param(by_name, marks=pytest.mark.skipif(not dnsmasq_is_there(), reason="no dnsmasq")),
    by_file, by_label])
def test_who_was_found_stays_while_nobody_can_say(found, tmp_path):
    """The source is away when another configuration comes that says the same of it."""
    with Origin(host="127.0.0.2") as origin, \
            found(origin, tmp_path / "servers.json") as (conf, kill, why), \
            Product(conf) as product:
        until(lambda: product.get("/").status == 200, "it is found")
        kill()
        product.wait_line(why, 10)
        reload(product, read_timeout="50s")
        assert served_by(product, [origin]) == {0}
        reload(product, max_fails=7)
        assert served_by(product, [origin]) == {0}


@pytest.mark.skipif(not dnsmasq_is_there(), reason="no dnsmasq")
def test_a_name_more_loses_nobody():
    """Those that were found for the names before stay, whether or not there is who answers."""
    with Origin(host="127.0.0.2") as origin, Dnsmasq({"api.test": ["127.0.0.2"]}) as server:
        with Product(config(f"api.test:{origin.port}",
                            upstream={"dns_server": server.addr,
                                      "discovery_allow": ALLOW})) as product:
            until(lambda: product.get("/").status == 200, "it is found")
            server.kill()
            reload(product, addrs=["more.test:80", f"api.test:{origin.port}"])
            assert served_by(product, [origin]) == {0}


# --- how they do

@pytest.fixture(params=["written", "found"])
def of(request, tmp_path):
    """Makes a configuration with these servers, which are written down, or found in a file."""
    def make(servers, **upstream):
        if request.param == "written":
            return config([one.addr for one in servers], upstream=upstream)
        put(tmp_path / "servers.json", *servers)
        return from_file(tmp_path / "servers.json", **upstream)
    return make


def test_one_that_is_out_by_its_checks_stays_out(of):
    with Server() as good, Server(health=500) as bad, \
            Product(of([good, bad], **checked("1h"))) as product:
        product.wait_line(f"{bad.addr} is down")
        served = len(bad.served)
        reload(product, read_timeout="50s")
        ask(product)
        assert len(bad.served) == served


def test_one_whose_breaker_is_open_stays_out(of):
    with Server() as good, Server() as bad, \
            Product(of([good, bad], circuit_break_max_consecutive_failures=3,
                       circuit_break_open_duration="1h")) as product:
        bad.fails = True
        until(lambda: product.get("/x") and len(bad.served) == 3, "it is out")
        reload(product, read_timeout="50s")
        ask(product)
        assert len(bad.served) == 3


def test_it_takes_as_many_failed_checks_as_before(of):
    """The first one after a reload is not the first that there was."""
    with Server() as a, Server() as b, Product(of([a, b], **checked("50ms", fall=5))) as product:
        until(lambda: a.checks and b.checks, "both are checked")
        reload(product, read_timeout="50s")
        before = len(b.checks)
        b.health = 500
        product.wait_line(f"{b.addr} is down")
        assert len(b.checks) - before >= 5


def test_a_server_that_a_reload_adds_waits_for_its_first_check():
    with Server() as a, Server(health=500) as b, \
            Product(config(a.addr, upstream=checked("1h"))) as product:
        until(lambda: a.checks, "it is checked")
        reload(product, addrs=[a.addr, b.addr])
        ask(product)
        product.wait_line(f"{b.addr} is down")
        assert not b.served
        with Server() as c:
            reload(product, addrs=[a.addr, b.addr, c.addr])
            product.wait_line(f"{c.addr} is up: its first check passed")
            assert served_by(product, [a, b, c]) == {0, 2}


def test_where_all_are_others_they_serve_at_once():
    """As at a start: nobody else is there to serve."""
    with Server() as a, Server() as b, Product(config(a.addr, upstream=checked("1h"))) as product:
        until(lambda: a.checks, "it is checked")
        reload(product, addrs=[b.addr])
        ask(product)


def test_one_that_comes_back_waits_for_a_check(tmp_path):
    path = tmp_path / "servers.json"
    with Server() as a, Server() as b:
        put(path, a, b)
        with Product(from_file(path, **checked("1h"))) as product:
            until(lambda: a.checks and b.checks, "both are checked")
            put(path, a)
            product.wait_line("lists 1 server$")
            until(lambda: served_by(product, [a, b]) == {0}, "it has left")
            b.health = 500
            b.reset()
            put(path, a, b)
            until(lambda: ask(product, 1) or b.checks, "it is back")
            product.wait_line(f"{b.addr} is down")
            ask(product)
            assert not b.served


def test_the_breaker_of_a_whole_upstream_stays_open():
    with Server() as server, Product(config(server.addr, upstream={
            "circuit_break_max_consecutive_failures": 3, "circuit_break_scope": "upstream",
            "circuit_break_open_duration": "1h"})) as product:
        server.fails = True
        until(lambda: product.get("/x").status == 503, "it is open")
        reload(product, read_timeout="50s")
        assert product.get("/x").status == 503


# --- their connections

def test_a_server_that_stays_keeps_its_connections():
    """Whatever else is changed about its upstream, unless it is how connections are made."""
    with Origin() as a, Origin() as b, Product(config(a.addr)) as product:
        ask(product, 3)
        reload(product, read_timeout="50s")
        ask(product, 3)
        reload(product, addrs=[a.addr, b.addr])
        ask(product, 4)
        reload(product, weights=[3, 1], keepalive_requests=99)
        ask(product, 4)
        assert (len(a.connections), len(b.connections)) == (1, 1)
        reload(product, addrs=[a.addr], weights=[3])
        until(lambda: b.connections[0].ended, "that of one that has left ends")
        assert not a.connections[0].ended
        reload(product, send_proxy_protocol="v1")
        until(lambda: a.connections[0].ended, "one without that header is of no use")


def test_a_connection_in_use_at_a_reload_is_kept_after_it():
    gate = Gate()

    async def slow(conn):
        while await conn.request() is not None:
            await gate.wait()
            await conn.send(response(200, "OK", (), b""))

    with Origin(slow) as origin, Product(config(origin.addr)) as product, \
            product.client() as client:
        client.send(request("/slow"))
        origin.wait_requests(1)
        reload(product, read_timeout="50s")
        gate.open()
        assert client.response().status == 200
        reload(product, read_timeout="51s")
        ask(product, 5)
        assert len(origin.connections) == 1


def test_connections_of_http2_are_kept():
    held = []
    with H2Origin(held.append) as origin, \
            Product(config(origin.addr, upstream={"protocol": "h2c"})) as product, \
            product.client() as first, product.client() as second:
        first.send(request("/slow"))
        origin.wait_requests(1)
        reload(product, read_timeout="50s")
        second.send(request("/after"))
        origin.wait_requests(2)
        for one in held:
            one.conn.send(one.answer())
        assert (first.response().status, second.response().status) == (200, 200)
        assert len(origin.connections) == 1


def test_connections_over_tls_are_kept_while_the_certificates_stay(tmp_path):
    pair = tls.authority().issue("a.test")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(open(tls.authority().ca.cert, "rb").read())
    with Nginx(TLS.format(pair=pair), listen=" ssl") as server:
        conf = config(server.addr, upstream={"sni": "a.test", "ca": str(ca)})
        conf["metrics"] = {"addr": "127.0.0.1:0"}
        with Product(conf) as product:
            ask(product, 3)
            reload(product, read_timeout="50s")
            ask(product, 3)
            assert scrape(product).sum("upstream_connections_opened_total") == 1
            ca.write_bytes(ca.read_bytes() + b"\n")
            reload(product, read_timeout="51s")
            ask(product, 3)
            assert scrape(product).sum("upstream_connections_opened_total") == 2


def test_another_weight_in_a_file_costs_no_connection(tmp_path):
    path = tmp_path / "servers.json"
    with Origin() as a, Origin() as b:
        put(path, a, b)
        with Product(from_file(path)) as product:
            ask(product, 4)
            path.write_text(json.dumps({"servers": [{"addr": a.addr, "weight": 3},
                                                    {"addr": b.addr}]}))
            until(lambda: served_by(product, [a, b]) and len(a.requests) == 6, "its new share")
            assert (len(a.connections), len(b.connections)) == (1, 1)
