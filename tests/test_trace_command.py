"""`pingap trace`: chosen requests in the application log, for a while."""

import os
import re
import signal

import pytest

from rig.deadline import until
from rig.origin import Origin
from rig.product import Product, config
from rig.standin import free_port

FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def traced(product):
    """The traced requests so far: [{field: text}]."""
    lines = [line.partition(" debug traced ")[2] for line in product.stderr]
    return [{key: value.strip('"') for key, value in FIELD.findall(line)} for line in lines if line]


def wait_traced(product, count):
    until(lambda: len(traced(product)) >= count, f"{count} traced requests")
    return traced(product)


def order(product, *options):
    code, out, err = product.order("trace", *options)
    assert code == 0, err
    return out


def front(origin, **parts):
    return Product(config(origin.addr, **parts))


def test_requests_of_a_path_are_traced_and_no_others():
    with Origin() as origin, front(origin) as product:
        out = order(product, "--path", "/x", "--for", "1m")
        assert "requests for /x..." in out and "1m" in out
        for path in ("/a", "/x", "/ax", "/x/y", "/a"):
            product.get(path)
        order(product, "--off")
        seen = wait_traced(product, 2)
        product.get("/x")
        product.wait_log(6)
    assert [one["uri"] for one in seen] == ["/x", "/x/y"]
    assert len(traced(product)) == 2
    first = seen[0]
    assert first["location"] == "all" and first["server"] == "main"
    assert first["upstream"] == "origin" and first["upstream_addr"] == origin.addr
    assert (first["status"], first["reason"], first["termination"]) == ("200", "-", "--")
    assert first["client"] == "127.0.0.1" and int(first["latency_us"]) > 0
    assert re.fullmatch(r"before \d+us, queue 0us, connect \d+us, head \d+us, rest \d+us",
                        first["phases"])
    phases = [int(number) for number in re.findall(r"(\d+)us", first["phases"])]
    assert abs(sum(phases) - int(first["latency_us"])) <= len(phases)


def test_traced_requests_show_no_secrets():
    with Origin() as origin, front(origin, server={"access_log_redact": ["?sid"]}) as product:
        order(product, "--path", "/x")
        product.get("/x?sid=hunter2&a=1&%74oken=hunter2")
        assert wait_traced(product, 1)[0]["uri"] == "/x?sid=***&a=1&%74oken=***"


def test_requests_of_a_client_are_traced_and_no_others():
    server = {"trusted_proxies": ["127.0.0.1"]}
    with Origin() as origin, front(origin, server=server) as product:
        order(product, "--client", "10.1.0.0/16")
        for client in ("10.1.2.3", "10.2.2.3", "10.1.9.9"):
            product.get("/", headers=[("X-Forwarded-For", client)])
        order(product, "--off")
        seen = wait_traced(product, 2)
    assert [one["client"] for one in seen] == ["10.1.2.3", "10.1.9.9"]


def test_both_are_needed_where_both_are_given():
    with Origin() as origin, front(origin) as product:
        order(product, "--client", "127.0.0.1", "--path", "/x")
        for path in ("/a", "/x"):
            product.get(path)
        order(product, "--client", "192.0.2.1", "--path", "/x")  # instead of the one before
        product.get("/x")
        assert order(product).startswith("0 of at most 100 requests are traced so far")
        order(product, "--off")
        assert [one["uri"] for one in wait_traced(product, 1)] == ["/x"]


def test_every_decision_is_in_the_line():
    dead = f"127.0.0.1:{free_port()}"
    plugins = {"office": {"type": "ip_restriction", "mode": "allow", "ip_list": ["127.0.0.1"]},
               "big": {"type": "request_id", "when": {"methods": ["PUT"]}},
               "stop": {"type": "mock", "path": "/stop", "status": 418}}
    with Origin() as origin:
        conf = config([dead, origin.addr], upstream={"max_fails": 0},
                      location={"plugins": list(plugins)})
        conf["plugins"] = plugins
        with Product(conf) as product:
            order(product, "--path", "/")
            while True:
                product.get("/go?token=s3cret&a=1")
                if any("," in one["tries"] for one in wait_traced(product, 1)):
                    break
            product.get("/stop")
            order(product, "--off")
            seen = traced(product)
            text = "\n".join(product.stderr)
    retried = next(one for one in seen if "," in one["tries"])
    assert f"{dead}=upstream_refused" in retried["tries"] and origin.addr in retried["tries"]
    assert re.search(r"office passed \d+us", retried["plugins"])
    assert "big skipped" in retried["plugins"]
    stopped = seen[-1]
    assert stopped["plugin"] == "stop" and stopped["status"] == "418"
    assert re.search(r"stop answered \d+us$", stopped["plugins"])
    assert stopped["termination"] == "LR"
    assert re.fullmatch(r"before \d+us", stopped["phases"])
    assert "s3cret" not in text and "a=1" in text


