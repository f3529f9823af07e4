"""WebSocket with real peers: node-ws and Node's HTTP/2, behind us and in front."""

import pytest

from rig import node
from rig.product import front

pytestmark = node.needs("ws")


def talk(product, how):
    """What the client saw."""
    seen = node.run("ws_client.js", how, product.address()[1])
    assert seen.get("error") is None
    assert seen["status"] == (101 if how == "h1" else 200)
    assert seen["protocol"] == "one"
    assert seen["messages"] == [True] * 5
    assert seen["pong"] == "are you there"
    assert seen["close"] == [4321, "enough"]
    assert how == "h1" or seen["announced"] is True
    return seen


@pytest.mark.parametrize("how", ["h1", "h2"])
def test_messages_pings_and_the_close_go_both_ways(how):
    with node.serving("ws_server.js") as backend, front(backend) as product:
        seen = talk(product, how)
        line = product.wait_log(1)[0]
    assert seen["extensions"] == ("permessage-deflate" if how == "h1" else "")
    assert (line["upstream_status"], line["reason"]) == (101, "")


@pytest.mark.parametrize("how", ["h1", "h2"])
def test_the_same_with_a_server_of_http2(how):
    with node.serving("ws_h2_server.js") as backend, \
            front(backend, upstream={"protocol": "h2c"}) as product:
        seen = talk(product, how)
        line = product.wait_log(1)[0]
    assert seen["extensions"] == ""
    assert (line["upstream_status"], line["reason"]) == (200, "")
