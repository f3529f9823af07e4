"""A strict HTTP/1 parser, written from RFC 9110 and 9112 apart from the product's codec.

It is the judge of what the product puts on the wire: it accepts only what a careful sender
writes, so a message that a lenient peer would also take is a Violation here. It is incremental:
feed() bytes as they come; `done` tells that the message is whole, `rest` are the bytes after it.
"""

import hashlib
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+\Z")
REASON = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
DIGITS = re.compile(rb"(0|[1-9][0-9]{0,17})\Z")
HEX = re.compile(rb"[0-9A-Fa-f]{1,15}\Z")
MAX_LINE = 1 << 20


class Violation(Exception):
    """The peer wrote something a strict HTTP/1 sender does not write."""


class Message:
    """One request or response; bodies over `keep` bytes are counted and hashed, not kept."""

    def __init__(self):
        self.line = b""
        self.method = self.target = self.version = self.reason = b""
        self.status = 0
        self.fields = []  # [(name, value)], names as written
        self.framing = "none"  # none, length, chunked, close
        self.body = b""
        self.body_length = 0
        self.body_hash = hashlib.sha1()
        self.chunk_extensions = []
        self.trailers = []
        self.complete = False
        self.interim = []  # responses: the 1xx messages before this one
        self.raw_head = b""

    def all(self, name):
        """Every value of a field, in order."""
        wanted = as_bytes(name).lower()
        return [value for key, value in self.fields if key.lower() == wanted]

    def get(self, name):
        """The one value of a field as str, None when absent; several are an error."""
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{len(values)} fields {name}: {values}")
        return values[0].decode("latin-1") if values else None

    def tokens(self, name):
        """The elements of a list field, lower case."""
        joined = b",".join(self.all(name)).decode("latin-1").lower()
        return [part.strip() for part in joined.split(",") if part.strip()]

    def path(self):
        return self.target.decode("latin-1")

    def __repr__(self):
        end = "" if self.complete else " (incomplete)"
        return f"<{self.line.decode('latin-1')!r} {self.framing} {self.body_length} bytes{end}>"


def as_bytes(text):
    return text.encode("latin-1") if isinstance(text, str) else text


class MessageParser:
    """Parses one message. `role` is "request" or "response"; a response needs its method."""

    def __init__(self, role, method="GET", keep=1 << 20):
        self.role = role
        self.method = as_bytes(method)
        self.keep = keep
        self.message = Message()
        self.head_done = False
        self.done = False
        self.tunnel = False  # a 101 was answered: what follows is not HTTP
        self._buffer = bytearray()
        self._at_eof = False
        self._steps = self._run()
        next(self._steps)

    @property
    def rest(self):
        return bytes(self._buffer) if self.done else b""

    @property
    def started(self):
        return bool(self._buffer or self.message.line)

    def feed(self, data):
        self._buffer += data
        if not self.done:
            self._advance()

    def eof(self):
        """The peer closed. True when that was a proper end of the message."""
        self._at_eof = True
        if not self.done:
            self._advance()
        return self.done

    def _advance(self):
        try:
            next(self._steps)
        except StopIteration:
            self.done = True

    def _run(self):
        message = self.message
        while True:
            yield from self._head(message)
            if self.role == "response" and 100 <= message.status < 200 and message.status != 101:
                message.complete = True
                final = Message()
                final.interim = message.interim + [message]
                message.interim = []
                self.message = message = final
                continue
            break
        self.head_done = True
        yield from self._body(message)
        message.complete = True

    # --- bytes

    def _line(self):
        start = 0
        while True:
            end = self._buffer.find(b"\n", start)
            if end >= 0:
                break
            start = len(self._buffer)
            if start > MAX_LINE:
                raise Violation("line without end")
            yield
        if end == 0 or self._buffer[end - 1] != 0x0D:
            raise Violation(f"bare LF after {bytes(self._buffer[:end])[-40:]!r}")
        line = bytes(self._buffer[: end - 1])
        del self._buffer[: end + 1]
        if b"\r" in line:
            raise Violation(f"bare CR in {line[:80]!r}")
        return line

    def _take(self, count, message):
        while count:
            while not self._buffer:
                yield
            piece = bytes(self._buffer[:count])
            del self._buffer[: len(piece)]
            count -= len(piece)
            self._keep(piece, message)

    def _keep(self, piece, message):
        message.body_length += len(piece)
        message.body_hash.update(piece)
        if len(message.body) < self.keep:
            message.body += piece[: self.keep - len(message.body)]

    # --- head

    def _head(self, message):
        message.line = yield from self._line()
        if self.role == "request":
            parse_request_line(message)
        else:
            parse_status_line(message)
        message.fields = yield from self._fields()
        message.raw_head = message.line + b"\r\n" + b"".join(
            name + b": " + value + b"\r\n" for name, value in message.fields)

    def _fields(self):
        fields = []
        while True:
            line = yield from self._line()
            if not line:
                return fields
            fields.append(parse_field(line))

    # --- body (RFC 9112 section 6.3)

    def _body(self, message):
        lengths = message.all("content-length")
        codings = message.all("transfer-encoding")
        if lengths and codings:
            raise Violation("both Content-Length and Transfer-Encoding")
        if len(lengths) > 1 or len(codings) > 1:
            raise Violation("framing field repeated")
        if lengths and not DIGITS.match(lengths[0]):
            raise Violation(f"Content-Length {lengths[0]!r}")
        if codings and codings[0] != b"chunked":
            raise Violation(f"Transfer-Encoding {codings[0]!r}")
        if codings and message.version != b"HTTP/1.1":
            raise Violation("Transfer-Encoding in HTTP/1.0")
        if self._no_body(message, lengths, codings):
            return
        if codings:
            message.framing = "chunked"
            yield from self._chunks(message)
        elif lengths:
            message.framing = "length"
            yield from self._take(int(lengths[0]), message)
        elif self.role == "response":
            message.framing = "close"
            yield from self._until_close(message)

    def _no_body(self, message, lengths, codings):
        if self.role == "request":
            return False
        if message.status == 101:
            self.tunnel = True
            if lengths or codings:
                raise Violation("101 with framing")
            return True
        if message.status == 204:
            if lengths or codings:
                raise Violation("204 with framing")
            return True
        return message.status == 304 or self.method == b"HEAD"

    def _chunks(self, message):
        while True:
            line = yield from self._line()
            size, semicolon, extension = line.partition(b";")
            if semicolon:
                message.chunk_extensions.append(extension)
            if not HEX.match(size):
                raise Violation(f"chunk size {line[:40]!r}")
            if int(size, 16) == 0:
                break
            yield from self._take(int(size, 16), message)
            if (yield from self._line()):
                raise Violation("chunk longer than its size")
        message.trailers = yield from self._fields()

    def _until_close(self, message):
        while True:
            if self._buffer:
                self._keep(bytes(self._buffer), message)
                self._buffer.clear()
            if self._at_eof:
                return
            yield


