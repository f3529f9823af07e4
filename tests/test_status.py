"""What is degraded right now is told in one place, whatever part of the process it is, and goes away
by itself: `pingap status`, /state, /readyz and a metric."""

import contextlib
import json
import os
import socket

import pytest

from rig import mmdb, toml
from rig.client import Closed, request
from rig.deadline import until
from rig.dns import NameServer, address, reply
from rig.docker import Docker
from rig.etcd import Etcd, etcd_is_there
from rig.metrics import get, scrape
from rig.origin import Origin
from rig.product import Product, config, run
from rig.standin import free_port
from rig.tls import TlsClient, authority
from rig.web import Web

needs_etcd = pytest.mark.skipif(not etcd_is_there(), reason="etcd is not installed")


def status(product):
    code, out, err = product.order("status", "--json")
    assert code == 0, err
    return json.loads(out)


def degraded(product):
    """{(part, name): what}"""
    return {(one["part"], one["name"]): one["what"] for one in status(product)["degraded"]}


def replace(path, data):
    with open(f"{path}.new", "wb") as file:
        file.write(data)
    os.chmod(f"{path}.new", 0o600)  # it may be a key
    os.rename(f"{path}.new", path)


# Each gives a configuration, (part, name, text), what breaks it in the running process and what
# mends it.

@contextlib.contextmanager
def a_name(origin, _folder):
    answers = [address("127.0.0.1")]
    with NameServer(lambda query: [reply(query, answers, code=0 if answers else 2)]) as server:
        conf = config(f"api.test:{origin.port}", upstream={
            "dns_server": server.addr, "ipv4_only": True, "discovery_allow": ["127.0.0.0/8"]})
        yield conf, ("discovery", "origin", "api.test does not resolve: "), answers.clear, \
            lambda: answers.append(address("127.0.0.1"))


@contextlib.contextmanager
def a_file_of_servers(origin, folder):
    path = folder / "servers.json"
    good = json.dumps({"servers": [{"addr": origin.addr}]}).encode()
    replace(path, good)
    conf = config([], upstream={"discovery": "file", "discovery_file": str(path)})
    del conf["upstreams"]["origin"]["addrs"]
    yield conf, ("discovery", "origin", f"{path} cannot be used: the servers of before stay"), \
        lambda: replace(path, b"{"), lambda: replace(path, good + b"\n")


@contextlib.contextmanager
def a_daemon(origin, _folder):
    with Docker() as docker:
        conf = config([origin.addr])
        conf["upstreams"]["web"] = {"discovery": "docker", "addrs": ["web"],
                                    "docker_socket": docker.path, "update_frequency": "1s"}
        yield conf, ("discovery", "web", "does not list containers: "), docker.stop, docker.start


@contextlib.contextmanager
def a_database(origin, folder):
    path = folder / "geo.mmdb"
    mmdb.write(path, {"192.0.2.0/24": ("DE", "EU")})
    conf = config(origin.addr, location={"plugins": ["geo"]})
    conf["plugins"] = {"geo": {"type": "geo_restriction", "database": str(path), "mode": "report"}}
    yield conf, ("plugin", "geo", f"the countries of {path} are as before: "), \
        lambda: replace(path, b"nonsense"), \
        lambda: mmdb.write(path, {"192.0.2.0/24": ("FR", "EU")})


@contextlib.contextmanager
def a_certificate(origin, folder):
    ca, (cert, key) = authority(), (folder / "cert.pem", folder / "key.pem")

    def put():
        pair = ca.issue("a.test")
        for path, source in ((cert, pair.cert), (key, pair.key)):
            with open(source, "rb") as file:
                replace(path, file.read())

    put()
    conf = config(origin.addr)
    conf["servers"]["secure"] = {"addr": "127.0.0.1:0", "locations": ["all"],
                                 "tls_cert": str(cert), "tls_key": str(key)}
    yield conf, ("certificates", "secure", "have changed and cannot be used"), \
        lambda: replace(cert, b"nonsense"), put


def a_collector(origin, _folder):
    return collecting(origin, ("tracing", "collector", "spans cannot be sent to "), lambda addr: {
        "tracing": {"endpoint": f"http://{addr}/v1/traces", "batch_delay": "10ms"}})


def a_collector_of_metrics(origin, _folder):
    return collecting(origin, ("metrics", "collector", "they cannot be sent to "), lambda addr: {
        "metrics": {"otlp_endpoint": f"http://{addr}", "otlp_protocol": "http/protobuf",
                    "otlp_interval": "100ms"}})


