"""[metrics]: what is counted is what happened, and Prometheus can read it."""

import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import urllib.request

import pytest

from rig import h2, toml
from rig.client import Client, request
from rig.deadline import seconds, until
from rig.metrics import OPENMETRICS, Samples, documented, get, scrape
from rig.origin import Gate, Origin, echo, response
from rig.product import ROOT, Product, config, run
from rig.standin import find, free_port
from rig.tls import Authority, TlsClient, authority, context
from test_tls_upstream import backend as tls_backend

needs_prometheus = pytest.mark.skipif(not (find("prometheus") and find("promtool")),
                                      reason="prometheus is not installed")
HERE = {"addr": "127.0.0.1:0"}


def with_metrics(conf, **keys):
    conf["metrics"] = {**HERE, **keys}
    return conf


@contextlib.contextmanager
def measured(origin, keys=None, **parts):
    """A product with [metrics] in front of an origin."""
    backends = origin if isinstance(origin, (str, list)) else origin.addr
    with Product(with_metrics(config(backends, **parts), **(keys or {}))) as product:
        yield product


def settled(product, requests):
    """A scrape in which that many requests have ended."""
    def look():
        samples = scrape(product)
        done = samples.sum("http_requests_total") >= requests
        return samples if done and samples.sum("http_requests_in_flight") == 0 else None

    return until(look, f"{requests} requests counted")


def promtool(text):
    done = subprocess.run([find("promtool"), "check", "metrics"], input=text, text=True,
                          capture_output=True, timeout=seconds(20), check=False)
    return done.returncode, done.stdout + done.stderr


# --- what is counted


def test_requests_are_counted_by_method_and_status():
    def answer(message):
        return response(404) if message.path() == "/none" else echo(message)

    with Origin(answer=answer) as origin, measured(origin) as product:
        for _ in range(7):
            product.get("/a")
        for _ in range(3):
            product.get("/none")
        product.get("/a", method="POST", body=b"x" * 1000)
        product.get("/a", method="HEAD")
        product.get("/a", method="BREW")
        samples = settled(product, 13)
    here = {"server": "main", "location": "all"}
    for method, status, count in [("GET", 200, 7), ("GET", 404, 3), ("POST", 200, 1),
                                  ("HEAD", 200, 1), ("_other", 200, 1)]:
        assert samples.one("http_requests_total", method=method, status=str(status), **here) == count
    assert samples.sum("http_requests_total") == 13
    assert samples.one("http_request_duration_seconds_count", **here) == 13
    assert samples.one("http_request_body_bytes_total", **here) == 1000
    assert samples.one("http_connections_accepted_total", server="main") == 13
    tries = {"upstream": "origin"}
    assert samples.one("upstream_requests_total", **tries) == 13
    assert samples.one("upstream_responses_total", class_="2xx", **tries) == 10
    assert samples.one("upstream_responses_total", class_="4xx", **tries) == 3
    assert samples.one("upstream_retries_total", **tries) == 0
    assert samples.one("upstream_health", **tries) == 1
    assert samples.one("upstream_server_state", state="up", **tries) == 1
    opened = samples.one("upstream_connections_opened_total", **tries)
    assert opened + samples.one("upstream_connections_reused_total", **tries) == 13
    assert samples.one("upstream_first_byte_duration_seconds_count", **tries) == 13
    assert samples.one("upstream_connect_duration_seconds_count", **tries) == opened


def test_bytes_of_bodies_are_counted():
    with Origin() as origin, measured(origin) as product:
        for size in (0, 10, 100_000):
            product.get("/a", method="POST", body=b"x" * size)
        samples = settled(product, 3)
    assert samples.one("http_request_body_bytes_total", location="all") == 100_010
    assert samples.one("http_response_body_bytes_total", location="all") == 3 * len("echo /a")


# No location took them: they stand apart, and are counted all the same.
def test_refused_requests_are_counted():
    locations = {"a": {"path": "/a"}}
    with Origin() as origin, measured(origin, locations=locations) as product:
        product.get("/a")
        product.get("/b")
        with product.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            assert client.response().status == 400
        with product.client() as client:
            client.send(b"POST /\x00 HTTP/1.1\r\n\r\n")
            assert client.response("POST").status == 400
        samples = settled(product, 4)
    rest = {"server": "main", "location": "_other"}
    assert samples.one("http_requests_total", method="GET", status="404", **rest) == 1
    assert samples.one("http_requests_total", method="GET", status="400", **rest) == 1
    assert samples.one("http_requests_total", method="POST", status="400", **rest) == 1
    assert samples.one("http_requests_total", location="a") == 1
    assert samples.one("http_request_errors_total", reason="no_route") == 1
    assert samples.one("http_request_errors_total", reason="bad_host") == 1
    assert samples.sum("http_request_errors_total") == 3


