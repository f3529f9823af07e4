"""Plugins that keep somebody out, as clients meet them: the spelling of paths in conditions, the
scheme behind what ends TLS, CORS by curl, and ways around lists and tokens."""

import json
import shutil
import subprocess
import tempfile

import pytest

from rig import h2, toml
from rig.client import request
from rig.deadline import seconds
from rig.product import Product, binary, config

PAGE = "https://page.test"
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
TRUSTED = {"trusted_proxies": ["127.0.0.0/8"]}


def configured(origin, plugin, use=None, **parts):
    conf = config(origin.addr, location={"plugins": [{"name": "it", **(use or {})}],
                                         **parts.pop("location", {})}, **parts)
    conf["plugins"] = {"it": plugin}
    return conf


def using(origin, plugin, use=None, **parts):
    """A product whose one location uses `plugin`."""
    return Product(configured(origin, plugin, use, **parts))


def validated(conf):
    """What `validate` says."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(toml.dumps(conf))
        file.flush()
        done = subprocess.run([binary(), "validate", "--config", file.name], capture_output=True,
                              check=False, timeout=seconds(20))
    return done.returncode, done.stderr.decode()


# --- paths

KEY = {"type": "api_key", "keys": [{"key": "good-key", "name": "shop"}]}


def test_a_condition_holds_for_a_path_in_any_spelling(recorder):
    paths = ["/%61dmin", "//two", "/%c3%a4", "= /%78", "/y/../z/"]
    with using(recorder, KEY, {"when": {"path": paths}}) as product:
        for target in ("/admin", "/admin/x", "/two", "//two", "/two/x", "/%C3%A4", "/%c3%a4/x",
                       "/x", "/z/1", "/y/../z/1"):
            assert product.get(target).status == 401, target
        for target in ("/", "/administrator", "/x/y", "/z", "/y/z"):
            assert product.get(target).status == 200, target
        assert product.get("/admin", [("X-API-Key", "good-key")]).status == 200


@pytest.mark.parametrize("path", ["/a b", "/c;d", "/../up", "/%zz", "/a//b", "= /a b"])
@pytest.mark.parametrize("key", ["when", "unless"])
def test_a_condition_of_a_path_that_no_request_has_is_refused(recorder, path, key):
    code, said = validated(configured(recorder, KEY, {key: {"path": [path]}}))
    assert code == 3 and f"path `{path.removeprefix('= ')}`" in said, said


@pytest.mark.parametrize("plugin", [
    {"type": "ping", "path": "ping"}, {"type": "mock", "path": "/a b"},
    {"type": "stats", "path": "/a;b"}, {"type": "metrics", "path": "metrics"},
    {"type": "csrf", "key": "k" * 32, "token_path": "/t/../../x"},
    {"type": "directory", "path": "/", "prefix": "fb"}, {"type": "redirect", "prefix": "/a b"},
])
def test_a_path_of_a_plugin_that_no_request_has_is_refused(recorder, plugin):
    code, said = validated(configured(recorder, plugin))
    assert code == 3 and "path" in said, said


# --- the scheme that the client has asked by

def test_redirect_to_https_ends_behind_what_ends_tls(recorder):
    with using(recorder, {"type": "redirect", "http_to_https": True}, server=TRUSTED) as product:
        assert product.get("/", [("X-Forwarded-Proto", "https")]).status == 200
        assert recorder.requests[0].get("X-Forwarded-Proto") == "https"
        for headers in ([], [("X-Forwarded-Proto", "http")], [("X-Forwarded-Proto", "wss")],
                        [("X-Forwarded-Proto", "https, http")],
                        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "https")]):
            answer = product.get("/x", headers)
            assert (answer.status, answer.get("Location")) == (307, "https://a.test/x"), headers


def test_nobody_else_says_that_it_is_https(recorder):
    with using(recorder, {"type": "redirect", "http_to_https": True}) as product:
        assert product.get("/", [("X-Forwarded-Proto", "https")]).status == 307
    with using(recorder, {"type": "redirect", "http_to_https": True},
               server={"trusted_proxies": ["10.0.0.0/8"]}) as product:
        assert product.get("/", [("X-Forwarded-Proto", "https")]).status == 307
    assert not recorder.requests


def test_cookies_and_variables_know_that_it_is_https(recorder):
    sticky = {"sticky_cookie": "SRV", "sticky_secret": "s3cret"}
    location = {"proxy_set_headers": ["X-Scheme: $scheme"]}
    with using(recorder, {"type": "server_timing"}, server=TRUSTED, upstream=sticky,
               location=location) as product:
        assert "Secure" in product.get("/", [("X-Forwarded-Proto", "https")]).get("Set-Cookie")
        assert "Secure" not in product.get("/").get("Set-Cookie")
    assert [one.get("X-Scheme") for one in recorder.requests] == ["https", "http"]


# --- CORS, by curl

def curl(product, *options, target="/"):
    """Status and fields in lower case."""
    host, port = product.address()
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-D", "-", "--max-time", "20",
                           *options, f"http://{host}:{port}{target}"],
                          capture_output=True, timeout=seconds(25), check=True)
    first, *lines = done.stdout.decode().strip().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), fields


def asking(origin, *more):
    return [word for field in (f"Origin: {origin}", *more) for word in ("-H", field)]


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@needs_curl
def test_preflight_with_credentials(recorder):
    cors = {"type": "cors", "allow_origin": [PAGE], "allow_credentials": True, "max_age": "10m",
            "allow_methods": ["GET", "PUT"]}
    with using(recorder, cors) as product:
        preflight = ["-X", "OPTIONS", *asking(PAGE, "Access-Control-Request-Method: PUT",
                                              "Access-Control-Request-Headers: x-a,x-b")]
        status, fields = curl(product, *preflight)
        assert status == 204
        assert fields["access-control-allow-origin"] == PAGE
        assert fields["access-control-allow-credentials"] == "true"
        assert fields["access-control-allow-methods"] == "get, put"
        assert fields["access-control-allow-headers"] == "x-a,x-b"
        assert fields["access-control-max-age"] == "600"
        assert not recorder.requests
        for origin in ("https://evil.test", "null", "https://page.test.evil.test"):
            status, fields = curl(product, "-X", "OPTIONS",
                                  *asking(origin, "Access-Control-Request-Method: PUT"))
            assert status == 204 and "access-control-allow-origin" not in fields
            assert fields["vary"] == "origin" or "origin" in fields["vary"]


@needs_curl
def test_answer_with_credentials_is_for_one_origin(recorder):
    cors = {"type": "cors", "allow_origin": [PAGE, "~ https://[a-z]+\\.a\\.test"],
            "allow_credentials": True, "expose_headers": ["X-A"]}
    with using(recorder, cors) as product:
        for origin in (PAGE, "https://x.a.test"):
            _, fields = curl(product, *asking(origin))
            assert fields["access-control-allow-origin"] == origin
            assert fields["access-control-allow-credentials"] == "true"
            assert fields["access-control-expose-headers"] == "x-a"
            assert fields["vary"] == "origin"
        for origin in ("null", "https://evil.com", "https://x.a.test.evil.com"):
            _, fields = curl(product, *asking(origin))
            assert "access-control-allow-origin" not in fields
            assert "access-control-allow-credentials" not in fields
            assert fields["vary"] == "origin"


class Cache:
    """A shared cache as RFC 9111 4.1 has it: one entry for each value of what Vary names."""

    def __init__(self, product):
        self.product, self.kept = product, []

    def get(self, origin=None):
        for asked, fields in self.kept:
            if "origin" not in fields.get("vary", "") or asked == origin:
                return fields
        _, fields = curl(self.product, *(asking(origin) if origin else []))
        self.kept.append((origin, fields))
        return fields


@needs_curl
@pytest.mark.parametrize("allowed", [["*"], [PAGE]])
def test_what_a_cache_kept_for_nobody_a_page_may_read(recorder, allowed):
    with using(recorder, {"type": "cors", "allow_origin": allowed}) as product:
        cache = Cache(product)
        cache.get()
        assert cache.get(PAGE)["access-control-allow-origin"] in ("*", PAGE)
    assert len(recorder.requests) == (1 if allowed == ["*"] else 2)


# --- ways around lists

def statuses(product, headers, method="GET"):
    """Of HTTP/1.1, of a handshake and of HTTP/2."""
    seen = [product.get("/a", headers, method=method).status]
    with product.client() as client:
        client.send(request("/a", UPGRADE + headers, method="GET"))
        seen.append(client.response().status)
    with h2.connect(product) as client:
        client.request(1, h2.head(*((name.lower(), value) for name, value in headers),
                                  method=method))
        seen.append(client.answer(1).status)
    return seen


@pytest.mark.parametrize("agents", [["curl/8"], ["CURL"], ["ok", "curl"], ["curl", "ok"],
                                    ["", "curl"], ["x\tcurl"]])
def test_no_way_around_a_list_of_user_agents(recorder, agents):
    plugin = {"type": "ua_restriction", "ua_list": ["curl"], "mode": "deny"}
    with using(recorder, plugin) as product:
        assert statuses(product, [("User-Agent", agent) for agent in agents]) == [403] * 3
    assert not recorder.requests


@pytest.mark.parametrize("referers", [
    ["https://evil.test/"], ["https://EVIL.test./x"], ["http://evil.test:81/"],
    ["https://ok.test/", "https://evil.test/"], ["https://%65vil.test/"],
    ["https://ok.test@evil.test/"], ["https://evil.test\\@ok.test/"], ["//evil.test/"],
    ["https://sub.evil.test/"],
])
def test_no_way_around_a_list_of_referers(recorder, referers):
    plugin = {"type": "referer_restriction", "referer_list": ["evil.test", "*.evil.test"],
              "mode": "deny"}
    with using(recorder, plugin) as product:
        assert statuses(product, [("Referer", one) for one in referers]) == [403] * 3
        assert product.get("/", [("Referer", "https://ok.test/?evil.test")]).status == 200
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("target", ["/a/", "//a", "/%61", "/x/../a", "/a;b", "/A?x", "/a/../a"])
def test_an_application_is_asked_for_at_every_spelling(recorder, target):
    plugin = {"type": "combined_auth", "authorizations": [{"app_id": "shop", "secret": "s" * 20,
                                                          "deviation": 60}]}
    with using(recorder, plugin) as product:
        for method in ("GET", "HEAD", "OPTIONS", "PUT"):
            assert product.get(target, method=method).status in (400, 401, 403)
        joint = "&" if "?" in target else "?"
        for query in ("app_id=shop", "app_id=shop&ts=1&digest=", "APP_ID=shop&ts=1&digest=a",
                      "app_id=%73hop&ts=1&digest=" + "0" * 64):
            assert product.get(target + joint + query).status in (400, 401, 403)
        with product.client() as client:
            client.send(request(target, UPGRADE))
            assert client.response().status in (400, 401, 403)
        with h2.connect(product) as client:
            client.request(1, h2.head(path=target))
            assert client.answer(1).status in (400, 401, 403)
    assert not recorder.requests


@pytest.mark.parametrize("more,told", [
    ({"allow_origin": ["~ .*"]}, "any origin"), ({"allow_headers": ["*"]}, "allow_headers"),
    ({"allow_methods": ["*"]}, "allow_methods"), ({"expose_headers": ["*"]}, "expose_headers"),
])
def test_cors_with_credentials_is_not_for_everybody(recorder, more, told):
    cors = {"type": "cors", "allow_origin": [PAGE], **more}
    assert validated(configured(recorder, cors))[0] == 0
    code, said = validated(configured(recorder, {**cors, "allow_credentials": True}))
    assert code == 3 and told in said, said


# --- csrf

CSRF = {"type": "csrf", "key": "k" * 32, "token_path": "/csrf"}


def token_of(product, headers=(), host="a.test"):
    answer = product.get("/csrf", headers, host=host)
    assert answer.status == 200
    token = json.loads(answer.body)["token"]
    assert answer.get("Set-Cookie").startswith(f"__Host-csrf={token};")
    return [("X-CSRF-Token", token), ("Cookie", f"__Host-csrf={token}")]


def test_csrf_takes_its_own_token_only(recorder):
    with using(recorder, {**CSRF, "token_path": "/x/../%63srf"}) as product:
        token = token_of(product)
        assert product.get("/buy", token, method="POST").status == 200
        for wrong in ([], token[:1], token[1:], token + token[:1],
                      [("X-CSRF-Token", "A" * 76), ("Cookie", "__Host-csrf=" + "A" * 76)]):
            assert product.get("/buy", wrong, method="POST").status == 403, wrong
        assert product.get("/buy", token, method="POST", host="b.test").status == 403
        for target in ("//buy", "/%62uy", "/x/../buy", "/csrf", "/csrf/", "/csrf;x", "/BUY"):
            assert product.get(target, method="POST").status == 403, target
        for method in ("get", "PUT", "DELETE", "PATCH", "PROPFIND"):
            assert product.get("/buy", [("X-HTTP-Method-Override", "GET")],
                               method=method).status == 403, method
        with product.client() as client:
            client.send(request("/ws", UPGRADE + [("Origin", "https://evil.test")]))
            assert client.response().status == 403
        with h2.connect(product) as client:
            client.request(1, h2.head(method="POST"))
            assert client.answer(1).status == 403
    assert [one.path() for one in recorder.requests] == ["/buy"]


@pytest.mark.parametrize("host,origin,proto,status", [
    ("a.test:80", "http://a.test", None, 200), ("a.test", "http://a.test:80", None, 200),
    ("a.test", "http://a.test", None, 200), ("a.test", "https://a.test", None, 403),
    ("a.test", "https://a.test", "https", 200), ("a.test:443", "https://a.test", "https", 200),
    ("a.test", "http://a.test", "https", 403), ("a.test:8080", "http://a.test", None, 403),
    ("a.test", "null", None, 403), ("a.test", "http://a.test.evil.test", None, 403),
])
def test_csrf_compares_origins_as_the_client_sees_them(recorder, host, origin, proto, status):
    more = [("X-Forwarded-Proto", proto)] if proto else []
    with using(recorder, CSRF, server=TRUSTED) as product:
        token = token_of(product, more, host)
        assert product.get("/buy", token + more + [("Origin", origin)], method="POST",
                           host=host).status == status


# --- ids

def test_one_id_of_a_client_reaches_the_backend(recorder):
    sent = [("X-Request-ID", "first"), ("X_Request_ID", "twin"), ("x-request-id", "second")]
    with using(recorder, {"type": "request_id"},
               server={"underscores_in_headers": "keep"}) as product:
        assert product.get("/", sent).get("X-Request-ID") == "first"
    seen = [(name, value) for name, value in recorder.requests[0].fields
            if name.lower().replace(b"_", b"-") == b"x-request-id"]
    assert seen == [(b"X-Request-ID", b"first")]
