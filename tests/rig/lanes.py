"""Runs vectors side by side: lanes of one product, and the judge of what was seen.

A lane is a listener of the product with a recorder of its own behind it, used by one vector at a
time; so many vectors run at once against one process and none sees another's bytes.
"""

import contextlib
import queue
import threading

from .client import Client, Closed, request
from .deadline import until
from .h1 import Violation, request_violations, response_violations
from .notation import expand
from .origin import Origin
from .product import Product

PROBE = "/next"
CLEAN = "/clean"


class Seen:
    """What one run of a vector showed."""

    def __init__(self):
        self.answers = []  # Messages
        self.cut = None  # an answer that began and did not end
        self.ended = None  # how the product ended the connection before the probe
        self.extra = b""  # bytes after the last answer before the end
        self.probe = None  # the answer to the probe
        self.timeout = False
        self.violation = None  # the client got something that is not HTTP
        self.requests = []  # (connection, request) at the origin, the probe excluded
        self.partial = []  # connections with a request that began and did not end
        self.origin_bytes = None  # of the vector, the probe excluded

    def label(self):
        """The word of the Peers columns."""
        if self.answers and self.answers[0].status != 200:
            return str(self.answers[0].status)
        if len(self.answers) >= 2 and len(self.requests) >= 2:
            return "F2"
        if self.answers:
            return "F" if self.requests else str(self.answers[0].status)
        if self.cut:
            return "abort"
        return "drop" if self.ended else "wait"

    def __repr__(self):
        return (f"answers={[a.status for a in self.answers]} cut={self.cut} ended={self.ended} "
                f"extra={self.extra[:60]!r} probe={self.probe} timeout={self.timeout} "
                f"violation={self.violation} requests={[r for _, r in self.requests]} "
                f"partial={[c.partial for c in self.partial]} origin_bytes={self.origin_bytes}")


class Lane:
    """One listener, one recorder."""

    def __init__(self, name, address, origin, tls=None):
        self.name = name
        self.address = address
        self.origin = origin
        self.tls = tls  # what its clients speak (Client)
        self.answered = 0  # final answers the clients of this lane got
        self.forwarded = 0  # whole requests the recorder of this lane got

    def run(self, pieces, methods, wanted_answers, fin=False, timeout=5, want_close=None):
        """Sends the pieces on a new connection and observes until nothing can follow."""
        self.origin.reset()
        seen = Seen()
        with Client(self.address, timeout=timeout, tls=self.tls) as client:
            sent = client.send_pieces(pieces)
            if fin and sent:
                client.fin()
            try:
                self._read(client, seen, methods, wanted_answers, fin, want_close)
            except TimeoutError:
                seen.timeout = True
            except Violation as violation:
                seen.violation = violation
        self._record(seen)
        return seen

    def _read(self, client, seen, methods, wanted_answers, fin, want_close):
        while len(seen.answers) < wanted_answers:
            method = methods[min(len(seen.answers), len(methods) - 1)]
            try:
                message, complete = client.any_response(method)
            except Closed as closed:
                seen.ended = closed.how
                return
            if not complete:
                seen.cut, seen.ended = message, client.ended
                return
            seen.answers.append(message)
            if "close" in message.tokens("connection") or message.version == b"HTTP/1.0":
                break
        last = seen.answers[-1] if seen.answers else None
        closes = last and ("close" in last.tokens("connection") or last.framing == "close")
        if want_close or closes or fin or client.ended:
            seen.extra = client.read_to_end()
            seen.ended = client.ended
            return
        self.origin.settle()
        seen.origin_bytes = self.origin.received
        client.send(request(PROBE))
        try:
            seen.probe = client.response()
        except Closed as closed:
            seen.ended = closed.how

    def _record(self, seen):
        self.origin.settle()
        seen.requests = [(conn, message) for conn, message in self.origin._requests
                         if message.path() != PROBE]
        seen.partial = [conn for conn in self.origin.connections if conn.partial]
        if seen.origin_bytes is None:
            seen.origin_bytes = self.origin.received
        self.answered += len(seen.answers) + (1 if seen.probe else 0)
        self.forwarded += len(self.origin.requests)

    def clean_request(self):
        """A clean request on a new connection; returns what is wrong with its answer, or None."""
        self.origin.reset()
        with Client(self.address, tls=self.tls) as client:
            client.send(request(CLEAN, [("Connection", "close")]))
            try:
                answer = client.response()
            except (Closed, TimeoutError, Violation) as error:
                return f"clean request: {error!r}"
        self.answered += 1
        self.origin.settle()
        self.forwarded += len(self.origin.requests)
        if answer.status != 200 or answer.body != b"echo " + CLEAN.encode():
            return f"clean request: {answer} {answer.body[:100]!r}"
        return None