# The letters are those of the log; every request has two.
def test_requests_are_counted_by_how_they_ended():
    dead = f"127.0.0.1:{free_port()}"
    locations = {"a": {"path": "/a"}, "dead": {"path": "/dead", "upstream": "dead"},
                 "mock": {"path": "/mock", "plugins": ["mock"]}}
    gate = Gate()

    async def script(conn):
        while (message := await conn.request()) is not None:
            if message.path() == "/a/slow":
                await gate.wait()
            await conn.send(echo(message))

    with Origin(script=script) as origin:
        conf = with_metrics(config(origin.addr, locations=locations))
        conf["upstreams"]["dead"] = {"addrs": [dead], "max_fails": 0}
        conf["plugins"] = {"mock": {"type": "mock", "body": "x"}}
        with Product(conf) as product:
            for path in ("/a", "/a", "/dead", "/mock", "/none"):
                product.get(path)
            with product.client() as client:
                client.send(request("/a/slow"))
                origin.wait_requests(3)
                client.rst()
            samples = settled(product, 6)
            gate.open()
            product.wait_log(6)
    name = "http_terminations_total"
    for location, letters, count in [("a", "--", 2), ("a", "CH", 1), ("dead", "SC", 1),
                                     ("mock", "LR", 1), ("_other", "PR", 1)]:
        assert samples.one(name, server="main", location=location, termination=letters) == count
    assert samples.sum(name) == samples.sum("http_requests_total") == 6


def test_every_try_is_counted_at_its_server():
    dead = f"127.0.0.1:{free_port()}"
    with Origin() as origin:
        with measured([dead, origin.addr], upstream={"max_fails": 0}) as product:
            for _ in range(10):
                assert product.get("/a").status == 200
            samples = settled(product, 10)
    failed = samples.one("upstream_failed_tries_total", server=dead, reason="upstream_refused")
    assert failed >= 4
    assert samples.one("upstream_requests_total", server=dead) == failed
    assert samples.one("upstream_requests_total", server=origin.addr) == 10
    assert samples.one("upstream_retries_total", server=origin.addr) == failed
    assert samples.one("upstream_connections_closed_total", server=dead, reason="broken") == failed


def test_a_repeated_answer_is_a_failed_try():
    def answer(message):
        bad = message.path() == "/bad" and len(origin.requests) % 2 == 1
        return response(503) if bad else echo(message)

    with Origin(answer=answer) as origin:
        with measured(origin, location={"retry_on": ["503"]}) as product:
            assert product.get("/bad").status == 200
            samples = settled(product, 1)
    assert samples.one("upstream_failed_tries_total", reason="upstream_bad_status") == 1
    assert samples.one("upstream_requests_total") == 2
    assert samples.one("upstream_responses_total", class_="5xx") == 1
    assert samples.one("http_requests_total", status="200") == 1


def test_what_is_under_way_is_seen():
    gate = Gate()

    async def script(conn):
        message = await conn.request()
        await gate.wait()
        await conn.send(echo(message))

    with Origin(script=script) as origin, measured(origin) as product:
        with product.client() as client:
            client.send(request("/a"))
            origin.wait_requests(1)
            samples = scrape(product)
            assert samples.one("http_requests_in_flight", server="main") == 1
            assert samples.one("http_connections", server="main") == 1
            assert samples.one("upstream_requests_in_flight", upstream="origin") == 1
            assert samples.sum("worker_connections") == 1
            gate.open()
            assert client.response().status == 200
        settled(product, 1)
        until(lambda: scrape(product).one("upstream_requests_in_flight") == 0, "the try ended")
        until(lambda: scrape(product).one("http_connections") == 0, "the connection closed")


def test_the_queue_is_seen():
    gate = Gate()

    async def script(conn):
        message = await conn.request()
        while message is not None:
            await gate.wait()
            await conn.send(echo(message))
            message = await conn.request()

    limits = {"max_connections": 1, "queue_timeout": "10s"}
    with Origin(script=script) as origin, measured(origin, upstream=limits) as product:
        with product.client() as first, product.client() as second:
            first.send(request("/a"))
            origin.wait_requests(1)
            second.send(request("/b"))
            until(lambda: scrape(product).one("upstream_queued_requests") == 1, "one waits")
            gate.open()
            assert first.response().status == second.response().status == 200
        samples = settled(product, 2)
    assert samples.one("upstream_queued_requests", upstream="origin") == 0
    assert samples.one("upstream_queue_duration_seconds_count", upstream="origin") == 1


