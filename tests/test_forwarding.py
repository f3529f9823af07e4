"""What a request looks like at the origin: hop-by-hop fields, forwarded fields, Host, trailers.

Rules H, U, X and T of security.md 1C with HS-01, HS-04, HS-06, HS-09; the single-request vectors
are in the tables (test_vectors.py).
"""

import pytest

from rig.client import request
from rig.h1 import request_violations
from rig.origin import Origin, play
from rig.product import Product, config, front


def at_origin(recorder, product, headers=(), **how):
    """Sends one request; returns it as the origin saw it."""
    answer = product.get("/x", headers, **how)
    assert answer.status == 200, answer
    message = recorder.wait_requests(1)[-1]
    assert request_violations(message) == []
    return message


# --- the client's address (rule X)

def test_forwarded_fields_name_the_socket_when_nobody_is_trusted(recorder):
    with front(recorder) as product:
        message = at_origin(recorder, product)
        port = str(product.address()[1])
    assert message.get("X-Forwarded-For") == "127.0.0.1"
    assert message.get("X-Real-IP") == "127.0.0.1"
    assert message.get("X-Forwarded-Proto") == "http"
    assert message.get("X-Forwarded-Host") == "a.test"
    assert message.get("X-Forwarded-Port") == port


def test_forged_forwarded_fields_in_every_spelling_are_replaced(recorder):
    forged = [("x-forwarded-for", "6.6.6.6"), ("X-FORWARDED-FOR", "7.7.7.7"),
              ("X-Forwarded-Port", "1"), ("X_Forwarded_Proto", "https"),
              ("X-Real-Ip", "6.6.6.6")]
    with front(recorder) as product:
        message = at_origin(recorder, product, forged)
    assert message.all("X-Forwarded-For") == [b"127.0.0.1"]
    assert message.all("X-Real-IP") == [b"127.0.0.1"]
    assert message.all("X_Forwarded_Proto") == []
    assert message.get("X-Forwarded-Port") != "1"


TRUSTED = {"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8", "2001:db8:ffff::/48"]}


@pytest.mark.parametrize("lines,client", [
    (["6.6.6.6, 7.7.7.7, 10.1.1.1"], "7.7.7.7"),
    (["6.6.6.6, 7.7.7.7", "10.1.1.1"], "7.7.7.7"),
    (["6.6.6.6,7.7.7.7,10.1.1.1"], "7.7.7.7"),
    (["6.6.6.6, unknown, 10.1.1.1"], "10.1.1.1"),
    (["6.6.6.6, [2001:db8::1]:443, 10.1.1.1"], "2001:db8::1"),
    (["6.6.6.6, 7.7.7.7:1234"], "7.7.7.7"),
    (["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
    ([], "127.0.0.1"),
])
def test_hs09_client_address_is_the_last_untrusted_hop(recorder, lines, client):
    headers = [("X-Forwarded-For", line) for line in lines]
    with front(recorder, server=TRUSTED) as product:
        message = at_origin(recorder, product, headers)
        assert product.wait_log(1)[0]["client"] == client
    assert message.get("X-Real-IP") == client
    assert client in message.get("X-Forwarded-For")


def test_hs09_a_thousand_hops_are_cut(recorder):
    hops = ", ".join(["10.9.9.9"] * 1000)
    with front(recorder, server=TRUSTED) as product:
        message = at_origin(recorder, product, [("X-Forwarded-For", "6.6.6.6, " + hops)])
        assert product.wait_log(1)[0]["client"] == "10.9.9.9"
    assert len(message.get("X-Forwarded-For").split(",")) <= 66


def test_trusted_proxy_may_say_proto_and_host(recorder):
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "public.test"),
               ("X-Forwarded-For", "7.7.7.7")]
    with front(recorder, server=TRUSTED) as product:
        message = at_origin(recorder, product, headers)
    assert message.get("X-Forwarded-Proto") == "https"
    assert message.get("X-Forwarded-Host") == "public.test"
    assert message.get("Host") == "a.test"


def test_forwarded_field_may_be_written_by_its_own_variable(recorder):
    """A line that many configurations carry over from other proxies."""
    location = {"proxy_set_headers": ["X-Forwarded-For: $proxy_add_x_forwarded_for"]}
    with front(recorder, location=location, server=TRUSTED) as product:
        seen = at_origin(recorder, product, [("X-Forwarded-For", "7.7.7.7")])
    assert seen.all("X-Forwarded-For") == [b"7.7.7.7, 127.0.0.1"]


def test_nobody_is_trusted_outside_the_list(recorder):
    with front(recorder, server={"trusted_proxies": ["10.0.0.0/8"]}) as product:
        message = at_origin(recorder, product, [("X-Forwarded-For", "6.6.6.6")])
    assert message.get("X-Forwarded-For") == "127.0.0.1"


# --- fields a client must not decide with (HS-04)

@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override",
                                  "X-Forwarded-Uri", "X-Envoy-Original-Path"])
