"""[tracing]: spans by OTLP, their parents and attributes, and traces that go on to backends."""

import re

import grpc
import pytest

from rig import h2
from rig.collector import CLIENT, ERROR, SERVER, GrpcCollector, HttpCollector
from rig.deadline import until
from rig.metrics import OPENMETRICS, get, scrape
from rig.origin import Origin, response
from rig.product import Product, config
from rig.tls import authority

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"
DEAD = "127.0.0.1:1"


def traced(collector, origin, keys=None, options=None, **parts):
    """A product with [tracing] in front of an origin; batches leave quickly."""
    conf = config(origin if isinstance(origin, (str, list)) else origin.addr, **parts)
    endpoint = collector if isinstance(collector, str) else collector.endpoint
    conf["tracing"] = {"endpoint": endpoint, "batch_delay": "20ms", **(keys or {})}
    conf["metrics"] = {"addr": "127.0.0.1:0"}
    return Product(conf, **(options or {}))


def fields(message, name):
    return [value.decode("latin-1") for value in message.all(name)]


def traceparent(message):
    """(trace, span, flags) that a backend was told."""
    found = fields(message, "traceparent")
    assert len(found) == 1
    match = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", found[0])
    assert match, found
    return match.groups()


@pytest.fixture(params=[HttpCollector, GrpcCollector], ids=["http", "grpc"])
def collector(request):  # pylint: disable=redefined-outer-name
    with request.param() as made:
        yield made


# --- spans


def test_a_request_is_a_server_and_a_client_span(collector, recorder):
    with traced(collector, recorder, location={"path": "/api"}) as product:
        product.get("/api/x?q=1&token=hunter2", [("User-Agent", "u/1")], host="a.test:81")
        spans = collector.wait(2)
        address = product.address()
    server, client = collector.one(SERVER), collector.one(CLIENT)
    assert len(spans) == 2
    assert server.name == "GET /api" and client.name == "GET"
    assert server.trace == client.trace and client.parent == server.id and server.parent == ""
    assert server.start <= client.start and client.end <= server.end
    assert server.attributes == {
        "http.request.method": "GET", "url.scheme": "http", "url.path": "/api/x",
        "url.query": "q=1&token=REDACTED", "http.route": "/api", "server.address": "a.test",
        "server.port": 81, "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1",
        "network.peer.port": server["network.peer.port"], "network.protocol.version": "1.1",
        "user_agent.original": "u/1", "http.request.body.size": 0,
        "http.response.body.size": server["http.response.body.size"],
        "http.response.status_code": 200, "pingap.server": "main", "pingap.location": "all",
        "pingap.upstream": "origin"}
    assert server["network.peer.port"] != address[1]
    host, port = recorder.addr.split(":")
    assert client.attributes == {
        "http.request.method": "GET", "server.address": host, "server.port": int(port),
        "url.full": f"http://{recorder.addr}/api/x?q=1&token=REDACTED",
        "http.response.status_code": 200, "pingap.upstream": "origin",
        "pingap.connection.reused": False}
    assert (server.status, client.status) == (0, 0)
    assert [name for name, _, _ in client.events] == ["pingap.connected", "pingap.first_byte"]
    resource = server.resource
    assert resource["service.name"] == "pingap" and resource["telemetry.sdk.language"] == "cpp"
    assert re.fullmatch("[0-9a-f-]{36}", resource["service.instance.id"])
    assert traceparent(recorder.requests[0]) == (server.trace, client.id, "01")


def test_spans_hide_what_the_access_log_hides(collector, recorder):
    """Also where there is no access log; a location's list takes the place of its server's."""
    with traced(collector, recorder, server={"access_log": "off", "access_log_redact": ["?sid"]},
                location={"path": "/api", "access_log_redact": ["?own"],
                          "path_type": "prefix", "rewrite": "/new"}) as product:
        product.get("/api/x?sid=1&own=hunter2&%74oken=hunter2")
        server, client = collector.one(SERVER), collector.one(CLIENT)
        product.get("/none?sid=hunter2&own=1")
        lost = collector.wait(3)[2]
    shown = "sid=1&own=REDACTED&%74oken=REDACTED"
    assert server["url.query"] == shown
    assert client["url.full"] == f"http://{recorder.addr}/new/x?{shown}"
    assert lost["url.query"] == "sid=REDACTED&own=1"


def test_unknown_method_and_no_route(collector, recorder):
    with traced(collector, recorder, location={"path": "/api"}) as product:
        product.get("/none", method="BREW")
        server = collector.one(SERVER)
    assert server.name == "HTTP"
    assert server["http.request.method"] == "_OTHER"
    assert server["http.request.method_original"] == "BREW"
    assert server["http.response.status_code"] == 404 and server["pingap.reason"] == "no_route"
    assert server.status == 0 and server["error.type"] is None  # the client's fault


