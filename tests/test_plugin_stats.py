"""stats and server_timing in a running proxy, and what the log says of compression."""

import json
import re

from rig.origin import Origin, response
from rig.product import Product, config


def product_of(origin, plugins, uses, **parts):
    conf = config(origin.addr, location={"plugins": uses}, **parts)
    conf["plugins"] = plugins
    return Product(conf)


def test_stats(recorder):
    with product_of(recorder, {}, ["stats"]) as product:
        for _ in range(3):
            assert product.get("/").status == 200
        for target in ("/stats", "/x/../%73tats?y"):
            answer = product.get(target)
            stats = json.loads(answer.body)
            assert answer.get("Content-Type") == "application/json"
        assert stats["requests"] == 4 and stats["workers"] == 1 and stats["connections"] >= 1
        assert stats["memory_bytes"] > 1 << 20 and stats["server_errors"] == 0
    assert len(recorder.requests) == 3


def test_stats_by_the_name_of_the_original(recorder):
    with product_of(recorder, {}, ["pingap:stats"]) as product:
        assert json.loads(product.get("/stats").body)["version"]


def test_server_timing(recorder):
    plugins = {"timing": {"type": "server_timing", "when": {"match_headers": ["X-Debug: 1"]}},
               "slow": {"type": "fault", "delay": "30ms"}, "plain": {"type": "request_headers"}}
    with product_of(recorder, plugins, ["timing", "slow", "request_id"]) as product:
        assert product.get("/").get("Server-Timing") is None
        times = dict(re.findall(r"([\w-]+);dur=([\d.]+)",
                                product.get("/", [("X-Debug", "1")]).get("Server-Timing")))
    assert set(times) >= {"slow", "request_id", "backend", "total"}
    assert float(times["slow"]) >= 25 and float(times["request_id"]) < 25
    assert float(times["total"]) >= float(times["slow"])


def test_server_timing_of_an_answer_of_ours(recorder):
    deny = {"type": "ip_restriction", "mode": "deny", "ip_list": ["127.0.0.0/8"]}
    with product_of(recorder, {"deny": deny}, ["server_timing", "deny"]) as product:
        timing = product.get("/").get("Server-Timing")
    assert "deny;dur=" in timing and "total;dur=" in timing and "backend" not in timing


def test_the_log_knows_what_compression_did(tmp_path):
    page = response(200, "OK", [("Content-Type", "text/html")], b"abc " * 20_000)
    log = tmp_path / "ratio.log"
    with Origin(answer=lambda _: page) as origin:
        with product_of(origin, {}, ["compression"], server={
                "access_log": f"{log} {{compression_ratio}} {{compression_time}}"}) as product:
            assert product.get("/", [("Accept-Encoding", "gzip")]).get("Content-Encoding") == "gzip"
            assert product.get("/").get("Content-Encoding") is None
    lines = log.read_text(encoding="ascii").splitlines()
    assert re.fullmatch(r"\d+\.\d \d+\.\d", lines[0]) and float(lines[0].split()[0]) > 20
    assert lines[1] == "- -"
