"""[metrics] otlp_...: what is counted goes to a collector."""

import pytest

from rig import toml
from rig.collector import CUMULATIVE, GrpcCollector, HttpCollector, pairs
from rig.deadline import until
from rig.metrics import Samples, get
from rig.origin import Origin
from rig.product import Product, config, run
from rig.standin import free_port
from rig.tls import authority

COLLECTORS = [GrpcCollector, HttpCollector]


def pushing(origin, collector, tracing=None, env=None, location=None, **keys):
    """A product that sends what it counts to a collector, five times a second."""
    conf = config(origin.addr, location=location)
    conf["metrics"] = {"addr": "127.0.0.1:0", **keys}
    if collector:
        conf["metrics"] |= {"otlp_endpoint":
                            collector if isinstance(collector, str) else base(collector),
                            "otlp_interval": "200ms", **keys}
    if isinstance(collector, HttpCollector):
        conf["metrics"]["otlp_protocol"] = "http/protobuf"
    if tracing:
        conf["tracing"] = tracing
    return Product(conf, env=env)


def base(collector):
    return collector.endpoint.removesuffix("/v1/traces")


def counted(requests):
    def look(one):
        return "http_requests" in one.by_name and one.one(
            "http_requests", location="all", method="GET", status="200") == requests
    return look


@pytest.mark.parametrize("kind", COLLECTORS)
def test_what_is_counted_arrives(kind):
    with kind() as collector, Origin() as origin, pushing(origin, collector) as product:
        for _ in range(3):
            product.get("/a")
        one = collector.wait_metrics("three requests", counted(3))
        status, _, text = get(product.address("metrics"))
        assert status == 200
        samples = Samples(text)
        product.stop()
    requests = one.by_name["http_requests"]
    assert requests.sum.is_monotonic and requests.sum.aggregation_temporality == CUMULATIVE
    assert requests.unit == "1" and requests.description == samples.help["http_requests_total"]
    [point] = one.points("http_requests")
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    assert one.by_name["process_resident_memory_bytes"].unit == "By"
    assert one.one("process_resident_memory_bytes") > 1e6
    assert one.one("upstream_health", upstream="origin", server=origin.addr) == 1
    [duration] = one.points("http_request_duration_seconds", location="all")
    assert one.by_name["http_request_duration_seconds"].unit == "s"
    histogram = one.by_name["http_request_duration_seconds"].histogram
    assert histogram.aggregation_temporality == CUMULATIVE
    assert duration.count == sum(duration.bucket_counts) == 3
    assert len(duration.bucket_counts) == len(duration.explicit_bounds) + 1
    assert list(duration.explicit_bounds) == sorted(duration.explicit_bounds)
    assert duration.explicit_bounds[0] == 0.005 and duration.sum > 0
    # The same as Prometheus reads, but for what had no sample.
    names = {name.removesuffix("_total") if kind == "counter" else name
             for name, kind in samples.families.items()}
    assert set(one.by_name) <= names and len(one.by_name) > 40


# So a slow bucket leads to the trace, or to the line in the access log.
@pytest.mark.parametrize("tracing", [True, False])
def test_buckets_name_a_request(tracing):
    known = "$trace_id" if tracing else "$request_id"
    with HttpCollector() as collector, Origin() as origin:
        with pushing(origin, collector, {"endpoint": collector.endpoint} if tracing else None,
                     location={"proxy_set_headers": [f"X-Known: {known}"]}) as product:
            product.get("/a")
            one = collector.wait_metrics("a request", counted(1))
        told = origin.requests[-1].get("x-known")
        [point] = one.points("http_request_duration_seconds", location="all")
        [exemplar] = point.exemplars
        named = pairs(exemplar.filtered_attributes)
    assert (exemplar.trace_id.hex(), named) == ((told, {}) if tracing
                                                else ("", {"request_id": told}))
    assert 0 < exemplar.as_double == point.sum
    assert point.start_time_unix_nano < exemplar.time_unix_nano <= point.time_unix_nano


def test_it_says_who_it_is_as_tracing_does():
    tracing = {"enabled": False, "service_name": "edge",
               "resource_attributes": ["deployment.environment.name: test"]}
    with HttpCollector() as collector, Origin() as origin:
        with pushing(origin, collector, tracing, otlp_headers=["X-Key: s3cret"]):
            one = collector.wait_metrics("an export", lambda one: True)
    assert one.resource["service.name"] == "edge"
    assert one.resource["deployment.environment.name"] == "test"
    assert one.resource["service.instance.id"]
    assert collector.headers[0]["x-key"] == "s3cret"
    assert not collector.spans


# At the end what has come since is sent, too.
def test_the_last_numbers_are_sent():
    with HttpCollector() as collector, Origin() as origin:
        with pushing(origin, collector, otlp_interval="1h") as product:
            product.get("/a")
            product.wait_log(1)
            assert not collector.metrics
        assert [one for one in collector.metrics if counted(1)(one)]


def test_a_collector_that_refuses_or_is_away_costs_nothing():
    port = free_port()
    with Origin() as origin, pushing(origin, f"http://127.0.0.1:{port}",
                                     otlp_protocol="http/protobuf") as product:
        product.wait_line(r"\[metrics\]: they cannot be sent to http://127.0.0.1:")
        product.get("/a")
        with HttpCollector(port=port, answer=lambda count: 503 if count < 3 else None) as collector:
            collector.wait_metrics("numbers from before it was there", counted(1))
            product.wait_line(r"\[metrics\]: they are taken again by")
        assert product.get("/a").status == 200


