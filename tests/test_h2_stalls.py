"""Peers of HTTP/2 that stop: what is held for them, and what becomes of what was on its way to them."""

import socket
import struct
import threading

import pytest

from rig import h2
from rig.deadline import SLOW, seconds, until
from rig.h2 import connect, frame, get, head, post, reset
from rig.h2_origin import H2Origin
from rig.product import front
from rig.sockdiag import SockDiag

MIB = 1 << 20


class Uploads:
    """Clients with an upload each, one letter over and over, as far as the windows allow."""

    def __init__(self, product, count):
        self.clients = [connect(product) for _ in range(count)]
        self.sent = [0] * count
        for i, client in enumerate(self.clients):
            client.send(post(1, path=f"/up{i}"))

    def push(self):
        """True where nothing more can be sent for the moment."""
        before = sum(self.sent)
        for i, client in enumerate(self.clients):
            client.poll()
            room = 65535 + min(client.credit[0], client.credit[1]) - self.sent[i]
            for size in [16384] * (room // 16384) + [room % 16384]:
                client.send(frame(h2.DATA, 0, 1, bytes([65 + i]) * size))
            self.sent[i] += room
        return sum(self.sent) == before


def read_by_peer(sock):
    """Each piece is one that is read by itself."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with SockDiag() as diag:
        until(lambda: not diag.unread_by_peer(sock), "what was sent is read", step=0)


@pytest.mark.parametrize("count", [2, 3])
def test_uploads_that_are_given_up_leave_the_frames_of_others_whole(count):
    """A DATA frame that was begun when its upload was cancelled must not take its bytes from the
    frames behind it: those are other clients' requests."""
    go = threading.Event()
    with H2Origin(on_head=lambda request: go.wait(seconds(20)) and None, rcvbuf=4096) as origin, \
            front(origin, upstream={"protocol": "h2c", "max_streams": 100}) as product:
        uploads = Uploads(product, count)
        until(uploads.push, "the backend stops the uploads", 20, 0.3)
        # A connection that has said nothing for five seconds gets no new requests.
        origin.connections[0].send(frame(h2.PING, 0, 0, bytes(8)))
        read_by_peer(origin.connections[0].sock)
        for client in uploads.clients:
            client.send(reset(1))
            client.request(3, head(path="/after"))
        product.wait_log(count)
        go.set()
        for client in uploads.clients:
            assert client.answer(3).body == b"echo /after"
        assert len(origin.connections) == 1
        assert all(len(set(request.body)) <= 1 for request in origin.requests)


@pytest.mark.parametrize("streams,size", [(1, 1), (10, 100)])
def test_small_frames_of_a_backend_hold_no_more_than_their_bytes(streams, size):
    with H2Origin(on_head=lambda request: request.head(),
                  on_request=lambda request: None) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product:
        with connect(product, settings=h2.setting(4, 0)) as client:
            client.send(b"".join(get(2 * i + 1) for i in range(streams)))
            origin.wait_requests(streams)
            before = product.rss()
            conn = origin.connections[0]
            for _ in range(3000 // streams):
                for request in list(origin.requests):
                    conn.send(request.data(b"x" * size))
                    read_by_peer(conn.sock)
            assert product.rss() - before < 4 * MIB * SLOW
            client.send(frame(h2.SETTINGS, 0, 0, h2.setting(4, 1 << 20)))
            client.send(h2.window(0, 1 << 20))
            for number in range(streams):
                answer = client.answers[2 * number + 1]
                assert client.pump(lambda one=answer: len(one.body) == 3000 // streams * size)


def test_small_frames_of_a_client_hold_no_more_than_their_bytes():
    closed = struct.pack(">HI", 4, 0)  # SETTINGS_INITIAL_WINDOW_SIZE
    with H2Origin(on_request=lambda request: None, settings=closed) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product, connect(product) as client:
        client.send(post(1))
        origin.wait_requests(1)
        before = product.rss()
        for _ in range(3000):
            client.send(frame(h2.DATA, 0, 1, b"x"))
            read_by_peer(client.sock)
        assert product.rss() - before < 4 * MIB * SLOW


@pytest.mark.parametrize("side", ["client", "backend"])
def test_a_ping_for_each_answer_is_no_flood(side):
    """Libraries of gRPC measure the round trip so, whenever DATA has come."""
    def on_data(request, _):
        return frame(h2.PING, 0, 0, bytes(8)) if side == "backend" else None

    with H2Origin(on_data=on_data) as origin, \
            front(origin, upstream={"protocol": "h2c"}) as product, connect(product) as client:
        for number in range(1, 4001, 2):
            client.send(post(number) + frame(h2.DATA, h2.END_STREAM, number, b"hi"))
            assert client.answer(number).body == b"echo /"
            if side == "client":
                client.send(frame(h2.PING, 0, 0, bytes(8)))
        assert client.goaway is None
        assert len(origin.connections) == 1