def parse_request_line(message):
    parts = message.line.split(b" ")
    if len(parts) != 3:
        raise Violation(f"request line {message.line[:80]!r}")
    message.method, message.target, message.version = parts
    if not TOKEN.match(message.method) or not TARGET.match(message.target):
        raise Violation(f"request line {message.line[:80]!r}")
    if message.version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise Violation(f"version {message.version!r}")


def parse_status_line(message):
    match = re.match(rb"(HTTP/1\.[01]) ([1-5][0-9][0-9]) (.*)\Z", message.line, re.S)
    if not match or not REASON.match(match[3]):
        raise Violation(f"status line {message.line[:80]!r}")
    message.version, status, message.reason = match.groups()
    message.status = int(status)


def parse_field(line):
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.match(name):
        raise Violation(f"field line {line[:80]!r}")
    value = value.strip(b" \t")
    if not VALUE.match(value):
        raise Violation(f"field value {line[:80]!r}")
    return name, value


HOP_BY_HOP = ("keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
              "trailer", "http2-settings", "proxy")


def request_violations(message):
    """What security.md 0.3(2) forbids in a request that reached the origin."""
    found = []
    hosts = message.all("host")
    if len(hosts) != 1 and not (not hosts and message.version == b"HTTP/1.0"):
        found.append(f"{len(hosts)} Host fields")
    for name in HOP_BY_HOP:
        if message.all(name):
            found.append(f"hop-by-hop field {name}")
    upgrade = message.all("upgrade")
    allowed = {"close", "keep-alive"}
    if upgrade:
        allowed.add("upgrade")
        if upgrade != [b"websocket"]:
            found.append(f"Upgrade {upgrade}")
    if message.all("te"):
        allowed.add("te")
        if message.all("te") != [b"trailers"]:
            found.append("TE")
    if not set(message.tokens("connection")) <= allowed:
        found.append(f"Connection {message.all('connection')}")
    if message.chunk_extensions:
        found.append("chunk extension passed on")
    return found


def response_violations(message):
    """The same for a response that reached the client."""
    found = []
    for name in ("keep-alive", "proxy-connection", "proxy-authenticate", "trailer"):
        if message.all(name):
            found.append(f"hop-by-hop field {name}")
    allowed = {"close", "keep-alive", "upgrade"} if message.status in (101, 426) else \
        {"close", "keep-alive"}
    if message.all("upgrade") and message.status not in (101, 426):
        found.append("Upgrade")
    if not set(message.tokens("connection")) <= allowed:
        found.append(f"Connection {message.all('connection')}")
    if message.chunk_extensions:
        found.append("chunk extension passed on")
    return found
