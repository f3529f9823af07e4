"""Name servers: Debian's dnsmasq, whose answers change, and one that plays answers by hand."""

import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from .deadline import seconds, until
from .standin import find

A, CNAME, AAAA, SRV = 1, 5, 28, 33


def dnsmasq_is_there():
    return find("dnsmasq") is not None


class Dnsmasq:
    """Knows the names of `hosts` ({name: [address]}), all below "test", and the given services.

    `services` are (service, target, port, priority, weight). What is not known is NXDOMAIN.
    """

    def __init__(self, hosts=None, services=(), ttl=1):
        self.dir = tempfile.TemporaryDirectory(prefix="dnsmasq-")
        self.ttl = ttl
        self.services = list(services)
        self.process = None
        self.port = free_port()
        self.addr = f"127.0.0.1:{self.port}"
        self._write(hosts or {})
        self.start()

    def _write(self, hosts):
        path = os.path.join(self.dir.name, "hosts")
        with open(path + ".new", "w", encoding="ascii") as file:
            for name, addresses in hosts.items():
                file.writelines(f"{address} {name}\n" for address in addresses)
        os.rename(path + ".new", path)

    def start(self):
        services = [f"--srv-host={','.join(map(str, one))}" for one in self.services]
        self.process = subprocess.Popen(
            [find("dnsmasq"), "--no-daemon", "--conf-file=/dev/null", f"--port={self.port}",
             "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts",
             f"--addn-hosts={self.dir.name}/hosts", f"--local-ttl={self.ttl}", "--local=/test/",
             *services],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(self._answers, "dnsmasq answers")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"dnsmasq has ended: {self.process.stderr.read()}")
        return ask(self.port, "nothing.test") is not None

    def set(self, hosts):
        """Other names from now on."""
        self._write(hosts)
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.dir.cleanup()


def free_port():
    """For UDP and TCP; none of those that the kernel gives to connections, so that it stays free."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def ask(port, name, kind=A, timeout=0.2):
    """The answer of a server on this port as bytes, or None."""
    query = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + wire(name) + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(query)
            return sock.recv(4096)
        except OSError:
            return None


def wire(name):
    """A name as messages have it."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class Query:
    """One question that was received."""

    def __init__(self, data):
        self.data = data
        self.time = time.monotonic()
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode("ascii"))
            at += 1 + data[at]
        self.name = ".".join(labels)
        self.kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        self.question = data[12:at + 5]

    def __repr__(self):
        return f"<{self.name} {self.kind}>"


def record(kind, data, ttl=1, name=b"\xc0\x0c"):
    return name + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def address(text, ttl=1, name=b"\xc0\x0c"):
    """An A or AAAA record."""
    family, kind = (socket.AF_INET6, AAAA) if ":" in text else (socket.AF_INET, A)
    return record(kind, socket.inet_pton(family, text), ttl, name)


def reply(query, records=(), code=0, flags=0x8180, ident=None):
    """An answer to `query`; `flags` 0x8380 say that it was truncated."""
    head = query.data[:2] if ident is None else struct.pack(">H", ident)
    return head + struct.pack(">HHHHH", flags | code, 1, len(records), 0, 0) + query.question + \
        b"".join(records)


class NameServer:
    """A UDP socket that answers each query with the messages of `script(query)`; default: none."""

    def __init__(self, script=lambda query: []):
        self.script = script
        self.queries = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.addr = f"127.0.0.1:{self.port}"
        self._changed = threading.Condition()
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ends:
            data, peer = self.sock.recvfrom(4096)
            if len(data) < 17:
                continue
            query = Query(data)
            for message in self.script(query):
                self._send(message, peer)
            with self._changed:
                self.queries.append(query)
                self._changed.notify_all()

    def _send(self, message, peer):
        """A message, or (message, socket to send it by)."""
        data, sock = message if isinstance(message, tuple) else (message, self.sock)
        sock.sendto(data, peer)

    def wait(self, count, timeout=5):
        """At least so many queries in all; returns them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.queries) >= count, seconds(timeout)):
                raise AssertionError(f"only {self.queries} within {timeout} s")
        return self.queries

    def more(self, count=4, timeout=8):
        """Waits until so many further queries were answered."""
        self.wait(len(self.queries) + count, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ends = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"end", ("127.0.0.1", self.port))
        self._thread.join(seconds(2))
        self.sock.close()
