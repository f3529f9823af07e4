"""Revisions of a configuration in etcd: back to one of them, and a start without etcd."""

import copy

import pytest

from rig import toml
from rig.deadline import until
from rig.etcd import etcd_is_there
from rig.origin import Origin
from rig.product import Product, config
from rig.standin import free_port
from test_etcd import (by_items, etcd_of_this_test, items, one_etcd,  # noqa: F401 (fixtures)
                       own_prefix, whole)
from test_history import nobody_listens

pytestmark = pytest.mark.skipif(not etcd_is_there(), reason="etcd is not installed")


def with_header(product, value):
    conf = copy.deepcopy(product.conf)
    conf["locations"]["all"]["headers_set"] = [f"X-New: {value}"]
    return conf


def seen(product, value):
    until(lambda: product.get("/").get("X-New") == value, f"X-New: {value}")


@pytest.mark.parametrize("layout", [whole, by_items])
def test_back_to_a_revision(etcd, prefix, recorder, layout):
    conf = config(recorder.addr)
    store = whole(etcd, prefix) if layout is whole else by_items(etcd, prefix, conf)
    with Product(conf, store=store) as product:
        before = etcd.get(prefix)
        assert "none yet" in product.order("history")[1]
        for value in "ab":
            texts = items(with_header(product, value)) if layout is by_items else \
                {"pingap.toml": toml.dumps(with_header(product, value))}
            etcd.write({f"{prefix}/{name}": text for name, text in texts.items()})
            seen(product, value)
        until(lambda: len(product.order("history")[1].splitlines()) == 4, "three revisions")
        code, out, err = product.order("rollback", "1", "--comment", "b was wrong")
        assert code == 0 and "revision 4" in out, err
        assert product.get("/").get("X-New") is None
        assert etcd.get(prefix) == before
        code, out, err = product.order("rollback", "2")
        assert code == 0, err
        assert product.get("/").get("X-New") == "a"
        assert product.order("diff", "1", "2")[1].startswith("~ locations.all\n")
        assert "hash" in product.order("history")[1]


def test_a_revision_that_is_refused_leaves_etcd_as_it_was(etcd, prefix, recorder):
    with Product(config(recorder.addr), store=whole(etcd, prefix)) as product:
        port = free_port()
        conf = with_header(product, "a")
        conf["servers"]["more"] = {"addr": f"127.0.0.1:{port}", "locations": ["all"]}
        for value, one in (("a", conf), ("b", with_header(product, "b"))):
            etcd.put(f"{prefix}/pingap.toml", toml.dumps(one))
            seen(product, value)
        until(lambda: len(product.order("history")[1].splitlines()) == 4, "three revisions")
        until(lambda: nobody_listens(port), "the address is given up")
        with Origin(port=port):
            assert product.order("rollback", "2")[0] == 4
        assert etcd.get(prefix)[f"{prefix}/pingap.toml"] == toml.dumps(with_header(product, "b"))
        assert product.get("/").get("X-New") == "b"


def test_a_start_without_etcd_from_the_last_good(mortal, recorder):
    """CF-04. What is in etcd when it is back is taken up by itself."""
    with Product(config(recorder.addr), options=["--last-good"],
                 store=whole(mortal, "/pingap", timeout="1s")) as product:
        mortal.put("/pingap/pingap.toml", toml.dumps(with_header(product, "a")))
        seen(product, "a")
        until(lambda: len(product.order("history")[1].splitlines()) == 3, "two revisions")
        mortal.kill()
        product.process.terminate()
        assert product.process.wait(10) == 0
        product.start()
        product.wait_line("cannot be used: starting with revision 2")
        assert product.get("/").get("X-New") == "a"
        mortal.start()
        mortal.put("/pingap/pingap.toml", toml.dumps(with_header(product, "b")))
        until(lambda: product.get("/").get("X-New") == "b", "etcd is heard again", 15)


def test_where_etcd_holds_what_cannot_be_used_the_last_good_starts(etcd, prefix, recorder):
    with Product(config(recorder.addr), options=["--last-good"],
                 store=whole(etcd, prefix)) as product:
        product.process.terminate()
        assert product.process.wait(10) == 0
        etcd.put(f"{prefix}/pingap.toml", "[nonsense")
        product.start()
        product.wait_line("cannot be used: starting with revision 1")
        assert product.get("/").status == 200