def judge(seen, outcomes, origin, strict=True):
    """The failures of one run; [] when one of the wanted outcomes was met."""
    common = invariants(seen, origin) if strict else []
    failures = [_outcome(seen, outcome) for outcome in outcomes]
    best = min(failures, key=len)
    return common + best


def invariants(seen, origin):
    """security.md 0.3 (2), (3): what must hold whatever the outcome."""
    found = [f"origin: {violation}" for violation in origin.violations()]
    found += [f"origin script: {error!r}" for error in origin.errors]
    for _, message in seen.requests:
        found += [f"at the origin: {text}" for text in request_violations(message)]
    for message in seen.answers:
        found += [f"at the client: {text}" for text in response_violations(message)]
    if seen.violation:
        found.append(f"at the client: {seen.violation}")
    if seen.probe is not None and seen.probe.body != b"echo " + PROBE.encode():
        found.append(f"the probe got another answer: {seen.probe} {seen.probe.body[:80]!r}")
    return found


def _outcome(seen, want):
    found = []
    statuses = [message.status for message in seen.answers]
    if not _statuses_match(statuses, want["answers"]):
        found.append(f"answers {statuses}, wanted {want['answers']}")
    if seen.timeout:
        found.append("timeout")
    if seen.cut:
        found.append(f"answer cut short: {seen.cut}")
    if seen.extra:
        found.append(f"bytes after the last answer: {seen.extra[:80]!r}")
    if len(seen.requests) not in want["forwarded"]:
        found.append(f"{len(seen.requests)} requests at the origin, wanted {want['forwarded']}")
    if want["close"] is True and not seen.ended:
        found.append("connection not closed")
    if want["close"] is False and seen.ended:
        found.append(f"connection closed ({seen.ended})")
    found += _origin_side(seen, want)
    return found


def _statuses_match(statuses, wanted):
    """`wanted`: allowed statuses per answer; a [] after an entry says: or no such answer."""
    if [] in wanted:
        optional = wanted.index([]) - 1
        without = wanted[:optional]
        wanted = wanted[:optional + 1]
        if len(statuses) == optional:
            wanted = without
    return len(statuses) == len(wanted) and all(
        status in allowed for status, allowed in zip(statuses, wanted))


def _origin_side(seen, want):
    if not max(want["forwarded"]):
        if seen.origin_bytes and not want.get("incomplete"):
            return [f"{seen.origin_bytes} bytes of a refused request at the origin"]
        return []
    found = []
    targets = [message.path() for _, message in seen.requests]
    # What may be answered by the product itself may be missing here.
    local = [target for target in want["targets"] if target not in want.get("optional", [])]
    if targets and targets not in (want["targets"], local):
        found.append(f"targets {targets}, wanted {want['targets']}")
    if seen.requests:
        found += _first_request(seen.requests[0][1], want)
    return found


def _first_request(message, want):
    found = []
    for name in want.get("absent", []):
        if message.all(name):
            found.append(f"{name} reached the origin: {message.all(name)}")
    for name, value in want.get("fields", {}).items():
        if message.all(name) != [value.encode()]:
            found.append(f"{name} at the origin: {message.all(name)}, wanted {value}")
    if "host" in want and message.all("host") != [want["host"].encode()]:
        found.append(f"Host at the origin: {message.all('host')}")
    if "body" in want and message.body != expand(want["body"]):
        found.append(f"body at the origin: {message.body[:80]!r}")
    if "trailers" in want and message.trailers != want["trailers"]:
        found.append(f"trailers at the origin: {message.trailers}")
    if want.get("cookies"):
        lines = message.all("cookie")
        if lines not in ([b"a=1; b=2"], [b"a=1", b"b=2"]):
            found.append(f"Cookie at the origin: {lines}")
    return found


def check_partial_closed(seen):
    """After a framing error inside a body the origin connection must not live on."""
    try:
        until(lambda: all(conn.ended or conn.closed for conn in seen.partial),
              "upstream connection of the broken request is closed", 2)
    except AssertionError as error:
        return [str(error)]
    return []


