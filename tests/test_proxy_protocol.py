"""The PROXY protocol: whom it is believed, what it changes, what backends are told."""

import os
import re
import socket
import ssl
import struct
import subprocess
import tempfile

import pytest

from rig import h2
from rig.client import request
from rig.deadline import seconds
from rig.h2 import H2Client, head
from rig.origin import Origin, response
from rig.product import config, front, Product
from test_websocket import HANDSHAKE, switching

HERE = {"proxy_protocol_from": ["127.0.0.0/8"]}
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v1(source="192.0.2.1", port=4660):
    family, here = ("TCP6", "2001:db8::2") if ":" in source else ("TCP4", "10.0.0.1")
    return f"PROXY {family} {source} {here} {port} 80\r\n".encode()


def v2(source="192.0.2.1", port=4660, tlv=b"", command=0x21):
    kind, family, here = ((0x21, socket.AF_INET6, "2001:db8::2") if ":" in source
                          else (0x11, socket.AF_INET, "10.0.0.1"))
    body = (socket.inet_pton(family, source) + socket.inet_pton(family, here) +
            struct.pack(">HH", port, 80) + tlv)
    return SIGNATURE + bytes([command, kind]) + struct.pack(">H", len(body)) + body


V1, V2 = v1(), v2()
EITHER = pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
CLOSE = [("Connection", "close")]


def ask(product, data, server="main"):
    """What is answered to `data` on a connection of its own, to its end."""
    with product.client(server) as client:
        client.send(data)
        return client.read_to_end()


# --- from clients

@pytest.mark.parametrize("header,ip,port", [
    (v1(), "192.0.2.1", 4660), (v2(), "192.0.2.1", 4660),
    (v1("2001:db8::1"), "2001:db8::1", 4660), (v2("2001:db8::1"), "2001:db8::1", 4660),
    (v1("::ffff:192.0.2.1"), "192.0.2.1", 4660), (v2("::ffff:192.0.2.1"), "192.0.2.1", 4660),
    (v2(tlv=b"\x04\x00\x03abc\x02\x00\x06a.test"), "192.0.2.1", 4660),
])
def test_the_source_is_the_peer(recorder, header, ip, port):
    with front(recorder, server=HERE) as product, product.client() as client:
        client.send(header + request("/one", [("X-Forwarded-For", "6.6.6.6")]))
        assert client.response().body == b"echo /one"
        client.send(request("/two"))
        assert client.response().body == b"echo /two"
        lines = product.wait_log(2)
    for message, line in zip(recorder.requests, lines):
        assert message.all("X-Forwarded-For") == [ip.encode()]
        assert message.get("X-Real-IP") == ip
        assert (line["client"], line["peer"]) == (ip, ip)
    assert port == 4660


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ::1 ::2 1 2\r\n",
                                    v2(command=0x20), SIGNATURE + b"\x20\x00\x00\x00",
                                    SIGNATURE + b"\x21\x00\x00\x00"])
def test_without_an_address_the_peer_is_the_socket(recorder, header):
    with front(recorder, server=HERE) as product:
        assert ask(product, header + request("/", CLOSE)).endswith(b"echo /")
    assert recorder.requests[0].get("X-Forwarded-For") == "127.0.0.1"


@EITHER
def test_it_may_come_cut_anywhere(recorder, header):
    data = header + request("/", CLOSE)
    with front(recorder, server=HERE) as product:
        for cut in range(1, len(header) + 5):
            with product.client() as client:
                client.send_pieces([data[:cut], data[cut:]])
                assert client.response().status == 200, cut
    assert {message.get("X-Real-IP") for message in recorder.requests} == {"192.0.2.1"}


@EITHER
def test_it_may_come_byte_by_byte(recorder, header):
    with front(recorder, server=HERE) as product, product.client() as client:
        client.send_pieces([bytes([byte]) for byte in header] + [request("/")])
        assert client.response().status == 200
    assert recorder.requests[0].get("X-Real-IP") == "192.0.2.1"


@EITHER
def test_http2_follows_it(recorder, header):
    with front(recorder, server=HERE) as product, \
            H2Client(product.address()[:2], start=False) as client:
        client.send(header + h2.PREFACE + h2.frame(h2.SETTINGS))
        client.request(1, head())
        assert client.answer().status == 200
        assert product.wait_log(1)[0]["peer"] == "192.0.2.1"
    assert recorder.requests[0].get("X-Real-IP") == "192.0.2.1"


