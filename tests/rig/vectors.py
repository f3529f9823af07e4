"""The vector tables as objects: tests/data/*.json with the notation expanded."""

import json
import os
import random

from .notation import expand

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")


def read(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return json.load(file)


class Vector:
    """Client bytes and the wanted outcome."""

    def __init__(self, row):
        self.id = row["id"]
        self.data = expand(row["bytes"])
        self.want_text = row["want_text"]
        self.peers = row["peers"]
        want = dict(row["want"])
        self.methods = want["methods"]
        self.fin = want.get("fin", False)  # the client half-closes after the bytes
        alternative = want.pop("or", None)
        self.outcomes = [want] + ([{**want, **alternative}] if alternative else [])

    def over_tls(self):
        """Itself, where the origin is told what it came by."""
        for outcome in self.outcomes:
            if "X-Forwarded-Proto" in outcome.get("fields", {}):
                outcome["fields"] = {**outcome["fields"], "X-Forwarded-Proto": "https"}
        return self

    @property
    def refused(self):
        """Is a refusal the only right answer?"""
        return all(max(outcome["forwarded"]) == 0 for outcome in self.outcomes)

    @property
    def kept_open(self):
        """Does the connection go on after a forwarded vector?"""
        return not self.refused and len(self.outcomes) == 1 and not self.outcomes[0]["close"]


class Fault:
    """Origin bytes and what the client must get, by method."""

    def __init__(self, row):
        self.id = row["id"]
        self.data = expand(row["sends"])
        self.then = row["then"]
        self.want_text = row["want_text"]
        self.want = row["want"]
        self.peers = row["peers"]


def requests():
    """Those that are answered in HTTP/1."""
    return [Vector(row) for row in read("h1_requests.json") if not row["want"].get("http2")]


def faults():
    return [Fault(row) for row in read("h1_responses.json")]


def splits(data, short=260):
    """Piece lists for the split law: every cut of a short vector, chosen cuts of a long one."""
    if len(data) <= short:
        cuts = range(1, len(data))
    else:
        chosen = random.Random(data)
        edges = [cut for cut in range(1, 40)] + [len(data) - cut for cut in range(1, 10)]
        cuts = sorted(set(edges + [chosen.randrange(1, len(data)) for _ in range(20)]))
    return [[data[:cut], data[cut:]] for cut in cuts]


def bytewise(data, limit=3000):
    """One byte per write; of a long vector only the ends, the middle in one piece."""
    if len(data) <= limit:
        return [data[index:index + 1] for index in range(len(data))]
    half = limit // 2
    return ([data[index:index + 1] for index in range(half)] + [data[half:-half]]
            + [data[index:index + 1] for index in range(len(data) - half, len(data))])
