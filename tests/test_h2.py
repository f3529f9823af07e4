"""HTTP/2 from clients by prior knowledge (RFC 9113): what is served, and how."""

import os
import re
import select
import shutil
import signal
import struct
import subprocess

import pytest

from rig import h2
from rig.client import request
from rig.deadline import seconds
from rig.h2 import H2Client, frame, head
from rig.origin import Gate, Origin, response
from rig.product import front

MIB = 1 << 20


def url(product, path="/"):
    host, port = product.address()[:2]
    return f"http://{host}:{port}{path}"


def curl(*args, data=None):
    return subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(seconds(10)),
                           *args], input=data, capture_output=True, check=True).stdout


def open_client(product, **options):
    return H2Client(product.address()[:2], **options)


# --- real clients

@pytest.mark.skipif(not shutil.which("curl"), reason="curl")
def test_curl_gets_an_answer(recorder):
    with front(recorder) as product:
        out = curl("-i", "-H", "Host: a.test", url(product, "/x?y=1"))
        assert out.startswith(b"HTTP/2 200")
        assert out.endswith(b"echo /x?y=1")
        line = product.wait_log(1)[0]
    assert line["status"] == 200
    assert recorder.requests[0].get("Host") == "a.test"
    assert recorder.requests[0].get("X-Forwarded-Proto") == "http"


@pytest.mark.parametrize("size", [0, 1, 16384, 3 * MIB + 1])
def test_curl_uploads(size):
    body = os.urandom(size)
    with Origin(keep=size) as origin, front(origin) as product:
        curl("--data-binary", "@-", url(product), data=body)
        assert origin.requests[0].body == body


@pytest.mark.parametrize("size", [0, 1, 16384, 3 * MIB + 1])
def test_curl_downloads(size):
    body = os.urandom(size)
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        assert curl(url(product)) == body


def test_head_has_the_length_and_no_body():
    whole = response(body=b"hello")
    with Origin(answer=lambda _: whole[:-5]) as origin, front(origin) as product:
        out = curl("-I", url(product))
    assert b"content-length: 5" in out


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load")
@pytest.mark.parametrize("clients,streams", [(1, 1), (4, 50), (20, 100)])
def test_h2load_is_served_whole(recorder, clients, streams):
    with front(recorder) as product:
        out = subprocess.run(["h2load", "-n", "4000", "-c", str(clients), "-m", str(streams),
                              url(product)], capture_output=True, text=True, check=True,
                             timeout=seconds(60)).stdout
    assert re.search(r"4000 succeeded, 0 failed, 0 errored", out), out
    assert re.search(r"status codes: 4000 2xx", out), out


def test_http1_stays_on_the_same_port(recorder):
    with front(recorder) as product:
        assert product.get("/").status == 200
        assert curl(url(product)) == b"echo /"
        assert product.get("/").status == 200


def test_rl32_the_preface_alone_is_answered_by_settings(recorder):
    with front(recorder) as product, open_client(product, start=False) as client:
        client.send(h2.PREFACE)
        assert client.bytes(9)[3] == h2.SETTINGS


@pytest.mark.parametrize("cut", range(1, 24))
def test_rl32_the_preface_may_come_in_pieces(recorder, cut):
    with front(recorder) as product, open_client(product, start=False) as client:
        client.send_pieces([h2.PREFACE[:cut], h2.PREFACE[cut:] + frame(h2.SETTINGS)])
        client.request(1, head())
        assert client.answer().status == 200


def test_a_bad_preface_is_refused(recorder):
    with front(recorder) as product, open_client(product, start=False) as client:
        client.send(h2.PREFACE.replace(b"SM", b"XX"))
        assert client.read_to_end().startswith(b"HTTP/1.1 400 ")
    assert recorder.received == 0


# --- translation

def test_crumbs_of_cookies_are_one_field_at_the_origin(recorder):
    with front(recorder) as product, open_client(product) as client:
        client.request(1, head(("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")))
        assert client.answer().status == 200
    assert recorder.requests[0].all("Cookie") == [b"a=1; b=2; c=3"]


def test_a_body_of_unknown_length_is_chunked_at_the_origin(recorder):
    with front(recorder) as product, open_client(product) as client:
        client.request(1, head(method="POST"), end=False)
        client.send(frame(h2.DATA, 0, 1, b"abc") + frame(h2.DATA, h2.END_STREAM, 1, b"def"))
        assert client.answer().status == 200
    message = recorder.requests[0]
    assert (message.framing, message.body) == ("chunked", b"abcdef")


def test_many_streams_are_answered_as_their_answers_come():
    gate = Gate()

    async def script(conn):
        message = await conn.request()
        if message.path() == "/slow":
            await gate.wait()
        await conn.send(response(body=message.path().encode()))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, head(path="/slow"))
        client.request(3, head(path="/quick"))
        assert client.answer(3).body == b"/quick"
        assert client.answers[1].how is None
        gate.open()
        assert client.answer(1).body == b"/slow"


