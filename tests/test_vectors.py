"""Every HTTP/1 vector of tables 1A, 1B, 1C: whole, cut, byte by byte, glued.

All vectors of a run go through one product, many at once (rig/lanes.py), before the first test
reports; each test then looks at its own result. -k CL-04 runs only what CL-04 needs.
"""

import random

import pytest

from rig import batch, vectors
from rig.deadline import SLOW
from rig.lanes import ProductLanes, run_vector

VECTORS = {vector.id: vector for vector in vectors.requests()}
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


@pytest.fixture(scope="module")
def results(request):
    """{(test, id): failures} of everything selected in this run."""
    jobs = []
    for name, params in batch.selected(request, VARIANTS):
        vector = VECTORS[params["vector_id"]]
        jobs.append(((name, vector.id), batch.job(VARIANTS[name], vector)))
    lanes = ProductLanes(LANES)
    try:
        lanes.run([(vector.id, batch.job(whole, vector)) for vector in VECTORS.values()])
        before = lanes.product.rss()
        found = lanes.run(jobs)
        found["memory"] = lanes.product.rss() - before
        found["logs"] = lanes.check_logs(forwarded=True)
        lanes.product.check_alive()
    finally:
        lanes.stop()
    return found


def check(results, test, vector_id):
    failures = results[(test, vector_id)]
    assert not failures, f"{vector_id}, wanted {VECTORS[vector_id].want_text}:\n" + \
        "\n".join(failures)


@pytest.mark.parametrize("vector_id", VECTORS)
def test_whole(results, vector_id):
    check(results, "test_whole", vector_id)


@pytest.mark.parametrize("vector_id", VECTORS)
def test_split(results, vector_id):
    check(results, "test_split", vector_id)


@pytest.mark.parametrize("vector_id", VECTORS)
def test_bytewise(results, vector_id):
    check(results, "test_bytewise", vector_id)


@pytest.mark.parametrize("vector_id", VECTORS)
def test_glued(results, vector_id):
    check(results, "test_glued", vector_id)


def test_every_answer_is_logged_and_every_refusal_has_a_reason(results):
    assert not results["logs"], "\n".join(results["logs"])


def test_memory_is_back_after_all_vectors(results):
    """0.3 (4): what the first round of all vectors left is all that they leave (a sanitizer's own
    bookkeeping is not ours)."""
    assert results["memory"] < (1 << 20) * (1 if SLOW == 1 else 64)
