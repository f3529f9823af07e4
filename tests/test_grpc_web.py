"""gRPC-web clients of HTTP/1.1 and HTTP/2 in front of gRPC backends."""

import base64
import os
import struct

import pytest

from rig import h2, node
from rig.client import request
from rig.deadline import seconds
from rig.h2 import H2Client, frame, head
from rig.h2_origin import H2Origin
from rig.product import config, front, run
from rig.toml import dumps

H2C = {"protocol": "h2c"}
WEB = {"grpc_web": True}
BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text"
CALL = (":status", "200"), ("content-type", "application/grpc+proto")


def message(payload, flag=0):
    return struct.pack(">BI", flag, len(payload)) + payload


def split(body):
    """(messages, trailers as a dict or None) of a body."""
    messages, trailers = [], None
    while body:
        flag, size = struct.unpack(">BI", body[:5])
        payload, body = body[5:5 + size], body[5 + size:]
        assert len(payload) == size and trailers is None, "whole, and nothing behind the trailers"
        if flag & 0x80:
            lines = payload.decode().split("\r\n")
            assert lines.pop() == ""
            trailers = dict(line.split(": ", 1) for line in lines)
        else:
            messages.append(payload)
    return messages, trailers


def decode(text):
    """Base64, each group of four by itself: padding may be anywhere."""
    assert len(text) % 4 == 0
    return b"".join(base64.b64decode(text[at:at + 4], validate=True)
                    for at in range(0, len(text), 4))


def encode(body, form):
    return base64.b64encode(body) if form == TEXT else body


class Answer:
    """What both kinds of clients got."""

    def __init__(self, status, get, body, form):
        self.status, self.get, self.raw = status, get, body
        web_text = (get("content-type") or "").startswith(TEXT)
        assert web_text == (form == TEXT) or not body
        self.messages, self.trailers = split(decode(body) if web_text else body)


def ask(product, how, form, body, path="/test.Calls/Echo", fields=()):
    """A call by one of the clients."""
    fields = [("content-type", form), *fields]
    if how == "h1":
        got = product.get(path, fields, method="POST", body=encode(body, form))
        return Answer(got.status, got.get, got.body, form)
    with H2Client(product.address()[:2]) as client:
        client.request(1, head(*fields, method="POST", path=path), end=False)
        client.send(frame(h2.DATA, h2.END_STREAM, 1, encode(body, form)))
        client.open_windows(1)
        got = client.answer()
        assert got.how == "end" and not got.trailers
        return Answer(got.status, got.get, got.body, form)


BOTH = pytest.mark.parametrize("how,form", [(how, form) for how in ("h1", "h2")
                                            for form in (BINARY, TEXT)])


# --- a real server

@pytest.fixture(name="calls")
def calls_fixture():
    """(the product, the server's record) with the proxy before python3-grpcio."""
    pytest.importorskip("grpc")
    from rig import grpc_origin  # pylint: disable=import-outside-toplevel
    with grpc_origin.serving() as (backend, record), \
            front(backend, upstream=H2C, location=WEB) as product:
        yield product, record


@BOTH
def test_a_unary_call(calls, how, form):
    answer = ask(calls[0], how, form, message(b"hello"))
    assert (answer.status, answer.messages) == (200, [b"hello"])
    assert answer.get("content-type").startswith(form.replace("+proto", ""))
    assert answer.trailers["grpc-status"] == "0" and answer.trailers["x-end"] == "yes"


@BOTH
def test_server_streaming(calls, how, form):
    answer = ask(calls[0], how, form, message(b"200"), "/test.Calls/Count")
    assert answer.messages == [str(number).encode() for number in range(200)]
    assert answer.trailers["grpc-status"] == "0"


@BOTH
@pytest.mark.parametrize("size", [0, 1, 2, 65535])
def test_messages_of_any_size(calls, how, form, size):
    payload = os.urandom(size)
    if how == "h2":
        payload = payload[:12000]  # one frame
    answer = ask(calls[0], how, form, message(payload))
    assert answer.messages == [payload]


