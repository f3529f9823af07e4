"""gRPC through the proxy: its own errors, deadlines, cancellation and all four kinds of calls."""

import os
import struct

import pytest

from rig import h2
from rig.deadline import seconds
from rig.h2 import H2Client, frame, head
from rig.origin import Gate, Origin, response
from rig.product import front

grpc = pytest.importorskip("grpc")
from rig import grpc_origin  # noqa: E402

CALL = (("content-type", "application/grpc"), ("te", "trailers"))
MESSAGE = b"\0\0\0\0\x02hi"


def call(*more, path="/test.Calls/Echo"):
    return head(*CALL, *more, method="POST", path=path)


def open_client(product, **options):
    return H2Client(product.address()[:2], **options)


def ask(product, fields, body=MESSAGE, end=True):
    """The Answer to a call on a connection of its own."""
    with open_client(product) as client:
        client.request(1, fields, end=False)
        client.send(frame(h2.DATA, h2.END_STREAM if end else 0, 1, body))
        return client.answer()


def address(product):
    host, port = product.address()[:2]
    return f"{host}:{port}"


def refused_port():
    """An address at which nobody listens."""
    with Origin() as origin:
        return origin.addr


def expect_error(answer, status, reason):
    """Trailers-only: all of it is in the one head."""
    assert (answer.status, answer.how, answer.body, answer.trailers) == (200, "end", b"", [])
    assert answer.get("content-type") == "application/grpc"
    assert answer.get("grpc-status") == str(status)
    assert answer.get("grpc-message").endswith(": " + reason)
    assert answer.get("content-length") is None


# --- answers of our own

def test_no_route_is_unimplemented(recorder):
    with front(recorder, location={"path": "/only"}) as product:
        expect_error(ask(product, call()), 12, "no_route")
        line = product.wait_log(1)[0]
        assert (line["status"], line["reason"]) == (200, "no_route")
    assert recorder.received == 0


def test_a_backend_that_refuses_is_unavailable():
    with front(refused_port()) as product:
        expect_error(ask(product, call()), 14, "upstream_refused")


def test_a_backend_that_does_not_answer_is_unavailable():
    async def script(conn):
        await conn.request()
        await conn.end()

    with Origin(script) as origin, front(origin, location={"read_timeout": "200ms"}) as product:
        expect_error(ask(product, call()), 14, "upstream_timeout")


def test_a_backend_without_a_place_is_unavailable():
    gate = Gate()

    async def script(conn):
        await conn.request()
        await gate.wait()
        await conn.send(response(body=b""))

    with Origin(script) as origin, front(origin, upstream={"max_connections": 1}) as product:
        with open_client(product) as first:
            first.request(1, head(path="/busy"))
            origin.wait_requests(1)
            expect_error(ask(product, call()), 14, "upstream_limit")
            gate.open()


def test_a_message_that_is_too_long_is_resource_exhausted(recorder):
    with front(recorder, location={"client_max_body_size": 10}) as product:
        expect_error(ask(product, call(), b"\0\0\0\0\x20" + b"x" * 32), 8, "body_too_large")
        expect_error(ask(product, call(("content-length", "37")), b"\0\0\0\0\x20" + b"x" * 32), 8,
                     "body_too_large")


def test_gr02_a_backend_that_dies_before_its_head_is_unavailable():
    async def script(conn):
        await conn.request()
        conn.rst()

    with Origin(script) as origin, front(origin) as product:
        answer = ask(product, call())
        assert answer.get("grpc-status") == "14"


@pytest.mark.parametrize("content_type,is_call", [
    ("application/grpc", True), ("application/grpc+proto", True),
    ("Application/GRPC;charset=x", True), ("application/grpcfoo", False),
    ("application/grpc-web", False), ("application/grpc-web+proto", False),
    ("application/json", False)])
def test_gr09_only_calls_of_grpc_are_answered_so(content_type, is_call):
    with front(refused_port()) as product:
        answer = ask(product, head(("content-type", content_type), method="POST"))
        assert answer.status == (200 if is_call else 502)
        assert (answer.get("grpc-status") is not None) == is_call


def test_gr09_a_get_and_http1_are_no_calls():
    with front(refused_port()) as product:
        with open_client(product) as client:
            client.request(1, head(*CALL))
            assert client.answer().status == 502
        assert product.get("/", [("Content-Type", "application/grpc")], method="POST",
                           body=b"").status == 502


