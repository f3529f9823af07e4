"""Files of a folder: ranges, conditional requests, listings, fallbacks, and no way out of it."""

import contextlib
import gzip
import os
import shutil
import subprocess

import pytest

from rig import h2, product as rig
from rig.client import request
from rig.deadline import holds, until
from rig.product import config

INDEX = b"<!doctype html><title>index</title>"
BIG = os.urandom(1 << 16) * 80


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / ".hidden").mkdir()
    (root / ".well-known").mkdir()
    (tmp_path / "secret.txt").write_bytes(b"secret")
    for name, data in {"index.html": INDEX, "a.txt": b"0123456789", "big.bin": BIG,
                       "sub/x.css": b"body{}", "sub/deep/index.html": b"deep",
                       ".hidden/y": b"hidden", ".env": b"hidden", ".well-known/z": b"known",
                       "a b&<c>.txt": b"odd", "empty.txt": b"",
                       "page.js": b"plain" * 100, "page.js.gz": gzip.compress(b"plain" * 100),
                       }.items():
        (root / name).write_bytes(data)
    os.symlink("../secret.txt", root / "out.txt")
    os.symlink("/etc/passwd", root / "abs.txt")
    os.symlink("a.txt", root / "in.txt")
    os.symlink("/", root / "slash")
    os.mkfifo(root / "pipe")
    return root


def serving(folder, options=None, **parts):
    conf = config("127.0.0.1:1", location={"plugins": ["d"]}, **parts)
    conf["plugins"] = {"d": {"type": "directory", "path": str(folder), **(options or {})}}
    return rig.Product(conf)


def test_files_with_their_types(folder):
    with serving(folder) as product:
        for target, body, kind in (("/", INDEX, "text/html; charset=utf-8"),
                                   ("/index.html", INDEX, "text/html; charset=utf-8"),
                                   ("/sub/x.css", b"body{}", "text/css; charset=utf-8"),
                                   ("/sub/deep/", b"deep", "text/html; charset=utf-8"),
                                   ("/a%20b%26%3Cc%3E.txt", b"odd", "text/plain; charset=utf-8"),
                                   ("/empty.txt", b"", "text/plain; charset=utf-8"),
                                   ("/.well-known/z", b"known", "application/octet-stream")):
            answer = product.get(target)
            assert (answer.status, answer.get("Content-Type")) == (200, kind), target
            assert answer.body == body
            assert answer.get("Content-Length") == str(len(body))


@pytest.mark.parametrize("target", [
    "/../secret.txt", "/%2e%2e/secret.txt", "/sub/../../secret.txt", "/sub/%2e%2e%2f%2e%2e/secret.txt",
    "/..%2fsecret.txt", "/..%5csecret.txt", "/out.txt", "/abs.txt", "/in.txt", "/slash/etc/passwd",
    "/.hidden/y", "/.env", "/%2eenv", "/pipe", "/none", "/a.txt/", "/a.txt/x", "/a.txt%00.html",
    "/sub/none/", "//etc/passwd", "/a.txt;x",
])
def test_nothing_else_is_shown(folder, target):
    with serving(folder, server={"encoded_slash": "keep"}) as product:
        answer = product.get(target)
        assert answer.status in (400, 404), target
        assert b"secret" not in answer.body and b"root:" not in answer.body


def test_links_inside_the_folder_on_demand(folder):
    with serving(folder, {"follow_symlinks": True}) as product:
        assert product.get("/in.txt").body == b"0123456789"
        for target in ("/out.txt", "/abs.txt", "/slash/etc/passwd"):
            assert product.get(target).status == 404


@pytest.mark.parametrize("wanted,status,body", [
    ("bytes=0-3", 206, b"0123"), ("bytes=8-", 206, b"89"), ("bytes=-3", 206, b"789"),
    ("bytes=0-99", 206, b"0123456789"), ("bytes=10-", 416, b""), ("bytes=-0", 416, b""),
    ("bytes=3-1", 200, b"0123456789"), ("lines=0-1", 200, b"0123456789"),
    ("bytes=0-1,4-5", 200, b"0123456789"), ("bytes=a-b", 200, b"0123456789"),
])
def test_ranges(folder, wanted, status, body):
    with serving(folder) as product:
        answer = product.get("/a.txt", [("Range", wanted)])
    assert (answer.status, answer.body) == (status, body)
    if status == 206:
        assert answer.get("Content-Range").endswith("/10")
    if status == 416:
        assert answer.get("Content-Range") == "bytes */10"


