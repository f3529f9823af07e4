"""HTTP/2 backends that break the rules, one way each (security.md H2-90, H2-91, H2-92).

What goes wrong on a stream is of that stream alone: beside every fault another request is under
way on the same connection, and is answered after it.
"""

import contextlib
import struct
import threading

import pytest

from rig import h2
from rig.client import Closed, request
from rig.h2 import H2Client, frame, head, setting, window
from rig.h2_origin import OPEN, H2Origin, limit
from rig.product import front

CLIENTS = pytest.mark.parametrize("client", ["h1", "h2"])
TABLE_SIZE, MAX_STREAMS, INITIAL_WINDOW = 1, 3, 4


class Got:
    """What a client saw of an answer."""

    def __init__(self, status, body, whole):
        self.status = status
        self.body = body
        self.whole = whole  # it ended as a message ends


def fetch(product, client, path="/", method="GET", fields=(), body=b""):
    """One request on a connection of its own."""
    if client == "h1":
        with product.client() as one:
            one.send(request(path, fields, method=method, body=body or None))
            try:
                message, whole = one.any_response(method)
            except Closed:
                return Got(None, b"", False)
            return Got(message.status, message.body, whole)
    with H2Client(product.address()[:2]) as one:
        one.request(1, head(*fields, method=method, path=path), end=not body)
        if body:
            one.send(frame(h2.DATA, h2.END_STREAM, 1, body))
        answer = one.answer()
        assert one.goaway is None
        return Got(answer.status, answer.body, answer.how == "end")


@contextlib.contextmanager
def beside(script, **options):
    """(the origin, the product) with a POST under way, which must get its answer at the end.

    `script(request)` gives the answers to all others. A POST: it would not be sent again.
    """
    waiting = []

    def answer(one):
        if one.path == "/neighbour":
            waiting.append(one)
            return None
        return script(one)

    with H2Origin(answer, **options) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product, product.client() as client:
        client.send(request("/neighbour", method="POST", body=b"hello"))
        origin.wait(lambda: waiting, "the neighbour is at the backend")
        yield origin, product
        product.check_alive()
        waiting[0].conn.send(waiting[0].answer(b"still here"))
        assert client.response("POST").body == b"still here"
        assert len(origin.connections) == 1


def good(origin, product):
    """The connection serves on."""
    for client in ("h1", "h2"):
        got = fetch(product, client, "/good")
        assert (got.status, got.body, got.whole) == (200, b"ok", True)
    assert len(origin.connections) == 1


def once(answer):
    """Gives `answer` for /bad, and honest ones else."""
    return lambda one: answer(one) if one.path == "/bad" else one.answer()


# --- H2-90: a body where none belongs (RFC 9110 6.4.1, RFC 9113 8.1.1)

@CLIENTS
@pytest.mark.parametrize("method,status,length", [
    ("HEAD", 200, "5"), ("HEAD", 200, None), ("GET", 204, None), ("GET", 304, None),
    ("GET", 304, "5")])
@pytest.mark.parametrize("pieces", [1, 2])
def test_h2_90_data_that_no_answer_of_its_kind_has(client, method, status, length, pieces):
    """It is malformed, so either an error or the head alone; never a byte of the body."""
    fields = [("content-length", length)] if length else []

    def answer(one):
        data = one.data(b"hello", end=True) if pieces == 1 else \
            one.data(b"hel") + one.data(b"lo") + one.data(b"", end=True)
        return one.head(*fields, status=status) + data

    with beside(once(answer)) as (origin, product):
        got = fetch(product, client, "/bad", method)
        assert got.body == b""
        assert got.status in (status, 502)
        bad = next(one for one in origin.requests if one.path == "/bad")
        assert origin.wait(lambda: bad.reset, "RST_STREAM") == h2.PROTOCOL
        good(origin, product)


# --- H2-91: another length than was said

