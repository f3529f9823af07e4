"""Fields that are in no final head: trailers and interim answers go by the rules of the location."""

import pytest

from rig import h2
from rig.client import request
from rig.deadline import until
from rig.h2 import (DATA, END_HEADERS, END_STREAM, HEADERS, CONTINUATION, H2Client, frame, head,
                    post)
from rig.h2_origin import H2Origin
from rig.origin import Origin
from rig.product import Product, binary, config, front, sanitized
from rig.tls import authority, context, wrap

H2C = {"protocol": "h2c"}
GRPC = (("content-type", "application/grpc"), ("te", "trailers"))


# What a location removes or sets in the head would be taken from a trailer all the same
# (RFC 9110 6.5.1): of gRPC, whose trailers always pass.
def test_trailers_of_grpc_go_by_the_rules_of_the_location():
    ca = authority()
    server = {**ca.issue("a.test").keys(), "tls_client_ca": ca.ca.cert}
    rules = {"proxy_set_headers": ["X-Client: $tls_client_subject"],
             "proxy_remove_headers": ["X-Debug"], "headers_remove": ["X-Internal"],
             "headers_set": ["X-Set: ours"]}

    def answer(query):
        return query.head(GRPC[0], ("x-internal", "1")) + query.trailer(
            ("grpc-status", "0"), ("x-internal", "2"), ("x-set", "theirs"), ("x-more", "3"))

    tls = wrap(context(["h2"], client=ca.issue("c.test", common="Jane")), "a.test")
    with H2Origin(on_request=answer) as origin:
        with front(origin, upstream=H2C, server=server, location=rules) as product:
            with H2Client(product.address(), tls=tls) as client:
                client.request(1, head(*GRPC, method="POST", scheme="https"), end=False)
                trailers = h2.block([("x-client", "CN=Root"), ("x-debug", "1"), ("x-sum", "7")])
                client.send(frame(DATA, 0, 1, b"\0\0\0\0\0")
                            + frame(HEADERS, END_HEADERS | END_STREAM, 1, trailers))
                got = client.answer(1)
        query = origin.requests[0]
    assert (query.get("x-client"), query.trailers) == ("CN=Jane", [("x-sum", "7")])
    assert got.get("x-set") == "ours"
    assert sorted(got.trailers) == [("grpc-status", "0"), ("x-more", "3")]


# What a plugin has put into the head cannot come from the client in a trailer.
def test_trailers_do_not_stand_for_what_a_plugin_says():
    with Origin() as origin:
        conf = config(origin.addr, location={"trailers": "pass", "plugins": ["who"]})
        conf["plugins"] = {"who": {"type": "request_headers", "set": ["X-User: anonymous"]}}
        with Product(conf) as product, product.client() as client:
            client.send(request("/", [("Transfer-Encoding", "chunked")], method="POST")
                        + b"1\r\na\r\n0\r\nX-User: root\r\nX-Sum: 7\r\n\r\n")
            assert client.response().status == 200
        query = origin.requests[0]
    assert query.get("x-user") == "anonymous"
    assert [name.lower() for name, _ in query.trailers] == [b"x-sum"]


def test_interim_answers_go_by_the_rules_of_the_location():
    async def script(conn):
        while await conn.request():
            await conn.send(b"HTTP/1.1 103 Early Hints\r\nX-Internal: secret\r\nX-Set: theirs\r\n"
                            b"Link: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    rules = {"headers_remove": ["X-Internal"], "headers_set": ["X-Set: ours"]}
    with Origin(script) as origin, front(origin, location=rules) as product:
        with product.client() as client:
            client.send(request("/", [("Connection", "close")]))
            hints, _, final = client.read_to_end().partition(b"\r\n\r\n")
    assert hints == b"HTTP/1.1 103 Early Hints\r\nLink: x"
    assert b"X-Set: ours" in final


# Else a client that reads nothing would have us keep all of them.
def test_a_client_that_does_not_read_gets_no_interim_answers():
    hints = h2.block([(":status", "103"), ("link", "v" * 50_000)])
    pieces = [hints[at:at + 16_384] for at in range(0, len(hints), 16_384)]

    def answer(query):
        return b"".join(
            frame(CONTINUATION if at else HEADERS, END_HEADERS if at == len(pieces) - 1 else 0,
                  query.stream, piece) for at, piece in enumerate(pieces)) * 10

    with H2Origin(on_request=answer) as origin:
        with front(origin, upstream={**H2C, "read_timeout": "20s"}) as product:
            before = product.rss()
            with H2Client(product.address(), rcvbuf=4096) as client:
                for stream in range(1, 201, 2):
                    client.request(stream, head())
                # The backend goes on to the next when it has sent the ten of the one before.
                until(lambda: len(origin.requests) == 100, "all requests at the backend")
                assert sanitized(binary()) or product.rss() - before < 20 << 20


@pytest.mark.parametrize("fields, size", [(50, 300), (130, 10)])
def test_trailers_over_the_limits_are_refused(fields, size):
    block = h2.block([(f"x-{number}", "v" * size) for number in range(fields)])
    pieces = [block[at:at + 16_000] for at in range(0, len(block), 16_000)]
    with Origin() as origin, front(origin, location={"trailers": "pass"}) as product:
        with H2Client(product.address()) as client:
            client.send(post(1) + frame(DATA, 0, 1, b"a") + b"".join(
                frame(CONTINUATION if at else HEADERS,
                      (0 if at else END_STREAM) | (END_HEADERS if at == len(pieces) - 1 else 0),
                      1, piece) for at, piece in enumerate(pieces)))
            assert client.answer(1).how == h2.PROTOCOL
            client.request(3, head())
            assert client.answer(3).status == 200
        assert product.wait_log(2)[0]["reason"] == "bad_trailer"


# It is for whoever is next to decide what goes into a table, too (RFC 7541 6.2.3).
def test_what_is_never_indexed_stays_so():
    literal = b"\x10" + h2.string("x-pin") + h2.string("1234")

    def answer(query):
        return frame(HEADERS, END_HEADERS | END_STREAM, query.stream,
                     h2.block([(":status", "200")]) + literal)

    with H2Origin(on_request=answer) as origin, front(origin, upstream=H2C) as product:
        with H2Client(product.address()) as client:
            for stream in (1, 3):
                client.request(stream, h2.block(head()) + literal)
                assert client.answer(stream).get("x-pin") == "1234"
    for query in origin.requests:
        at = query.block.find(b"x-pin")
        assert at > 1 and query.block[at - 2] == 0x10
