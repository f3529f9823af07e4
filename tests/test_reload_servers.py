"""What is known of servers over reloads: who was found, how they do, what connections there are."""

import contextlib
import json
import os

import pytest

from rig.deadline import until
from rig.dns import Dnsmasq, dnsmasq_is_there
from rig.docker import Docker, container
from rig.origin import Origin
from rig.product import Product, config
from rig.who import served_by

ALLOW = ["127.0.0.0/8"]


def reload(product, **upstream):
    """Goes over to other keys of the upstream, and waits until it is done."""
    product.conf["upstreams"]["origin"].update(upstream)
    product.write_config()
    code, out, err = product.order("reload")
    assert code == 0 and "configuration reloaded" in out, out + err


def put(path, *servers):
    """A file of servers, at once."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(json.dumps({"servers": [{"addr": one.addr} for one in servers]}))
    os.rename(f"{path}.new", path)


def from_file(path, **upstream):
    conf = config([], upstream={"discovery": "file", "discovery_file": str(path), **upstream})
    del conf["upstreams"]["origin"]["addrs"]
    return conf


# --- who is found

@contextlib.contextmanager
def by_name(origin, _path):
    with Dnsmasq({"api.test": ["127.0.0.2"]}) as server:
        conf = config(f"api.test:{origin.port}",
                      upstream={"dns_server": server.addr, "discovery_allow": ALLOW})
        yield conf, server.kill, "does not resolve"


@contextlib.contextmanager
def by_file(origin, path):
    put(path, origin)
    yield from_file(path), lambda: path.write_text("{"), "the servers of before stay"


@contextlib.contextmanager
def by_label(origin, _path):
    with Docker([container("a", "127.0.0.2", [origin.port], {"web": ""})]) as docker:
        conf = config("web", upstream={"discovery": "docker", "docker_socket": docker.path,
                                       "discovery_allow": ALLOW, "update_frequency": "1s"})
        yield conf, docker.stop, "the servers of before stay"


@pytest.mark.parametrize("found", [
    pytest.param(by_name, marks=pytest.mark.skipif(not dnsmasq_is_there(), reason="no dnsmasq")),
    by_file, by_label])
def test_who_was_found_stays_while_nobody_can_say(found, tmp_path):
    """The source is away when another configuration comes that says the same of it."""
    with Origin(host="127.0.0.2") as origin, \
            found(origin, tmp_path / "servers.json") as (conf, kill, why), \
            Product(conf) as product:
        until(lambda: product.get("/").status == 200, "it is found")
        kill()
        product.wait_line(why, 10)
        reload(product, read_timeout="50s")
        assert served_by(product, [origin]) == {0}
        reload(product, max_fails=7)
        assert served_by(product, [origin]) == {0}


@pytest.mark.skipif(not dnsmasq_is_there(), reason="no dnsmasq")
def test_a_name_more_loses_nobody():
    """Those that were found for the names before stay, whether or not there is who answers."""
    with Origin(host="127.0.0.2") as origin, Dnsmasq({"api.test": ["127.0.0.2"]}) as server:
        with Product(config(f"api.test:{origin.port}",
                            upstream={"dns_server": server.addr,
                                      "discovery_allow": ALLOW})) as product:
            until(lambda: product.get("/").status == 200, "it is found")
            server.kill()
            reload(product, addrs=["more.test:80", f"api.test:{origin.port}"])
            assert served_by(product, [origin]) == {0}