def test_buffering_is_not_for_calls():
    """The head is at the backend while the call is still open."""
    with Origin() as origin, front(origin, location={"request_buffering": True}) as product, \
            open_client(product) as client:
        client.request(1, call(), end=False)
        client.send(frame(h2.DATA, 0, 1, MESSAGE))
        origin.wait(lambda: origin.received > 0, "the head")
        client.send(frame(h2.DATA, h2.END_STREAM, 1))
        assert client.answer().status == 200


# --- deadlines

@pytest.mark.parametrize("value", ["99999999999999999999S", "123456789S", "-1S", "1", "1x", "S",
                                   "1 S", "", "1s"])
def test_gr01_a_deadline_that_is_none_is_internal(recorder, value):
    with front(recorder) as product:
        expect_error(ask(product, call(("grpc-timeout", value))), 13, "bad_header")
    assert recorder.requests == []


@pytest.mark.parametrize("value", ["300m", "300000u", "99999999n", "0S"])
def test_gr01_the_deadline_is_kept_before_the_head(value):
    async def script(conn):
        await conn.request()
        await conn.end()

    with Origin(script) as origin, front(origin) as product:
        expect_error(ask(product, call(("grpc-timeout", value))), 4, "deadline_exceeded")
        assert product.wait_log(1)[0]["reason"] == "deadline_exceeded"
        origin.wait(lambda: all(conn.ended for conn in origin.connections), "given up")


def test_gr01_the_deadline_is_kept_while_the_client_sends():
    with Origin() as origin, front(origin) as product:
        answer = ask(product, call(("grpc-timeout", "300m")), end=False)
        assert answer.get("grpc-status") == "4"


