"""Who may come: api_key, jwt, basic_auth, combined_auth and csrf (security.md 1K), as clients see it."""

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import time

import pytest

from rig import h2
from rig.deadline import until
from rig.h2 import H2Client, frame, head
from rig.origin import Origin
from rig.product import Product, binary, config, sanitized
from rig.tls import openssl
from rig.web import Web
from test_websocket import HANDSHAKE, echo_tunnel

SECRET = "0123456789abcdef0123456789abcdef"
# "secret", by bcrypt with the least cost there is
BCRYPT = "$2b$04$ny8wbx73GnAOBTWLBIR1vuSu974Rr8EK21.ZR9tCgq7lfXY8ioVgW"
API_KEY = {"type": "api_key", "keys": [{"key": "good-key", "name": "shop"}],
           "set_headers": {"X-Client": "$auth_name"}}
JWT = {"type": "jwt", "secret": SECRET, "claim_headers": {"X-User": "sub"}}
BASIC = {"type": "basic_auth", "users": [f"alice:{BCRYPT}"], "set_headers": {"X-User": "$auth_user"}}


def guarded(origin, plugin, server=None, location=None, **more):
    """A product whose only location asks `plugin`."""
    conf = config(origin.addr, location={"path": "/", "plugins": ["guard"], **(location or {})},
                  server=server, **more)
    conf["plugins"] = {"guard": plugin}
    return Product(conf)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims=None, header=None, sign=None):
    claims = {"sub": "alice", "exp": int(time.time()) + 86400, **(claims or {})}
    parts = [base64url(json.dumps(part).encode())
             for part in ({"alg": "HS256", "typ": "JWT", **(header or {})}, claims)]
    text = ".".join(parts).encode()
    sign = sign or (lambda data: hmac.new(SECRET.encode(), data, hashlib.sha256).digest())
    return f"{text.decode()}.{base64url(sign(text))}"


def bearer(text):
    return [("Authorization", f"Bearer {text}")]


def basic(user, password):
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return [("Authorization", f"Basic {pair}")]


# Each plugin with good and bad credentials, and what never may stand in a log.
CASES = {
    "api_key": (API_KEY, [("X-API-Key", "good-key")], [("X-API-Key", "bad-key")], ["good-key", "bad-key"]),
    "jwt": (JWT, bearer(token()), bearer(token({"exp": 1})), [SECRET, token().split(".", maxsplit=1)[0]]),
    "basic_auth": (BASIC, basic("alice", "secret"), basic("alice", "wrong"),
                   [basic("alice", "secret")[0][1][6:], BCRYPT]),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


# --- all of them

def test_good_credentials_pass_and_others_do_not(recorder, case):
    plugin, good, bad, _ = case
    with guarded(recorder, plugin) as product:
        assert product.get("/", good).status == 200
        assert product.get("/", good).status == 200
        for headers in (bad, [], good + good):
            answer = product.get("/", headers)
            assert answer.status == (400 if headers == good + good else 401)
            if answer.status == 401:
                assert len(answer.all("WWW-Authenticate")) == 1
        assert len(recorder.requests) == 2
        reasons = [line["reason"] for line in product.wait_log(5)]
    assert reasons == ["-", "-", "unauthorized", "unauthorized", "bad_header"] or reasons[2:4] == ["unauthorized"] * 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "PROPFIND"])
def test_every_method_is_asked(recorder, case, method):
    plugin, good, bad, _ = case
    with guarded(recorder, plugin) as product:
        assert product.get("/", bad, method=method).status == 401
        assert product.get("/", good, method=method).status == 200


@pytest.mark.parametrize("target", [
    "/admin", "/%61dmin", "/admin/", "//admin", "/x/../admin", "/x/%2e%2e/admin", "/admin;x=1",
    "/admin%20", "/ADMIN/../admin", "/./admin", "/admin?x", "http://a.test/admin"])
def test_spellings_of_a_path_do_not_get_around_it(recorder, target):
    conf = config(recorder.addr, locations={
        "admin": {"path": "/admin", "path_type": "prefix", "plugins": ["guard"]},
        "all": {"path": "/"}})
    conf["plugins"] = {"guard": API_KEY}
    with Product(conf) as product:
        assert product.get(target).status in (400, 401)
    assert not recorder.requests


