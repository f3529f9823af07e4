"""HTTP/2 streams in states they must not be in (security.md 1E): what is answered, what reaches the
origin, and that others go on."""

import struct

import pytest

from rig import h2
from rig.h2 import beside, connect, frame, get, head, literal, post, reset, window
from rig.origin import Gate, Origin, response
from rig.product import front

pytestmark = pytest.mark.usefixtures("transport")


async def slow(conn):
    """Answers the honest at once and nobody else."""
    message = await conn.request()
    if message is not None and message.path() == "/honest":
        await conn.send(response(body=b"ok", headers=[("Connection", "close")]))
        return
    await conn.end()


def all_cancelled(origin):
    origin.wait(lambda: all(conn.ended or conn.closed for conn in origin.connections),
                "what was begun for the client is cancelled")


def paths(recorder):
    return [message.path() for message in recorder.requests]


@pytest.mark.parametrize("name,fields,seen", [
    ("H2-01", head(), {}),
    ("H2-12", head(("te", "trailers")), {"TE": None}),
    ("H2-88", head(("expect", "100-continue"), ("content-length", "0"), method="POST"), {}),
])
def test_plain_requests_are_served(recorder, name, fields, seen):
    with front(recorder) as product, beside(product), connect(product) as client:
        client.request(1, fields)
        assert client.answer().status == 200, name
    message = recorder.requests[1]
    assert all(message.get(field) == value for field, value in seen.items())


def test_h2_88_expectation_is_passed_on():
    async def careful(conn):
        await conn.head()
        await conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await conn.bytes(1)
        await conn.end()

    with Origin(careful) as origin, front(origin) as product, connect(product) as client:
        client.send(post(1, ("expect", "100-continue"), ("content-length", "5")))
        client.pump(lambda: client.answers[1].status)
        assert client.answers[1].status == 100
        client.send(frame(h2.DATA, h2.END_STREAM, 1, b"hello"))
        origin.wait_requests(1)
        assert origin.requests[0].body == b"hello"


# --- trailers

TRAILERS = {
    "H2-40": (True, literal(":path", "/")),
    "H2-41": (False, literal("x-t", "1")),
    "H2-42": (True, literal("content-length", "1") + literal("host", "b.test")),
    "H2-42 upper case": (True, literal("X-T", "1")),
    "H2-42 connection": (True, literal("connection", "close")),
}


@pytest.mark.parametrize("name", TRAILERS)
def test_malformed_trailers_end_the_stream_alone(recorder, name):
    end, block = TRAILERS[name]
    with front(recorder, location={"path": "/", "trailers": "pass"}) as product:
        with beside(product), connect(product) as client:
            client.send(post(1) + frame(h2.DATA, 0, 1, b"abc"))
            client.send(frame(h2.HEADERS, h2.END_HEADERS | end, 1, block))
            assert client.answer().how == h2.PROTOCOL
            client.request(3, head(path="/next"))
            assert client.answer(3).status == 200
        line = next(line for line in product.wait_log(4) if line["method"] == "POST")
        assert (line["status"], line["reason"]) == (400, "h2_protocol")
    assert paths(recorder) == ["/honest", "/next", "/honest"]


def test_good_trailers_arrive_where_they_are_let_through(recorder):
    with front(recorder, location={"path": "/", "trailers": "pass"}) as product:
        with connect(product) as client:
            client.send(post(1) + frame(h2.DATA, 0, 1, b"abc") +
                        frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, literal("x-t", "1")))
            assert client.answer().status == 200
    assert recorder.requests[0].body == b"abc"


# --- errors of the whole connection

CONNECTION = {
    "H2-50": (frame(h2.HEADERS, 5, 1, h2.block(head()) + literal("x", "y" * 16400)), h2.SIZE),
    "H2-50 DATA": (post(1) + frame(h2.DATA, 1, 1, bytes(16385)), h2.SIZE),
    "H2-53": (get(5) + get(3), h2.PROTOCOL),
    "H2-53 far": (get(0x70000001) + get(0x6fffffff), h2.PROTOCOL),
    "H2-75": (frame(h2.HEADERS, 1, 1, h2.block(head())) +
              frame(h2.CONTINUATION, 0, 1) * 2000, h2.CALM),
    "H2-76": (frame(h2.HEADERS, 1, 1, h2.block(head())) +
              b"".join(frame(h2.CONTINUATION, 0, 1, literal("x", "y" * 16000))
                       for _ in range(64)), h2.CALM),
}


@pytest.mark.parametrize("name", CONNECTION)
def test_errors_of_the_connection_have_their_code(name):
    data, code = CONNECTION[name]
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            client.send(data)
            client.pump(lambda: client.goaway is not None)
            assert client.goaway == code
            client.send(get(0x7fffffff))
            assert client.pump(lambda: False) is False  # it is closed
        reason = {h2.CALM: "h2_head_flood"}.get(code, "h2_protocol")
        line = next(line for line in product.wait_log(2) if line["reason"])
        assert (line["status"], line["reason"]) == (400, reason)
        assert not any(message.path() == "/" for message in origin.requests)


def test_h2_87_settings_come_first(recorder):
    with front(recorder) as product, beside(product), connect(product, start=False) as client:
        client.send(h2.PREFACE + get(1))
        client.pump(lambda: client.goaway is not None)
        assert client.goaway == h2.PROTOCOL
    assert paths(recorder) == ["/honest", "/honest"]


# --- what makes us reset a stream (MadeYouReset, CVE-2025-8671)

PROVOKE = {
    "H2-56": lambda stream: window(stream, 0),
    "H2-57": lambda stream: window(stream, 0x7fffffff),
    "H2-59": lambda stream: frame(h2.PRIORITY, 0, stream, bytes(4)),
    "H2-61": lambda stream: get(stream),
    "H2-62": lambda stream: frame(h2.DATA, 0, stream, b"x"),
}


