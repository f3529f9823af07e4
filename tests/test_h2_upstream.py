"""HTTP/2 to backends (protocol = "h2c"): multiplexing, ends, retries, translation."""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import pytest

from rig import h2
from rig.client import request
from rig.deadline import seconds, until
from rig.h2 import H2Client, frame, head
from rig.h2_origin import OPEN, H2Origin, limit
from rig.nginx import Nginx
from rig.product import front
from rig.standin import find, free_port, listens

MIB = 1 << 20
H2C = {"protocol": "h2c"}


def h2c(origins, upstream=(), **parts):
    return front(origins, upstream={**H2C, **dict(upstream)}, **parts)


def ask(product, target="/", method="GET", headers=(), body=None):
    """A client with a request on its way."""
    client = product.client()
    client.send(request(target, list(headers), method=method, body=body))
    return client


@contextlib.contextmanager
def asking(product, count, **how):
    """`count` clients, each with its request on its way."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(ask(product, f"/{n}", **how)) for n in range(count)]


def url(product, path="/"):
    host, port = product.address()[:2]
    return f"http://{host}:{port}{path}"


def curl(*args, data=None):
    return subprocess.run(["curl", "-sS", "--max-time", str(seconds(20)), *args], input=data,
                          capture_output=True, check=True).stdout


class Nghttpd:
    """Real nghttpd, without TLS, serving the files of a directory."""

    def __init__(self, *options):
        self.dir = tempfile.TemporaryDirectory(prefix="nghttpd-")
        port = free_port()
        self.addr = f"127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [find("nghttpd"), "--no-tls", "-a", "127.0.0.1", "-d", self.dir.name, *options,
             str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: listens(port), "nghttpd listens")

    def file(self, name, data):
        with open(os.path.join(self.dir.name, name), "wb") as file:
            file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.dir.cleanup()


needs_nghttpd = pytest.mark.skipif(not find("nghttpd"), reason="nghttpd is not installed")
needs_nginx = pytest.mark.skipif(not find("nginx"), reason="nginx is not installed")
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


# --- real backends

@needs_nghttpd
@pytest.mark.parametrize("size", [0, 1, 16384, 3 * MIB + 1])
def test_nghttpd_sends_files(size):
    data = os.urandom(size)
    with Nghttpd() as nghttpd, h2c(nghttpd) as product:
        nghttpd.file("f", data)
        assert curl(url(product, "/f")) == data
        assert product.get("/none").status == 404


@needs_nghttpd
@needs_curl
def test_nghttpd_echoes_uploads():
    data = os.urandom(3 * MIB + 1)
    with Nghttpd("--echo-upload") as nghttpd, h2c(nghttpd) as product:
        for options in ([], ["--http2-prior-knowledge"]):
            assert curl(*options, "-H", "Expect:", "--data-binary", "@-", url(product, "/up"),
                        data=data) == data


# --- the translation

def test_request_is_translated():
    with H2Origin() as origin, h2c(origin) as product:
        answer = product.get("/x?y=1", [("X-Odd", "1"), ("Cookie", "a=1; b=2")])
        assert (answer.status, answer.body) == (200, b"echo /x?y=1")
        got = origin.requests[0]
    assert [name for name, _ in got.fields[:4]] == [":method", ":scheme", ":path", ":authority"]
    assert (got.get(":method"), got.get(":scheme"), got.path) == ("GET", "http", "/x?y=1")
    assert got.get(":authority") == "a.test"
    assert got.get("x-odd") == "1" and got.get("cookie") == "a=1; b=2"
    assert got.get("host") is None and got.get("connection") is None
    assert all(name == name.lower() for name, _ in got.fields)
    assert got.whole and got.body == b""


@pytest.mark.parametrize("method,body,length", [("POST", b"hello", "5"), ("POST", b"", "0"),
                                                ("GET", None, None), ("DELETE", None, None)])
def test_length_of_the_request_is_said(method, body, length):
    with H2Origin() as origin, h2c(origin) as product:
        assert product.get("/", method=method, body=body).status == 200
        assert origin.requests[0].get("content-length") == length
        assert origin.requests[0].body == (body or b"")


def test_chunked_upload_with_trailers():
    with H2Origin() as origin, h2c(origin, location={"trailers": "pass"}) as product, \
            product.client() as client:
        client.send(b"POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
        assert client.response("POST").status == 200
        got = origin.requests[0]
    assert got.get("transfer-encoding") is None and got.get("content-length") is None
    assert got.body == b"hello" and got.trailers == [("x-sum", "1")]


def test_answer_with_trailers():
    answer = lambda r: r.head() + r.data(b"hello") + r.trailer(("x-sum", "2"))
    with H2Origin(answer) as origin, h2c(origin, location={"trailers": "pass"}) as product:
        got = product.get()
        assert (got.body, got.trailers) == (b"hello", [(b"x-sum", b"2")])
        with H2Client(product.address()[:2]) as client:
            client.request(1, head())
            assert client.answer(1).trailers == [("x-sum", "2")]


def test_te_is_not_passed_on():
    with H2Origin() as origin, h2c(origin) as product:
        product.get("/", [("TE", "trailers, deflate"), ("Keep-Alive", "timeout=5")])
        assert origin.requests[0].get("te") is None
        assert origin.requests[0].get("keep-alive") is None


@pytest.mark.parametrize("status", [204, 304])
def test_bodiless_answers(status):
    with H2Origin(lambda r: r.head(status=status, end=True)) as origin, h2c(origin) as product, \
            product.client() as client:
        for _ in range(2):
            assert client.get("/").status == status
        assert len(origin.connections) == 1


def test_head_has_the_length_and_no_body():
    with H2Origin(lambda r: r.head(("content-length", "5"), end=True)) as origin, \
            h2c(origin) as product:
        got = product.get("/", method="HEAD")
        assert (got.status, got.get("Content-Length"), got.body) == (200, "5", b"")


def test_bodiless_answer_whose_end_comes_late():
    answer = lambda r: r.head(("content-length", "0")) + r.data(b"", end=True)
    with H2Origin(answer) as origin, h2c(origin) as product, product.client() as client:
        for _ in range(3):
            assert client.get("/").status == 200
        assert len(origin.connections) == 1


def test_interim_answers_pass():
    def answer(req):
        return req.head(("link", "</a>"), status=103) + req.answer()

    with H2Origin(answer) as origin, h2c(origin) as product:
        with ask(product) as client:
            assert client.interim().startswith("HTTP/1.1 103")
            assert client.response().status == 200
        assert b"103" in curl("-i", "--http2-prior-knowledge", url(product))


def test_continue_is_asked_of_the_backend():
    with H2Origin(on_head=lambda r: r.head(status=100)) as origin, h2c(origin) as product, \
            product.client() as client:
        client.send(request("/", [("Expect", "100-continue"), ("Content-Length", "5")],
                            method="POST"))
        assert client.interim().startswith("HTTP/1.1 100")
        client.send(b"hello")
        assert client.response("POST").status == 200
        assert origin.requests[0].body == b"hello"
        assert origin.requests[0].get("expect") == "100-continue"


def test_endless_interim_answers_end():
    answer = lambda r: r.head(status=102) * 500
    with H2Origin(answer) as origin, h2c(origin) as product:
        assert product.get().status == 502
        assert product.wait_log(1)[0]["reason"] == "upstream_too_many_interim"


def test_websocket_is_refused():
    fields = [("Connection", "upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
              ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    with H2Origin() as origin, h2c(origin) as product:
        assert product.get("/", fields).status == 502
        assert not origin.requests


# --- answers that break rules: 502, and the connection serves the next

BROKEN = {
    "no status": lambda r: frame(h2.HEADERS, 5, r.stream, h2.block([("x", "y")])),
    "status of two digits": lambda r: r.head(status=20, end=True),
    "101": lambda r: r.head(status=101, end=True),
    "connection field": lambda r: r.head(("connection", "close"), end=True),
    "transfer-encoding": lambda r: r.head(("transfer-encoding", "chunked"), end=True),
    "upper case": lambda r: r.head(("X-Odd", "1"), end=True),
    "request pseudo-field": lambda r: r.head((":path", "/"), end=True),
    "pseudo-field behind others": lambda r: frame(
        h2.HEADERS, 5, r.stream, h2.block([("x", "y"), (":status", "200")])),
    "line break in a value": lambda r: r.head(("x", "a\r\nb: c"), end=True),
    "two lengths": lambda r: r.head(("content-length", "1"), ("content-length", "2")) +
        r.data(b"a", end=True),
    "no number as length": lambda r: r.head(("content-length", "-1")) + r.data(b"", end=True),
    "end before the length": lambda r: r.head(("content-length", "9"), end=True),
}


@pytest.mark.parametrize("name", BROKEN)
def test_malformed_answer_is_a_502(name):
    answer = lambda r: BROKEN[name](r) if r.path == "/bad" else r.answer()
    with H2Origin(answer) as origin, h2c(origin) as product:
        assert product.get("/bad", method="POST", body=b"").status == 502
        assert origin.wait(lambda: origin.requests[0].reset, "RST_STREAM") == h2.PROTOCOL
        assert product.get("/good", method="POST", body=b"").status == 200
        assert len(origin.connections) == 1


@pytest.mark.parametrize("sent", [b"abc", b"a" * 11])
def test_body_of_another_length_is_cut(sent):
    def answer(req):
        return req.head(("content-length", "10")) + req.data(sent[:5]) + \
            req.data(sent[5:], end=True)

    with H2Origin(answer) as origin, h2c(origin) as product:
        with ask(product) as client:
            data = client.read_to_end()
        assert b" 502 " in data or len(data.partition(b"\r\n\r\n")[2]) < 10
        assert origin.wait(lambda: origin.requests[0].reset, "RST_STREAM") == h2.PROTOCOL


@pytest.mark.parametrize("fields", [[("x", "y" * 3000)] * 25, [("x", "y")] * 300])
def test_head_of_an_answer_has_limits(fields):
    def answer(req):
        data = h2.block([(":status", "200"), *fields])
        parts = [data[i:i + 16000] for i in range(0, len(data), 16000)]
        frames = [frame(h2.CONTINUATION, 0, req.stream, part) for part in parts[1:]]
        frames = [frame(h2.HEADERS, 1, req.stream, parts[0])] + frames
        last = bytearray(frames[-1])
        last[4] |= h2.END_HEADERS
        return b"".join(frames[:-1]) + bytes(last)

    with H2Origin(answer) as origin, h2c(origin) as product:
        assert product.get().status == 502
        line = product.wait_log(1)[0]
    assert line["reason"] in ("upstream_head_too_large", "upstream_bad_framing")


# --- one connection for many

def test_many_requests_share_one_connection():
    waiting = []
    with H2Origin(lambda r: waiting.append(r)) as origin, h2c(origin) as product, \
            asking(product, 50) as clients:
        origin.wait_requests(50)
        for req in reversed(waiting):
            req.conn.send(req.answer(req.path.encode()))
        for n, client in enumerate(clients):
            assert client.response().body == b"/%d" % n
        assert len(origin.connections) == 1


def test_connection_is_kept_and_used_again():
    with H2Origin() as origin, h2c(origin) as product:
        for n in range(20):
            assert product.get(f"/{n}").status == 200
        assert len(origin.connections) == 1


def settled(origin, product):
    """The proxy knows the backend's SETTINGS."""
    assert product.get("/warm").status == 200
    origin.requests.clear()