SHORT = {
    "END_STREAM on the data": lambda one: one.data(b"abc", end=True),
    "END_STREAM on empty data": lambda one: one.data(b"abc") + one.data(b"", end=True),
    "END_STREAM on trailers": lambda one: one.data(b"abc") + one.trailer(("x-sum", "1")),
    "RST_STREAM of NO_ERROR": lambda one: one.data(b"abc") + one.rst(h2.NO_ERROR),
    "RST_STREAM of CANCEL": lambda one: one.data(b"abc") + one.rst(h2.CANCEL),
}


@CLIENTS
@pytest.mark.parametrize("how", SHORT)
@pytest.mark.parametrize("flushed", [False, True])
def test_h2_91_a_short_body_is_never_clean(client, how, flushed):
    """Also when its head is with the client before the fault can be seen."""
    gate = threading.Event()

    def answer(one):
        if not flushed:
            return one.head(("content-length", "10")) + SHORT[how](one)
        one.conn.send(one.head(("content-length", "10")))
        gate.wait(5)
        return SHORT[how](one)

    with beside(once(answer)) as (origin, product):
        if flushed:
            got = fetch_behind_head(product, client, gate)
            assert got.status == 200
        else:
            got = fetch(product, client, "/bad")
            assert got.status in (200, 502)
        assert got.status == 502 or (not got.whole and len(got.body) <= 3)
        good(origin, product)
        reasons = [line["reason"] for line in product.wait_log(3)]
        assert sum(1 for reason in reasons if reason.startswith("upstream_")) == 1


def fetch_behind_head(product, client, gate):
    """Lets the body begin when the client has the head."""
    if client == "h1":
        with product.client() as one:
            one.send(request("/bad"))
            one.received = one.bytes(1) + one.received
            gate.set()
            message, whole = one.any_response()
            return Got(message.status, message.body, whole)
    with H2Client(product.address()[:2]) as one:
        one.request(1, head(path="/bad"))
        assert one.pump(lambda: one.answers[1].status)
        gate.set()
        answer = one.answer()
        return Got(answer.status, answer.body, answer.how == "end")


# --- H2-92: the rest, each on a stream

MALFORMED = {  # the head is out or not: an error or an abort, never a clean answer
    "trailers with a pseudo-field": lambda one: one.trailer((":status", "200")),
    "trailers with a pseudo-field of requests": lambda one: one.trailer((":path", "/")),
    "trailers in upper case": lambda one: one.trailer(("X-Sum", "1")),
    "trailers with a field of connections": lambda one: one.trailer(("connection", "close")),
    "trailers with a line break": lambda one: one.trailer(("x", "a\r\nb: c")),
    "second HEADERS without END_STREAM":
        lambda one: frame(h2.HEADERS, h2.END_HEADERS, one.stream, h2.block([("x", "y")])),
    "a second final head": lambda one: one.head() + one.data(b"other", end=True),
    "an interim head behind the final one":
        lambda one: one.head(status=103) + one.data(b"x", end=True),
    "a window beyond all": lambda one: window(one.stream, (1 << 31) - 1) * 2,
}


@CLIENTS
@pytest.mark.parametrize("how", MALFORMED)
def test_h2_92_what_breaks_an_answer_cuts_it(client, how):
    answer = lambda one: one.head() + one.data(b"abc") + MALFORMED[how](one)
    with beside(once(answer)) as (origin, product):
        got = fetch(product, client, "/bad", "POST", body=b"x")
        assert got.status == 502 or (got.status == 200 and not got.whole)
        assert b"other" not in got.body
        bad = next(one for one in origin.requests if one.path == "/bad")
        assert origin.wait(lambda: bad.reset, "RST_STREAM") in (h2.PROTOCOL, h2.FLOW)
        good(origin, product)
        assert len([one for one in origin.requests if one.path == "/bad"]) == 1


