"""A reload that changes whom a server lets in: connections that are open are let in by it, too."""

import json

import pytest

from rig.client import request
from rig.deadline import until
from rig.h2 import H2Client, head
from rig.metrics import get
from rig.origin import Gate, Origin, echo
from rig.product import Product, config
from rig.standin import free_port
from rig.tls import TlsClient, authority, context, wrap

CA = authority()
PAIR = CA.issue("a.test")
SHOWN = context(client=CA.issue("c.test", common="Jane"))


def server(origin, **keys):
    """A product with TLS on an address that stays."""
    conf = config(origin.addr, server={**PAIR.keys(), **keys})
    conf["servers"]["main"]["addr"] = f"127.0.0.1:{free_port()}"
    conf["metrics"] = {"addr": "127.0.0.1:0"}
    return Product(conf)


def change(product, **keys):
    main = product.conf["servers"]["main"]
    for key, value in keys.items():
        main.pop(key) if value is None else main.update({key: value})
    product.write_config()
    code, out, err = product.order("reload")
    assert code == 0, out + err


def handshakes(product):
    """How many are under way."""
    return json.loads(get(product.address("metrics"), "/state")[2])["servers"][0]["speaks"].get(
        "tls_handshake", 0)


def over_h2(product, tls=True):
    wrapped = wrap(context(["h2"]), "a.test") if tls else None
    client = H2Client(product.address(), tls=wrapped)
    client.request(1, head(scheme="https" if tls else "http"))
    assert client.answer(1).status == 200
    return client


def test_who_has_shown_no_certificate_comes_again():
    with Origin() as origin, server(origin) as product:
        with TlsClient(product.address()) as h1, over_h2(product) as client:
            h1.send(request("/"))
            assert h1.response().status == 200
            change(product, tls_client_ca=CA.ca.cert)
            assert h1.read_to_end() == b""
            client.pump(lambda: client.goaway is not None)
        with TlsClient(product.address(), settings=SHOWN) as h1:
            h1.send(request("/"))
            assert h1.response().status == 200
        assert len(origin.requests) == 3


# What is under way is answered, and is the last.
def test_a_request_that_is_under_way_is_answered():
    gate = Gate()

    async def script(conn):
        while message := await conn.request():
            await gate.wait()
            await conn.send(echo(message))

    with Origin(script) as origin:
        with server(origin) as product, TlsClient(product.address()) as h1:
            h1.send(request("/"))
            until(lambda: origin.requests, "the request at the origin")
            change(product, tls_client_ca=CA.ca.cert)
            gate.open()
            assert h1.response().status == 200
            assert h1.read_to_end() == b""


def test_a_connection_in_the_clear_does_not_outlive_a_reload_to_tls():
    with Origin() as origin, server(origin) as product:
        change(product, tls_cert=None, tls_key=None)
        with over_h2(product, tls=False) as client:
            change(product, **PAIR.keys())
            client.pump(lambda: client.goaway is not None)


# Who waits in its handshake is not let in by the rules of before.
def test_a_handshake_that_is_under_way_is_not_finished():
    with Origin() as origin, server(origin) as product:
        with product.client() as client:
            client.send(b"\x16\x03\x01")  # the beginning of a ClientHello
            until(lambda: handshakes(product) == 1, "a handshake")
            change(product, tls_client_ca=CA.ca.cert)
            assert client.read_to_end() == b""


@pytest.mark.parametrize("keys", [{"keepalive_timeout": "50s"}, {"tls_client_ca": None}])
def test_other_changes_leave_connections_open(keys):
    before = {"tls_client_ca": CA.ca.cert} if "tls_client_ca" in keys else {}
    with Origin() as origin, server(origin, **before) as product:
        with TlsClient(product.address(), settings=SHOWN) as h1:
            h1.send(request("/"))
            assert h1.response().status == 200
            change(product, keepalive_timeout="50s")
            h1.send(request("/"))
            assert h1.response().status == 200