def test_hs04_url_and_method_override_fields_do_not_route(recorder, name):
    locations = {"admin": {"path": "/admin", "headers_set": {"X-Location": "admin"}},
                 "all": {"path": "/", "headers_set": {"X-Location": "all"}}}
    with front(recorder, locations=locations) as product:
        answer = product.get("/x", [(name, "/admin")])
    assert answer.get("X-Location") == "all"
    assert recorder.requests[0].path() == "/x"


def test_hs04_forwarded_prefix_is_deleted_from_untrusted_peers(recorder):
    with front(recorder) as product:
        message = at_origin(recorder, product, [("X-Forwarded-Prefix", "/evil")])
    assert message.get("X-Forwarded-Prefix") is None


# --- hop-by-hop (rule H)

@pytest.mark.parametrize("connection", ["X-Secret", "x-secret, close", "close,X-SECRET",
                                        "keep-alive, ,X-Secret"])
def test_fields_named_by_connection_are_deleted(recorder, connection):
    with front(recorder) as product, product.client() as client:
        client.get("/", [("Connection", connection), ("X-Secret", "1"), ("X-Kept", "1")])
    message = recorder.wait_requests(1)[0]
    assert (message.get("X-Secret"), message.get("X-Kept")) == (None, "1")


@pytest.mark.parametrize("name,value", [
    ("Authorization", "Basic eA=="), ("Cookie", "a=1"), ("Content-Type", "text/plain"),
    ("X-Request-ID", "abc"),
])
def test_connection_cannot_delete_protected_fields(recorder, name, value):
    with front(recorder) as product, product.client() as client:
        client.get("/", [("Connection", name), (name, value)])
    assert recorder.wait_requests(1)[0].get(name) == value


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto"])
def test_connection_cannot_delete_what_the_proxy_writes(recorder, name):
    with front(recorder) as product, product.client() as client:
        client.get("/", [("Connection", name)])
    assert recorder.wait_requests(1)[0].get(name)


def test_connection_cannot_delete_what_the_config_writes(recorder):
    location = {"proxy_set_headers": {"X-User": "configured"}}
    with front(recorder, location=location) as product, product.client() as client:
        client.get("/", [("Connection", "X-User"), ("X-User", "forged"), ("x_user", "forged")])
    message = recorder.wait_requests(1)[0]
    assert message.all("X-User") == [b"configured"] and message.all("X_User") == []


@pytest.mark.parametrize("token", ["Host", "Content-Length", "close, Host"])
def test_hs06_connection_naming_framing_or_host_is_refused_or_ignored(recorder, token):
    with front(recorder) as product, product.client() as client:
        answer = client.get("/", [("Connection", token)], method="POST", body=b"abcde")
        recorder.settle()
    if answer.status == 400:
        assert recorder.requests == []
    else:
        message = recorder.requests[0]
        assert (message.get("Host"), message.body) == ("a.test", b"abcde")


def test_connection_with_32_tokens_passes_and_33_are_refused(recorder):
    with front(recorder) as product:
        statuses = []
        for count in (32, 33):
            with product.client() as client:
                tokens = ", ".join(f"x{number}" for number in range(count))
                statuses.append(client.get("/", [("Connection", tokens)]).status)
    assert statuses == [200, 400]


def test_hs06_ten_thousand_connection_tokens_are_refused(recorder):
    with front(recorder) as product, product.client() as client:
        assert client.get("/", [("Connection", "a," * 10000)]).status in (400, 431)
        recorder.settle()
    assert recorder.received == 0


def test_te_trailers_may_pass_and_nothing_else_of_te(recorder):
    with front(recorder) as product, product.client() as client:
        client.get("/", [("TE", "trailers, deflate;q=0.5"), ("Connection", "TE")])
    assert recorder.wait_requests(1)[0].all("TE") in ([], [b"trailers"])


# --- underscores (rule U)

def test_fields_with_underscores_are_refused_when_told(recorder):
    with front(recorder, server={"underscores_in_headers": "reject"}) as product:
        assert product.get("/", [("X_Y", "1")]).status == 400
        assert product.get("/", [("X-Y", "1")]).status == 200


def test_fields_with_underscores_are_kept_when_told(recorder):
    with front(recorder, server={"underscores_in_headers": "keep"}) as product:
        message = at_origin(recorder, product, [("X_Y", "1")])
    assert message.get("X_Y") == "1"


# --- Host (HS-01) and Via

@pytest.mark.parametrize("host", ["a.test", "A.TEST", "a.test.", "a.test:80", "a.TEST.:8080"])
def test_hs01_spellings_of_one_host_reach_one_location(recorder, host):
    with front(recorder, location={"host": ["a.test"]}) as product:
        assert product.get("/", host=host).status == 200


@pytest.mark.parametrize("host,accepted", [
    ("[::1]", True), ("[::1]:80", True), ("a_b.test", True), ("xn--bcher-kva.test", True),
    ("127.0.0.1:80", True), ("[::1%25lo]", False), ("a..test", False), (".a.test", False),
    ("[::1", False), ("::1", False), ("[zz]", False), ("a.test:65536", False),
    ("a\\b.test", False), ("a%2eb", False),
])
def test_hs01_host_grammar(recorder, host, accepted):
    with front(recorder) as product:
        answer = product.get("/", host=host)
    assert (answer.status == 200) == accepted, answer
    assert answer.status in (200, 400)