def test_refused_requests_are_traced():
    with Origin() as origin, front(origin, locations={"a": {"path": "/a"}}) as product:
        order(product, "--path", "/none")
        product.get("/none")
        with product.client() as client:
            client.send(b"GET /none HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            assert client.response().status == 400
        seen = wait_traced(product, 2)
    assert [one["reason"] for one in seen] == ["no_route", "bad_host"]


def test_it_is_bounded_in_number():
    with Origin() as origin, front(origin, basic={"threads": 2}) as product:
        order(product, "--path", "/", "--most", "3")
        for _ in range(10):
            product.get("/")
        product.wait_line("no more requests are traced: 3 were")
        product.wait_log(10)
        assert len(traced(product)) == 3
        assert order(product) == "nothing is traced\n"


def test_it_is_bounded_in_time():
    with Origin() as origin, front(origin) as product:
        order(product, "--path", "/", "--for", "100ms")
        product.wait_line("no more requests are traced: ")
        seen = len(traced(product))
        product.get("/")
        product.wait_log(1)
        assert len(traced(product)) == seen == 0


# The lines are written whatever the level is.
def test_a_quiet_log_has_them_too():
    with Origin() as origin, front(origin) as product:
        assert product.order("log", "error")[0] == 0
        order(product, "--path", "/")
        product.get("/")
        assert wait_traced(product, 1)[0]["uri"] == "/"


def test_a_reload_does_not_end_it():
    with Origin() as origin, front(origin) as product:
        order(product, "--path", "/")
        product.get("/")
        product.conf["locations"]["all"]["proxy_set_headers"] = ["X-New: yes"]
        product.write_config()
        assert product.order("reload")[0] == 0
        product.get("/")
        assert origin.requests[-1].get("x-new") == "yes"
        assert len(wait_traced(product, 2)) == 2
        assert order(product).startswith("2 of at most 100 requests are traced so far")


# On a full disk lines wait until there is room, or go to stderr; requests go on.
def test_a_full_disk_costs_lines_only(tmp_path):
    path = tmp_path / "p.log"
    os.symlink("/dev/full", path)
    with Origin() as origin, front(origin) as product:
        product.conf["logging"] = {"output": str(path)}
        product.write_config()
        assert product.order("reload")[0] == 0
        product.wait_line("cannot write: No space left")
        order(product, "--path", "/x", "--most", "50")
        with product.client() as client:
            for number in range(60):
                assert client.get(f"/x/{number}").status == 200
        until(lambda: order(product) == "nothing is traced\n", "they were enough")
        path.unlink()
        product.signal(signal.SIGUSR1)
        order(product, "--path", "/y")
        product.get("/y")
        until(lambda: path.exists() and 'uri="/y"' in path.read_text(encoding="utf-8"),
              "it goes on by itself")
        shown = path.read_text(encoding="utf-8") + "\n".join(product.stderr)
        assert shown.count(" debug traced ") == 51


@pytest.mark.parametrize("options, why", [
    (["--client", "10.0.0"], "`10.0.0` is no address or network"),
    (["--path", "x"], "`x` is no path"),
    (["--path", "/", "--for", "2h"], "`2h` is no time"),
    (["--path", "/", "--for", "0s"], "`0s` is no time"),
    (["--path", "/", "--most", "0"], "`0` is no number"),
    (["--path", "/", "--most", "99999"], "`99999` is no number"),
    (["--for", "1s"], "--path / "),
    (["--off", "--path", "/"], "--off goes alone"),
])
def test_what_cannot_be_is_refused(options, why):
    with Origin() as origin, front(origin) as product:
        code, _, err = product.order("trace", *options)
        assert code == 2 and why.strip() in err
        assert order(product) == "nothing is traced\n"
