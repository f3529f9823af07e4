#!/usr/bin/python3
"""Whether each request has its line in the access log, at a rate that keeps the writer busy.

    bench/log_lines.py [--binary PATH] [--requests N] [--rate N] [--folder FOLDER]
                       [--rotate SIZE] [--format NAME] [--compress]

pingap answers by itself; h2load asks so many times, at that rate (0: as fast as it can), over
HTTP/2. Then the lines of all files are counted, and what the process says that it has dropped.
FOLDER is on the disk that is to be measured.
"""
import argparse
import collections
import gzip
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from peers import TOP, free_port

CLIENTS = 8
CONFIG = """
[basic]
threads = 1

[servers.main]
addr = "127.0.0.1:{port}"
locations = ["own"]
keepalive_requests = 0
access_log = "{folder}/access.log {format}"

[locations.own]
path = "/"
plugins = ["ok"]

[plugins.ok]
type = "mock"
status = 200

[metrics]
addr = "127.0.0.1:{metrics}"

[logging]
rotate_size = "{rotate}"
rotate_compress = {compress}
rotate_keep = 0
"""


def lines_of(path):
    """How many a file has; a packed one, too."""
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def wait_for(port):
    """Until it serves."""
    for _ in range(200):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).read()
        except OSError:
            time.sleep(0.05)
    raise SystemExit("pingap does not serve")


def counters(port):
    """{name: sum over all series} of the metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    sums = collections.Counter()
    for name, value in re.findall(r"^(\w+)(?:\{[^\n]*\})? (\S+)$", text, re.MULTILINE):
        sums[name] += float(value)
    return sums


def load(port, requests, rate):
    """Asks so many times; seconds that it took."""
    paced = [f"--rps={rate / CLIENTS}"] if rate else []
    said = subprocess.run(
        ["h2load", "-n", str(requests), "-c", str(CLIENTS), "-m", "64", *paced,
         f"http://127.0.0.1:{port}/some/path"],
        capture_output=True, text=True, check=True, timeout=600).stdout
    match = re.search(r"finished in ([\d.]+)(ms|s),", said)
    answered = int(re.search(r"status codes: (\d+) 2xx", said)[1])
    if answered != requests:
        raise SystemExit(f"{answered} of {requests} requests were answered\n{said}")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def measure(options, folder):
    """Prints what came of it; whether a line is missing."""
    port, metrics = free_port(), free_port()
    config = folder / "pingap.toml"
    config.write_text(CONFIG.format(port=port, metrics=metrics, folder=folder,
                                    format=options.format, rotate=options.rotate,
                                    compress=str(options.compress).lower()))
    with subprocess.Popen([options.binary, "run", "-c", config]) as process:
        try:
            wait_for(metrics)
            took = load(port, options.requests, options.rate)
            counted = counters(metrics)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=120)
    files = sorted(folder.glob("access.log*"))
    lines = sum(lines_of(path) for path in files)
    print(f"{options.requests:,} requests in {took:.2f} s: {options.requests / took:,.0f} lines/s, "
          f"{counted['log_written_bytes_total'] / took / 1e6:.1f} MB/s; {lines:,} lines in "
          f"{len(files)} files, {counted['log_lines_dropped_total']:.0f} dropped")
    return lines == options.requests


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(TOP / "build/release/pingap"))
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--folder", default=str(TOP / "build"))
    parser.add_argument("--rotate", default="0")
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--format", default="combined")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="log-lines-", dir=options.folder) as made:
        sys.exit(0 if measure(options, pathlib.Path(made)) else 1)


if __name__ == "__main__":
    main()