@pytest.mark.parametrize("ours,theirs", [(3, 100), (100, 3)])
def test_another_connection_at_the_limit(ours, theirs):
    waiting = []
    answer = lambda r: r.answer() if r.path == "/warm" else waiting.append(r)
    with H2Origin(answer, settings=limit(theirs)) as origin, \
            h2c(origin, {"max_streams": ours}) as product:
        settled(origin, product)
        with asking(product, 8) as clients:
            origin.wait_requests(8)
            assert [len(conn.requests) for conn in origin.connections] == [4, 3, 2]
            for req in waiting:
                req.conn.send(req.answer())
            assert {client.response().status for client in clients} == {200}


def test_requests_beyond_an_unknown_limit_are_served():
    """What is sent before the backend's SETTINGS are known and then refused is sent elsewhere."""
    def on_head(req):
        if len(req.conn.requests) > 2:
            return req.rst(h2.REFUSED)
        waiting.append(req)
        return None

    waiting = []
    with H2Origin(lambda r: None, on_head, settings=limit(2)) as origin, h2c(origin) as product, \
            asking(product, 6, method="POST", body=b"") as clients:
        origin.wait(lambda: len(waiting) == 6, "all of them are with the backend")
        for req in waiting:
            req.conn.send(req.answer())
        assert {client.response("POST").status for client in clients} == {200}


