"""Backends that break off, hang or play in TLS (security.md 2D RE-16, 1H TLS-14)."""

import os
import pty
import select
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from rig.client import Closed, request
from rig.deadline import seconds, until
from rig.h2 import H2Client, head
from rig.product import front
from rig.standin import find, free_port, listens
from rig.tls import authority

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", name="pair")
def pair_fixture():
    return authority().issue("backend.test")


class Backend:
    """One script for each connection; it gets the bare socket, which is closed at the end."""

    def __init__(self, pair, script):
        self.script = script
        self.settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.settings.load_cert_chain(pair.cert, pair.key)
        self.settings.num_tickets = 0  # nothing is sent that the test did not ask for
        self.socks = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addr = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(seconds(10))
            self.socks.append(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            self.script(self, sock)
        except OSError:
            pass

    def request(self, sock):
        """The connection in TLS, a request on it read."""
        secure = self.settings.wrap_socket(sock, server_side=True)
        self.socks.append(secure)
        got = b""
        while b"\r\n\r\n" not in got:
            got += secure.recv(65536)
        return secure

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.socks:
            sock.close()


def to(backend, **more):
    return front(backend.addr, upstream={"sni": "backend.test", "ca": authority().ca.cert, **more})


def fin(sock):
    """The end of TCP, and nothing of TLS."""
    socket.socket.shutdown(sock, socket.SHUT_WR)


def rst(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def alert(sock):
    sock.recv(65536)
    sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure


def half_a_record(sock):
    sock.recv(65536)
    sock.sendall(b"\x16\x03\x03\x40\x00\x02")
    fin(sock)


HANDSHAKES = {
    "an alert": alert,
    "FIN": fin,
    "FIN behind the hello": lambda sock: (sock.recv(65536), fin(sock)),
    "RST": rst,
    "RST behind the hello": lambda sock: (sock.recv(65536), rst(sock)),
    "half a record": half_a_record,
    "zeros": lambda sock: (sock.recv(65536), sock.sendall(bytes(1 << 16))),
    "a warning without end": lambda sock: sock.sendall(b"\x15\x03\x03\x00\x02\x01\x5a" * 10000),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("how", HANDSHAKES)
def test_re16_a_handshake_that_fails_is_a_502(pair, how, method):
    with Backend(pair, lambda _, sock: HANDSHAKES[how](sock)) as backend, to(backend) as product:
        answer = product.get("/", method=method, body=b"x" if method == "POST" else None)
        assert answer.status == 502
        line = product.wait_log(1)[0]
        assert line["reason"].startswith("upstream_")
        product.check_alive()


@pytest.mark.parametrize("part", [0, 1, 100])
def test_re16_a_handshake_that_hangs_ends_in_time(pair, part):
    def script(_, sock):
        sock.recv(65536)
        sock.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(part) if part else b"")
        sock.recv(65536)

    with Backend(pair, script) as backend, to(backend, connection_timeout="300ms") as product:
        assert product.get("/").status == 504
        assert product.wait_log(1)[0]["reason"] == "upstream_tls_timeout"


def test_re16_a_handshake_that_hangs_holds_up_nobody(pair):
    def script(backend, sock):
        if len(backend.socks) == 1:
            sock.recv(65536)
            sock.recv(65536)
        else:
            secure = backend.request(sock)
            secure.sendall(OK + b"Content-Length: 2\r\nConnection: close\r\n\r\nok")
            fin(secure)

    with Backend(pair, script) as backend, to(backend) as product, product.client() as first:
        first.send(request("/"))
        until(lambda: backend.socks, "the first hangs")
        for _ in range(3):
            assert product.get("/").status == 200


def further(step, sock, into, out):
    """Repeats a step of TLS until it has all that it needs."""
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            sock.sendall(out.read())
            into.write(sock.recv(65536))


@pytest.mark.parametrize("alpn", ["h1", "h2"])
def test_re16_an_end_that_comes_with_tickets_is_seen(pair, alpn):
    """One event for both: the product is stopped while they are sent."""
    asked, sent = threading.Event(), threading.Event()

    def script(backend, sock):
        backend.settings.num_tickets = 2
        backend.settings.set_alpn_protocols(["h2" if alpn == "h2" else "http/1.1"])
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = backend.settings.wrap_bio(into, out, server_side=True)
        further(secure.do_handshake, sock, into, out)
        further(lambda: secure.read(1), sock, into, ssl.MemoryBIO())  # keeps the tickets back
        asked.set()
        sent.wait(seconds(5))
        sock.sendall(out.read())  # the tickets
        fin(sock)
        asked.clear()

    with Backend(pair, script) as backend, to(backend, alpn=alpn) as product, \
            product.client() as client:
        client.send(request("/", method="POST", body=b"x"))
        assert asked.wait(seconds(5))
        product.signal(signal.SIGSTOP)
        try:
            until(lambda: os.waitid(os.P_PID, product.process.pid,
                                    os.WSTOPPED | os.WNOHANG | os.WNOWAIT), "it is stopped")
            sent.set()
            until(lambda: not asked.is_set(), "all is sent")
        finally:
            product.signal(signal.SIGCONT)
        assert client.response("POST").status == 502


def test_re16_an_end_behind_a_part_of_a_record_is_seen(pair):
    """Both in one packet; no event tells of the end again."""
    def script(backend, sock):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = backend.settings.wrap_bio(into, out, server_side=True)
        further(secure.do_handshake, sock, into, out)
        further(lambda: secure.read(1), sock, into, out)
        secure.write(OK + b"Content-Length: 5000\r\n\r\n" + bytes(5000))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        sock.sendall(out.read()[:500])
        fin(sock)

    with Backend(pair, script) as backend, to(backend) as product:
        assert product.get("/").status == 502
        assert product.wait_log(1)[0]["reason"] == "upstream_reset"


# --- TLS-14: the end of a body that only its connection ends

@pytest.mark.parametrize("client", ["h1", "h2"])
@pytest.mark.parametrize("how", ["close_notify", "FIN", "RST"])
def test_tls14_only_close_notify_ends_a_body(pair, client, how):
    seen = threading.Event()

    def script(backend, sock):
        secure = backend.request(sock)
        secure.sendall(OK + b"\r\nsome words")
        seen.wait(seconds(5))
        {"close_notify": secure.unwrap, "FIN": lambda: fin(secure),
         "RST": lambda: rst(secure)}[how]()

    with Backend(pair, script) as backend, to(backend) as product:
        whole = fetch(product, client, seen.set)
        assert whole == (how == "close_notify")
        assert product.wait_log(1)[0]["reason"] == ("" if whole else "upstream_truncated")


def fetch(product, client, then):
    """Does the answer end as one that is whole? `then` is done when its words are there."""
    words = b"some words"
    if client == "h2":
        with H2Client(product.address()[:2]) as one:
            one.request(1, head())
            answer = one.answers[1]
            one.pump(lambda: answer.body == words or answer.how is not None)
            then()
            assert (one.answer().status, answer.body) == (200, words)
            return answer.how == "end"
    with product.client() as one:
        one.send(request("/"))
        one.received = one.bytes(1) + one.received
        then()
        message, whole = one.any_response()
        assert (message.status, message.body[:10]) == (200, words[:len(message.body)])
        return whole


@pytest.mark.parametrize("answer,whole", [
    (b"Content-Length: 2\r\n\r\nok", True), (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", True),
    (b"Content-Length: 3\r\n\r\nok", False), (CHUNKED + b"2\r\nok\r\n", False),
    (b"Content-Leng", None), (None, None)])
def test_tls14_a_body_with_a_length_needs_no_close_notify(pair, answer, whole):
    def script(backend, sock):
        secure = backend.request(sock)
        if answer is not None:
            secure.sendall(OK + answer)
        fin(secure)

    with Backend(pair, script) as backend, to(backend) as product, product.client() as client:
        client.send(request("/", method="POST", body=b"x"))
        if whole is None:
            assert client.response("POST").status == 502
            return
        try:
            message, complete = client.any_response("POST")
        except Closed:
            message, complete = None, False
        assert complete == (whole or message.status == 502)
        if whole:
            assert (message.status, message.body) == (200, b"ok")


# --- openssl as a backend that a test commands

class Server:
    """openssl s_server with a terminal, so that it takes commands a line at a time."""

    def __init__(self, pair, *options):
        port = free_port()
        self.addr = f"127.0.0.1:{port}"
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [find("openssl"), "s_server", "-accept", self.addr, "-cert", pair.cert, "-key",
             pair.key, *options], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.close(slave)
        until(lambda: listens(port), "s_server listens")

    def type(self, text):
        os.write(self.master, text)

    def read_until(self, wanted):
        """Everything that it prints up to there."""
        got = b""
        while wanted not in got:
            if not select.select([self.process.stdout], [], [], seconds(5))[0]:
                raise AssertionError(f"no {wanted!r} in {got!r}")
            got += os.read(self.process.stdout.fileno(), 65536)
        return got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
        self.process.stdout.close()
        os.close(self.master)


@pytest.mark.parametrize("version,command,printed", [
    ("-tls1_2", b"r\n", b"SSL_do_handshake -> "),
    ("-tls1_3", b"K\n" * 200, b"SSL_do_handshake -> 1\n" * 5)])
def test_re16_games_behind_the_handshake_hurt_nobody(pair, version, command, printed):
    """Renegotiation and KeyUpdate: refused, or answered; then the next request is another's."""
    with Server(pair, version) as server, to(server, read_timeout="2s") as product, \
            product.client() as client:
        client.send(request("/games"))
        server.read_until(b"GET /games")
        server.type(command)
        server.read_until(printed)
        server.type(b"HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok\n")
        try:
            assert client.response().status in (200, 502, 504)
        except Closed:
            pass
        product.check_alive()
        assert product.cpu_seconds() < 2 * seconds(1)
