"""What a server and a location may say about their access log: where, how, which requests."""

import json
import os
import re

import pytest

from rig.deadline import until
from rig.origin import Origin, response
from rig.product import ROOT, Product, config, front


def lines_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return [line for line in file.read().split("\n")[:-1] if line]
    except FileNotFoundError:  # also between a rotation and the next line
        return []


def written(path, count):
    until(lambda: len(lines_of(path)) >= count, f"{count} lines in {path}")
    return lines_of(path)


def logged(origin, tmp_path, server, **locations):
    """Locations by name: (path, keys)."""
    conf = config([origin.addr], server={"access_log": str(tmp_path / "a.log"), **server})
    for name, (path, keys) in locations.items():
        conf["locations"][name] = {"upstream": "origin", "path": path, **keys}
        conf["servers"]["main"].setdefault("locations", []).append(name)
    return Product(conf, log=False)


def test_format_has_a_key_of_its_own(recorder, tmp_path):
    server = {"access_log_format": "$status $http_x_own {path} $arg_q $termination"}
    with logged(recorder, tmp_path, server) as product:
        product.get("/x?q=1", [("X-Own", "mine")])
        assert written(tmp_path / "a.log", 1) == ["200 mine /x 1 --"]


@pytest.mark.parametrize("name,start", [
    ("json", "{"), ("logfmt", "time="), ("tiny", "GET /"), ("json:status,path", '{"status":200'),
    ("logfmt:s=status", "s=200"),
])
def test_presets(recorder, tmp_path, name, start):
    with logged(recorder, tmp_path, {"access_log_format": name}) as product:
        product.get("/")
        assert written(tmp_path / "a.log", 1)[0].startswith(start)


def test_location_logs_elsewhere_or_not_at_all(recorder, tmp_path):
    with logged(recorder, tmp_path, {"access_log_format": "{path}"},
                own=("/own", {"access_log": str(tmp_path / "own.log")}),
                form=("/form", {"access_log_format": "form {path}"}),
                none=("/none", {"access_log": "off"})) as product:
        for path in ("/none/1", "/own/1", "/form/1", "/other"):
            product.get(path)
        assert written(tmp_path / "own.log", 1) == ["/own/1"]
        assert written(tmp_path / "a.log", 2) == ["form /form/1", "/other"]


def test_location_logs_where_its_server_does_not(recorder, tmp_path):
    with logged(recorder, tmp_path, {"access_log": ""},
                own=("/own", {"access_log": str(tmp_path / "own.log"),
                              "access_log_format": "{path}"})) as product:
        product.get("/other")
        product.get("/own")
        assert written(tmp_path / "own.log", 1) == ["/own"]
        assert not os.path.exists(tmp_path / "a.log")


async def by_path(conn):
    while (head := await conn.head()) is not None:
        status = int(head.target[1:4])
        await conn.send(response(status, body=b"x"))


def statuses(tmp_path, count):
    return [int(line) for line in written(tmp_path / "a.log", count)]


def test_statuses_that_are_logged(tmp_path):
    with Origin(by_path) as origin, \
            logged(origin, tmp_path, {"access_log_format": "{status}",
                                      "access_log_status": ["5xx", "404"]}) as product:
        for status in (200, 404, 403, 500, 200, 503):
            assert product.get(f"/{status}").status == status
        assert statuses(tmp_path, 3) == [404, 500, 503]


def test_slow_ones_are_logged_whatever_their_status(tmp_path):
    with Origin(by_path) as origin, \
            logged(origin, tmp_path, {"access_log_format": "{status}",
                                      "access_log_status": ["5xx"],
                                      "access_log_min_duration": "1ms",
                                      "access_log_sample": 0}) as product:
        product.get("/200")
        product.get("/500")
        product.stop()
        assert 500 in statuses(tmp_path, 1)


def test_sample_is_one_in_so_many(recorder, tmp_path):
    with logged(recorder, tmp_path, {"access_log_format": "{status}",
                                     "access_log_sample": 10}) as product:
        with product.client() as client:
            for _ in range(500):
                client.get("/")
        product.signal()
        assert product.wait_exit() == 0
        assert 15 <= len(lines_of(tmp_path / "a.log")) <= 110