def test_slow_stream_holds_up_no_other():
    answer = lambda r: None if r.path == "/slow" else r.answer()
    with H2Origin(answer) as origin, h2c(origin) as product, ask(product, "/slow") as slow:
        req = origin.wait_requests(1)[0]
        for _ in range(20):
            assert product.get("/fast").status == 200
        req.conn.send(req.answer(b"at last"))
        assert slow.response().body == b"at last"
        assert len(origin.connections) == 1


def test_client_that_does_not_read_holds_up_no_other():
    """Its answer's window is shut; the connection's is not."""
    def answer(req):
        if req.path != "/big":
            return req.answer()
        return req.head() + b"".join(req.data(b"x" * 8192) for _ in range(8))  # the whole window

    with H2Origin(answer) as origin, h2c(origin) as product, \
            contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(ask(product, "/big"))
        origin.wait_requests(10)
        assert product.get("/small").status == 200
        assert len(origin.connections) == 1


# --- ends

def test_reset_of_a_stream_is_a_502_for_it_alone():
    waiting = []
    with H2Origin(lambda r: waiting.append(r)) as origin, h2c(origin) as product, \
            asking(product, 3, method="POST", body=b"") as clients:
        origin.wait_requests(3)
        for req in waiting:
            req.conn.send(req.rst(h2.INTERNAL) if req.path == "/1" else req.answer())
        assert [client.response("POST").status for client in clients] == [200, 502, 200]
        assert len(origin.requests) == 3 and len(origin.connections) == 1


