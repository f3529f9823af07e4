"""sub_filter in a running proxy: framing, chunks, codings, what is left alone."""

import gzip

import pytest

from rig.client import request
from rig.h2 import H2Client, head
from rig.origin import Gate, Origin, response
from rig.product import Product, binary, config, sanitized

RULES = [{"text": "http://old.test", "with": "https://new.test"}, {"regex": "(\\d+) EUR", "with": "EUR $1"}]
HTML = [("Content-Type", "text/html; charset=utf-8"), ("ETag", '"1"')]


def product_of(origin, uses=("sub",), rules=None, **location):
    conf = config(origin.addr, location={"plugins": list(uses), **location})
    conf["plugins"] = {"sub": {"type": "sub_filter", "replace": rules or RULES}}
    return Product(conf)


def chunked(status, headers, body):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    pieces = [body[i:i + 4999] for i in range(0, len(body), 4999)]
    return (f"HTTP/1.1 {status} X\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode()
            + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")


@pytest.mark.parametrize("length", [True, False])
def test_bodies_are_changed_and_their_length_with_them(length):
    page = b'<a href="http://old.test/x">12 EUR</a>' * 1000
    theirs = response(200, "OK", HTML, page) if length else chunked(200, HTML, page)
    with Origin(answer=lambda asked: response(200, "OK", HTML) if asked.method == b"HEAD" else theirs) as origin, \
            product_of(origin) as product, product.client() as client:
        for _ in range(2):
            answer = client.get("/")
            assert answer.body == b'<a href="https://new.test/x">EUR 12</a>' * 1000
            assert answer.framing == "chunked" and answer.get("ETag") == 'W/"1"'
        assert client.get("/", method="HEAD").get("Content-Length") is None
        client.send(request("/", version="1.0"))
        assert client.response().body.endswith(b"EUR 12</a>")


def test_a_match_may_lie_across_any_border():
    async def pieces(conn):
        while await conn.request():
            await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
            text = b"a http://old.test b 77 EUR c"
            await conn.send_pieces([b"1\r\n%c\r\n" % byte for byte in text] + [b"0\r\n\r\n"])
    with Origin(script=pieces) as origin, product_of(origin) as product:
        assert product.get("/").body == b"a https://new.test b EUR 77 c"


def test_a_trickle_is_passed_on_at_once():
    gate = Gate()

    async def trickle(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"6\r\nfirst.\r\n")
        await gate.wait()
        await conn.send(b"4\r\nrest\r\n0\r\n\r\n")
    with Origin(script=trickle) as origin, product_of(origin, rules=RULES[:1]) as product, \
            product.client() as client:
        client.send(request("/"))
        seen = b""
        while b"first." not in seen:
            seen += client.bytes(1)
        gate.open()
        while b"rest" not in seen:
            seen += client.bytes(1)


def test_other_types_and_codings_stay():
    page = b"http://old.test"
    answers = {"/png": response(200, "OK", [("Content-Type", "image/png")], page),
               "/gzip": response(200, "OK", HTML + [("Content-Encoding", "gzip")], gzip.compress(page)),
               "/part": response(206, "Partial", HTML + [("Content-Range", "bytes 0-14/99")], page)}
    with Origin(answer=lambda asked: answers[asked.path()]) as origin, product_of(origin) as product:
        assert product.get("/png").body == page
        assert gzip.decompress(product.get("/gzip").body) == page
        assert product.get("/part").body == page


def test_what_is_changed_can_be_compressed_and_goes_over_http2():
    page = b"<p>http://old.test</p>" * 100
    wanted = b"<p>https://new.test</p>" * 100
    with Origin(answer=lambda _: response(200, "OK", HTML, page)) as origin, \
            product_of(origin, uses=["compression", "sub"],
                       proxy_remove_headers=["Accept-Encoding"]) as product:
        answer = product.get("/", [("Accept-Encoding", "gzip")])
        assert answer.get("Content-Encoding") == "gzip" and gzip.decompress(answer.body) == wanted
        with H2Client(product.address()[:2]) as client:
            client.request(1, head())
            assert bytes(client.answer(1).body) == wanted
        assert origin.requests[0].get("Accept-Encoding") is None


def test_memory_is_bounded_for_a_body_that_matches_nothing():
    with Origin(answer=lambda _: response(200, "OK", HTML, b"1" * 3_000_000)) as origin, \
            product_of(origin) as product:
        before = product.rss()
        assert product.get("/").body_length == 3_000_000
        assert sanitized(binary()) or product.rss() - before < 8 << 20