@pytest.mark.parametrize("form", [BINARY, TEXT])
def test_a_message_of_megabytes_passes_all_windows(calls, form):
    payload = os.urandom(5 << 20)
    body = encode(message(payload), form)
    with calls[0].client(timeout=30) as client:
        client.send(request("/test.Calls/Echo", [("Content-Type", form)], method="POST", body=body))
        got = client.response("POST", keep=16 << 20)
    answer = Answer(got.status, got.get, got.body, form)
    assert answer.messages == [payload]
    assert answer.trailers["grpc-status"] == "0"
    line = calls[0].wait_log(1)[0]
    assert (line["request_bytes"], line["response_bytes"]) == (len(body), len(got.body))


@BOTH
def test_a_failure_of_the_server(calls, how, form):
    answer = ask(calls[0], how, form, message(b"100%"), "/test.Calls/Fail")
    said = answer.trailers or {"grpc-status": answer.get("grpc-status"),
                               "grpc-message": answer.get("grpc-message")}
    assert (answer.status, answer.messages, said["grpc-status"]) == (200, [], "15")
    assert said["grpc-message"] == "lost: 100%25"


@BOTH
def test_a_method_that_is_not_there_keeps_its_status_in_the_head(calls, how, form):
    answer = ask(calls[0], how, form, message(b""), "/test.Calls/Nothing")
    assert (answer.status, answer.raw, answer.get("grpc-status")) == (200, b"", "12")
    assert answer.get("content-type").startswith(form.replace("+proto", ""))


@pytest.mark.parametrize("form", [BINARY, TEXT])
def test_a_stream_is_not_held_back(calls, form):
    """The server sends one message and then waits: it is with the client meanwhile."""
    product, record = calls
    wanted = encode(message(b"first"), form)
    with product.client() as client:
        client.send(request("/test.Calls/Drip", [("Content-Type", form)], method="POST",
                            body=encode(message(b""), form)))
        got = b""
        while wanted not in got:
            got += client.bytes(1)
        client.rst()
        assert record.cancelled.wait(seconds(10)), "and its end is the end of the call"


@BOTH
def test_the_deadline_is_kept(calls, how, form):
    answer = ask(calls[0], how, form, message(b""), "/test.Calls/Wait",
                 [("grpc-timeout", "300m")])
    said = answer.trailers or {"grpc-status": answer.get("grpc-status")}
    assert said["grpc-status"] == "4"
    assert calls[1].cancelled.wait(seconds(10))


def test_metadata_reaches_the_server(calls):
    product, record = calls
    ask(product, "h1", TEXT, message(b"x"), fields=[("x-a", "b"), ("x-grpc-web", "1")])
    assert ("x-a", "b") in set(map(tuple, record.metadata[0]))


def test_native_calls_pass_beside_them(calls):
    product, _ = calls
    with H2Client(product.address()[:2]) as client:
        client.request(1, head(("content-type", "application/grpc"), ("te", "trailers"),
                               method="POST", path="/test.Calls/Echo"), end=False)
        client.send(frame(h2.DATA, h2.END_STREAM, 1, message(b"hi")))
        answer = client.answer()
    assert answer.body == message(b"hi")
    assert dict(answer.trailers)["grpc-status"] == "0"


# --- a scripted one

def reply(*more, body=message(b"hi"), trailers=(("grpc-status", "0"),)):
    def answer(one):
        return one.head(("content-type", "application/grpc+proto"), *more) + one.data(body) + \
            one.trailer(*trailers)
    return answer


@pytest.fixture(name="origin")
def origin_fixture():
    with H2Origin(reply()) as origin:
        yield origin


def bridged(origin, **location):
    return front(origin, upstream=H2C, location={**WEB, **location})


@BOTH
def test_what_the_backend_is_asked(origin, how, form):
    with bridged(origin) as product:
        assert ask(product, how, form, message(b"hi")).messages == [b"hi"]
    one = origin.requests[0]
    assert one.get("content-type") == form.replace("-web", "").replace("-text", "")
    assert (one.get("te"), one.body) == ("trailers", message(b"hi"))
    assert one.get("content-length") == ("7" if how == "h1" and form == BINARY else None)


@pytest.mark.parametrize("cut", range(1, 20))
def test_text_in_pieces_and_with_padding_inside(origin, cut):
    text = encode(message(b"a"), TEXT) + encode(message(b"bc"), TEXT)
    with bridged(origin) as product, product.client() as client:
        client.send(request("/x", [("Content-Type", TEXT), ("Transfer-Encoding", "chunked")],
                            method="POST"))
        for piece in (text[:cut], text[cut:]):
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        client.send(b"0\r\nx-trailer: dropped\r\n\r\n")
        assert client.response("POST").status == 200
    assert origin.requests[0].body == message(b"a") + message(b"bc")
    assert origin.requests[0].trailers == []