@contextlib.contextmanager
def collecting(origin, expected, keys):
    """It is away, and comes: a socket that takes connections and answers with 200."""
    port = free_port()
    conf = {**config(origin.addr), **keys(f"127.0.0.1:{port}")}
    with contextlib.ExitStack() as stack:
        def come():
            stack.enter_context(Web(lambda _request, _body: (200, {}, b""), port))

        yield conf, expected, lambda: None, come


@contextlib.contextmanager
def a_log(origin, folder):
    """A pipe, whose reader goes away and comes back."""
    path = folder / "pipe"
    os.mkfifo(path)
    readers = []
    come = lambda: readers.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    come()
    yield config(origin.addr, server={"access_log": str(path)}), \
        ("logging", str(path), "cannot write: Broken pipe"), lambda: os.close(readers.pop()), come
    os.close(readers.pop())


WAYS = [a_name, a_file_of_servers, a_daemon, a_database, a_certificate, a_collector,
        a_collector_of_metrics, a_log]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_what_is_degraded_is_told_and_heals(tmp_path, way):
    with Origin() as origin, way(origin, tmp_path) as (conf, (part, name, what), break_, mend):
        conf.setdefault("metrics", {})["addr"] = "127.0.0.1:0"
        with Product(conf, log="access_log" not in conf["servers"]["main"]) as product:
            break_()
            serves = lambda: product.get("/").status == 200
            until(lambda: serves() and (part, name) in degraded(product), "it is told", 20)
            assert what in degraded(product)[part, name]
            assert f"degraded: {part} {name}: " in product.order("status")[1]
            assert scrape(product).one("pingap_degraded", part=part, name_=name) == 1
            count = len(status(product)["degraded"])
            assert get(product.address("metrics"), "/readyz")[::2] == \
                (200, f"ready, {count} degraded\n")
            mend()
            until(lambda: serves() and (part, name) not in degraded(product), "it heals", 40)
            assert not scrape(product).of("pingap_degraded", part=part, name_=name)
            assert sum(what in line for line in product.stderr) == 1, "the log says it once"


# --- what is missing when it starts

def copy_file(source, target):
    with open(source, "rb") as file:
        replace(target, file.read())


def two_servers(origin, **more):
    conf = config(origin.addr)
    conf["servers"]["secure"] = {"addr": "127.0.0.1:0", "locations": ["all"], **more}
    conf["metrics"] = {"addr": "127.0.0.1:0"}
    return conf


def answers(product, server="secure"):
    """Over TLS; nothing is said in the clear, whatever is missing."""
    with contextlib.suppress(Closed), product.client(server) as client:
        client.send(request("/"))
        assert client.response().status == 400
    try:
        with TlsClient(product.address(server)) as client:
            client.send(request("/"))
            return client.response().status == 200
    except OSError:
        return False


@pytest.mark.parametrize("missing", ["tls_cert", "tls_key", "tls_client_ca"])
def test_a_server_whose_certificate_is_missing_waits_for_it(tmp_path, missing):
    pair = authority().issue("a.test")
    files = {"tls_cert": pair.cert, "tls_key": pair.key, "tls_client_ca": authority().ca.cert}
    paths = {key: str(tmp_path / key) for key in files}
    for key in files:
        if key != missing:
            copy_file(files[key], paths[key])
    with Origin() as origin, \
            Product(two_servers(origin, **paths, tls_client_auth="optional")) as product:
        product.wait_line(f"pingap.toml:.*warning: cannot use {missing} `")
        assert product.get("/").status == 200
        assert not answers(product)
        what = degraded(product)["certificates", "secure"]
        assert what.startswith(f"cannot use {missing} `{paths[missing]}`: ")
        assert what.endswith("; every connection is closed until it can be used")
        assert scrape(product).one("pingap_degraded", part="certificates", name_="secure") == 1
        copy_file(files[missing], paths[missing])
        until(lambda: answers(product), "it is taken up", 10)
        assert degraded(product) == {}


def test_one_of_many_certificates_is_missing(tmp_path):
    """The others are shown meanwhile."""
    here, missing = authority().issue("a.test"), authority().issue("b.test")
    path = str(tmp_path / "cert.pem")
    with Origin() as origin:
        conf = two_servers(origin, global_certificates=True)
        conf["certificates"] = {"here": here.keys(), "later": missing.keys(tls_cert=path)}
        with Product(conf) as product:
            assert answers(product)
            assert degraded(product)["certificates", "secure"].endswith(
                "; it is not served until it can be used")
            copy_file(missing.cert, path)
            until(lambda: degraded(product) == {}, "it is taken up", 10)
            with TlsClient(product.address("secure"), "b.test") as client:
                assert client.names() == ["b.test"]


