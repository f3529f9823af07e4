"""Request smuggling beyond single vectors: drain after local answers, desync, pipelining.

FR-01, FR-02, FR-04, FR-06 and RL-35 to RL-38 of security.md.
"""

import random
import threading
import time

import pytest

from rig import vectors
from rig.client import Closed, request
from rig.deadline import SLOW
from rig.h1 import Violation
from rig.notation import expand
from rig.origin import Origin
from rig.product import Product, config, front
from rig.standin import free_port

SMUG = expand("{SMUG}")

# What answers locally, as (target, host, headers, wanted statuses).
LOCAL = {
    "no route": ("/x", "nowhere.test", [], (404,)),
    "body too large": ("/small", "a.test", [], (413,)),
    "dead upstream": ("/dead", "a.test", [], (502, 503)),
    "bad path": ("/a%00b", "a.test", [], (400,)),
    "expectation": ("/ok", "a.test", [("Expect", "y")], (417,)),
}


@pytest.fixture
def locally(recorder):
    """A product that has each local answerer."""
    conf = config(recorder.addr, locations={
        "ok": {"host": ["a.test"], "path": "/"},
        "small": {"host": ["a.test"], "path": "/small", "client_max_body_size": 10},
        "dead": {"host": ["a.test"], "path": "/dead", "upstream": "dead"},
    })
    conf["upstreams"]["dead"] = {"addrs": [f"127.0.0.1:{free_port()}"]}
    with Product(conf) as product:
        yield product


def ask_local(client, case, framing):
    target, host, headers, statuses = LOCAL[case]
    client.send(request(target, headers + [framing], host, "POST"))
    return statuses


def check_no_desync(client, recorder, product):
    """Either closed, or the next request gets its own answer; never one to /smug."""
    client.send(request("/next"))
    try:
        answer = client.response()
    except Closed:
        answer = None
    assert answer is None or answer.body == b"echo /next"
    recorder.settle()
    assert "/smug" not in [message.path() for message in recorder.requests]
    assert product.get("/clean").body == b"echo /clean"


@pytest.mark.parametrize("case", LOCAL)
def test_fr01_body_of_a_locally_answered_request_is_not_a_request(locally, recorder, case):
    with locally.client() as client:
        target, host, headers, statuses = LOCAL[case]
        client.send(request(target, headers, host, "POST", SMUG))
        assert client.response("POST").status in statuses
        check_no_desync(client, recorder, locally)


@pytest.mark.parametrize("case", LOCAL)
def test_fr02_body_sent_after_the_local_answer_is_not_a_request(locally, recorder, case):
    with locally.client() as client:
        statuses = ask_local(client, case, ("Content-Length", str(len(SMUG))))
        try:
            assert client.response("POST", timeout=0.5).status in statuses
        except TimeoutError:
            pass  # waits for the body before it answers: as good
        client.send(SMUG)
        check_no_desync(client, recorder, locally)


@pytest.mark.parametrize("case", LOCAL)
def test_fr02_large_chunked_body_after_a_local_answer_is_drained_or_cut(locally, recorder, case):
    chunk = b"10000\r\n" + (SMUG * 2000)[:0x10000] + b"\r\n"
    with locally.client() as client:
        statuses = ask_local(client, case, ("Transfer-Encoding", "chunked"))
        for _ in range(16):
            client.send(chunk)
        client.send(b"0\r\n\r\n")
        try:
            assert client.response("POST").status in statuses
        except Closed as closed:
            # More than 64 KiB unread: a reset may overtake the answer only after the limit.
            assert closed.how == "rst"
        check_no_desync(client, recorder, locally)


def test_method_no_location_allows_is_refused_and_its_body_drained(recorder):
    with front(recorder, location={"methods": ["GET"]}) as product, product.client() as client:
        client.send(request("/", method="POST", body=SMUG))
        assert client.response("POST").status in (404, 405)
        check_no_desync(client, recorder, product)


