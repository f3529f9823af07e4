"""RE-18: random deaths on every side, and afterwards the counters still add up."""

import random

from rig.client import Closed, request
from rig.deadline import until
from rig.h1 import Violation
from rig.origin import Origin, response
from rig.product import front

COUNT = 1500


def origin_that_dies(chooser):
    """Each request meets a fate; the client's connection decides nothing."""
    body = b"b" * 20000

    async def script(conn):
        while True:
            message = await conn.request()
            if message is None:
                return
            fate = "live" if message.path() == "/clean" else chooser.choice(
                ["live"] * 6 + ["rst", "fin", "half head", "half body", "junk after"])
            if fate == "rst":
                return conn.rst()
            if fate == "fin":
                return conn.close()
            if fate == "half head":
                await conn.send(b"HTTP/1.1 200 OK\r\nConte")
                return conn.rst()
            data = response(body=body)
            if fate == "half body":
                await conn.send(data[:-5000])
                return conn.rst()
            await conn.send(data + (b"junk" if fate == "junk after" else b""))

    return script


def test_re18_counters_add_up_after_random_kills():
    chooser = random.Random(18)
    sent = 0
    with Origin(origin_that_dies(random.Random(81))) as origin, front(origin) as product:
        product.get("/clean")
        descriptors = product.descriptors()
        client = product.client()
        for number in range(COUNT):
            method = chooser.choice(["GET", "POST", "HEAD"])
            body = b"u" * chooser.choice([0, 10, 50000]) if method == "POST" else None
            data = request(f"/{number}", method=method, body=body)
            fate = chooser.choice(["live"] * 6 + ["rst after", "cut", "fin after"])
            client.send(data[:-3] if fate == "cut" and body else data)
            sent += 1
            if fate == "rst after" or (fate == "cut" and body):
                client.rst()
                client = product.client()
                continue
            if fate == "fin after":
                client.fin()
            try:
                client.any_response(method)
                alive = not client.ended and fate != "fin after" and \
                    client.received == b"" and not client.readable(0)
            except (Closed, Violation):
                alive = False
            if not alive:
                client.close()
                client = product.client()
        client.close()
        product.check_alive()
        assert product.get("/clean").status == 200
        # Requests whose head never came whole are no requests; all others are logged once.
        lines = until(lambda: len(product.log_lines()) >= sent * 0.9 and product.log_lines(),
                      "log lines")
        uris = [line["uri"] for line in lines if line["uri"] != "/clean"]
        assert len(uris) == len(set(uris)) <= sent
        until(lambda: product.descriptors() <= descriptors + 70, "descriptors come back")
        assert all("poison" not in line["uri"] for line in lines)
