"""Real nginx behind the proxy, wrk and curl in front."""

import os
import re
import shutil
import subprocess

import pytest

from rig.nginx import Nginx
from rig.product import front
from rig.standin import find

pytestmark = pytest.mark.skipif(not find("nginx"), reason="nginx is not installed")


def test_files_ranges_and_conditions():
    data = os.urandom(300000)
    with Nginx() as nginx, front(nginx) as product:
        nginx.file("f", data)
        whole = product.get("/f")
        assert (whole.status, whole.body) == (200, data)
        part = product.get("/f", [("Range", "bytes=10-19")])
        assert (part.status, part.body) == (206, data[10:20])
        again = product.get("/f", [("If-None-Match", whole.get("ETag"))])
        assert (again.status, again.body) == (304, b"")
        head = product.get("/f", method="HEAD")
        assert head.get("Content-Length") == str(len(data)) and head.body == b""
        assert product.get("/none").status == 404


def test_chunked_answers_of_nginx():
    locations = "location /ssi { ssi on; ssi_types *; }"
    with Nginx(locations) as nginx, front(nginx) as product:
        nginx.file("ssi", b"hello <!--# echo var=\"host\" -->")
        answer = product.get("/ssi")
    assert (answer.status, answer.body) == (200, b"hello a.test")


def test_host_and_forwarded_fields_arrive():
    locations = 'location / { return 200 "$host|$http_x_forwarded_for|$http_x_forwarded_proto"; }'
    with Nginx(locations) as nginx, front(nginx) as product:
        assert product.get("/").body == b"a.test|127.0.0.1|http"


def test_upload_to_nginx():
    locations = ("location /up { dav_methods PUT; client_body_in_file_only clean; "
                 "if ($request_method = POST) { return 204; } }")
    with Nginx(locations.replace("dav_methods PUT;", "")) as nginx, front(nginx) as product:
        assert product.get("/up", method="POST", body=b"x" * 100000).status == 204
        assert product.get("/").status in (200, 403)


def test_nginx_that_closes_idle_connections_costs_no_error():
    """The stale race with a short keep-alive (RE-07, small): no GET fails."""
    with Nginx('location / { return 200 "ok"; }', keepalive="1s") as nginx, \
            front(nginx) as product, product.client() as client:
        for _ in range(2000):
            assert client.get("/").status == 200


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
@pytest.mark.parametrize("headers", [[], ["-H", "Connection: close"]])
def test_wrk_sees_no_error(headers):
    with Nginx('location / { return 200 "ok"; }') as nginx, \
            front(nginx, basic={"threads": 2}) as product:
        host, port = product.address()
        done = subprocess.run(["wrk", "-t1", "-c32", "-d2s", *headers, f"http://{host}:{port}/"],
                              capture_output=True, text=True, check=True, timeout=30)
        count = int(re.search(r"(\d+) requests in", done.stdout)[1])
        assert count > 100
        assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
        lines = product.wait_log(count)
        assert {line["status"] for line in lines} <= {200, 499}
        assert sum(1 for line in lines if line["status"] == 200) >= count