@EITHER
def test_ip03_nobody_else_is_believed(recorder, header):
    for networks in ([], ["192.0.2.0/24"], ["::1/128"]):
        with front(recorder, server={"proxy_protocol_from": networks}) as product:
            assert ask(product, header + request("/")).startswith(b"HTTP/1.1 400 ")
            assert product.get("/plain").status == 200
            assert product.wait_log(2)[0]["client"] == "127.0.0.1"
    assert {message.path() for message in recorder.requests} == {"/plain"}
    assert {message.get("X-Real-IP") for message in recorder.requests} == {"127.0.0.1"}


BAD = [request("/"), h2.PREFACE, b"\x16\x03\x01\x02\x00\x01\x00", b"\x00",
       b"PROXY TCP4 192.0.2.1\r\n", V1.replace(b"\r\n", b"\n"), V1.replace(b"TCP4", b"TCP6"),
       V1.replace(b"4660", b"99999"), b"PROXY UNKNOWN " + b"x" * 200,
       v2(command=0x31), v2(command=0x22), V2[:14] + b"\xff\xff", v2(tlv=b"\x04\x00\x09abc"),
       SIGNATURE + b"\x21\x11\x00\x04\x01\x02\x03\x04"]


@pytest.mark.parametrize("data", BAD)
def test_a_bad_one_ends_the_connection_and_is_logged(recorder, data):
    with front(recorder, server=HERE) as product:
        assert ask(product, data + request("/")) == b""
        line = product.wait_log(1)[0]
        assert (line["reason"], line["client"]) == ("bad_proxy_header", "127.0.0.1")
        assert ask(product, V1 + request("/", CLOSE)).startswith(b"HTTP/1.1 200 ")
    assert len(recorder.requests) == 1


def test_a_second_one_is_a_bad_request(recorder):
    with front(recorder, server=HERE) as product:
        assert ask(product, V1 + V1 + request("/")).startswith(b"HTTP/1.1 400 ")
        assert product.wait_log(1)[0]["client"] == "192.0.2.1"
    assert recorder.received == 0


def test_half_of_one_is_waited_for_as_long_as_for_a_head(recorder):
    with front(recorder, server={**HERE, "header_timeout": "300ms"}) as product:
        assert ask(product, V1[:20]) == b""
        assert product.wait_log(1)[0]["reason"] == "header_timeout"
        with product.client() as client:
            assert client.read_to_end() == b""  # who says nothing is closed, and not logged
        product.signal()
        assert product.wait_exit() == 0
        assert len(product.log_lines()) == 1


def test_looks_whether_somebody_listens_are_not_logged(recorder):
    with front(recorder, server=HERE) as product:
        for _ in range(3):
            product.client().close()
        assert ask(product, V1 + request("/", CLOSE)).startswith(b"HTTP/1.1 200 ")
        product.signal()
        assert product.wait_exit() == 0
        assert [line["reason"] for line in product.log_lines()] == [""]


def test_the_source_is_what_trusted_proxies_are_about(recorder):
    server = {**HERE, "trusted_proxies": ["192.0.2.0/24"]}
    with front(recorder, server=server) as product:
        spoof = [("X-Forwarded-For", "198.51.100.7"), *CLOSE]
        ask(product, V1 + request("/", spoof))
        ask(product, v1("203.0.113.5") + request("/", spoof))
    assert [message.get("X-Real-IP") for message in recorder.requests] == \
        ["198.51.100.7", "203.0.113.5"]


def test_the_source_is_what_is_hashed():
    with Origin() as one, Origin() as two, Origin() as three, \
            front([one, two, three], server=HERE, upstream={"algorithm": "ip_hash"}) as product:
        taken = {}
        for round_ in range(2):
            for last in range(1, 30):
                before = [len(origin.requests) for origin in (one, two, three)]
                ask(product, v1(f"192.0.2.{last}") + request("/", CLOSE))
                after = [len(origin.requests) for origin in (one, two, three)]
                index = [a - b for a, b in zip(after, before)].index(1)
                assert taken.setdefault(last, index) == index, round_
        assert set(taken.values()) == {0, 1, 2}


def test_peers_of_a_unix_socket_say_who_they_are(recorder):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s")
        conf = config(recorder.addr, server={**HERE, "addr": f"unix:{path}"})
        with Product(conf) as product:
            assert ask(product, V2 + request("/", CLOSE)).startswith(b"HTTP/1.1 200 ")
            assert ask(product, request("/", CLOSE)) == b""
    assert [message.get("X-Real-IP") for message in recorder.requests] == ["192.0.2.1"]


