#!/usr/bin/python3
"""A mixed load for as long as it is told: tests/tools/soak.py [--minutes 15].

HTTP/1.1 and HTTP/2 with and without TLS, WebSocket, gRPC, connections that are reset, certificates
that change. Fails on an answer that is not the right one, on memory or descriptors that grow, and
on what the sanitizers say. PINGAP_BINARY chooses the program, as for the tests.
"""
import argparse
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import grpc  # noqa: E402
from rig import grpc_origin  # noqa: E402
from rig.client import Client, request  # noqa: E402
from rig.nginx import Nginx  # noqa: E402
from rig.origin import Origin  # noqa: E402
from rig.product import Product, binary, sanitized  # noqa: E402
from rig.tls import TlsClient, authority  # noqa: E402
from test_websocket import HANDSHAKE, echo_tunnel  # noqa: E402

BODIES = [os.urandom(size) for size in (0, 1, 1000, 16384, 70000, 700000)]


class Soak:
    """The product, what stands behind it, and the clients as threads."""

    def __init__(self, minutes):
        self.end = time.monotonic() + minutes * 60
        self.counts = {}
        self.failures = []
        self.lock = threading.Lock()

    def over(self):
        return time.monotonic() > self.end or len(self.failures) > 10

    def run(self, name, step):
        """One client: `step` over and over; what it raises is a failure."""
        def loop():
            while not self.over():
                try:
                    step()
                    with self.lock:
                        self.counts[name] = self.counts.get(name, 0) + 1
                except Exception as error:  # pylint: disable=broad-except
                    self.failures.append(f"{name}: {error!r}")
        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        return thread


def plain(product):
    with Client(product.address("plain")) as client:
        exchange(client)


def secure(product):
    with TlsClient(product.address("secure")) as client:
        exchange(client)


def exchange(client):
    for _ in range(20):
        number = random.randrange(len(BODIES))
        client.send(request(f"/{number}"))
        answer = client.response(keep=1 << 20)
        assert answer.status == 200 and answer.body == BODIES[number]


def many_streams(address, scheme):
    done = subprocess.run(["h2load", "-n", "2000", "-c", "5", "-m", "10",
                           f"{scheme}://127.0.0.1:{address[1]}/3"],
                          capture_output=True, text=True, timeout=120, check=False)
    assert "2000 succeeded" in done.stdout, done.stdout[-400:] + done.stderr[-400:]


def tunnel(product):
    with Client(product.address("plain")) as client:
        client.send(request("/ws", HANDSHAKE))
        assert client.interim().startswith("HTTP/1.1 101")
        for size in (1, 100, 50000):
            data = os.urandom(size)
            client.send(data)
            assert client.bytes(size) == data


def reset(product):
    """Breaks off anywhere: nothing is asked of the answer."""
    for server in ("plain", "secure"):
        with socket.create_connection(product.address(server), 5) as sock:
            text = request("/take", method="POST", body=BODIES[4])
            sock.sendall(text[:random.randrange(1, len(text))])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.02)  # one client of many


def swap(pairs, folder):
    """Another certificate takes the place of the one in use."""
    pair = random.choice(pairs)
    shutil.copyfile(pair.cert, folder / "next.pem")
    shutil.copyfile(pair.key, folder / "next.key")
    os.chmod(folder / "next.key", 0o600)
    os.rename(folder / "next.pem", folder / "cert.pem")
    os.rename(folder / "next.key", folder / "cert.key")
    time.sleep(5)


def configuration(files, tunnels, calls, folder):
    tls = {"tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "cert.key")}
    locations = {"all": {"upstream": "files"}, "ws": {"upstream": "tunnels", "path": "/ws"},
                 "grpc": {"upstream": "calls", "path": "/test.Calls"}}
    server = {"addr": "127.0.0.1:0", "locations": list(locations), "access_log": ""}
    return {"basic": {"threads": 2},
            "upstreams": {"files": {"addrs": [files.addr]}, "tunnels": {"addrs": [tunnels.addr]},
                          "calls": {"addrs": [calls], "protocol": "h2c"}},
            "locations": locations, "servers": {"plain": server, "secure": {**server, **tls}}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15)
    soak = Soak(parser.parse_args().minutes)
    folder = pathlib.Path(authority().path("live"))
    folder.mkdir()
    pairs = [authority().issue("a.test"), authority().issue("a.test", key="rsa")]
    shutil.copyfile(pairs[0].cert, folder / "cert.pem")
    shutil.copyfile(pairs[0].key, folder / "cert.key")
    os.chmod(folder / "cert.key", 0o600)
    with Nginx("location /take { return 204; }") as files, \
            Origin(script=echo_tunnel) as tunnels, \
            grpc_origin.serving() as (calls, record):
        for number, body in enumerate(BODIES):
            files.file(str(number), body)
        with Product(configuration(files, tunnels, calls, folder), log=False) as product:
            channel = grpc.insecure_channel("127.0.0.1:%d" % product.address("plain")[1])
            echo = channel.unary_unary("/test.Calls/Echo")

            def ask():
                data = os.urandom(random.choice((0, 10, 5000, 300000)))
                record.metadata.clear()
                record.remaining.clear()
                assert echo(data, timeout=30) == data

            threads = [soak.run("h1", lambda: plain(product)),
                       soak.run("h1 tls", lambda: secure(product)),
                       soak.run("h2c", lambda: many_streams(product.address("plain"), "http")),
                       soak.run("h2 tls", lambda: many_streams(product.address("secure"), "https")),
                       soak.run("websocket", lambda: tunnel(product)),
                       soak.run("grpc", ask), soak.run("resets", lambda: reset(product)),
                       soak.run("certificates", lambda: swap(pairs, folder))]
            watch(soak, product)
            for thread in threads:
                thread.join(60)
            channel.close()
            report(soak)
    sys.exit(1 if soak.failures else 0)


def report(soak):
    print(soak.counts, flush=True)
    for failure in soak.failures[:10]:
        print("FAILED", failure, flush=True)


def watch(soak, product):
    """Memory after a fifth of the time is the measure of the rest."""
    start, length, first = time.monotonic(), soak.end - time.monotonic(), None
    while not soak.over():
        time.sleep(min(10, max(0.1, soak.end - time.monotonic())))
        rss, files = product.rss() >> 10, product.descriptors()
        print(f"{time.monotonic() - start:6.0f} s  {rss} KiB  {files} descriptors", flush=True)
        if first is None and time.monotonic() - start > length / 5:
            first = rss
    if first is not None and not sanitized(binary()) and rss > first * 1.5 + 8192:
        soak.failures.append(f"memory grew from {first} to {rss} KiB")


if __name__ == "__main__":
    main()