def test_gr01_the_deadline_is_kept_within_the_answer():
    async def script(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n7\r\n" + MESSAGE + b"\r\n")
        await conn.end()

    with Origin(script) as origin, front(origin) as product:
        answer = ask(product, call(("grpc-timeout", "300m")))
        assert (answer.status, answer.body, answer.how) == (200, MESSAGE, "end")
        assert dict(answer.trailers)["grpc-status"] == "4"
        origin.wait(lambda: origin.connections[0].ended, "given up")
        assert product.wait_log(1)[0]["reason"] == "deadline_exceeded"


@pytest.mark.parametrize("value", ["99999999H", "10S", "00000010S"])
def test_gr01_a_deadline_that_is_met_changes_nothing(recorder, value):
    with front(recorder) as product:
        answer = ask(product, call(("grpc-timeout", value)))
        assert (answer.status, answer.get("grpc-status")) == (200, None)
    assert recorder.requests[0].get("grpc-timeout") == value


def test_the_timeouts_of_the_route_hold_beside_the_deadline():
    async def script(conn):
        await conn.request()
        await conn.end()

    with Origin(script) as origin, front(origin, location={"read_timeout": "200ms"}) as product:
        answer = ask(product, call(("grpc-timeout", "20S")))
        assert answer.get("grpc-status") == "14"


# --- trailers

def test_trailers_of_calls_pass_where_others_are_dropped():
    chunked = (b"Transfer-Encoding: chunked\r\n\r\n7\r\n" + MESSAGE +
               b"\r\n0\r\ngrpc-status: 5\r\ngrpc-message: no%20such\r\nX-End: 1\r\n\r\n")

    async def script(conn):
        while await conn.request() is not None:
            await conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n" + chunked)

    with Origin(script) as origin, front(origin, location={"response_buffering": True}) as product:
        answer = ask(product, call())
        assert answer.body == MESSAGE
        assert dict(answer.trailers) == {"grpc-status": "5", "grpc-message": "no%20such",
                                         "x-end": "1"}
        assert ask(product, head(method="POST")).trailers == []


# --- real peers: python3-grpcio

def status_of(failure):
    return failure.value.code()


@pytest.mark.parametrize("location,wanted", [
    ({"path": "/only"}, grpc.StatusCode.UNIMPLEMENTED), ({}, grpc.StatusCode.UNAVAILABLE)])
def test_grpcio_understands_our_errors(location, wanted):
    with front(refused_port(), location=location) as product, \
            grpc_origin.channel(address(product)) as calls:
        with pytest.raises(grpc.RpcError) as failure:
            calls("unary_unary", "Echo")(b"hi", timeout=seconds(10))
        assert status_of(failure) == wanted
        assert "pingap" not in failure.value.details()
        assert failure.value.details().split(": ")[1] in ("no_route", "upstream_refused")


H2C = {"protocol": "h2c"}


@pytest.fixture(name="calls")
def calls_fixture():
    """(make a call, the server's record, the product) with the proxy between grpcio and grpcio."""
    with grpc_origin.serving() as (backend, record), front(backend, upstream=H2C) as product, \
            grpc_origin.channel(address(product)) as make:
        yield make, record, product


def test_all_four_kinds(calls):
    make, _, _ = calls
    limit = {"timeout": seconds(20)}
    assert make("unary_unary", "Echo")(b"hi", **limit) == b"hi"
    assert list(make("unary_stream", "Count")(b"100", **limit)) == \
        [str(number).encode() for number in range(100)]
    assert make("stream_unary", "Sum")(iter([b"a" * 1000] * 100), **limit) == b"100000"
    assert list(make("stream_stream", "Talk")(iter([b"abc", b"def"]), **limit)) == [b"cba", b"fed"]


def test_both_sides_talk_at_once(calls):
    make, _, _ = calls
    said = []

    def words():
        for number in range(20):
            said.append(number)
            yield f"{number:03}".encode()

    heard = 0
    for one in make("stream_stream", "Talk")(words(), timeout=seconds(20)):
        assert one == f"{heard:03}".encode()[::-1]
        heard += 1
    assert heard == len(said) == 20


@pytest.mark.parametrize("size", [0, 1, 65535, 5 << 20])
def test_messages_of_any_size(calls, size):
    make, _, _ = calls
    message = os.urandom(size)
    assert make("unary_unary", "Echo")(message, timeout=seconds(30)) == message


def test_status_message_and_trailers_of_the_server(calls):
    make, _, product = calls
    with pytest.raises(grpc.RpcError) as failure:
        make("unary_unary", "Fail")(b"100% \xc3\xa9", timeout=seconds(10))
    assert status_of(failure) == grpc.StatusCode.DATA_LOSS
    assert failure.value.details() == "lost: 100% é"
    assert ("x-end", "yes") in [tuple(pair) for pair in failure.value.trailing_metadata()]
    with pytest.raises(grpc.RpcError) as failure:
        make("unary_unary", "Nothing")(b"", timeout=seconds(10))
    assert status_of(failure) == grpc.StatusCode.UNIMPLEMENTED
    assert product.wait_log(1)[0]["status"] == 200


def test_metadata_goes_both_ways(calls):
    make, record, _ = calls
    answer, done = make("unary_unary", "Echo").with_call(
        b"x", metadata=(("x-a", "b"), ("x-b-bin", b"\0\xff")), timeout=seconds(10))
    assert answer == b"x"
    assert {("x-a", "b"), ("x-b-bin", b"\0\xff")} <= set(map(tuple, record.metadata[0]))
    assert ("x-end", "yes") in [tuple(pair) for pair in done.trailing_metadata()]


def test_the_deadline_reaches_the_server_and_ends_there(calls):
    make, record, _ = calls
    with pytest.raises(grpc.RpcError) as failure:
        make("unary_unary", "Wait")(b"", timeout=0.5)
    assert status_of(failure) == grpc.StatusCode.DEADLINE_EXCEEDED
    assert record.cancelled.wait(seconds(10))
    # gRPC keeps deadlines in whole milliseconds, rounded up, so that the server may count one more.
    assert 0 < record.remaining[0] < 0.501


def test_gr08_cancellation_reaches_the_server(calls):
    make, record, product = calls
    pending = make("unary_unary", "Wait").future(b"", timeout=seconds(20))
    assert record.started.wait(seconds(10))
    pending.cancel()
    assert record.cancelled.wait(seconds(10))
    assert product.wait_log(1)[0]["reason"] == "client_reset"


def test_gr08_cancellation_of_a_stream_reaches_the_server(calls):
    make, record, _ = calls
    stream = make("unary_stream", "Drip")(b"", timeout=seconds(20))
    assert next(stream) == b"first"
    stream.cancel()
    assert record.cancelled.wait(seconds(10))


def test_our_deadline_cancels_a_call_whose_client_forgets_it():
    """A raw client that goes on waiting: it is the proxy that ends the call, on both sides."""
    with grpc_origin.serving() as (backend, record), front(backend, upstream=H2C) as product:
        answer = ask(product, call(("grpc-timeout", "500m"), path="/test.Calls/Wait"),
                     struct.pack(">BI", 0, 0))
        # The server keeps the same deadline: either may be first.
        status = answer.get("grpc-status") or dict(answer.trailers)["grpc-status"]
        assert status == "4"
        assert record.cancelled.wait(seconds(10))


def test_te_trailers_is_added_for_servers_that_want_it():
    with grpc_origin.serving() as (backend, _), front(backend, upstream=H2C) as product:
        fields = head(("content-type", "application/grpc"), method="POST", path="/test.Calls/Echo")
        answer = ask(product, fields)
        assert answer.body == MESSAGE
        assert dict(answer.trailers)["grpc-status"] == "0"