def test_connections_count_against_the_limit_of_the_server(recorder):
    """Steps count as the connection they are part of, and are given back."""
    with front(recorder, server={**HERE, "max_connections": 2}) as product:
        for _ in range(20):
            with product.client() as client:
                client.send(V1 + request("/"))
                assert client.response().status == 200


def test_many_at_once_on_several_threads(recorder):
    with front(recorder, basic={"threads": 2}, server=HERE) as product:
        clients = [product.client() for _ in range(60)]
        for number, client in enumerate(clients):
            client.send(v1(f"192.0.2.{number + 1}") + request(f"/{number}"))
        for number, client in enumerate(clients):
            assert client.response().body == f"echo /{number}".encode()
            client.close()
    assert {(message.path(), message.get("X-Real-IP")) for message in recorder.requests} == \
        {(f"/{number}", f"192.0.2.{number + 1}") for number in range(60)}


def test_stopping_serves_what_has_begun(recorder):
    with front(recorder, server=HERE) as product, product.client() as client:
        client.send(V1[:20])
        with product.client() as other:
            other.send(V1 + request("/"))
            assert other.response().status == 200  # the first one's bytes are there, too
        product.signal()
        product.wait_line("stopping")
        client.send(V1[20:] + request("/last"))
        assert client.response().status == 200
        client.wait_closed()
        assert product.wait_exit() == 0


@EITHER
@pytest.mark.parametrize("cut", [0, 5, None], ids=["together", "within", "apart"])
def test_tls_follows_it(recorder, header, cut):
    with tempfile.TemporaryDirectory() as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
                        "-subj", "/CN=a.test", "-addext", "subjectAltName=DNS:a.test"],
                       check=True, capture_output=True)
        os.chmod(key, 0o600)
        with front(recorder, server={**HERE, "tls_cert": cert, "tls_key": key}) as product, \
                product.client() as client:
            context = ssl.create_default_context(cafile=cert)
            come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(come, go, server_hostname="a.test")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = go.read()
            at = len(header) + (cut or 0)
            data = header + hello
            client.send_pieces([data] if cut == 0 else [data[:at], data[at:]])
            run_tls(client, tls.do_handshake, come, go)
            tls.write(request("/", CLOSE))
            client.send(go.read())
            assert run_tls(client, tls.read, come, go).startswith(b"HTTP/1.1 200 ")
            assert product.wait_log(1)[0]["peer"] == "192.0.2.1"
    assert recorder.requests[0].get("X-Real-IP") == "192.0.2.1"
    assert recorder.requests[0].get("X-Forwarded-Proto") == "https"


def run_tls(client, step, come, go):
    """Does `step` of TLS with what it needs from the connection."""
    while True:
        try:
            done = step()
            client.send(go.read())
            return done
        except ssl.SSLWantReadError:
            client.send(go.read())
            come.write(client.sock.recv(65536))


def test_curl_sends_one(recorder):
    with front(recorder, server=HERE) as product:
        host, port = product.address()[:2]
        out = subprocess.run(["curl", "-sS", "--haproxy-protocol", "--max-time", str(seconds(10)),
                              f"http://{host}:{port}/x"], capture_output=True, check=True).stdout
    assert out == b"echo /x"


# --- to backends

async def told(conn):
    """Takes a header of the PROXY protocol and answers one request; `told` is what it said."""
    conn.tunnel = True  # the record is no message of HTTP
    await conn.bytes(16)
    if conn.raw.startswith(b"PROXY "):
        while b"\r\n" not in conn.raw:
            await conn.bytes(conn.received + 1)
        size = conn.raw.index(b"\r\n") + 2
    else:
        size = 16 + struct.unpack(">H", conn.raw[14:16])[0]
        await conn.bytes(size)
    text = bytes(conn.raw[:size])
    while b"\r\n\r\n" not in conn.raw[size:]:
        await conn.bytes(conn.received + 1)
    conn.origin.told.append(text)
    await conn.send(conn.origin.say(conn.raw[size:]))
    await conn.end()


def listening(say=lambda _: response(body=b"ok")):
    origin = Origin(told)
    origin.told = []
    origin.say = say
    return origin


