"""Addresses that are found and must not be used (security.md SS-02): those that are no servers, and
those at which the proxy itself listens, whoever names them."""

import json
import os
import struct

import pytest

from rig.deadline import until
from rig.dns import NameServer, address, free_port, record, reply, wire
from rig.docker import Docker, container, event
from rig.etcd import Etcd, etcd_is_there
from rig.metrics import scrape
from rig.origin import Origin
from rig.product import Product, config
from rig.who import served_by, wait_served

ALLOW = ["127.0.0.0/8"]
SRV = 33


def write(path, *addresses):
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump({"servers": [{"addr": one} for one in addresses]}, file)
    os.rename(f"{path}.new", path)


def measured(upstream, addrs=None, **server):
    conf = config(addrs or [], upstream=upstream, server=server)
    conf["metrics"] = {"addr": "127.0.0.1:0"}
    if not addrs:
        del conf["upstreams"]["origin"]["addrs"]
    return conf


def from_file(path, **server):
    return measured({"discovery": "file", "discovery_file": str(path)}, **server)


def own(product, server="main"):
    return "%s:%d" % product.address(server)


def left_out(product):
    return scrape(product).one("upstream_servers_left_out", upstream="origin")


def wait_left_out(product, count):
    until(lambda: left_out(product) == count, f"{count} left out")


def said(product, what):
    return sum(f"{what} of " in line and "this process itself listens there" in line
               for line in product.stderr)


def test_a_file_leads_to_us(tmp_path):
    path = tmp_path / "servers.json"
    with Origin() as a, Origin() as b:
        write(path, a.addr)
        with Product(from_file(path)) as product:
            assert left_out(product) == 0
            write(path, own(product), b.addr, own(product, "metrics"))
            wait_served(product, [a, b], {1})
            assert said(product, own(product)) == 1
            assert left_out(product) == 2, "that of the metrics is one, too"
            write(path, own(product))
            wait_left_out(product, 1)
            assert served_by(product, [a, b]) == {1}, "whoever says so takes nobody away"
            assert said(product, own(product)) == 1
            write(path, a.addr)
            wait_served(product, [a, b], {0})
            assert left_out(product) == 0


def test_all_addresses_of_this_machine_are_ours(tmp_path):
    path = tmp_path / "servers.json"
    port = free_port()
    with Origin() as a:
        write(path, a.addr, f"127.0.0.9:{port}")
        with Product(from_file(path, addr=f"0.0.0.0:{port}")) as product:
            assert served_by(product, [a]) == {0}
            assert said(product, f"127.0.0.9:{port}") == 1


def test_what_a_reload_listens_on_is_ours_from_then_on(tmp_path):
    path = tmp_path / "servers.json"
    port = free_port()
    with Origin() as a, Origin(host="127.0.0.2", port=port) as b:
        write(path, a.addr, b.addr)
        conf = from_file(path)
        with Product(conf) as product:
            assert served_by(product, [a, b]) == {0, 1}
            b.stop_listening()
            conf["servers"]["other"] = {"addr": b.addr, "locations": ["all"]}
            product.write_config()
            assert product.order("reload")[0] == 0
            until(lambda: said(product, b.addr) == 1, "it is said")
            assert left_out(product) == 1
            assert served_by(product, [a]) == {0}
            del conf["servers"]["other"]
            product.write_config()
            assert product.order("reload")[0] == 0
            assert left_out(product) == 0


def test_a_name_leads_to_us():
    port = free_port()
    with NameServer(lambda query: [reply(query, [address("127.0.0.1")])]) as server, \
            Product(measured({"dns_server": server.addr, "discovery_allow": ALLOW,
                              "ipv4_only": True}, f"api.test:{port}", addr=f"127.0.0.1:{port}")) \
            as product:
        assert product.get("/x").status == 503
        assert said(product, own(product)) == 1
        assert left_out(product) == 1


def test_a_service_leads_to_us():
    ports = []

    def script(query):
        if query.kind == SRV:
            return [reply(query, [record(SRV, struct.pack(">HHH", 1, 1, port) + wire("a.test"))
                                  for port in ports])]
        return [reply(query, [address("127.0.0.1")])]

    with Origin() as a, NameServer(script) as server:
        ports.append(a.port)
        with Product(measured({"dns_server": server.addr, "discovery_allow": ALLOW,
                               "ipv4_only": True}, "srv+_http._tcp.api.test")) as product:
            assert served_by(product, [a]) == {0}
            ports.append(product.address()[1])
            until(lambda: said(product, own(product)) == 1, "it is said")
            assert served_by(product, [a]) == {0}
            assert left_out(product) == 1


def test_a_container_leads_to_us():
    with Origin(host="127.0.0.2") as a, \
            Docker([container("a", "127.0.0.2", [a.port], {"web": ""})]) as docker, \
            Product(measured({"discovery": "docker", "docker_socket": docker.path,
                              "discovery_allow": ALLOW}, "web")) as product:
        docker.wait_listener()
        host, port = product.address()
        docker.containers += [container("b", host, [port], {"web": ""}),
                              container("c", "169.254.169.254", [80], {"web": ""})]
        docker.emit(event("start", "b"))
        until(lambda: said(product, own(product)) == 1, "it is said")
        assert served_by(product, [a]) == {0}
        assert left_out(product) == 2


@pytest.mark.skipif(not etcd_is_there(), reason="etcd is not installed")
def test_etcd_leads_to_us():
    with Etcd() as etcd, Origin() as a:
        etcd.put("/servers/a", a.addr)
        with Product(measured({"discovery": "etcd", "discovery_etcd": etcd.at("/servers"),
                               "discovery_allow": ALLOW})) as product:
            etcd.write([("/servers/b", own(product)), ("/servers/c", "169.254.169.254:80")])
            until(lambda: said(product, own(product)) == 1, "it is said")
            assert served_by(product, [a]) == {0}
            assert left_out(product) == 2


@pytest.mark.parametrize("what", ["0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255",
                                  "[fe80::1]", "[ff02::1]", "[fd00:ec2::254]",
                                  "[64:ff9b::a9fe:a9fe]"])
def test_a_file_names_what_is_no_server(tmp_path, what):
    path = tmp_path / "servers.json"
    with Origin() as a, Origin() as b:
        write(path, a.addr)
        with Product(from_file(path)) as product:
            write(path, b.addr, f"{what}:80")
            product.wait_line(f"{path}:1:")
            product.wait_line("the servers of before stay")
            assert served_by(product, [a, b]) == {0}


def test_what_is_written_down_is_meant():
    """A server in front of another one of the same process."""
    port = free_port()
    with Origin() as a:
        conf = config(a.addr)
        conf["upstreams"]["inner"] = {"addrs": [f"127.0.0.1:{port}"]}
        conf["locations"]["outer"] = {"upstream": "inner", "path": "/"}
        conf["servers"]["outer"] = {"addr": "127.0.0.1:0", "locations": ["outer"]}
        conf["servers"]["main"]["addr"] = f"127.0.0.1:{port}"
        with Product(conf) as product:
            assert product.get("/x", server="outer").status == 200
