"""The answers the proxy makes itself: status, form, reason, and what they never show."""

import json

import pytest

from rig.client import request
from rig.origin import Origin, response
from rig.product import front


def page(accept, product, target="/none"):
    return product.get(target, [("Accept", accept)] if accept else [])


@pytest.fixture(scope="module")
def empty():
    """Every request is a 404."""
    with front("127.0.0.1:1", location={"path": "/only"}) as product:
        yield product


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json, */*;q=0.1",
                                    "text/html;q=0.5, application/json"])
def test_json_where_the_client_prefers_it(empty, accept):
    answer = page(accept, empty)
    assert answer.status == 404
    assert answer.get("Content-Type").startswith("application/json")
    body = json.loads(answer.body)
    assert body["status"] == 404 and body["code"]


@pytest.mark.parametrize("accept", [None, "*/*", "text/html", "image/png",
                                    "text/html,application/xhtml+xml,application/xml;q=0.9",
                                    "application/json;q=0, text/html",
                                    "application/json;q=0.1, text/html;q=0.9"])
def test_html_otherwise(empty, accept):
    answer = page(accept, empty)
    assert answer.get("Content-Type").startswith("text/html")
    assert b"<html" in answer.body and b"404" in answer.body


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_bytes_of_the_request_are_not_in_the_page(empty, accept):
    evil = "<script>alert(1)</script>"
    with empty.client() as client:
        client.send(request("/evilmark?<x>", [("Accept", accept), ("X", evil)], "evilhost.test"))
        answer = client.response()
    for mark in (b"evilmark", b"script>alert", b"evilhost"):
        assert mark not in answer.body


def test_refused_requests_do_not_come_back_either(empty):
    with empty.client() as client:
        client.send(b"GET /evilmark<script> HTTP/1.1\r\nHost: a.test\r\nX : evilmark\r\n\r\n")
        answer = client.response()
    assert answer.status == 400 and b"evilmark" not in answer.body


def test_error_pages_are_not_stored_and_have_a_length(empty):
    answer = page(None, empty)
    assert "no-store" in answer.get("Cache-Control")
    assert answer.framing == "length" and answer.get("Date")


def test_head_gets_the_length_and_no_body(empty):
    with empty.client() as client:
        client.send(request("/none", method="HEAD") + request("/none"))
        head = client.response("HEAD")
        answer = client.response()
    assert head.body == b"" and head.get("Content-Length") == answer.get("Content-Length")


def test_answers_say_nothing_of_the_inside(empty):
    answer = page(None, empty)
    for mark in (b"/src/", b"127.0.0.1:1", b".cc", b"errno"):
        assert mark not in answer.body + answer.raw_head


def test_connection_survives_a_404(empty):
    with empty.client() as client:
        assert [client.get("/none").status for _ in range(3)] == [404] * 3


@pytest.mark.parametrize("text,form", [
    ("<p>{{status}} {{reason}} {{code}}</p>", "text/html"),
    ('{"s": {{status}}, "r": "{{reason}}", "c": "{{code}}"}', "application/json"),
])
def test_template_of_the_operator(tmp_path, text, form):
    path = tmp_path / "error"
    path.write_text(text, encoding="ascii")
    with front("127.0.0.1:1", location={"path": "/only"},
               basic={"error_template": str(path)}) as product:
        answer = page("text/html", product)
        reason = product.wait_log(1)[0]["reason"]
    assert answer.get("Content-Type").startswith(form)
    expected = text.replace("{{status}}", "404").replace("{{reason}}", "Not Found").replace(
        "{{code}}", reason)
    assert answer.body == expected.encode()


def test_error_bodies_of_the_origin_are_left_alone():
    answer = response(500, "Mine", body=b"my page")
    with Origin(answer=lambda _: answer) as origin, front(origin) as product:
        seen = product.get("/", [("Accept", "application/json")])
    assert (seen.status, seen.body) == (500, b"my page")


def test_reason_in_the_log_is_a_code_word(empty):
    page(None, empty)
    reason = empty.wait_log(1)[-1]["reason"]
    assert reason and reason.replace("_", "").isalpha() and reason.islower()


def test_405_names_the_methods(empty):
    with empty.client() as client:
        client.send(request("/", method="TRACE"))
        answer = client.response()
    assert answer.status == 405 and answer.get("Allow")