def test_prefix_ends_where_a_segment_does(folder):
    for prefix in ("/static", "/static/"):
        with serving(folder, {"prefix": prefix}) as product:
            assert product.get("/static/a.txt").body == b"0123456789"
            for target in ("/statica.txt", "/a.txt", "/stati"):
                assert product.get(target).status == 404, (prefix, target)


def test_conditional_requests(folder):
    with serving(folder) as product:
        first = product.get("/a.txt")
        etag, date = first.get("ETag"), first.get("Last-Modified")
        for headers, status in (([("If-None-Match", etag)], 304),
                                ([("If-None-Match", f'"x", W/{etag}')], 304),
                                ([("If-None-Match", "*")], 304),
                                ([("If-None-Match", '"x"'), ("If-Modified-Since", date)], 200),
                                ([("If-Modified-Since", date)], 304),
                                ([("If-Modified-Since", "nonsense")], 200),
                                ([("If-Match", etag)], 200), ([("If-Match", '"x"')], 412),
                                ([("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 412),
                                ([("Range", "bytes=0-1"), ("If-Range", etag)], 206),
                                ([("Range", "bytes=0-1"), ("If-Range", '"x"')], 200),
                                ([("Range", "bytes=0-1"), ("If-Range", date)], 206)):
            answer = product.get("/a.txt", headers)
            assert answer.status == status, headers
            if status == 304:
                assert answer.body == b"" and answer.get("ETag") == etag
        # A range is for GET only (RFC 9110 14.2).
        for headers in ([], [("Range", "bytes=0-1")], [("Range", "bytes=99-")]):
            head = product.get("/a.txt", headers, method="HEAD")
            assert (head.status, head.get("Content-Length")) == (200, "10"), headers
        assert product.get("/a.txt", method="POST", body=b"x").status == 405


def test_folder_without_slash(folder):
    with serving(folder) as product:
        answer = product.get("/sub?x=1")
        assert (answer.status, answer.get("Location")) == (301, "./sub/?x=1")
        assert product.get("/sub/").status == 404


def test_large_file(folder):
    with serving(folder) as product, product.client(timeout=20) as client:
        client.send(request("/big.bin"))
        answer = client.response(keep=1 << 30)
        assert answer.get("Content-Length") == str(len(BIG))
        assert answer.body == BIG


def test_listing(folder):
    with serving(folder, {"autoindex": True, "index": []}) as product:
        text = product.get("/").body.decode()
    assert text.index("./sub/") < text.index("./a.txt")
    assert "a b&amp;&lt;c&gt;.txt" in text and "./a%20b%26%3Cc%3E.txt" in text
    assert ".hidden" not in text and "out.txt" not in text and "<c>" not in text


def test_one_page_for_an_application(folder):
    with serving(folder, {"fallback": "/index.html", "max_age": "1h"}) as product:
        answer = product.get("/users/7")
        assert (answer.status, answer.body) == (200, INDEX)
        assert answer.get("Cache-Control") == "no-cache"
        assert product.get("/a.txt").get("Cache-Control") == "max-age=3600"


def test_what_is_not_there_goes_on_to_the_backend(folder, recorder):
    conf = config(recorder.addr, location={"plugins": ["d"]})
    conf["plugins"] = {"d": {"type": "directory", "path": str(folder), "fallthrough": True}}
    with rig.Product(conf) as product:
        assert product.get("/a.txt").body == b"0123456789"
        assert product.get("/api").body == b"echo /api"
        assert product.get("/a.txt", method="POST", body=b"x").status == 200
    assert [one.path() for one in recorder.requests] == ["/api", "/a.txt"]


def test_encoded_files_beside_the_plain_ones(folder):
    with serving(folder, {"precompressed": True}) as product:
        answer = product.get("/page.js", [("Accept-Encoding", "gzip, br")])
        assert answer.get("Content-Encoding") == "gzip"
        assert answer.get("Content-Type") == "text/javascript; charset=utf-8"
        assert gzip.decompress(answer.body) == b"plain" * 100
        assert answer.get("Vary") == "Accept-Encoding"
        assert product.get("/page.js").body == b"plain" * 100


def test_slow_client_holds_no_memory(folder):
    with serving(folder) as product:
        before = product.rss()
        with product.client(rcvbuf=4096, timeout=30) as client:
            client.send(request("/big.bin"))
            client.readable(10)
            holds(lambda: product.rss() - before < 4 << 20, "little memory", 0.5)
            assert client.response(keep=1 << 30).body == BIG


def test_compression_of_files(folder):
    (folder / "long.txt").write_bytes(b"line of text\n" * 50_000)
    conf = config("127.0.0.1:1", location={"plugins": ["d", "compression"]})
    conf["plugins"] = {"d": {"type": "directory", "path": str(folder)}}
    with rig.Product(conf) as product:
        answer = product.get("/long.txt", [("Accept-Encoding", "gzip")])
        assert gzip.decompress(answer.body) == b"line of text\n" * 50_000


def test_http2_and_curl(folder):
    with serving(folder) as product:
        with h2.connect(product) as client:
            client.request(1, h2.head(path="/big.bin"))
            client.open_windows(1)
            assert client.answer(1, timeout=20).body == BIG
        host, port = product.address()[:2]
        out = subprocess.run(["curl", "-s", "--max-time", "20", "-r", "100-199",
                              f"http://{host}:{port}/big.bin"], capture_output=True, check=True)
        assert out.stdout == BIG[100:200]


def test_folder_that_goes_and_comes_while_it_serves(folder):
    """A deployment that puts another folder in its place; the path is what counts."""
    with serving(folder, {"fallback": "/index.html"}) as product, product.client() as client:
        assert client.get("/a.txt").body == b"0123456789"
        shutil.move(folder, f"{folder}.old")
        product.wait_line(f"the files of {folder} are as before: No such file", 10)
        assert client.get("/a.txt").body == b"0123456789", "what was open is still to be had"
        shutil.rmtree(f"{folder}.old")
        assert client.get("/a.txt").status == client.get("/users/7").status == 404
        folder.mkdir()
        (folder / "a.txt").write_bytes(b"another")
        until(lambda: client.get("/a.txt").body == b"another", "the new one is seen", 10)
        assert client.get("/none").status == 404


def test_folder_behind_a_link_that_is_exchanged(folder, tmp_path):
    link = tmp_path / "current"
    os.symlink(folder, link)
    other = tmp_path / "next"
    other.mkdir()
    (other / "a.txt").write_bytes(b"next")
    with serving(link) as product:
        assert product.get("/a.txt").body == b"0123456789"
        os.symlink(other, tmp_path / "new")
        os.rename(tmp_path / "new", link)
        until(lambda: product.get("/a.txt").body == b"next", "the other folder", 10)
        assert product.get("/sub/x.css").status == 404


def test_parts_of_a_large_file_from_anywhere(folder):
    """Long ones go from the file to the socket inside the kernel, by pages that they do not begin
    or end with."""
    with serving(folder) as product, product.client(timeout=20) as client:
        for first, last in ((1, len(BIG) - 1), (4095, 4096 + 65536), (12345, 12345 + 200_000),
                            (len(BIG) - 65536, len(BIG) - 1), (0, 65534), (0, 65535), (0, 65536)):
            client.send(request("/big.bin", [("Range", f"bytes={first}-{last}")]))
            answer = client.response(keep=len(BIG))
            assert answer.status == 206
            assert answer.body == BIG[first:last + 1], (first, last)
        lines = product.wait_log(7)
    assert [line["response_bytes"] for line in lines][1] == 65538


def test_clients_that_go_while_a_large_file_is_sent(folder):
    with serving(folder) as product:
        for turn in range(20):
            with product.client(rcvbuf=4096, timeout=20) as client:
                client.send(request("/big.bin"))
                client.readable(10)
            product.wait_log(turn + 1)
        with product.client(timeout=20) as client:
            client.send(request("/big.bin"))
            assert client.response(keep=len(BIG)).body == BIG
        pipes = [link for link in links(product) if link.startswith("pipe:")]
        assert len(pipes) <= 4, "they are used again"


def links(product):
    """What the descriptors of the process are."""
    base = f"/proc/{product.process.pid}/fd"
    found = []
    for name in os.listdir(base):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"{base}/{name}"))
    return found


def test_file_that_becomes_shorter_while_it_is_sent(folder):
    with serving(folder) as product:
        with product.client(rcvbuf=4096, timeout=20) as client:
            client.send(request("/big.bin"))
            client.readable(10)
            os.truncate(folder / "big.bin", 10)
            answer, whole = client.any_response()
        assert answer.status == 200 and not whole
        assert product.get("/big.bin").body == BIG[:10]


def test_folder_that_is_not_there_stops_the_load(folder):
    conf = config("127.0.0.1:1", location={"plugins": ["d"]})
    conf["plugins"] = {"d": {"type": "directory", "path": str(folder / "none")}}
    with pytest.raises(AssertionError, match="cannot read the folder"):
        rig.Product(conf)
