"""Which location serves a request. Each location says its name in X-Location."""

import pytest

from rig.client import Client
from rig.product import Product, config, front


def named(locations):
    """Locations that tell their name to the client."""
    return {name: {**keys, "headers_set": {"X-Location": name}}
            for name, keys in locations.items()}


def chosen(recorder, locations, *asks, **parts):
    """The location names that serve the asks: (target, host, headers, method)."""
    with front(recorder, locations=named(locations), **parts) as product:
        names = []
        for ask in asks:
            target, host, headers, method = (tuple(ask) + ("a.test", (), "GET")[len(ask) - 1:])
            answer = product.get(target, headers, host, method)
            names.append(answer.get("X-Location") if answer.status == 200 else answer.status)
        return names


def test_exact_path_matches_only_itself(recorder):
    names = chosen(recorder, {"one": {"path": "/a", "path_type": "exact"}},
                   ["/a"], ["/a?q"], ["/a/"], ["/a/b"], ["/ab"], ["/A"])
    assert names == ["one", "one", 404, 404, 404, 404]


def test_prefix_matches_whole_segments(recorder):
    names = chosen(recorder, {"one": {"path": "/api", "path_type": "prefix"}},
                   ["/api"], ["/api/"], ["/api/x"], ["/apix"], ["/api.json"], ["/ap"])
    assert names == ["one", "one", "one", 404, 404, 404]


def test_regex_path_matches_anywhere_unless_anchored(recorder):
    names = chosen(recorder, {"one": {"path": "^/v[0-9]+/", "path_type": "regex"}},
                   ["/v1/x"], ["/v22/"], ["/v/"], ["/x/v1/"])
    assert names == ["one", "one", 404, 404]


def test_more_specific_paths_win(recorder):
    locations = {"root": {"path": "/"}, "regex": {"path": "^/a", "path_type": "regex"},
                 "short": {"path": "/a", "path_type": "prefix"},
                 "long": {"path": "/a/b", "path_type": "prefix"},
                 "exact": {"path": "/a/b/c", "path_type": "exact"}}
    names = chosen(recorder, locations, ["/a/b/c"], ["/a/b/d"], ["/a/x"], ["/z"])
    assert names == ["exact", "long", "short", "root"]


def test_regex_comes_after_every_prefix(recorder):
    locations = {"regex": {"path": "^/a", "path_type": "regex"}, "root": {"path": "/"}}
    assert chosen(recorder, locations, ["/ax"]) == ["root"]
    locations["root"]["path"] = "/b"
    assert chosen(recorder, locations, ["/ax"], ["/b"]) == ["regex", "root"]


def test_explicit_priority_goes_before_specificity(recorder):
    locations = {"exact": {"path": "/a", "path_type": "exact"},
                 "regex": {"path": "^/a", "path_type": "regex", "priority": 5},
                 "low": {"path": "/b", "path_type": "exact", "priority": -5},
                 "root": {"path": "/"}}
    assert chosen(recorder, locations, ["/a"], ["/b"]) == ["regex", "root"]


def test_exact_host_goes_before_wildcard_regex_and_none(recorder):
    locations = {"any": {"path": "/"}, "regex": {"host": ["~.*\\.test"], "path": "/"},
                 "wild": {"host": ["*.b.test"], "path": "/"},
                 "exact": {"host": ["a.b.test"], "path": "/"}}
    names = chosen(recorder, locations, ["/", "a.b.test"], ["/", "x.b.test"], ["/", "x.test"],
                   ["/", "other.example"])
    assert names == ["exact", "wild", "regex", "any"]


def test_wildcard_host_needs_a_label(recorder):
    names = chosen(recorder, {"wild": {"host": ["*.a.test"], "path": "/"}},
                   ["/", "x.a.test"], ["/", "X.A.TEST:80"], ["/", "y.x.a.test"], ["/", "a.test"],
                   ["/", "xa.test"])
    assert names[:2] == ["wild", "wild"] and names[3:] == [404, 404]


def test_a_location_may_have_several_hosts(recorder):
    names = chosen(recorder, {"two": {"host": ["a.test", "b.test"], "path": "/"}},
                   ["/", "a.test"], ["/", "b.test"], ["/", "c.test"])
    assert names == ["two", "two", 404]


def test_hs02_one_of_two_hundred_hosts_in_mixed_case(recorder):
    locations = {f"v{n}": {"host": [f"v{n}.test"], "path": "/"} for n in range(200)}
    assert chosen(recorder, locations, ["/", "V150.Test"]) == ["v150"]


