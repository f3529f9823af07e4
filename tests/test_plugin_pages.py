"""error_pages in a running proxy: whose errors, every kind of request, bodies that are not sent."""

import gzip

import pytest

from rig import h2
from rig.client import request
from rig.h2 import H2Client, head
from rig.origin import Origin, response
from rig.product import Product, config

PAGES = {"type": "error_pages",
         "html": {"404": "<h1>$status $reason</h1>", "5xx": "<p>$status_text $arg_q</p>"},
         "json": {"4xx": '{"s":$status}'}}
DENY = {"type": "ip_restriction", "ip_list": ["0.0.0.0/0"], "mode": "deny"}


def paged(backend, uses=("pages",), server_uses=(), pages=None, plugins=None, **location):
    conf = config(backend, location={"plugins": list(uses), **location},
                  server={"plugins": list(server_uses)})
    conf["plugins"] = {"pages": {**PAGES, **(pages or {})}, "deny": DENY, **(plugins or {})}
    return Product(conf)


def test_errors_of_the_proxy_have_them():
    with paged("127.0.0.1:1", server_uses=["pages"], uses=[], path="/x") as product:
        answer = product.get("/none")
        assert (answer.status, answer.body) == (404, b"<h1>404 no_route</h1>")
        assert answer.get("Content-Type") == "text/html; charset=utf-8"
        assert answer.get("Vary") == "Accept" and answer.framing == "length"
        answer = product.get("/none", [("Accept", "application/json")])
        assert (answer.status, answer.body) == (404, b'{"s":404}')
        answer = product.get("/x?q=%3Cb%3E<i>")
        assert (answer.status, answer.body) == (502, b"<p>Bad Gateway %3Cb%3E&lt;i&gt;</p>")


def test_refusals_of_plugins_have_them(recorder):
    with paged(recorder.addr, uses=["pages", "deny"],
               pages={"html": {"403": "no"}, "json": {}}) as product:
        assert product.get("/").body == b"no"
        assert [line["status"] for line in product.wait_log(1)] == [403]
    assert not recorder.requests


def test_head_has_the_length_and_no_body_and_the_connection_stays():
    with paged("127.0.0.1:1", server_uses=["pages"], uses=[], path="/x") as product:
        with product.client() as client:
            client.send(request("/none", method="HEAD") + request("/none"))
            assert client.response("HEAD").get("Content-Length") == "21"
            assert client.response().body == b"<h1>404 no_route</h1>"


def chunked(status, headers, body):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    pieces = [body[i:i + 5000] for i in range(0, len(body), 5000)]
    return (f"HTTP/1.1 {status} X\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode()
            + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")


@pytest.mark.parametrize("body,length", [(b"", True), (b"theirs", True), (b"x" * 200_000, True),
                                         (b"", False), (b"theirs" * 9000, False)])
@pytest.mark.parametrize("backend", [True, False])
def test_errors_of_a_backend_only_where_asked(body, length, backend):
    headers = [("ETag", '"1"'), ("X-Theirs", "1")]
    answers = {"/none": response(404, "Not Found", headers, body) if length
               else chunked(404, headers, body),
               "/": response(200, "OK", headers, b"fine")}
    with Origin(answer=lambda asked: answers[asked.path()]) as origin, \
            paged(origin.addr, pages={"backend": backend}) as product, \
            product.client() as client:
        for _ in range(2):
            answer = client.get("/none")
            assert answer.status == 404 and answer.get("X-Theirs") == "1"
            assert answer.body == (b"<h1>404 </h1>" if backend else body)
            assert answer.get("ETag") == (None if backend else '"1"')
            assert client.get("/").body == b"fine"
            assert client.get("/none", method="HEAD").status == 404


def test_they_can_be_compressed_and_replace_what_was():
    page = "<p>$status</p>" + "long " * 400
    theirs = response(500, "Oh", [("Content-Encoding", "br"), ("Content-Type", "text/html")], b"\1\2")
    for uses in (["pages", "compression"], ["compression", "pages"]):
        with Origin(answer=lambda _: theirs) as origin, \
                paged(origin.addr, uses=uses, pages={"backend": True, "html": {"500": page}}) as product:
            answer = product.get("/", [("Accept-Encoding", "gzip")])
            body = answer.body
            if answer.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert body == page.replace("$status", "500").encode()


def test_http2_and_grpc():
    with paged("127.0.0.1:1", server_uses=["pages"], uses=[], path="/x") as product, \
            H2Client(product.address()[:2]) as client:
        client.request(1, head(path="/none"))
        answer = client.answer(1)
        assert (answer.status, bytes(answer.body)) == (404, b"<h1>404 no_route</h1>")
        call = [("content-type", "application/grpc"), ("te", "trailers")]
        client.request(3, head(*call, method="POST", path="/a.B/C"), end=False)
        client.send(h2.frame(h2.DATA, h2.END_STREAM, 3, b"\0\0\0\0\0"))
        answer = client.answer(3)
        assert answer.get("grpc-status") and not answer.body


def test_a_changed_file_is_taken_up_by_a_reload(recorder, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("one $status", encoding="ascii")
    with paged(recorder.addr, uses=[], server_uses=["pages"], path="/x",
               pages={"html": {"404": str(page)}}) as product:
        assert product.get("/none").body == b"one 404"
        page.write_text("other", encoding="ascii")
        assert product.order("reload")[0] == 0
        assert product.get("/none").body == b"other"