def run_vector(lane, vector, pieces, prefix=None, suffix=None, strict=True):
    """One run of one vector; `prefix`, `suffix`: targets of clean GETs glued to it. The failures."""
    methods, outcomes = vector.methods, vector.outcomes
    if prefix:
        methods = ["GET"] + methods
        outcomes = [prefixed(outcome, prefix) for outcome in outcomes]
    if suffix:
        methods = methods + ["GET"]
        outcomes = [suffixed(outcome, suffix) for outcome in outcomes]
    answers = max(len([a for a in outcome["answers"] if a]) for outcome in outcomes)
    close = all(outcome["close"] is True for outcome in outcomes)
    seen = lane.run(pieces, methods, answers, fin=vector.fin, want_close=close)
    failures = judge(seen, outcomes, lane.origin, strict)
    if not failures and seen.partial:
        failures += check_partial_closed(seen)
    return [f"{text}; {seen}" for text in failures]


def prefixed(outcome, target):
    """The outcome of the same bytes with a clean GET before them."""
    changed = dict(outcome)
    changed["answers"] = [[200]] + outcome["answers"]
    changed["forwarded"] = [count + 1 for count in outcome["forwarded"]]
    changed["targets"] = [target] + (outcome.get("targets", [])
                                     if max(outcome["forwarded"]) else [])
    changed["optional"] = may_be_local(outcome)
    for key in ("fields", "absent", "host", "body", "trailers", "cookies"):
        changed.pop(key, None)
    return changed


def may_be_local(outcome):
    return outcome.get("targets", []) if min(outcome["forwarded"]) == 0 else []


def suffixed(outcome, target):
    """The outcome of the same bytes with a clean GET after them."""
    return {**outcome, "answers": outcome["answers"] + [[200]],
            "forwarded": [count + 1 for count in outcome["forwarded"]],
            "targets": outcome["targets"] + [target], "optional": may_be_local(outcome)}


class Lanes:
    """The pool: work is a list of (key, function(lane) -> failures), results by key."""

    def __init__(self, lanes):
        self.lanes = lanes

    def run(self, jobs):
        todo = queue.Queue()
        for job in jobs:
            todo.put(job)
        results = {}
        threads = [threading.Thread(target=self._work, args=(lane, todo, results), daemon=True)
                   for lane in self.lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    @staticmethod
    def _work(lane, todo, results):
        while True:
            try:
                key, function = todo.get_nowait()
            except queue.Empty:
                return
            try:
                results[key] = function(lane)
            except Exception as error:  # a job that breaks is a failed job, the others go on
                results[key] = [f"{type(error).__name__}: {error}"]


class ProductLanes(Lanes):
    """Lanes of one pingap."""

    def __init__(self, count, location=None, server=None, upstream=None, basic=None, script=None,
                 transport=None):
        self.origins = [Origin(**({"script": script} if script else {})) for _ in range(count)]
        names = [f"lane{number}" for number in range(count)]
        self.product = Product({
            "basic": {"threads": 1, **(basic or {})},
            "upstreams": {name: {"addrs": [origin.addr], **(upstream or {})}
                          for name, origin in zip(names, self.origins)},
            "locations": {name: {"upstream": name, **(location or {})} for name in names},
            "servers": {name: {"addr": "127.0.0.1:0", "locations": [name], **(server or {})}
                        for name in names},
        }, transport=transport)
        tls = self.product.tls()
        super().__init__([Lane(name, self.product.address(name), origin, tls)
                          for name, origin in zip(names, self.origins)])

    def check_logs(self, forwarded=False):
        """0.3 (1), (5): answers = log lines; every refusal has a reason; forwarded = recorded."""
        found = []
        for lane in self.lanes:
            try:
                lines = self.product.wait_log(lane.answered, lane.name, timeout=3)
            except AssertionError as error:
                found.append(f"{lane.name}: {error}")
                continue
            found += [f"{lane.name}: no reason in {line}" for line in lines
                      if int(line["status"]) >= 400 and not line["reason"]]
            if forwarded and not self._settled_log(lane):
                found.append(f"{lane.name}: {self._forwarded(lane)} forwarded by the log, "
                             f"{lane.forwarded} at the origin")
        return found

    def _forwarded(self, lane):
        return sum(1 for line in self.product.log_lines(lane.name)
                   if line["upstream"] and int(line["status"]) < 400)

    def _settled_log(self, lane):
        """Not every line is of an answer that a client got: the last ones may still be to come."""
        with contextlib.suppress(AssertionError):
            until(lambda: self._forwarded(lane) >= lane.forwarded, "the whole log", 3)
        return self._forwarded(lane) == lane.forwarded

    def stop(self):
        try:
            self.product.__exit__(None)
        finally:
            for origin in self.origins:
                origin.stop()
