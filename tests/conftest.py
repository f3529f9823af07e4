"""Fixtures and options of the black-box tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from rig import deadline, product, tls  # noqa: E402
from rig.origin import Origin  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--binary", help="the pingap to test (default: the newest build/*/pingap)")


def pytest_configure(config):
    if config.getoption("--binary"):
        os.environ["PINGAP_BINARY"] = os.path.abspath(config.getoption("--binary"))
    path = product.binary()
    if path and os.path.exists(path) and "PINGAP_TEST_SLOW" not in os.environ:
        deadline.SLOW = 4 if product.sanitized(path) else 1


def pytest_report_header():
    return f"pingap: {product.binary()}"


def pytest_collection_modifyitems(items):
    """Tests of the product fail, not skip, when there is nothing to test."""
    missing = not product.binary() or not os.path.exists(product.binary())
    if missing and any(not item.get_closest_marker("rig_only") for item in items):
        raise pytest.UsageError("no pingap binary: build one, or give --binary")


@pytest.fixture
def recorder():
    """A recorder that answers 200."""
    with Origin() as origin:
        yield origin


@pytest.fixture(params=["clear", "tls"])
def transport(request, monkeypatch):
    """The transport law (security.md 0.3): what a test says holds in the clear and over TLS.

    A module whose tests it is to hold for uses this fixture, and connects by product.client() or
    h2.connect().
    """
    if request.param == "tls":
        monkeypatch.setattr(product, "default_transport", tls.transport())


def pytest_make_parametrize_id(val):
    """Long bytes are shown by their start and length."""
    if isinstance(val, (bytes, str)) and len(val) > 40:
        return f"{val[:30]!r}..{len(val)}"
    return None
