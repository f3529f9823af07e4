"""Timing and direction (table 2D): early answers, half-close, aborts, 100-continue, 1xx, bodies."""

import pytest

from rig.client import Closed, request
from rig.origin import Gate, Origin, echo, play, response
from rig.product import front

MIB = 1 << 20


# --- RE-01, RE-02: the answer comes before the request has ended

def test_re01_early_413_and_close_reaches_a_client_that_keeps_sending():
    async def early(conn):
        await conn.head()
        await conn.bytes(1024)
        conn.pause()
        await conn.send(response(413, "Too Large", [("Connection", "close")], b"too much"))
        conn.fin()
        await conn.origin.gate.wait()

    for _ in range(30):
        with Origin(early) as origin, front(origin) as product, product.client() as client:
            origin.gate = Gate()
            client.send(f"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {10 * MIB}\r\n\r\n")
            alive, sent = True, 0
            while alive and sent < 10 * MIB and not client.readable(0):
                alive = client.send(b"x" * 65536)
                sent += 65536
            answer = client.response("POST")
            origin.gate.open()
            assert (answer.status, answer.body) == (413, b"too much")


def test_re02_early_200_lets_both_directions_go_on():
    async def early(conn):
        await conn.head()
        await conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
        await conn.bytes(conn.received + 5)
        while not conn.requests:
            await conn.bytes(conn.received + 1)
        await conn.send(b"4\r\nlate\r\n0\r\n\r\n")
        await conn.end()

    with Origin(early) as origin, front(origin) as product, product.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n")
        assert b"early" in until_bytes(client, b"early")
        client.send(b"01234")
        client.send(b"56789")
        rest = until_bytes(client, b"0\r\n\r\n")
        assert b"late" in rest
        assert origin.wait_requests(1)[0].body == b"0123456789"


def until_bytes(client, mark):
    """Raw bytes of the client up to and including `mark`."""
    data = b""
    while mark not in data:
        data += client.bytes(1)
    return data


# --- RE-03: Expect: 100-continue

EXPECT = ("POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")


def test_re03_100_of_the_origin_is_relayed_before_the_body():
    async def script(conn):
        await conn.head()
        await conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not conn.requests:
            await conn.bytes(conn.received + 1)
        await conn.send(response(body=b"done"))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, product.client() as client:
        client.send(EXPECT)
        assert client.interim() == "HTTP/1.1 100 Continue"
        client.send(b"abcde")
        assert client.response("POST").body == b"done"
        assert origin.requests[0].body == b"abcde"


@pytest.mark.parametrize("status,reason", [(417, "Expectation Failed"), (200, "OK"),
                                           (401, "Unauthorized")])
def test_re03_final_answer_instead_of_100_is_passed_on(status, reason):
    async def script(conn):
        await conn.head()
        await conn.send(response(status, reason, body=b"final"))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, product.client() as client:
        client.send(EXPECT)
        answer = client.response("POST")
        assert (answer.status, answer.body, answer.interim) == (status, b"final", [])
        client.send(b"abcde" + request("/next"))
        try:
            assert client.response().body != b"final"
        except Closed:
            pass


def test_re03_client_that_does_not_wait_is_served(recorder):
    with front(recorder) as product, product.client() as client:
        client.send(EXPECT + "abcde")
        assert client.response("POST").body == b"echo /x"
    assert recorder.requests[0].body == b"abcde"


def test_re03_silent_origin_gets_the_body_a_client_sends_late(recorder):
    """The origin answers whole requests only: it never says 100."""
    gate = Gate()

    async def script(conn):
        await conn.head()
        gate.open()
        while not conn.requests:
            await conn.bytes(conn.received + 1)
        await conn.send(echo(conn.requests[0]))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, product.client() as client:
        client.send(EXPECT)
        gate.wait_opened("head at the origin")
        client.send(b"abcde")
        assert client.response("POST").body == b"echo /x"
        assert origin.requests[0].body == b"abcde"


def test_re03_http10_client_gets_no_100():
    with Origin(play(b"HTTP/1.1 100 Continue\r\n\r\n" + response(body=b"ok"))) as origin, \
            front(origin) as product, product.client() as client:
        client.send("POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\n"
                    "Content-Length: 5\r\n\r\nabcde")
        answer = client.response("POST")
    assert (answer.status, answer.interim) == (200, [])


def test_re03_buffered_request_gets_our_own_100(recorder):
    """Buffering must read the body before there is a backend to say 100."""
    with front(recorder, location={"request_buffering": True}) as product:
        with product.client() as client:
            client.send(EXPECT)
            assert client.interim() == "HTTP/1.1 100 Continue"
            client.send(b"abcde")
            assert client.response("POST").status == 200
    assert recorder.requests[0].body == b"abcde"


# --- RE-04: half-close of the client

@pytest.mark.parametrize("then", ["at once", "while waiting"])
def test_re04_answer_is_delivered_to_a_half_closed_client(then):
    gate = Gate()
    body = b"b" * (2 * MIB)

    async def slow(conn):
        if await conn.request() is not None:
            await gate.wait()
            await conn.send(response(body=body))
            await conn.end()

    with Origin(slow) as origin, front(origin) as product, product.client() as client:
        client.send(request("/"))
        if then == "while waiting":
            origin.wait_requests(1)
        client.fin()
        origin.wait_requests(1)
        gate.open()
        answer = client.response(keep=4 * MIB)
        assert (answer.status, answer.body) == (200, body)
        assert client.wait_closed() == "fin"
        line = product.wait_log(1)[0]
    assert line["status"] == 200


