"""Rewrites, header edits, variables: what a location changes in both directions."""

import pytest

from rig.client import request
from rig.origin import Origin, response
from rig.product import front


def sent(recorder, location, target, **how):
    with front(recorder, location=location) as product:
        answer = product.get(target, **how)
    return recorder.requests[-1].path() if recorder.requests else answer.status


@pytest.mark.parametrize("target,path", [
    ("/api/users", "/users"), ("/api", "/"), ("/api/", "/"), ("/api/users?q=1&r", "/users?q=1&r"),
    ("/api?q=/api/x", "/?q=/api/x"), ("/api/api/x", "/api/x"),
])
def test_rewrite_slash_replaces_the_matched_prefix(recorder, target, path):
    location = {"path": "/api", "path_type": "prefix", "rewrite": "/"}
    assert sent(recorder, location, target) == path


@pytest.mark.parametrize("rewrite,target,path", [
    ("^/api/(.*)$ /v2/$1", "/api/users/1", "/v2/users/1"),
    ("^/api/(.*)$ /v2/$1", "/api/users?q=1", "/v2/users?q=1"),
    ("^/(\\w+)/(\\w+)$ /$2/$1", "/a/b", "/b/a"),
    ("^/nomatch$ /x", "/other", "/other"),
    ("^/api/(?P<rest>.*)$ /v2/$rest", "/api/a/b", "/v2/a/b"),
])
def test_rewrite_by_regex_with_captures(recorder, rewrite, target, path):
    assert sent(recorder, {"path": "/", "rewrite": rewrite}, target) == path


def test_rewrite_result_is_canonical_or_refused(recorder):
    result = sent(recorder, {"path": "/", "rewrite": "^/x(.*)$ /y/$1"}, "/x/a")
    assert result in ("/y/a", 400)


def test_headers_to_the_client_are_set_added_and_removed():
    answer = response(headers=[("Server", "secret"), ("X-Powered-By", "old"), ("X-Frame", "no")],
                      body=b"ok")
    location = {"headers_add": ["X-Added: 1", "X-Added:2"],
                "headers_remove": ["Server", "x-powered-by"],
                "headers_set": {"X-Frame": "DENY"}}
    with Origin(answer=lambda _: answer) as origin, front(origin, location=location) as product:
        seen = product.get("/")
    assert seen.all("X-Added") == [b"1", b"2"]
    assert seen.all("X-Frame") == [b"DENY"]
    assert seen.all("X-Powered-By") == []
    assert b"secret" not in seen.all("Server")


def test_headers_to_the_backend_are_set_added_and_removed(recorder):
    location = {"proxy_set_headers": {"Host": "internal.test", "X-Real-IP": "$remote_addr"},
                "proxy_add_headers": ["X-Tag: a", "X-Tag: b"],
                "proxy_remove_headers": ["Accept-Encoding", "cookie"]}
    with front(recorder, location=location) as product:
        product.get("/", [("Accept-Encoding", "gzip"), ("Cookie", "a=1"), ("X-Tag", "client")])
    message = recorder.requests[0]
    assert message.all("Host") == [b"internal.test"]
    assert message.all("X-Real-IP") == [b"127.0.0.1"]
    assert message.all("X-Tag") == [b"client", b"a", b"b"]
    assert message.all("Accept-Encoding") == [] and message.all("Cookie") == []


def test_variables_in_header_values(recorder):
    values = {"X-V-Addr": "$remote_addr", "X-V-Host": "$host", "X-V-Name": "$http_x_name",
              "X-V-Mixed": "a-$host-b", "X-V-Method": "$method"}
    with front(recorder, location={"proxy_set_headers": values}) as product:
        product.get("/p", [("X-Name", "value")])
    message = recorder.requests[0]
    assert message.get("X-V-Addr") == "127.0.0.1"
    assert message.get("X-V-Host") == "a.test"
    assert message.get("X-V-Name") == "value"
    assert message.get("X-V-Mixed") == "a-a.test-b"
    assert message.get("X-V-Method") == "GET"


def test_request_id_variable_is_one_value_per_request(recorder):
    location = {"proxy_set_headers": {"X-Request-ID": "$request_id"},
                "headers_set": {"X-Request-ID": "$request_id"}}
    with front(recorder, location=location) as product:
        answers = [product.get("/").get("X-Request-ID") for _ in range(20)]
    at_origin = [message.get("X-Request-ID") for message in recorder.requests]
    assert at_origin == answers and len(set(answers)) == 20 and all(answers)


@pytest.mark.parametrize("query", ["x=%0d%0aSet-Cookie:%20a=1", "x=%0aSet-Cookie:a", "x=%00",
                                   "x=%c4%8d%c4%8a"])
def test_hs07_variables_from_the_request_cannot_add_lines(recorder, query):
    location = {"headers_set": {"X-Arg": "$arg_x"}, "proxy_set_headers": {"X-Arg": "$arg_x"}}
    with front(recorder, location=location) as product, product.client() as client:
        client.send(request("/?" + query))
        answer = client.response()
    assert answer.all("Set-Cookie") == []
    assert len(answer.all("X-Arg")) <= 1
    for message in recorder.requests:
        assert message.all("Set-Cookie") == []
    assert recorder.violations() == []