def test_redaction(recorder, tmp_path):
    server = {"access_log_format": "{uri} {>x-own} {>authorization} {~sid}",
              "access_log_redact": ["X-Own", "?sid"]}
    with logged(recorder, tmp_path, server) as product:
        product.get("/?sid=secret1&a=b&token=secret2",
                    [("X-Own", "secret3"), ("Authorization", "Basic secret4"),
                     ("Cookie", "sid=secret5")])
        assert written(tmp_path / "a.log", 1) == ["/?sid=***&a=b&token=*** *** *** ***"]


def test_what_the_documentation_calls_secret_is_masked(recorder, tmp_path):
    with open(os.path.join(ROOT, "docs/access-log.md"), encoding="utf-8") as file:
        text = " ".join(file.read().split())
    [headers] = re.findall(r"The headers (.*?), and all cookies, are written as", text)
    [parameters] = re.findall(r"values of these query parameters: (.*?)\. ", text)
    headers, parameters = re.split(", | and ", headers), parameters.split(", ")
    assert len(headers) >= 24 and len(parameters) >= 41
    form = " ".join(f"{{>{name.lower()}}}" for name in headers)
    with logged(recorder, tmp_path, {"access_log_format": f"{form} {{query}}"}) as product:
        product.get("/?" + "&".join(f"{name}=hunter2" for name in parameters),
                    [(name, "hunter2") for name in headers])
        assert written(tmp_path / "a.log", 1) == [
            " ".join(["***"] * len(headers)) + " " + "&".join(f"{name}=***" for name in parameters)]


def test_addresses_show_no_secrets(tmp_path):
    link = "http://u:hunter2@a.test/cb?token=hunter2&sid=hunter2&b=1"
    masked = "http://***@a.test/cb?token=***&sid=***&b=1"
    server = {"access_log_format": "$http_referer {referer} {redirect} $sent_http_location {uri}",
              "access_log_redact": ["?sid"]}
    with Origin(answer=lambda _: response(302, headers=[("Location", link)])) as origin, \
            logged(origin, tmp_path, server) as product:
        product.get("/?%74oken=hunter2&sig=hunter2", [("Referer", link)])
        assert written(tmp_path / "a.log", 1) == [f"{masked} {masked} {masked} {masked} "
                                                  "/?%74oken=***&sig=***"]


def test_connection_and_times(recorder, tmp_path):
    server = {"access_log_format": "json:connection_id,connection_requests,connection_time,"
                                   "upstream_time,transfer_time,queue_time,tries,request_time"}
    with logged(recorder, tmp_path, server) as product:
        with product.client() as client:
            client.get("/")
            client.get("/")
        product.get("/")
        first, second, third = [json.loads(line) for line in written(tmp_path / "a.log", 3)]
    assert first["connection_id"] == second["connection_id"] != third["connection_id"]
    assert [line["connection_requests"] for line in (first, second, third)] == [1, 2, 1]
    assert first["tries"] == f"{recorder.addr}=200"
    assert first["upstream_time"] >= first["transfer_time"] >= 0 == first["queue_time"]


def test_proxy_status_of_a_backend_that_is_not_there(closed_port=1):
    for on in (True, False):
        with front(f"127.0.0.1:{closed_port}", server={"proxy_status": on}) as product:
            answer = product.get("/")
            assert answer.status == 502
            line = product.wait_log(1)[0]
        assert answer.get("proxy-status") == (
            'pingap; error=connection_refused; details="upstream_refused"' if on else None)
        assert (line["reason"], line["termination"]) == ("upstream_refused", "SC")


def test_a_reload_takes_logs_of_locations_along(recorder, tmp_path):
    with logged(recorder, tmp_path, {"access_log_format": "{path}"},
                own=("/own", {"access_log": str(tmp_path / "own.log")})) as product:
        product.get("/own")
        product.conf["locations"]["own"]["access_log"] = str(tmp_path / "new.log")
        product.write_config()
        assert product.order("reload")[0] == 0
        product.get("/own/2")
        assert written(tmp_path / "new.log", 1) == ["/own/2"]
        assert lines_of(tmp_path / "own.log") == ["/own"]
