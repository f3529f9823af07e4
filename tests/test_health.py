"""Health checks: who is asked what, what counts as well, and what follows."""

import contextlib
import os
import signal
import subprocess
from concurrent import futures

import pytest

grpc = pytest.importorskip("grpc")
from rig import tls  # noqa: E402
from rig.deadline import until
from rig.nginx import Nginx
from rig.origin import Origin, echo, response
from rig.product import Product, config, front
from rig.standin import free_port

SOON = "interval=50ms"


class Server(Origin):
    """An origin whose health can be chosen; `checks` are the requests of checks, `served` others."""

    def __init__(self, path="/health", **options):
        self.state = 200
        self.path = path
        self.text = b"fine"
        super().__init__(answer=self._answer, **options)

    def _answer(self, message):
        if message.path().startswith(self.path):
            return response(self.state, "X", (), self.text)
        return echo(message)

    @property
    def checks(self):
        return [one for one in self.requests if one.path().startswith(self.path)]

    @property
    def served(self):
        return [one for one in self.requests if not one.path().startswith(self.path)]

    def wait_checks(self, more=1):
        count = len(self.checks) + more
        self.wait(lambda: len(self.checks) >= count, f"{more} checks more")


def checked(servers, url=f"http://health.test/health?{SOON}", **upstream):
    return front(servers, upstream={"health_check": url, **upstream})


def all_served_by(product, server, count=10):
    """Whether so many requests, none of which fails, go to `server` alone."""
    server.reset()
    statuses = {product.get("/x").status for _ in range(count)}
    assert statuses == {200}
    server.settle()
    return len(server.served) == count


# --- what is asked

def test_each_server_is_asked_at_its_own_address():
    with Server() as a, Server() as b, checked([a, b]):
        for server in (a, b):
            server.wait_checks(2)
            check = server.checks[0]
            assert (check.method, check.target) == (b"GET", b"/health")
            assert check.get("Host") == "health.test"
            assert check.get("User-Agent") == "pingap-health-check"


def test_parameters_that_are_not_ours_stay_in_the_path():
    url = f"http://h/health?{SOON}&deep=1&success=1&status=200&failure=1"
    with Server() as a, checked(a, url):
        a.wait_checks()
        assert a.checks[0].target == b"/health?deep=1"


def test_a_table_says_all_there_is():
    table = {"path": "/health", "host": "h.test:81", "method": "HEAD", "interval": "50ms",
             "headers": ["X-Token: t", "Accept: text/plain"]}
    with Server() as a, front(a, upstream={"health": table}):
        a.wait_checks()
        check = a.checks[0]
    assert (check.method, check.get("Host"), check.get("X-Token"), check.get("Accept")) == \
        (b"HEAD", "h.test:81", "t", "text/plain")


def test_once_per_process_not_per_worker():
    with Server() as a:
        product = Product(config(a.addr, upstream={"health_check": f"http://h/health?{SOON}"},
                                 basic={"threads": 4}))
        with product:
            a.wait_checks(20)
            times = [when for conn in a.connections for when, _ in conn.chunks]
    assert len(a.connections) == 1, "one connection that is kept"
    gaps = sorted(later - earlier for earlier, later in zip(times, times[1:]))
    assert gaps[len(gaps) // 2] > 0.03, "one check in 45 to 55 ms, not four"


def test_connections_are_new_each_time_where_asked_for():
    with Server() as a, checked(a, f"http://h/health?{SOON}&reuse=false"):
        a.wait_checks(5)
        assert len(a.connections) >= 5


# --- what counts as well

@pytest.mark.parametrize("status,wanted", [(200, True), (204, True), (302, True), (404, False),
                                           (500, False), (503, False)])
def test_statuses_by_default(status, wanted):
    with Server() as a, Server() as b, checked([a, b]) as product:
        a.state = status
        a.wait_checks(3)
        assert all_served_by(product, b) is not wanted


def test_statuses_as_listed():
    with Server() as a, Server() as b, \
            checked([a, b], f"http://h/health?{SOON}&status=418,500-503") as product:
        b.state = 418
        product.wait_line(f"{a.addr} is down: status 200")
        assert all_served_by(product, b)
        a.state = 502
        product.wait_line(f"{a.addr} is up")


def test_the_answer_must_hold_a_text():
    with Server() as a, Server() as b, \
            front([a, b], upstream={"health": {"path": "/health", "interval": "50ms",
                                               "body": "fine"}}) as product:
        a.text = b"x" * 30000 + b"bad"
        product.wait_line(f"{a.addr} is down: the answer does not hold the expected text")
        assert all_served_by(product, b)
        a.text = b"x" * 30000 + b"it is fine now"
        product.wait_line(f"{a.addr} is up")


@pytest.mark.parametrize("url", [f"tcp://?{SOON}", f"tcp://x?{SOON}&failure=1"])
def test_a_connection_is_enough_with_tcp(url):
    with Server() as a, Server() as b, checked([a, b], url) as product:
        a.state = 500
        a.wait(lambda: len(a.connections) >= 3, "checks come")
        assert not a.checks
        a.stop_listening()
        product.wait_line(f"{a.addr} is down: Connection refused")
        assert all_served_by(product, b)


def test_no_answer_in_time_is_none():
    async def silent(conn):
        await conn.request()
        await conn.end()

    with Origin(silent) as a, Server() as b, \
            checked([a, b], f"http://h/health?{SOON}&timeout=100ms") as product:
        product.wait_line(f"{a.addr} is down: no answer within 100 ms")
        assert all_served_by(product, b)


@pytest.mark.parametrize("junk", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b""])
def test_garbage_is_no_answer(junk):
    async def play(conn):
        await conn.request()
        await conn.send(junk)
        conn.close()

    with Origin(play) as a, Server() as b, checked([a, b]) as product:
        product.wait_line(f"{a.addr} is down: ")
        assert all_served_by(product, b)