def test_metrics_whose_certificate_is_missing(tmp_path):
    pair = authority().issue("127.0.0.1")
    path = str(tmp_path / "cert.pem")
    with Origin() as origin:
        conf = config(origin.addr)
        conf["metrics"] = {"addr": "127.0.0.1:0", **pair.keys(tls_cert=path)}
        with Product(conf) as product:
            assert product.get("/").status == 200
            with pytest.raises(Exception):
                get(product.address("metrics"), "/metrics")
            assert ("certificates", "metrics") in degraded(product)
            copy_file(pair.cert, path)
            until(lambda: degraded(product) == {}, "it is taken up", 10)


def test_what_stands_in_the_text_itself_stops_the_start(tmp_path):
    pair = authority().issue("a.test")
    text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with Origin() as origin:
        (tmp_path / "p.toml").write_text(
            toml.dumps(two_servers(origin, **pair.keys(tls_cert=text))))
    code, _, err = run("run", "--config", str(tmp_path / "p.toml"))
    assert code == 3 and "error: cannot use tls_cert the text given" in err


def test_a_change_or_an_upgrade_needs_all_files(tmp_path):
    """What runs goes on, which is better than half of what is to come."""
    pair = authority().issue("a.test")
    with Origin() as origin, Product(two_servers(origin, **pair.keys())) as product:
        product.conf["servers"]["secure"]["tls_cert"] = str(tmp_path / "missing.pem")
        product.write_config()
        for order, wanted in (("reload", 3), ("upgrade", 1)):
            assert product.order(order)[0] == wanted
            assert answers(product)


def test_docker_that_does_not_tell_of_events():
    with Origin() as origin, Docker() as docker:
        docker.events_status = "403 Forbidden"
        conf = config([origin.addr])
        conf["upstreams"]["web"] = {"discovery": "docker", "addrs": ["web"],
                                    "docker_socket": docker.path, "update_frequency": "1s"}
        with Product(conf) as product:
            until(lambda: ("discovery", "web") in degraded(product), "it is told", 10)
            what = degraded(product)["discovery", "web"]
            assert "does not tell of events: " in what and "403" in what
            docker.events_status = "200 OK"
            until(lambda: ("discovery", "web") not in degraded(product), "it heals", 20)


@needs_etcd
def test_etcd_that_is_away_is_told():
    with Etcd() as etcd, Origin() as origin:
        conf = config(origin.addr)

        def store(text):
            etcd.put("/pingap/pingap.toml", text)
            return etcd.at("/pingap")

        conf["metrics"] = {"addr": "127.0.0.1:0"}
        with Product(conf, store=store) as product:
            assert scrape(product).of("pingap_degraded") == []
            etcd.kill()
            until(lambda: scrape(product).of("pingap_degraded", part="configuration", name_="etcd"),
                  "it is told", 20)
            assert product.get("/").status == 200
            etcd.start()
            until(lambda: scrape(product).of("pingap_degraded") == [], "it heals", 30)


def test_a_reload_that_was_refused_is_told_until_one_is_not(recorder):
    with Product(config(recorder.addr)) as product:
        assert degraded(product) == {}
        good = product.conf["upstreams"]["origin"]
        product.conf["upstreams"]["origin"] = {**good, "adrs": "x"}
        product.write_config()
        assert product.order("reload")[0] == 3
        assert "unknown key `adrs`" in degraded(product)["configuration", "reload"]
        product.conf["upstreams"]["origin"] = good
        product.write_config()
        assert product.order("reload")[0] == 0
        assert degraded(product) == {}


def test_an_upstream_without_a_server_is_told():
    dead = f"127.0.0.1:{free_port()}"
    conf = config([dead, f"127.0.0.1:{free_port()}"],
                  upstream={"health_check": "tcp://x?interval=100ms&fall=1&rise=1"})
    with Product(conf) as product:
        until(lambda: ("upstream", "origin") in degraded(product), "both are out")
        assert degraded(product)["upstream", "origin"] == "none of its 2 servers takes requests"
        host, _, port = dead.partition(":")
        with socket.create_server((host, int(port))):
            until(lambda: degraded(product) == {}, "one is back")


def test_an_upstream_that_lives_from_its_backup_is_told():
    port = free_port()
    with Origin() as backup:
        upstream = {"backup_addrs": [backup.addr], "circuit_break_open_duration": "100ms"}
        with Product(config(f"127.0.0.1:{port}", upstream=upstream)) as product:
            assert degraded(product) == {}
            until(lambda: product.get("/").status == 200 and degraded(product) == {
                ("upstream", "origin"):
                "none of its servers of priority 0 takes requests: those of 1 stand in"}, "told")
            with Origin(port=port):
                until(lambda: product.get("/").status == 200 and degraded(product) == {}, "back")