def test_reset_behind_the_head_cuts_the_answer():
    answer = lambda r: r.head(("content-length", "10")) + r.data(b"abc") + r.rst(h2.INTERNAL)
    with H2Origin(answer) as origin, h2c(origin) as product, ask(product) as client:
        assert client.read_to_end().endswith(b"abc")
        assert product.wait_log(1)[0]["reason"] == "upstream_truncated"


def test_no_error_behind_the_answer_ends_the_upload():
    """RFC 9113 8.1: the answer is whole, and the rest of the request is not wanted."""
    on_head = lambda r: r.answer(b"enough") + r.rst(h2.NO_ERROR)
    with H2Origin(lambda r: None, on_head) as origin, h2c(origin) as product, \
            product.client() as client:
        client.send(request("/", [("Content-Length", "100000")], method="POST") + b"x" * 1000)
        assert client.response("POST").body == b"enough"
        assert product.get("/", method="POST", body=b"").status == 200
        assert len(origin.connections) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_stream_is_sent_again(method):
    def on_head(req):
        return req.rst(h2.REFUSED) if len(origin.requests) == 1 else None

    answer = lambda r: None if r is origin.requests[0] else r.answer()
    with H2Origin(answer, on_head) as origin, h2c(origin) as product:
        assert product.get("/", method=method, body=b"hi" if method == "POST" else None).status \
            == 200
        assert len(origin.requests) == 2 and len(origin.connections) == 2


def test_goaway_sends_what_was_not_seen_elsewhere():
    """Streams above its last are safe, whatever their method; the rest is finished there."""
    waiting = []
    with H2Origin(lambda r: waiting.append(r)) as origin, h2c(origin) as product, \
            asking(product, 6, method="POST", body=b"") as clients:
        origin.wait_requests(6)
        conn = origin.connections[0]
        conn.send_goaway(5)
        origin.wait(lambda: len(waiting) == 9, "the three above are sent again")
        assert [len(one.requests) for one in origin.connections] == [6, 3]
        for req in waiting:
            if req.conn is not conn or req.stream <= 5:
                req.conn.send(req.answer())
        assert {client.response("POST").status for client in clients} == {200}
        origin.wait(lambda: conn.ended, "the connection is closed when it is empty")


def test_goaway_in_an_idle_connection_is_followed():
    with H2Origin() as origin, h2c(origin) as product:
        assert product.get().status == 200
        conn = origin.connections[0]
        conn.send_goaway(1)
        origin.wait(lambda: conn.ended, "the connection is closed")
        assert product.get("/", method="POST", body=b"").status == 200
        assert len(origin.connections) == 2