TLS = """
    ssl_certificate {pair.cert}; ssl_certificate_key {pair.key};
    location = /health {{ return 200 fine; }}
    location / {{ return 200 served; }}
"""


@pytest.mark.parametrize("listen,alpn", [(" ssl", "h1"), (" ssl http2", "h2")])
def test_over_tls_as_requests_are(listen, alpn):
    pair = tls.authority().issue("a.test")
    with Nginx(TLS.format(pair=pair), listen=listen) as a, Nginx(TLS.format(pair=pair)) as clear, \
            checked([clear.addr, a.addr], f"http://a.test/health?{SOON}", sni="a.test", alpn=alpn,
                    ca=tls.authority().ca.cert) as product:
        product.wait_line(f"{clear.addr} is down: ")
        assert product.get("/x").body == b"served"


def test_over_tls_alone_with_the_certificate_checked():
    good, other = tls.authority().issue("a.test"), tls.authority().issue("b.test")
    url = f"https://a.test/health?{SOON}"
    with Nginx(TLS.format(pair=good), listen=" ssl") as a, \
            Nginx(TLS.format(pair=other), listen=" ssl") as b, \
            checked([a.addr, b.addr], url, sni="a.test", ca=tls.authority().ca.cert) as product:
        product.wait_line(f"{b.addr} is down: ")
        assert product.get("/x").body == b"served"


class Health(grpc.GenericRpcHandler):
    """grpc.health.v1.Health, whose answer is chosen."""

    def __init__(self):
        self.status = 1  # SERVING
        self.asked = []

    def service(self, call):
        if call.method != "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda one, _: one)
        return grpc.unary_unary_rpc_method_handler(self._check)

    def _check(self, message, context):
        self.asked.append(message)
        if self.status is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return bytes([8, self.status])


@contextlib.contextmanager
def grpc_server():
    health = Health()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([health])
    health.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield health
    finally:
        server.stop(None).wait(5)


@pytest.mark.parametrize("service,message", [("", b""), ("shop.Orders", b"\x0a\x0bshop.Orders")])
def test_grpc_health(service, message):
    url = f"grpc://x?{SOON}&service={service}"
    with grpc_server() as a, grpc_server() as b:
        addrs = [f"127.0.0.1:{one.port}" for one in (a, b)]
        with checked(addrs, url, protocol="h2c") as product:
            until(lambda: len(a.asked) > 2, "checks come")
            assert set(a.asked) == {message}
            a.status = 2  # NOT_SERVING
            product.wait_line(f"{addrs[0]} is down: it says that it does not serve")
            a.status = 1
            product.wait_line(f"{addrs[0]} is up")
            a.status = None
            product.wait_line(f"{addrs[0]} is down: grpc-status 5")


# --- when it changes

