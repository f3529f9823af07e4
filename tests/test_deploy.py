"""deploy/compose.yaml: its parts fit together, as far as can be seen without running them."""

import os
import re
import subprocess
import tempfile
import tomllib

import pytest

from rig.deadline import seconds
from rig.product import ROOT, binary, run
from rig.standin import find

yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed")
DEPLOY = os.path.join(ROOT, "deploy")


def text(*path):
    with open(os.path.join(DEPLOY, *path), encoding="utf-8") as file:
        return file.read()


def parsed(*path):
    return yaml.safe_load(text(*path))


def services():
    return parsed("compose.yaml")["services"]


def mounts(service):
    """{path in the container: file here} of a service."""
    found = {}
    for mount in service.get("volumes", []):
        here, there, *_ = mount.split(":")
        found[there] = os.path.normpath(os.path.join(DEPLOY, here))
    return found


def settings():
    return tomllib.loads(text("demo", "pingap.toml"))


def test_every_file_that_is_named_is_there():
    for name, service in services().items():
        assert "image" in service, name
        for there, here in mounts(service).items():
            assert os.path.exists(here), f"{name}: {here}"
            assert there.startswith("/")
        if "build" in service:
            context = os.path.join(DEPLOY, service["build"]["context"])
            assert os.path.exists(os.path.join(context, "dev"))
            assert os.path.exists(os.path.join(context, service["build"]["dockerfile"]))
        assert set(service.get("depends_on", [])) <= set(services()), name


def test_ports_are_this_machines_and_each_is_one_services():
    published = [port for service in services().values() for port in service.get("ports", [])]
    here = []
    for port in published:
        address, outside, _ = port.rsplit(":", 2)
        assert address == "127.0.0.1", port
        here.append(outside)
    assert len(here) == len(set(here)) == 5


def test_the_proxy_takes_its_configuration():
    code, out, err = run("validate", "--config", os.path.join(DEPLOY, "demo", "pingap.toml"),
                         env={"METRICS_TOKEN": "demo"})
    assert code == 0, out + err
    assert "error" not in err


def test_the_proxys_ports_and_backends_agree():
    all_of_them = services()
    conf = settings()
    inside = {port.rsplit(":", 1)[1] for port in all_of_them["pingap"]["ports"]}
    assert conf["servers"]["main"]["addr"].rpartition(":")[2] in inside
    assert conf["metrics"]["addr"].rpartition(":")[2] in inside
    for address in conf["upstreams"]["backends"]["addrs"]:
        host, port = address.split(":")
        command = all_of_them[host]["command"]
        assert command[command.index("--listen") + 1].endswith(f":{port}"), address
    assert "/etc/pingap/pingap.toml" in mounts(all_of_them["pingap"])
    assert '"/etc/pingap/pingap.toml"' in text("Dockerfile")
    for name in re.findall(r"\$\{(\w+)\}", text("demo", "pingap.toml")):
        assert name in all_of_them["pingap"]["environment"]


def test_prometheus_finds_the_proxy_and_the_alerts():
    conf = parsed("demo", "prometheus.yml")
    [job] = conf["scrape_configs"]
    assert job["job_name"] == "pingap"  # the alerts and the dashboard say so
    [target] = job["static_configs"][0]["targets"]
    assert target == f"pingap:{settings()['metrics']['addr'].rpartition(':')[2]}"
    token = services()["pingap"]["environment"]["METRICS_TOKEN"]
    assert job["authorization"]["credentials"] == token
    here = mounts(services()["prometheus"])
    assert [here[path] for path in conf["rule_files"]] == [
        os.path.join(DEPLOY, "prometheus", "alerts.yml")]
    assert here["/etc/prometheus/prometheus.yml"].endswith("prometheus.yml")


@pytest.mark.skipif(not find("promtool"), reason="prometheus is not installed")
def test_prometheus_takes_its_configuration():
    here = mounts(services()["prometheus"])
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        conf = text("demo", "prometheus.yml")
        for there, path in here.items():
            conf = conf.replace(there, path)
        file.write(conf)
        file.flush()
        done = subprocess.run([find("promtool"), "check", "config", file.name], text=True,
                              capture_output=True, timeout=seconds(20), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_shows_the_dashboard():
    here = mounts(services()["grafana"])
    sources = parsed("demo", "grafana-sources.yaml")["datasources"]
    for source in sources:
        host, port = re.fullmatch(r"http://(\w+):(\d+)", source["url"]).groups()
        assert host in services(), source
        assert (host, port) in {("prometheus", "9090"), ("jaeger", "16686")}
    uids = [source["uid"] for source in sources]
    assert len(uids) == len(set(uids))
    linked = sources[0]["jsonData"]["exemplarTraceIdDestinations"][0]
    assert linked["name"] == "trace_id" and linked["datasourceUid"] in uids
    [provider] = parsed("demo", "grafana-dashboards.yaml")["providers"]
    folder = here[provider["options"]["path"]]
    assert os.listdir(folder) == ["pingap.json"]
    for kind in ("datasources", "dashboards"):
        assert any(path.startswith(f"/etc/grafana/provisioning/{kind}/") for path in here)


def test_traces_and_metrics_find_their_way():
    conf = parsed("demo", "collector.yaml")
    host, port = settings()["tracing"]["endpoint"].split(":")
    assert settings()["metrics"]["otlp_endpoint"] == settings()["tracing"]["endpoint"]
    assert set(conf["service"]["pipelines"]) == {"traces", "metrics"}
    assert host == "collector" and host in services()
    endpoint = conf["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"]
    assert endpoint.rpartition(":")[2] == port
    for pipeline in conf["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(conf[kind])
    assert conf["exporters"]["otlp"]["endpoint"].split(":")[0] in services()
    [option] = services()["collector"]["command"]
    assert option.removeprefix("--config=") in mounts(services()["collector"])


# What the program is linked with is in the image.
@pytest.mark.skipif(not (find("dpkg-query") and find("objdump")), reason="this is no Debian")
def test_the_image_has_the_libraries():
    listed = set(re.findall(r"^ +([a-z][a-z0-9.+-]+) \\$", text("Dockerfile"), re.M))
    linked = subprocess.run(["objdump", "-p", binary()], text=True, capture_output=True,
                            check=True).stdout
    needed = re.findall(r"NEEDED +(\S+)", linked)
    assert len(needed) > 10
    packages = subprocess.run(["dpkg-query", "-S", *(f"*/{name}" for name in needed)], text=True,
                              capture_output=True, check=False).stdout
    owners = {}
    for line in packages.splitlines():
        package, _, path = line.partition(": ")
        owners.setdefault(os.path.basename(path), set()).add(package.split(":")[0])
    base = {"libc6", "libgcc-s1"}
    for name in needed:
        mine = owners.get(name, set())
        assert not mine or mine & (listed | base), f"{name} is of {mine}"
