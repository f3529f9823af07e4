"""How many random cases a property is tried with."""

import os


def cases(normal):
    """`normal` of them, or $PINGAP_TEST_CASES."""
    return int(os.environ.get("PINGAP_TEST_CASES", normal))


def batches(count, size):
    """`count` as numbers of at most `size`."""
    for done in range(0, count, size):
        yield min(size, count - done)