def test_a_websocket_handshake_is_asked(case):
    plugin, good, bad, _ = case
    with Origin(script=echo_tunnel) as origin, guarded(origin, plugin) as product:
        assert product.get("/ws", HANDSHAKE[1:] + bad).status == 401
        with product.client() as client:
            assert client.get("/ws", HANDSHAKE + bad).status == 401
        with product.client() as client:
            assert client.get("/ws", HANDSHAKE + good).status == 101


def test_http2_is_asked(recorder, case):
    plugin, good, bad, _ = case
    with guarded(recorder, plugin) as product, H2Client(product.address()[:2]) as client:
        for stream, fields, status in ((1, bad, 401), (3, good, 200), (5, [], 401)):
            client.request(stream, head(*[(name.lower(), value) for name, value in fields]))
            assert client.answer(stream).status == status


def test_a_call_of_grpc_is_asked(recorder, case):
    plugin, _, bad, _ = case
    call = [("content-type", "application/grpc"), ("te", "trailers")]
    with guarded(recorder, plugin) as product, H2Client(product.address()[:2]) as client:
        fields = call + [(name.lower(), value) for name, value in bad]
        client.request(1, head(*fields, method="POST", path="/a.B/C"), end=False)
        client.send(frame(h2.DATA, h2.END_STREAM, 1, b"\0\0\0\0\0"))
        answer = client.answer()
    assert answer.get("grpc-status") == "16" and not recorder.requests


def test_a_client_cannot_say_who_it_is(recorder, case):
    plugin, good, _, _ = case
    name = list(plugin.get("set_headers") or plugin["claim_headers"])[0]
    spoofed = [(name, "root"), (name.replace("-", "_"), "root"), (name.upper(), "root"),
               ("Connection", f"close, {name}")]
    with guarded(recorder, plugin, server={"underscores_in_headers": "keep"}) as product:
        assert product.get("/", good + spoofed).status == 200
    seen = [(key, value) for key, value in recorder.requests[0].fields
            if key.lower().replace(b"_", b"-") == name.lower().encode()]
    assert [value for _, value in seen] == [b"shop" if plugin is API_KEY else b"alice"]