def test_an_upstream_of_which_too_many_do_not_answer_is_told():
    ports = [free_port(), free_port()]
    upstream = {"circuit_break_open_duration": "1h"}
    with Product(config([f"127.0.0.1:{port}" for port in ports], upstream=upstream)) as product:
        until(lambda: product.get("/").status == 502 and degraded(product) == {
            ("upstream", "origin"):
            "too many of its servers are out: all are asked all the same"}, "told")
        with Origin(port=ports[0]):
            until(lambda: product.get("/").status == 200 and degraded(product) == {}, "back")


def test_what_has_gone_with_a_reload_is_not_told_any_more(tmp_path):
    with Origin() as origin:
        conf = config(origin.addr)
        conf["upstreams"]["late"] = {"discovery": "file",
                                     "discovery_file": str(tmp_path / "none.json")}
        with Product(conf) as product:
            assert set(degraded(product)) == {("discovery", "late"), ("upstream", "late")}
            del product.conf["upstreams"]["late"]
            product.write_config()
            assert product.order("reload")[0] == 0
            assert degraded(product) == {}


def test_the_status_in_words_and_as_json(recorder):
    conf = config(recorder.addr, basic={"threads": 2})
    conf["metrics"] = {"addr": "127.0.0.1:0"}
    with Product(conf) as product:
        assert product.get("/").status == 200
        code, out, err = product.order("status")
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert lines[0].startswith("pingap ") and f"process {product.process.pid}, " in lines[0]
        assert lines[1].startswith("configuration: loaded at ")
        assert lines[2].startswith("2 workers, ")
        assert lines[3:] == ["upstream origin: 1 of 1 servers take requests", "all is well"]
        found = status(product)
        shown = json.loads(get(product.address("metrics"), "/state")[2])
        assert found["degraded"] == shown["degraded"] == []
        assert [one["name"] for one in found["upstreams"]] == ["origin"]
        assert set(found) == set(shown)


def upstream(product, *words):
    """(exit code, lines of stdout, stderr)"""
    code, out, err = product.order("upstream", *words)
    return code, out.splitlines(), err


def test_an_operator_tells_servers_what_to_do():
    with Origin() as a, Origin() as b, Product(config([a.addr, b.addr])) as product:
        code, lines, _ = upstream(product)
        assert code == 0 and [line.split(",")[0] for line in lines] == [
            f"origin {a.addr} up", f"origin {b.addr} up"]
        code, lines, _ = upstream(product, "set", "origin", a.addr, "drain")
        assert code == 0 and lines[0].startswith(f"origin {a.addr} draining, weight 1, ")
        assert lines[1] == "until the process ends, by a restart or an upgrade"
        product.wait_line(f"upstream origin: {a.addr} is draining, weight 1: told by ")
        assert {product.get("/").status for _ in range(6)} == {200}
        assert (len(a.requests), len(b.requests)) == (0, 6)
        assert upstream(product, "set", "origin", b.addr, "disable")[0] == 0
        assert product.get("/").status == 503
        product.write_config()
        assert product.order("reload")[0] == 0
        assert product.get("/").status == 503  # a reload changes nothing of it
        for server in (a, b):
            assert upstream(product, "set", "origin", server.addr, "enable")[0] == 0
        assert upstream(product, "set", "origin", b.addr, "weight", "3")[0] == 0
        until(lambda: product.get("/").status == 200, "they take requests")
        a.reset()
        b.reset()
        assert {product.get("/").status for _ in range(8)} == {200}
        assert (len(a.requests), len(b.requests)) == (2, 6)


def test_who_is_not_there_is_told_who_is():
    with Origin() as one, Product(config([one.addr])) as product:
        assert upstream(product, "set", "other", one.addr, "drain") == (
            2, [], "pingap: no upstream `other` with servers; there are: origin\n")
        assert upstream(product, "set", "origin", "10.0.0.1:1", "weight", "2") == (
            2, [], f"pingap: upstream `origin` has no server `10.0.0.1:1`; it has: {one.addr}\n")
        assert upstream(product, "set", "origin", one.addr, "weight", "1001")[2] == \
            "pingap: `1001` is no weight; one is a number from 0 to 1000\n"
        assert upstream(product, "set", "origin", one.addr, "kill")[2] == \
            "pingap: `kill` is no order; one of enable, drain, disable, weight\n"
        for words in (["get"], ["set", "origin"], ["set", "origin", one.addr, "drain", "5"]):
            code, _, err = upstream(product, *words)
            assert code == 2 and "set UPSTREAM SERVER" in err


def test_without_a_process_there_is_no_status(tmp_path):
    path = tmp_path / "pingap.toml"
    path.write_text(toml.dumps(config("127.0.0.1:1")))
    code, out, err = run("status", "--config", str(path),
                         env={"RUNTIME_DIRECTORY": str(tmp_path)})
    assert (code, out) == (1, "") and err
