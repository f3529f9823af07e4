"""deploy/: alert rules that fire when they should and not otherwise, and dashboards, that ask for
what is served."""

import json
import os
import re
import subprocess
import tempfile

import pytest

from rig.deadline import seconds
from rig.metrics import documented
from rig.product import ROOT
from rig.standin import find

yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed")
needs_promtool = pytest.mark.skipif(not find("promtool"), reason="promtool is not installed")

ALERTS = os.path.join(ROOT, "deploy", "prometheus", "alerts.yml")
DASHBOARD = os.path.join(ROOT, "deploy", "grafana", "pingap.json")
METRIC = re.compile(
    r"\b((?:http|http2|tls|upstream|worker|log|config|plugin|tracing|process|pingap)_[a-z_]+)\b")
OF_PROMETHEUS = {"instance", "job", "le"}


def rules():
    with open(ALERTS, encoding="utf-8") as file:
        [group] = yaml.safe_load(file)["groups"]
    return group["rules"]


def queries():
    """(query, legend) of each line in the dashboard."""
    with open(DASHBOARD, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    return [(target["expr"], target["legendFormat"]) for panel in panels
            for target in panel["targets"]]


def labels_of(name):
    """Those that its samples have; None where nothing of that name is served."""
    table = documented()
    base = re.sub("_(bucket|count|sum)$", "", name)
    if name == "up":
        return OF_PROMETHEUS
    if name not in table and table.get(base, ("",))[0] != "histogram":
        return None
    return set(table.get(name, table.get(base))[1]) | OF_PROMETHEUS


def check_labels(query, shown):
    """`shown`: labels that the result is said to have."""
    bare = re.sub(r"\{[^}]*\}|\bby \([^)]*\)", "", query)
    names = METRIC.findall(bare) or re.findall(r"\bup\b", bare)
    assert names and all(labels_of(name) for name in names), query
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", query):
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert asked <= labels_of(name), f"{query}: {asked - labels_of(name)}"
    grouped = [set(re.findall(r"\w+", group)) for group in re.findall(r"\bby \(([^)]*)\)", query)]
    known = set.intersection(*(labels_of(name) for name in names))
    for group in grouped:
        assert group <= known, f"{query}: {group - known}"
    left = set.intersection(*grouped) if grouped else known
    assert shown <= left, f"{query}: {shown - left}"


def test_the_alerts_ask_for_labels_that_are_served():
    for rule in rules():
        summary = rule["annotations"]["summary"]
        check_labels(rule["expr"], set(re.findall(r"\$labels\.(\w+)", summary)))


def test_the_dashboard_asks_for_labels_that_are_served():
    assert len(queries()) > 20
    for query, legend in queries():
        check_labels(query, set(re.findall(r"\{\{(\w+)\}\}", legend)))


@pytest.mark.parametrize("query,shown", [
    ("http_request_total", set()), ('upstream_health{location="a"}', set()),
    ("sum by (location) (upstream_health)", set()),
    ("sum by (upstream) (upstream_health)", {"server"})])
def test_a_label_that_is_not_there_is_found(query, shown):
    with pytest.raises(AssertionError):
        check_labels(query, shown)


def promtool(*what):
    done = subprocess.run([find("promtool"), *what], text=True, capture_output=True,
                          timeout=seconds(60), check=False)
    return done.returncode, done.stdout + done.stderr


@needs_promtool
def test_the_alerts_are_rules():
    code, said = promtool("check", "rules", ALERTS)
    assert code == 0, said


@needs_promtool
def test_prometheus_understands_the_dashboard():
    made = [{"record": "a", "expr": query.replace("$__rate_interval", "5m")}
            for query, _ in queries()]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"groups": [{"name": "all", "rules": made}]}, file)
        file.flush()
        code, said = promtool("check", "rules", "--lint=none", file.name)
    assert code == 0, said


# Of each alert: the series with which it fires and those with which it does not, a value each
# minute ("0+60x200": 60 more each), and what it says.
HERE = {"instance": "a:1", "job": "pingap"}
LOCATION = {"server": "main", "location": "api"}
SERVER = {"upstream": "api", "server": "10.0.0.1:80"}


def series(name, values, /, **labels):
    text = ",".join(f'{key}="{value}"' for key, value in {**HERE, **labels}.items())
    return {"series": f"{name}{{{text}}}", "values": values}


def answers(good, bad):
    return [series("http_requests_total", f"0+{count}x200", method="GET", status=status, **LOCATION)
            for status, count in (("200", good), ("503", bad))]