def ends(text):
    """(source, source port, destination) of a header."""
    if text.startswith(b"PROXY "):
        words = text.decode().split()
        return words[2], int(words[4]), words[3]
    family, size = (socket.AF_INET, 4) if text[13] == 0x11 else (socket.AF_INET6, 16)
    body = text[16:]
    return (socket.inet_ntop(family, body[:size]), struct.unpack(">H", body[2 * size:][:2])[0],
            socket.inet_ntop(family, body[size:2 * size]))


VERSIONS = pytest.mark.parametrize("version", ["v1", "v2"])


@VERSIONS
def test_the_backend_is_told_of_the_client(version):
    with listening() as origin, \
            front(origin, upstream={"send_proxy_protocol": version}) as product:
        with product.client() as client:
            port = client.sock.getsockname()[1]
            for _ in range(3):
                client.send(request("/"))
                assert client.response().body == b"ok"
        assert origin.told[0].startswith(b"PROXY TCP4 " if version == "v1" else SIGNATURE)
        assert [ends(text) for text in origin.told] == [("127.0.0.1", port, "127.0.0.1")] * 3
        assert len(origin.connections) == 3, "a connection has one client and one request"


@VERSIONS
def test_the_backend_is_told_what_we_were_told(version):
    with listening() as origin, \
            front(origin, server=HERE, upstream={"send_proxy_protocol": version}) as product:
        ask(product, v1("192.0.2.9", 77) + request("/", CLOSE))
        ask(product, v2("2001:db8::9", 78) + request("/", CLOSE))
        assert [ends(text)[:2] for text in origin.told] == [("192.0.2.9", 77), ("2001:db8::9", 78)]


@VERSIONS
def test_each_request_behind_a_trusted_proxy_has_its_client(version):
    server = {"trusted_proxies": ["127.0.0.0/8"]}
    with listening() as origin, \
            front(origin, server=server, upstream={"send_proxy_protocol": version}) as product:
        with product.client() as client:
            for last in (1, 2):
                client.send(request("/", [("X-Forwarded-For", f"192.0.2.{last}")]))
                assert client.response().status == 200
        assert [ends(text)[:2] for text in origin.told] == [("192.0.2.1", 0), ("192.0.2.2", 0)]


def test_a_client_of_a_unix_socket_is_unknown():
    with tempfile.TemporaryDirectory() as folder:
        for version, wanted in (("v1", b"PROXY UNKNOWN\r\n"),
                                ("v2", SIGNATURE + b"\x21\x00\x00\x00")):
            with listening() as origin:
                path = os.path.join(folder, version)
                conf = config(origin.addr, server={"addr": f"unix:{path}"},
                              upstream={"send_proxy_protocol": version})
                with Product(conf) as product:
                    ask(product, request("/", CLOSE))
                assert origin.told == [wanted]


@VERSIONS
def test_http2_requests_have_connections_of_their_own(version):
    with listening() as origin, \
            front(origin, upstream={"send_proxy_protocol": version}) as product, \
            H2Client(product.address()[:2]) as client:
        for stream in (1, 3, 5):
            client.request(stream, head())
        for stream in (1, 3, 5):
            assert client.answer(stream).status == 200
        assert len(origin.told) == 3


def test_a_body_follows():
    body = b"b" * 300_000

    def say(data):
        return response(body=re.search(rb"(?i)content-length: (\d+)", data)[1])

    with listening(say) as origin, \
            front(origin, upstream={"send_proxy_protocol": "v1"}) as product:
        assert product.get("/", method="POST", body=body).body == str(len(body)).encode()


def test_websocket_goes_behind_it():
    with listening(lambda _: switching()) as origin, \
            front(origin, upstream={"send_proxy_protocol": "v1"}) as product, \
            product.client() as client:
        client.send(request("/ws", HANDSHAKE))
        assert client.response().status == 101
        client.send(b"frames")
        origin.wait(lambda: origin.connections[0].raw.endswith(b"frames"), "tunnel data")


def test_two_of_us_in_a_row(recorder):
    """What one sends, the other takes: over both versions the client stays the same."""
    for version in ("v1", "v2"):
        with front(recorder, server=HERE) as inner:
            host, port = inner.address()[:2]
            with front(f"{host}:{port}", upstream={"send_proxy_protocol": version},
                       server=HERE) as outer:
                ask(outer, V1 + request("/", CLOSE))
            assert inner.wait_log(1)[0]["peer"] == "192.0.2.1"
    assert {message.get("X-Real-IP") for message in recorder.requests} == {"192.0.2.1"}