def test_host_is_kept_for_the_origin(recorder):
    with front(recorder) as product:
        assert at_origin(recorder, product, host="a.test:8080").get("Host") == "a.test:8080"


def test_via_is_off_by_default(recorder):
    with front(recorder) as product:
        answer = product.get("/")
    assert answer.get("Via") is None and recorder.requests[0].get("Via") is None


def test_via_is_written_both_ways_when_on(recorder):
    with front(recorder, server={"via": True}) as product:
        answer = product.get("/", [("Via", "1.0 other")])
    assert answer.get("Via") == "1.1 pingap"
    joined = b", ".join(recorder.requests[0].all("Via"))
    assert joined == b"1.0 other, 1.1 pingap"


def test_hs10_loop_ends_with_508(tmp_path):
    """A proxy in front of itself: the request goes round a few times, not for ever."""
    around = f"unix:{tmp_path}/loop.sock"
    with Product(config(around, server={"addr": ["127.0.0.1:0", around], "via": True})) as product:
        assert product.get("/").status == 508
        lines = product.wait_log(10)
    reasons = [line["reason"] for line in lines]
    assert reasons.count("loop_detected") == 1 and len(reasons) == 10


def test_hs10_proxies_of_one_name_may_stand_in_a_row(recorder):
    with front(recorder, server={"via": True}) as inner:
        host, port = inner.address()
        with front(f"{host}:{port}", server={"via": True}) as outer:
            assert outer.get("/").get("Via") == "1.1 pingap, 1.1 pingap"
    assert recorder.requests[0].get("Via") == "1.1 pingap, 1.1 pingap"


# --- trailers (rule T)

CHUNKED = (b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n"
           b"Connection: TE\r\n\r\n5\r\nabcde\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n"
           b"Host: evil\r\nSet-Cookie: a=1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
ANSWER = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
          b"X-Sum: 2\r\nContent-Length: 9\r\nSet-Cookie: b=2\r\n\r\n")


@pytest.mark.parametrize("location,passed", [({}, False), ({"trailers": "pass"}, True)])
def test_trailers_pass_both_ways_only_where_the_location_says_so(location, passed):
    with Origin(play(ANSWER)) as origin, front(origin, location=location) as product:
        with product.client() as client:
            client.send(CHUNKED)
            answer = client.response("POST")
        message = origin.wait_requests(1)[0]
    assert answer.trailers == ([(b"X-Sum", b"2")] if passed else [])
    assert message.trailers == ([(b"X-Sum", b"1")] if passed else [])


# --- 426 and OPTIONS

def test_426_says_what_to_upgrade_to():
    answer = (b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n"
              b"Connection: upgrade\r\nContent-Length: 0\r\n\r\n")
    with Origin(play(answer)) as origin, front(origin) as product:
        got = product.get("/")
    assert (got.status, got.get("Upgrade")) == (426, "TLS/1.2, HTTP/1.1")
    assert "upgrade" in got.tokens("Connection")


@pytest.mark.parametrize("hops,forwarded", [("0", None), ("1", "0"), ("12", "11"), ("x", "x")])
def test_hs10_options_goes_as_far_as_it_may(recorder, hops, forwarded):
    with front(recorder) as product:
        answer = product.get("/x", [("Max-Forwards", hops)], method="OPTIONS")
        if forwarded is None:
            assert answer.status == 204
            assert "GET" in answer.get("Allow")
            assert recorder.requests == []
        else:
            assert recorder.requests[0].get("Max-Forwards") == forwarded


def test_max_forwards_means_nothing_to_other_methods(recorder):
    with front(recorder) as product:
        assert product.get("/x", [("Max-Forwards", "0")]).status == 200
    assert recorder.requests[0].get("Max-Forwards") == "0"


# --- versions

def test_http10_client_gets_a_body_without_chunks(recorder):
    with Origin(play(ANSWER)) as origin, front(origin) as product, product.client() as client:
        client.send(request("/", version="1.0"))
        answer = client.response()
    assert (answer.framing, answer.body) == ("close", b"ok")
    assert not answer.all("Transfer-Encoding")


def test_http10_client_is_spoken_to_in_http11_at_the_origin(recorder):
    with front(recorder) as product, product.client() as client:
        client.send(request("/", version="1.0"))
        client.response()
        client.wait_closed()
    assert recorder.requests[0].version == b"HTTP/1.1"


def test_http10_origin_is_served_and_not_reused():
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with Origin(play(old)) as origin, front(origin) as product, product.client() as client:
        assert client.get("/1").body == b"ok"
        assert client.get("/2").body == b"ok"
        assert len(origin.connections) == 2


def test_options_star_is_answered(recorder):
    with front(recorder) as product, product.client() as client:
        client.send("OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.response("OPTIONS").status in (200, 204)