def test_a_server_that_is_out_is_seen():
    dead = f"127.0.0.1:{free_port()}"
    with measured(dead, upstream={"max_fails": 1, "max_ejected_percent": 100}) as product:
        product.get("/a")
        samples = until(lambda: (lambda now: now if not now.one("upstream_health") else None)(
            scrape(product)), "the server is out")
    assert samples.one("upstream_server_state", state="out", server=dead) == 1


def test_clients_of_tls_are_counted():
    ca = authority()
    settings = context()
    with Origin() as origin, measured(origin, server=ca.issue("a.test").keys()) as product:
        session = None
        for _ in range(3):
            with TlsClient(product.address(), settings=settings, session=session) as client:
                client.send(request("/a"))
                assert client.response().status == 200
                session = client.sock.session
        with Client(product.address()) as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            client.read_to_end()
        until(lambda: scrape(product).one("tls_handshake_failures_total"), "a failed handshake")
        samples = scrape(product)
    here = {"server": "main"}
    assert samples.one("tls_handshakes_total", version="TLSv1.3", **here) == 3
    assert samples.one("tls_resumptions_total", **here) == 2
    assert samples.one("tls_handshake_duration_seconds_count", **here) == 3
    labels, expires = samples.of("tls_certificate_not_after_seconds", **here)[0]
    assert expires > 1e9 and re.fullmatch("[0-9a-f]{64}", labels["fingerprint"])


def test_http2_is_counted_as_http1_is():
    with Origin() as origin, measured(origin) as product:
        with h2.connect(product) as client:
            for number in range(5):
                stream = 2 * number + 1
                client.send(h2.get(stream))
                assert client.answer(stream).status == 200
            client.send(h2.frame(h2.SETTINGS) * 7)
        samples = settled(product, 5)
        until(lambda: scrape(product).one("http2_glitches_total") >= 7, "the glitches are counted")
    assert samples.one("http_requests_total", method="GET", status="200") == 5


# --- at a path of a server

def at_a_server(origin, plugins, names):
    conf = with_metrics(config(origin.addr))
    conf["plugins"] = plugins
    conf["servers"]["main"]["plugins"] = names
    return Product(conf)


def test_a_plugin_serves_them_at_a_path():
    with Origin() as origin, at_a_server(origin, {}, ["metrics"]) as product:
        for _ in range(3):
            product.get("/a")
        product.wait_log(3)
        answer = product.get("/metrics")
        assert answer.status == 200
        assert answer.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
        samples = Samples(answer.body.decode())
        assert samples.one("http_requests_total", location="all") == 3
        assert samples.families == scrape(product).families
        openmetrics = product.get("/metrics", headers=[("Accept", OPENMETRICS)])
        assert openmetrics.body.endswith(b"# EOF\n")
        assert product.get("/metrics/x").body == b"echo /metrics/x"
        assert product.get("/metrics", method="HEAD").status == 200


def test_other_plugins_say_who_may_read_them():
    plugins = {"numbers": {"type": "metrics", "path": "/internal/metrics"},
               "reader": {"type": "api_key", "keys": ["t0ken"], "header": "X-Token",
                          "when": {"path": ["= /internal/metrics"]}}}
    with Origin() as origin, at_a_server(origin, plugins, ["numbers", "reader"]) as product:
        assert product.get("/internal/metrics").status == 401
        assert product.get("/a").status == 200
        answer = product.get("/internal/metrics", headers=[("X-Token", "t0ken")])
        assert answer.status == 200 and b"http_requests_total" in answer.body


def test_many_may_ask_at_once_and_go_away():
    with Origin() as origin, at_a_server(origin, {}, ["metrics"]) as product:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(product.client()) for _ in range(50)]
            for client in clients:
                client.send(request("/metrics"))
            for client in clients[::2]:
                client.rst()
            for client in clients[1::2]:
                assert b"pingap_build_info" in client.response().body
        assert product.get("/metrics").status == 200


# --- TLS


def get_tls(address, settings, path="/metrics"):
    """(status, text) by HTTPS."""
    connection = http.client.HTTPSConnection(*address, timeout=seconds(10), context=settings)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def verifying(ca):
    settings = ssl.create_default_context(cafile=ca.ca.cert)
    settings.check_hostname = True
    return settings


