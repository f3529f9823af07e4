"""A configuration that does worse than the one before is taken back."""

import copy

from rig import toml
from rig.deadline import until
from rig.origin import Origin, response
from rig.product import front
from rig.standin import free_port


def go_over(product, conf, **basic):
    conf = copy.deepcopy(conf)
    conf["basic"].update({"guard_window": "20s", **basic})
    with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
        file.write(toml.dumps(conf))
    code, out, err = product.order("reload")
    assert code == 0, err
    return out


def answering(status):
    return Origin(answer=lambda _: response(status=status, body=b"x"))


def to(product, origin):
    conf = copy.deepcopy(product.conf)
    conf["upstreams"]["origin"]["addrs"] = [origin.addr]
    return conf


def test_more_errors_than_before():
    with answering(200) as good, answering(503) as bad, front(good) as product:
        assert product.get("/").status == 200
        assert "watched for 20 s" in go_over(product, to(product, bad))
        for _ in range(30):
            product.get("/")
        product.wait_line("taken back: 30 of 30 answers were 5xx")
        until(lambda: product.get("/").status == 200, "what was before is back")
        until(lambda: "guard" in product.order("history")[1], "it is a revision")
        assert "30 of 30 answers" in product.order("history")[1].splitlines()[1]


def test_as_many_errors_as_before_are_no_reason():
    with answering(503) as one, answering(503) as other, front(one) as product:
        for _ in range(30):
            product.get("/")
        go_over(product, to(product, other), guard_window="1s")
        for _ in range(30):
            product.get("/")
        product.wait_line("the new configuration stays")
        assert len(other.requests) == 30


def test_few_errors_are_no_reason():
    with answering(200) as good, answering(503) as bad, front(good) as product:
        go_over(product, to(product, bad), guard_window="1s")
        for _ in range(10):
            product.get("/")
        product.wait_line("the new configuration stays")


def test_no_server_is_left():
    with Origin() as origin, front(origin) as product:
        assert product.get("/").status == 200
        conf = copy.deepcopy(product.conf)
        conf["upstreams"]["origin"]["addrs"] = [f"127.0.0.1:{free_port()}"]
        conf["upstreams"]["origin"]["health_check"] = "tcp://x?interval=1s&fall=1"
        go_over(product, conf)
        product.wait_line(r"taken back: no server of \[upstreams.origin\] is left")
        until(lambda: product.get("/").status == 200, "what was before is back")


def test_a_reload_meanwhile_is_watched_instead():
    with answering(200) as good, answering(503) as bad, front(good) as product:
        go_over(product, to(product, bad))
        go_over(product, to(product, good), guard_window="1s")
        for _ in range(30):
            assert product.get("/").status == 200
        product.wait_line("the new configuration stays")


def test_off_by_default():
    with answering(200) as good, answering(503) as bad, front(good) as product:
        assert "watched" not in go_over(product, to(product, bad), guard_window="0s")


def test_another_reload_does_not_end_the_watch():
    """A reload of the same bad one, by a hook perhaps: it is compared with what was before both."""
    with answering(200) as good, answering(503) as bad, front(good) as product:
        assert product.get("/").status == 200
        go_over(product, to(product, bad))
        go_over(product, to(product, bad))
        for _ in range(30):
            product.get("/")
        product.wait_line("taken back")
        until(lambda: product.get("/").status == 200, "what was before is back")


def test_an_upstream_that_finds_no_servers():
    """It has none to report of, which are as few as none that is up."""
    with Origin() as origin, front(origin) as product:
        conf = copy.deepcopy(product.conf)
        conf["upstreams"]["origin"].update(addrs=["late.example:80"], dns_server="127.0.0.1:9")
        go_over(product, conf)
        product.wait_line(r"taken back: no server of \[upstreams.origin\] is left")
        until(lambda: product.get("/").status == 200, "what was before is back")


def test_the_same_once_more_is_taken_back_once_more():
    """Its own errors are not what it is compared with."""
    with answering(200) as good, answering(503) as bad, front(good) as product:
        assert product.get("/").status == 200
        for times in (1, 2):
            go_over(product, to(product, bad))
            for _ in range(30):
                product.get("/")
            until(lambda times=times: sum("taken back" in line for line in product.stderr) == times,
                  "it is taken back")
            until(lambda: product.get("/").status == 200, "what was before is back")


def test_status_tells_that_the_file_is_not_what_runs():
    with answering(200) as good, answering(503) as bad, front(good) as product:
        go_over(product, to(product, bad))
        for _ in range(30):
            product.get("/")
        product.wait_line("taken back")
        until(lambda: "degraded: configuration guard: what was loaded last is not what runs"
              in product.order("status")[1], "it is told")
        go_over(product, to(product, good))
        assert "degraded" not in product.order("status")[1]