def test_it_takes_so_many_in_a_row_each_way():
    url = f"http://h/health?{SOON}&success=3&failure=4"
    with Server() as a, Server() as b, checked([a, b], url) as product:
        a.wait_checks(2)
        a.reset()
        a.state = 500
        product.wait_line(f"{a.addr} is down: status 500")
        a.settle()
        assert len(a.checks) == 4
        a.reset()
        a.state = 200
        product.wait_line(f"{a.addr} is up: 3 checks passed")
        a.settle()
        assert len(a.checks) in (3, 4)


def test_the_first_check_decides_alone():
    with Server() as a, Server() as b:
        a.state = 500
        with checked([a, b], "http://h/health?interval=1h&failure=9") as product:
            product.wait_line(f"{a.addr} is down: status 500")
            assert all_served_by(product, b)


def test_each_change_is_said_once():
    with Server() as a, Server() as b, checked([a, b]) as product:
        a.state = 500
        product.wait_line(f"{a.addr} is down")
        a.wait_checks(5)
        a.state = 200
        product.wait_line(f"{a.addr} is up")
        a.wait_checks(5)
        said = [line for line in product.stderr if a.addr in line and "upstream origin" in line]
    assert len(said) == 2


def test_none_is_well():
    with Server() as a, checked(a) as product:
        a.state = 500
        product.wait_line(f"{a.addr} is down")
        answer = product.get("/x")
        line = product.wait_log(1)[0]
    assert (answer.status, line["reason"]) == (503, "no_upstream")
    assert not a.served


def test_a_server_that_was_restarted_is_back_with_its_first_passed_checks():
    port = free_port()
    with Server() as b, checked([f"127.0.0.1:{port}", b]) as product:
        product.wait_line(f"127.0.0.1:{port} is down: Connection refused|upstream_refused")
        assert all_served_by(product, b)
        with Server(port=port) as a:
            product.wait_line(f"127.0.0.1:{port} is up")
            assert product.get("/x").status == 200
            until(lambda: a.served or not product.get("/x"), "it serves again")


def test_a_passed_check_ends_what_failed_requests_began():
    """Passive health has taken it out for an hour; it answers checks again."""
    port = free_port()
    with Server() as b, checked(
            [f"127.0.0.1:{port}", b], f"http://h/health?{SOON}&failure=50",
            circuit_break_open_duration="1h") as product:
        assert {product.get("/x").status for _ in range(20)} == {200}
        b.wait_checks(4)  # some of the other one have failed meanwhile
        with Server(port=port) as a:
            until(lambda: product.get("/x").status == 200 and a.served, "it serves again")


def test_checks_that_pass_do_not_end_what_requests_meet():
    """Its checks are well all the time, and no request gets an answer."""
    async def dies(conn):
        while (message := await conn.request()) is not None:
            if not message.target.startswith(b"/health"):
                conn.rst()
                return
            await conn.send(response(200, "OK", (), b"fine"))

    def checks():
        return sum(one.path().startswith("/health") for one in bad.requests)

    with Origin(dies) as bad, Server() as good, \
            checked([bad, good], circuit_break_open_duration="1h") as product:
        lost = sum(product.get("/x", method="POST", body=b"x").status != 200 for _ in range(20))
        assert lost == 3
        seen = checks()
        until(lambda: checks() > seen + 1, "two checks more")
        assert {product.get("/x", method="POST", body=b"x").status for _ in range(20)} == {200}


def test_a_stopped_process_is_found_and_comes_back():
    """SIGSTOP: the kernel accepts connections, nobody answers."""
    with Nginx("location / { return 200 a; }") as a, Server() as b, \
            checked([a.addr, b], f"http://h/health?{SOON}&timeout=200ms") as product:
        workers = subprocess.run(["pgrep", "-P", str(a.process.pid)], capture_output=True,
                                 text=True, check=True).stdout.split()
        for pid in workers:
            os.kill(int(pid), signal.SIGSTOP)
        try:
            product.wait_line(f"{a.addr} is down: no answer within 200 ms")
            assert all_served_by(product, b)
        finally:
            for pid in workers:
                os.kill(int(pid), signal.SIGCONT)
        product.wait_line(f"{a.addr} is up")


def test_servers_that_want_a_proxy_header_get_one():
    async def expects(conn):
        while await conn.request() is not None:
            await conn.send(response(200, "OK", (), b""))

    with Origin(expects) as a, checked(a, f"http://h/health?{SOON}", send_proxy_protocol="v1"):
        a.wait(lambda: a.connections and a.connections[0].received > 20, "a check comes")
        assert a.connections[0].raw.startswith(b"PROXY UNKNOWN")
