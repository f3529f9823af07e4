"""A real browser: Chromium over TLS, HTTP/2 and HTTP/1.1, with WebSocket over both (RFC 8441)."""

import json
import os

import pytest

from rig import browser, node
from rig.origin import Origin, pages, response
from rig.product import Product, config
from rig.tls import authority

pytestmark = [browser.needed, node.needs("ws")]
HERE = os.path.dirname(os.path.abspath(__file__))

with open(os.path.join(HERE, "rig", "browser_page.html"), "rb") as page:
    PAGES = {
        "/": ("text/html; charset=utf-8", page.read()),
        "/style.css": ("text/css", b"body { color: rgb(1, 2, 3); }"),
    }


# Three events, then comments until the page has gone.
EVENTS = {"/events": (b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
                      b"".join(b"9\r\ndata: %d\n\n\r\n" % number for number in range(3)),
                      b"3\r\n:\n\n\r\n")}


def answer(path, message):
    if path in PAGES:
        kind, body = PAGES[path]
        return response(headers=[("Content-Type", kind)], body=body)
    if path == "/missing":
        return response(404, "Not Found", body=b"nothing")
    return response(body=message.body if message.method == b"POST" else message.target)


@pytest.mark.parametrize("protocol,behind", [("h2", "h1"), ("h2", "h2"), ("http/1.1", "h1")])
def test_a_page_with_all_that_pages_do(protocol, behind):
    pair = authority().issue("localhost")
    server = {"addr": "127.0.0.1:0", "enabled_h2": protocol == "h2", **pair.keys()}
    script_of = {"h1": "ws_server.js", "h2": "ws_h2_server.js"}[behind]
    with Origin(pages(answer, EVENTS), keep=2 << 20) as origin, \
            node.serving(script_of) as sockets:
        conf = config(origin.addr, server=server, locations={
            "all": {"path": "/"}, "sockets": {"path": "/ws", "upstream": "sockets"}})
        conf["upstreams"]["sockets"] = {"addrs": [sockets],
                                        "protocol": "h2c" if behind == "h2" else "http1"}
        with Product(conf) as product:
            url = f"https://localhost:{product.address()[1]}/"
            with browser.browsing(url, pair):
                origin.wait(lambda: any(one.path() == "/result" for one in origin.requests),
                            "the page is done", 40)
            seen = json.loads(next(one for one in origin.requests
                                   if one.path() == "/result").body)
            lines = product.wait_log(len(origin.requests) + 1)
    assert seen == {
        "protocol": protocol, "many": 60, "posted": True, "missing": 404, "cut": "error",
        "style": "rgb(1, 2, 3)", "events": ["0", "1", "2"], "socket": [True] * 5,
        "closed": [4321, True, "one"]}
    assert {line["proto"] for line in lines} == {"HTTP/2.0" if protocol == "h2" else "HTTP/1.1"}
    tunnel = next(line for line in lines if line["uri"] == "/ws")
    assert (tunnel["status"], tunnel["upstream_status"]) == \
        (200 if protocol == "h2" else 101, 200 if behind == "h2" else 101)
    # Of HTTP/1.1 see test_websocket.py::test_a_client_that_leaves_when_all_is_said_broke_nothing
    assert tunnel["reason"] in ([""] if protocol == "h2" else ["", "client_reset"])


def cors_answer(path, message):
    if path == "/":
        with open(os.path.join(HERE, "rig", "cors_page.html"), "rb") as file:
            return response(headers=[("Content-Type", "text/html; charset=utf-8")],
                            body=file.read())
    return response(headers=[("X-Shown", "yes"), ("Cache-Control", "max-age=600")],
                    body=message.target)


def test_what_a_page_may_read_of_another_origin_and_send_to_its_own():
    pair = authority().issue("localhost")
    server = {"addr": "127.0.0.1:0", **pair.keys()}
    page = "~ https://localhost:\\d+"
    plugins = {
        "open": {"type": "cors", "expose_headers": ["X-Shown"]},
        "mine": {"type": "cors", "allow_origin": [page], "allow_credentials": True,
                 "expose_headers": ["X-Shown"]},
        "foreign": {"type": "cors", "allow_origin": ["https://a.test"]},
        "bank": {"type": "csrf", "key": "k" * 32, "token_path": "/bank/csrf"},
    }
    with Origin(pages(cors_answer, {}), keep=2 << 20) as origin:
        conf = config(origin.addr, server=server, locations={"all": {"path": "/"}, **{
            name: {"path": "/" + name, "plugins": [name]} for name in plugins}})
        conf["plugins"] = plugins
        conf["servers"]["main"]["locations"] = ["all", "bank"]
        conf["servers"]["api"] = {**server, "locations": ["open", "mine", "foreign"]}
        with Product(conf) as product:
            url = f"https://localhost:{product.address()[1]}/#{product.address('api')[1]}"
            with browser.browsing(url, pair):
                origin.wait(lambda: any(one.path() == "/result" for one in origin.requests),
                            "the page is done", 40)
    paths = [one.path() for one in origin.requests]
    seen = json.loads(next(one for one in origin.requests if one.path() == "/result").body)
    assert seen == {"open": [200, "yes"], "kept": [200, "yes"], "mine": [200, "yes"],
                    "foreign": "kept from the page", "pay": [403, 403, 200]}
    assert paths.count("/open/kept") == 1  # the page got what was kept
    assert "/foreign" not in paths
