"""Clients that mean harm, before and inside TLS (security.md 1H), an honest one beside each."""

import os
import pty
import socket
import ssl
import subprocess

import pytest

from rig.client import Closed, request
from rig.deadline import seconds
from rig.origin import Origin
from rig.product import front
from rig.standin import find
from rig.tls import TlsClient, authority, context, openssl


@pytest.fixture(scope="module")
def pair():
    return authority().issue("a.test")


@pytest.fixture()
def product(pair):
    log = {"access_log": ""}
    with Origin() as origin, front(origin, server={**pair.keys(), **log}) as made:
        yield made


def honest(product):
    with TlsClient(product.address()) as client:
        client.send(request("/"))
        assert client.response().status == 200


def s_client(product, *options, stdin=""):
    return openssl("s_client", "-connect", f"127.0.0.1:{product.address()[1]}", *options,
                   stdin=stdin)


@pytest.mark.parametrize("name", [
    "../../../../etc/passwd", "a" * 255, "a." * 127, "..", "a.test.", "A.TEST", "127.0.0.1",
    "[::1]", "a b", "a\tb", "%00", "*.test", "xn--", "-a.test", "\x01\x1b[2J", "a/b"])
def test_names_that_are_none(product, name):
    """TLS-12: whatever is asked for, at most the default certificate is shown."""
    code, out, _ = s_client(product, "-servername", name)
    assert code != 0 or "BEGIN CERTIFICATE" in out
    honest(product)


def test_key_updates_without_end(product):
    """TLS-04: each costs us work and the client nothing."""
    master, slave = pty.openpty()  # a terminal: it gives the command one line at a time
    with subprocess.Popen(
            [find("openssl"), "s_client", "-tls1_3", "-connect",
             f"127.0.0.1:{product.address()[1]}"], stdin=slave, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as process:
        os.write(master, b"k\n" * 100)
        out, _ = process.communicate(timeout=seconds(20))  # ends when we close
    os.close(master)
    os.close(slave)
    assert out.count(b"KEYUPDATE") > 20
    honest(product)


def test_half_handshakes_do_not_stop_others(product):
    """TLS-10: many that begin and do not go on."""
    settings = context()
    hellos = []
    for _ in range(300):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = settings.wrap_bio(incoming, outgoing, server_hostname="a.test")
        with pytest.raises(ssl.SSLWantReadError):
            half.do_handshake()
        sock = socket.create_connection(product.address())
        sock.sendall(outgoing.read())
        hellos.append(sock)
    with TlsClient(product.address()) as client:
        for _ in range(3):
            client.send(request("/"))
            assert client.response().status == 200
    for sock in hellos:
        sock.close()
    honest(product)


def make_large(folder, names):
    """A client certificate of the common authority with this many names."""
    conf = os.path.join(folder, "large.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write("[req]\ndistinguished_name=dn\n[dn]\n[v]\nsubjectAltName=@names\n[names]\n")
        file.writelines(f"DNS.{i}=name-{i:08}.of.a.client.test\n" for i in range(names))
    cert, key = os.path.join(folder, "large.pem"), os.path.join(folder, "large.key")
    code, _, error = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                             "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                             "-subj", "/CN=large", "-config", conf, "-extensions", "v", "-CA",
                             authority().ca.cert, "-CAkey", authority().ca.key)
    assert code == 0, error
    return cert, key


def test_a_client_certificate_of_a_megabyte(pair, tmp_path):
    """TLS-09: what a peer sends in its handshake is bounded."""
    cert, key = make_large(str(tmp_path), 25000)
    server = pair.keys(tls_client_ca=authority().ca.cert, tls_client_auth="optional")
    with Origin() as origin, front(origin, server=server) as product:
        before = product.rss()
        code, out, err = s_client(product, "-cert", cert, "-key", key, stdin="GET / HTTP/1.1\n\n")
        assert "HTTP/1.1 200" not in out
        assert product.rss() - before < 8 << 20
        honest(product)


def test_a_chain_that_is_too_long(pair, tmp_path):
    """TLS-09: twenty certificates to check for one client."""
    signer, chain = authority().ca, []
    for depth in range(20):
        name = str(tmp_path / str(depth))
        code, _, error = openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", name + ".key", "-out", name + ".pem", "-subj", f"/CN=depth {depth}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-CA", signer.cert, "-CAkey",
            signer.key)
        assert code == 0, error
        signer = type(signer)(name + ".pem", name + ".key")
        with open(signer.cert, encoding="ascii") as file:
            chain.insert(0, file.read())
    whole = tmp_path / "chain.pem"
    whole.write_text("".join(chain))
    os.rename(signer.key, tmp_path / "leaf.key")
    server = pair.keys(tls_client_ca=authority().ca.cert)
    with Origin() as origin, front(origin, server=server) as product:
        settings = context(client=type(signer)(str(whole), str(tmp_path / "leaf.key")))
        with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
            with TlsClient(product.address(), settings=settings) as client:
                client.send(request("/"))
                client.response()
        assert origin.requests == []


def test_connections_that_break_at_every_moment(product, pair):
    """Cut after each byte of what a client says up to its request."""
    settings = context()
    said = record_client(product, settings)
    for end in range(1, len(said), max(1, len(said) // 60)):
        with socket.create_connection(product.address()) as sock:
            sock.sendall(said[:end])
    honest(product)


def record_client(product, settings):
    """The bytes of one client's handshake and request."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = settings.wrap_bio(incoming, outgoing, server_hostname="a.test")
    said = b""
    with socket.create_connection(product.address(), seconds(5)) as sock:
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                data = outgoing.read()
                said += data
                sock.sendall(data)
                incoming.write(sock.recv(65536))
        client.write(request("/"))
        said += outgoing.read()
    return said


def test_testssl(product):
    """TLS-15: what is known to be wrong with TLS is not found here."""
    with subprocess.Popen(
            [find("testssl"), "--quiet", "--color", "0", "--warnings", "off", "-p", "-U",
             "--severity", "LOW", f"127.0.0.1:{product.address()[1]}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        out, _ = process.communicate(timeout=seconds(300))
    assert "TLS 1.3" in out, out
    assert "VULNERABLE (NOT ok)" not in out, out
    for old in ("SSLv2", "SSLv3", "TLS 1 ", "TLS 1.1"):
        line = next((one for one in out.splitlines() if one.strip().startswith(old)), "")
        assert "not offered" in line, out
