"""Plugins in a running proxy: order, conditions, answers of theirs, every kind of request, reload."""

import os
import subprocess

import pytest

from rig import h2, product as rig
from rig.client import request
from rig.deadline import until
from rig.product import ROOT, binary, config

MOCK = {"type": "mock", "body": "mocked"}
DENY = {"type": "ip_restriction", "ip_list": ["0.0.0.0/0"], "mode": "deny"}


def with_plugins(origin, plugins, uses, server_uses=(), **parts):
    """A product whose one location uses these plugins."""
    location = {**parts.pop("location", {}), "plugins": list(uses)}
    server = {**parts.pop("server", {}), "plugins": list(server_uses)}
    conf = config(origin.addr, location=location, server=server, **parts)
    conf["plugins"] = plugins
    return rig.Product(conf)


def test_reference_is_what_the_program_says():
    out = subprocess.run([binary(), "plugin", "show", "--markdown"], capture_output=True, check=True)
    with open(os.path.join(ROOT, "docs", "plugins-reference.md"), "rb") as file:
        assert file.read() == out.stdout


def test_phases_decide_the_order_and_not_the_list(recorder):
    plugins = {"m": MOCK, "deny": DENY}
    with with_plugins(recorder, plugins, ["m", "deny", "request_id"]) as product:
        answer = product.get("/")
    assert answer.status == 403
    assert answer.get("X-Request-ID")
    assert not recorder.requests


def test_priority_decides_inside_a_phase(recorder):
    plugins = {"a": {**MOCK, "body": "a"}, "b": {**MOCK, "body": "b", "priority": 1}}
    with with_plugins(recorder, plugins, ["a", "b"]) as product:
        assert product.get("/").body == b"b"


def test_server_plugins_also_run_where_no_location_is_found(recorder):
    with with_plugins(recorder, {}, [], ["request_id"], location={"path": "/x"}) as product:
        answer = product.get("/other")
    assert answer.status == 404
    assert answer.get("X-Request-ID")


def test_location_without_upstream(recorder):
    conf = config(recorder.addr)
    conf["plugins"] = {"m": {**MOCK, "path": "/a"}}
    conf["locations"]["only"] = {"path": "/a", "plugins": ["m"]}
    conf["servers"]["main"]["locations"].append("only")
    with rig.Product(conf) as product:
        assert product.get("/a").body == b"mocked"
        assert product.get("/a/b").status == 404
        assert product.get("/").status == 200


@pytest.mark.parametrize("target", [
    "/admin", "/admin/x", "/%61dmin", "//admin", "/x/../admin", "/./admin", "/admin;a=b",
    "/admin?x", "/x/%2e%2e/admin",
])
def test_no_spelling_of_a_path_gets_around_a_condition(recorder, target):
    use = {"name": "deny", "when": {"path": ["/admin"]}}
    with with_plugins(recorder, {"deny": DENY}, [use]) as product:
        assert product.get(target).status in (400, 403)
        assert product.get("/administrator").status == 200
    assert [one.path() for one in recorder.requests] == ["/administrator"]


def test_unless_leaves_out(recorder):
    use = {"name": "deny", "unless": {"methods": ["GET", "HEAD"]}}
    with with_plugins(recorder, {"deny": DENY}, [use]) as product:
        assert product.get("/").status == 200
        with product.client() as client:
            client.send(request("/", method="POST", body=b"x"))
            assert client.response().status == 403