# --- RE-05: the client goes away

def gone(line):
    return int(line["status"]) == 499


def test_re05_client_reset_while_waiting_aborts_the_upstream():
    async def hang(conn):
        await conn.request()
        await conn.end()

    with Origin(hang) as origin, front(origin) as product:
        client = product.client()
        client.send(request("/"))
        origin.wait_requests(1)
        client.rst()
        origin.wait(lambda: origin.connections[0].ended, "upstream aborted", timeout=1)
        assert gone(product.wait_log(1)[0])


def test_re05_client_reset_during_upload_aborts_the_upstream(recorder):
    with front(recorder) as product:
        client = product.client()
        client.send(f"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {MIB}\r\n\r\nabc")
        recorder.wait(lambda: recorder.received and recorder.connections[0].partial, "upload")
        client.rst()
        recorder.wait(lambda: recorder.connections[0].ended, "upstream aborted", timeout=1)
        assert gone(product.wait_log(1)[0])
    assert recorder.requests == []


def test_re05_client_reset_during_download_aborts_the_upstream():
    async def endless(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while await conn.send(b"x" * 65536):
            pass

    with Origin(endless) as origin, front(origin) as product:
        client = product.client()
        client.send(request("/"))
        client.bytes(MIB)
        client.rst()
        origin.wait(lambda: origin.connections[0].ended or origin.connections[0].closed,
                    "upstream aborted", timeout=2)
        line = product.wait_log(1)[0]
        assert line["reason"]


def test_re05_client_close_mid_upload_never_makes_a_whole_request(recorder):
    with front(recorder) as product:
        with product.client() as client:
            client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5\r\nabcde\r\n")
            recorder.wait(lambda: recorder.received, "upload")
        recorder.wait(lambda: recorder.connections[0].ended, "upstream aborted")
    assert recorder.requests == []


# --- RE-13: answers without a body

@pytest.mark.parametrize("method,answer", [
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
])
def test_re13_no_body_passes_where_none_belongs_and_the_upstream_is_closed(method, answer):
    with Origin(play(answer)) as origin, front(origin) as product, product.client() as client:
        client.send(request("/", method=method))
        seen = client.response(method)
        assert seen.body == b""
        origin.wait(lambda: origin.connections[0].ended, "upstream closed")
        client.send(request("/", method=method))
        assert client.response(method).status == seen.status


def test_re13_head_keeps_the_length_of_the_body_it_does_not_send():
    with Origin(play(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as origin, \
            front(origin) as product:
        answer = product.get("/", method="HEAD")
    assert answer.get("Content-Length") == "5"


# --- RE-14: interim answers

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: a=1\r\n\r\n"


def test_re14_103_is_relayed_as_it_comes():
    gate = Gate()

    async def script(conn):
        await conn.request()
        await conn.send(HINT)
        await gate.wait()
        await conn.send(response(body=b"ok"))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, product.client() as client:
        client.send(request("/"))
        hint = client.interim()
        assert hint.startswith("HTTP/1.1 103") and "Link: </a>" in hint
        gate.open()
        assert client.response().body == b"ok"


def test_re14_103_is_not_relayed_to_http10():
    with Origin(play(HINT + response(body=b"ok"))) as origin, front(origin) as product:
        with product.client() as client:
            client.send(request("/", version="1.0"))
            answer = client.response()
    assert (answer.status, answer.interim, answer.body) == (200, [], b"ok")


# --- truncation seen by old clients

def test_truncated_chunked_answer_is_a_reset_for_an_http10_client():
    """Without framing towards the client a FIN would look complete."""
    bad = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"
    with Origin(play(bad, "fin")) as origin, front(origin) as product, product.client() as client:
        client.send(request("/", version="1.0"))
        try:
            _, whole = client.any_response()
        except Closed:
            whole = False
        assert not whole and client.ended == "rst"


def test_answer_that_ends_by_close_with_a_reset_is_not_complete():
    async def script(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await conn.origin.gate.wait()
        conn.rst()

    with Origin(script) as origin, front(origin) as product, product.client() as client:
        origin.gate = Gate()
        client.send(request("/"))
        until_bytes(client, b"abc")
        origin.gate.open()
        rest = client.read_to_end()
        assert b"0\r\n\r\n" not in rest


# --- sizes of response heads (RE-15)

def headed(size=0, fields=0):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    head += b"".join(b"X-%d: y\r\n" % number for number in range(fields - 1))
    if size:
        head += b"X: " + b"a" * (size - len(head) - 7) + b"\r\n"
    return head + b"\r\nok"


@pytest.mark.parametrize("answer,status", [
    (headed(size=16 << 10), 200), (headed(size=64 << 10), 200), (headed(size=(64 << 10) + 1), 502),
    (headed(fields=256), 200), (headed(fields=257), 502),
])
def test_re15_response_head_limits(answer, status):
    with Origin(play(answer)) as origin, front(origin) as product:
        seen = product.get("/")
    assert seen.status == status
    if status == 200:
        assert seen.body == b"ok"
