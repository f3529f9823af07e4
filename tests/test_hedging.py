"""`hedge_after`: a second try beside one that is slow; the first answer is the client's."""

import contextlib

import pytest

from rig.client import request
from rig.deadline import until
from rig.origin import Gate, Origin, echo, response
from rig.product import front

HEDGED = {"hedge_after": "50ms"}


class Tries:
    """Two servers whose tries are played in the order in which they come, whichever gets them."""

    def __init__(self, *scripts):
        self.scripts = scripts
        self.played = []  # the connections, in that order
        self.origins = [Origin(self._play), Origin(self._play)]

    async def _play(self, conn):
        message = await conn.request()
        if message is not None:
            self.played.append(conn)
            await self.scripts[len(self.played) - 1](conn, message)

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for origin in self.origins:
                stack.enter_context(origin)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        return self._stack.__exit__(*exc)

    def addr(self, index):
        return self.played[index].origin.addr

    def wait(self, count):
        until(lambda: len(self.played) >= count, f"{count} tries")


async def silent(conn, _):
    await conn.end()


async def answer(conn, message):
    await conn.send(echo(message))
    await conn.end()


async def reset(conn, _):
    conn.rst()


async def unavailable(conn, _):
    await conn.send(response(503, "No", [], b"mine"))
    await conn.end()


def behind(gate, then):
    async def script(conn, message):
        await gate.wait()
        await then(conn, message)

    return script


def test_who_answers_first_is_the_clients():
    with Tries(silent, answer) as tries, front(tries.origins, location=HEDGED) as product:
        assert product.get("/x").status == 200
        line = product.wait_log(1)[0]
        until(lambda: tries.played[0].ended, "the slow one is given up")
    assert (int(line["attempts"]), line["status"]) == (2, 200)
    assert line["upstream"] == tries.addr(1) != tries.addr(0)
    assert line["failed_tries"] == f"{tries.addr(0)}=hedged"


def test_the_first_may_still_win():
    late = Gate()
    with Tries(behind(late, answer), silent) as tries, \
            front(tries.origins, location=HEDGED) as product, product.client() as client:
        client.send(request("/x"))
        tries.wait(2)
        late.open()
        assert client.response().status == 200
        line = product.wait_log(1)[0]
        until(lambda: tries.played[1].ended, "the second one is given up")
    assert line["upstream"] == tries.addr(0)
    assert line["failed_tries"] == f"{tries.addr(1)}=hedged"


def test_a_quick_answer_is_asked_for_once():
    with Tries(answer) as tries, \
            front(tries.origins, location={"hedge_after": "5s"}) as product:
        assert product.get("/x").status == 200
        assert int(product.wait_log(1)[0]["attempts"]) == 1
    assert len(tries.played) == 1


@pytest.mark.parametrize("failure,how", [(reset, "upstream_reset"), (unavailable, "503")])
@pytest.mark.parametrize("loser", [0, 1])
def test_one_fails_and_the_other_goes_on(failure, how, loser):
    both, failed, late = Gate(), Gate(), Gate()

    async def fail(conn, message):
        await both.wait()
        await failure(conn, message)
        failed.open()

    scripts = [behind(late, answer)] * 2
    scripts[loser] = fail
    with Tries(*scripts) as tries, \
            front(tries.origins, location=HEDGED | {"retry_on": ["reset", "503"]}) as product, \
            product.client() as client:
        client.send(request("/x"))
        tries.wait(2)
        both.open()
        failed.wait_opened()
        late.open()
        assert client.response().status == 200
        line = product.wait_log(1)[0]
    assert line["upstream"] == tries.addr(1 - loser)
    assert line["failed_tries"] == f"{tries.addr(loser)}={how}"
    assert len(tries.played) == 2


def test_both_fail():
    both = Gate()
    with Tries(behind(both, reset), behind(both, reset)) as tries, \
            front(tries.origins, location=HEDGED) as product, product.client() as client:
        client.send(request("/x"))
        tries.wait(2)
        both.open()
        assert client.response().status == 502
        line = product.wait_log(1)[0]
    assert line["reason"] == "upstream_reset" and int(line["attempts"]) == 2


def test_both_are_late():
    with Tries(silent, silent) as tries, \
            front(tries.origins, location=HEDGED | {"try_timeout": "200ms"}) as product:
        assert product.get("/x").status == 504
        line = product.wait_log(1)[0]
    assert line["reason"] == "upstream_timeout" and int(line["attempts"]) == 2
    assert line["failed_tries"] == f"{tries.addr(0)}=upstream_timeout"


def test_a_body_goes_to_both():
    with Tries(silent, answer) as tries, front(tries.origins, location=HEDGED) as product:
        assert product.get("/x", method="PUT", body=b"abc" * 100).status == 200
    bodies = [message.body for origin in tries.origins for message in origin.requests]
    assert bodies == [b"abc" * 100] * 2


def test_a_client_that_goes_ends_both():
    with Tries(silent, silent) as tries, front(tries.origins, location=HEDGED) as product:
        with product.client() as client:
            client.send(request("/x"))
            tries.wait(2)
            client.rst()
        until(lambda: all(conn.ended for conn in tries.played), "both are given up")


UNREPEATABLE = {
    "POST": {"method": "POST", "body": b"abc"},
    "a long body": {"method": "PUT", "body": b"a" * 100_000},
}


@pytest.mark.parametrize("what", UNREPEATABLE)
def test_what_must_not_be_repeated_is_not(what):
    late = Gate()
    with Tries(behind(late, answer)) as tries, \
            front(tries.origins, location=HEDGED | {"try_timeout": "300ms"}) as product:
        assert product.get("/x", **UNREPEATABLE[what]).status == 504
    assert len(tries.played) == 1


def test_a_budget_bounds_second_tries():
    keys = {"retry_budget_min": 0, "retry_budget_percent": 0}
    with Tries(silent) as tries, \
            front(tries.origins, upstream=keys,
                  location=HEDGED | {"try_timeout": "300ms"}) as product:
        assert product.get("/x").status == 504
    assert len(tries.played) == 1


def test_a_lone_server_is_asked_once():
    async def slow(conn):
        await conn.request()
        await conn.end()

    with Origin(slow) as origin, \
            front(origin, location=HEDGED | {"try_timeout": "300ms"}) as product:
        assert product.get("/x").status == 504
    assert len(origin.requests) == 1
