"""FR-03: what we accept, other parsers read the same way after our re-serialisation.

Mutations of the vector tables go through the product; every request that reaches the recorder is
read again by Python's own header parser and by nginx (and h11 where it is installed).
"""

import email.parser
import random
import socket

import pytest

from rig import vectors
from rig.client import Client
from rig.h1 import MessageParser, request_violations
from rig.nginx import Nginx
from rig.product import front
from rig.standin import find

COUNT = 3000
SPECIAL = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"\x80", b"\x7f", b"0",
           b"5", b"-", b"_", b"%", b"/", b"..", b"#", b"?", b"chunked", b"Host: b.test\r\n",
           b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0"]


def mutate(chooser, seeds):
    data = chooser.choice(seeds)
    for _ in range(chooser.randrange(1, 4)):
        at = chooser.randrange(len(data) + 1)
        kind = chooser.randrange(5)
        if kind == 0:
            data = data[:at] + chooser.choice(SPECIAL) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + chooser.randrange(1, 4):]
        elif kind == 2:
            data = data[:at] + bytes([chooser.randrange(256)]) + data[at + 1:]
        elif kind == 3:
            end = at + chooser.randrange(1, 30)
            data = data[:at] + data[at:end] + data[at:end] + data[end:]
        else:
            lines = data.split(b"\r\n")
            first, second = chooser.randrange(len(lines)), chooser.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
            data = b"\r\n".join(lines)
    return data


def raw_requests(conn):
    """The bytes of each whole request of a recorded connection."""
    raw, found = conn.raw, []
    while raw:
        parser = MessageParser("request")
        parser.feed(raw)
        if not parser.done:
            return found
        found.append((raw[:len(raw) - len(parser.rest)], parser.message))
        raw = parser.rest
    return found


def by_python(raw):
    """(method, target, fields) as the standard library reads them."""
    head = raw.partition(b"\r\n\r\n")[0].decode("latin-1")
    line, _, fields = head.partition("\r\n")
    method, target, _ = line.split()
    parsed = email.parser.Parser().parsestr(fields + "\r\n\r\n", headersonly=True)
    assert not parsed.defects, parsed.defects
    return method, target, [(name, value) for name, value in parsed.items()]


def by_h11(raw):
    import h11
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw)
    event = connection.next_event()
    body = b""
    while True:
        part = connection.next_event()
        if not isinstance(part, h11.Data):
            break
        body += part.data
    return event.method, event.target, len(event.headers), body


@pytest.mark.skipif(not find("nginx"), reason="nginx is not installed")
def test_fr03_what_we_accept_other_parsers_read_the_same(recorder):
    seeds = [vector.data for vector in vectors.requests() if len(vector.data) < 1000]
    chooser = random.Random(3)
    with front(recorder) as product:
        for _ in range(COUNT):
            data = mutate(chooser, seeds)
            with product.client() as client:
                client.send(data)
                client.fin()
                try:
                    client.read_to_end()
                except TimeoutError:
                    raise AssertionError(f"no end after {data!r}") from None
        product.check_alive()
        recorder.settle()
        assert recorder.violations() == []
        seen = {raw: message for conn in recorder.connections
                for raw, message in raw_requests(conn)}
    assert len(seen) > COUNT // 50, "too few mutations were accepted to say anything"
    location = 'location / { return 200 "$request_method $request_uri $http_host"; }'
    with Nginx(location) as nginx:
        for raw, message in seen.items():
            compare(raw, message, nginx)


def compare(raw, message, nginx):
    assert request_violations(message) == [], raw
    method, target, fields = by_python(raw)
    assert (method.encode(), target.encode("latin-1")) == (message.method, message.target), raw
    assert [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields] == \
        message.fields, raw
    try:
        assert by_h11(raw) == (message.method, message.target, len(message.fields),
                               message.body), raw
    except ImportError:
        pass
    if message.method in (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS"):
        by_nginx(raw, message, nginx)


def by_nginx(raw, message, nginx):
    with Client(("127.0.0.1", nginx.port)) as client:
        client.send(raw)
        client.sock.shutdown(socket.SHUT_WR)
        answer = client.response(message.method)
    assert answer.status == 200, raw
    if message.method != b"HEAD":
        assert answer.body == b" ".join([message.method, message.target,
                                         message.all("host")[0]]), raw
