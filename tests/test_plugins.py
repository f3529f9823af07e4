"""Plugins in a running proxy: order, conditions, answers of theirs, every kind of request, reload."""

import concurrent.futures
import json
import os
import re
import subprocess

import pytest

from rig import h2, product as rig, toml
from rig.client import request
from rig.deadline import until
from rig.product import ROOT, binary, config, run

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


def schemas():
    """The JSON Schema of each type."""
    return json.loads(run("plugin", "show", "--json")[1])


IS_OF = {"boolean": lambda x: isinstance(x, bool), "string": lambda x: isinstance(x, str),
         "integer": lambda x: isinstance(x, int) and not isinstance(x, bool),
         "number": lambda x: isinstance(x, (int, float)) and not isinstance(x, bool),
         "array": lambda x: isinstance(x, list) and all(isinstance(one, str) for one in x),
         "object": lambda x: isinstance(x, dict)}


def test_defaults_of_the_schemas_are_values_of_their_types():
    with_default = 0
    for schema in schemas():
        for name, option in schema["properties"].items():
            where = f"{schema['title']} {name}"
            assert "x-default" not in option and option.get("format") != "duration", where
            if "default" not in option:
                continue
            with_default += 1
            value, types = option["default"], option["type"]
            types = types if isinstance(types, list) else [types]
            assert any(IS_OF[one](value) for one in types), where
            assert value in option.get("enum", [value]), where
            if isinstance(value, str) and "pattern" in option:
                assert re.search(option["pattern"], value), where
            assert option.get("minimum", 0) <= value if "minimum" in option else True, where
    assert with_default > 50


@pytest.mark.parametrize("key,good,bad", [
    ("interval", ["1s", "500ms", "1h 30m", "1d2h3m4s5ms", " 2 h "],
     ["", "1", "s", "30m 1h", "1s 1s", "PT12H", "1.5h", "1M"]),
    ("max_body", ["1", "64kb", "1 MiB", "2g"], ["", "kb", "1.5kb", "1tb", "-1"])])
def test_patterns_of_the_schemas_take_what_is_taken(key, good, bad, tmp_path):
    kind = "rate_limit" if key == "interval" else "request_size_limit"
    pattern, = [one["properties"][key]["pattern"] for one in schemas() if one["title"] == kind]
    conf = config("127.0.0.1:1")
    for value in good + bad:
        conf["plugins"] = {"p": {"type": kind, key: value,
                                 **({"rate": 1} if kind == "rate_limit" else {})}}
        path = tmp_path / "p.toml"
        path.write_text(toml.dumps(conf))
        code, _, err = run("validate", "--config", str(path))
        assert (code == 0) == (value in good), (value, err)
        assert bool(re.search(pattern, value)) == (value in good), value


@pytest.mark.parametrize("kind,key,told", [
    ("limit", "tag", "write the variable as `key`"), ("limit", "weight", "remove it"),
    ("traffic_splitting", "upstream", "in `weights`"),
    ("traffic_splitting", "weight", "beside what is left"),
    ("traffic_splitting", "stickiness", "clients come back"),
    ("sub_filter", "filters", "write `replace`"),
    ("forward_auth", "auth_url", "as an [upstreams.NAME]"), ("jwt", "auth_path", "remove it"),
    ("directory", "chunk_size", "remove it"), ("compression", "mode", "remove it")])
def test_names_of_the_original_are_refused_with_what_to_write(kind, key, told):
    _, _, err = run("validate", "--config", "-",
                    stdin=f"[plugins.p]\ntype = '{kind}'\n{key} = 'x'\n")
    line, = [one for one in err.splitlines() if f"unknown key `{key}`" in one]
    assert "<stdin>:3:1: error:" in line and told in line


@pytest.mark.parametrize("kind,keys,told", [
    ("request_id", "size = 30", "`size` does nothing without `algorithm = \"nanoid\"`"),
    ("directory", "path = '/'\nprivate = true", "`private` does nothing without `max_age`"),
    ("ua_restriction", "ua_list = ['a']\nmode = 'deny'\nallow_missing = true",
     "`allow_missing` does nothing with `mode = \"deny\"`"),
    ("referer_restriction", "referer_list = ['a.com']\nmode = 'deny'\nallow_missing = true",
     "`allow_missing` does nothing with `mode = \"deny\"`"),
    ("traffic_splitting", "weights = { a = 1 }\nsticky_ttl = '1h'",
     "`sticky_ttl` does nothing without `sticky_cookie`")])
def test_keys_that_do_nothing_are_warned_of(kind, keys, told):
    _, _, err = run("validate", "--config", "-",
                    stdin=f"[plugins.p]\ntype = '{kind}'\n{keys}\n")
    assert f"<stdin>:{2 + len(keys.splitlines())}:1: warning: {told}" in err


def test_the_originals_instances_need_no_section(recorder):
    body = b"a text that is worth it " * 50
    with with_plugins(recorder, {"m": {**MOCK, "body": body.decode(),
                                       "headers": ["Content-Type: text/plain"]}},
                      ["pingap:compressionUpstream", "m"]) as product:
        assert product.get("/", [("Accept-Encoding", "gzip")]).get("Content-Encoding") == "gzip"


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


def test_rate_limit_is_exact_for_clients_at_the_same_time(recorder):
    plugins = {"limit": {"type": "rate_limit", "rate": 0.001, "burst": 100}}
    with with_plugins(recorder, plugins, ["limit"], basic={"threads": 4}) as product:
        def ask(_):
            with product.client() as client:
                client.send(request("/") * 50)
                return [client.response().status for _ in range(50)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = sum(pool.map(ask, range(8)), [])
    assert (statuses.count(200), statuses.count(429)) == (100, 300)
    assert len(recorder.requests) == 100


def test_each_rate_limit_says_what_is_left_of_it(recorder):
    plugins = {"minute": {"type": "rate_limit", "rate": 100, "interval": "1m"},
               "hour": {"type": "rate_limit", "rate": 1, "interval": "1h"}}
    with with_plugins(recorder, plugins, ["minute", "hour"]) as product:
        product.get("/")
        answer = product.get("/")
    assert answer.status == 429
    assert re.fullmatch(r'"hour";r=0;t=\d+, "minute";r=98;t=\d+', answer.get("RateLimit"))
    assert answer.get("RateLimit-Policy") == '"hour";q=1;w=3600, "minute";q=100;w=60'
    assert 3500 < int(answer.get("Retry-After")) <= 3600


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
