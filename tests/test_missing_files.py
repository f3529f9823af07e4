"""Files that are missing at the start: of an upstream's TLS, and of logs. Nothing else is stopped by
them, and they are taken up by themselves."""

import os
import re

import pytest

from rig.deadline import until
from rig.metrics import scrape
from rig.nginx import Nginx
from rig.origin import Origin
from rig.product import Product, config, run
from rig.tls import Authority, authority
from rig.toml import dumps
from test_status import copy_file, degraded

SAYS_WHO = ('location / {{ return 200 "$ssl_client_fingerprint"; }} ssl_certificate {cert}; '
            'ssl_certificate_key {key}; ssl_verify_client on; ssl_client_certificate {ca};')


@pytest.fixture(name="backend", scope="module")
def a_backend():
    """One that serves who shows a certificate, and says which."""
    pair = authority().issue("backend.test")
    with Nginx(SAYS_WHO.format(cert=pair.cert, key=pair.key, ca=authority().ca.cert),
               listen=" ssl") as nginx:
        yield nginx


def two_upstreams(origin, backend, **secure):
    conf = config(origin.addr, locations={"all": {}, "secure": {
        "path": "/secure", "upstream": "secure"}})
    conf["upstreams"]["secure"] = {"addrs": [backend.addr], "sni": "backend.test", **secure}
    conf["metrics"] = {"addr": "127.0.0.1:0"}
    return conf


def files_but(missing, folder):
    """Where they are to be, and copies of them there but of one; and what that would be."""
    ours = authority().issue("client.test")
    files = {"ca": authority().ca.cert, "tls_cert": ours.cert, "tls_key": ours.key}
    paths = {key: str(folder / key) for key in files}
    for key, source in files.items():
        if key != missing:
            copy_file(source, paths[key])
    return paths, files.get(missing)


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("missing", ["ca", "tls_cert", "tls_key"])
def test_an_upstream_waits_for_its_files(tmp_path, backend, missing, checked):
    paths, source = files_but(missing, tmp_path)
    check = {"health_check": "https://backend.test/?interval=100ms"}
    with Origin() as origin, Product(
            two_upstreams(origin, backend, **paths, **(check if checked else {}))) as product:
        product.wait_line(f"pingap.toml:.*warning: cannot use {missing} `")
        assert product.get("/").status == 200
        assert product.get("/secure").status == 502
        line = product.wait_log(2)[1]
        assert line["reason"] == "upstream_tls_files" and line["termination"] == "PR"
        what = degraded(product)["certificates", "secure"]
        assert what.startswith(f"cannot use {missing} `{paths[missing]}`: ")
        assert what.endswith("; there is no TLS to its servers until it can be used")
        opened = scrape(product).of("upstream_connections_opened_total", upstream="secure")
        assert [value for _, value in opened] == [0]  # not even to look
        copy_file(source, paths[missing])
        until(lambda: product.get("/secure").status == 200, "it is taken up", 10)
        until(lambda: degraded(product) == {}, "all is well", 10)


def test_a_file_that_is_none_of_these(tmp_path, backend):
    """As good as none; a start of a server with such a one goes on as well."""
    paths, source = files_but("ca", tmp_path)
    (tmp_path / "ca").write_text("nonsense")
    with Origin() as origin, Product(two_upstreams(origin, backend, **paths)) as product:
        assert product.get("/secure").status == 502
        assert "it holds no readable certificate" in degraded(product)["certificates", "secure"]
        copy_file(source, paths["ca"])
        until(lambda: product.get("/secure").status == 200, "it is taken up", 10)


def test_a_reload_needs_all_files_of_an_upstream(tmp_path, backend):
    """As of a server. What runs goes on as it was."""
    paths, source = files_but("ca", tmp_path)
    with Origin() as origin, Product(two_upstreams(origin, backend, **paths)) as product:
        code, _, err = product.order("reload")
        assert code == 3 and "error: cannot use ca `" in err
        assert product.get("/").status == 200 and product.get("/secure").status == 502
        copy_file(source, paths["ca"])
        until(lambda: product.get("/secure").status == 200, "it is taken up", 10)
        code, out, err = product.order("reload")
        assert code == 0 and "nothing has changed" in out, err
        opened = scrape(product).one("upstream_connections_opened_total",
                                     upstream="secure", server=backend.addr)
        assert product.get("/secure").status == 200
        assert opened == scrape(product).one("upstream_connections_opened_total",
                                             upstream="secure", server=backend.addr)