def test_fr04_two_clients_over_one_pool_get_their_own_answers(recorder):
    framing = [vector for vector in vectors.requests() if vector.id[:2] in ("CL", "TE", "CK")]
    chosen = random.Random(4).sample(framing, len(framing)) * 2
    with front(recorder) as product, product.client() as honest:
        for number, vector in enumerate(chosen[:100]):
            with product.client() as attacker:
                attacker.send(vector.data)
                if number % 2:
                    try:
                        attacker.any_response(vector.methods[0], timeout=1)
                    except (Closed, TimeoutError, Violation):
                        pass
                assert honest.get(f"/honest/{number}").body == f"echo /honest/{number}".encode()


def test_fr06_pipelined_requests_are_answered_in_order(recorder):
    with front(recorder) as product, product.client() as client:
        client.send(b"".join(request(f"/{number}") for number in range(100)))
        bodies = [client.response().body for _ in range(100)]
    assert bodies == [b"echo /%d" % number for number in range(100)]


def test_fr06_malformed_request_in_a_pipeline_ends_it(recorder):
    requests = [request(f"/{number}") for number in range(100)]
    requests[49] = b"GET /49 HTTP/1.1\r\nHost: a.test\r\nX : y\r\n\r\n"
    with front(recorder) as product, product.client() as client:
        client.send(b"".join(requests))
        statuses = [client.response().status for _ in range(50)]
        client.wait_closed()
        recorder.settle()
    assert statuses == [200] * 49 + [400]
    assert len(recorder.requests) == 49


@pytest.mark.parametrize("field", [b"N" * 65535 + b": v", b"N" * 65536 + b": v",
                                   b"X: " + b"v" * ((1 << 16) + 5)])
def test_rl35_fields_around_the_16_bit_limit_are_refused(recorder, field):
    with front(recorder) as product, product.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n" + field + b"\r\n\r\n")
        assert client.response().status == 431
        recorder.settle()
        assert recorder.received == 0


def test_rl36_head_of_single_bytes_costs_linear_time(recorder):
    head = b"GET / HTTP/1.1\r\nHost: a.test\r\nX: "
    with front(recorder) as product, product.client() as client:
        client.send_pieces([head[index:index + 1] for index in range(len(head))])
        costs = []
        for _ in range(2):
            start = product.cpu_nanoseconds()
            client.send_pieces([b"a"] * 8000)
            costs.append(product.cpu_nanoseconds() - start)
        client.send(b"\r\n\r\n")
        assert client.response().status == 200
    assert costs[1] < 2 * costs[0], f"the second 8,000 bytes cost {costs[1] / costs[0]:.1f} times"


def test_rl37_endless_empty_lines_are_cut_off(recorder):
    with front(recorder) as product, product.client() as client:
        client.send(b"\r\n" * 10000 + request("/late"))
        answer = client.read_to_end()
        recorder.settle()
    assert recorder.requests == []
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("hello", [
    b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + b"\x5a" * 195 + b"\r\n\r\n",
    b"\x05\x01\x00" + b"\r\n\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + request("/"),
])
def test_rl38_other_protocols_on_a_plain_port_are_refused(recorder, hello):
    with front(recorder) as product:
        with product.client() as client:
            client.send(hello)
            assert client.response().status == 400
            client.wait_closed()
        line = product.wait_log(1)[0]
        recorder.settle()
        assert recorder.received == 0
        assert len(str(line["uri"])) <= 64 * 4 and line["reason"]
        assert not any(character in text for text in product.stderr for character in "\x16\x05")


def test_sl12_pipelining_client_does_not_starve_another(recorder):
    """One client pipelines without end; an honest one on the same worker still gets its turn."""
    def worst(product, count=60):
        times = []
        with product.client() as client:
            for _ in range(count):
                start = time.monotonic()
                assert client.get("/honest").status == 200
                times.append(time.monotonic() - start)
        return sorted(times)[int(count * 0.95)]

    with Origin(keep=0) as origin, front(origin) as product:
        idle = worst(product)
        stop = threading.Event()

        def flood():
            block = request("/f") * 1500
            with product.client() as client:
                client.sock.settimeout(0.2)
                while not stop.is_set():
                    try:
                        client.sock.sendall(block)
                        client.sock.recv(1 << 20)
                    except OSError:
                        pass
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            busy = worst(product)
        finally:
            stop.set()
            thread.join()
    assert busy < max(10 * idle, 0.1 * SLOW), f"{busy * 1000:.1f} ms, idle {idle * 1000:.1f} ms"