def test_nothing_secret_is_logged(recorder, tmp_path, case):
    plugin, good, bad, secrets = case
    log = tmp_path / "log"
    form = "{uri} {query} {>x-api-key} {>authorization} {plugin} {plugin_reason}"
    with guarded(recorder, plugin, server={"access_log": f"{log} {form}"},
                 basic={"log_level": "debug"}) as product:
        for headers in (good, bad):
            product.get("/", headers)
        until(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
        text = log.read_text() + "\n".join(product.stderr)
    for secret in secrets:
        assert secret not in text


def test_the_backend_sees_no_credentials(recorder):
    for plugin, good in ((API_KEY, [("X-API-Key", "good-key")]), (BASIC, basic("alice", "secret"))):
        with guarded(recorder, plugin) as product:
            assert product.get("/", good).status == 200
        assert recorder.requests[-1].get(good[0][0]) is None


def test_the_error_page_comes_in_the_form_that_is_wanted(recorder, case):
    plugin, _, bad, _ = case
    with guarded(recorder, plugin) as product:
        answer = product.get("/", bad + [("Accept", "application/json")])
    assert json.loads(answer.body)["status"] == 401


# --- api_key

def test_a_key_in_the_query_goes_no_further(recorder, tmp_path):
    log = tmp_path / "log"
    with guarded(recorder, {"type": "key_auth", "query": "k", "keys": ["good-key"]},
                 server={"access_log": f"{log} {{uri}} {{query}} {{referer}}"}) as product:
        assert product.get("/a?x=1&k=good-key&y=2").status == 200
        answer = product.get("/a?k=bad-key", [("Referer", "http://a.test/?k=good-key")])
        assert answer.status == 401 and answer.all("Referrer-Policy") == [b"no-referrer"]
        until(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
    assert recorder.requests[0].path() == "/a?x=1&y=2"
    assert "good-key" not in log.read_text() and "bad-key" not in log.read_text()


# --- jwt

@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_with_a_bearer_token(recorder):
    with guarded(recorder, JWT) as product:
        host, port = product.address()
        done = subprocess.run(["curl", "-sS", "-i", "--max-time", "10", "--oauth2-bearer", token(),
                               f"http://{host}:{port}/x"], capture_output=True, check=True)
    assert b"200 OK" in done.stdout and recorder.requests[0].get("X-User") == "alice"


@pytest.mark.parametrize("algorithm,options", [
    ("RS256", ["-algorithm", "RSA"]), ("ES256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("EdDSA", ["-algorithm", "ED25519"])])
def test_tokens_that_openssl_has_signed(recorder, tmp_path, algorithm, options):
    key, public = tmp_path / "key", tmp_path / "public"
    openssl("genpkey", *options, "-out", str(key))
    openssl("pkey", "-in", str(key), "-pubout", "-out", str(public))

    def sign(text):
        (tmp_path / "text").write_bytes(text)
        more = [] if algorithm == "EdDSA" else ["-digest", "sha256"]
        openssl("pkeyutl", "-sign", "-inkey", str(key), "-rawin", *more, "-in", str(tmp_path / "text"),
                "-out", str(tmp_path / "signature"))
        proof = (tmp_path / "signature").read_bytes()
        return raw(proof) if algorithm == "ES256" else proof

    plugin = {"type": "jwt", "public_key": str(public), "algorithm": algorithm}
    good = token(header={"alg": algorithm}, sign=sign)
    wrong = hmac.new(public.read_bytes(), good.rpartition(".")[0].encode(), hashlib.sha256).digest()
    with guarded(recorder, plugin) as product:
        assert product.get("/", bearer(good)).status == 200
        assert product.get("/", bearer(good)).status == 200
        assert product.get("/", bearer(good[:-8] + "AAAAAAAA")).status == 401
        assert product.get("/", bearer(token(sign=lambda _: wrong))).status == 401


def raw(der):
    """r || s of a DER signature of P-256."""
    size = der[3]
    numbers = der[4:4 + size], der[6 + size:]
    return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in numbers)


class KeyServer(Web):
    """Serves a set of keys; `status` and `keys` change."""

    def __init__(self):
        super().__init__(self._answer)
        self.status, self.keys, self.asked = 200, {"keys": []}, 0
        self.url += "/keys"

    def _answer(self, _request, _body):
        self.asked += 1
        fields = {"Location": "file:///etc/hostname"} if self.status == 302 else {}
        return self.status, fields, json.dumps(self.keys).encode()


class EdKey:
    """An Ed25519 key as a member of a set."""

    def __init__(self, folder, name):
        self.file, self.folder, self.name = folder / f"{name}.key", folder, name
        openssl("genpkey", "-algorithm", "ED25519", "-out", str(self.file))
        openssl("pkey", "-in", str(self.file), "-pubout", "-outform", "DER", "-out",
                str(folder / f"{name}.der"))
        point = (folder / f"{name}.der").read_bytes()[-32:]
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "kid": name, "x": base64url(point), "use": "sig"}

    def token(self, kid=None):
        return token(header={"alg": "EdDSA", "kid": kid or self.name}, sign=self._sign)

    def _sign(self, text):
        (self.folder / "text").write_bytes(text)
        openssl("pkeyutl", "-sign", "-inkey", str(self.file), "-rawin", "-in",
                str(self.folder / "text"), "-out", str(self.folder / "signature"))
        return (self.folder / "signature").read_bytes()


def test_keys_from_a_server(recorder, tmp_path):
    first, second = EdKey(tmp_path, "first"), EdKey(tmp_path, "second")
    with KeyServer() as server:
        server.keys = {"keys": [first.jwk, {"kty": "oct", "kid": "oct", "k": base64url(SECRET.encode())}]}
        plugin = {"type": "jwt", "jwks_url": server.url, "algorithm": "EdDSA", "jwks_cooldown": "1ms"}
        with guarded(recorder, plugin) as product:
            assert product.get("/", bearer(first.token())).status == 200
            assert product.get("/", bearer(second.token())).status == 401
            assert product.get("/", bearer(token(header={"kid": "oct"}))).status == 401
            server.keys = {"keys": [first.jwk, second.jwk]}  # rotation, without a reload
            assert product.get("/", bearer(second.token())).status == 200
            server.status = 500  # what is known goes on
            assert product.get("/", bearer(second.token("third"))).status == 401
            assert product.get("/", bearer(second.token())).status == 200


def test_keys_from_a_server_that_answers_without_end(recorder, tmp_path):
    """10 MiB where a set of keys was: the keys of before stay, and no memory is spent on it."""
    key = EdKey(tmp_path, "a")
    with KeyServer() as server:
        server.keys = {"keys": [key.jwk]}
        plugin = {"type": "jwt", "jwks_url": server.url, "algorithm": "EdDSA", "jwks_ttl": "1s",
                  "jwks_cooldown": "1ms"}
        with guarded(recorder, plugin) as product:
            assert product.get("/", bearer(key.token())).status == 200
            before = product.rss()
            server.keys = {"keys": [key.jwk], "more": "x" * (10 << 20)}
            product.wait_line(f"cannot get the keys of {server.url}: ", 20)
            asked = server.asked
            until(lambda: server.asked > asked + 1, "it is tried again", 30)
            assert product.get("/", bearer(key.token())).status == 200
            if not sanitized(binary()):
                assert product.rss() - before < 2 << 20
            server.keys = {"keys": [key.jwk]}
            product.wait_line(f"got the keys of {server.url} again", 30)
            assert sum("cannot get the keys" in line for line in product.stderr) == 1


def test_what_is_remembered_of_a_token_ends_with_it_on_each_worker(recorder):
    good = token({"exp": int(time.time()) + 6})
    other = token({"sub": "root"})
    forged = other.rpartition(".")[0] + "." + good.rpartition(".")[2]  # with the signature of a good one
    with guarded(recorder, {**JWT, "leeway": "0s"}, basic={"threads": 2}) as product:
        for _ in range(12):  # each on a connection of its own, so on both workers
            assert product.get("/", bearer(forged)).status == 401
            assert product.get("/", [*bearer(good), ("X-User", "root")]).status == 200
            assert product.get("/", bearer(good[:-4] + "AAAA")).status == 401
        assert {request.get("X-User") for request in recorder.requests} == {"alice"}
        until(lambda: product.get("/", bearer(good)).status == 401, "the token has ended", timeout=20)
        assert {product.get("/", bearer(good)).status for _ in range(20)} == {401}


def test_what_is_remembered_of_a_token_ends_with_its_key_on_each_worker(recorder, tmp_path):
    first, second = EdKey(tmp_path, "first"), EdKey(tmp_path, "second")
    good = first.token()
    with KeyServer() as server:
        server.keys = {"keys": [first.jwk]}
        plugin = {"type": "jwt", "jwks_url": server.url, "algorithm": "EdDSA", "jwks_cooldown": "1ms"}
        with guarded(recorder, plugin, basic={"threads": 2}) as product:
            assert {product.get("/", bearer(good)).status for _ in range(20)} == {200}
            server.keys = {"keys": [second.jwk]}
            assert product.get("/", bearer(second.token())).status == 200  # has them fetched
            assert {product.get("/", bearer(good)).status for _ in range(20)} == {401}


@pytest.mark.parametrize("status", [404, 302])
def test_without_keys_from_a_server_nobody_passes(recorder, tmp_path, status):
    key = EdKey(tmp_path, "a")
    with KeyServer() as server:
        server.status, server.keys = status, {"keys": [key.jwk]}
        plugin = {"type": "jwt", "jwks_url": server.url, "algorithm": "EdDSA"}
        with guarded(recorder, plugin) as product:
            answer = product.get("/", bearer(key.token()))
            assert answer.status == 503 and answer.all("Retry-After") == [b"5"]
            assert product.get("/", bearer(key.token())).status == 503
        assert server.asked == 1 and not recorder.requests


def test_one_request_for_all_that_wait_for_a_key(recorder, tmp_path):
    key = EdKey(tmp_path, "a")
    with KeyServer() as server:
        server.keys = {"keys": [key.jwk]}
        with guarded(recorder, {"type": "jwt", "jwks_url": server.url, "algorithm": "EdDSA"}) as product:
            assert product.get("/", bearer(key.token())).status == 200
            for _ in range(50):
                assert product.get("/", bearer(key.token("unknown"))).status == 401
        assert server.asked == 1


# --- basic_auth

def test_a_changed_file_is_taken_up(recorder, tmp_path):
    path = tmp_path / "htpasswd"
    path.write_text(f"alice:{BCRYPT}\n")
    with guarded(recorder, {"type": "basic_auth", "htpasswd": str(path)}) as product:
        assert product.get("/", basic("alice", "secret")).status == 200
        assert product.get("/", basic("bob", "secret")).status == 401
        path.with_suffix(".new").write_text(f"bob:{BCRYPT}\n")
        path.with_suffix(".new").rename(path)
        until(lambda: product.get("/", basic("bob", "secret")).status == 200, "bob", 10)
        assert product.get("/", basic("alice", "secret")).status == 401
        path.with_suffix(".new").write_text("nonsense\n")
        path.with_suffix(".new").rename(path)
        product.wait_line("as before", 10)
        assert product.get("/", basic("bob", "secret")).status == 200


def test_guesses_do_not_keep_others_waiting(recorder):
    conf = config(recorder.addr, locations={"secret": {"path": "/secret", "plugins": ["guard"]},
                                            "all": {"path": "/"}})
    # "secret", with a cost of 10: some 50 ms
    openssl_hash = subprocess.run(["openssl", "passwd", "-6", "-salt", "abcdefgh", "secret"],
                                  capture_output=True, check=True, text=True).stdout.strip()
    slow = openssl_hash.replace("$6$", "$6$rounds=100000$", 1)  # a hash of nothing: only slow
    conf["plugins"] = {"guard": {"type": "basic_auth", "users": [f"alice:{slow}"]}}
    with Product(conf) as product:
        clients = [product.client() for _ in range(60)]
        for number, client in enumerate(clients):
            client.send(f"GET /secret HTTP/1.1\r\nHost: a.test\r\n"
                        f"Authorization: {basic('alice', str(number))[0][1]}\r\n\r\n".encode())
        begin = time.monotonic()
        assert product.get("/").status == 200
        took = time.monotonic() - begin
        statuses = [client.response(timeout=20).status for client in clients]
        ended = time.monotonic() - begin
        for client in clients:
            client.close()
    assert set(statuses) == {401, 503} and statuses.count(401) >= 10
    assert took < ended / 4


# --- combined_auth

def test_an_application_proves_its_secret(recorder):
    plugin = {"type": "combined_auth",
              "authorizations": [{"app_id": "shop", "secret": "topsecret", "deviation": 60}]}
    now = int(time.time())

    def target(secret, when=now):
        digest = hashlib.sha256(f"{secret}:{when}".encode()).hexdigest()
        return f"/a?app_id=shop&ts={when}&digest={digest}"

    with guarded(recorder, plugin) as product:
        assert product.get(target("topsecret")).status == 200
        for wrong in (target("other"), target("topsecret", now - 3600), "/a", "/a?app_id=shop"):
            assert product.get(wrong).status == 401
        product.wait_log(5)
        with open(product.path("main.log"), encoding="utf-8") as log:
            assert "digest=***" in log.read()


# --- csrf

def test_a_form_needs_a_token(recorder):
    plugin = {"type": "csrf", "key": SECRET, "token_path": "/csrf", "secure": False, "cookie": "csrf"}
    with guarded(recorder, plugin) as product:
        answer = product.get("/csrf")
        assert answer.status == 200 and answer.all("Cache-Control") == [b"no-store"]
        given = json.loads(answer.body)["token"]
        cookie = answer.all("Set-Cookie")[0].decode().partition(";")[0]
        assert cookie == f"csrf={given}"
        good = [("X-CSRF-Token", given), ("Cookie", cookie)]
        assert product.get("/", good, method="POST").status == 200
        assert product.get("/", good + [("Origin", "http://a.test")], method="POST").status == 200
        assert product.get("/", good + [("Origin", "http://evil.test")], method="POST").status == 403
        assert product.get("/", good[:1], method="POST").status == 403
        assert product.get("/", [], method="POST").status == 403
        assert product.get("/", good, method="POST", host="b.test").status == 403
        assert product.get("/").status == 200


# --- configurations

@pytest.mark.parametrize("plugin,why", [
    ({"type": "api_key", "keys": []}, "`keys` is empty"),
    ({"type": "api_key", "keys": ["good-key"], "hide": True}, "unknown"),
    ({"type": "jwt", "secret": "short-secret"}, "12 bytes"),
    ({"type": "jwt", "secret": SECRET, "algorithm": "none"}, "not an algorithm"),
    ({"type": "basic_auth"}, "nobody"),
    ({"type": "csrf", "key": "", "token_path": "/t"}, "0 bytes"),
    ({"type": "combined_auth", "authorizations": [{"app_id": "a", "secret": "*"}]}, "anybody"),
])
def test_a_configuration_that_is_not_safe_does_not_start(recorder, plugin, why):
    with pytest.raises(AssertionError) as refused:
        guarded(recorder, plugin)
    assert why in str(refused.value) and "short-secret" not in str(refused.value)
