"""`hedge_after`: a second try beside one that is slow; the first answer is the client's."""

import contextlib
import json
import os

import pytest

from rig.client import request
from rig.deadline import holds, until
from rig.origin import Gate, Origin, echo, response
from rig.product import Product, config, front
from test_retry import dead

HEDGED = {"hedge_after": "50ms"}


class Tries:
    """Servers whose tries are played in the order in which they come, whichever gets them."""

    def __init__(self, *scripts, servers=2):
        self.scripts = scripts
        self.played = []  # the connections, in that order
        self.origins = [Origin(self._play) for _ in range(servers)]

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
        line = product.wait_log(1)[0]
        assert line["upstream"] == tries.addr(1)
        assert line["failed_tries"] == f"{tries.addr(0)}=client_reset"


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


def test_each_has_its_own_time():
    """The second one is not late because the first one is."""
    last = Gate()
    with Tries(silent, behind(last, answer)) as tries, \
            front(tries.origins, location=HEDGED | {"try_timeout": "300ms"}) as product, \
            product.client() as client:
        client.send(request("/x"))
        tries.wait(2)
        until(lambda: tries.played[0].ended, "the first one is late")
        last.open()
        assert client.response().status == 200
        assert product.wait_log(1)[0]["failed_tries"] == f"{tries.addr(0)}=upstream_timeout"


def test_a_second_try_that_nobody_saw_costs_no_retry(tmp_path):
    first_fails = Gate()
    gone = dead()
    with Tries(behind(first_fails, reset), answer) as tries:
        first, last = (one.addr for one in tries.origins)
        listed(tmp_path / "s", [(first, 0), (gone, 1), (last, 2)])
        with from_file(tmp_path / "s", HEDGED) as product, product.client() as client:
            client.send(request("/x"))
            tries.wait(1)
            holds(lambda: len(tries.played) == 1, "no third one", 0.3)  # meanwhile the second one is refused
            first_fails.open()
            assert client.response().status == 200
            line = product.wait_log(1)[0]
    assert line["failed_tries"] == f"{gone}=upstream_refused,{first}=upstream_reset"


def test_the_last_server_is_no_failed_try():
    with front(dead(), location=HEDGED) as product:
        assert product.get("/x").status == 502
        assert product.wait_log(1)[0]["failed_tries"] == ""


def test_the_status_is_that_of_the_server_in_the_log():
    """Not that of a try that was lost."""
    with Tries(silent, unavailable) as tries, \
            front(tries.origins,
                  location=HEDGED | {"retry_on": ["503"], "try_timeout": "300ms"}) as product:
        assert product.get("/x").status == 504
        line = product.wait_log(1)[0]
    assert line["upstream"] == tries.addr(0) and not line["upstream_status"]
    assert line["failed_tries"] == f"{tries.addr(1)}=503"


# --- what second tries say of a server

def said(product, text):
    return any(text in line for line in product.stderr)


def serving(is_slow):
    """A server that says nothing to a request as long as `is_slow()`."""
    async def script(conn):
        while (message := await conn.request()) is not None:
            if is_slow():
                await conn.end()
                return
            await conn.send(echo(message))

    return script


def test_a_server_that_is_always_late_is_left_out():
    """Twelve times in a row; three where nobody stands in for it."""
    with Origin(serving(lambda: True)) as hung, Origin() as good, \
            front([hung, good], location=HEDGED) as product:
        until(lambda: product.get("/x").status == 200 and said(product, "is out for"), "it is out")
        count = len(hung.requests)
        assert [product.get("/x").status for _ in range(10)] == [200] * 10
    assert count == len(hung.requests) == 12


def test_a_probe_that_is_late_has_failed():
    """A server that hangs is asked less and less often."""
    keys = {"circuit_break_open_duration": "100ms", "max_fails": 1}
    with Origin(serving(lambda: True)) as hung, Origin() as good, \
            front([hung, good], upstream=keys, location=HEDGED) as product:
        until(lambda: product.get("/x").status == 200 and said(product, "is out for"), "it is out")
        product.wait_line("is out for")
        seen = len(hung.requests)
        until(lambda: product.get("/x").status == 200 and len(hung.requests) >= seen + 3, "probes")
        statuses = [product.get("/x").status for _ in range(30)]
    # 100, 200, 400 ms: the next one comes after 800.
    assert statuses == [200] * 30 and len(hung.requests) <= seen + 4