@pytest.mark.parametrize("how", ["h1", "h2"])
@pytest.mark.parametrize("text", [b"AAAA!", b"AAA", b"=AAA", b"AA==AA=A", b"AAAA\r\n"])
def test_text_that_is_no_base64(origin, how, text):
    fields = [("content-type", TEXT)]
    with bridged(origin) as product:
        if how == "h1":
            got = product.get("/x", fields, method="POST", body=text)
        else:
            with H2Client(product.address()[:2]) as client:
                client.request(1, head(*fields, method="POST"), end=False)
                client.send(frame(h2.DATA, h2.END_STREAM, 1, text))
                got = client.answer()
        assert (got.status, got.get("grpc-status"), got.body) == (200, "13", b"")
        assert got.get("content-type") == TEXT
        assert product.wait_log(1)[0]["reason"] == "bad_grpc_web"
    assert not any(one.whole for one in origin.requests)


def test_other_requests_pass_unchanged():
    with H2Origin() as origin, bridged(origin) as product:
        got = product.get("/x", [("Content-Type", "application/json"),
                                 ("Access-Control-Request-Method", "POST")], method="OPTIONS")
        assert got.body == b"echo /x"
        assert product.get("/y", [("Content-Type", BINARY)], method="HEAD").status == 200
        got = product.get("/z", [("Content-Type", "application/json")], method="POST", body=b"{}")
        assert got.body == b"echo /z"
    assert [one.get("content-type") for one in origin.requests] == \
        ["application/json", BINARY, "application/json"]


def test_without_the_key_nothing_is_bridged(origin):
    with front(origin, upstream=H2C) as product:
        got = product.get("/x", [("Content-Type", BINARY)], method="POST", body=message(b"hi"))
        assert got.body == message(b"hi")
        assert got.get("content-type") == "application/grpc+proto"
    assert origin.requests[0].get("content-type") == BINARY


@BOTH
def test_an_answer_that_is_none_of_grpc_passes_as_it_is(how, form):
    with H2Origin(lambda one: one.answer(b"no", ("content-type", "text/plain"), status=418)) \
            as origin, bridged(origin) as product:
        fields = [("content-type", form)]
        if how == "h1":
            got = product.get("/x", fields, method="POST", body=b"")
        else:
            with H2Client(product.address()[:2]) as client:
                client.request(1, head(*fields, method="POST"))
                got = client.answer()
        assert (got.status, got.body, got.get("content-type")) == (418, b"no", "text/plain")


@BOTH
def test_a_status_that_the_backend_forgets_is_unknown(how, form):
    with H2Origin(lambda one: one.answer(message(b"hi"), ("content-type", "application/grpc"))) \
            as origin, bridged(origin) as product:
        answer = ask(product, how, form, message(b""))
        assert (answer.messages, answer.trailers) == ([b"hi"], {"grpc-status": "2"})


def test_names_of_trailers_are_in_lower_case_and_forbidden_ones_are_dropped():
    with H2Origin(reply(trailers=(("grpc-status", "3"), ("grpc-message", "a b"),
                                  ("content-length", "7")))) as origin, \
            bridged(origin) as product:
        answer = ask(product, "h1", BINARY, message(b""))
        assert answer.trailers == {"grpc-status": "3", "grpc-message": "a b"}


@pytest.mark.parametrize("end", ["trailers", "data", "reset"])
def test_a_message_that_breaks_off_is_not_ended(end):
    """Trailers behind half a message would be taken for the rest of it."""
    def answer(one):
        ends = {"trailers": one.trailer(("grpc-status", "0")), "data": one.data(b"", end=True),
                "reset": one.rst(h2.CANCEL)}
        return one.head(("content-type", "application/grpc")) + one.data(message(b"hi")[:6]) + \
            ends[end]

    with H2Origin(answer) as origin, bridged(origin) as product, product.client() as client:
        client.send(request("/x", [("Content-Type", BINARY)], method="POST", body=message(b"")))
        _, whole = client.any_response("POST")
        assert not whole
        assert product.wait_log(1)[0]["reason"] == "upstream_truncated"


