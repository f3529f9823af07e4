"""A raw HTTP/2 client (prior knowledge): frames as given, and what came back, frame by frame.

Header blocks are HPACK literals without indexing unless given as bytes, so that nothing of the
client's own checks what is sent.
"""
import collections
import contextlib
import struct
import time

import hpack

from .client import Client
from .deadline import seconds

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL, INTERNAL, FLOW, _, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
CALM = 11


def frame(kind, flags=0, stream=0, payload=b""):
    """The bytes of a frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def string(text):
    """A string literal of HPACK, not Huffman-coded."""
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    return integer(len(data), 7) + data


def integer(value, bits, high=0):
    """An integer of HPACK with the given prefix."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([high | value])
    out, value = bytearray([high | most]), value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def literal(name, value):
    """A field without indexing."""
    return b"\x00" + string(name) + string(value)


def block(fields):
    """A header block of literals."""
    return b"".join(literal(name, value) for name, value in fields)


def window(stream, by):
    """WINDOW_UPDATE."""
    return frame(WINDOW, 0, stream, struct.pack(">I", by))


def reset(stream, code=8):
    """RST_STREAM, of CANCEL unless told."""
    return frame(RST, 0, stream, struct.pack(">I", code))


def setting(number, value):
    """One entry of SETTINGS."""
    return struct.pack(">HI", number, value)


BASE = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test"))


def head(*more, **pseudo):
    """The fields of a request: BASE, with pseudo fields replaced (None: left out), and `more`."""
    fields = [(name, pseudo.get(name[1:], value)) for name, value in BASE]
    return [(name, value) for name, value in fields if value is not None] + list(more)


def get(stream, *more, **pseudo):
    """The frame of a whole request."""
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, block(head(*more, **pseudo)))


def post(stream, *more, **pseudo):
    """The frame that begins an upload."""
    return frame(HEADERS, END_HEADERS, stream,
                 block(head(*more, **{"method": "POST", **pseudo})))


class Answer:
    """What came on one stream: how is None while it goes on, then "end" or the code of a reset."""

    def __init__(self):
        self.status = None
        self.fields = []
        self.trailers = []
        self.body = b""
        self.how = None

    def get(self, name):
        """The first field of that name, or None."""
        return next((value for key, value in self.fields if key == name), None)


class H2Client(Client):
    """A Client that has sent the preface and its SETTINGS. It opens no window by itself."""

    def __init__(self, address, settings=b"", start=True, **options):
        super().__init__(address, **options)
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.answers = collections.defaultdict(Answer)
        self._block = None  # flags and bytes of the header block that is coming
        self.acknowledges = True  # SETTINGS
        self.goaway = None  # the code of the last one
        self.counts = collections.Counter()  # frames by type
        self.order = []  # (type, stream) of DATA and HEADERS as they came
        self.credit = collections.Counter()  # what WINDOW_UPDATE gave, by stream
        self.settings = {}  # of the product
        self.last_stream = None  # that the last GOAWAY names
        if start:
            self.send(PREFACE + frame(SETTINGS, payload=settings))

    def request(self, stream, fields, end=True, flags=END_HEADERS):
        """HEADERS with these fields, or with a block given as bytes."""
        payload = fields if isinstance(fields, bytes) else block(fields)
        self.send(frame(HEADERS, flags | (END_STREAM if end else 0), stream, payload))

    def open_windows(self, stream, bytes_=1 << 30):
        """Takes whatever comes on a stream."""
        self.send(frame(WINDOW, 0, stream, struct.pack(">I", bytes_)) +
                  frame(WINDOW, 0, 0, struct.pack(">I", bytes_)))

    def pump(self, wanted, timeout=None):
        """Reads frames until `wanted()`; False when the connection ended first."""
        end = time.monotonic() + seconds(timeout or self.timeout)
        while not wanted():
            if len(self.received) >= 9 and len(self.received) >= 9 + self._length():
                size = 9 + self._length()
                data, self.received = self.received[:size], self.received[size:]
                self._take(data[3], data[4], struct.unpack(">I", data[5:9])[0], data[9:])
            elif not self._receive(end):
                return False
        return True

    def poll(self, timeout=0.0):
        """Takes the frames that are there, or come within `timeout`; False when there are none."""
        came = self.readable(timeout) and self._receive(time.monotonic() + seconds(self.timeout))
        before = sum(self.counts.values())
        self.pump(lambda: len(self.received) < 9 or len(self.received) < 9 + self._length())
        return came or sum(self.counts.values()) > before

    def answer(self, stream=1, timeout=None):
        """The Answer of a stream when it is over, or as far as it came before GOAWAY or the end."""
        answer = self.answers[stream]
        self.pump(lambda: answer.how is not None or self.goaway, timeout)
        return answer

    def _length(self):
        return int.from_bytes(self.received[:3], "big")

    def _take(self, kind, flags, stream, payload):
        self.counts[kind] += 1
        if kind in (HEADERS, CONTINUATION):
            self._block = (flags, payload) if kind == HEADERS else \
                (self._block[0] | flags, self._block[1] + payload)
            kind, (flags, payload) = HEADERS, self._block
            if not flags & END_HEADERS:
                return
        if kind in (DATA, HEADERS):
            self.order.append((kind, stream))
        answer = self.answers[stream]
        if kind == HEADERS:
            fields = self.decoder.decode(payload)
            if fields and fields[0][0] == ":status":
                answer.status, answer.fields = int(fields[0][1]), fields
            else:
                answer.trailers = fields
        elif kind == DATA:
            answer.body += payload
        elif kind == RST:
            answer.how = answer.how or struct.unpack(">I", payload)[0]
        elif kind == GOAWAY:
            self.last_stream, self.goaway = struct.unpack(">II", payload[:8])
        elif kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.iter_unpack(">HI", payload))
            if self.acknowledges:
                self.send(frame(SETTINGS, ACK))
        elif kind == WINDOW:
            self.credit[stream] += struct.unpack(">I", payload)[0]
        elif kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            answer.how = "end"


def connect(product, **options):
    """An H2Client of a product's listener."""
    return H2Client(product.address()[:2], tls=product.tls("h2"), **options)


@contextlib.contextmanager
def beside(product, path="/honest"):
    """An honest client on a connection of its own, served before and after what happens inside."""
    with connect(product) as client:
        for stream in (1, 0x7ffff001):
            client.request(stream, head(path=path))
            answer = client.answer(stream)
            assert (answer.status, answer.how, client.goaway) == (200, "end", None)
            if stream == 1:
                yield client
