"""Bodies of 64 KiB and more stay in the kernel: their bytes, their ends, and what follows them."""

import os
import random
import resource

import pytest

from rig.client import Closed, request
from rig.deadline import until
from rig.origin import Origin, response
from rig.product import front

MIB = 1 << 20
SIZES = (64 * 1024, 128 * 1024 + 1, MIB, 3 * MIB + 7)


def noise(size):
    """Bytes of which no two places look alike."""
    return random.Random(size).randbytes(size)


def pipes(product):
    """The pipes that the program has open, each counted once."""
    folder = f"/proc/{product.process.pid}/fd"
    links = set()
    for name in os.listdir(folder):
        try:
            links.add(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            pass
    return {link for link in links if link.startswith("pipe:")}


@pytest.mark.parametrize("size", SIZES)
def test_a_download_arrives_whole_and_both_connections_are_kept(size):
    body = noise(size)
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        with product.client() as client:
            for _ in range(3):
                client.send(request("/"))
                assert client.response(keep=size).body == body
        assert len(origin.connections) == 1


@pytest.mark.parametrize("size", SIZES)
def test_an_upload_arrives_whole_and_both_connections_are_kept(size):
    body = noise(size)
    with Origin(keep=size) as origin, front(origin) as product:
        with product.client() as client:
            for _ in range(3):
                client.send(request("/", method="PUT", body=body))
                assert client.response().status == 200
        assert [message.body for message in origin.requests] == [body] * 3
        assert len(origin.connections) == 1


def test_the_pipe_is_there_and_kept_for_the_next():
    body = noise(MIB)
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        before = pipes(product)
        assert product.get("/").status == 200
        kept = pipes(product) - before
        assert len(kept) == 1
        assert product.get("/").status == 200
        assert pipes(product) - before == kept


def test_without_pipes_bytes_are_copied():
    """Descriptors run out at the pipe first: the body arrives all the same."""
    body = noise(MIB)
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        assert product.get("/").body[:10] == body[:10]
        client = product.client()
        assert client.get("/").status == 200  # all descriptors that it needs are open
        limit = len(os.listdir(f"/proc/{product.process.pid}/fd"))
        resource.prlimit(product.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        client.send(request("/"))
        assert client.response(keep=MIB).body == body
        client.close()


def test_a_request_behind_a_long_body_is_served():
    body = noise(MIB)
    with Origin(keep=MIB) as origin, front(origin) as product, product.client() as client:
        client.send(request("/one", method="PUT", body=body) + request("/two"))
        assert client.response().status == 200
        assert client.response().status == 200
        assert [message.path() for message in origin.requests] == ["/one", "/two"]
        assert origin.requests[0].body == body


def test_bytes_behind_a_long_answer_reach_nobody():
    body = noise(MIB)

    async def talkative(conn):
        await conn.request()
        await conn.send(response(body=body) + response(body=b"poison"))
        await conn.end()

    with Origin(talkative) as origin, front(origin) as product, product.client() as client:
        for _ in range(2):
            client.send(request("/"))
            assert client.response(keep=MIB).body == body
        assert len(origin.connections) == 2


@pytest.mark.parametrize("ending", ["fin", "rst"])
def test_a_download_that_breaks_off_is_seen_to(ending):
    async def breaks(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + noise(500000))
        getattr(conn, ending)()

    with Origin(breaks) as origin, front(origin) as product, product.client() as client:
        client.send(request("/"))
        with pytest.raises(Closed):
            client.response()
        assert product.wait_log(1)[0]["reason"] == "upstream_truncated"
        product.check_alive()


def test_an_upload_that_breaks_off_is_no_request():
    with Origin() as origin, front(origin) as product:
        client = product.client()
        client.send(b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n" +
                    noise(500000))
        origin.wait(lambda: origin.received and origin.connections[0].partial, "upload")
        client.close()
        origin.wait(lambda: origin.connections[0].ended, "upstream aborted")
        assert product.wait_log(1)[0]["reason"] in ("client_closed", "client_reset")
    assert origin.requests == []


def test_an_answer_before_the_end_of_an_upload():
    """The rest of the body goes nowhere; the client reads its answer."""
    async def early(conn):
        await conn.bytes(200000)
        await conn.send(response(413, "Content Too Large", body=b"enough",
                                 headers=[("Connection", "close")]))
        conn.pause()
        await conn.end()

    with Origin(early) as origin, front(origin) as product:
        client = product.client()
        client.send(b"PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n" +
                    noise(300000))
        answer = client.response()
        assert (answer.status, answer.body) == (413, b"enough")
        client.close()
        product.check_alive()


def test_a_client_gone_in_a_download_leaves_no_full_pipe_to_the_next():
    body = noise(8 * MIB)
    with Origin(answer=lambda _: response(body=body)) as origin, front(origin) as product:
        before = pipes(product)
        client = product.client(rcvbuf=4096)
        client.send(request("/"))
        client.bytes(MIB)
        client.rst()
        product.wait_log(1)
        until(lambda: pipes(product) == before, "the pipe with bytes in it is closed")
        with product.client() as other:
            other.send(request("/"))
            assert other.response(keep=8 * MIB).body == body


def test_head_and_buffered_answers_need_no_pipe():
    body = noise(MIB)

    def answer(message):
        whole = response(body=body)
        return whole[:whole.index(b"\r\n\r\n") + 4] if message.method == "HEAD" else whole

    with Origin(answer=answer) as origin:
        with front(origin, location={"path": "/", "response_buffering": True}) as product:
            before = pipes(product)
            assert product.get("/", method="HEAD").get("content-length") == str(MIB)
            with product.client() as client:
                client.send(request("/"))
                assert client.response(keep=MIB).body == body
            assert pipes(product) == before
