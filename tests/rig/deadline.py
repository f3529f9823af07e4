"""The one place that waits: every wait has a deadline and a sentence that says for what."""

import os
import time

# Sanitizer builds are 3 to 30 times slower; the runner sets the factor (rig/product.py).
SLOW = float(os.environ.get("PINGAP_TEST_SLOW", "1"))


def seconds(normal):
    return normal * SLOW


def until(predicate, what, timeout=5.0, step=0.002):
    """Polls for what no event reports (another process, the kernel). Returns the true value."""
    end = time.monotonic() + seconds(timeout)
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(step)


def holds(predicate, what, duration, step=0.01):
    """Fails as soon as `predicate` is false during `duration` seconds."""
    end = time.monotonic() + duration
    while time.monotonic() < end:
        if not predicate():
            raise AssertionError(f"did not hold for {duration} s: {what}")
        time.sleep(step)
