"""A raw HTTP/2 backend (prior knowledge): records requests, and answers with frames as given.

One thread accepts, one per connection reads; a hook that answers runs on the latter. What hooks
return is sent. Header blocks are literals as in rig.h2.
"""

import collections
import itertools
import socket
import struct
import threading

import hpack

from . import h2
from .deadline import seconds
from .h2 import frame

# SETTINGS_INITIAL_WINDOW_SIZE of the largest value: uploads are never held back.
OPEN = struct.pack(">HI", 4, (1 << 31) - 1)


def limit(streams):
    """SETTINGS_MAX_CONCURRENT_STREAMS, with open windows."""
    return OPEN + struct.pack(">HI", 3, streams)


class H2Request:
    """What came on one stream."""

    def __init__(self, conn, stream, block, fields):
        self.conn = conn
        self.stream = stream
        self.block = block  # the head as it came
        self.fields = fields
        self.body = b""
        self.trailers = []
        self.whole = False
        self.reset = None  # the code of RST_STREAM

    def get(self, name):
        return next((value for key, value in self.fields if key == name), None)

    @property
    def path(self):
        return self.get(":path")

    def head(self, *fields, status=200, end=False):
        """The frame of a head."""
        block = h2.block([(":status", str(status)), *fields])
        return frame(h2.HEADERS, h2.END_HEADERS | (h2.END_STREAM if end else 0), self.stream, block)

    def data(self, body, end=False):
        return frame(h2.DATA, h2.END_STREAM if end else 0, self.stream, body)

    def answer(self, body=b"ok", *fields, status=200):
        """The frames of a whole answer; short bodies only."""
        return self.head(*fields, status=status) + self.data(body, end=True)

    def trailer(self, *fields):
        return frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, self.stream, h2.block(fields))

    def rst(self, code):
        return frame(h2.RST, 0, self.stream, struct.pack(">I", code))


class H2Connection:
    """One accepted connection."""

    def __init__(self, origin, sock, serial):
        self.origin = origin
        self.sock = sock
        self.serial = serial
        self.decoder = hpack.Decoder()
        self.requests = {}  # by stream
        self.settings = None  # the payload of the first SETTINGS
        self.greeted = False
        self.goaway = None  # the code
        self.pings = 0
        self.pongs = 0
        self.credit = collections.Counter()  # what WINDOW_UPDATE gave, by stream
        self.ended = False
        self._lock = threading.Lock()
        self._got = b""

    def send(self, data):
        """False when the peer is gone."""
        try:
            with self._lock:
                self.sock.sendall(data)
            return True
        except OSError:
            return False

    def open(self):
        """The requests that are not whole, or not answered: all that were not reset."""
        return [one for one in self.requests.values() if one.reset is None]

    def send_goaway(self, last, code=h2.NO_ERROR):
        self.send(frame(h2.GOAWAY, 0, 0, struct.pack(">II", last, code)))

    def ask_pong(self):
        """Waits until the peer has taken all that was sent to it. Not from inside a hook."""
        wanted = self.pongs + 1
        self.send(frame(h2.PING, 0, 0, b"are here"))
        self.origin.wait(lambda: self.pongs >= wanted, "PING is answered")

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def rst(self):
        """From inside a hook: nobody reads meanwhile, so that the socket is closed at once."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def run(self):
        try:
            self._read()
        except OSError:
            pass
        self.ended = True
        self.sock.close()
        self.origin.note()

    def _read(self):
        if self._bytes(len(h2.PREFACE)) != h2.PREFACE:
            return
        if self.origin.greets:
            self.greet()
        while head := self._bytes(9):
            payload = self._bytes(int.from_bytes(head[:3], "big"))
            self._take(head[3], head[4], struct.unpack(">I", head[5:9])[0], payload)
            self.origin.note()

    def greet(self):
        """The first frames of a server."""
        self.send(frame(h2.SETTINGS, 0, 0, self.origin.settings) +
                  frame(h2.WINDOW, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))
        self.greeted = True
        if self.settings is not None:
            self.send(frame(h2.SETTINGS, h2.ACK))

    def _bytes(self, count):
        """So many bytes; fewer, and then none, at the end."""
        while len(self._got) < count:
            data = self.sock.recv(65536)
            if not data:
                self._got = b""
                return b""
            self._got += data
        taken, self._got = self._got[:count], self._got[count:]
        return taken

    def _take(self, kind, flags, stream, payload):
        request = self.requests.get(stream)
        if kind == h2.HEADERS:
            self._take_head(request, stream, payload)
        elif kind == h2.DATA and request:
            request.body += payload
            self._say(self.origin.on_data(request, payload))
        elif kind == h2.WINDOW:
            self.credit[stream] += struct.unpack(">I", payload)[0]
        elif kind == h2.RST and request:
            request.reset = struct.unpack(">I", payload)[0]
        elif kind == h2.SETTINGS and not flags & h2.ACK:
            self.settings = self.settings or payload
            if self.greeted:
                self.send(frame(h2.SETTINGS, h2.ACK))
        elif kind == h2.PING and flags & h2.ACK:
            self.pongs += 1
        elif kind == h2.PING:
            self.pings += 1
            if self.origin.answers_pings:
                self.send(frame(h2.PING, h2.ACK, 0, payload))
        elif kind == h2.GOAWAY:
            self.goaway = struct.unpack(">I", payload[4:8])[0]
        if kind in (h2.HEADERS, h2.DATA) and flags & h2.END_STREAM:
            request = self.requests[stream]
            request.whole = True
            self._say(self.origin.on_request(request))

    def _take_head(self, request, stream, payload):
        fields = self.decoder.decode(payload)
        if request:
            request.trailers = fields
            return
        request = self.requests[stream] = H2Request(self, stream, payload, fields)
        self.origin.requests.append(request)
        self._say(self.origin.on_head(request))

    def _say(self, data):
        if data:
            self.send(data)


class H2Origin:
    """`on_request(request)` is called with each whole request, `on_head(request)` with each head,
    `on_data(request, bytes)` with each piece of a body. One that does not greet leaves that to
    the test. A hook that waits stops the reading of its connection.
    """

    def __init__(self, on_request=lambda request: request.answer(b"echo " + request.path.encode()),
                 on_head=lambda request: None, settings=OPEN, answers_pings=True,
                 on_data=lambda request, data: None, greets=True, rcvbuf=None):
        self.on_request = on_request
        self.on_head = on_head
        self.settings = settings
        self.answers_pings = answers_pings
        self.on_data = on_data
        self.greets = greets
        self.requests = []
        self.connections = []
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        if rcvbuf:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.addr = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        for serial in itertools.count():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            conn = H2Connection(self, sock, serial)
            self.connections.append(conn)
            threading.Thread(target=conn.run, daemon=True).start()

    def note(self):
        with self._changed:
            self._changed.notify_all()

    def wait(self, predicate, what, timeout=5):
        """Waits until `predicate()` holds of what came; returns it."""
        with self._changed:
            value = self._changed.wait_for(predicate, seconds(timeout))
        if not value:
            raise AssertionError(f"not within {timeout} s: {what}; {len(self.requests)} requests, "
                                 f"{len(self.connections)} connections")
        return value

    def wait_requests(self, count, timeout=5):
        self.wait(lambda: len(self.requests) >= count, f"{count} requests", timeout)
        return self.requests

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for conn in self.connections:
            conn.close()
