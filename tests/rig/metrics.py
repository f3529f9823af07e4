"""Reads what a [metrics] address serves."""

import http.client
import os
import re
import socket

from .deadline import seconds
from .product import ROOT

LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)(?: # .*)?$")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


class Samples:
    """The samples of one scrape."""

    def __init__(self, text):
        self.text = text
        self.families = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.help = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.M))
        self.rows = []  # (name, {label: value}, value)
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, f"no sample: {line!r}"
            self.rows.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))
        keys = [(name, tuple(sorted(labels.items()))) for name, labels, _ in self.rows]
        assert len(keys) == len(set(keys)), "a series is there twice"

    def of(self, name, **labels):
        """The samples of that name that have these labels (class_ stands for class)."""
        wanted = {key.rstrip("_"): value for key, value in labels.items()}.items()
        return [(row, value) for known, row, value in self.rows
                if known == name and wanted <= row.items()]

    def sum(self, name, **labels):
        return sum(value for _, value in self.of(name, **labels))

    def one(self, name, **labels):
        found = self.of(name, **labels)
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0][1]


def get(address, path="/metrics", headers=None, method="GET", timeout=10):
    """(status, headers, text) of one request; `address` is a pair or the path of a socket."""
    if isinstance(address, str):
        connection = http.client.HTTPConnection("localhost", timeout=seconds(timeout))
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(address)
    else:
        connection = http.client.HTTPConnection(*address, timeout=seconds(timeout))
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def scrape(product, **headers):
    """The samples of a product with [metrics]."""
    status, _, text = get(product.address("metrics"), headers=headers)
    assert status == 200, text
    return Samples(text)


def documented():
    """{name: (kind, [label], meaning)} of docs/metrics.md."""
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*) \|$", file.read(), re.M)
    return {name: (kind, re.findall(r"`(\w+)`", labels), meaning)
            for name, kind, labels, meaning in rows}
