"""One canonical path: what is matched is what is logged and what is sent (rule P, PN-01 to 05)."""

import random
import re
import urllib.parse

import pytest

from rig.cases import batches, cases
from rig.client import Closed, request
from rig.origin import Origin
from rig.product import Product, config, front


@pytest.fixture(scope="module")
def guarded():
    """/admin goes to one origin, the rest to another."""
    with Origin() as admin, Origin() as rest:
        conf = config(rest.addr, locations={
            "admin": {"path": "/admin", "upstream": "admin"}, "rest": {"path": "/"}})
        conf["upstreams"]["admin"] = {"addrs": [admin.addr]}
        with Product(conf) as product:
            yield product, admin, rest


def as_an_origin_reads_it(target):
    """Path segments after what a lenient origin does: decode, drop parameters, trim, resolve."""
    path = re.sub(r"^https?://[^/]*", "", target).split("?")[0].split("#")[0]
    path = urllib.parse.unquote(path, "latin-1").replace("\\", "/").split("#")[0].split("?")[0]
    stack = []
    for segment in path.split("/"):
        segment = segment.split(";")[0].strip(" \t\r\n\v\f\0")
        if segment == "..":
            stack = stack[:-1]
        elif segment not in ("", "."):
            stack.append(segment)
    return stack


@pytest.mark.parametrize("target", [
    "/admin", "//admin", "/./admin", "/x/../admin", "/%61dmin", "/admin%2f", "/admin;x=1",
    "/ADMIN", "/admin/.", "/admin%20", "/admin%09", "/x%2f..%2fadmin", "/%2e/admin", "/admin?",
    "/admin#", "http://a.test/admin", "/a/..%5cadmin", "/%c0%aeadmin", "/admin%ff", "/;/admin",
    "/;x/admin", "/x/..;/admin", "/x/%2e%2e;y/admin", "/%2561dmin", "/admin//x", "/admin/",
    "///x/..//admin", "/x/%2e./admin",
])
def test_pn02_no_spelling_of_a_guarded_path_reaches_the_open_origin(guarded, target):
    product, admin, rest = guarded
    admin.reset()
    rest.reset()
    with product.client() as client:
        client.send(request(target))
        status = client.response().status
    rest.settle()
    assert status in (200, 400)
    for message in rest.requests:
        assert as_an_origin_reads_it(message.path())[:1] != ["admin"], message.path()


@pytest.mark.parametrize("target,status,sent", [
    ("/api/x", 200, "/x"), ("/api", 200, "/"), ("/api/", 200, "/"), ("/api?q=1", 200, "/?q=1"),
    ("/api../x", 404, None), ("/api/../x", 404, None), ("/api/..%2fx", 400, None),
    ("/api//evil.test/", 200, "/evil.test/"), ("/apix", 404, None),
    ("/api/%2e%2e/x", 404, None), ("/api/..;/x", 400, None), ("/a%70i/x", 200, "/x"),
    ("/api/a%20b", 200, "/a%20b"), ("/api/;x//evil.test", 200, None),
])
def test_pn03_prefix_strip_leaves_one_canonical_path(recorder, target, status, sent):
    location = {"path": "/api", "path_type": "prefix", "rewrite": "/"}
    with front(recorder, location=location) as product:
        assert product.get(target).status == status
    paths = [message.path() for message in recorder.requests]
    assert all(path.startswith("/") and not path.startswith("//") for path in paths)
    if sent:
        assert paths == [sent]


@pytest.mark.parametrize("target,sent", [
    ("/%41%7e%2D", "/A~-"), ("/%c3%a9", "/%C3%A9"), ("/a/./b//c/../d", "/a/b/d"),
    ("/a?x=//../%41", "/a?x=//../%41"), ("/a?", "/a?"), ("/a/..", "/"), ("/a/.", "/a/"),
    ("/a%3fb", "/a%3Fb"), ("/a%23b", "/a%23b"), ("/a;b=1/c", "/a;b=1/c"), ("/a\\?", None),
    ("/a?b\\c", "/a?b\\c"),
])
def test_canonical_form_is_sent(recorder, target, sent):
    with front(recorder) as product:
        answer = product.get(target)
    if sent is None:
        assert answer.status == 400 and recorder.requests == []
        return
    assert recorder.requests[0].path() in (sent, sent.rstrip("?"))


def random_target(chooser):
    pieces = ["/", "//", ".", "..", "a", "B", "%41", "%2e", "%7E", "%2F", "%5c", "%00", ";x", "%",
              "%zz", "%c3%a9", "+", "&", "=", "?", "~", "-", "admin", "%25", "%3f"]
    return "/" + "".join(chooser.choice(pieces) for _ in range(chooser.randrange(1, 9)))


def test_pn01_what_is_sent_is_logged_and_is_a_fixed_point(recorder):
    count, passed = cases(1500), 0
    chooser = random.Random(1)
    for size in batches(count, 20_000):  # a log of its own each, so that memory has an end
        passed += check_targets(recorder, [random_target(chooser) for _ in range(size)])
    assert passed > count // 5


def check_targets(recorder, targets):
    """How many of them passed."""
    recorder.reset()
    with front(recorder) as product:
        client = product.client()
        for target in targets:
            try:
                client.get(target)
            except Closed:
                client.close()
                client = product.client()
                client.get(target)
        client.close()
        sent = [message.path() for message in recorder.requests]
        with product.client() as client:
            for target in sent:
                assert client.get(target).status == 200, target
        again = [message.path() for message in recorder.requests[len(sent):]]
        lines = product.wait_log(len(targets) + len(sent))
        logged = [line["uri"] for line in lines if line["upstream"]]
    assert again == sent
    assert logged == sent + sent
    return len(sent)


def test_slashes_are_kept_where_the_server_says_so(recorder):
    with front(recorder, server={"merge_slashes": False}) as product:
        product.get("/a//b")
    assert recorder.requests[0].path() == "/a//b"


def test_encoded_slash_is_kept_where_the_server_says_so(recorder):
    with front(recorder, server={"encoded_slash": "keep"}) as product:
        assert product.get("/a%2fb").status == 200
    assert recorder.requests[0].path() == "/a%2Fb"


def test_pn05_regex_path_is_matched_on_the_canonical_form(recorder):
    locations = {"private": {"path": "^/private", "path_type": "regex",
                             "headers_set": {"X-Location": "private"}},
                 "all": {"path": "/", "headers_set": {"X-Location": "all"}, "priority": -1}}
    with front(recorder, locations=locations) as product:
        seen = {target: product.get(target).get("X-Location")
                for target in ("/private", "/%70rivate", "/x/../private", "/PRIVATE")}
    assert seen == {"/private": "private", "/%70rivate": "private", "/x/../private": "private",
                    "/PRIVATE": "all"}


def test_pn05_plain_hosts_are_whole_and_their_dots_are_dots(recorder):
    with front(recorder, location={"host": ["a.test"]}) as product:
        statuses = [product.get("/", host=host).status
                    for host in ("a.test", "xa.testx", "aXtest", "a.test.evil")]
    assert statuses == [200, 404, 404, 404]


def test_pn05_regex_hosts_are_anchored(recorder):
    with front(recorder, location={"host": ["~[a-z]+\\.test"]}) as product:
        statuses = [product.get("/", host=host).status
                    for host in ("a.test", "abc.test", "1a.test", "a.test.evil", "a.testx")]
    assert statuses == [200, 200, 404, 404, 404]
