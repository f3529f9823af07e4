"""TLS with clients: certificates by name, versions, protocols, resumption (security.md 1H)."""

import base64
import contextlib
import os
import signal
import socket
import ssl
import subprocess

import pytest

from rig import h2
from rig.client import Closed, request
from rig.deadline import seconds
from rig.h2 import H2Client, head
from rig.origin import Gate, Origin, response
from rig.product import Product, binary, config, front, run, sanitized
from rig.standin import find
from rig.tls import TlsClient, authority, context, openssl, wrap
from rig.toml import dumps

MIB = 1 << 20
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def pair():
    return authority().issue("a.test", "localhost", "127.0.0.1")


@pytest.fixture()
def origin():
    with Origin() as made:
        yield made


def secure(origin, pair, **parts):
    parts["server"] = {**pair.keys(), **parts.get("server", {})}
    return front(origin, **parts)


def get(product, name="a.test", host=None, **options):
    with TlsClient(product.address(), name, **options) as client:
        client.send(request("/", host=host or name or "a.test"))
        return client.response()


def store(origin, certificates, **server):
    """A product that chooses from [certificates.*]."""
    conf = config(origin.addr, server={"global_certificates": True, **server})
    conf["certificates"] = certificates
    return Product(conf)


def shown(product, name):
    with TlsClient(product.address(), name) as client:
        return client.names()


# ---- the first byte

@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_curl(origin, pair, version, protocol):
    with secure(origin, pair) as product:
        port = product.address()[1]
        done = subprocess.run(
            [find("curl"), "-s", protocol, "--cacert", authority().ca.cert, "--tls-max",
             "1.2" if version == V12 else "1.3", "-w", "%{http_version} %{http_code}",
             "-o", "/dev/null", f"https://localhost:{port}/x"],
            capture_output=True, text=True, timeout=seconds(20), check=False)
        assert done.stdout == ("2 200" if protocol == "--http2" else "1.1 200")
        assert origin.requests[0].path() == "/x"
        assert origin.requests[0].get("x-forwarded-proto") == "https"


def test_variables_and_log(origin, pair):
    location = {"proxy_set_headers": ["x-tls: $tls_version $tls_cipher $tls_server_name"]}
    with secure(origin, pair, location=location) as product:
        get(product, settings=context(low=V13))
        seen = origin.requests[0].get("x-tls").split()
        assert seen[0] == "TLSv1.3" and seen[1].startswith("TLS_") and seen[2] == "a.test"
        assert product.wait_log(1)[0]["status"] == 200


