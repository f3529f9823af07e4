"""The cases of the bench: what is asked of the proxies, and how often."""
import base64
import dataclasses
import hashlib
import hmac
import json

from peers import SECRET, Setting


def token():
    """A token as the plugin of the case wants it."""
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    text = b".".join(encode(json.dumps(part).encode())
                     for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": "alice", "scope": "read"}))
    sign = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    return (text + b"." + encode(sign)).decode()


@dataclasses.dataclass
class Case:
    name: str
    title: str
    path: str = "/1k"
    connections: int = 64
    options: tuple = ()      # of our load generator
    log: bool = False
    locations: int = 0       # prefix locations; only peers that have such a notion
    weight: float = 1        # how many 1 KiB requests one of these is worth
    per_second: int = 0      # requests a second asked of our load generator; 0 = wrk loads
    idle: bool = False       # only memory is measured
    protocol: str = "http"   # of the clients: http, https, h2 (over TLS), h2c; all but http: h2load
    streams: int = 1         # of a connection of HTTP/2
    backend: str = "http"    # what the origin speaks: http, h2c
    grpc: bool = False       # small calls of gRPC instead
    plugins: str = ""        # that have work, see peers.PLUGINS
    observed: str = ""       # see peers.OBSERVED
    handshakes: str = ""     # "new" or "reuse": connections are measured, not requests

    @property
    def with_wrk(self):
        return self.per_second == 0

    @property
    def setting(self):
        return Setting(log=self.log, locations=self.locations, protocol=self.protocol,
                       backend=self.backend, plugins=self.plugins, observed=self.observed)

    def requests(self, small):
        """A count of requests for a measurement that takes `small` requests of 1 KiB."""
        return max(self.connections, int(small / self.weight))


CASES = {case.name: case for case in (
    Case("1k-64", "1 KiB, 64 connections"),
    Case("1k-512", "1 KiB, 512 connections", connections=512),
    Case("1k-64-log", "1 KiB, 64 connections, access log", log=True),
    Case("100k", "100 KiB, 64 connections", path="/100k", weight=10),
    Case("10m", "10 MiB, 16 connections", path="/10m", connections=16, weight=200),
    Case("post-64k", "POST 64 KiB, 64 connections", path="/post", options=("--post", "65536"),
         weight=5, per_second=15000),
    Case("one-per-connection", "1 KiB, one request per connection", options=("--close",),
         per_second=15000),
    Case("locations-10", "1 KiB, 10 locations", path="/loc/", options=("--spread", "10"),
         locations=10, per_second=30000),
    Case("locations-10000", "1 KiB, 10,000 locations", path="/loc/",
         options=("--spread", "10000"), locations=10000, per_second=30000),
    Case("tls", "1 KiB over TLS, HTTP/1.1, 64 connections", protocol="https", per_second=20000),
    Case("h2", "1 KiB over TLS, HTTP/2, 20 connections of 10 streams", protocol="h2",
         connections=20, streams=10, per_second=20000),
    Case("h2c", "1 KiB, HTTP/2 in the clear, 20 connections of 10 streams", protocol="h2c",
         connections=20, streams=10, per_second=20000),
    Case("h2c-h2c", "1 KiB, HTTP/2 on both sides, 20 connections of 10 streams", protocol="h2c",
         connections=20, streams=10, backend="h2c", per_second=20000),
    Case("grpc", "small gRPC calls, 20 connections of 10 streams", path="/grpc", protocol="h2c",
         connections=20, streams=10, backend="h2c", grpc=True, per_second=20000),
    Case("handshake", "full TLS handshakes, each with a request", protocol="https",
         handshakes="new", connections=1),
    Case("resumption", "resumed TLS handshakes, each with a request", protocol="https",
         handshakes="reuse", connections=1),
    Case("plugins-auth", "1 KiB with request_id, cors, rate_limit and jwt (HS256)", plugins="auth",
         per_second=20000, options=("--header", f"Authorization: Bearer {token()}",
                                    "--header", "Origin: https://bench.example")),
    Case("gzip", "100 KiB of text encoded by gzip, level 4", path="/text", plugins="gzip",
         weight=50, per_second=500, options=("--header", "Accept-Encoding: gzip")),
    Case("brotli", "100 KiB of text encoded by brotli, level 4", path="/text", plugins="brotli",
         weight=50, per_second=500, options=("--header", "Accept-Encoding: br")),
    Case("zstd", "100 KiB of text encoded by Zstandard, level 3", path="/text", plugins="zstd",
         weight=50, per_second=500, options=("--header", "Accept-Encoding: zstd")),
    Case("plugins-idle", "1 KiB, ten plugins that decide nothing", plugins="idle",
         per_second=30000),
    Case("lua-request", "1 KiB, 64 connections, a script on requests", plugins="lua-request"),
    Case("lua-both", "1 KiB, 64 connections, a script on requests and answers", plugins="lua-both"),
    Case("log-json", "1 KiB, access log of JSON", log=True, observed="json"),
    Case("metrics", "1 KiB, metrics on", observed="metrics"),
    # More of these: a run is slowed down much more than the clock by which spans are sent.
    Case("trace-1", "1 KiB, one request of a hundred traced", observed="trace-1", weight=0.1),
    Case("trace-all", "1 KiB, every request traced", observed="trace-all", weight=0.1),
    Case("idle", "10,000 idle connections", connections=10000, idle=True),
    Case("idle-tls", "2,000 idle connections over TLS", connections=2000, idle=True,
         protocol="https"),
)}