HEADS = {
    ":status 101": lambda one: one.head(status=101),
    ":status 101 and the end": lambda one: one.head(status=101, end=True),
    "an interim head with the end": lambda one: one.head(status=103, end=True),
    "an interim head with a length": lambda one: one.head(("content-length", "3"), status=103) +
        one.head(status=103, end=True),
    "data behind an interim head":
        lambda one: one.head(status=103) + one.data(b"abc") + one.answer(),
    "an upper-case name": lambda one: one.head(("X-Odd", "1")) + one.data(b"abc", end=True),
    "a status twice": lambda one: one.head((":status", "200"), end=True),
}


@CLIENTS
@pytest.mark.parametrize("how", HEADS)
def test_h2_92_what_is_no_head_is_a_502(client, how):
    with beside(once(HEADS[how])) as (origin, product):
        got = fetch(product, client, "/bad", "POST", body=b"x")
        assert (got.status, got.whole) == (502, True)
        bad = next(one for one in origin.requests if one.path == "/bad")
        assert origin.wait(lambda: bad.reset, "RST_STREAM") == h2.PROTOCOL
        good(origin, product)
        assert len([one for one in origin.requests if one.path == "/bad"]) == 1


@CLIENTS
@pytest.mark.parametrize("body", [b"", b"enough"])
def test_h2_92_an_early_answer_and_no_error(client, body):
    """RFC 9113 8.1: the whole answer counts, the rest of the request is not wanted."""
    on_head = lambda one: one.answer(body) + one.rst(h2.NO_ERROR) if one.path == "/bad" else None
    with beside(lambda one: None if one.path == "/bad" else one.answer(), on_head=on_head) as (
            origin, product):
        if client == "h1":
            with product.client() as one:
                one.send(request("/bad", [("Content-Length", "100000")], method="POST") + b"x" * 99)
                message = one.response("POST")
            assert (message.status, message.body) == (200, body)
        else:
            with H2Client(product.address()[:2]) as one:
                one.request(1, head(method="POST", path="/bad"), end=False)
                one.send(frame(h2.DATA, 0, 1, b"x" * 99))
                answer = one.answer()
                assert (answer.status, answer.body, answer.how) == (200, body, "end")
        good(origin, product)


@CLIENTS
def test_h2_92_a_refused_stream_is_sent_again(client):
    """Elsewhere: a backend that refuses is full."""
    refused = []

    def on_head(one):
        if one.path == "/bad" and not refused:
            refused.append(one)
            return one.rst(h2.REFUSED)
        return None

    waiting = []
    answer = lambda one: waiting.append(one) if one.path == "/neighbour" else \
        None if one in refused else one.answer()
    with H2Origin(answer, on_head) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product, product.client() as neighbour:
        neighbour.send(request("/neighbour", method="POST", body=b"hello"))
        origin.wait(lambda: waiting, "the neighbour is at the backend")
        got = fetch(product, client, "/bad", "POST", body=b"x")
        assert (got.status, got.body, got.whole) == (200, b"ok", True)
        assert [one.body for one in origin.requests if one.path == "/bad" and one.whole][-1] == b"x"
        waiting[0].conn.send(waiting[0].answer())
        assert neighbour.response("POST").status == 200


# --- H2-92: faults of the connection end it; what was not answered is a 502, or sent again