def test_they_can_be_served_by_https():
    ca = authority()
    with Origin() as origin, measured(origin, ca.issue("127.0.0.1").keys()) as product:
        product.get("/a")
        address = product.address("metrics")
        settings = verifying(ca)
        settings.set_alpn_protocols(["h2", "http/1.1"])  # the first is not spoken
        status, text = get_tls(address, settings)
        assert status == 200 and Samples(text).sum("http_requests_total") >= 0
        assert get_tls(address, settings, "/readyz") == (200, "ready\n")
        with pytest.raises(ssl.SSLError):
            get_tls(address, ssl.create_default_context())
        for silence in (b"", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01"):
            with Client(address) as client:  # no TLS: no answer, and nobody else waits for it
                client.send(silence)
                assert get_tls(address, settings, "/healthz") == (200, "ok\n")
        with contextlib.ExitStack() as stack:
            for _ in range(80):  # more than are kept
                stack.enter_context(Client(address))
            assert get_tls(address, settings, "/healthz") == (200, "ok\n")


def test_a_reload_brings_tls_and_takes_it_away():
    ca = authority()
    pair = ca.issue("127.0.0.1").keys()
    with Origin() as origin, measured(origin) as product:
        address = product.address("metrics")
        product.conf["metrics"].update(pair)
        product.write_config()
        assert product.order("reload")[0] == 0
        assert get_tls(address, verifying(ca))[0] == 200
        product.conf["metrics"]["tls_key"] = "/no/such/key.pem"
        product.write_config()
        code, _, err = product.order("reload")
        assert code == 3 and "cannot use tls_key `/no/such/key.pem`" in err
        assert get_tls(address, verifying(ca))[0] == 200
        for key in pair:
            del product.conf["metrics"][key]
        product.write_config()
        assert product.order("reload")[0] == 0
        assert get(address)[0] == 200


def test_new_certificates_are_taken_up():
    first, second = authority(), Authority("another authority")
    with Origin() as origin, tempfile.TemporaryDirectory() as folder:
        keys = {key: os.path.join(folder, key) for key in ("tls_cert", "tls_key")}

        def put(ca):
            for key, source in ca.issue("127.0.0.1").keys().items():
                shutil.copy(source, keys[key])

        put(first)
        with measured(origin, keys) as product:
            address = product.address("metrics")
            assert get_tls(address, verifying(first))[0] == 200
            put(second)
            product.wait_line(r"certificates of \[metrics\] are new", 15)
            assert get_tls(address, verifying(second))[0] == 200


# --- reloads


def test_counts_survive_a_reload_and_follow_the_configuration():
    locations = {"a": {"path": "/a"}, "b": {"path": "/b"}}
    with Origin() as origin, measured(origin, locations=locations) as product:
        product.get("/a")
        product.get("/b")
        settled(product, 2)
        del product.conf["locations"]["b"]
        product.conf["locations"]["c"] = {"upstream": "origin", "path": "/c"}
        product.conf["servers"]["main"]["locations"] = ["a", "c"]
        product.write_config()
        assert product.order("reload")[0] == 0
        product.get("/a")
        product.get("/c")
        samples = settled(product, 3)
        assert samples.one("http_requests_total", location="a") == 2
        assert samples.one("http_requests_total", location="c") == 1
        assert not samples.of("http_requests_total", location="b")
        assert samples.one("upstream_requests_total") == 4
        assert samples.one("config_reloads_total", result="taken") == 1
        assert samples.one("config_last_reload_successful") == 1
        assert samples.one("config_last_refused_timestamp_seconds") == 0
        with open(product.path("pingap.toml"), "a", encoding="utf-8") as file:
            file.write("[nonsense]\n")
        assert product.order("reload")[0] != 0
        samples = scrape(product)
        assert samples.one("config_reloads_total", result="refused") == 1
        assert samples.one("config_last_reload_successful") == 0
        assert samples.one("config_last_refused_timestamp_seconds") >= samples.one(
            "config_loaded_timestamp_seconds")


def test_the_address_changes_with_a_reload():
    with Origin() as origin, measured(origin) as product:
        old = product.address("metrics")
        port = free_port()
        product.conf["metrics"]["addr"] = f"127.0.0.1:{port}"
        product.write_config()
        assert product.order("reload")[0] == 0
        assert get(("127.0.0.1", port))[0] == 200
        with pytest.raises(OSError):
            get(old)
        del product.conf["metrics"]
        product.write_config()
        assert product.order("reload")[0] == 0
        with pytest.raises(OSError):
            get(("127.0.0.1", port))
        product.conf["metrics"] = {"addr": f"127.0.0.1:{port}", "path": "/m"}
        product.write_config()
        assert product.order("reload")[0] == 0
        assert get(("127.0.0.1", port), "/m")[0] == 200
        assert get(("127.0.0.1", port))[0] == 404


def test_a_reload_to_an_address_that_is_taken_is_refused():
    with Origin() as origin, Origin() as other, measured(origin) as product:
        product.conf["metrics"]["addr"] = other.addr
        product.write_config()
        code, _, err = product.order("diff")
        assert code != 0 and "[metrics]" in err
        code, _, err = product.order("reload")
        assert code != 0 and f"cannot listen on {other.addr} for [metrics]" in err
        assert scrape(product).one("config_reloads_total", result="refused") == 1
        assert product.get("/a").status == 200


def test_a_start_without_the_address_is_refused():
    with Origin() as origin:
        conf = toml.dumps(with_metrics(config(origin.addr), addr=origin.addr))
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(conf)
            file.flush()
            code, _, err = run("run", "--config", file.name)
            assert code != 0 and "cannot listen on" in err


def test_the_address_may_be_a_socket_in_the_file_system():
    with tempfile.TemporaryDirectory() as folder, Origin() as origin:
        path = os.path.join(folder, "metrics.sock")
        with measured(origin, {"addr": f"unix:{path}"}) as product:
            product.get("/a")
            assert Samples(get(path)[2]).sum("http_requests_total") >= 0
        assert not os.path.exists(path)


# --- who may read


def test_name_and_password_or_token_are_asked_for():
    keys = {"user": "prometheus", "password": "s3cret", "token": "t0ken"}
    with Origin() as origin, measured(origin, keys) as product:
        address = product.address("metrics")
        status, headers, text = get(address)
        assert status == 401 and headers["WWW-Authenticate"].startswith("Basic ")
        assert "http_requests" not in text
        for right in ("Basic cHJvbWV0aGV1czpzM2NyZXQ=", "Bearer t0ken"):
            assert get(address, headers={"Authorization": right})[0] == 200
        for wrong in ("Basic cHJvbWV0aGV1czpzM2NyZXR4", "Bearer t0ke", "Bearer", "Basic !!"):
            assert get(address, headers={"Authorization": wrong})[0] == 401
        assert get(address, "/healthz")[0] == 200
        log = "\n".join(product.stderr)
        assert "s3cret" not in log and "t0ken" not in log


def test_an_open_address_is_warned_about():
    conf = with_metrics(config("127.0.0.1:1"), addr="0.0.0.0:0")
    code, _, err = run("validate", "--config", "-", stdin=toml.dumps(conf))
    assert code == 0 and "can be read by everybody" in err
    conf["metrics"]["token"] = "t"
    code, _, err = run("validate", "--config", "-", stdin=toml.dumps(conf))
    assert code == 0 and "everybody" not in err


def test_what_else_is_asked_is_refused():
    with Origin() as origin, measured(origin) as product:
        address = product.address("metrics")
        assert get(address, "/")[0] == 404
        assert get(address, "/metrics/x")[0] == 404
        assert get(address, "/metrics?a=b")[0] == 200
        status, headers, _ = get(address, method="POST")
        assert status == 405 and headers["Allow"] == "GET, HEAD"
        status, headers, text = get(address, method="HEAD")
        assert status == 200 and text == "" and int(headers["Content-Length"]) > 1000
        with Client(address) as client:
            client.send("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde")
            assert client.response("POST").status == 413
        with Client(address) as client:
            client.send("nonsense\r\n\r\n")
            assert client.response().status == 400
        assert get(address)[0] == 200


def test_health_and_readiness():
    gate = Gate()

    async def script(conn):
        message = await conn.request()
        await gate.wait()
        await conn.send(echo(message))

    with Origin(script=script) as origin, measured(origin) as product:
        address = product.address("metrics")
        assert get(address, "/healthz")[::2] == (200, "ok\n")
        assert get(address, "/readyz")[::2] == (200, "ready\n")
        with product.client() as client:
            client.send(request("/a"))
            origin.wait_requests(1)
            product.signal()
            until(lambda: get(address, "/readyz")[0] == 503, "not ready any more")
            assert get(address, "/healthz")[0] == 200
            gate.open()
            assert client.response().status == 200
        product.wait_exit()


def test_the_state_is_shown():
    dead = f"127.0.0.1:{free_port()}"
    keys = {"token": "t"}
    with Origin() as origin:
        with measured([origin.addr, dead], keys, upstream={"max_fails": 1}) as product:
            address, login = product.address("metrics"), {"Authorization": "Bearer t"}
            assert get(address, "/state")[0] == 401
            for _ in range(4):
                product.get("/a")
            status, headers, text = get(address, "/state", headers=login)
            assert status == 200 and headers["Content-Type"] == "application/json"
            state = json.loads(text)
    assert state["ready"] is True and state["config"]["last_reload_taken"] is True
    assert [server["name"] for server in state["servers"]] == ["main"]
    upstream, = state["upstreams"]
    assert (upstream["name"], upstream["breaker"], upstream["queued"]) == ("origin", "closed", 0)
    servers = {server["server"]: server for server in upstream["servers"]}
    assert servers[origin.addr]["state"] == "up" and servers[origin.addr]["requests"] == 4
    assert servers[dead]["state"] == "out" and servers[dead]["unreachable"] == 1


def test_each_try_has_its_time_also_one_that_failed():
    dead = f"127.0.0.1:{free_port()}"
    with Origin() as origin, measured([dead, origin.addr], upstream={"max_fails": 0}) as product:
        for _ in range(4):
            assert product.get("/").status == 200
        tries = settled(product, 4).sum("upstream_requests_total")
        assert tries > 4
        # The last one ends with its turn of the loop, a moment after its request.
        until(lambda: scrape(product).one("upstream_try_duration_seconds_count",
                                          upstream="origin") == tries, "each is timed")


def test_tls_with_servers_is_counted_and_timed_apart():
    pair = authority().issue("backend.test")
    with tls_backend(pair) as nginx:
        secure = {"sni": "backend.test", "ca": authority().ca.cert}
        with measured(nginx.addr, upstream=secure) as product:
            for _ in range(3):
                assert product.get("/seen").status == 200
            samples = settled(product, 3)
            assert samples.one("upstream_tls_handshakes_total") == 1
            assert samples.one("upstream_tls_handshake_failures_total") == 0
            assert samples.one("upstream_tls_handshake_duration_seconds_count") == 1
            assert (samples.one("upstream_tls_handshake_duration_seconds_sum") <=
                    samples.one("upstream_connect_duration_seconds_sum"))
        with measured(nginx.addr, upstream={"sni": "backend.test"}) as product:
            assert product.get("/seen").status == 502
            samples = settled(product, 1)
            assert samples.one("upstream_tls_handshakes_total") == 0
            assert samples.one("upstream_tls_handshake_failures_total") >= 1


def test_the_breaker_has_one_state():
    gate = Gate()

    async def script(conn):
        for answer in (response(500, "Oh"), None):
            await conn.request()
            if answer is None:
                await gate.wait()
            await conn.send(answer or response())
        await conn.end()

    def states(product):
        return [row["state"] for row, value in scrape(product).of("upstream_breaker_state")
                if value == 1]

    keys = {"circuit_break_max_consecutive_failures": 1, "circuit_break_open_duration": "50ms",
            "circuit_break_half_open_consecutive_success_threshold": 1,
            "circuit_break_scope": "upstream"}
    with Origin(script) as origin, measured(origin, upstream=keys) as product:
        assert states(product) == ["closed"]
        assert product.get("/").status == 500
        assert states(product) != ["closed"]

        def probe():
            """One that goes to the server, and stays there."""
            client = product.client()
            client.send(request("/"))
            until(lambda: client.readable(0) or len(origin.requests) > 1, "an answer, or a request")
            if len(origin.requests) > 1:
                return client
            client.close()
            return None

        with until(probe, "a probe goes") as client:
            assert states(product) == ["half_open"]
            gate.open()
            assert client.response().status == 200
        assert states(product) == ["closed"]


def rejected(product):
    return {(row["plugin"], row["type"], row["reason"]): value
            for row, value in scrape(product).of("plugin_rejected_total")}


# A body that was not announced is refused as it comes.
def test_what_filters_of_bodies_refuse_is_counted_too(tmp_path):
    log = tmp_path / "a.log"
    with Origin() as origin:
        conf = with_metrics(config(origin.addr, location={"plugins": ["wide", "small"]},
                                   server={"access_log": f"{log} {{plugin}}:{{plugin_reason}}"}))
        conf["plugins"] = {name: {"type": "request_size_limit", "max_body": most}
                           for name, most in (("small", 10), ("wide", 100))}
        with Product(conf) as product:
            for size, status in ((9, 200), (11, 413), (101, 413)):
                with product.client() as client:
                    client.send(request("/", method="POST", headers=[("Transfer-Encoding",
                                                                       "chunked")])
                                + b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size))
                    assert client.response().status == status
            wanted = {("small", "request_size_limit", "body_too_large"): 1,
                      ("wide", "request_size_limit", "body_too_large"): 1}
            assert rejected(product) == wanted
    assert log.read_text("utf-8").splitlines() == ["-:-", "small:body is too large",
                                                   "wide:body is too large"]


