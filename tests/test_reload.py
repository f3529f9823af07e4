"""Another configuration while it runs: all of it or nothing, and nothing is lost."""

import copy
import os
import resource
import signal
import subprocess
import threading

import pytest

from rig import toml
from rig.client import Client, request
from rig.deadline import until
from rig.origin import Gate, Origin, in_the_middle, response
from rig.product import binary, config, front, run
from rig.standin import free_port


def write(product, conf):
    with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
        file.write(conf if isinstance(conf, str) else toml.dumps(conf))


def said(product, text):
    return sum(text in line for line in product.stderr)


def reload(product, conf, answer="configuration reloaded"):
    """Goes over to `conf`; returns it."""
    count = said(product, answer)
    write(product, conf)
    product.process.send_signal(signal.SIGHUP)
    until(lambda: said(product, answer) > count, answer)
    return conf


def changed(product, **upstream):
    conf = copy.deepcopy(product.conf)
    conf["upstreams"]["origin"].update(upstream)
    return conf


def test_requests_go_where_the_new_one_says():
    with Origin() as a, Origin() as b, front(a) as product, product.client() as client:
        assert client.get("/").status == 200
        reload(product, changed(product, addrs=[b.addr]))
        assert client.get("/").status == 200  # on the same connection
        assert (len(a.requests), len(b.requests)) == (1, 1)


def test_what_has_not_changed_keeps_its_connections():
    with Origin() as origin, front(origin) as product:
        assert product.get("/").status == 200
        conf = copy.deepcopy(product.conf)
        conf["servers"]["main"]["max_headers"] = 77
        for _ in range(5):
            reload(product, conf)
            assert product.get("/").status == 200
        assert len(origin.connections) == 1


def test_a_request_ends_on_what_it_began_with():
    gate = Gate()
    with Origin(in_the_middle(gate)) as old, Origin() as new, front(old) as product, \
            product.client() as client:
        client.send(request("/"))
        until(lambda: old.requests, "it is there")
        reload(product, changed(product, addrs=[new.addr]))
        assert product.get("/").status == 200
        gate.open()
        assert client.response().body == b"abcd"
        assert len(new.requests) == 1


