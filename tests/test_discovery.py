"""Servers that are found: by DNS, in a file, among Docker's containers. They come and go while
requests run, and whoever tells of them may be slow, silent, broken or hostile."""

import contextlib
import json
import os
import socket
import struct
import time

import pytest

from rig import dns, toml
from rig.client import request
from rig.deadline import holds, until
from rig.dns import A, CNAME, Dnsmasq, NameServer, address, dnsmasq_is_there, record, reply, wire
from rig.docker import Docker, container, event
from rig.origin import Gate, Origin, response, serve
from rig.product import Product, config, run
from rig.who import served_by, wait_served

needs_dnsmasq = pytest.mark.skipif(not dnsmasq_is_there(), reason="dnsmasq is not installed")
ALLOW = ["127.0.0.0/8", "::1"]


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


@contextlib.contextmanager
def origins(count, script=serve):
    """So many origins on 127.0.0.2, 127.0.0.3 ... that have one port."""
    for _ in range(20):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(Origin(script, host="127.0.0.2"))
            try:
                others = [stack.enter_context(Origin(script, host=f"127.0.0.{3 + i}",
                                                     port=first.port)) for i in range(count - 1)]
            except OSError:
                continue
            yield [first, *others]
            return
    raise AssertionError("no port that is free on all addresses")


def host(origin):
    return origin.addr.rpartition(":")[0]


def named(server, addrs, basic=None, **upstream):
    """A configuration whose upstream asks this name server."""
    return config(addrs, basic=basic, upstream={"dns_server": server.addr,
                                                "discovery_allow": ALLOW, **upstream})


# --- names

