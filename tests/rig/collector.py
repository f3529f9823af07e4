"""Collectors of OTLP, over HTTP and over gRPC (python3-grpcio), that keep every span and number."""

import contextlib
import functools
import gzip
import http.server
import importlib.util
import os
import socket
import ssl
import subprocess
import tempfile
import threading
from concurrent import futures

import grpc

from .deadline import until
from .vectors import DATA

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
METRICS_SERVICE = "opentelemetry.proto.collector.metrics.v1.MetricsService"
CUMULATIVE = 2  # temporality
SERVER, CLIENT = 2, 3  # kinds of spans
ERROR = 2  # of a status


@functools.cache
def messages():
    """The module that protoc makes."""
    with tempfile.TemporaryDirectory(prefix="otlp-proto-") as made:
        subprocess.run(["protoc", f"--proto_path={DATA}", f"--python_out={made}",
                        os.path.join(DATA, "otlp.proto")], check=True)
        spec = importlib.util.spec_from_file_location("otlp_pb2", os.path.join(made, "otlp_pb2.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def pairs(attributes):
    """Attributes as a dictionary; none is there twice."""
    keys = [one.key for one in attributes]
    assert len(keys) == len(set(keys)), f"an attribute is there twice: {keys}"
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class Span:
    """A span, with what its batch said of who sent it."""

    def __init__(self, span, resource):
        self.resource = resource
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.name = span.name
        self.kind = span.kind
        self.start = span.start_time_unix_nano
        self.end = span.end_time_unix_nano
        self.attributes = pairs(span.attributes)
        self.events = [(one.name, one.time_unix_nano, pairs(one.attributes))
                       for one in span.events]
        self.status = span.status.code
        self.flags = span.flags
        assert len(self.trace) == 32 and len(self.id) == 16 and len(self.parent) in (0, 16)
        assert self.start <= self.end

    def __getitem__(self, name):
        return self.attributes.get(name)

    def __repr__(self):
        return f"<{self.name} {self.kind} {self.attributes}>"


class Metrics:
    """One export of metrics: all that was counted then."""

    def __init__(self, body):
        [one] = messages().MetricsRequest.FromString(body).resource_metrics
        self.resource = pairs(one.resource.attributes)
        [scope] = one.scope_metrics
        assert scope.scope.name == "pingap"
        self.by_name = {metric.name: metric for metric in scope.metrics}
        assert len(self.by_name) == len(scope.metrics), "a metric is there twice"

    def points(self, name, **attributes):
        """The data points of that name that have these attributes."""
        metric = self.by_name[name]
        data = getattr(metric, metric.WhichOneof("data"))
        return [point for point in data.data_points
                if attributes.items() <= pairs(point.attributes).items()]

    def one(self, name, **attributes):
        """The value of the only one of them."""
        [point] = self.points(name, **attributes)
        return getattr(point, point.WhichOneof("value"))


class Collector:
    """What both have in common. `answer(count)` is a status for the count-th batch, or None.

    `tls` is the pair of certificate and key that it shows; `trust` the authority of clients, which
    then need a certificate.
    """

    def __init__(self, answer=None, rejects=0):
        self.spans = []
        self.metrics = []
        self.batches = 0
        self.headers = []  # of each batch
        self.rejects = rejects
        self.answer = answer or (lambda count: None)
        self.go_on = threading.Event()  # else batches are answered only later
        self.go_on.set()
        self._lock = threading.Lock()

    def take(self, body, headers):
        """The refusal, or None; then its spans are kept."""
        self.go_on.wait(30)
        with self._lock:
            self.batches += 1
            self.headers.append({name.lower(): value for name, value in headers})
            refusal = self.answer(self.batches)
            if refusal is None:
                for one in messages().Request.FromString(body).resource_spans:
                    resource = pairs(one.resource.attributes)
                    for scope in one.scope_spans:
                        assert scope.scope.name == "pingap"
                        self.spans += [Span(span, resource) for span in scope.spans]
            return refusal

    def take_metrics(self, body, headers):
        """The same of an export of metrics."""
        self.go_on.wait(30)
        with self._lock:
            self.batches += 1
            self.headers.append({name.lower(): value for name, value in headers})
            refusal = self.answer(self.batches)
            if refusal is None:
                self.metrics.append(Metrics(body))
            return refusal

    def wait_metrics(self, what, look, timeout=10):
        """The first export from now on for which `look` is true."""
        return until(lambda: next((one for one in self.metrics if look(one)), None), what, timeout)

    def said(self):
        made = messages().Answer()
        if self.rejects:
            made.partial_success.rejected_spans = self.rejects
            made.partial_success.error_message = "too old"
        return made.SerializeToString()

    def wait(self, count, timeout=10):
        """At least that many spans; all there are."""
        until(lambda: len(self.spans) >= count, f"{count} spans", timeout)
        return list(self.spans)

    def one(self, kind, timeout=10):
        """The only span of that kind."""
        until(lambda: [one for one in self.spans if one.kind == kind], "a span", timeout)
        found = [one for one in self.spans if one.kind == kind]
        assert len(found) == 1, found
        return found[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_on.set()
        self.stop()


class HttpCollector(Collector):
    """OTLP over HTTP with protocol buffers."""

    def __init__(self, answer=None, rejects=0, port=0, tls=None, trust=None):
        super().__init__(answer, rejects)
        self.open = []  # connections
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.open.append(self.connection)

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                take = {"/v1/traces": outer.take, "/v1/metrics": outer.take_metrics}[self.path]
                assert self.headers["Content-Type"] == "application/x-protobuf"
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                refusal = take(body, self.headers.items())
                said = outer.said() if refusal is None else b""
                self.send_response(refusal or 200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1/traces"
        if tls:
            settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            settings.load_cert_chain(tls.cert, tls.key)
            if trust:
                settings.load_verify_locations(trust)
                settings.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = settings.wrap_socket(self.server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        for one in self.open:  # the end of a listening socket ends none of its connections
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def credentials(pair, trust):
    """Those of a server with this certificate, for clients of that authority if there is one."""
    return grpc.ssl_server_credentials([(contents(pair.key), contents(pair.cert))],
                                       contents(trust) if trust else None, bool(trust))


class GrpcCollector(Collector, grpc.GenericRpcHandler):
    """OTLP over gRPC."""

    def __init__(self, answer=None, rejects=0, port=0, tls=None, trust=None):
        super().__init__(answer, rejects)
        self.server = grpc.server(futures.ThreadPoolExecutor(4),
                                  compression=grpc.Compression.NoCompression)
        self.server.add_generic_rpc_handlers([self])
        address = f"127.0.0.1:{port}"
        self.port = (self.server.add_secure_port(address, credentials(tls, trust)) if tls
                     else self.server.add_insecure_port(address))
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.server.start()

    def service(self, handler_call_details):
        takes = {f"/{SERVICE}/Export": self.take, f"/{METRICS_SERVICE}/Export": self.take_metrics}
        take = takes.get(handler_call_details.method)
        if take is None:
            return None

        def export(body, context):
            refusal = take(body, context.invocation_metadata())
            if refusal is not None:
                context.abort(refusal, "not now")
            return self.said()

        return grpc.unary_unary_rpc_method_handler(export)

    def stop(self):
        self.server.stop(0).wait(5)