@pytest.mark.parametrize("method,status", [("GET", 200), ("POST", 502)])
def test_lost_connection_with_several_streams(method, status):
    """As on HTTP/1: once more what is idempotent, 502 for the rest."""
    waiting = []

    def answer(req):
        if req.conn.serial > 0 or req.path == "/warm":
            return req.answer()
        waiting.append(req)
        return None

    body = b"" if method == "POST" else None
    with H2Origin(answer) as origin, h2c(origin) as product:
        settled(origin, product)
        with asking(product, 5, method=method, body=body) as clients:
            origin.wait_requests(5)
            origin.connections[0].close()
            assert {client.response(method).status for client in clients} == {status}
        assert len(origin.connections) == (2 if status == 200 else 1)


def test_backend_that_is_not_there_is_passed_over():
    dead = f"127.0.0.1:{free_port()}"
    with H2Origin() as origin, h2c([dead, origin]) as product:
        assert {product.get("/", method="POST", body=b"").status for _ in range(4)} == {200}


def test_backend_of_http1_is_a_502(recorder):
    with h2c(recorder) as product:
        assert product.get("/", method="POST", body=b"").status == 502


def test_client_that_leaves_resets_its_stream():
    with H2Origin(lambda r: None) as origin, h2c(origin) as product:
        with ask(product) as client:
            req = origin.wait_requests(1)[0]
            client.rst()
        assert origin.wait(lambda: req.reset, "RST_STREAM") == h2.CANCEL
        assert not req.conn.ended


def test_idle_connection_is_closed_with_a_word():
    with H2Origin() as origin, h2c(origin, {"idle_timeout": "200ms"}) as product:
        assert product.get().status == 200
        conn = origin.connections[0]
        origin.wait(lambda: conn.ended, "the connection is closed")
        assert conn.goaway == h2.NO_ERROR


def test_silent_backend_is_a_504():
    with H2Origin(lambda r: None) as origin, h2c(origin, {"read_timeout": "300ms"}) as product:
        assert product.get().status == 504
        origin.wait(lambda: origin.requests[0].reset == h2.CANCEL, "RST_STREAM")


def test_stop_waits_for_what_is_under_way():
    with H2Origin(lambda r: None) as origin, h2c(origin) as product, ask(product) as client:
        req = origin.wait_requests(1)[0]
        product.signal()
        product.wait_line("stop")
        req.conn.send(req.answer(b"last"))
        assert client.response().body == b"last"
        product.wait_exit()


# --- windows

def test_upload_waits_for_the_window():
    """A backend that opens no window holds the upload, and bounds what we have taken."""
    settings = struct.pack(">HI", 4, 1000)
    size = 5 * MIB
    with H2Origin(settings=settings) as origin, h2c(origin) as product, \
            product.client() as client:
        settled(origin, product)
        client.send(request("/", [("Content-Length", str(size))], method="POST"))
        sender = threading.Thread(target=client.send, args=(b"x" * size,), daemon=True)
        sender.start()
        req = origin.wait_requests(1)[0]
        origin.wait(lambda: len(req.body) == 1000, "the window is full")
        assert product.get("/other").status == 200
        assert len(req.body) == 1000
        req.conn.send(frame(h2.WINDOW, 0, req.stream, struct.pack(">I", size)))
        assert client.response("POST").status == 200
        sender.join()
        assert len(req.body) == size


@needs_nghttpd
def test_download_to_a_client_that_stops_is_bounded():
    with Nghttpd() as nghttpd, h2c(nghttpd) as product:
        nghttpd.file("f", bytes(64 * MIB))
        before = product.rss()
        with product.client(rcvbuf=4096) as client:
            client.send(request("/f"))
            until(lambda: client.readable(0.01), "the answer begins")
            assert product.get("/f", method="HEAD").status == 200
            assert product.rss() - before < 2 * MIB
            client.rst()


# --- hostile backends

def flood(data, count):
    """A backend that sends `data` over and over, on top of an answer."""
    def answer(req):
        return data(req) * count + req.answer()
    return answer