@needs_dnsmasq
def test_a_name_is_followed():
    with origins(3) as among, Dnsmasq({"api.test": [host(among[0]), host(among[1])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product:
        product.wait_line("upstream origin: api.test has 2 servers")
        assert served_by(product, among) == {0, 1}
        server.set({"api.test": [host(among[1]), host(among[2])]})
        wait_served(product, among, {1, 2})
        server.set({"api.test": [host(among[2])]})
        wait_served(product, among, {2})


@needs_dnsmasq
def test_all_workers_know():
    with origins(2) as among, Dnsmasq({"api.test": [host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}", basic={"threads": 4})) as product:
        assert served_by(product, among, 20) == {0}
        server.set({"api.test": [host(among[1])]})
        wait_served(product, among, {1})
        assert served_by(product, among, 40) == {1}


@needs_dnsmasq
def test_a_name_server_that_dies_changes_nothing_and_is_found_again():
    with origins(2) as among, Dnsmasq({"api.test": [host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product:
        assert served_by(product, among) == {0}
        server.kill()
        product.wait_line("api.test does not resolve: .*; the last answer is used", 20)
        holds(lambda: served_by(product, among) == {0}, "the last answer is used", 2)
        server._write({"api.test": [host(among[1])]})
        server.start()
        wait_served(product, among, {1}, 40)
        said = [line for line in product.stderr if "does not resolve" in line]
    assert len(said) == 1, "of each change once"


@needs_dnsmasq
def test_a_name_that_does_not_resolve_at_the_start_heals_by_itself():
    with origins(1) as among, Origin() as other, Dnsmasq({}) as server:
        conf = named(server, f"late.test:{among[0].port}")
        conf["upstreams"]["other"] = {"addrs": [other.addr]}
        conf["locations"] = {"late": {"upstream": "origin", "path": "/late"},
                             "other": {"upstream": "other", "path": "/other"}}
        conf["servers"]["main"]["locations"] = ["late", "other"]
        with Product(conf) as product:
            product.wait_line("upstream origin: late.test does not resolve: ")
            assert product.get("/other").status == 200
            assert product.get("/late").status == 503
            server.set({"late.test": [host(among[0])]})
            until(lambda: product.get("/late").status == 200, "it heals", 10)
            assert product.get("/other").status == 200


@needs_dnsmasq
def test_a_name_that_is_gone_is_believed_after_a_while_and_may_come_back():
    with origins(1) as among, Dnsmasq({"api.test": [host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product:
        assert product.get("/x").status == 200
        server.set({})
        product.wait_line("api.test has no servers any more: ", 15)
        until(lambda: product.get("/x").status == 503, "its servers go")
        server.set({"api.test": [host(among[0])]})
        until(lambda: product.get("/x").status == 200, "they come back", 15)


def test_a_zone_that_is_empty_for_a_moment_loses_no_server():
    """It comes back before the third answer in a row that there is nothing."""
    hosts = {}

    def script(query):
        found = hosts.get("ip") if query.kind == A else None
        return [reply(query, [address(found)]) if found else reply(query, code=3)]

    with origins(1) as among, NameServer(script) as server:
        hosts["ip"] = host(among[0])
        with Product(named(server, f"api.test:{among[0].port}", ipv4_only=True)) as product:
            for _ in range(3):
                hosts["ip"] = None
                server.more(1)
                hosts["ip"] = host(among[0])
                server.more(2)
            assert served_by(product, among) == {0}
            assert not any("any more" in line for line in product.stderr)


@needs_dnsmasq
def test_addresses_and_names_beside_each_other():
    with origins(2) as among, Dnsmasq({"api.test": [host(among[0])]}) as server, \
            Product(named(server, [f"api.test:{among[0].port}", among[1].addr])) as product:
        assert served_by(product, among) == {0, 1}
        server.kill()
        assert served_by(product, among) == {0, 1}


@needs_dnsmasq
def test_search_domains():
    with origins(1) as among, Dnsmasq({"api.deep.test": [host(among[0])]}) as server, \
            Product(named(server, f"api:{among[0].port}", dns_search=["none.test", "deep.test"])) \
            as product:
        assert served_by(product, among) == {0}


# --- what a change does to connections

@needs_dnsmasq
def test_a_server_that_leaves_finishes_what_it_has():
    began, finish = Gate(), Gate()

    async def slow(conn):
        while (one := await conn.request()) is not None:
            if one.target != b"/slow":
                await conn.send(response(200, "OK", (), b"quick"))
                continue
            await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            began.open()
            await finish.wait()
            await conn.send(b"half")

    with origins(2, slow) as among, Dnsmasq({"api.test": [host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product, \
            product.client() as client:
        client.send(request("/slow", host="a.test"))
        began.wait_opened("the slow request began")
        server.set({"api.test": [host(among[1])]})
        wait_served(product, among, {1})
        old = among[0].connections[0]
        assert not old.ended
        finish.open()
        assert client.response().body == b"halfhalf"
        among[0].wait(lambda: old.ended, "its connection is closed then")


@needs_dnsmasq
def test_a_server_that_stays_keeps_its_connections():
    with origins(3) as among, \
            Dnsmasq({"api.test": [host(among[0]), host(among[1])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product:
        assert served_by(product, among) == {0, 1}
        before = [conn.serial for conn in among[0].connections]
        assert len(before) == 1
        server.set({"api.test": [host(among[0]), host(among[2])]})
        wait_served(product, among, {0, 2})
        assert [conn.serial for conn in among[0].connections] == before
        among[1].wait(lambda: all(conn.ended or conn.closed for conn in among[1].connections),
                      "idle connections of one that left are closed")


@needs_dnsmasq
def test_requests_do_not_fail_while_servers_change():
    with origins(4) as among, Dnsmasq({"api.test": [host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}", basic={"threads": 2})) as product:
        for turn in range(1, 5):
            wanted = among[turn % 4]
            server.set({"api.test": [host(wanted), host(among[(turn + 1) % 4])]})
            until(lambda one=turn % 4: one in served_by(product, among, 20), "the next serves")


# --- both families

@needs_dnsmasq
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_the_other_family_takes_over():
    with origins(1) as among, \
            Dnsmasq({"api.test": ["::1", host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product:
        assert {product.get("/x").status for _ in range(10)} == {200}, "IPv6 is refused: IPv4 serves"
        with Origin(host="::1", port=among[0].port) as six:
            until(lambda: product.get("/x").status == 200 and six.requests,
                  "once IPv6 answers it is used", 25)


@needs_dnsmasq
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_one_family_is_used_while_it_answers():
    with origins(1) as among, Origin(host="::1", port=among[0].port) as six, \
            Dnsmasq({"api.test": ["::1", host(among[0])]}) as server, \
            Product(named(server, f"api.test:{among[0].port}")) as product:
        assert served_by(product, [among[0], six]) == {1}


@contextlib.contextmanager
def full_queue():
    """A port of ::1 where connections are neither taken nor refused: its queue is full."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket(socket.AF_INET6))
        full.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        full.bind(("::1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket(socket.AF_INET6))
            filler.setblocking(False)
            filler.connect_ex(("::1", port))
        yield port


@needs_dnsmasq
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("method,body", [("GET", None), ("POST", b"abc")])
def test_a_family_that_leads_nowhere_is_raced(method, body):
    """RFC 8305: nobody waits for a connection to time out; the request is sent once."""
    slow = {"connection_timeout": "60s"}
    with full_queue() as port, Origin(host="127.0.0.2", port=port) as four, \
            Dnsmasq({"api.test": ["::1", "127.0.0.2"]}) as server, \
            Product(named(server, f"api.test:{port}", **slow)) as product:
        for _ in range(3):
            assert product.get("/x", method=method, body=body, timeout=10).status == 200
        assert len(four.wait_requests(3)) == 3
        lines = product.wait_log(3)
        assert int(lines[0]["attempts"]) == 2
        assert lines[0]["failed_tries"] == f"[::1]:{port}=raced"


def test_ipv4_only_asks_for_nothing_else():
    with origins(1) as among, \
            NameServer(lambda query: [reply(query, [address(host(among[0]))])]) as server, \
            Product(named(server, f"api.test:{among[0].port}", ipv4_only=True)) as product:
        assert served_by(product, among) == {0}
        server.more(2)
        assert {query.kind for query in server.queries} == {A}


# --- services

@needs_dnsmasq
def test_records_of_a_service_say_port_and_weight():
    name = "_http._tcp.api.test"
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3") as b, \
            Dnsmasq({"a.test": [host(a)], "b.test": [host(b)]},
                    [(name, "a.test", a.port, 10, 3), (name, "b.test", b.port, 10, 1)]) as server, \
            Product(named(server, f"srv+{name}")) as product:
        for _ in range(40):
            assert product.get("/x").status == 200
        a.settle()
        b.settle()
        assert (len(a.requests), len(b.requests)) == (30, 10)


@needs_dnsmasq
def test_a_later_priority_serves_when_the_first_is_out():
    name = "_http._tcp.api.test"
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3") as b, \
            Dnsmasq({"a.test": [host(a)], "b.test": [host(b)]},
                    [(name, "a.test", a.port, 10, 1), (name, "b.test", b.port, 20, 1)]) as server, \
            Product(named(server, f"srv+{name}")) as product:
        assert served_by(product, [a, b]) == {0}
        a.stop_listening()
        a.close_connections()
        assert {product.get("/x").status for _ in range(10)} == {200}
        b.settle()
        assert b.requests


@needs_dnsmasq
def test_records_of_a_service_are_followed():
    name = "_http._tcp.api.test"
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3") as b, \
            Dnsmasq({"a.test": [host(a)], "b.test": [host(b)]},
                    [(name, "a.test", a.port, 0, 0)]) as server, \
            Product(named(server, f"srv+{name}")) as product:
        assert served_by(product, [a, b]) == {0}
        server.kill()
        server.services = [(name, "b.test", b.port, 0, 0)]
        server.start()
        wait_served(product, [a, b], {1}, 20)


# --- slow, silent and hostile name servers

def test_a_silent_name_server_keeps_nobody_waiting():
    with Origin() as other, NameServer() as server:
        conf = named(server, "slow.test:80")
        conf["upstreams"]["other"] = {"addrs": [other.addr]}
        conf["locations"] = {"slow": {"upstream": "origin", "path": "/slow"},
                             "other": {"upstream": "other", "path": "/other"}}
        conf["servers"]["main"]["locations"] = ["slow", "other"]
        before = time.monotonic()
        with Product(conf) as product:
            assert time.monotonic() - before < 6, "it starts without an answer"
            product.wait_line("not all upstreams know their servers yet")
            for target, status in (("/other", 200), ("/slow", 503)) * 5:
                began = time.monotonic()
                assert product.get(target).status == status
                assert time.monotonic() - began < 1


def test_answers_are_asked_for_when_they_are_too_old():
    with origins(1) as among, \
            NameServer(lambda query: [reply(query, [address(host(among[0]), ttl=2)])]) as server, \
            Product(named(server, f"api.test:{among[0].port}", ipv4_only=True)):
        times = [query.time for query in server.wait(4, 10)]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert all(1.9 < gap < 6 for gap in gaps), gaps


def test_a_bound_for_old_answers():
    with origins(1) as among, \
            NameServer(lambda query: [reply(query, [address(host(among[0]), ttl=3600)])]) as server, \
            Product(named(server, f"api.test:{among[0].port}", ipv4_only=True,
                          update_frequency="1s")):
        server.wait(3, 8)


def hostile(query, other):
    """What is sent in place of an answer, by the first label of a name; `other` is a socket."""
    bad = "127.0.0.99"
    at = 12 + len(query.question)
    pointer = struct.pack(">H", 0xc000 | at)
    ring = struct.pack(">HH", 0xc000 | (at + 2), 0xc000 | at)
    long_name = b"\1a" * 200 + b"\0"
    ident = struct.unpack(">H", query.data[:2])[0]
    counts = struct.pack(">HHHHH", 0x8180, 1, 500, 0, 0)
    return {
        "other-id": [reply(query, [address(bad)], ident=ident ^ 1)],
        "other-source": [(reply(query, [address(bad)]), other)],
        "truncated": [reply(query, [], flags=0x8380)],  # and TCP is refused
        "self-pointer": [reply(query, [address(bad, name=pointer)])],
        "pointer-ring": [reply(query, [address(bad, name=ring)])],
        "long-name": [reply(query, [address(bad, name=long_name)])[:-1]],
        "too-few": [query.data[:2] + counts + query.question + address(bad)],
        "half": [reply(query, [address(bad)])[:-2]],
        "head": [query.data[:2] + b"\x81\x80" + bytes(8)],
        "garbage": [os.urandom(200)],
        "failure": [reply(query, code=2)],
        "refused": [reply(query, code=5)],
    }


@pytest.mark.parametrize("alone", [False, True], ids=["together", "truncated"])
def test_what_is_no_answer_changes_nothing(alone):
    """All kinds side by side, since some are only known by the time that they take. But for
    truncated ones: when TCP is refused, the library gives up all that it has asked this server."""
    attack = Gate()
    with origins(1) as among, NameServer() as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))

        def script(query):
            if not attack.is_open():
                return [reply(query, [address(host(among[0]))])]
            return hostile(query, other).get(query.name.partition(".")[0], [])

        server.script = script
        names = list(hostile(dns.Query(bytes(12) + wire("a.test") + b"\0\1\0\1"), other))
        names = [name for name in names if (name == "truncated") == alone]
        conf = named(server, [])
        conf["upstreams"] = {name: {**conf["upstreams"]["origin"], "ipv4_only": True,
                                    "addrs": [f"{name}.test:{among[0].port}"]} for name in names}
        conf["locations"] = {name: {"upstream": name, "path": f"/{name}"} for name in names}
        conf["servers"]["main"]["locations"] = names
        with Product(conf) as product:
            for name in names:
                assert product.get(f"/{name}").status == 200, name
            attack.open()
            for name in names:
                product.wait_line(f"{name}.test does not resolve: .*; the last answer is used", 40)
            for name in names:
                assert product.get(f"/{name}").status == 200, name
            assert not any("127.0.0.99" in line for line in product.stderr)
            assert {line["upstream"] for line in product.wait_log(2 * len(names))} == \
                {among[0].addr}


@pytest.mark.parametrize("kind", ["another name", "ring of aliases", "nothing"])
def test_an_answer_without_addresses_says_that_there_are_none(kind):
    """Id, source and question are right: it is the server that says so, three times."""
    attack = Gate()

    def script(query):
        if not attack.is_open():
            return [reply(query, [address(host(among[0]))])]
        return [reply(query, {
            "another name": [address("127.0.0.99", name=wire("other.test"))],
            "ring of aliases": [record(CNAME, wire("b.test")),
                                record(CNAME, wire(query.name), name=wire("b.test"))],
            "nothing": []}[kind])]

    with origins(1) as among, NameServer(script) as server, \
            Product(named(server, f"api.test:{among[0].port}", ipv4_only=True)) as product:
        assert served_by(product, among) == {0}
        attack.open()
        product.wait_line("api.test does not resolve: .*; the last answer is used")
        assert served_by(product, among) == {0}
        product.wait_line("api.test has no servers any more", 15)
        assert not any("127.0.0.99" in line for line in product.stderr)


def test_a_forged_answer_in_front_of_the_right_one():
    def script(query):
        forged = reply(query, [address("127.0.0.99")],
                       ident=struct.unpack(">H", query.data[:2])[0] ^ 0x55)
        return [forged, reply(query, [address(host(among[0]))])]

    with origins(1) as among, NameServer(script) as server, \
            Product(named(server, f"api.test:{among[0].port}", ipv4_only=True)) as product:
        assert served_by(product, among) == {0}


@pytest.mark.parametrize("what", ["127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1",
                                  "255.255.255.255"])
def test_addresses_that_are_no_servers_are_refused(what):
    with Origin() as local, \
            NameServer(lambda query: [reply(query, [address(what)])]) as server, \
            Product(config(f"api.test:{local.port}",
                           upstream={"dns_server": server.addr, "ipv4_only": True})) as product:
        product.wait_line(f"{what} of api.test is not used: ")
        server.more(2, 10)
        assert product.get("/x").status == 503
        assert not local.connections
        said = [line for line in product.stderr if "is not used" in line]
    assert len(said) == 1


def test_a_refused_address_beside_a_good_one():
    with origins(2) as among, \
            NameServer(lambda query: [reply(query, [address(host(one)) for one in among])]) \
            as server, \
            Product(config(f"api.test:{among[0].port}",
                           upstream={"dns_server": server.addr, "ipv4_only": True,
                                     "discovery_allow": host(among[1])})) as product:
        product.wait_line(f"{host(among[0])} of api.test is not used: ")
        assert served_by(product, among) == {1}


def test_names_of_this_machine_lead_to_it():
    with Origin() as local, Product(config(f"localhost:{local.port}")) as product:
        assert {product.get("/x").status for _ in range(5)} == {200}


def test_static_names_are_looked_up_once():
    with Origin() as local, \
            Product(config(f"localhost:{local.port}", upstream={"discovery": "static"})) as product:
        assert {product.get("/x").status for _ in range(5)} == {200}
        assert not any("localhost has" in line for line in product.stderr)


def test_validate_does_not_wait_for_a_name_server_of_ours():
    with NameServer() as server:
        text = toml.dumps(named(server, "slow.test:80"))
        code, _, err = run("validate", "--config", "-", stdin=text)
    assert (code, err) == (0, "")


# --- a file

def write(path, text):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def as_json(*servers):
    return json.dumps({"servers": [{"addr": one.addr} for one in servers]})


def as_toml(*servers):
    return "".join(f'[[servers]]\naddr = "{one.addr}"\n' for one in servers)


def as_targets(*servers):
    return json.dumps([{"targets": [one.addr for one in servers], "labels": {"env": "a"}}])


def from_file(path, **upstream):
    conf = config([], upstream={"discovery": "file", "discovery_file": str(path), **upstream})
    del conf["upstreams"]["origin"]["addrs"]
    return conf


@pytest.mark.parametrize("form", [as_json, as_toml, as_targets])
def test_a_file_is_followed(tmp_path, form):
    path = tmp_path / "servers"
    with Origin() as a, Origin() as b, Origin() as c:
        write(path, form(a, b))
        with Product(from_file(path)) as product:
            assert served_by(product, [a, b, c]) == {0, 1}
            before = [conn.serial for conn in b.connections]
            write(path, form(b, c))
            wait_served(product, [a, b, c], {1, 2})
            assert [conn.serial for conn in b.connections] == before
            write(path, form())
            if form is not as_toml:
                until(lambda: product.get("/x").status == 503, "an empty list is a list")


def test_weights_and_priorities_of_a_file(tmp_path):
    path = tmp_path / "servers.json"
    with Origin() as a, Origin() as b, Origin() as c:
        write(path, json.dumps({"servers": [{"addr": a.addr, "weight": 3}, {"addr": b.addr},
                                            {"addr": c.addr, "priority": 1}]}))
        with Product(from_file(path)) as product:
            assert served_by(product, [a, b, c], 40) == {0, 1}
            assert (len(a.requests), len(b.requests)) == (30, 10)


def test_a_broken_file_changes_nothing_and_says_where(tmp_path):
    path = tmp_path / "servers.json"
    with Origin() as a, Origin() as b:
        write(path, as_json(a))
        with Product(from_file(path)) as product:
            write(path, '{"servers": [\n  {"addr": "10.0.0.1:80"},\n  {"adr": "10.0.0.2:80"}]}')
            product.wait_line(f"{path}:3:4: unknown key `adr` of a server")
            product.wait_line("the servers of before stay")
            assert served_by(product, [a, b]) == {0}
            os.unlink(path)
            product.wait_line("No such file or directory")
            assert served_by(product, [a, b]) == {0}
            write(path, as_json(b))
            wait_served(product, [a, b], {1})


def test_a_file_that_is_not_there_yet(tmp_path):
    path = tmp_path / "servers.json"
    with Origin() as a, Product(from_file(path)) as product:
        product.wait_line("No such file or directory")
        assert product.get("/x").status == 503
        write(path, as_json(a))
        until(lambda: product.get("/x").status == 200, "it is read when it comes")


def test_a_link_that_is_exchanged(tmp_path):
    """As Kubernetes does with ConfigMaps."""
    with Origin() as a, Origin() as b:
        for name, one in (("one", a), ("two", b)):
            os.mkdir(tmp_path / name)
            write(tmp_path / name / "servers.json", as_json(one))
        os.symlink("one", tmp_path / "data")
        with Product(from_file(tmp_path / "data" / "servers.json")) as product:
            assert served_by(product, [a, b]) == {0}
            os.symlink("two", tmp_path / "new")
            os.rename(tmp_path / "new", tmp_path / "data")
            wait_served(product, [a, b], {1})


def test_validate_warns_of_a_broken_file(tmp_path):
    path = tmp_path / "servers.toml"
    write(path, '[[servers]]\naddr = "api.internal:80"\n')
    code, _, err = run("validate", "--config", "-", stdin=toml.dumps(from_file(path)))
    assert code == 0
    assert f"warning: {path}:2:8: `api.internal:80` is a name" in err
    code, _, err = run("validate", "--config", "-", stdin=toml.dumps(from_file(tmp_path / "none")))
    assert code == 0
    assert "warning: cannot read" in err


# --- Docker

def labelled(docker, addrs="web", **upstream):
    return config(addrs, upstream={"discovery": "docker", "docker_socket": docker.path,
                                   "discovery_allow": ALLOW, **upstream})


def of(origin, name, **more):
    """The container that this origin is."""
    return container(name, host(origin), [origin.port], {"web": "yes"}, **more)


def test_containers_with_the_label_serve():
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3") as b, \
            Docker([of(a, "a"), container("b", host(b), [b.port], {"db": ""})]) as docker, \
            Product(labelled(docker)) as product:
        product.wait_line("1 running container with label web")
        assert served_by(product, [a, b]) == {0}


def test_containers_are_followed_by_their_events():
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3") as b, \
            Docker([of(a, "a")]) as docker, Product(labelled(docker)) as product:
        docker.wait_listener()
        assert served_by(product, [a, b]) == {0}
        before = [conn.serial for conn in a.connections]
        docker.containers.append(of(b, "b"))
        docker.emit(event("start", "b"))
        wait_served(product, [a, b], {0, 1})
        assert [conn.serial for conn in a.connections] == before
        docker.containers.pop(0)
        docker.emit(event("die", "a"))
        wait_served(product, [a, b], {1})


def test_a_bunch_of_events_asks_once():
    with Origin(host="127.0.0.2") as a, Docker([of(a, "a")]) as docker, \
            Product(labelled(docker)) as product:
        docker.wait_listener()
        docker.origin.wait(lambda: len(docker.lists()) >= 2, "the first lists")
        count = len(docker.lists())
        for _ in range(50):
            docker.emit(event("exec_start: true", "a"))
        docker.wait_lists()
        assert served_by(product, [a]) == {0}
        assert len(docker.lists()) <= count + 2


def test_port_and_weight_of_a_label():
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3", port=a.port) as b, \
            Docker([container("a", host(a), [1, a.port], {"role": "front"}),
                    container("b", host(b), [], {"role": "back"})]) as docker, \
            Product(labelled(docker, [f"role=front:{a.port} 3", f"role=back:{a.port}"])) as product:
        for _ in range(40):
            assert product.get("/x").status == 200
        a.settle()
        b.settle()
        assert (len(a.requests), len(b.requests)) == (30, 10)


def test_a_container_without_one_port_is_told_of():
    with Origin(host="127.0.0.2") as a, \
            Docker([container("two", host(a), [1, 2], {"web": ""})]) as docker, \
            Product(labelled(docker)) as product:
        product.wait_line("container two: it has not exactly one TCP port: write LABEL:PORT")
        assert product.get("/x").status == 503


def test_a_daemon_that_restarts_changes_nothing_and_is_found_again():
    with Origin(host="127.0.0.2") as a, Origin(host="127.0.0.3") as b, \
            Docker([of(a, "a")]) as docker, \
            Product(labelled(docker, update_frequency="1s")) as product:
        docker.wait_listener()
        assert served_by(product, [a, b]) == {0}
        docker.stop()
        product.wait_line("does not list containers: .*; the servers of before stay", 10)
        assert served_by(product, [a, b]) == {0}
        docker.containers = [of(b, "b")]
        docker.start()
        wait_served(product, [a, b], {1}, 15)


def test_a_daemon_that_is_not_there_yet():
    with Origin(host="127.0.0.2") as a, Docker([of(a, "a")]) as docker:
        docker.stop()
        with Product(labelled(docker)) as product:
            product.wait_line("does not list containers: .*; there are no servers of it yet")
            assert product.get("/x").status == 503
            docker.start()
            until(lambda: product.get("/x").status == 200, "it is found when it comes", 15)


@pytest.mark.parametrize("raw,said", [
    (b"{}", "it is no list of containers"),
    (b"[{", "not valid JSON"),
    (b'[{"Id": "a", "Id": "b"}]', "not valid JSON: the key `Id` is there twice"),
    (b"[" + b"[" * 5000, "not valid JSON: values are nested too deep"),
    (b"[" + b" " * (5 << 20) + b"]", "the list has more than 4 MiB"),
], ids=["no list", "cut", "twice", "deep", "long"])
def test_a_list_that_is_none_changes_nothing(raw, said):
    with Origin(host="127.0.0.2") as a, Docker([of(a, "a")]) as docker, \
            Product(labelled(docker)) as product:
        docker.wait_listener()
        assert served_by(product, [a]) == {0}
        docker.raw = raw
        docker.emit(event("start"))
        product.wait_line(f"does not list containers: {said}")
        assert served_by(product, [a]) == {0}


def test_a_daemon_that_answers_with_an_error():
    with Docker() as docker:
        docker.status = "400 Bad Request"
        docker.raw = b'{"message":"client version 1.41 is too old"}\n'
        with Product(labelled(docker)) as product:
            product.wait_line("does not list containers: status 400")
