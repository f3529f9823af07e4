#!/usr/bin/python3
"""How much a flood of TLS handshakes delays requests in the clear of the same worker.

    bench/handshake_flood.py [--key rsa4096|rsa2048|p256] [--clients N] [--seconds N]

One worker on one core; clients on the other shake hands and go away, one after the other each; a
probe asks for 1 KiB in the clear, one request at a time, and says how long each took.
"""
import argparse
import multiprocessing
import os
import pathlib
import socket
import ssl
import subprocess
import time

from measure import HOST
from peers import BUILD, LOAD_CORE, PEERS, Setting, free_port, prepare_child, running, running_origin
from run import work_folder

KEYS = {"rsa4096": ["rsa:4096"], "rsa2048": ["rsa:2048"],
        "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}


def certificate(kind):
    """(certificate, key): self-signed, made once."""
    paths = [BUILD / f"flood-{kind}.{end}" for end in ("pem", "key")]
    if not paths[1].exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", *KEYS[kind], "-nodes", "-days", "3650",
                        "-subj", "/CN=bench.example", "-keyout", paths[1], "-out", paths[0]],
                       check=True, capture_output=True, timeout=120)
    return paths


def flood(port, end, count):
    """Handshakes until `end`; how many is added to `count`."""
    prepare_child(LOAD_CORE)()
    os.nice(19)  # they share a core with the probe and the origin, and are not to delay those
    settings = ssl.create_default_context()
    settings.check_hostname = False
    settings.verify_mode = ssl.CERT_NONE
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            with settings.wrap_socket(sock):
                with count.get_lock():
                    count.value += 1


def probe(port, seconds):
    """Sorted times of requests in µs, one after the other."""
    request = f"GET /1k HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    times, end = [], time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as sock:
        while time.monotonic() < end:
            start = time.monotonic()
            sock.sendall(request)
            got = 0
            while got < 1024:
                got += len(sock.recv(65536))
            times.append((time.monotonic() - start) * 1e6)
            time.sleep(0.001)
    return sorted(times)


def told(name, times):
    """A line for people."""
    print(f"{name}: {len(times)} requests, p50 {times[len(times) // 2]:,.0f} µs, "
          f"p99 {times[len(times) * 99 // 100]:,.0f} µs, longest {times[-1]:,.0f} µs")


class Flooded(type(PEERS["pingap"])):
    """pingap with a second server, for TLS."""

    def __init__(self, kind):
        self.kind = kind
        self.tls_port = free_port()

    def write_config(self, setting, folder, port, origin):
        path = super().write_config(setting, folder, port, origin)
        cert, key = certificate(self.kind)
        with open(path, "a", encoding="ascii") as file:
            file.write(f'\n[servers.flood]\naddr = "127.0.0.1:{self.tls_port}"\n'
                       f'locations = ["l00000"]\ntls_cert = "{cert}"\ntls_key = "{key}"\n')
        return pathlib.Path(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", choices=KEYS, default="rsa4096")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    peer = Flooded(options.key)
    peer.prepare()
    with work_folder() as folder, running_origin(folder) as origin:
        with running(peer, Setting(), folder, origin) as proxy:
            told("alone", probe(proxy.port, options.seconds))
            count = multiprocessing.Value("L", 0)
            end = time.monotonic() + options.seconds + 1
            clients = [multiprocessing.Process(target=flood, args=(peer.tls_port, end, count))
                       for _ in range(options.clients)]
            for client in clients:
                client.start()
            time.sleep(0.5)
            told(f"beside {options.clients} clients that shake hands ({options.key})",
                 probe(proxy.port, options.seconds))
            for client in clients:
                client.join()
            print(f"{count.value / (options.seconds + 1):,.0f} handshakes/s")


if __name__ == "__main__":
    main()