def test_http2_and_errors_of_the_backend(collector):
    with Origin(answer=lambda _: response(503)) as origin, traced(collector, origin) as product:
        with h2.H2Client(product.address()) as client:
            client.request(1, h2.head(path="/x"))
            assert client.answer().status == 503
        server, client = collector.one(SERVER), collector.one(CLIENT)
    assert server["network.protocol.version"] == "2"
    assert (server.status, client.status) == (ERROR, ERROR)
    assert server["error.type"] == "503" == client["error.type"]


def test_every_try_is_a_span(collector, recorder):
    backends = [DEAD, recorder.addr]
    with traced(collector, backends, upstream={"algorithm": "round_robin"}) as product:
        for _ in range(2):
            assert product.get("/x").status == 200
        spans = until(lambda: len([one for one in collector.spans if one.kind == SERVER]) == 2
                      and list(collector.spans), "two requests")
    failed = [one for one in spans if one["error.type"] == "upstream_refused"]
    assert failed and all(one.kind == CLIENT and one.status == ERROR for one in failed)
    for one in failed:
        again = [other for other in spans
                 if other.parent == one.parent and other["http.request.resend_count"] == 1]
        assert len(again) == 1 and again[0]["http.response.status_code"] == 200
        assert one["http.request.resend_count"] is None
        server = next(other for other in spans if other.id == one.parent)
        assert server["pingap.attempts"] == 2 and server.status == 0
    told = {traceparent(message)[1] for message in recorder.requests}
    assert told == {one.id for one in spans
                    if one.kind == CLIENT and one["http.response.status_code"] == 200}


def test_plugins_are_events(collector, recorder):
    with traced(collector, recorder) as product:
        product.conf["plugins"] = {"stub": {"type": "mock", "status": 204}}
        product.conf["locations"]["all"]["plugins"] = ["stub"]
        product.write_config()
        assert product.order("reload")[0] == 0
        assert product.get("/x").status == 204
        server = collector.one(SERVER)
    assert server["pingap.plugin"] == "stub"
    assert [(name, keys) for name, _, keys in server.events] == \
        [("pingap.plugin.answered", {"pingap.plugin": "stub"})]


# --- where traces come from, and go


def test_a_trace_goes_on(collector, recorder):
    with traced(collector, recorder) as product:
        product.get("/x", [("traceparent", SAMPLED), ("tracestate", "a=1,b=2"),
                           ("tracestate", "c=3"), ("baggage", "k=v")])
        server, client = collector.one(SERVER), collector.one(CLIENT)
    assert (server.trace, server.parent) == (TRACE, PARENT)
    assert server.flags & 0x300 == 0x300
    message = recorder.requests[0]
    assert traceparent(message) == (TRACE, client.id, "01")
    assert fields(message, "tracestate") == ["a=1,b=2", "c=3"]
    assert fields(message, "baggage") == ["k=v"]


@pytest.mark.parametrize("sent", [
    [f"ff-{TRACE}-{PARENT}-01"], [f"00-{'0' * 32}-{PARENT}-01"], [f"00-{TRACE}-{'0' * 16}-01"],
    [SAMPLED.upper()], [SAMPLED + "-x"], [SAMPLED[:-1]], [SAMPLED, SAMPLED], ["00-xyz"], [""],
])
def test_what_is_no_traceparent_begins_a_trace(collector, recorder, sent):
    with traced(collector, recorder) as product:
        product.get("/x", [("traceparent", one) for one in sent] + [("tracestate", "a=1")])
        server = collector.one(SERVER)
    assert server.trace != TRACE and server.parent == ""
    message = recorder.requests[0]
    assert traceparent(message)[0] == server.trace
    assert fields(message, "tracestate") == []


@pytest.mark.parametrize("state,kept", [("a=" + "x" * 510, True), ("a=" + "x" * 511, False),
                                        (",".join(f"a{i}=1" for i in range(33)), False)])
def test_tracestate_is_bounded(collector, recorder, state, kept):
    with traced(collector, recorder) as product:
        product.get("/x", [("traceparent", SAMPLED), ("tracestate", state)])
        collector.one(SERVER)
    assert fields(recorder.requests[0], "tracestate") == ([state] if kept else [])


def test_who_has_begun_the_trace_decides(collector, recorder):
    with traced(collector, recorder, keys={"sample_ratio": 0}) as product:
        product.get("/none")
        product.get("/no", [("traceparent", UNSAMPLED)])
        product.get("/yes", [("traceparent", SAMPLED)])
        server = collector.one(SERVER)
    assert server["url.path"] == "/yes"
    flags = [traceparent(message)[2] for message in recorder.requests]
    assert flags == ["00", "00", "01"]
    assert traceparent(recorder.requests[1])[0] == TRACE


