"""Buffered bodies that the disk does not take: the request fails, and nothing else (SL-11)."""

import contextlib
import itertools
import os
import subprocess
import tempfile

import pytest

from rig.client import request
from rig.origin import Gate, Origin, response
from rig.product import front

MIB = 1 << 20
LIMIT = MIB // 2  # of the disk: more than one body keeps in memory, less than BODY
BODY = os.urandom(MIB) * 4


@contextlib.contextmanager
def file_size_limit():
    """Writes fail in the middle of a file, as on a disk that fills up."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"fsize": LIMIT, "env": {"TMPDIR": folder}}, folder


@contextlib.contextmanager
def missing_folder():
    """No file can be made at all."""
    with tempfile.TemporaryDirectory() as folder:
        yield {"env": {"TMPDIR": folder + "/none"}}, folder


@contextlib.contextmanager
def full_file_system():
    """The real thing, where we may mount it."""
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LIMIT}", "tmpfs", folder],
                          capture_output=True, check=False).returncode:
            pytest.skip("mounting a file system needs root")
        try:
            yield {"env": {"TMPDIR": folder}}, folder
        finally:
            subprocess.run(["umount", folder], check=True)


@pytest.fixture(params=[file_size_limit, missing_folder, full_file_system])
def disk(request):  # pylint: disable=redefined-outer-name
    with request.param() as found:
        yield found


def upload(client, body, framing):
    """A POST, as far as it is read before the answer comes."""
    if framing == "length":
        head, pieces = f"Content-Length: {len(body)}", [body]
    else:
        head = "Transfer-Encoding: chunked"
        pieces = [b"%x\r\n%s\r\n" % (len(body), body), b"0\r\n\r\n"]
    data = f"POST / HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n".encode() + b"".join(pieces)
    cut = (data[at:at + 65536] for at in range(0, len(data), 65536))
    client.send_pieces(itertools.takewhile(lambda _: not client.readable(0), cut))


def expect_as_new(product, folder):
    """The product lives, has left nothing behind and serves."""
    product.check_alive()
    assert os.listdir(folder) == []
    assert product.get("/", method="POST", body=b"small").status == 200
    assert not deleted_files(product)


def deleted_files(product):
    """Files without a name that the process still holds."""
    base = f"/proc/{product.process.pid}/fd"
    links = []
    for name in os.listdir(base):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"{base}/{name}"))
    return [link for link in links if link.endswith("(deleted)")]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_request_that_finds_no_room_is_refused_and_the_origin_hears_nothing(disk, recorder,
                                                                            framing):
    options, folder = disk
    with front(recorder, options, location={"request_buffering": True}) as product:
        with product.client() as client:
            upload(client, BODY, framing)
            answer = client.response("POST")
        assert answer.status == 503
        line = product.wait_log(1)[0]
        assert (line["status"], line["reason"]) == (503, "buffer_full")
        assert recorder.received == 0
        expect_as_new(product, folder)
    assert [message.body for message in recorder.requests] == [b"small"]


def test_request_that_fits_memory_needs_no_disk(disk, recorder):
    options, folder = disk
    with front(recorder, options, location={"request_buffering": True}) as product:
        assert product.get("/", method="POST", body=BODY[:200_000]).status == 200
        expect_as_new(product, folder)
    assert recorder.requests[0].body == BODY[:200_000]


def test_answer_that_finds_no_room_is_broken_off(disk):
    """Its head has left long before: the client must see that the rest is missing."""
    options, folder = disk
    full = Gate()

    async def serve(conn):
        message = await conn.request()
        if message.method == b"POST":
            await conn.send(response(body=b"ok"))
        else:
            await conn.send(response(body=BODY))
            full.open()
        await conn.end()

    with Origin(serve) as origin, \
            front(origin, options, location={"response_buffering": True}) as product:
        with product.client(rcvbuf=4096) as client:
            client.send(request("/"))
            line = product.wait_log(1)[0]
            answer, whole = client.any_response()
        assert answer.status == 200 and not whole
        assert BODY.startswith(answer.body)
        assert (line["status"], line["reason"]) == (200, "buffer_full")
        expect_as_new(product, folder)


def test_answer_that_finds_no_room_at_its_start_is_never_taken_for_whole(disk):
    """Without a budget of memory the first byte needs the disk: a clean error, or a broken end."""
    options, folder = disk

    async def serve(conn):
        message = await conn.request()
        await conn.send(response(body=b"ok" if message.method == b"POST" else BODY))
        await conn.end()

    with Origin(serve) as origin, \
            front(origin, options, location={"response_buffering": True},
                  basic={"buffer_budget": "0"}) as product:
        with product.client(rcvbuf=4096) as client:
            client.send(request("/"))
            line = product.wait_log(1)[0]
            answer, whole = client.any_response()
        assert answer.status == 503 or (answer.status == 200 and not whole)
        assert line["reason"] == "buffer_full"
        product.check_alive()
        assert os.listdir(folder) == [] and not deleted_files(product)


def test_sl11_other_requests_go_on_while_the_disk_is_full(disk, recorder):
    options, folder = disk
    with front(recorder, options, location={"request_buffering": True}) as product:
        with product.client() as other:
            for _ in range(3):
                with product.client() as client:
                    upload(client, BODY, "length")
                    assert client.response("POST").status == 503
                assert other.get("/", method="POST", body=b"small").status == 200
        reasons = [line["reason"] for line in product.wait_log(6)]
        assert reasons.count("buffer_full") == 3
        expect_as_new(product, folder)


def test_sl11_access_log_that_is_full_does_not_stop_requests(recorder):
    with front(recorder, {"fsize": 20_000}) as product:
        with product.client() as client:
            for _ in range(300):
                assert client.get("/").status == 200
        product.check_alive()
        assert os.path.getsize(product.path("main.log")) <= 20_000
        assert product.get("/").status == 200
    assert len(recorder.requests) == 301
