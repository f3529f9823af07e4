"""gRPC peers of other makes with a real .proto: @grpc/grpc-js before us, behind us and both.

Every kind of call, 8 MiB messages, all statuses, trailers, deadlines and cancellation; the same
conversation whoever speaks. The last word is the backend's: it has seen each call given up that
the client gave up.
"""

import contextlib
import shutil

import pytest

from rig import node
from rig.deadline import until
from rig.product import front
from rig.tls import authority

pytest.importorskip("grpc")
from rig import grpc_peers  # noqa: E402

pytestmark = [pytest.mark.skipif(not shutil.which("protoc"), reason="protoc is not installed"),
              node.needs("@grpc/grpc-js", "@grpc/proto-loader")]


@pytest.fixture(scope="module", name="pair")
def pair_fixture():
    return authority().issue("127.0.0.1", "a.test")


def backend(kind, pair):
    """(what serves, the keys of an upstream for it)"""
    if kind == "grpcio":
        return grpc_peers.serving(), {"protocol": "h2c"}
    if kind == "grpc-js":
        return node.serving("grpc_peers_server.js", grpc_peers.PROTO), {"protocol": "h2c"}
    return (node.serving("grpc_peers_server.js", grpc_peers.PROTO, pair.cert, pair.key),
            {"alpn": "h2", "tls": True, "ca": authority().ca.cert})


def converse(kind, product, secure):
    address = "%s:%d" % product.address()[:2]
    ca = [authority().ca.cert] if secure else []
    if kind == "grpcio":
        return grpc_peers.converse(address, *ca)
    return node.run("grpc_peers_client.js", address, grpc_peers.PROTO, *ca, timeout=30)


def given_up(address, tls):
    """How many calls the backend saw given up, asked without us between."""
    with contextlib.ExitStack() as stack:
        calls, _ = stack.enter_context(grpc_peers.channel(address, tls))
        return calls["GivenUp"](grpc_peers.messages().Message()).value


@pytest.mark.parametrize("client,behind,secure", [
    ("grpc-js", "grpcio", False), ("grpc-js", "grpcio", True),
    ("grpcio", "grpc-js", False), ("grpcio", "grpc-js with TLS", True),
    ("grpc-js", "grpc-js", False), ("grpc-js", "grpc-js with TLS", True),
    ("grpcio", "grpcio", True)])
def test_peers_understand_each_other(pair, client, behind, secure):
    server, upstream = backend(behind, pair)
    with server as address, front(address, upstream=upstream,
                                  server=pair.keys() if secure else {}) as product:
        seen = converse(client, product, secure)
        assert seen == grpc_peers.SEEN
        tls = authority().ca.cert if "TLS" in behind else None
        until(lambda: given_up(address, tls) == grpc_peers.GIVEN_UP, "all were given up there")
        assert {line["proto"] for line in product.log_lines()} == {"HTTP/2.0"}
        assert {line["status"] for line in product.log_lines()} == {200}