def test_a_stalled_client_stops_the_backend():
    """Text is longer than what the backend sends: its window is still its own."""
    with H2Origin(lambda one: one.head(("content-type", "application/grpc"))) as origin, \
            bridged(origin) as product, H2Client(product.address()[:2]) as client:
        client.request(1, head(("content-type", TEXT), method="POST"))
        client.pump(lambda: client.answers[1].status)
        one = origin.requests[0]
        piece = b"\0\0\0\x3f\xfb" + b"x" * 16379
        for _ in range(4):  # the whole window of the stream
            one.conn.send(one.data(piece))
        client.pump(lambda: len(client.answers[1].body) == 65535)
        assert one.conn.credit[one.stream] < 65536 * 3 // 4 + 4, "as much as the client took"
        client.open_windows(1)
        one.conn.send(one.trailer(("grpc-status", "0")))
        messages, trailers = split(decode(client.answer().body))
        assert (messages, trailers) == ([piece[5:]] * 4, {"grpc-status": "0"})


# --- answers of our own

def dead_backend():
    with H2Origin() as origin:
        return origin.addr


@BOTH
def test_our_errors_are_in_its_form(how, form):
    cors = {"headers_set": ["Access-Control-Allow-Origin: https://app.test"],
            "headers_add": ["Access-Control-Expose-Headers: grpc-status, grpc-message"]}
    with front(dead_backend(), upstream=H2C, location={**WEB, **cors}) as product:
        answer = ask(product, how, form, message(b"hi"))
        assert (answer.status, answer.raw, answer.get("grpc-status")) == (200, b"", "14")
        assert answer.get("grpc-message") == "Bad Gateway: upstream_refused"
        assert answer.get("content-type") == form.replace("+proto", "")
        assert answer.get("access-control-allow-origin") == "https://app.test"
        assert answer.get("access-control-expose-headers") == "grpc-status, grpc-message"
        assert (product.wait_log(1)[0]["status"],
                product.wait_log(1)[0]["reason"]) == (200, "upstream_refused")


def test_a_message_that_is_too_long(origin):
    with bridged(origin, client_max_body_size=10) as product:
        answer = ask(product, "h1", BINARY, message(b"x" * 20))
        assert answer.get("grpc-status") == "8"


@pytest.mark.parametrize("form", [BINARY, TEXT])
def test_a_deadline_within_the_answer_is_its_last_frame(form):
    def answer(one):
        return one.head(("content-type", "application/grpc")) + one.data(message(b"hi"))

    with H2Origin(answer) as origin, bridged(origin) as product:
        answer = ask(product, "h1", form, message(b""), fields=[("grpc-timeout", "300m")])
        assert answer.messages == [b"hi"]
        assert answer.trailers["grpc-status"] == "4"
        origin.wait(lambda: origin.requests[0].reset == h2.CANCEL, "given up")


def test_a_deadline_within_a_message_breaks_off():
    def answer(one):
        return one.head(("content-type", "application/grpc")) + one.data(message(b"hi")[:6])

    with H2Origin(answer) as origin, bridged(origin) as product, product.client() as client:
        client.send(request("/x", [("Content-Type", BINARY), ("grpc-timeout", "300m")],
                            method="POST", body=message(b"")))
        _, whole = client.any_response("POST")
        assert not whole


# --- configuration

@pytest.mark.parametrize("upstream", [{}, {"protocol": "http1"}])
def test_a_backend_of_http1_is_refused(tmp_path, upstream):
    path = tmp_path / "a.toml"
    path.write_text(dumps(config("127.0.0.1:1", location=WEB, upstream=upstream)))
    code, out, err = run("validate", "--config", str(path))
    assert code != 0
    assert "`grpc_web` needs HTTP/2, and [upstreams.origin] speaks HTTP/1.1" in out + err


# --- the client of npm

@node.needs("grpc-web", "xhr2")
@pytest.mark.parametrize("form", ["text", "binary"])
def test_the_client_of_npm(calls, form):
    seen = node.run("grpc_web_client.js", form, calls[0].address()[1])
    assert seen["Echo"] == "h\u00e9llo" * 1000
    assert seen["errors"] == [[15, "lost: why"], [12, "Method not found!"]]
    assert seen["counted"] == ([str(number) for number in range(50)] if form == "text" else [])