# A script that fails: at a piece of the request, at the answer's head, in the middle of its body.
@pytest.mark.parametrize("hook", ["on_request_body", "on_response", "on_response_body"])
def test_what_plugins_fail_at_later_is_counted_and_named(hook, tmp_path):
    log = tmp_path / "a.log"
    with Origin() as origin:
        conf = with_metrics(config(origin.addr, location={"plugins": ["script"]},
                                   server={"access_log": f"{log} {{plugin}}:{{plugin_reason}}"}))
        conf["plugins"] = {"script": {"type": "lua", "code": f"function {hook}() error('no') end"}}
        with Product(conf) as product:
            with product.client() as client:
                client.send(request("/", method="POST", body=b"x"))
                until(lambda: rejected(product), "it is counted")
            assert rejected(product) == {("script", "lua", "script_failed"): 1}
    [line] = log.read_text("utf-8").splitlines()
    assert line.startswith("script:") and line.endswith(": no")


def test_what_plugins_refuse_is_counted_by_plugin_and_reason():
    with Origin() as origin:
        conf = with_metrics(config(origin.addr, location={"plugins": ["once", "late", "key"]}))
        conf["plugins"] = {
            "key": {"type": "key_auth", "keys": ["k" * 32]},
            "once": {"type": "rate_limit", "rate": 3, "interval": "1h"},
            "late": {"type": "rate_limit", "rate": 1, "interval": "1h", "dry_run": True}}
        with Product(conf) as product:
            assert rejected(product) == {}
            answers = [product.get("/").status for _ in range(5)]
            assert answers == [401, 401, 401, 429, 429]
            wanted = {("key", "api_key", "unauthorized"): 3,
                      ("once", "rate_limit", "rate_limited"): 2}
            assert rejected(product) == wanted
            assert scrape(product).one("plugin_left_out_total", plugin="late", reason="dry_run") == 2
            conf["plugins"]["key"]["keys"].append("l" * 32)  # another one of that name
            conf["plugins"]["late"]["rate"] = 2
            product.write_config()
            code, _, err = product.order("reload")
            assert code == 0, err
            assert product.get("/").status == 429
            assert rejected(product) == {**wanted, ("once", "rate_limit", "rate_limited"): 3}
            assert scrape(product).one("plugin_left_out_total", plugin="late", reason="dry_run") == 2


