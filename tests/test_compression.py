"""Compression: real clients get back what the backend sent, in every coding; streams are not held."""

import gzip
import subprocess

import pytest

from rig import h2, product as rig
from rig.client import request
from rig.deadline import holds
from rig.origin import Gate, Origin, response
from rig.product import config

TEXT = b"".join(b"line %d of a text that repeats itself\n" % (i * 7919 % 1000)
                for i in range(20000))
HTML = ("Content-Type", "text/html")


def compressing(origin, options=None, **parts):
    location = {**parts.pop("location", {}), "plugins": ["c"]}
    conf = config(origin.addr, location=location, **parts)
    conf["plugins"] = {"c": {"type": "compression", **(options or {})}}
    return rig.Product(conf)


def in_chunks(body, size=50_000):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n")


def curl(product, *args):
    host, port = product.address()[:2]
    return subprocess.run(["curl", "-s", "--max-time", "20", *args, f"http://{host}:{port}/"],
                          capture_output=True, check=True).stdout


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("buffered", [False, True])
def test_curl_gets_what_the_backend_sent(coding, chunked, buffered):
    answer = in_chunks(TEXT) if chunked else response(headers=[HTML], body=TEXT)
    with Origin(answer=lambda _: answer) as origin, \
            compressing(origin, location={"response_buffering": buffered}) as product:
        if coding in curl_codings():
            assert curl(product, "--compressed", "-H", f"Accept-Encoding: {coding}") == TEXT
        raw = curl(product, "-i", "-H", f"Accept-Encoding: {coding}")
        head, _, body = raw.partition(b"\r\n\r\n")
        assert f"content-encoding: {coding}".encode() in head.lower()
        assert b"content-length" not in head.lower()
        assert len(body) < len(TEXT) / 3
        if coding == "gzip":
            assert gzip.decompress(body) == TEXT
        line = product.wait_log(1)[-1]
        assert int(line["response_bytes"]) < len(TEXT) / 3


def curl_codings():
    """What this curl can decode."""
    text = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    return {name for name, feature in (("gzip", "libz"), ("br", "brotli"), ("zstd", "zstd"))
            if feature in text}


def test_head_has_the_fields_of_get():
    answer = response(headers=[HTML, ("ETag", '"a"')], body=TEXT)
    with Origin(answer=lambda _: answer) as origin, compressing(origin) as product:
        asked = [("Accept-Encoding", "gzip")]
        get, head = product.get("/", asked), product.get("/", asked, method="HEAD")
    for name in ("Content-Encoding", "ETag", "Vary", "Content-Type"):
        assert get.all(name) == head.all(name)
    assert head.get("Content-Length") is None
    assert gzip.decompress(get.body) == TEXT


def test_http2_client():
    answer = response(headers=[HTML], body=TEXT)
    with Origin(answer=lambda _: answer) as origin, compressing(origin) as product:
        with h2.connect(product) as client:
            client.request(1, h2.head(("accept-encoding", "gzip")))
            seen = client.answer(1)
    assert seen.get("content-encoding") == "gzip"
    assert gzip.decompress(seen.body) == TEXT


def test_slow_client_holds_the_backend_and_not_the_memory():
    answer = response(headers=[("Content-Type", "text/plain")], body=TEXT * 40)
    with Origin(answer=lambda _: answer) as origin, \
            compressing(origin, {"gzip_level": 1}) as product:
        before = product.rss()
        with product.client(rcvbuf=4096, timeout=30) as client:
            client.send(request("/", [("Accept-Encoding", "gzip")]))
            client.readable(10)
            holds(lambda: product.rss() - before < 4 << 20, "little memory", 0.5)
            assert gzip.decompress(client.response(keep=1 << 30).body) == TEXT * 40


def test_event_stream_is_not_held():
    gate = Gate()

    async def script(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
        await gate.wait()
        await conn.send(b"8\r\ndata: 2\n\r\n0\r\n\r\n")

    with Origin(script=script) as origin, \
            compressing(origin, {"types": ["text/event-stream"]}) as product:
        process = subprocess.Popen(
            ["curl", "-sN", "--max-time", "20", "--compressed", "-H", "Accept-Encoding: gzip",
             "http://%s:%d/" % product.address()[:2]], stdout=subprocess.PIPE)
        assert process.stdout.read(8) == b"data: 1\n"
        gate.open()
        assert process.stdout.read() == b"data: 2\n"
        assert process.wait() == 0


def test_backend_that_breaks_off_is_seen_to_have_broken_off():
    async def script(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n"
                        + b"x" * 1000)

    with Origin(script=script) as origin, compressing(origin) as product:
        with product.client() as client:
            client.send(request("/", [("Accept-Encoding", "gzip")]))
            with pytest.raises(Exception):
                client.response()


def test_decodes_for_clients_that_cannot():
    answer = response(headers=[HTML, ("Content-Encoding", "gzip")], body=gzip.compress(TEXT))
    with Origin(answer=lambda _: answer) as origin, \
            compressing(origin, {"decompression": True}) as product:
        plain = product.get("/")
        assert plain.get("Content-Encoding") is None
        assert plain.body == TEXT
        assert gzip.decompress(product.get("/", [("Accept-Encoding", "gzip")]).body) == TEXT


def test_gzip_bomb_is_stopped():
    bomb = gzip.compress(bytes(64 << 20), 9)
    answer = response(headers=[HTML, ("Content-Encoding", "gzip")], body=bomb)
    with Origin(answer=lambda _: answer) as origin, \
            compressing(origin, {"decompression": True}) as product:
        before = product.rss()
        with product.client() as client:
            client.send(request("/"))
            with pytest.raises(Exception):
                client.response(keep=1 << 30)
        assert product.rss() - before < 16 << 20
        product.check_alive()


def test_answers_of_ours_are_encoded_too(recorder):
    conf = config(recorder.addr, location={"plugins": ["c", "m"]})
    conf["plugins"] = {"c": {"type": "compression"},
                       "m": {"type": "mock", "body": "x" * 5000, "headers": ["Content-Type: text/plain"]}}
    with rig.Product(conf) as product:
        seen = product.get("/", [("Accept-Encoding", "gzip")])
    assert gzip.decompress(seen.body) == b"x" * 5000
