"""Which of several origins serve."""

from .deadline import until


def served_by(product, among, count=8):
    """The places in `among` of those that served so many requests, none of which failed."""
    for one in among:
        one.reset()
    for _ in range(count):
        assert product.get("/x").status == 200
    for one in among:
        one.settle()
    return {i for i, one in enumerate(among) if one.requests}


def wait_served(product, among, wanted, timeout=8):
    until(lambda: served_by(product, among) == wanted, f"served by {wanted}", timeout)