def test_strangers_may_not_choose_a_trace(collector, recorder):
    with traced(collector, recorder, keys={"parents": "trusted"}) as product:
        product.get("/x", [("traceparent", SAMPLED), ("baggage", "k=v")])
        server = collector.one(SERVER)
        assert server.trace != TRACE and fields(recorder.requests[0], "baggage") == []
        product.conf["servers"]["main"]["trusted_proxies"] = ["127.0.0.0/8"]
        product.write_config()
        assert product.order("reload")[0] == 0
        product.get("/y", [("traceparent", SAMPLED)])
        assert collector.wait(4)[-1].trace == TRACE


def test_b3(collector, recorder):
    with traced(collector, recorder, keys={"propagators": ["b3", "b3multi"]}) as product:
        product.get("/x", [("b3", f"{TRACE}-{PARENT}-1"), ("traceparent", "kept")])
        spans = collector.wait(2)
        client = next(one for one in spans if one.kind == CLIENT)
        assert {one.trace for one in spans} == {TRACE}
        message = recorder.requests[0]
        assert fields(message, "b3") == [f"{TRACE}-{client.id}-1"]
        assert fields(message, "x-b3-spanid") == [client.id]
        assert fields(message, "x-b3-traceid") == [TRACE]
        assert fields(message, "traceparent") == ["kept"]
        product.get("/y", [("X-B3-TraceId", PARENT), ("X-B3-SpanId", PARENT),
                           ("X-B3-Sampled", "1")])
        assert collector.wait(4)[-1].trace == "0" * 16 + PARENT


def test_errors_are_always_kept_when_asked(collector):
    with Origin(answer=lambda one: response(500 if one.path() == "/bad" else 200)) as origin, \
            traced(collector, origin, keys={"sample_ratio": 0, "sample_errors": True}) as product:
        product.get("/good")
        product.get("/bad")
        server, client = collector.one(SERVER), collector.one(CLIENT)
    assert server["url.path"] == "/bad" and client.parent == server.id
    assert server.flags & 1 == 0


def test_a_rate_bounds_spans(collector, recorder):
    with traced(collector, recorder, keys={"sample_per_second": 2}) as product:
        with product.client() as client:
            for number in range(40):
                client.get(f"/{number}")
        collector.wait(2)
        sampled = [traceparent(message)[2] for message in recorder.requests].count("01")
    assert 2 <= sampled <= 20


def test_trace_and_span_are_variables(collector, recorder):
    rules = {"headers_set": ["X-Trace: $trace_id-$span_id"]}
    with traced(collector, recorder, location=rules) as product:
        answer = product.get("/x")
        server = collector.one(SERVER)
    assert answer.get("X-Trace") == f"{server.trace}-{server.id}"


def test_buckets_name_a_trace(collector, recorder):
    with traced(collector, recorder) as product:
        product.get("/x")
        server = collector.one(SERVER)
        _, _, text = get(product.address("metrics"), headers={"Accept": OPENMETRICS})
    assert f'# {{trace_id="{server.trace}"}}' in text


def test_nothing_is_touched_without_the_section(recorder):
    with Product(config(recorder.addr)) as product:
        product.get("/x", [("traceparent", "anything"), ("tracestate", "a=1")])
    message = recorder.requests[0]
    assert fields(message, "traceparent") == ["anything"]
    assert fields(message, "tracestate") == ["a=1"]


# --- the way to the collector


def test_headers_compression_and_attributes(collector, recorder):
    keys = {"compression": "gzip", "headers": ["Authorization: Bearer x"], "service_name": "edge",
            "resource_attributes": ["deployment.environment.name: test"]}
    with traced(collector, recorder, keys=keys) as product:
        product.get("/x")
        server = collector.one(SERVER)
    assert collector.headers[0]["authorization"] == "Bearer x"
    if isinstance(collector, HttpCollector):
        assert collector.headers[0]["content-encoding"] == "gzip"
    assert server.resource["service.name"] == "edge"
    assert server.resource["deployment.environment.name"] == "test"


@pytest.mark.parametrize("kind", [HttpCollector, GrpcCollector])
def test_spans_go_by_tls_to_whom_they_are_for(recorder, kind):
    pair = authority().issue("127.0.0.1")
    with kind(tls=pair) as collector:
        assert collector.endpoint.startswith("https://")
        with traced(collector, recorder, keys={"timeout": "1s"}) as product:
            product.get("/x")
            product.wait_line("spans cannot be sent")  # nobody vouches for it
            product.conf["tracing"]["tls_ca"] = authority().ca.cert
            product.write_config()
            assert product.order("reload")[0] == 0
            collector.wait(2)


