"""curl as the client: uploads, downloads, 100-continue, many at once."""

import hashlib
import os
import shutil
import subprocess

import pytest

from rig.deadline import SLOW, seconds
from rig.origin import Origin, response
from rig.product import front

MIB = 1 << 20

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


def curl(product, *options, target="/", stdin=None, timeout=30):
    host, port = product.address()
    done = subprocess.run(["curl", "-sS", "--max-time", str(timeout), *options,
                           f"http://{host}:{port}{target}"],
                          input=stdin, capture_output=True, timeout=seconds(timeout + 5),
                          check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def big_file(tmp_path, size):
    path = tmp_path / "big"
    block = os.urandom(MIB)
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(block)
    return path, hashlib.sha1(block * (size // MIB)).digest()


def test_get(recorder):
    with front(recorder) as product:
        assert curl(product, target="/hello") == b"echo /hello"


@pytest.mark.parametrize("options", [[], ["-H", "Transfer-Encoding: chunked"], ["--http1.0"]])
def test_upload_with_and_without_length(recorder, options):
    body = b"b" * 100000
    with front(recorder) as product:
        curl(product, *options, "--data-binary", "@-", stdin=body)
    assert recorder.requests[0].body == body


def test_expect_100_continue(recorder):
    with front(recorder) as product:
        out = curl(product, "-H", "Expect: 100-continue", "--expect100-timeout", "1",
                   "--data-binary", "@-", stdin=b"b" * 2000)
    assert out == b"echo /" and recorder.requests[0].body_length == 2000


@pytest.mark.parametrize("buffering", [False, True])
def test_100_megabytes_up(tmp_path, buffering):
    path, digest = big_file(tmp_path, 100 * MIB)
    with Origin(keep=65536) as origin, \
            front(origin, location={"request_buffering": buffering}) as product:
        curl(product, "-T", str(path))
        message = origin.requests[0]
        assert (message.body_length, message.body_hash.digest()) == (100 * MIB, digest)
        assert product.wait_log(1)[0]["request_bytes"] == 100 * MIB


@pytest.mark.parametrize("buffering", [False, True])
def test_100_megabytes_down(tmp_path, buffering):
    block = os.urandom(MIB)

    async def big(conn):
        if await conn.request() is None:
            return
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (100 * MIB))
        for _ in range(100):
            await conn.send(block)
        await conn.end()

    with Origin(big) as origin, \
            front(origin, location={"response_buffering": buffering},
                  basic={"buffer_budget": "4MiB"}) as product:
        before = product.rss()
        curl(product, "-o", str(tmp_path / "out"))
        grown = product.rss() - before
    with open(tmp_path / "out", "rb") as file:
        assert hashlib.sha1(file.read()).digest() == hashlib.sha1(block * 100).digest()
    if SLOW == 1:
        assert grown < (6 if buffering else 1) * MIB


def test_slow_reader_is_served_in_full(tmp_path):
    body = os.urandom(MIB) * 4
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        curl(product, "--limit-rate", "2M", "-o", str(tmp_path / "out"))
    with open(tmp_path / "out", "rb") as file:
        assert file.read() == body


def test_parallel_downloads_over_two_workers(tmp_path):
    body = os.urandom(MIB)
    with Origin(answer=lambda request: response(body=body + request.target)) as origin, \
            front(origin, basic={"threads": 2}) as product:
        host, port = product.address()
        names = []
        options = ["curl", "-sS", "-Z", "--parallel-max", "16"]
        for number in range(32):
            names.append(str(tmp_path / str(number)))
            options += ["-o", names[-1], f"http://{host}:{port}/{number}"]
        subprocess.run(options, check=True, timeout=seconds(30))
        for number, name in enumerate(names):
            with open(name, "rb") as file:
                assert file.read() == body + f"/{number}".encode()


def test_conditional_get_passes():
    answer = b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"
    with Origin(answer=lambda _: answer) as origin, front(origin) as product:
        out = curl(product, "-i", "-H", 'If-None-Match: "x"')
    assert out.startswith(b"HTTP/1.1 304 ") and b'"x"' in out
