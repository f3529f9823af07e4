"""What an operator may say about sending requests again: on what, how often, for how long."""

import contextlib
import threading

import pytest

from rig.client import request
from rig.deadline import until
from rig.origin import Gate, Origin, echo, response
from rig.product import front
from rig.standin import free_port
from test_retry import close, dead, fatal, reset


def answering(status, headers=()):
    """An origin that says `status` to everything."""
    return Origin(answer=lambda _: response(status, "No", headers, b"mine"))


def gets(product, count, method="GET", **options):
    return [product.get("/x", method=method, **options).status for _ in range(count)]


# --- on what

@pytest.mark.parametrize("retry_on", [["503"], ["5xx"], ["500-504"], "503"])
def test_a_listed_status_goes_to_another_server(retry_on):
    with answering(503) as bad, Origin() as good, \
            front([bad, good], location={"retry_on": retry_on}) as product:
        assert gets(product, 6) == [200] * 6
        lines = product.wait_log(6)
    assert bad.requests and len(good.requests) == 6
    assert sum(int(line["attempts"]) for line in lines) == 6 + len(bad.requests)


def test_another_status_is_passed_on():
    with answering(500) as bad, Origin() as good, \
            front([bad, good], location={"retry_on": ["503"]}) as product:
        assert sorted(gets(product, 4)) == [200, 200, 500, 500]


def test_a_listed_status_of_a_post_is_passed_on():
    with answering(503) as bad, Origin() as good, \
            front([bad, good], location={"retry_on": ["503"]}) as product:
        assert sorted(gets(product, 4, "POST", body=b"abc")) == [200, 200, 503, 503]


def test_any_method_is_for_those_who_say_so():
    keys = {"retry_on": ["503", "reset"], "retry_any_method": True}
    with answering(503) as bad, Origin() as good, front([bad, good], location=keys) as product:
        assert gets(product, 4, "POST", body=b"abc") == [200] * 4
    assert [message.body for message in good.requests] == [b"abc"] * 4


def test_the_last_try_is_what_the_client_sees():
    with answering(503, [("X-Who", "bad")]) as bad, \
            front(bad, location={"retry_on": ["503"], "max_retries": 2}) as product:
        seen = product.get("/")
        line = product.wait_log(1)[0]
    assert (seen.status, seen.body, seen.get("X-Who")) == (503, b"mine", "bad")
    assert len(bad.requests) == 3 and int(line["attempts"]) == 3


def test_no_answer_in_time_goes_to_another_server_when_asked_for():
    async def silent(conn):
        await conn.request()
        await conn.end()

    keys = {"retry_on": ["timeout"], "try_timeout": "200ms"}
    with Origin(silent) as bad, Origin() as good, front([bad, good], location=keys) as product:
        assert gets(product, 4) == [200] * 4
    assert bad.requests


def test_no_answer_in_time_is_not_repeated_by_default():
    async def silent(conn):
        await conn.request()
        await conn.end()

    with Origin(silent) as bad, front(bad, location={"try_timeout": "200ms"}) as product:
        assert product.get("/").status == 504
        assert product.wait_log(1)[0]["reason"] == "upstream_timeout"
    assert len(bad.requests) == 1


@pytest.mark.parametrize("death", [reset, close])
def test_off_is_off(death):
    with Origin(fatal(death)) as bad, Origin() as good, \
            front([bad, good, dead()], location={"retry_on": "off"}) as product:
        assert sorted(gets(product, 6)) == [200, 200, 502, 502, 502, 502]


# --- how often

@pytest.mark.parametrize("most,tries", [(0, 1), (1, 2), (4, 5)])
def test_max_retries(most, tries):
    with Origin(fatal(reset)) as bad, \
            front(bad, location={"max_retries": most}) as product:
        assert product.get("/").status == 502
        assert int(product.wait_log(1)[0]["attempts"]) == tries
    assert len(bad.requests) == tries


