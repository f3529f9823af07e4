"""One process and hundreds of configurations that are mostly wrong; and a thousand that are right."""

import copy
import os

import pytest

from rig import toml
from rig.deadline import until
from rig.mutants import mutant
from rig.network import in_own_network
from rig.origin import Origin
from rig.product import ROOT, binary, front, sanitized

MUTANTS = 200  # of each
CODES = {0, 3, 4}  # used; an error in it; an address that cannot be had


def put(product, data):
    with open(product.path("pingap.toml"), "wb") as file:
        file.write(data)


def reload(product, data):
    put(product, data)
    code, out, err = product.order("reload")
    assert code in CODES, (code, out, err)
    assert code == 0 or "error" in err or "cannot" in err, err
    for line in err.splitlines():
        assert not line.startswith("error: "), f"it has no place: {line}"
    return code


@pytest.mark.parametrize("name", ["reference", "example"])
@in_own_network
def test_mutants_beside_what_serves(name, tmp_path, monkeypatch):
    """Whatever is refused or taken, the server beside it answers."""
    monkeypatch.chdir(tmp_path)  # a log may get any name
    with open(os.path.join(ROOT, "configs", f"{name}.toml"), encoding="utf-8") as file:
        text = file.read()
    with Origin() as origin, front(origin) as product:
        ours = copy.deepcopy(product.conf)
        del ours["basic"]
        beside = ("\n" + toml.dumps(ours)).encode("utf-8")
        codes = []
        for seed in range(MUTANTS):
            codes.append(reload(product, mutant(text, seed) + beside))
            assert product.get("/").status == 200, seed
        assert codes.count(0) > 10 and codes.count(3) > 50, codes


@in_own_network
def test_mutants_of_what_serves(tmp_path, monkeypatch):
    """Who was refused changes nothing; what was taken is left for what was before."""
    monkeypatch.chdir(tmp_path)
    with Origin() as origin, front(origin) as product:
        text = toml.dumps(product.conf)
        for seed in range(MUTANTS):
            if reload(product, mutant(text, seed)) == 0:
                assert reload(product, text.encode("utf-8")) == 0
            assert product.get("/").status == 200, seed


def test_a_thousand_reloads_take_no_memory():
    if sanitized(binary()):
        pytest.skip("a sanitizer keeps what is freed")
    with Origin() as origin, front(origin, basic={"history": 5}) as product:
        after = {}
        for turn in range(1, 1001):
            conf = copy.deepcopy(product.conf)
            conf["upstreams"]["origin"]["max_fails"] = turn % 97
            for extra in range(turn % 7):
                conf["upstreams"][f"more{extra}"] = {"addrs": [origin.addr]}
                conf["locations"][f"more{extra}"] = {"upstream": f"more{extra}",
                                                     "path": f"/more{extra}/{turn}",
                                                     "headers_set": [f"X-Turn: {turn}"]}
                conf["servers"]["main"]["locations"].append(f"more{extra}")
            assert reload(product, toml.dumps(conf).encode("utf-8")) == 0
            assert product.get("/").status == 200
            if turn in (100, 1000):
                after[turn] = (product.rss(), product.threads(), product.descriptors())
        assert after[1000][0] < after[100][0] + (3 << 20), after
        assert after[1000][1] == after[100][1], after
        few = after[100][2] + 3  # connections that are being closed
        until(lambda: product.descriptors() <= few, f"{few} descriptors")