def test_methods_choose_a_location(recorder):
    locations = {"read": {"path": "/", "methods": ["GET", "HEAD"]},
                 "write": {"path": "/", "methods": ["POST"]}}
    names = chosen(recorder, locations, ["/"], ["/", "a.test", (), "POST"])
    assert names == ["read", "write"]
    assert chosen(recorder, locations, ["/", "a.test", (), "DELETE"])[0] in (404, 405)


def test_header_predicates_must_all_hold(recorder):
    locations = {"both": {"path": "/", "match_headers": ["X-A:1", "X-B"]}, "rest": {"path": "/"}}
    names = chosen(recorder, locations,
                   ["/", "a.test", [("x-a", "1"), ("X-B", "anything")]],
                   ["/", "a.test", [("X-A", "1")]], ["/", "a.test", [("X-A", "2"), ("X-B", "")]])
    assert names == ["both", "rest", "rest"]


def test_query_predicates(recorder):
    locations = {"beta": {"path": "/", "match_query": ["v:2", "flag"]}, "rest": {"path": "/"}}
    names = chosen(recorder, locations, ["/?v=2&flag"], ["/?flag=x&v=2"], ["/?v=2"],
                   ["/?v=22&flag"], ["/?%76=2&flag"])
    assert names == ["beta", "beta", "rest", "rest", "beta"]


def test_cookie_predicates(recorder):
    locations = {"beta": {"path": "/", "match_cookies": ["group:b"]}, "rest": {"path": "/"}}
    names = chosen(recorder, locations, ["/", "a.test", [("Cookie", "x=1; group=b")]],
                   ["/", "a.test", [("Cookie", "xgroup=b; group=bb")]], ["/"])
    assert names == ["beta", "rest", "rest"]


def test_same_rank_keeps_the_order_of_the_server_list(recorder):
    locations = {"second": {"path": "/", "match_headers": ["X-A"]},
                 "first": {"path": "/", "match_headers": ["X-B"]}}
    both = ["/", "a.test", [("X-A", "1"), ("X-B", "1")]]
    server = {"locations": ["first", "second"]}
    assert chosen(recorder, locations, both, server=server) == ["first"]


def test_alias_spellings_of_the_path_type(recorder):
    locations = {"exact": {"path": "= /a"}, "regex": {"path": "~ ^/b[0-9]"}}
    assert chosen(recorder, locations, ["/a"], ["/a/b"], ["/b1"]) == ["exact", 404, "regex"]


def test_no_location_is_404_with_a_reason(recorder):
    with front(recorder, location={"path": "/only"}) as product:
        assert product.get("/other").status == 404
        line = product.wait_log(1)[0]
    assert (line["status"], line["upstream"]) == (404, "") and line["reason"]
    assert recorder.requests == []


def test_servers_have_their_own_locations(recorder):
    conf = config(recorder.addr, locations=named({"a": {"path": "/"}, "b": {"path": "/"}}),
                  server={"locations": ["a"]})
    conf["servers"]["second"] = {"addr": "127.0.0.1:0", "locations": ["b"]}
    with Product(conf) as product:
        names = [product.get("/", server=server).get("X-Location")
                 for server in ("main", "second")]
    assert names == ["a", "b"]


@pytest.mark.parametrize("addrs", [["127.0.0.1:0", "[::1]:0"]])
def test_a_server_listens_on_all_its_addresses(recorder, addrs):
    with front(recorder, server={"addr": addrs}) as product:
        assert len(product.addresses["main"]) == 2
        for index in range(2):
            with Client(product.address("main", index)) as client:
                assert client.get("/").status == 200


def test_a_server_listens_on_a_unix_socket(recorder, tmp_path):
    path = str(tmp_path / "s")
    with front(recorder, server={"addr": f"unix:{path}"}) as product:
        with Client(path) as client:
            assert client.get("/").body == b"echo /"


def test_the_log_names_the_location_and_the_upstream(recorder):
    with front(recorder, locations=named({"api": {"path": "/api"}})) as product:
        product.get("/api/x?q=1")
        line = product.wait_log(1)[0]
    assert (line["location"], line["method"], line["uri"], line["host"], line["status"]) == \
        ("api", "GET", "/api/x?q=1", "a.test", 200)
    assert recorder.addr in line["upstream"]