def test_a_client_that_came_back_stays_with_its_server():
    slow = Gate()
    scripts = [serving(slow.is_open), serving(slow.is_open)]
    keys = {"sticky_cookie": "SRV", "sticky_secret": "x" * 32}
    with contextlib.ExitStack() as stack:
        origins = [stack.enter_context(Origin(script)) for script in scripts]
        product = stack.enter_context(
            front(origins, upstream=keys, location=HEDGED | {"try_timeout": "300ms"}))
        cookie = product.get("/x").get("Set-Cookie").partition(";")[0]
        slow.open()
        assert product.get("/x", headers=[("Cookie", cookie)]).status == 504
        assert int(product.wait_log(2)[1]["attempts"]) == 1


# --- servers that change while two tries are thought of

def listed(path, servers, weight=1):
    """A file of these (address, priority)."""
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump({"servers": [{"addr": addr, "weight": weight, "priority": priority}
                               for addr, priority in servers]}, file)
    os.rename(f"{path}.new", path)


def from_file(path, location, **upstream):
    conf = config([], location=location,
                  upstream={"discovery": "file", "discovery_file": str(path), **upstream})
    del conf["upstreams"]["origin"]["addrs"]
    return Product(conf)


class Shrinking:
    """A request is held at the last of three servers, which then is the only one; and the time
    for a second try passes. Then `then(conn, message)` ends it."""

    def __init__(self, path, then, **upstream):
        self.gate = Gate()
        self.held = []
        self.then = then
        with contextlib.ExitStack() as stack:
            self.origins = [stack.enter_context(Origin(self._play)) for _ in range(3)]
            listed(path, [(one.addr, 0) for one in self.origins])
            self.product = stack.enter_context(
                from_file(path, {"hedge_after": "3s"}, **upstream))
            for _ in self.origins:
                assert self.product.get("/warm").status == 200
            self.client = self._hold_at_last(stack)
            listed(path, [(self.origins[-1].addr, 0)])
            self.product.wait_line("lists 1 server")
            holds(lambda: self.product.process.poll() is None, "it runs", 3)
            self.gate.open()
            self.stack = stack.pop_all()

    async def _play(self, conn):
        while (message := await conn.request()) is not None:
            if message.path() == "/x":
                self.held.append(conn)
                if len(self.held) <= 3 and conn.origin is self.origins[-1]:
                    await self.gate.wait()
                    await self.then(conn, message)
                    continue
                if len(self.held) <= 3:
                    await conn.end()
                    return
            await conn.send(echo(message))

    def _hold_at_last(self, stack):
        for count in range(1, 4):
            client = stack.enter_context(self.product.client())
            client.send(request("/x"))
            until(lambda wanted=count: len(self.held) == wanted, "it is there")
            if self.held[-1].origin is self.origins[-1]:
                return client
        raise AssertionError("no turn for the last server")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return self.stack.__exit__(*exc)


def test_an_index_of_servers_that_are_gone_is_not_used_for_a_cookie(tmp_path):
    async def answers(conn, message):
        await conn.send(echo(message))

    keys = {"sticky_cookie": "SRV", "sticky_secret": "x" * 32}
    with Shrinking(tmp_path / "s", answers, **keys) as held:
        assert held.client.response().status == 200
        assert held.product.get("/warm").status == 200


def test_an_index_of_servers_that_are_gone_is_not_used_for_a_new_connection(tmp_path):
    async def closes(conn, _):
        conn.close()

    with Shrinking(tmp_path / "s", closes) as held:
        assert held.client.response().status == 200


def test_a_server_with_another_weight_is_the_same(tmp_path):
    with Origin(serving(lambda: True)) as lone:
        listed(tmp_path / "s", [(lone.addr, 0)])
        keys = {"hedge_after": "3s", "try_timeout": "4s"}
        with from_file(tmp_path / "s", keys) as product, product.client() as client:
            client.send(request("/x"))
            lone.wait_requests(1)
            listed(tmp_path / "s", [(lone.addr, 0)], weight=2)
            assert client.response(timeout=10).status == 504
        assert len(lone.requests) == 1
