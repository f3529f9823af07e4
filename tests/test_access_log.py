"""The access log: one line per request, true fields, no injection."""

import json
import os

import pytest

from rig.client import request
from rig.origin import Origin
from rig.product import config, front, Product

KEYS = {"time", "client", "method", "uri", "host", "status", "reason", "upstream", "attempts",
        "request_bytes", "response_bytes", "duration_us", "location", "request_id", "trace_id"}


def test_json_line_has_every_field(recorder):
    with front(recorder) as product:
        product.get("/x?q=1", method="POST", body=b"abcde")
        line = product.wait_log(1)[0]
    assert KEYS <= set(line)
    assert (line["client"], line["method"], line["uri"], line["host"], line["status"]) == \
        ("127.0.0.1", "POST", "/x?q=1", "a.test", 200)
    assert (line["attempts"], line["request_bytes"], line["response_bytes"]) == \
        (1, 5, len(b"echo /x?q=1"))
    assert 0 < int(line["duration_us"]) < 5_000_000
    assert line["location"] == "all" and recorder.addr in line["upstream"]
    assert line["reason"] == ""


@pytest.mark.parametrize("field", [
    ("User-Agent", 'x" status=200 "\x80'), ("Referer", "a\tb"), ("User-Agent", "u" * 8000),
])
def test_bytes_of_the_client_cannot_forge_a_line(recorder, field):
    with front(recorder) as product:
        product.get('/"}{"status":1', [field])
        product.get("/second")
        lines = product.wait_log(2)
    assert len(lines) == 2 and lines[1]["uri"] == "/second"


def test_refused_request_is_one_escaped_line(recorder):
    with front(recorder) as product:
        with product.client() as client:
            client.send(b'GET /\x1b[31m"\\ HTTP/1.1\r\nHost: a.test\r\n\r\n')
            assert client.response().status == 400
        lines = product.wait_log(1)
        with open(product.path("main.log"), "rb") as file:
            raw = file.read()
    assert len(lines) == 1 and lines[0]["reason"]
    assert not [byte for byte in raw if byte < 0x20 and byte != 0x0a]


@pytest.mark.parametrize("head,method,uri,proto", [
    (b"GET /x?a=1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET", "/x?a=1", "HTTP/1.1"),
    (b"GET /x HTTP/1.1\nHost: a.test\n\n", "GET", "/x", "HTTP/1.1"),
    (b"GET /x HTTP/3.7\r\nHost: a.test\r\n\r\n", "GET", "/x", ""),
    (b"GET /x?token=hunter2&b=c HTTP/1.1\r\nA B: c\r\n\r\n", "GET", "/x?token=***&b=c",
     "HTTP/1.1"),
    (b"GET /x#token=hunter2 HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET", "/x#", "HTTP/1.1"),
    (b"GET http://bob:hunter2@a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n", "GET", "a.test/x",
     "HTTP/1.1"),
    (b"password=hunter2&x=1\r\n\r\n", "password", "", ""),
    (b"\x16\x03\x01 hunter2\r\n\r\n", "", "", ""),
    (b"GET /x HTTP/1.1\r\nAuthorization : hunter2\r\n\r\n", "GET", "/x", "HTTP/1.1"),
])
def test_refused_head_is_logged_by_its_first_line_and_nothing_else(recorder, head, method, uri,
                                                                   proto):
    with front(recorder) as product:
        with product.client() as client:
            client.send(head)
            assert client.response().status >= 400
        line = product.wait_log(1)[0]
        with open(product.path("main.log"), encoding="utf-8") as file:
            assert "hunter2" not in file.read()
    assert (line["method"], line["uri"], line["proto"]) == (method, uri, proto)
    assert line["reason"] and line["attempts"] == 0


def test_head_that_never_ends_is_logged_as_far_as_it_came(recorder):
    with front(recorder, server={"header_timeout": "200ms"}) as product:
        with product.client() as client:
            client.send(b"GET /half")
            assert client.response().status == 408
        line = product.wait_log(1)[0]
    assert (line["method"], line["uri"], line["reason"]) == ("GET", "/half", "header_timeout")


def test_refused_target_of_any_length_is_cut(recorder):
    with front(recorder) as product:
        with product.client() as client:
            client.send(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert client.response().status == 414
        line = product.wait_log(1)[0]
    assert line["uri"].startswith("/xxx") and line["uri"].endswith("[cut]")
    assert len(line["uri"]) <= 4096


def test_refused_body_keeps_the_request_line(recorder):
    with front(recorder) as product:
        with product.client() as client:
            client.send(b"POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nx")
            client.send(b"\r\n")
            client.any_response("POST")
        line = product.wait_log(1)[0]
    assert (line["method"], line["uri"], line["reason"]) == ("POST", "/up", "bad_chunk")


def plain(recorder, access_log):
    conf = config(recorder.addr, server={"access_log": access_log})
    return Product(conf, log=False)


def test_default_line_names_status_and_reason(recorder, tmp_path):
    path = tmp_path / "access.log"
    with plain(recorder, str(path)) as product:
        product.get("/x?q=1")
        product.signal()
        assert product.wait_exit() == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    for word in ("127.0.0.1", "GET", "/x?q=1", "200"):
        assert word in lines[0]


def test_no_log_is_no_file(recorder, tmp_path):
    with plain(recorder, "") as product:
        product.get("/")
        assert os.listdir(product.dir.name) == ["pingap.toml"]


@pytest.mark.parametrize("stream", ["stderr"])
def test_log_to_a_stream(recorder, stream):
    with plain(recorder, f"{stream} json") as product:
        product.get("/to-the-stream")
        line = product.wait_line("/to-the-stream")
    assert json.loads(line)["status"] == 200


def test_every_request_of_a_connection_is_a_line(recorder):
    with front(recorder) as product:
        with product.client() as client:
            client.send(b"".join(request(f"/{n}") for n in range(200)))
            for _ in range(200):
                client.response()
        lines = product.wait_log(200)
    assert [line["uri"] for line in lines] == [f"/{n}" for n in range(200)]


def test_bytes_of_an_aborted_answer_are_counted():
    async def cut(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 30)
        conn.rst()

    with Origin(cut) as origin, front(origin) as product:
        with product.client() as client:
            client.send(request("/", method="POST", body=b"b"))
            client.any_response("POST")
        line = product.wait_log(1)[0]
    assert (line["status"], line["response_bytes"]) == (200, 30) and line["reason"]


def test_response_bytes_of_chunked_answers_count_the_body_only():
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
    with Origin(answer=lambda _: data) as origin, front(origin) as product:
        product.get("/")
        assert product.wait_log(1)[0]["response_bytes"] == 5


def test_answers_of_many_clients_are_all_logged(recorder):
    with front(recorder, basic={"threads": 2}) as product:
        for number in range(100):
            product.get(f"/{number}")
        lines = product.wait_log(100)
    assert sorted(line["uri"] for line in lines) == sorted(f"/{n}" for n in range(100))




def test_stuck_log_reader_does_not_stop_requests(recorder, tmp_path):
    """SL-13: the reader of a named pipe stops reading; lines are lost, requests are not."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with plain(recorder, f"{path} json") as product:
            with product.client() as client:
                for _ in range(3000):
                    assert client.get("/x" * 40).status == 200
            product.signal()
            assert product.wait_exit(10) == 0
    finally:
        os.close(reader)