@pytest.mark.parametrize("alpn,version", [(("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"),
                                          (("x", "http/1.1"), "http/1.1"), ((), None)])
def test_alpn(origin, pair, alpn, version):
    with secure(origin, pair) as product:
        with TlsClient(product.address(), settings=context(alpn)) as client:
            assert client.sock.selected_alpn_protocol() == version


def test_alpn_of_nobody_is_refused(origin, pair):
    with secure(origin, pair) as product:
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            TlsClient(product.address(), settings=context(("ftp",)))
        assert get(product).status == 200


def test_h2_can_be_off(origin, pair):
    with secure(origin, pair, server={"enabled_h2": False}) as product:
        with TlsClient(product.address(), settings=context(("h2", "http/1.1"))) as client:
            assert client.sock.selected_alpn_protocol() == "http/1.1"


def test_the_preface_of_http2_needs_alpn(origin, pair):
    with secure(origin, pair) as product, TlsClient(product.address()) as client:
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.response().status in (400, 505)


def test_plain_http_is_told_so(origin, pair):
    with secure(origin, pair) as product, product.client() as client:
        client.send(request("/"))
        answer = client.response()
        assert answer.status == 400 and b"https:" in answer.body
    assert origin.requests == []


# ---- bytes

@pytest.mark.parametrize("version", [V12, V13])
def test_long_bodies(pair, version):
    body = bytes(range(256)) * 4096 * 5
    with Origin(answer=lambda _: response(body=body), keep=len(body)) as origin:
        with secure(origin, pair) as product:
            with TlsClient(product.address(), settings=context(high=version, low=version)) as client:
                client.send(request("/", method="PUT", body=body))
                assert client.response(keep=len(body)).body == body
                client.send(request("/again"))
                assert client.response(keep=len(body)).body == body
        assert origin.requests[0].body == body


def test_a_reader_that_waits_gets_everything(pair):
    body = bytes(range(256)) * 4096 * 16
    with Origin(answer=lambda _: response(body=body)) as origin, secure(origin, pair) as product:
        with TlsClient(product.address(), rcvbuf=4096, timeout=30) as client:
            before = product.rss()
            client.send(request("/"))
            start = client.bytes(15)
            assert sanitized(binary()) or product.rss() - before < 2 * MIB
            client.received = start + client.received
            assert client.response(keep=len(body)).body == body


def test_pipelined_requests_in_one_record(origin, pair):
    with secure(origin, pair) as product, TlsClient(product.address()) as client:
        client.send(request("/1") + request("/2") + request("/3"))
        assert [client.response().status for _ in range(3)] == [200, 200, 200]
        assert [message.path() for message in origin.requests] == ["/1", "/2", "/3"]


def test_a_request_in_many_records(origin, pair):
    with secure(origin, pair) as product, TlsClient(product.address()) as client:
        for byte in request("/", method="POST", body=b"hello"):
            client.sock.sendall(bytes([byte]))
        assert client.response().status == 200
        assert origin.requests[0].body == b"hello"


def test_close_is_announced(origin, pair):
    """What ends with the connection must not look cut off (TLS-14)."""
    with secure(origin, pair) as product, TlsClient(product.address()) as client:
        client.send(request("/", [("Connection", "close")]))
        client.response()
        assert client.sock.recv(10) == b""  # an end without close_notify raises


def test_an_answer_that_breaks_off_is_not_ended_in_order(pair):
    async def short(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        conn.close()

    with Origin(script=short) as origin, secure(origin, pair) as product:
        with TlsClient(product.address()) as client:
            client.send(request("/"))
            with pytest.raises((Closed, ssl.SSLError)):
                client.response()


def test_hello_split_at_every_byte(origin, pair):
    """The name is looked at when the whole hello is here (TLS-08)."""
    with secure(origin, pair) as product:
        settings = context()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = settings.wrap_bio(incoming, outgoing, server_hostname="a.test")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = outgoing.read()
        with product.client() as raw:
            raw.send_pieces([hello[i:i + 1] for i in range(len(hello))])
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    raw.send(outgoing.read())
                    incoming.write(raw.sock.recv(65536))
            raw.send(outgoing.read())
        assert "a.test" in [name for _, name in client.getpeercert()["subjectAltName"]]


# ---- certificates

def test_certificate_by_name():
    ca = authority()
    certificates = {"exact": ca.issue("x.a.test").keys(),
                    "wild": ca.issue("*.a.test").keys(),
                    "other": ca.issue("other.test").keys(is_default=True)}
    with Origin() as origin, store(origin, certificates) as product:
        assert shown(product, "x.a.test") == ["x.a.test"]
        assert shown(product, "X.A.Test") == ["x.a.test"]
        assert shown(product, "y.a.test") == ["*.a.test"]
        assert shown(product, "other.test") == ["other.test"]
        for name in ("a.test", "z.y.a.test", "unknown.test"):
            settings = context()
            settings.check_hostname = False
            with TlsClient(product.address(), name, settings) as client:
                assert client.names() == ["other.test"], name
        with TlsClient(product.address(), None) as client:
            assert client.names() == ["other.test"]


def test_domains_of_the_configuration_replace_those_of_the_certificate():
    ca = authority()
    certificates = {"one": ca.issue("one.test").keys(is_default=True),
                    "two": ca.issue("two.test").keys(domains=["three.test"])}
    with Origin() as origin, store(origin, certificates) as product:
        settings = context()
        settings.check_hostname = False
        with TlsClient(product.address(), "three.test", settings) as client:
            assert client.names() == ["two.test"]
        with TlsClient(product.address(), "two.test", settings) as client:
            assert client.names() == ["one.test"]


def test_two_kinds_of_key_for_one_name():
    ca = authority()
    certificates = {"ec": ca.issue("k.test").keys(), "rsa": ca.issue("k.test", key="rsa").keys()}
    with Origin() as origin, store(origin, certificates) as product:
        port = product.address()[1]
        for algorithms, kind in (("ECDSA+SHA256", "id-ecPublicKey"),
                                 ("RSA-PSS+SHA256", "rsaEncryption")):
            _, out, _ = openssl("s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                                "k.test", "-sigalgs", algorithms, "-showcerts", stdin="")
            _, text, _ = openssl("x509", "-noout", "-text", stdin=out)
            assert kind in text, algorithms


def test_a_host_with_another_certificate_is_misdirected():
    ca = authority()
    certificates = {"one": ca.issue("one.test").keys(), "two": ca.issue("two.test").keys()}
    with Origin() as origin, store(origin, certificates) as product:
        assert get(product, "one.test", host="one.test").status == 200
        assert get(product, "one.test", host="no-certificate.test").status == 200
        assert get(product, "one.test", host="two.test").status == 421
        assert product.wait_log(3)[2]["reason"] == "misdirected"


def test_every_stream_with_another_certificate_is_misdirected():
    """HS-03: what the first stream may ask for opens nothing for the next."""
    ca = authority()
    certificates = {"one": ca.issue("one.test").keys(), "two": ca.issue("two.test").keys()}
    with Origin() as origin, store(origin, certificates) as product, \
            H2Client(product.address(), tls=wrap(context(["h2"]), "one.test")) as client:
        for stream, name in enumerate(["one.test", "two.test"] * 3):
            client.request(2 * stream + 1, head(authority=name, scheme="https"))
            assert client.answer(2 * stream + 1).status == (200 if name == "one.test" else 421)
        assert len(origin.requests) == 3


@pytest.mark.parametrize("form", ["pem", "base64", "env"])
def test_certificates_as_text(origin, pair, form):
    with open(pair.cert, encoding="ascii") as file:
        cert = file.read()
    with open(pair.key, encoding="ascii") as file:
        key = file.read()
    server, env = {"tls_cert": cert, "tls_key": key}, {}
    if form == "base64":
        server = {name: base64.b64encode(text.encode()).decode() for name, text in server.items()}
    if form == "env":
        server, env = {"tls_cert": "${CERT}", "tls_key": "${KEY}"}, {"CERT": cert, "KEY": key}
    with front(origin, server=server, options={"env": env}) as product:
        assert get(product).status == 200


def test_an_encrypted_key(origin, pair):
    locked = authority().path("locked.key")
    openssl("pkey", "-in", pair.key, "-aes256", "-passout", "pass:sesame", "-out", locked)
    server = {"tls_cert": pair.cert, "tls_key": locked, "tls_key_password": "sesame",
              "tls_key_readable": True}
    with front(origin, server=server) as product:
        assert get(product).status == 200
    for password, words in (("", "there is no password"), ("wrong", "does not open the key")):
        server["tls_key_password"] = password
        assert words in refusal(server)


def refusal(server, certificates=None):
    """What `pingap validate` says of such a server."""
    conf = config("127.0.0.1:1", server=server)
    conf["certificates"] = certificates or {}
    code, out, err = run("validate", "--config", "-", stdin=dumps(conf))
    assert code == 3, out + err
    return out + err


def test_what_cannot_be_used_stops_the_load(pair, tmp_path):
    other = authority().issue("b.test")
    assert "do not belong together" in refusal({"tls_cert": pair.cert, "tls_key": other.key})
    assert "No such file" in refusal({"tls_cert": "/no/such.pem", "tls_key": pair.key})
    assert "needs `tls_key`" in refusal({"tls_cert": pair.cert})
    assert "needs `tls_cert`" in refusal({"tls_key": pair.key})
    assert "no private key" in refusal({"tls_cert": pair.cert, "tls_key": pair.cert,
                                        "tls_key_readable": True})
    assert "no certificate" in refusal({"tls_cert": pair.key, "tls_key": pair.key})
    assert "without a [certificates.NAME]" in refusal({"global_certificates": True})
    assert "tls_cipher_list" in refusal(pair.keys(tls_cipher_list="NONE-OF-THESE"))
    assert "above" in refusal(pair.keys(tls_min_version="tlsv1.3", tls_max_version="tlsv1.2"))
    assert "set twice" in refusal(pair.keys(), {"a": pair.keys(is_default=True),
                                                "b": pair.keys(is_default=True)})
    (tmp_path / "empty.pem").write_text("")
    assert "tls_client_ca" in refusal(pair.keys(tls_client_ca=str(tmp_path / "empty.pem")))
    assert "tls_client_ca" in refusal(pair.keys(tls_client_ca="/no/such.pem"))
    assert "would check nobody" in refusal({"tls_client_ca": pair.cert})


def test_a_key_that_everybody_can_read_is_refused(origin, pair, tmp_path):
    open_key = tmp_path / "open.key"
    with open(pair.key, encoding="ascii") as file:
        open_key.write_text(file.read())
    open_key.chmod(0o644)
    server = {"tls_cert": pair.cert, "tls_key": str(open_key)}
    assert "everybody can read it" in refusal(server)
    with front(origin, server={**server, "tls_key_readable": True}) as product:
        assert get(product).status == 200


def test_an_error_never_shows_a_key(pair):
    with open(pair.key, encoding="ascii") as file:
        key = file.read()
    said = refusal({"tls_cert": key, "tls_key": key.replace("M", "N")})
    assert key.splitlines()[1][:20] not in said


@pytest.mark.parametrize("form", ["text", "base64", "misspelt"])
def test_a_short_key_is_not_taken_for_a_path(pair, form):
    """A key of Ed25519 has 160 characters in base64."""
    made = subprocess.run([find("openssl"), "genpkey", "-algorithm", "ed25519"], check=True,
                          capture_output=True).stdout
    text = made.decode() if form == "text" else base64.b64encode(made).decode()
    name = "tls_kye" if form == "misspelt" else "tls_key"
    said = refusal({"tls_cert": pair.cert, name: text})
    assert "tls_" in said
    for secret in (made.split(b"\n")[1][-20:].decode(), base64.b64encode(made).decode()[40:60]):
        assert secret not in said


# ---- new certificates under way

def copy_over(source, target):
    """As an administrator does: the file is written anew in its place."""
    with open(source, "rb") as file:
        data = file.read()
    with open(target, "wb") as file:
        file.write(data)
    os.chmod(target, 0o600)


def test_new_files_are_taken_while_connections_go_on(origin, tmp_path):
    ca = authority()
    old, new = ca.issue("a.test", "old.test"), ca.issue("a.test", "new.test")
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    copy_over(old.cert, cert)
    copy_over(old.key, key)
    server = {"tls_cert": cert, "tls_key": key}
    with front(origin, server=server) as product, TlsClient(product.address()) as before:
        before.send(request("/1"))
        assert before.response().status == 200
        # The two files do not belong together for a while: nobody notices.
        copy_over(new.cert, cert)
        product.wait_line("do not belong together")
        product.wait_line("the old ones stay")
        assert "old.test" in shown(product, "a.test")
        copy_over(new.key, key)
        product.wait_line("are new")
        assert "new.test" in shown(product, "a.test")
        before.send(request("/2"))
        assert before.response().status == 200


def test_a_link_that_is_replaced_is_followed(origin, tmp_path):
    """As Kubernetes and certbot do: the files are links into a folder that is exchanged."""
    ca = authority()
    for number, names in enumerate((("a.test", "old.test"), ("a.test", "new.test"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        pair = ca.issue(*names)
        copy_over(pair.cert, folder / "tls.crt")
        copy_over(pair.key, folder / "tls.key")
    data = tmp_path / "data"
    data.symlink_to(tmp_path / "0")
    server = {"tls_cert": str(data / "tls.crt"), "tls_key": str(data / "tls.key")}
    with front(origin, server=server) as product:
        assert "old.test" in shown(product, "a.test")
        (tmp_path / "next").symlink_to(tmp_path / "1")
        os.rename(tmp_path / "next", data)
        product.wait_line("are new")
        assert "new.test" in shown(product, "a.test")
        os.remove(tmp_path / "1" / "tls.key")
        product.wait_line("the old ones stay")
        assert "new.test" in shown(product, "a.test")


# ---- policy

@pytest.mark.parametrize("low,high,offer,ok", [
    (None, None, "-tls1_1", False), (None, None, "-tls1_2", True), (None, None, "-tls1_3", True),
    ("tlsv1.3", None, "-tls1_2", False), (None, "tlsv1.2", "-tls1_3", False)])
def test_versions(origin, pair, low, high, offer, ok):
    server = {name: value for name, value in
              (("tls_min_version", low), ("tls_max_version", high)) if value}
    with secure(origin, pair, server=server) as product:
        code, _, _ = openssl("s_client", "-connect", f"127.0.0.1:{product.address()[1]}", offer,
                             "-cipher", "ALL:@SECLEVEL=0", stdin="")
        assert (code == 0) == ok


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256",
                                    "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA256"])
def test_weak_ciphers_are_refused(origin, pair, cipher):
    with secure(origin, pair) as product:
        code, _, _ = openssl("s_client", "-connect", f"127.0.0.1:{product.address()[1]}",
                             "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0", stdin="")
        assert code != 0


def test_renegotiation_is_refused(origin, pair):
    with secure(origin, pair) as product:
        with subprocess.Popen(
                [find("openssl"), "s_client", "-tls1_2", "-connect",
                 f"127.0.0.1:{product.address()[1]}"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            out, _ = process.communicate(b"R\n", timeout=seconds(10))
        assert b"no renegotiation" in out or process.returncode != 0
        assert get(product).status == 200


# ---- resumption

def resumed(product, session, settings, name="a.test"):
    with TlsClient(product.address(), name, settings, session=session) as client:
        client.send(request("/"))
        client.response()  # TLS 1.3: the ticket has come by now
        return client.sock.session_reused, client.sock.session


@pytest.mark.parametrize("version", [V12, V13])
def test_sessions_are_resumed_by_every_worker(origin, pair, version):
    with secure(origin, pair, basic={"threads": 4}) as product:
        settings = context(low=version, high=version)
        reused, session = resumed(product, None, settings)
        assert not reused
        for _ in range(12):
            reused, session = resumed(product, session, settings)
            assert reused


def test_handshakes_are_counted(origin, pair):
    with secure(origin, pair, basic={"log_level": "debug", "threads": 2}) as product:
        settings = context()
        _, session = resumed(product, None, settings)
        for _ in range(2):
            _, session = resumed(product, session, settings)
        with product.client() as client:
            client.send(b"no hello at all\r\n\r\n")
            client.read_to_end()
        product.wait_line(r"TLS handshake of 127\.0\.0\.1 with \[servers\.main\]: \w")
        product.signal(signal.SIGUSR1)
        product.wait_line(r"reopened; since the start: TLS handshakes 4 \(2 resumed, 1 failed\)")


@pytest.mark.parametrize("version", [V12, V13])
def test_a_session_does_not_lead_past_a_check_for_certificates(pair, version):
    """The ticket of an open server opens nothing at one that asks who comes (TLS-01)."""
    ca = authority()
    with Origin() as origin:
        conf = config(origin.addr, server=pair.keys())
        conf["servers"]["checked"] = {"addr": "127.0.0.1:0", "locations": ["all"],
                                      **pair.keys(tls_client_ca=ca.ca.cert)}
        with Product(conf) as product:
            settings = context(low=version, high=version)
            _, session = resumed(product, None, settings)
            with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
                with TlsClient(product.address("checked"), "a.test", settings,
                               session=session) as client:
                    client.send(request("/"))
                    client.response()
        assert len(origin.requests) == 1


# ---- who comes

@pytest.mark.parametrize("version", [V12, V13])
def test_clients_with_certificates(origin, pair, version):
    ca = authority()
    client = ca.issue("client.test", common="Jane")
    location = {"proxy_set_headers": ["X-Client: $tls_client_subject",
                                      "X-Print: $tls_client_fingerprint"]}
    with secure(origin, pair, server={"tls_client_ca": ca.ca.cert}, location=location) as product:
        assert get(product, settings=context(client=client, high=version)).status == 200
        assert origin.requests[0].get("x-client") == "CN=Jane"
        assert len(origin.requests[0].get("x-print")) == 64
        for stranger in (None, pair_of_stranger()):
            with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
                get(product, settings=context(client=stranger, high=version))
    assert len(origin.requests) == 1


def test_client_certificates_that_need_not_be(origin, pair):
    ca = authority()
    server = {"tls_client_ca": ca.ca.cert, "tls_client_auth": "optional"}
    location = {"proxy_set_headers": ["X-Client: $tls_client_subject"]}
    with secure(origin, pair, server=server, location=location) as product:
        with TlsClient(product.address()) as client:
            client.send(request("/", [("X-Client", "CN=Root")]))
            assert client.response().status == 200
        assert origin.requests[0].get("x-client") == ""  # not what the client says
        assert get(product, settings=context(client=ca.issue("c.test"))).status == 200
        with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
            get(product, settings=context(client=pair_of_stranger()))


def pair_of_stranger():
    from rig.tls import Authority  # its own authority, known to nobody
    stranger = Authority("stranger")
    pair = stranger.issue("client.test")
    pair.keep = stranger
    return pair


# ---- ends and floods

def test_stopping_lets_requests_end(pair):
    with Origin() as origin, secure(origin, pair) as product:
        with TlsClient(product.address()) as client:
            client.send(request("/"))
            assert client.response().status == 200
            product.signal()
            assert client.sock.recv(10) == b""
            assert product.wait_exit() == 0


def test_half_a_hello_is_cut_after_header_timeout(origin, pair):
    with secure(origin, pair, server={"header_timeout": "200ms"}) as product:
        with product.client() as client:
            client.send(b"\x16\x03\x01\x02\x00\x01")
            client.read_to_end()
        assert get(product).status == 200


def test_silent_connections_make_room(origin, pair):
    with secure(origin, pair, server={"max_connections": 5}, basic={"threads": 1}) as product:
        held = [socket.create_connection(product.address()) for _ in range(5)]
        for _ in range(3):
            assert get(product).status == 200
        for sock in held:
            sock.close()


class Cut:
    """A client of TLS whose bytes go out as the test has it."""

    def __init__(self, product, alpn):
        self.sock = socket.create_connection(product.address(), timeout=seconds(5))
        settings = context()
        settings.set_alpn_protocols([alpn])
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = settings.wrap_bio(self.into, self.out, server_hostname="a.test")
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.out.read())
                self.into.write(self.sock.recv(65536))
        self.sock.sendall(self.out.read())

    def record(self, data):
        self.tls.write(data)
        return self.out.read()


@pytest.mark.parametrize("word", [True, False])
def test_a_client_that_goes_without_a_word_is_not_answered(pair, word):
    """A FIN without close_notify is no end of a request, as it may be without TLS: for a stream of
    events or a long poll nobody else would tell."""
    gate = Gate()

    async def script(conn):
        await conn.request()
        await gate.wait()
        await conn.send(response(body=b"late"))
        await conn.end()

    with Origin(script) as origin, secure(origin, pair) as product:
        client = Cut(product, "http/1.1")
        with client.sock as sock:
            sock.sendall(client.record(request("/")))
            origin.wait_requests(1)
            if word:
                with contextlib.suppress(ssl.SSLWantReadError):
                    client.tls.unwrap()
                sock.sendall(client.out.read())
            sock.shutdown(socket.SHUT_WR)
            if not word:
                origin.wait(lambda: origin.connections[0].ended, "the request is given up")
            gate.open()
            assert product.wait_log(1)[0]["reason"] == ("" if word else "client_reset")


@pytest.mark.parametrize("alpn,first,second", [
    ("http/1.1", b"", b"GET / HTTP/1.1\r\n"),
    ("h2", h2.PREFACE + h2.frame(h2.SETTINGS), h2.get(1)),
])
def test_an_end_behind_a_part_of_a_record_is_seen(origin, pair, alpn, first, second):
    with secure(origin, pair) as product:
        client = Cut(product, alpn)
        with client.sock as sock:
            sock.sendall(client.record(first) if first else b"")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # in one packet with the FIN
            sock.sendall(client.record(second)[:-5])
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass  # a timeout is the failure


def test_garbage_ends_the_connection(origin, pair):
    with secure(origin, pair) as product:
        for bytes_ in (b"\x80\x2e\x01\x03\x01", b"\x16\x03\x01\xff\xff" + b"a" * 70000,
                       b"\x15\x03\x01\x00\x02\x02\x28"):
            with product.client() as client:
                client.send(bytes_)
                client.fin()
                client.read_to_end()
        with socket.create_connection(product.address()) as silent:
            silent.shutdown(socket.SHUT_WR)
        assert get(product).status == 200


def test_an_idle_connection_takes_little_memory(origin, pair):
    """A quarter of what OpenSSL's object of one takes, which is given back behind the handshake."""
    with secure(origin, pair) as product, contextlib.ExitStack() as held:
        def hold(count):
            for _ in range(count):
                client = held.enter_context(TlsClient(product.address(), "a.test"))
                client.send(request("/", host="a.test"))
                assert client.response().status == 200
        hold(50)
        before = product.rss()
        hold(400)
        assert sanitized(binary()) or product.rss() - before < 400 * 8 * 1024
