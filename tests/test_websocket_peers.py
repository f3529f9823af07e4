"""WebSocket with real peers: node-ws and Node's HTTP/2, behind us and in front."""

import contextlib
import json
import os
import shutil
import subprocess

import pytest

from rig.deadline import seconds
from rig.product import front

RIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rig")
MODULES = "/usr/share/nodejs"
pytestmark = pytest.mark.skipif(
    not shutil.which("node") or not os.path.isdir(os.path.join(MODULES, "ws")), reason="node-ws")


def node(script, *args, **options):
    return subprocess.Popen(["node", os.path.join(RIG, script), *map(str, args)],
                            env={**os.environ, "NODE_PATH": MODULES}, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, **options)


@contextlib.contextmanager
def echo_server(script="ws_server.js"):
    with node(script) as process:
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def talk(product, how):
    """What the client saw."""
    with node("ws_client.js", how, product.address()[1]) as client:
        try:
            out, _ = client.communicate(timeout=seconds(20))
        finally:
            client.kill()
    seen = json.loads(out)
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
    with echo_server() as backend, front(backend) as product:
        seen = talk(product, how)
        line = product.wait_log(1)[0]
    assert seen["extensions"] == ("permessage-deflate" if how == "h1" else "")
    assert (line["upstream_status"], line["reason"]) == (101, "")


@pytest.mark.parametrize("how", ["h1", "h2"])
def test_the_same_with_a_server_of_http2(how):
    with echo_server("ws_h2_server.js") as backend, \
            front(backend, upstream={"protocol": "h2c"}) as product:
        seen = talk(product, how)
        line = product.wait_log(1)[0]
    assert seen["extensions"] == ""
    assert (line["upstream_status"], line["reason"]) == (200, "")