FLOODS = {
    "ping": lambda r: frame(h2.PING, 0, 0, b"12345678"),
    "settings": lambda r: frame(h2.SETTINGS, 0, 0, b""),
    "empty data": lambda r: r.data(b""),
    "priority": lambda r: frame(h2.PRIORITY, 0, r.stream, b"\0\0\0\0\x10"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_ends_the_connection(name):
    def answer(req):
        if req.conn.serial > 0:
            return req.answer()
        start = req.head() if name == "empty data" else b""
        return start + FLOODS[name](req) * 5000

    with H2Origin(answer) as origin, h2c(origin) as product:
        with ask(product, method="POST", body=b"") as client:
            client.read_to_end() if name == "empty data" else client.response("POST")
        origin.wait(lambda: origin.connections[0].ended, "the connection is closed")
        assert product.get().status == 200


def test_push_is_a_connection_error():
    promise = lambda r: frame(5, h2.END_HEADERS, r.stream,
                              struct.pack(">I", 2) + h2.block(h2.BASE))
    answer = lambda r: r.answer() if r.conn.serial else promise(r) + r.answer()
    with H2Origin(answer) as origin, h2c(origin) as product:
        assert product.get("/", method="POST", body=b"").status == 502
        assert origin.wait(lambda: origin.connections[0].goaway, "GOAWAY") == h2.PROTOCOL
        assert product.get().status == 200


def test_header_bomb_ends_the_connection():
    """One long field in the table, named many times over."""
    def answer(req):
        if req.conn.serial:
            return req.answer()
        long = b"\x40" + h2.string("x") + h2.string("y" * 4000)
        return frame(h2.HEADERS, 5, req.stream,
                     h2.literal(":status", "200") + long + b"\xbe" * 10000)

    with H2Origin(answer) as origin, h2c(origin) as product:
        assert product.get("/", method="POST", body=b"").status == 502
        assert origin.wait(lambda: origin.connections[0].goaway, "GOAWAY") == h2.CALM
        assert product.get().status == 200


def test_data_beyond_the_window_is_an_error():
    answer = lambda r: r.head() + b"".join(r.data(b"x" * 16384) for _ in range(1000))
    with H2Origin(answer) as origin, h2c(origin) as product, product.client(rcvbuf=4096) as client:
        client.send(request("/"))
        req = origin.wait_requests(1)[0]
        origin.wait(lambda: req.reset == h2.FLOW or req.conn.goaway == h2.FLOW,
                    "FLOW_CONTROL_ERROR")


# --- from HTTP/2 to HTTP/2, and real nginx

@needs_nghttpd
@needs_curl
def test_h2_client_to_h2_backend():
    data = os.urandom(MIB)
    with Nghttpd() as nghttpd, h2c(nghttpd) as product:
        nghttpd.file("f", data)
        assert curl("--http2-prior-knowledge", url(product, "/f")) == data


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load is not installed")
@needs_nghttpd
@pytest.mark.parametrize("clients,streams", [(1, 1), (4, 50), (20, 100)])
def test_h2load_is_served_whole(clients, streams):
    with Nghttpd() as nghttpd, h2c(nghttpd) as product:
        nghttpd.file("f", b"x" * 1000)
        out = subprocess.run(["h2load", "-n", "4000", "-c", str(clients), "-m", str(streams),
                              url(product, "/f")], capture_output=True, text=True, check=True,
                             timeout=seconds(60)).stdout
    assert "4000 succeeded, 0 failed, 0 errored" in out, out
    assert "status codes: 4000 2xx" in out, out


@needs_nginx
def test_nginx_as_backend():
    data = os.urandom(300000)
    locations = ('location /echo { return 200 "$server_protocol $host $http_x_forwarded_for"; } '
                 "location /up { client_body_in_file_only clean; "
                 "if ($request_method = POST) { return 204; } }")
    with Nginx(locations, h2=True) as nginx, h2c(nginx) as product, product.client() as client:
        nginx.file("f", data)
        assert client.get("/echo").body == b"HTTP/2.0 a.test 127.0.0.1"
        part = client.get("/f", [("Range", "bytes=10-19")])
        assert (part.status, part.body) == (206, data[10:20])
        whole = client.get("/f")
        assert whole.body == data
        again = client.get("/f", [("If-None-Match", whole.get("ETag"))])
        assert (again.status, again.body) == (304, b"")
        assert client.get("/f", method="HEAD").get("Content-Length") == str(len(data))
        assert client.get("/none").status == 404
        assert product.get("/up", method="POST", body=b"x" * 300000).status == 204