def test_otel_variables_are_defaults(recorder):
    with HttpCollector() as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
               "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_SERVICE_NAME": "by-env",
               "OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b", "OTEL_BSP_SCHEDULE_DELAY": "20"}
        conf = config(recorder.addr)
        conf["tracing"] = {}
        with Product(conf, env=env) as product:
            product.get("/x")
            server = collector.one(SERVER)
    assert server.resource["service.name"] == "by-env"
    assert collector.headers[0]["x-key"] == "a b"


def test_spans_are_sent_again_and_counted(recorder):
    def answer(count):
        return 503 if count == 1 else None

    with HttpCollector(answer) as collector, traced(collector, recorder) as product:
        product.get("/x")
        collector.wait(2)
        sent = until(lambda: scrape(product).one("tracing_spans_sent_total") == 2, "counted")
        assert sent and collector.batches == 2


def test_grpc_spans_are_sent_again(recorder):
    def answer(count):
        return grpc.StatusCode.UNAVAILABLE if count == 1 else None

    with GrpcCollector(answer) as collector, traced(collector, recorder) as product:
        product.get("/x")
        collector.wait(2)
        product.wait_line("spans cannot be sent")
        product.wait_line("spans are taken again")


@pytest.mark.parametrize("kind,refusal", [(HttpCollector, 400),
                                          (GrpcCollector, grpc.StatusCode.INVALID_ARGUMENT)])
def test_what_is_refused_is_dropped(recorder, kind, refusal):
    with kind(lambda _: refusal) as collector, traced(collector, recorder) as product:
        product.get("/x")
        until(lambda: scrape(product).one("tracing_spans_dropped_total", reason="unsent") == 2,
              "counted")
        assert collector.batches == 1


def test_what_is_rejected_is_counted(recorder, collector):
    collector.rejects = 1
    with traced(collector, recorder) as product:
        product.get("/x")
        until(lambda: scrape(product).one("tracing_spans_dropped_total", reason="rejected") == 1,
              "counted")
        assert scrape(product).one("tracing_spans_sent_total") == 1


def test_a_collector_that_hangs_costs_spans_only(recorder):
    with HttpCollector() as collector:
        collector.go_on.clear()
        with traced(collector, recorder, keys={"queue_size": 128}) as product:
            with product.client() as client:
                for number in range(600):
                    assert client.get(f"/{number}").status == 200
            dropped = scrape(product).one("tracing_spans_dropped_total", reason="queue_full")
            assert dropped > 0
            collector.go_on.set()
            until(lambda: scrape(product).one("tracing_spans_sent_total") +
                  scrape(product).one("tracing_spans_dropped_total", reason="queue_full") == 1200,
                  "all are accounted for")


def test_a_collector_that_dies_and_comes_back(recorder):
    collector = HttpCollector()
    port = collector.port
    with traced(collector, recorder) as product:
        product.get("/1")
        collector.wait(2)
        collector.stop()
        product.get("/2")
        product.wait_line("spans cannot be sent")
        with HttpCollector(port=port) as later:
            later.wait(2)
            assert later.one(SERVER)["url.path"] == "/2"


def test_the_last_spans_leave_at_the_end(recorder):
    with HttpCollector() as collector:
        with traced(collector, recorder, keys={"batch_delay": "1h"}) as product:
            product.get("/x")
            product.wait_log(1)
        assert len(collector.spans) == 2


def test_a_dead_collector_does_not_hold_up_the_end(recorder):
    with traced(f"http://{DEAD}", recorder) as product:
        product.get("/x")
        product.signal()
        assert product.wait_exit(8) == 0


def test_reload_takes_up_another_endpoint(recorder):
    with HttpCollector() as one, GrpcCollector() as other:
        with traced(one, recorder) as product:
            product.get("/1")
            one.wait(2)
            product.conf["tracing"]["endpoint"] = other.endpoint
            product.conf["tracing"]["queue_size"] = 256
            product.write_config()
            assert product.order("reload")[0] == 0
            product.get("/2")
            assert other.one(SERVER)["url.path"] == "/2"
            del product.conf["tracing"]
            product.write_config()
            assert product.order("reload")[0] == 0
            product.get("/3")
            assert fields(recorder.requests[-1], "traceparent") == []
        assert len(one.spans) == 2 and len(other.spans) == 2


def test_a_bad_value_refuses_the_reload(recorder):
    with HttpCollector() as collector, traced(collector, recorder) as product:
        product.conf["tracing"]["sample_ratio"] = 2
        product.write_config()
        code, _, err = product.order("reload")
        assert code != 0 and "a number from 0 to 1" in err
        product.get("/x")
        collector.wait(2)


def test_refused_heads_make_no_spans(recorder):
    with HttpCollector() as collector, traced(collector, recorder) as product:
        with product.client() as client:
            client.send(b"GET /x HTTP/3.7\r\nHost: a\r\n\r\n")
            assert client.response().status == 505
        product.get("/x")
        assert collector.one(SERVER)["url.path"] == "/x"
