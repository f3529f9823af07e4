"""How an exchange ended: the same in the access log, the metrics and the trace."""

import pytest

from rig.client import request
from rig.collector import SERVER, HttpCollector
from rig.deadline import until
from rig.metrics import scrape
from rig.origin import Origin, play, response
from rig.product import Product, config

HALF = response(body=b"x" * 100)[:-50]
HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 20_000_000
POST = b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nab"


def asks(product, _):
    """Asks, and reads what comes, whole or not."""
    with product.client() as client:
        client.send(request("/a", [("Connection", "close")]))
        client.read_to_end()


def asks_twice(product, origin):
    asks(product, origin)
    asks(product, origin)


def asks_beside_another(product, origin):
    """Asks while somebody else has the only connection that there may be."""
    with product.client() as other:
        other.send(request("/held"))
        origin.wait_requests(1)
        asks(product, origin)
        product.wait_log(1)


def leaves_amid_the_answer(product, _):
    with product.client() as client:
        client.send(request("/a"))
        client.bytes(20)
        client.rst()


def does_not_read(product, _):
    with product.client(rcvbuf=4096) as client:
        client.send(request("/a"))
        product.wait_log(1)


def sends(data):
    def act(product, _):
        with product.client() as client:
            client.send(data)
            client.read_to_end()
    return act


NEVER, SHORT = play(b"", "hang"), "100ms"
ONE = {"max_connections": 1}
BREAKER = {"circuit_break_max_consecutive_failures": 1, "circuit_break_scope": "upstream",
           "circuit_break_open_duration": "1m"}
# letters, reason, status, what the origin does, keys, what the client does
CASES = {
    "SH": ("upstream_closed", 502, play(b"", "fin"), {}, asks),
    "SD": ("upstream_truncated", 200, play(HALF, "fin"), {}, asks),
    "sH": ("upstream_timeout", 504, NEVER, {"location": {"read_timeout": SHORT}}, asks),
    "sD": ("upstream_idle_timeout", 200, play(HALF, "hang"),
           {"location": {"read_timeout": SHORT}}, asks),
    "TH": ("deadline_exceeded", 504, NEVER, {"location": {"request_timeout": SHORT}}, asks),
    "TD": ("deadline_exceeded", 200, play(HALF, "hang"),
           {"location": {"request_timeout": SHORT}}, asks),
    "SQ": ("upstream_out", 503, play(b"", "fin"), {"upstream": BREAKER}, asks_twice),
    "RQ": ("upstream_limit", 503, NEVER, {"upstream": ONE}, asks_beside_another),
    "sQ": ("queue_timeout", 503, NEVER, {"upstream": {**ONE, "queue_timeout": SHORT}},
           asks_beside_another),
    "cH": ("body_timeout", 408, NEVER, {"server": {"body_timeout": SHORT}}, sends(POST)),
    "cR": ("header_timeout", 408, NEVER, {"server": {"header_timeout": SHORT}},
           sends(b"GET /a HTTP/1.1\r\nHost: a.test\r\n")),
    "CD": ("client_reset", 200, play(HALF, "hang"), {}, leaves_amid_the_answer),
    "cD": ("client_stalled", 200, play(HUGE, "hang"), {"server": {"write_timeout": "300ms"}},
           does_not_read),
}


@pytest.mark.parametrize("letters", CASES)
def test_log_metrics_and_trace_say_the_same(letters):
    reason, status, script, keys, act = CASES[letters]
    with Origin(script=script) as origin, HttpCollector() as collector:
        conf = config(origin.addr, **keys)
        conf["metrics"] = {"addr": "127.0.0.1:0"}
        conf["tracing"] = {"endpoint": collector.endpoint, "batch_delay": "20ms"}
        with Product(conf) as product:
            act(product, origin)
            line = until(lambda: next((one for one in product.log_lines()
                                       if one["reason"] == reason), None), "its line")
            samples = until(lambda: (lambda now: now if now.one(
                "http_request_errors_total", reason=reason) else None)(scrape(product)), "a count")
            if letters != "cR":  # no head, no span
                [span] = until(lambda: [one for one in collector.spans if one.kind == SERVER
                                        and one["pingap.reason"] == reason], "its span")
                assert span["http.response.status_code"] == status
    assert (line["termination"], line["reason"], line["status"]) == (letters, reason, status)
    assert [row["location"] for row, value in samples.of("http_terminations_total")
            if row["termination"] == letters and value == 1] == ["_other" if letters == "cR"
                                                                 else "all"]
