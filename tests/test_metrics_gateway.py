"""[metrics] push_...: what is counted is put to a Pushgateway."""

import base64
import contextlib
import socket
import subprocess
import threading

import pytest

from rig.deadline import until
from rig.metrics import Samples, get
from rig.origin import Origin
from rig.product import Product, config
from rig.standin import find, free_port
from rig.tls import authority
from rig.web import Web

GROUP = f"/metrics/job/pingap/instance/{socket.gethostname()}"
needs_gateway = pytest.mark.skipif(not find("prometheus-pushgateway"),
                                   reason="prometheus-pushgateway is not installed")


def pushing(origin, url, **keys):
    """A product that pushes what it counts, five times a second."""
    conf = config(origin.addr)
    conf["metrics"] = {"addr": "127.0.0.1:0", "push_url": url, "push_interval": "200ms", **keys}
    return Product(conf)


class Gateway(Web):
    """Keeps what is put to it; `answer` gives (status, text) for the count of a push."""

    def __init__(self, answer=lambda count: (202, ""), **where):
        super().__init__(self._keep, **where)
        self.answer = answer
        self.pushes = []  # (method, path, headers, text)
        self.go_on = threading.Event()
        self.go_on.set()

    def _keep(self, request, body):
        self.pushes.append((request.command, request.path, request.headers, body.decode()))
        self.go_on.wait(30)
        status, text = self.answer(len(self.pushes))
        return status, {}, text.encode()

    def __exit__(self, *_):
        self.go_on.set()
        super().__exit__()

    def wait(self, what, look=lambda samples: True):
        def found():
            return [push for push in list(self.pushes) if look(Samples(push[3]))]
        until(found, f"a push: {what}")
        return found()[0]


def requests(samples):
    return samples.sum("http_requests_total", location="all", method="GET", status="200")


@contextlib.contextmanager
def pushgateway():
    """The real one; gives its address."""
    port = free_port()
    process = subprocess.Popen(
        [find("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{port}",
         "--persistence.file="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield "127.0.0.1", port
    finally:
        process.terminate()
        process.wait()


def kept(address):
    """What the real one shows of the group; nothing while it starts."""
    try:
        return Samples(get(address)[2])
    except OSError:
        return Samples("")


# The interval is an hour in the end: what came last is put there when the process ends.
@needs_gateway
def test_a_pushgateway_keeps_what_is_counted():
    who = {"job": "pingap", "instance": socket.gethostname()}
    with pushgateway() as address, Origin() as origin:
        with pushing(origin, "http://%s:%d" % address) as product:
            product.get("/a")
            until(lambda: kept(address).sum("http_requests_total", location="all", **who) == 1,
                  "a request in the Pushgateway")
            product.conf["metrics"]["push_interval"] = "1h"
            product.write_config()
            assert product.order("reload")[0] == 0
            product.get("/a")
            product.wait_log(2)
        samples = kept(address)
    assert samples.sum("http_requests_total", location="all", **who) == 2
    assert samples.one("push_failure_time_seconds", **who) == 0
    assert len({name for name, labels, _ in samples.rows if labels.get("job") == "pingap"}) > 40


def test_a_push_replaces_a_group_and_says_who_it_is():
    login = {"push_user": "edge", "push_password": "s3cret"}
    with Gateway() as gateway, Origin() as origin:
        with pushing(origin, gateway.url + "/metrics/job/x/host/$HOSTNAME", **login) as product:
            product.get("/a")
            method, path, headers, _ = gateway.wait("a request", lambda one: requests(one) == 1)
            assert "s3cret" not in "\n".join(product.stderr)
    assert (method, path) == ("PUT", f"/metrics/job/x/host/{socket.gethostname()}")
    assert headers["Content-Type"] == "text/plain; version=0.0.4"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"edge:s3cret").decode()


def test_a_gateway_that_refuses_or_is_away_costs_nothing():
    port = free_port()
    with Origin() as origin, pushing(origin, f"http://127.0.0.1:{port}") as product:
        product.wait_line(r"\[metrics\]: they cannot be sent to http://127.0.0.1:")
        assert product.order("status")[1].count("gateway") == 1
        product.get("/a")
        with Gateway(lambda count: (202, "") if count > 2 else (400, "no, thanks\n"),
                     port=port) as gateway:
            gateway.wait("numbers from before it was there", lambda one: requests(one) == 1)
            product.wait_line(r"\[metrics\]: they are taken again by http://127.0.0.1:")
            assert gateway.pushes[0][1] == GROUP
        assert product.get("/a").status == 200


def test_the_answer_of_a_gateway_that_refuses_is_told():
    with Gateway(lambda count: (400, "no, thanks\n")) as gateway, Origin() as origin:
        with pushing(origin, gateway.url) as product:
            product.wait_line(r"\[metrics\]: .* the answer has status 400: no, thanks$")


def test_a_gateway_that_hangs_does_not_hold_up_the_end():
    with Gateway() as gateway, Origin() as origin:
        gateway.go_on.clear()
        with pushing(origin, gateway.url) as product:
            until(lambda: gateway.pushes, "a push")
            assert product.get("/a").status == 200
            product.stop()


def test_a_reload_goes_to_another_one_and_to_none():
    with Gateway() as first, Gateway() as second, Origin() as origin:
        with pushing(origin, first.url) as product:
            first.wait("one")
            product.conf["metrics"]["push_url"] = second.url
            product.write_config()
            assert product.order("reload")[0] == 0
            second.wait("one")
            del product.conf["metrics"]["push_url"]
            product.write_config()
            assert product.order("reload")[0] == 0
            product.get("/a")
    assert not [push for push in second.pushes if requests(Samples(push[3])) > 0]


def test_over_tls_it_is_verified():
    ca = authority()
    with Gateway(tls=ca.issue("127.0.0.1")) as gateway, Origin() as origin:
        with pushing(origin, gateway.url, push_tls_ca=ca.ca.cert):
            gateway.wait("one")
        with pushing(origin, gateway.url) as product:
            product.wait_line(r"\[metrics\]: they cannot be sent to https://")
