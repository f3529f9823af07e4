"""FR-03: what we accept, other parsers read the same way after our re-serialisation.

Mutations of the vector tables go through the product; every request that reaches the recorder is
read again by parsers that are not ours (rig/readers.py).
"""

import random

import pytest

from rig import vectors
from rig.cases import batches, cases
from rig.h1 import MessageParser, request_violations
from rig.product import front
from rig.readers import everybody
from rig.standin import find

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


def send_all(product, vectors):
    """Each on a connection of its own, which is then at its end."""
    for data in vectors:
        with product.client() as client:
            client.send(data)
            client.fin()
            try:
                client.read_to_end()
            except TimeoutError:
                raise AssertionError(f"no end after {data!r}") from None


@pytest.mark.skipif(not find("nginx"), reason="nginx is not installed")
def test_fr03_what_we_accept_other_parsers_read_the_same(recorder):
    count = cases(3000)
    seeds = [vector.data for vector in vectors.requests() if len(vector.data) < 1000]
    chooser = random.Random(3)
    seen = set()
    with front(recorder, {"log": False}) as product, everybody() as readers:
        for size in batches(count, 1000):
            send_all(product, (mutate(chooser, seeds) for _ in range(size)))
            product.check_alive()
            recorder.settle()
            assert recorder.violations() == []
            sent = [pair for conn in recorder.connections for pair in raw_requests(conn)]
            recorder.reset()
            for raw, message in sent:
                if raw not in seen:
                    seen.add(raw)
                    compare(raw, message, readers)
        print(f"{count} cases, {len(seen)} different requests read by {', '.join(readers)}")
    assert len(seen) > min(count, 100_000) // 50, "too few were accepted to say anything"


def compare(raw, message, readers):
    assert request_violations(message) == [], raw
    wanted = {"method": message.method, "target": message.target, "body": message.body,
              "host": message.all("host")[0]}
    wanted = {key: value.decode("latin-1") for key, value in wanted.items()}
    wanted["fields"] = [(name.decode("latin-1"), value.decode("latin-1"))
                        for name, value in message.fields]
    for name, reader in readers.items():
        read = reader.read(raw, message.method)
        if read is not None:
            assert read == {key: wanted[key] for key in read}, (name, raw)