def test_a_stream_of_events_and_an_open_breaker_go_on():
    """The upstream of the stream has gone; nothing has changed about the one that is left out."""
    gate = Gate()

    async def events(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await conn.send(b"data: one\n\n")
        await gate.wait()
        await conn.send(b"data: two\n\n")
        conn.fin()
        await conn.end()

    with Origin(events) as stream, Origin(answer=lambda _: response(500)) as bad, \
            front(stream) as product, product.client() as client:
        product.conf["upstreams"]["bad"] = {
            "addrs": [bad.addr], "circuit_break_max_consecutive_failures": 3,
            "circuit_break_half_open_consecutive_success_threshold": 2,
            "circuit_break_open_duration": "1h"}
        product.conf["locations"]["bad"] = {"path": "/bad", "upstream": "bad"}
        product.conf["servers"]["main"]["locations"].append("bad")
        reload(product, product.conf)
        assert [product.get("/bad").status for _ in range(4)] == [500] * 3 + [503]
        client.send(request("/", [("Connection", "close")]))
        seen = b""
        while b"data: one\n\n" not in seen:
            seen += client.bytes(1)
        reload(product, changed(product, addrs=["127.0.0.1:1"]))
        assert product.get("/bad").status == 503 and len(bad.requests) == 3
        gate.open()
        assert b"data: two\n\n" in client.read_to_end()


@pytest.mark.parametrize("broken", ["[nonsense", "[upstreams.a]\naddrs = []\n"])
def test_a_broken_one_changes_nothing(broken):
    with Origin() as origin, front(origin) as product:
        reload(product, broken, "reload refused")
        assert product.get("/").status == 200
        reload(product, product.conf)
        assert product.get("/").status == 200


def test_it_says_what_has_changed():
    with Origin() as origin, front(origin) as product:
        conf = changed(product, read_timeout="7s")
        conf["locations"]["more"] = dict(conf["locations"]["all"], path="/more")
        conf["servers"]["main"]["locations"].append("more")
        reload(product, conf)
        assert said(product, "reloaded: servers changed: main; locations new: more; "
                             "upstreams changed: origin") == 1
        reload(product, conf)
        assert said(product, "reloaded: nothing has changed") == 1


def test_headers_change_for_the_next_request_of_a_connection():
    with Origin() as origin, front(origin) as product, product.client() as client:
        assert client.get("/").get("X-New") is None
        conf = copy.deepcopy(product.conf)
        conf["locations"]["all"]["headers_set"] = ["X-New: yes"]
        reload(product, conf)
        assert client.get("/").get("X-New") == "yes"


def test_many_in_a_row_under_load():
    """Not a request fails, whatever changes."""
    statuses, stop = [], threading.Event()
    with Origin() as a, Origin() as b, front([a, b]) as product:
        def ask():
            with product.client() as client:
                while not stop.is_set():
                    statuses.append(client.get("/").status)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(50):
            reload(product, changed(product, addrs=[[a, b][turn % 2].addr], max_fails=turn))
        stop.set()
        for thread in threads:
            thread.join()
    assert len(statuses) > 100 and set(statuses) == {200}


# --- what is listened on

def with_server(product, name, port, **keys):
    conf = copy.deepcopy(product.conf)
    conf["servers"][name] = dict(conf["servers"]["main"], addr=f"127.0.0.1:{port}", **keys)
    return conf


def test_an_address_comes_and_goes():
    port = free_port()
    with Origin() as origin, front(origin) as product:
        reload(product, with_server(product, "more", port))
        with Client(("127.0.0.1", port)) as client:
            assert client.get("/").status == 200
            reload(product, product.conf)
            client.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            Client(("127.0.0.1", port))
        assert product.get("/").status == 200


def test_an_address_that_is_taken_refuses_all_of_it():
    with Origin() as origin, Origin() as other, front(origin) as product:
        conf = with_server(product, "more", other.port)
        conf["locations"]["all"]["headers_set"] = ["X-New: yes"]
        reload(product, conf, "reload refused: cannot listen on")
        assert product.get("/").get("X-New") is None


def test_a_request_ends_at_an_address_that_goes():
    port, gate = free_port(), Gate()

    async def held(conn):
        await conn.request()
        await gate.wait()
        await conn.send(response(body=b"late"))
        await conn.end()

    with Origin(held) as origin, front(origin) as product:
        reload(product, with_server(product, "more", port))
        with Client(("127.0.0.1", port)) as client:
            client.send(request("/"))
            until(lambda: origin.requests, "it is there")
            reload(product, product.conf)
            gate.open()
            assert client.response().body == b"late"


def test_another_access_log():
    with Origin() as origin, front(origin) as product:
        conf = copy.deepcopy(product.conf)
        path = product.path("other.log")
        conf["servers"]["main"]["access_log"] = f"{path} {{status}}"
        reload(product, conf)
        assert product.get("/").status == 200
        until(lambda: open(path, encoding="ascii").read() == "200\n", "its line")
        del conf["servers"]["main"]["access_log"]
        reload(product, conf)
        assert product.get("/").status == 200


def test_an_address_that_went_a_moment_ago_comes_back():
    """Our own sockets, which still take what they have accepted, are in nobody's way."""
    port = free_port()
    with Origin() as origin, front(origin) as product:
        for _ in range(5):
            reload(product, with_server(product, "more", port))
            reload(product, product.conf)
        reload(product, with_server(product, "more", port))
        with Client(("127.0.0.1", port)) as client:
            assert client.get("/").status == 200


def test_nobody_reads_what_it_says(tmp_path):
    """A log pipe whose reader has gone is no reason to end."""
    port = free_port()
    with Origin() as origin:
        conf = config([origin.addr], server={"addr": f"127.0.0.1:{port}"})
        (tmp_path / "p.toml").write_text(toml.dumps(conf))
        process = subprocess.Popen([binary(), "-c", str(tmp_path / "p.toml")],
                                   stderr=subprocess.PIPE)
        try:
            while b"ready" not in process.stderr.readline():
                pass
            process.stderr.close()
            (tmp_path / "p.toml").write_text("[nonsense")
            assert run("reload", "--config", str(tmp_path / "p.toml"))[0] == 3
            with Client(("127.0.0.1", port)) as client:
                assert client.get("/").status == 200
        finally:
            process.terminate()
            process.wait(10)
        assert process.returncode == 0


# --- descriptors are used up

@pytest.mark.parametrize("threads", [1, 4])
def test_descriptors_used_up_at_each_moment_of_a_reload(threads):
    """It is refused, or done; what runs goes on, and nothing is left open."""
    ports = [free_port() for _ in range(3)]
    with Origin() as origin, front(origin, basic={"threads": threads}) as product, \
            product.client() as client:
        assert client.get("/").status == 200
        pid, limits = product.process.pid, resource.prlimit(product.process.pid,
                                                            resource.RLIMIT_NOFILE)
        before = product.descriptors()
        refused = 0
        for spare in range(30):
            highest = max(map(int, os.listdir(f"/proc/{pid}/fd")))
            conf = copy.deepcopy(product.conf)
            conf["locations"]["all"]["headers_set"] = [f"X-New: {spare}"]
            for number, port in enumerate(ports):
                conf["servers"][f"more{number}"] = {
                    "addr": f"127.0.0.1:{port}", "locations": ["all"],
                    "access_log": product.path(f"more{number}.log")}
            write(product, conf)
            seen = said(product, "reload")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + spare, limits[1]))
            product.process.send_signal(signal.SIGHUP)
            until(lambda seen=seen: said(product, "reload") > seen, "its outcome")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            done = client.get("/").get("X-New") == str(spare)
            assert done or "reload refused" in product.stderr[-1], product.stderr[-5:]
            refused += not done
            reload(product, product.conf)
            assert client.get("/").get("X-New") is None
            until(lambda: product.descriptors() <= before, f"{before} descriptors are left")
        assert 3 < refused < 30, refused