@pytest.mark.parametrize("headers,method", [
    ([], "HEAD"), ([("Range", "bytes=0-1")], "GET"),
    ([("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")], "GET"),
    ([("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "")], "GET"),
    ([], "OPTIONS"),
])
def test_every_kind_of_request_meets_them(recorder, headers, method):
    with with_plugins(recorder, {"deny": DENY}, ["deny"]) as product:
        with product.client() as client:
            client.send(request("/", headers, method=method))
            assert client.response(method=method).status in (400, 403)
    assert not recorder.requests


def test_http2_and_grpc_meet_them(recorder):
    with with_plugins(recorder, {"deny": DENY}, ["deny", "request_id"]) as product:
        with h2.connect(product) as client:
            client.request(1, h2.head())
            assert client.answer(1).status == 403
            client.request(3, h2.head(("content-type", "application/grpc"), ("te", "trailers"),
                                      method="POST", path="/a.B/C"))
            answer = client.answer(3)
    assert answer.status == 200
    assert answer.get("grpc-status") == "7"
    assert answer.get("x-request-id")
    assert not recorder.requests


def test_field_that_a_plugin_sets_cannot_be_spoofed_or_taken_away(recorder):
    plugins = {"user": {"type": "request_headers", "set": ["X-User: $remote_addr"]}}
    with with_plugins(recorder, plugins, ["user"],
                      server={"underscores_in_headers": "keep"}) as product:
        product.get("/", [("X-User", "evil"), ("X_User", "evil"), ("Connection", "X-User")])
    seen = recorder.requests[-1]
    assert seen.all("X-User") == [b"127.0.0.1"]
    assert seen.all("X_User") == []


def test_body_that_comes_while_a_plugin_waits_is_not_lost(recorder):
    plugins = {"slow": {"type": "fault", "delay": "50ms"},
               "size": {"type": "request_size_limit", "max_body": 100_000}}
    body = bytes(range(256)) * 300
    for uses in (["slow"], ["slow", "size"]):
        with with_plugins(recorder, plugins, uses) as product, product.client() as client:
            client.send(request("/", method="POST", body=body))
            assert client.response().status == 200
        assert recorder.requests[-1].body == body


def test_client_that_goes_while_a_plugin_waits_leaves_nothing(recorder):
    plugins = {"slow": {"type": "fault", "delay": "300ms"},
               "one": {"type": "rate_limit", "inflight": 1}}
    with with_plugins(recorder, plugins, ["slow", "one"]) as product:
        with product.client() as client:
            client.send(request("/"))
        # Its place is free again.
        until(lambda: product.get("/").status == 200, "its place")
        assert product.get("/").status == 200


def test_body_above_the_limit_is_refused_while_it_comes(recorder):
    plugins = {"size": {"type": "request_size_limit", "max_body": 10}}
    with with_plugins(recorder, plugins, ["size"]) as product:
        with product.client() as client:
            client.send(request("/", method="POST", body=b"12345678901"))
            assert client.response().status == 413
        with product.client() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n")
            assert client.response().status == 413
        with product.client() as client:
            client.send(request("/", method="POST", body=b"1234567890"))
            assert client.response().status == 200


def test_rate_limit_is_exact_over_workers(recorder):
    plugins = {"limit": {"type": "rate_limit", "rate": 0.001, "burst": 50}}
    with with_plugins(recorder, plugins, ["limit"], basic={"threads": 4}) as product:
        statuses = []
        for _ in range(20):
            with product.client() as client:
                for _ in range(5):
                    client.send(request("/"))
                    statuses.append(client.response().status)
    assert statuses.count(200) == 50
    assert statuses.count(429) == 50


def test_rate_limit_survives_a_reload(recorder):
    plugins = {"limit": {"type": "rate_limit", "rate": 0.001, "burst": 3}}
    with with_plugins(recorder, plugins, ["limit"]) as product:
        assert [product.get("/").status for _ in range(3)] == [200] * 3
        product.conf["locations"]["all"]["headers_add"] = ["X-New: 1"]
        product.conf["plugins"]["limit"]["burst"] = 2
        product.write_config()
        code, out, err = product.order("reload")
        assert code == 0, (out, err)
        answer = product.get("/")
    assert answer.status == 429
    assert answer.get("X-New") == "1"


def test_plugin_that_cannot_be_made_refuses_the_reload(recorder):
    with with_plugins(recorder, {"deny": DENY}, ["deny"]) as product:
        product.conf["plugins"]["deny"] = {"type": "ip_restriction", "ip_list": ["10.0.0.0/99"]}
        product.write_config()
        code, _, err = product.order("reload")
        assert code == 3
        assert "is not an address or network" in err
        assert product.get("/").status == 403


def test_answer_of_a_plugin_closes_nothing(recorder):
    with with_plugins(recorder, {"m": MOCK}, ["m"]) as product, product.client() as client:
        for _ in range(3):
            client.send(request("/", method="POST", body=b"abc"))
            assert client.response().body == b"mocked"


def test_log_says_who_refused_and_why(recorder):
    with with_plugins(recorder, {"deny": DENY}, ["deny"]) as product:
        product.get("/")
        line = product.wait_log(1)[0]
    assert line["reason"] == "forbidden"


def test_explain_shows_the_plugins(recorder):
    with with_plugins(recorder, {"m": MOCK, "deny": DENY}, ["m", "deny"]) as product:
        _, out, _ = product.order("route", "explain", "GET", "/")
    assert out.index("plugin: deny (ip_restriction, guard)") < out.index("plugin: m (mock, content)")


def test_body_of_a_status_that_has_none_is_not_sent(recorder):
    plugins = {"m": {**MOCK, "status": 204, "path": "/none"}}
    with with_plugins(recorder, plugins, ["m"]) as product, product.client() as client:
        for path, status in (("/none", 204), ("/", 200), ("/none", 204), ("/", 200)):
            client.send(request(path))
            assert client.response().status == status