def test_a_window_bounds_them():
    async def slow_death(conn):
        await conn.request()
        await conn.origin.gate.wait()
        conn.rst()

    keys = {"max_retries": 20, "max_retry_window": "100ms"}
    with Origin(slow_death) as bad, front(bad, location=keys) as product:
        bad.gate = Gate()
        with product.client() as client:
            client.send(request("/"))
            bad.wait_requests(1)
            assert not client.readable(0.2)
            bad.gate.open()
            assert client.response().status == 502
    assert len(bad.requests) == 1


def test_retries_do_not_amplify_an_outage():
    """With every server failing, 60 requests at once cause no more than their budget of retries."""
    count = 60
    async def wait_and_fail(conn):
        if await conn.request() is not None:
            await conn.origin.gate.wait()
            conn.rst()

    with Origin(wait_and_fail) as bad, contextlib.ExitStack() as stack:
        bad.gate = Gate()
        product = stack.enter_context(front(
            bad, location={"max_retries": 20}, upstream={"retry_budget_percent": 10,
                                                         "retry_budget_min": 2}))
        clients = [stack.enter_context(product.client()) for _ in range(count)]
        for client in clients:
            client.send(request("/"))
        bad.wait_requests(count)
        bad.gate.open()
        assert [client.response().status for client in clients] == [502] * count
        seen = len(bad.requests)
    # Six at once, and what goes on while they fail one by one; without a budget it would be 1,260.
    assert seen <= count + 6 * 20


def test_who_cannot_reach_a_server_is_no_matter_of_the_budget():
    """The first other server gets each of them, however many they are at once."""
    count = 24

    async def wait(conn):
        message = await conn.request()
        if message is not None:
            await conn.origin.gate.wait()
            await conn.send(echo(message))

    keys = {"max_fails": 0, "retry_budget_percent": 0, "retry_budget_min": 0}
    with Origin(wait) as good, contextlib.ExitStack() as stack:
        good.gate = Gate()
        product = stack.enter_context(front([dead(), good], upstream=keys))
        clients = [stack.enter_context(product.client()) for _ in range(count)]
        for client in clients:
            client.send(request("/"))
        good.wait_requests(count)
        good.gate.open()
        assert [client.response().status for client in clients] == [200] * count


def test_a_request_timeout_bounds_all_of_it():
    async def silent(conn):
        await conn.request()
        await conn.end()

    keys = {"request_timeout": "300ms", "retry_on": ["timeout"], "try_timeout": "100ms",
            "max_retries": 20}
    with Origin(silent) as bad, front(bad, location=keys) as product:
        assert product.get("/").status == 504
        assert product.wait_log(1)[0]["reason"] == "deadline_exceeded"
    assert 2 <= len(bad.requests) <= 4


def test_a_request_timeout_cuts_a_body_that_goes_on():
    async def endless(conn):
        await conn.request()
        await conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await conn.end()

    with Origin(endless) as slow, \
            front(slow, location={"request_timeout": "300ms"}) as product, \
            product.client() as client:
        client.send(request("/"))
        answer, whole = client.any_response()
        assert (answer.status, whole) == (200, False)
        assert product.wait_log(1)[0]["reason"] == "deadline_exceeded"


# --- servers that do not answer are left out

def test_a_dead_server_is_asked_no_more(recorder):
    """Three in a row, then one probe each time its time is over."""
    addr = dead()
    with front([addr, recorder.addr]) as product, product.client() as client:
        for _ in range(40):
            assert client.get("/").status == 200
        attempts = [int(line["attempts"]) for line in product.wait_log(40)]
        product.wait_line(f"{addr} is out for .*: it does not answer")
    assert sum(attempts) - 40 == 3


def test_a_dead_server_comes_back_by_itself():
    """Its time over, one request of a client is the probe; then it is in again."""
    port = free_port()
    upstream = {"circuit_break_open_duration": "200ms"}
    with Origin() as good, front([f"127.0.0.1:{port}", good.addr], upstream=upstream) as product:
        assert gets(product, 20) == [200] * 20
        with Origin(port=port) as back:
            def served():
                assert product.get("/").status == 200
                return len(back.requests) >= 3
            until(served, "the server that is back is used")


