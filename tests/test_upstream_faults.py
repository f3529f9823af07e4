"""Table 2C: what the client gets when the origin answers badly, for GET, HEAD and POST.

The recorder plays the bytes of a row to each request for /r/..., and echoes every other one.
"""

import pytest

from rig import batch, vectors
from rig.client import Client, Closed, request
from rig.deadline import until
from rig.h1 import Violation, response_violations
from rig.lanes import ProductLanes
from rig.notation import expand
from rig.origin import echo

FAULTS = {fault.id: fault for fault in vectors.faults()}
METHODS = ("GET", "HEAD", "POST")
UPLOAD = b"u" * (1 << 20)
LANES = 8


async def faulty(conn):
    """Plays origin.fault to /r/..., echoes the rest."""
    origin = conn.origin
    while True:
        message = await conn.request()
        if message is None:
            return
        if not message.path().startswith("/r/"):
            if not await conn.send(echo(message)):
                return
            continue
        origin.played.append(conn)
        if not await conn.send_pieces(origin.pieces):
            return
        if origin.fault.then == "rst":
            conn.rst()
            return
        if origin.fault.then == "fin":
            conn.fin()
        if origin.fault.then in ("fin", "hang"):
            await conn.end()
            return


class Seen:
    answer = None
    complete = False
    ended = None
    violation = None


def ask(lane, fault, method, pieces):
    """One request that meets the fault; what the client saw."""
    origin = lane.origin
    origin.reset()
    origin.fault, origin.pieces, origin.played = fault, pieces, []
    seen = Seen()
    with Client(lane.address, timeout=4) as client:
        client.send(request(f"/r/{fault.id}", method=method,
                            body=UPLOAD if method == "POST" else None))
        try:
            seen.answer, seen.complete = client.any_response(method)
        except (Closed, TimeoutError) as error:
            seen.ended = f"{type(error).__name__}: {error}"
            return seen
        except Violation as violation:
            seen.violation = violation
            return seen
        finally:
            lane.answered += 1
        seen.kept = seen.complete and kept(client)
        lane.answered += 1 if seen.kept else 0
    return seen


def kept(client):
    """Does the client connection serve another request?"""
    try:
        return client.get("/kept").body == b"echo /kept"
    except (Closed, TimeoutError, Violation):
        return False


def run(lane, fault, method, pieces, body_fault_may_abort=False):
    want = dict(fault.want[method])
    if body_fault_may_abort and fault.want["HEAD"]["status"] == [200]:
        want["or_abort"] = True
    seen = ask(lane, fault, method, pieces)
    failures = judge(seen, want, method) + judge_origin(lane.origin, want, method)
    wrong = lane.clean_request()
    return failures + ([wrong] if wrong else [])


def judge(seen, want, method):
    if seen.answer is None:
        return [f"no answer: {seen.ended or seen.violation}"]
    found = response_violations(seen.answer)
    aborted = not seen.complete
    status = seen.answer.status
    if want.get("or_abort") and aborted and status == 200:
        return found
    if want.get("abort"):
        return found + ([] if aborted and status == 200 else
                        [f"wanted an abort, got {seen.answer} whole={seen.complete}"])
    if aborted:
        return found + [f"cut short: {seen.answer}"]
    if status not in want["status"]:
        return found + [f"status {status}, wanted {want['status']}"]
    return found + contents(seen, want, method)


def contents(seen, want, method):
    answer = seen.answer
    found = []
    if "body" in want and answer.body != want["body"].encode():
        found.append(f"body {answer.body[:80]!r}, wanted {want['body']!r}")
    for name in want.get("absent", []):
        if answer.all(name):
            found.append(f"{name} reached the client")
    for name, value in want.get("fields", {}).items():
        if answer.all(name) != [value.encode()]:
            found.append(f"{name}: {answer.all(name)}, wanted {value}")
    for name, values in want.get("repeated", {}).items():
        if answer.all(name) != [value.encode() for value in values]:
            found.append(f"{name}: {answer.all(name)}, wanted {values}")
    for name, count in want.get("count", {}).items():
        if len(answer.all(name)) != count:
            found.append(f"{len(answer.all(name))} fields {name}")
    if "length" in want and answer.status == 200 and method != "HEAD":
        if answer.all("content-length") not in ([], [want["length"].encode()]):
            found.append(f"Content-Length {answer.all('content-length')}")
    if "trailers" in want and answer.trailers != want["trailers"]:
        found.append(f"trailers {answer.trailers}")
    if "interim_count" in want and len(answer.interim) not in want["interim_count"]:
        found.append(f"{len(answer.interim)} interim responses")
    if want.get("client_kept") and not seen.kept:
        found.append("the client connection was not kept")
    return found


def judge_origin(origin, want, method):
    origin.settle()
    found = [f"origin: {violation}" for violation in origin.violations()]
    attempts = len(origin.played)
    if not 1 <= attempts <= want["attempts"].get(method, want["attempts"]["GET"]):
        found.append(f"{attempts} attempts")
    if want.get("upstream_closed"):
        found += closed(origin)
    if want.get("upstream_reused") and any(conn.ended for conn in origin.played):
        found.append("upstream connection closed, wanted reusable")
    return found


def closed(origin):
    try:
        until(lambda: all(conn.ended or conn.closed for conn in origin.played),
              "upstream connection closed by the product", 2)
    except AssertionError as error:
        return [str(error)]
    return []


def whole(lane, fault, method):
    return run(lane, fault, method, [fault.data] if fault.data else [])


def cut(lane, fault, method):
    """Byte by byte the outcome is the same; a fault in the body may find the head gone out."""
    return run(lane, fault, method, vectors.bytewise(fault.data, 1500) if fault.data else [],
               body_fault_may_abort=True)


TESTS = {"test_fault": whole, "test_fault_cut_at_every_byte": cut}


@pytest.fixture(scope="module")
def results(request):
    jobs = []
    for name, params in batch.selected(request, TESTS):
        fault, method = FAULTS[params["fault_id"]], params["method"]
        jobs.append(((name, fault.id, method), batch.job(TESTS[name], fault, method)))
    lanes = ProductLanes(LANES, script=faulty,
                         upstream={"read_timeout": "2s", "connection_timeout": "1s"})
    try:
        found = lanes.run(jobs)
        found["logs"] = lanes.check_logs()
        lanes.product.check_alive()
    finally:
        lanes.stop()
    return found


def check(results, test, fault_id, method):
    failures = results[(test, fault_id, method)]
    assert not failures, f"{fault_id} {method}, wanted {FAULTS[fault_id].want_text}:\n" + \
        "\n".join(failures)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fault_id", FAULTS)
def test_fault(results, fault_id, method):
    check(results, "test_fault", fault_id, method)


@pytest.mark.parametrize("method", ["GET"])
@pytest.mark.parametrize("fault_id", FAULTS)
def test_fault_cut_at_every_byte(results, fault_id, method):
    check(results, "test_fault_cut_at_every_byte", fault_id, method)


def test_every_answer_is_logged_and_every_error_has_a_reason(results):
    assert not results["logs"], "\n".join(results["logs"])


def test_bytes_of_the_table_are_what_the_notation_says():
    assert FAULTS["U12"].data == expand("{OK}Content-Length: 10\\r\\n\\r\\nabc")