# --- Prometheus


@needs_prometheus
def test_promtool_finds_nothing_wrong():
    with Origin() as origin, measured(origin) as product:
        for target in ("/a", "/b?c=d"):
            product.get(target)
        text = settled(product, 2).text
    code, said = promtool(text)
    assert code == 0 and said == "", said


def test_openmetrics_has_exemplars():
    server = {"access_log": ""}
    headers = {"proxy_set_headers": ["X-Request-Id: $request_id"]}
    with Origin() as origin, measured(origin, location=headers, server=server) as product:
        product.get("/a")
        settled(product, 1)
        status, got, text = get(product.address("metrics"), headers={"Accept": OPENMETRICS})
    assert status == 200 and got["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    sent = origin.requests[0].get("X-Request-Id")
    assert f'# {{request_id="{sent}"}} ' in text
    assert "# TYPE http_requests counter\n" in text
    Samples(text)  # and all of it is as it should be


@pytest.mark.parametrize("accept,packed", [
    ("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("", False),
    ("identity", False), ("gzip;q=0", False), ("gzip;q=0, *", False)])
def test_who_takes_gzip_gets_it(accept, packed):
    with Origin() as origin, measured(origin) as product:
        connection = http.client.HTTPConnection(*product.address("metrics"), timeout=seconds(10))
        connection.request("GET", "/metrics", headers={"Accept-Encoding": accept})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
    assert answer.getheader("Content-Encoding") == ("gzip" if packed else None)
    assert answer.getheader("Vary") == "Accept, Accept-Encoding"
    Samples((gzip.decompress(body) if packed else body).decode())


@contextlib.contextmanager
def prometheus(address, folder, **more):
    """The real server, scraping that address; gives its own."""
    port = free_port()
    job = {"job_name": "pingap", "static_configs": [{"targets": ["%s:%d" % address]}], **more}
    with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
        json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}, file)
    process = subprocess.Popen(
        [find("prometheus"), f"--config.file={folder}/prometheus.yml",
         f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
         "--enable-feature=exemplar-storage"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        process.wait()


def ask(api, path):
    try:
        with urllib.request.urlopen(f"{api}/{path}", timeout=seconds(5)) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


@needs_prometheus
def test_prometheus_scrapes():
    with tempfile.TemporaryDirectory() as folder, Origin() as origin:
        with measured(origin, {"user": "p", "password": "w"}) as product:
            for _ in range(5):
                product.get("/a")
            login = {"basic_auth": {"username": "p", "password": "w"}}
            with prometheus(product.address("metrics"), folder, **login) as api:
                def value():
                    data = ask(api, "query?query=http_requests_total")
                    return data and data["result"] and data["result"][0]["value"][1] == "5"

                until(value, "5 requests in Prometheus", 30, 0.1)
                targets = ask(api, "targets")["activeTargets"]
    assert [(one["health"], one["lastError"]) for one in targets] == [("up", "")]


# --- the table in the documentation


def test_the_documentation_names_what_is_served():
    ca = authority()
    dead = f"127.0.0.1:{free_port()}"
    with Origin() as origin:
        conf = with_metrics(config([origin.addr, dead], server=ca.issue("a.test").keys(),
                                   upstream={"max_fails": 0}))
        conf["tracing"] = {"endpoint": dead}
        conf["upstreams"]["found"] = {"discovery": "file", "discovery_file": "/none"}
        conf["upstreams"]["secure"] = {"addrs": [origin.addr], "tls": True}
        conf["plugins"] = {"copies": {"type": "mirror", "upstream": "found"},
                           "key": {"type": "key_auth", "keys": ["k" * 32]}}
        conf["locations"]["secure"] = {"path": "/secure", "upstream": "secure"}
        conf["locations"]["key"] = {"path": "/key", "upstream": "origin", "plugins": ["key"]}
        conf["servers"]["main"]["locations"] += ["secure", "key"]
        with Product(conf) as product:
            for target in ("/a", "/a", "/a", "/a", "/secure", "/key"):
                with TlsClient(product.address(), settings=context()) as client:
                    client.send(request(target, [("Connection", "close")]))
                    client.response()
            settled(product, 6)
            until(lambda: scrape(product).of("worker_event_loop_lag_seconds"), "a look at the loops")
            samples = scrape(product)
    table = documented()
    assert {name: kind for name, (kind, _, _) in table.items()} == samples.families
    for name, (kind, labels, meaning) in table.items():
        assert meaning == samples.help[name], name
        rows = samples.of(name + "_count" if kind == "histogram" else name)
        assert rows, f"{name} has no sample here"
        for row, _ in rows:
            assert sorted(row) == sorted(labels), name


# --- hostile and unlucky readers


def test_scrapes_during_load_are_whole():
    stop = threading.Event()
    seen = []

    def reader(product):
        while not stop.is_set():
            seen.append(scrape(product).sum("http_requests_total"))

    with Origin() as origin, measured(origin, basic={"threads": 2}) as product:
        threads = [threading.Thread(target=reader, args=(product,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(200):
                assert product.get("/a").status == 200
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert settled(product, 200).sum("http_requests_total") == 200
    assert len(seen) > 10


def many_locations(count):
    return {f"location-{number}": {"path": f"/{number}/"} for number in range(count)}


def test_readers_that_do_not_read_hold_up_nobody():
    with Origin() as origin, measured(origin, locations=many_locations(200)) as product:
        for number in range(200):
            product.get(f"/{number}/")
        samples = settled(product, 200)
        assert len(samples.text) > 300_000
        with contextlib.ExitStack() as stack:
            for _ in range(60):
                client = stack.enter_context(Client(product.address("metrics"), rcvbuf=4096))
                client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            assert product.get("/1/").status == 200
            assert scrape(product).sum("http_requests_total") >= 200
        for _ in range(20):  # killed in the middle
            client = Client(product.address("metrics"), rcvbuf=4096)
            client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            client.sock.recv(100)
            client.close()
        assert scrape(product).sum("http_requests_total") >= 201


def test_more_connections_than_are_kept():
    with Origin() as origin, measured(origin) as product:
        address = product.address("metrics")
        idle = [http.client.HTTPConnection(*address, timeout=seconds(10)) for _ in range(80)]
        try:
            for connection in idle:
                connection.request("GET", "/healthz")
                assert connection.getresponse().read() == b"ok\n"
            assert get(address)[0] == 200
        finally:
            for connection in idle:
                connection.close()


def test_an_unknown_host_or_path_makes_no_series():
    locations = {"a": {"path": "/a"}}
    with Origin() as origin, measured(origin, locations=locations) as product:
        with product.client() as client:
            for number in range(500):
                client.send(request(f"/x{number}", host=f"h{number}.test",
                                    method=f"M{number}" if number % 2 else "GET"))
                client.response()
        samples = settled(product, 500)
    assert len(samples.of("http_requests_total")) <= 2
    assert samples.sum("http_requests_total", location="_other") == 500


def test_an_upgrade_takes_the_address_along():
    with Origin() as origin:
        conf = with_metrics(config(origin.addr), addr=f"127.0.0.1:{free_port()}")
        with Product(conf) as product:
            address = product.address("metrics")
            before = scrape(product).one("process_start_time_seconds")
            code, out, err = product.order("upgrade")
            assert code == 0, out + err
            pid = int(re.search(r"process (\d+)", out)[1])
            try:
                product.wait_exit()
                after = Samples(get(address)[2])
                assert after.one("process_start_time_seconds") >= before
                assert get(address, "/readyz")[0] == 200
            finally:
                os.kill(pid, 15)
                until(lambda: not os.path.exists(f"/proc/{pid}"), "its end")