def test_a_server_alone_is_never_left_out():
    with Origin(fatal(reset)) as only, front(only) as product:
        assert gets(product, 10) == [502] * 10
        only.reset()
        assert all("is out for" not in line for line in product.stderr)
        assert product.get("/").status == 502
    assert only.requests


# --- circuit breaker

BREAKER = {"circuit_break_max_consecutive_failures": 3,
           "circuit_break_half_open_consecutive_success_threshold": 2,
           "circuit_break_open_duration": "500ms"}


def test_a_breaker_opens_and_says_when_to_come_again():
    with answering(500) as bad, front(bad, upstream=BREAKER) as product:
        assert gets(product, 3) == [500] * 3
        seen = product.get("/")
        line = product.wait_log(4)[3]
    assert (seen.status, seen.get("Retry-After"), line["reason"]) == (503, "1", "upstream_out")
    assert len(bad.requests) == 3


def test_when_the_breakers_of_too_many_are_open_all_are_asked():
    """They are back when they have answered well so often, long before their time is over."""
    status = [500]
    answer = lambda message: (response(status[0], "X", (), b"") if status[0] != 200  # noqa: E731
                              else echo(message))
    upstream = {**BREAKER, "circuit_break_open_duration": "1h"}
    with Origin(answer=answer) as a, Origin(answer=answer) as b, \
            front([a, b], upstream=upstream) as product:
        assert gets(product, 20) == [500] * 20
        assert (len(a.requests), len(b.requests)) == (10, 10)
        product.wait_line("is out for .*: too many failures in a row")
        status[0] = 200
        assert gets(product, 4) == [200] * 4
        product.wait_line("is in again")


def test_a_breaker_closes_after_probes_that_succeed():
    status = [500]
    with Origin(answer=lambda message: response(status[0], "X", (), b"")
                if status[0] != 200 else echo(message)) as origin, \
            front(origin, upstream=BREAKER) as product:
        assert gets(product, 4) == [500] * 3 + [503]
        status[0] = 200
        until(lambda: product.get("/").status == 200, "a probe goes")
        assert gets(product, 10) == [200] * 10


def test_a_breaker_by_percentage():
    answers = iter(range(1000))
    upstream = {"circuit_break_max_failure_percent": 50, "circuit_break_min_requests_threshold": 10}
    with Origin(answer=lambda message: response(500, "X", (), b"")
                if next(answers) % 2 else echo(message)) as origin, \
            front(origin, upstream=upstream) as product:
        statuses = gets(product, 12)
    assert statuses == [200, 500] * 5 + [503, 503]


def test_listed_statuses_are_what_a_breaker_counts():
    upstream = {**BREAKER, "backend_failure_status_code": "503"}
    with answering(500) as bad, front(bad, upstream=upstream) as product:
        assert gets(product, 6) == [500] * 6


def test_probes_that_never_answer_do_not_lock_a_server_out():
    """The original stays half open for ever."""
    dying = threading.Event()

    async def script(conn):
        message = await conn.request()
        while message is not None:
            if message.path() == "/silent":
                await conn.end()
                return
            await conn.send(response(500, "X", (), b"") if dying.is_set() else echo(message))
            message = await conn.request()

    with Origin(script) as origin, \
            front(origin, upstream={**BREAKER, "read_timeout": "30s"}) as product:
        dying.set()
        assert gets(product, 4) == [500] * 3 + [503]
        dying.clear()
        with product.client() as lost:
            def sent():
                lost.send(request("/silent"))
                if lost.readable(0.1):
                    assert lost.response().status == 503
                    return False
                return True
            until(sent, "the probe is the one that hangs")
            assert product.get("/").status == 503
            until(lambda: product.get("/").status == 200, "another probe goes")
