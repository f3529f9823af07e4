"""A raw client: blocking sockets, bytes as given, pieces as given."""

import select
import socket
import ssl
import struct
import time

from .deadline import seconds
from .h1 import MessageParser
from .sockdiag import SockDiag


class Closed(Exception):
    """The peer closed (how: "fin" or "rst") where an answer was wanted."""

    def __init__(self, how, got=b""):
        super().__init__(f"{how} after {bytes(got[:200])!r}")
        self.how = how
        self.got = bytes(got)


class Client:
    """One connection to the product (or to anything).

    `tls` makes a rig.tls.Secure of the connected socket.
    """

    def __init__(self, address, rcvbuf=None, timeout=5, source=None, tls=None):
        self.timeout = timeout
        self.received = b""  # bytes not parsed yet
        self.ended = None  # "fin" or "rst" once the peer closed
        self._diag = None
        self._secure = tls is not None
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.sock = socket.socket(family)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:  # "host", or ("host", port) for a port that was used before
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(source if isinstance(source, tuple) else (source, 0))
        self.sock.settimeout(seconds(timeout))
        self.sock.connect(address)
        if tls:
            try:
                self.sock = tls(self.sock)
            except BaseException:
                self.sock.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- sending

    def send(self, data):
        """Sends all; quietly stops when the peer has closed (the test reads why)."""
        try:
            self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
            return True
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False

    def send_pieces(self, pieces):
        """One write per piece; each is read by the peer before the next is written. (With TLS each
        is a record, and no read gives bytes of two.)"""
        for number, piece in enumerate(pieces):
            if number and not self._secure and not self._wait_read():
                return False
            if not self.send(piece):
                return False
        return True

    def _wait_read(self):
        """False when the peer answered or closed instead of reading on."""
        if self._diag is None:
            self._diag = SockDiag()
        end = time.monotonic() + seconds(self.timeout)
        while self._diag.unread_by_peer(self.sock):
            if self.readable(0):
                return not self._peek_end()
            if time.monotonic() > end:
                raise AssertionError("the product stopped reading and said nothing")
        return True

    def _peek_end(self):
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def fin(self):
        """With TLS it is close_notify."""
        try:
            if self._secure:
                self.sock.end()
            else:
                self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the peer's is still to come

    def rst(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.sock.close()
        if self._diag is not None:
            self._diag.close()
            self._diag = None

    # --- receiving

    def readable(self, timeout):
        if self._secure and self.sock.pending():
            return True
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _receive(self, end):
        """One recv into self.received; False at the end of the connection."""
        if self.ended:
            return False
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"nothing more after {self.received[:200]!r}")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(1 << 17)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            self.ended = "rst"
            return False
        except socket.timeout:
            raise TimeoutError(f"nothing more after {self.received[:200]!r}") from None
        if not data:
            self.ended = "fin"
            return False
        self.received += data
        return True

    def response(self, method="GET", timeout=None, keep=1 << 20):
        """The next final response, whole. Closed when it does not come, or not whole."""
        message, complete = self.any_response(method, timeout, keep)
        if not complete:
            raise Closed(self.ended, message.raw_head + message.body)
        return message

    def any_response(self, method="GET", timeout=None, keep=1 << 20):
        """(message, whole?): also a response cut short by the end of the connection."""
        parser = MessageParser("response", method, keep)
        end = time.monotonic() + seconds(timeout or self.timeout)
        while True:
            data, self.received = self.received, b""
            parser.feed(data)
            if parser.done:
                self.received = parser.rest
                return parser.message, True
            if not self._receive(end):
                if parser.eof() and self.ended == "fin":
                    return parser.message, True
                if not parser.started and not parser.head_done and not parser.message.interim:
                    raise Closed(self.ended)
                return parser.message, False

    def interim(self, timeout=None):
        """The next 1xx response alone (status line as str)."""
        end = time.monotonic() + seconds(timeout or self.timeout)
        while b"\r\n\r\n" not in self.received:
            if not self._receive(end):
                raise Closed(self.ended, self.received)
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 1"):
            raise AssertionError(f"wanted a 1xx, got {head!r}")
        return head.decode("latin-1")

    def bytes(self, count, timeout=None):
        """Exactly `count` raw bytes."""
        end = time.monotonic() + seconds(timeout or self.timeout)
        while len(self.received) < count:
            if not self._receive(end):
                raise Closed(self.ended, self.received)
        data, self.received = self.received[:count], self.received[count:]
        return data

    def read_to_end(self, timeout=None):
        """Everything up to the end of the connection, raw; self.ended says how it ended."""
        end = time.monotonic() + seconds(timeout or self.timeout)
        while self._receive(end):
            pass
        data, self.received = self.received, b""
        return data

    def wait_closed(self, timeout=None):
        """The peer must close now without a further byte; returns "fin" or "rst"."""
        extra = self.read_to_end(timeout)
        if extra:
            raise AssertionError(f"bytes before the close: {extra[:200]!r}")
        return self.ended

    def get(self, target="/", headers=(), host="a.test", method="GET", body=None, timeout=None):
        """One request and its answer on this connection."""
        self.send(request(target, headers, host, method, body))
        return self.response(method, timeout)


def request(target="/", headers=(), host="a.test", method="GET", body=None, version="1.1"):
    """The bytes of a plain request."""
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")