def test_a_stream_that_does_not_move_stops_no_other():
    body = b"x" * MIB
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        with open_client(product) as client:
            client.request(1, head())
            client.pump(lambda: len(client.answers[1].body) == 65535)
            client.open_windows(0, 1 << 20)
            client.request(3, head())
            client.send(frame(h2.WINDOW, 0, 3, struct.pack(">I", 1 << 20)))
            client.send(frame(h2.WINDOW, 0, 0, struct.pack(">I", 1 << 20)))
            assert client.answer(3).body == body
            assert len(client.answers[1].body) == 65535


def test_an_upload_that_the_origin_does_not_read_stops_at_its_window():
    gate = Gate()

    async def deaf(conn):
        conn.pause()
        gate.open()
        await conn.end()

    with Origin(deaf, rcvbuf=4096) as origin, front(origin) as product:
        with open_client(product) as client:
            client.request(1, head(method="POST"), end=False)
            client.pump(lambda: client.counts[h2.SETTINGS] >= 1)
            client.send(b"".join(frame(h2.DATA, 0, 1, bytes(16384)) for _ in range(4))[:-0 or None])
            gate.wait_opened("connection at the origin")
            client.request(3, head())
            client.pump(lambda: client.counts[h2.WINDOW] >= 1)
            product.check_alive()


def test_an_answer_that_breaks_off_is_a_reset():
    async def breaks(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        conn.fin()

    with Origin(breaks) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, head())
        answer = client.answer()
    assert answer.how == h2.INTERNAL


def test_a_client_that_resets_ends_the_request_at_the_origin():
    async def waits(conn):
        await conn.request()
        await conn.end()

    with Origin(waits) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, head())
        origin.wait_requests(1)
        client.send(frame(h2.RST, 0, 1, struct.pack(">I", h2.CANCEL)))
        origin.wait(lambda: origin.connections[0].ended, "the origin sees the end")
        assert product.wait_log(1)[0]["reason"] == "client_reset"
        client.request(3, head())
        client.pump(lambda: True)
        product.check_alive()


def test_an_answer_before_the_end_of_an_upload_is_whole():
    async def early(conn):
        await conn.bytes(1)
        await conn.send(response(413, "Content Too Large", body=b"enough"))
        await conn.end()

    with Origin(early) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, head(method="POST"), end=False)
        answer = client.answer()
        assert (answer.status, answer.body) == (413, b"enough")
        client.request(3, head(method="POST"), end=False)
        assert client.answer(3).status == 413


# --- stopping

def test_an_idle_connection_is_told_and_closed_when_stopping(recorder):
    with front(recorder) as product, open_client(product) as client:
        client.request(1, head())
        assert client.answer().status == 200
        product.signal(signal.SIGTERM)
        client.pump(lambda: client.goaway is not None)
        assert client.goaway == h2.NO_ERROR
        assert product.wait_exit() == 0


def test_a_running_request_is_answered_when_stopping():
    gate = Gate()

    async def script(conn):
        await conn.request()
        await gate.wait()
        await conn.send(response(body=b"done"))
        await conn.end()

    with Origin(script) as origin, front(origin) as product, open_client(product) as client:
        client.request(1, head())
        origin.wait_requests(1)
        product.signal(signal.SIGTERM)
        client.pump(lambda: client.goaway is not None)
        client.goaway = None
        gate.open()
        assert client.answer().body == b"done"
        assert product.wait_exit() == 0


def test_an_idle_connection_makes_room_for_a_new_one(recorder):
    """And no more of them than are needed."""
    with front(recorder, basic={"threads": 1}, server={"max_connections": 3}) as product:
        clients = [open_client(product) for _ in range(3)]
        for client in clients:
            client.request(1, head())
            assert client.answer().status == 200
        assert product.get("/new").status == 200
        told = select.select([client.sock for client in clients], [], [], seconds(5))[0]
        assert len(told) == 1
        assert product.get("/newer").status == 200
        assert select.select([client.sock for client in clients], [], [], 0)[0] == told
        for client in clients:
            client.close()


@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_long_head_arrives_whole(body):
    """It is longer than a frame: CONTINUATION follows."""
    fields = [(f"x-{i}", "v" * 258) for i in range(240)]
    with Origin(answer=lambda _: response(headers=fields, body=body)) as origin, \
            front(origin) as product, open_client(product) as client:
        client.request(1, head())
        answer = client.answer()
        assert (answer.status, answer.body, answer.how) == (200, body, "end")
        assert sum(name.startswith("x-") for name, _ in answer.fields) == len(fields)


def test_http1_client_is_served_beside(recorder):
    with front(recorder) as product, open_client(product) as client, product.client() as other:
        client.request(1, head())
        other.send(request("/h1"))
        assert other.response().body == b"echo /h1"
        assert client.answer().body == b"echo /"