CONNECTION = {
    "PUSH_PROMISE": lambda one: frame(h2.PUSH, h2.END_HEADERS, one.stream,
                                      struct.pack(">I", 2) + h2.block(h2.BASE)),
    "PUSH_PROMISE on stream 0": lambda one: frame(h2.PUSH, h2.END_HEADERS, 0,
                                                  struct.pack(">I", 2) + h2.block(h2.BASE)),
    "an answer before its request": lambda one: frame(
        h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, one.stream + 2, h2.block([(":status", "200")])),
    "data before its request": lambda one: frame(h2.DATA, h2.END_STREAM, one.stream + 2, b"x"),
    "an answer on a stream of its own": lambda one: frame(
        h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 2, h2.block([(":status", "200")])),
    "a reset before its request": lambda one: h2.reset(one.stream + 2),
    "a window of a stream that is none": lambda one: window(one.stream + 2, 1),
    "ENABLE_PUSH": lambda one: frame(h2.SETTINGS, 0, 0, setting(2, 1)),
    "a window of settings beyond all": lambda one: frame(h2.SETTINGS, 0, 0,
                                                         setting(INITIAL_WINDOW, 1 << 31)),
    "a window of the connection that grows by nothing": lambda one: window(0, 0),
    "a head that is no HPACK": lambda one: frame(h2.HEADERS, 5, one.stream, b"\x80"),
    "CONTINUATION of nothing": lambda one: frame(h2.CONTINUATION, 4, one.stream, b""),
    "a frame that is too long": lambda one: frame(h2.DATA, 0, one.stream, b"x" * 16385),
    # These two are errors of a stream that may be taken as the connection's (RFC 9113 5.4.1).
    "data before the head": lambda one: one.data(b"abc") + one.answer(),
    "a window that grows by nothing": lambda one: window(one.stream, 0),
    "GOAWAY on a stream": lambda one: frame(h2.GOAWAY, 0, one.stream, bytes(8)),
}


@pytest.mark.parametrize("method,status", [("POST", 502), ("GET", 200)])
@pytest.mark.parametrize("how", CONNECTION)
def test_h2_92_what_breaks_the_connection_ends_it(how, method, status):
    def answer(one):
        if one.conn.serial:
            return one.answer()
        if one.path == "/bad":
            return CONNECTION[how](one)
        return one.answer() if one.path == "/warm" else None

    body = b"x" if method == "POST" else None
    with H2Origin(answer) as origin, front(origin, upstream={"protocol": "h2c"}) as product:
        assert product.get("/warm").status == 200
        with product.client() as neighbour, H2Client(product.address()[:2]) as of_h2:
            neighbour.send(request("/neighbour", method=method, body=body))
            of_h2.request(1, head(method=method, path="/neighbour"))
            origin.wait_requests(3)
            assert product.get("/bad", method=method, body=body).status == status
            assert neighbour.response(method).status == status
            assert (of_h2.answer().status, of_h2.answer().how) == (status, "end")
        conn = origin.connections[0]
        origin.wait(lambda: conn.ended, "the connection is closed")
        assert conn.goaway in (h2.PROTOCOL, h2.FLOW, h2.SIZE, h2.COMPRESSION, h2.CLOSED)
        assert product.get("/after", method="POST", body=b"x").status == 200
        assert len(origin.connections) == 2


def test_h2_92_goaway_below_ours():
    """What it leaves out is sent elsewhere, even a POST; what it names is awaited."""
    waiting = []
    with H2Origin(waiting.append) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(H2Client(product.address()[:2])) for _ in range(4)]
        for number, client in enumerate(clients):
            client.request(1, head(method="POST", path=f"/{number}"), end=False)
            client.send(frame(h2.DATA, h2.END_STREAM, 1, b"body"))
        origin.wait(lambda: len(waiting) == 4, "four requests")
        first = origin.connections[0]
        first.send_goaway(max(first.requests) - 4, h2.INTERNAL)
        origin.wait(lambda: len(waiting) == 6, "the two above are sent again")
        assert {one.body for one in waiting} == {b"body"}
        for one in waiting:
            one.conn.send(one.answer(one.path.encode()))
        for number, client in enumerate(clients):
            assert client.answer().body == b"/%d" % number


# --- H2-92: settings that change

def test_h2_92_no_streams_and_then_one():
    """With no room at all the backend is not flooded with connections, and served when it has."""
    with H2Origin(lambda one: one.answer(), lambda one: None, settings=limit(1)) as origin, \
            front(origin, upstream={"protocol": "h2c", "read_timeout": "2s"}) as product:
        assert product.get("/warm").status == 200
        first = origin.connections[0]
        first.send(frame(h2.SETTINGS, 0, 0, setting(MAX_STREAMS, 0)))
        first.ask_pong()
        assert product.get("/full", method="POST", body=b"x").status == 200
        assert [one.path for one in first.requests.values()] == ["/warm"]
        second = origin.connections[1]
        first.send(frame(h2.SETTINGS, 0, 0, setting(MAX_STREAMS, 1)))
        second.send_goaway(1)
        origin.wait(lambda: second.ended, "the second is closed")
        assert product.get("/again", method="POST", body=b"x").status == 200
        assert [one.path for one in first.requests.values()] == ["/warm", "/again"]
        assert len(origin.connections) == 2