def test_a_collector_that_hangs_does_not_hold_up_the_end():
    with HttpCollector() as collector, Origin() as origin:
        collector.go_on.clear()
        with pushing(origin, collector) as product:
            until(lambda: collector.open, "a connection of the exporter")
            assert product.get("/a").status == 200
            product.stop()


def test_a_reload_goes_to_another_collector():
    with HttpCollector() as first, HttpCollector() as second, Origin() as origin:
        with pushing(origin, first) as product:
            first.wait_metrics("an export", lambda one: True)
            product.conf["metrics"]["otlp_endpoint"] = base(second)
            product.write_config()
            assert product.order("reload")[0] == 0
            second.wait_metrics("an export", lambda one: True)
            del product.conf["metrics"]["otlp_endpoint"]
            product.write_config()
            assert product.order("reload")[0] == 0
            assert product.get("/a").status == 200


def test_over_tls_the_collector_is_verified():
    ca = authority()
    for kind in COLLECTORS:
        with kind(tls=ca.issue("127.0.0.1")) as collector, Origin() as origin:
            with pushing(origin, collector, otlp_tls_ca=ca.ca.cert):
                collector.wait_metrics("an export", lambda one: True)
            with pushing(origin, collector) as product:
                product.wait_line(r"\[metrics\]: they cannot be sent to https://")


# Both signals are sent by the same code, which test_tracing.py has more of.
@pytest.mark.parametrize("kind", COLLECTORS)
def test_they_are_compressed(kind):
    with kind() as collector, Origin() as origin:
        with pushing(origin, collector, otlp_compression="gzip"):
            collector.wait_metrics("an export", lambda one: len(one.by_name) > 40)
        if kind is HttpCollector:
            assert collector.headers[0]["content-encoding"] == "gzip"


@pytest.mark.parametrize("kind", COLLECTORS)
def test_a_collector_may_ask_for_a_certificate(kind):
    ca = authority()
    pair = ca.issue("127.0.0.1")
    shown = ca.issue("edge.test")
    with kind(tls=pair, trust=ca.ca.cert) as collector, Origin() as origin:
        with pushing(origin, collector, otlp_tls_verify=False) as product:
            product.wait_line(r"\[metrics\]: they cannot be sent to https://")
            assert not collector.metrics
            product.conf["metrics"] |= {"otlp_tls_cert": shown.cert, "otlp_tls_key": shown.key}
            product.write_config()
            assert product.order("reload")[0] == 0
            collector.wait_metrics("an export", lambda one: True)


def test_a_collector_that_hangs_is_given_up_after_the_timeout():
    with HttpCollector() as collector, Origin() as origin:
        collector.go_on.clear()
        with pushing(origin, collector, otlp_timeout="50ms") as product:
            product.wait_line(r"\[metrics\]: they cannot be sent to http://")


@pytest.mark.parametrize("signal", ["", "METRICS_"])
def test_otel_variables_are_defaults(signal):
    with HttpCollector() as collector, Origin() as origin:
        end = "/v1/metrics" if signal else ""
        env = {f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT": f"http://127.0.0.1:{collector.port}{end}",
               f"OTEL_EXPORTER_OTLP_{signal}PROTOCOL": "http/protobuf",
               f"OTEL_EXPORTER_OTLP_{signal}HEADERS": "x-key=a%20b",
               f"OTEL_EXPORTER_OTLP_{signal}COMPRESSION": "gzip",
               "OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_SERVICE_NAME": "by-env"}
        with pushing(origin, None, env=env) as product:
            product.get("/a")
            one = collector.wait_metrics("a request", counted(1))
    assert one.resource["service.name"] == "by-env"
    assert collector.headers[0]["x-key"] == "a b"
    assert collector.headers[0]["content-encoding"] == "gzip"


def test_variables_of_collectors_that_are_not_used_do_not_matter():
    conf = config("127.0.0.1:1")
    conf["metrics"] = {}
    env = {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/such.pem"}
    code, _, err = run("validate", "--config", "-", stdin=toml.dumps(conf), env=env)
    assert code == 0, err


@pytest.mark.parametrize("keys, why", [
    ({"otlp_endpoint": "http://"}, "is not an endpoint of OTLP"),
    ({"otlp_endpoint": "localhost:4317/x", "otlp_protocol": "grpc"}, "has no path"),
    ({"otlp_endpoint": "https://a.test", "otlp_tls_ca": "/no/such.pem"}, "`otlp_tls_ca`: "),
    ({"otlp_endpoint": "a.test", "otlp_interval": "0s"}, "otlp_interval"),
    ({"push_url": "localhost:9091"}, "is not the address of a Pushgateway"),
    ({"push_url": "http://a.test/metrics?x"}, "is not the address of a Pushgateway"),
    ({"push_url": "http://u:p@a.test"}, "use `push_user` and `push_password`"),
    ({"push_url": "http://a.test", "push_user": "u"}, "need each other"),
    ({"push_url": "http://a.test", "push_interval": "0s"}, "push_interval"),
    ({"push_url": "https://a.test", "push_tls_ca": "/no/such.pem"}, "`push_tls_ca`: "),
])
def test_what_cannot_be_is_refused(keys, why):
    conf = config("127.0.0.1:1")
    conf["metrics"] = keys
    code, _, err = run("validate", "--config", "-", stdin=toml.dumps(conf))
    assert code == 3 and why in err
