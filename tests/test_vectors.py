"""Every HTTP/1 vector of tables 1A, 1B, 1C: whole, cut, byte by byte, glued; in the clear and,
as the transport law wants it (security.md 0.3), over TLS.

All vectors of a run go through one product, many at once (rig/lanes.py), before the first test
reports; each test then looks at its own result. -k CL-04 runs only what CL-04 needs.
"""

import random

import pytest

from rig import batch, tls, vectors
from rig.deadline import SLOW
from rig.lanes import ProductLanes, run_vector

VECTORS = {vector.id: vector for vector in vectors.requests()}
OVER_TLS = {vector.id: vector.over_tls() for vector in vectors.requests()}
LANES = 6


def whole(lane, vector):
    failures = run_vector(lane, vector, [vector.data])
    return failures or clean(lane)


def split(lane, vector):
    """The split law: cut anywhere, the outcome is the same."""
    for pieces in vectors.splits(vector.data):
        failures = run_vector(lane, vector, pieces)
        if failures:
            return [f"cut at {len(pieces[0])}: {text}" for text in failures]
    return clean(lane)


def bytewise(lane, vector):
    """One byte per write, each read before the next, and a few random cuttings."""
    random_cuts = random.Random(vector.id)
    variants = [vectors.bytewise(vector.data)]
    for _ in range(3):
        cuts = sorted(random_cuts.sample(range(1, len(vector.data)), min(5, len(vector.data) - 1)))
        variants.append([vector.data[start:end]
                         for start, end in zip([0] + cuts, cuts + [len(vector.data)])])
    for pieces in variants:
        failures = run_vector(lane, vector, pieces)
        if failures:
            return [f"{len(pieces)} pieces: {text}" for text in failures]
    return clean(lane)


def glued(lane, vector):
    """The glue law: clean requests around the vector in the same write change nothing."""
    first = b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n"
    failures = run_vector(lane, vector, [first + vector.data], prefix="/first")
    if not failures and vector.kept_open:
        behind = b"GET /behind HTTP/1.1\r\nHost: a.test\r\n\r\n"
        failures = run_vector(lane, vector, [vector.data + behind], suffix="/behind")
    return failures or clean(lane)


def clean(lane):
    """0.3 (4): a following clean request on a new connection is served."""
    wrong = lane.clean_request()
    return [wrong] if wrong else []


VARIANTS = {"test_whole": whole, "test_split": split, "test_bytewise": bytewise,
            "test_glued": glued}


def run_all(selected, table, transport):
    """{(test, id): failures} of these; what is wrong at the end has keys of its own."""
    jobs = [((name, id), batch.job(VARIANTS[name], table[id])) for name, id in selected]
    lanes = ProductLanes(LANES, transport=transport)
    try:
        lanes.run([(vector.id, batch.job(whole, vector)) for vector in table.values()])
        before = lanes.product.rss()
        found = lanes.run(jobs)
        found["memory"] = lanes.product.rss() - before
        found["logs"] = lanes.check_logs(forwarded=True)
        lanes.product.check_alive()
    finally:
        lanes.stop()
    return found


@pytest.fixture(scope="module")
def results(request):
    """{transport: what run_all() found} of everything selected in this run."""
    selected = {"clear": [], "tls": []}
    for name, params in batch.selected(request, VARIANTS):
        selected[params["over"]].append((name, params["vector_id"]))
    found = {}
    if selected["clear"]:
        found["clear"] = run_all(selected["clear"], VECTORS, None)
    if selected["tls"]:
        found["tls"] = run_all(selected["tls"], OVER_TLS, tls.transport())
    return found


def check(results, over, test, vector_id):
    failures = results[over][(test, vector_id)]
    assert not failures, f"{vector_id}, wanted {VECTORS[vector_id].want_text}:\n" + \
        "\n".join(failures)


EACH = pytest.mark.parametrize("vector_id", VECTORS)
OVER = pytest.mark.parametrize("over", ["clear", "tls"])


@EACH
@OVER
def test_whole(results, over, vector_id):
    check(results, over, "test_whole", vector_id)


@EACH
@pytest.mark.parametrize("over", ["clear"])  # test_bytewise has all cuts, each in its own record
def test_split(results, over, vector_id):
    check(results, over, "test_split", vector_id)


@EACH
@OVER
def test_bytewise(results, over, vector_id):
    check(results, over, "test_bytewise", vector_id)


@EACH
@OVER
def test_glued(results, over, vector_id):
    check(results, over, "test_glued", vector_id)


def test_every_answer_is_logged_and_every_refusal_has_a_reason(results):
    for over, found in results.items():
        assert not found["logs"], over + "\n" + "\n".join(found["logs"])


def test_memory_is_back_after_all_vectors(results):
    """0.3 (4): what the first round of all vectors left is all that they leave (a sanitizer's own
    bookkeeping is not ours)."""
    for over, found in results.items():
        assert found["memory"] < (1 << 20) * (1 if SLOW == 1 else 64), over
