"""geo_restriction in a running proxy."""

import pytest

from rig import mmdb
from rig.client import request
from rig.deadline import until
from rig.h2 import H2Client, head
from rig.product import Product, config
from test_websocket import HANDSHAKE


@pytest.fixture
def places(tmp_path):
    path = tmp_path / "geo.mmdb"
    mmdb.write(path, {"192.0.2.0/24": ("DE", "EU"), "198.51.100.0/24": ("US", "NA"),
                      "2001:db8::/32": ("JP", "AS")})
    return path


def product_of(origin, places, server=None, **keys):
    conf = config(origin.addr, location={
        "plugins": ["geo"], "headers_set": ["X-Country: $country"],
        "proxy_set_headers": ["X-Country: $country/$continent"]},
        server={"trusted_proxies": ["127.0.0.1"], **(server or {})})
    conf["plugins"] = {"geo": {"type": "geo_restriction", "database": str(places),
                               "countries": ["DE"], **keys}}
    return Product(conf)


def come_from(client):
    return [("X-Forwarded-For", client)]


def test_who_is_let_in(recorder, places):
    with product_of(recorder, places) as product:
        for client, status in (("192.0.2.9", 200), ("198.51.100.1", 403), ("10.0.0.1", 403),
                               ("2001:db8::1", 403), ("::ffff:192.0.2.9", 200)):
            assert product.get("/", come_from(client)).status == status, client
        assert product.get("/").status == 403
        assert product.get("/", come_from("192.0.2.9")).get("X-Country") == "DE"
    assert [one.get("X-Country") for one in recorder.requests] == ["DE/EU"] * 3


def test_only_trusted_proxies_say_where_a_client_is(recorder, places):
    with product_of(recorder, places, server={"trusted_proxies": []}) as product:
        assert product.get("/", come_from("192.0.2.9")).status == 403


@pytest.mark.parametrize("target", ["/", "/%61", "//a", "/a/../b", "/a;x", "http://a.test/", "/a?x"])
def test_no_kind_of_request_gets_around_it(recorder, places, target):
    with product_of(recorder, places) as product:
        far = come_from("198.51.100.1")
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            assert product.get(target, far, method=method).status in (400, 403)
        with product.client() as client:
            assert client.get(target, HANDSHAKE + far).status == 403
        with product.client() as client:
            client.send(request(target, far + [("Connection", "Upgrade, HTTP2-Settings"),
                                               ("Upgrade", "h2c"), ("HTTP2-Settings", "")]))
            assert client.response().status in (400, 403)
        if target.startswith("/"):
            with H2Client(product.address()[:2]) as client:
                client.request(1, head(("x-forwarded-for", "198.51.100.1"), path=target))
                assert client.answer(1).status == 403
    assert not recorder.requests


def test_reports_and_lets_in(recorder, places):
    with product_of(recorder, places, mode="report", countries=[]) as product:
        assert product.get("/", come_from("198.51.100.1")).get("X-Country") == "US"
        assert product.get("/").get("X-Country") in (None, "")


def test_a_changed_file_is_taken_up_by_itself(recorder, places):
    with product_of(recorder, places) as product:
        far = come_from("198.51.100.1")
        assert product.get("/", far).status == 403
        mmdb.write(places, {"198.51.100.0/24": ("DE", "EU")})
        until(lambda: product.get("/", far).status == 200, "the other database", timeout=8)
        places.write_bytes(b"nonsense")
        product.wait_line("are as before", timeout=8)
        assert product.get("/", far).status == 200


def test_a_file_that_is_written_over_while_it_serves(recorder, places):
    """Truncated, filled piece by piece and full disks: what was read is a copy, and what is not
    whole is refused."""
    far = come_from("198.51.100.1")
    other = mmdb.database({"198.51.100.0/24": ("DE", "EU")})
    with product_of(recorder, places) as product:
        for size in (0, len(other) // 3, len(other) - 1):
            with open(places, "wb") as file:
                file.write(other[:size])
            with open(places, "ab") as file:
                file.flush()
            assert product.get("/", come_from("192.0.2.9")).status == 200
            assert product.get("/", far).status == 403
        product.wait_line("are as before", timeout=8)
        assert product.get("/", come_from("192.0.2.9")).status == 200
        places.write_bytes(other)
        until(lambda: product.get("/", far).status == 200, "all of it is there", timeout=8)
        places.unlink()
        product.wait_line("are as before: .*No such file", timeout=8)
        assert product.get("/", far).status == 200