@pytest.mark.parametrize("name", PROVOKE)
def test_a_stream_that_makes_us_reset_it_is_cancelled_at_the_origin(name):
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            client.send(get(1))
            origin.wait_requests(2)
            client.send(PROVOKE[name](1))
            client.pump(lambda: client.goaway is not None or client.answers[1].how is not None)
            assert client.goaway or client.answers[1].how
            assert "end" != client.answers[1].how
            origin.wait(lambda: origin.connections[1].ended, "cancelled")
            lines = product.wait_log(2)
            assert {line["reason"] for line in lines if line["uri"] == "/"} == {"h2_protocol"}
        assert paths(origin).count("/") == 1


@pytest.mark.parametrize("primitive", [*PROVOKE, "H2-60"])
def test_fl_03_streams_that_we_are_made_to_reset_have_a_budget(primitive):
    provoke = PROVOKE.get(primitive) or \
        (lambda stream: frame(h2.PRIORITY, 0, stream, struct.pack(">IB", stream, 1)))
    with Origin(slow) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            # H2-60 has no meaning any more (RFC 9113 5.3.2): it costs as any PRIORITY does.
            again = 1 if primitive != "H2-60" else 2
            for number in range(20):
                client.send(b"".join(get(stream) + provoke(stream) * again + reset(stream)
                                     for stream in range(1 + 100 * number, 101 + 100 * number, 2)))
            client.pump(lambda: client.goaway is not None)
            assert client.goaway
        all_cancelled(origin)
        assert len(origin.requests) <= 300


def test_h2_82_a_hundred_streams_are_served_and_the_others_refused():
    gate = Gate()

    async def waits(conn):
        message = await conn.request()
        if message.path() != "/honest":
            await gate.wait()
        await conn.send(response(body=b"ok", headers=[("Connection", "close")]))

    with Origin(waits) as origin, front(origin) as product, beside(product):
        with connect(product) as client:
            client.send(b"".join(get(stream) for stream in range(1, 1000, 2)))
            origin.wait_requests(101)
            gate.open()
            streams = range(1, 1000, 2)
            client.pump(lambda: all(client.answers[s].how is not None for s in streams))
            hows = [client.answers[s].how for s in streams]
            assert client.goaway is None
        assert (hows.count("end"), hows.count(h2.REFUSED)) == (100, 400)


# --- what we send

def test_h2_94_fields_that_are_secrets_are_not_kept_by_hpack():
    fields = [("Set-Cookie", "id=secret-of-one"), ("X-Plain", "not-a-secret")]
    with Origin(answer=lambda _: response(headers=fields, body=b"ok")) as origin:
        with front(origin) as product, connect(product) as client:
            for stream in (1, 3, 5):
                client.request(stream, head())
                assert ("set-cookie", "id=secret-of-one") in client.answer(stream).fields
            kept = {name for name, _ in client.decoder.header_table.dynamic_entries}
    assert b"set-cookie" not in kept
    assert b"x-plain" in kept  # so that the test sees anything


def test_priorities_of_rfc_7540_are_declined(recorder):
    with front(recorder) as product, connect(product) as client:
        client.pump(lambda: client.settings)
        assert client.settings[9] == 1  # RFC 9218 2.1
        assert client.settings[3] == 100


def test_the_urgent_answer_comes_before_one_that_was_asked_for_earlier():
    """RFC 9218, by the order of frames: all are asked for with a window of nothing."""
    body = b"x" * 50000
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        with connect(product, settings=h2.setting(4, 1 << 20)) as client:
            client.request(1, head(path="/fill"))  # uses the window of the connection up
            assert client.answer().body == body
            client.request(3, head(path="/fill"))
            client.pump(lambda: len(client.answers[3].body) == 65535 - len(body))
            client.send(get(5, ("priority", "u=6")) + get(7, ("priority", "u=0")) +
                        get(9, ("priority", "u=3")))
            client.send(frame(0x10, 0, 0, struct.pack(">I", 5) + b"u=1, i"))
            client.pump(lambda: all(client.answers[s].status for s in (5, 7, 9)))
            origin.wait_requests(5)
            client.send(window(0, 1 << 20))
            for stream in (3, 5, 7, 9):
                assert client.answer(stream).body == body
            streams = [stream for kind, stream in client.order if kind == h2.DATA and stream > 3]
    firsts = sorted(set(streams), key=streams.index)
    assert firsts == [7, 5, 9]
    assert streams == sorted(streams, key=firsts.index)


# --- the log

def test_malformed_requests_are_logged(recorder):
    with front(recorder) as product, connect(product) as client:
        client.request(1, head(("connection", "close"), path="/bad?x=1"))
        assert client.answer().how == h2.PROTOCOL
        client.request(3, head(("host", "b.test"), path="/odd"))
        assert client.answer(3).status == 400
        client.request(5, head(path="/good"))
        assert client.answer(5).status == 200
        lines = product.wait_log(3)
    assert [(line["status"], line["reason"], line["method"]) for line in lines] == \
        [(400, "bad_header", "GET"), (400, "bad_host", "GET"), (200, "", "GET")]
    assert lines[0]["uri"].startswith("/bad")
    assert paths(recorder) == ["/good"]


def test_a_reset_by_the_client_is_logged_as_its_own():
    with Origin(slow) as origin, front(origin) as product, connect(product) as client:
        for number, code in enumerate((h2.CANCEL, h2.NO_ERROR)):
            stream = 1 + 2 * number
            client.send(get(stream))
            origin.wait_requests(number + 1)
            client.send(reset(stream, code))
            assert product.wait_log(number + 1)[number]["reason"] == "client_reset"