def test_h2_92_a_backend_that_never_has_a_stream():
    """Each of its connections says 0 and refuses: an error, and a bounded number of them."""
    def on_head(one):
        return one.rst(h2.REFUSED) if origin.settings == limit(0) else None

    answer = lambda one: None if origin.settings == limit(0) else one.answer()
    with H2Origin(answer, on_head, settings=limit(0)) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product:
        for client in ("h1", "h2") * 3:
            got = fetch(product, client, "/", "POST", body=b"x")
            assert (got.status // 100, got.whole) == (5, True)
        assert len(origin.connections) <= 24
        origin.settings = limit(1)
        for conn in origin.connections:
            conn.send(frame(h2.SETTINGS, 0, 0, setting(MAX_STREAMS, 1)))
        assert fetch(product, "h1", "/", "POST", body=b"x").status == 200


def test_h2_92_a_window_below_what_is_under_way():
    """RFC 9113 6.9.2: the window may be negative, and nothing goes until it is not."""
    with beside(lambda one: one.answer(), settings=setting(INITIAL_WINDOW, 50000)) as (
            origin, product), product.client() as client:
        assert product.get("/warm").status == 200  # the settings are known
        size = 200000
        client.send(request("/up", [("Content-Length", str(size))], method="POST"))
        sender = threading.Thread(target=client.send, args=(b"x" * size,), daemon=True)
        sender.start()
        one = origin.wait(lambda: next((one for one in origin.requests if one.path == "/up"), None),
                          "the upload")
        origin.wait(lambda: len(one.body) == 50000, "its window is full")
        one.conn.send(frame(h2.SETTINGS, 0, 0, setting(INITIAL_WINDOW, 1000)) +
                      window(one.stream, 49000))  # it is nothing now, and was -49,000
        one.conn.ask_pong()
        good(origin, product)
        assert len(one.body) == 50000
        one.conn.send(window(one.stream, 10))
        origin.wait(lambda: len(one.body) >= 50010, "ten more")
        one.conn.ask_pong()
        assert len(one.body) == 50010
        one.conn.send(frame(h2.SETTINGS, 0, 0, setting(INITIAL_WINDOW, size)))
        assert client.response("POST").status == 200
        sender.join()
        assert len(one.body) == size


@CLIENTS
def test_h2_92_the_header_table_is_emptied_and_filled_again(client):
    """RFC 7541 4.2: the next block begins with both sizes; the decoder here checks the rest."""
    with beside(lambda one: one.answer()) as (origin, product):
        fields = [("x-one", "first value"), ("x-two", "second value")]
        for _ in range(2):
            assert fetch(product, client, "/good", fields=fields).status == 200
        conn = origin.connections[0]
        conn.send(frame(h2.SETTINGS, 0, 0, setting(TABLE_SIZE, 0)) +
                  frame(h2.SETTINGS, 0, 0, setting(TABLE_SIZE, 4096)))
        conn.ask_pong()
        for _ in range(2):
            assert fetch(product, client, "/good", fields=fields).status == 200
        first, second = origin.requests[-2:]
        assert first.block[0] == 0x20, "the table is emptied first"
        assert first.get("x-one") == second.get("x-one") == "first value"
        conn.decoder.max_allowed_table_size = 0
        conn.send(frame(h2.SETTINGS, 0, 0, setting(TABLE_SIZE, 0)))
        conn.ask_pong()
        for _ in range(2):
            assert fetch(product, client, "/good", fields=fields).status == 200
        assert origin.requests[-1].get("x-two") == "second value"