def test_a_new_certificate_is_shown_to_backends(tmp_path, backend):
    """Those that live for hours are replaced without a reload."""
    paths, _ = files_but(None, tmp_path)
    with Origin() as origin, Product(
            two_upstreams(origin, backend, **paths, keepalive_pool_size=0)) as product:
        first = product.get("/secure").body
        assert re.fullmatch(rb"[0-9a-f]{40}", first)
        for key, source in zip(("tls_cert", "tls_key"), files_of(authority().issue("new.test"))):
            copy_file(source, paths[key])
        until(lambda: product.get("/secure").body != first, "it is taken up", 10)
        (tmp_path / "tls_cert").write_text("nonsense")
        until(lambda: ("certificates", "secure") in degraded(product), "it is told", 10)
        assert degraded(product)["certificates", "secure"].endswith(": the old ones stay")
        assert product.get("/secure").status == 200


def test_who_is_not_trusted_any_more_gets_nothing_on_connections_that_are_there(tmp_path, backend):
    paths, _ = files_but(None, tmp_path)
    stranger = Authority("stranger")
    with Origin() as origin, Product(
            two_upstreams(origin, backend, **paths)) as product, product.client() as client:
        assert client.get("/secure").status == 200
        copy_file(stranger.ca.cert, paths["ca"])
        until(lambda: client.get("/secure").status == 502, "the connection is given up", 10)
        assert product.wait_log(1)[0]["status"] == 200


def files_of(pair):
    return pair.cert, pair.key


def test_a_log_that_cannot_be_opened_is_opened_later(tmp_path):
    path = tmp_path / "later" / "access.log"
    conf = {"server": {"access_log": f"{path} {{path}}"}}
    with Origin() as origin, Product(config(origin.addr, **conf)) as product:
        product.wait_line("pingap.toml:.*warning: cannot open access_log `")
        assert product.get("/a").status == 200
        assert degraded(product)["logging", str(path)] == \
            "cannot open it: No such file or directory; trying again"
        code, _, err = product.order("reload")
        assert code == 0, err  # as of a log whose disk is full
        path.parent.mkdir()
        until(lambda: degraded(product) == {}, "it is opened", 10)
        assert product.get("/b").status == 200
        until(lambda: path.read_text() == "/a\n/b\n", "no line was lost", 10)


def test_a_log_without_requests_heals_too(tmp_path):
    path = tmp_path / "later" / "access.log"
    with Origin() as origin, Product(
            config(origin.addr, server={"access_log": f"{path} tiny"})) as product:
        assert ("logging", str(path)) in degraded(product)
        path.parent.mkdir()
        until(lambda: degraded(product) == {}, "it is opened", 10)
        assert path.exists()


def test_the_application_log_goes_to_stderr_meanwhile(tmp_path):
    path = tmp_path / "later" / "pingap.log"
    conf = {"logging": {"output": str(path)}}
    with Origin() as origin, Product({**config(origin.addr), **conf}) as product:
        assert ("logging", str(path)) in degraded(product)
        product.order("reload")
        product.wait_line("configuration reloaded")
        path.parent.mkdir()
        until(lambda: degraded(product) == {}, "it is opened", 10)
        product.order("reload")
        until(lambda: "configuration reloaded" in path.read_text(), "it is written", 10)


def test_a_new_log_that_cannot_be_opened_stops_a_change(tmp_path):
    with Origin() as origin, Product(config(origin.addr)) as product:
        product.conf["servers"]["main"]["access_log"] = f"{tmp_path}/none/a.log tiny"
        product.write_config()
        for order, wanted in (("diff", 4), ("reload", 4), ("upgrade", 1)):
            assert product.order(order)[0] == wanted, order
        assert product.get("/").status == 200


def test_validate_says_both(tmp_path, backend):
    path = tmp_path / "p.toml"
    with Origin() as origin:
        path.write_text(dumps(two_upstreams(origin, backend, ca=str(tmp_path / "none.pem"))))
        code, _, err = run("validate", "--config", str(path))
        assert code == 3 and "error: cannot use ca `" in err
        path.write_text(dumps(config(origin.addr, server={
            "access_log": f"{tmp_path}/none/a.log tiny"})))
        code, _, err = run("validate", "--config", str(path))
        assert code == 3 and "error: cannot open access_log `" in err
    assert not os.path.exists(tmp_path / "none")
