"""The rig judges the product, so it is judged first: parser, notation, tables, stand-ins."""

import ast
import os

import pytest

from rig import standin, vectors
from rig.h1 import MessageParser, Violation, request_violations
from rig.notation import expand

pytestmark = pytest.mark.rig_only
HERE = os.path.dirname(os.path.abspath(__file__))


def parse(data, role="request", method="GET"):
    parser = MessageParser(role, method)
    parser.feed(data)
    return parser


GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    GET + b"X : y\r\n\r\n",
    GET + b"X: a\x00b\r\n\r\n",
    GET + b"X: a\rb\r\n\r\n",
    GET + b" folded\r\n\r\n",
    GET + b"Content-Length: 05\r\n\r\nabcde",
    GET + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    GET + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
    GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    GET + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nabcde\r\n0\r\n\r\n",
    GET + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX0\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.2\r\n\r\n",
    b"GET /\xe9 HTTP/1.1\r\n\r\n",
])
def test_parser_refuses_what_a_strict_sender_does_not_write(data):
    with pytest.raises(Violation):
        parse(data)


def test_parser_finds_the_same_message_at_every_cut():
    data = (b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;e=1\r\nabcde\r\n0\r\nT: v\r\n\r\nREST")
    for cut in range(1, len(data)):
        parser = MessageParser("request")
        parser.feed(data[:cut])
        parser.feed(data[cut:])
        message = parser.message
        assert parser.done and parser.rest == b"REST"
        assert (message.body, message.trailers) == (b"abcde", [(b"T", b"v")])
        assert message.chunk_extensions == [b"e=1"]


def test_parser_knows_which_responses_have_no_body():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert parse(head + b"hello", "response", "HEAD").rest == b"hello"
    assert parse(b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\nhello", "response").rest == b"hello"
    assert parse(head + b"hello", "response").message.body == b"hello"


def test_parser_ends_a_body_without_framing_at_the_close_only():
    parser = parse(b"HTTP/1.1 200 OK\r\n\r\nbody", "response")
    assert not parser.done
    assert parser.eof() and parser.message.body == b"body"


def test_parser_does_not_take_a_cut_chunked_body_for_whole():
    parser = parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "response")
    assert not parser.eof() and not parser.message.complete


def test_parser_collects_interim_responses():
    hint = b"HTTP/1.1 103 E\r\nLink: a\r\n\r\n"
    message = parse(hint + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "response").message
    assert (message.status, [one.status for one in message.interim]) == (200, [103])


@pytest.mark.parametrize("field", [b"Keep-Alive: x", b"TE: gzip", b"Upgrade: h2c",
                                   b"Connection: X-A", b"Proxy: x", b"Trailer: X"])
def test_hop_by_hop_fields_at_the_origin_are_seen(field):
    assert request_violations(parse(GET + field + b"\r\n\r\n").message)


def test_notation_expands_escapes_and_macros():
    assert expand(r"a\r\n\x00\q{a*3}{3 x 0}") == b"a\r\n\x00\\qaaa000"
    assert expand("{V}") == b"HTTP/1.1\r\nHost: a.test\r\n"
    assert expand("{2 x 'X-i: y'}") == b"X-0: y\r\nX-1: y\r\n"
    assert expand(r"{2 x 'HTTP/1.1 102 P\r\n\r\n'}") == b"HTTP/1.1 102 P\r\n\r\n" * 2


def test_every_vector_has_an_outcome():
    for vector in vectors.requests():
        for outcome in vector.outcomes:
            assert outcome["answers"] and outcome["forwarded"] is not None, vector.id
    for fault in vectors.faults():
        assert {"GET", "HEAD", "POST"} <= set(fault.want) and fault.want["GET"]["status"], fault.id


def functions(path):
    with open(os.path.join(HERE, path), encoding="utf-8") as file:
        return {node.name for node in ast.parse(file.read()).body
                if isinstance(node, ast.FunctionDef)}


def test_every_test_described_in_words_is_covered_or_says_why_not_yet():
    coverage = vectors.read("coverage.json")
    described = {row["id"] for row in vectors.read("hand_tests.json")}
    assert described == set(coverage)
    for row_id, entry in coverage.items():
        assert entry.get("tests") or entry.get("not_here"), row_id
        for name in entry.get("tests", []):
            path, _, function = name.partition("::")
            assert function in functions(path), f"{row_id}: no such test {name}"


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_rig_sees_in_a_known_proxy_what_the_tables_say(name):
    """The Peers columns were measured with these packages; the rig must read the same."""
    if not standin.find(name):
        pytest.skip(f"{name} is not installed")
    lanes = standin.StandIn(name, 4)
    try:
        seen = lanes.run([(vector.id, observe(vector, vector.peers[name]))
                          for vector in vectors.requests()])
    finally:
        lanes.stop()
    wrong = [f"{vector.id}: table {vector.peers[name]}, rig {seen[vector.id]}"
             for vector in vectors.requests()
             if seen[vector.id] != [vector.peers[name]]]
    assert not wrong, "\n".join(wrong)


def observe(vector, label):
    def run(lane):
        seen = lane.run([vector.data], vector.methods, 2 if label == "F2" else 1, fin=vector.fin,
                        timeout=0.7)
        # What the strict recorder refuses to answer was forwarded all the same, and so was a
        # request whose answer had no head (HTTP/0.9).
        if lane.origin.violations() or (seen.requests and seen.cut):
            return ["F"]
        return [seen.label()]
    return run
