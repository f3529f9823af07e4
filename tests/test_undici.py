"""The undici of npm (Node's fetch) in front: HTTP/1.1 and HTTP/2 over TLS."""

import pytest

from rig import node
from rig.origin import Origin, pages, response
from rig.product import front
from rig.tls import authority

pytestmark = node.needs("undici")


def answer(path, message):
    if path == "/missing":
        return response(404, "Not Found", body=b"nothing")
    if path == "/moved":
        return response(302, "Found", [("Location", "/there")])
    sent = [("X-Sent", message.get("X-Sent"))] if message.get("X-Sent") else []
    if message.method == b"HEAD":
        return response(headers=[("Content-Length", "1234")], length=False)
    return response(headers=sent, body=message.body if message.method == b"POST" else path.encode())


ENDLESS = {"/endless": (b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nfirst\r\n")}


@pytest.mark.parametrize("how", ["h1", "h2"])
def test_undici(how):
    pair = authority().issue("localhost")
    with Origin(pages(answer, ENDLESS), keep=2 << 20) as origin, \
            front(origin, server=pair.keys()) as product:
        seen = node.run("undici_client.js", how, product.address()[1], authority().ca.cert)
        endless = next(conn for conn in origin.connections
                       if any(one.path() == "/endless" for one in conn.requests))
        origin.wait(lambda: endless.ended, "the abort is passed on")
        lines = product.wait_log(111)
    assert seen == {
        "get": [200, "words", "/first?a=b"], "head": [200, "1234", ""], "post": True,
        "streamed": True, "put": "/put", "many": 100, "missing": [404, "nothing"],
        "moved": [True, "/there"], "cut": "error", "began": "first", "after": "/after"}
    assert {line["proto"] for line in lines} == {"HTTP/2.0" if how == "h2" else "HTTP/1.1"}
    reasons = {line["uri"]: line["reason"] for line in lines if line["reason"]}
    assert reasons.pop("/cut") == "upstream_truncated"
    assert set(reasons) == {"/endless"}