def durations(within):
    return [series("http_request_duration_seconds_bucket", f"0+{count}x200", le=le, **LOCATION)
            for le, count in (("1", within), ("2.5", within), ("5", 1000), ("+Inf", 1000))]


def tries(repeated):
    return [series("upstream_requests_total", "0+100x200", **SERVER),
            series("upstream_retries_total", f"0+{repeated}x200", **SERVER)]


def health(*values):
    return [series("upstream_health", f"{value}x200", upstream="api", server=f"10.0.0.{number}:80")
            for number, value in enumerate(values, 1)]


def gauge(name, value, /, **labels):
    return [series(name, f"{value}x200", **labels)]


CASES = {
    "PingapDown": (gauge("up", 0), gauge("up", 1), HERE, "a:1 does not answer"),
    "PingapErrors": (answers(90, 10), answers(96, 4), {"instance": "a:1", **LOCATION},
                     "10% of the answers of api are 5xx"),
    "PingapSlow": (durations(980), durations(995), {"instance": "a:1", **LOCATION},
                   "1 % of the answers of api take more than 2.5 s"),
    "PingapDegraded": (
        gauge("pingap_degraded", 1, part="plugin", name="geo"),
        gauge("pingap_degraded", 0, part="plugin", name="geo"),
        {**HERE, "part": "plugin", "name": "geo"},
        "plugin geo does not work; `pingap status` says why"),
    "PingapServerOut": (health(0, 1), health(1, 1), {**HERE, **SERVER},
                        "10.0.0.1:80 of api takes no requests"),
    "PingapUpstreamOut": (health(0, 0), health(0, 1), {"instance": "a:1", "upstream": "api"},
                          "api has no server that takes requests"),
    "PingapRetries": (tries(20), tries(5), {"instance": "a:1", "upstream": "api"},
                      "20% of the tries at api are repeated ones"),
    "PingapQueue": (gauge("upstream_queued_requests", 3, upstream="api"),
                    gauge("upstream_queued_requests", 0, upstream="api"),
                    {**HERE, "upstream": "api"}, "requests wait for a server of api all the time"),
    "PingapReloadRefused": (gauge("config_last_reload_successful", 0),
                            gauge("config_last_reload_successful", 1), HERE,
                            "a:1 runs an older configuration than it was given"),
    "PingapCertificateExpires": (  # the test begins at 1970, and looks after two hours
        gauge("tls_certificate_not_after_seconds", 7200 + 86400, subject="a.test"),
        gauge("tls_certificate_not_after_seconds", 7200 + 15 * 86400, subject="a.test"),
        {**HERE, "subject": "a.test"}, "a.test expires in 1d 0h 0m 0s"),
    "PingapStuckWorker": (gauge("worker_event_loop_lag_seconds", 0.75, worker="1"),
                          gauge("worker_event_loop_lag_seconds", 0.25, worker="1"),
                          {**HERE, "worker": "1"}, "worker 1 of a:1 is 0.75 s behind"),
    "PingapLogLost": ([series("log_lines_dropped_total", "0+1x200")],
                      gauge("log_lines_dropped_total", 7), HERE,
                      "lines of the logs of a:1 are lost"),
    "PingapLogFails": ([series("log_write_errors_total", "0+1x200")],
                       gauge("log_write_errors_total", 7), HERE,
                       "a:1 cannot write to a log file; `pingap status` says why"),
    "PingapDescriptors": (
        gauge("process_open_fds", 950) + gauge("process_max_fds", 1000),
        gauge("process_open_fds", 800) + gauge("process_max_fds", 1000), HERE,
        "a:1 is about to run out of descriptors"),
}


def fires(rule, given, at, expected):
    return {"interval": "1m", "input_series": given, "alert_rule_test": [
        {"eval_time": at, "alertname": rule["alert"], "exp_alerts": expected}]}


@needs_promtool
@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_fires_when_it_should_and_not_otherwise(rule, tmp_path):
    bad, good, labels, summary = CASES[rule["alert"]]
    alert = {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": {"summary": summary}}
    path = tmp_path / "tests.json"
    path.write_text(json.dumps({"rule_files": [ALERTS], "evaluation_interval": "15s", "tests": [
        fires(rule, bad, "2h", [alert]),
        fires(rule, bad, "15s", []),  # it lasts, before somebody is woken
        fires(rule, good, "2h", [])]}))
    code, said = promtool("test", "rules", str(path))
    assert code == 0, said


def test_every_alert_has_a_case():
    assert {rule["alert"] for rule in rules()} == set(CASES)
