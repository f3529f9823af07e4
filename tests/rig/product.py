"""Runs the real binary: start, ready line, addresses, access log, stop, sanitizer reports."""

import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import threading

from . import toml
from .client import Client, request
from .deadline import seconds, until

EPOLL_INODE = re.compile(r"^tfd:.* ino:([0-9a-f]+)", re.M)
LISTENING = re.compile(r"listening on (\S+) \(([^)]*)\)")
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer"
                       r"|runtime error:|Assertion .* failed)")
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
default_transport = None  # of the products that are started: a tls.Transport, or the clear
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def binary():
    """The program under test: $PINGAP_BINARY, else the newest build."""
    chosen = os.environ.get("PINGAP_BINARY")
    if chosen:
        return os.path.abspath(chosen)
    builds = [os.path.join(ROOT, "build", preset, "pingap")
              for preset in ("release", "debug", "asan", "tsan", "gcc")]
    builds = [path for path in builds if os.path.exists(path)]
    return max(builds, key=os.path.getmtime) if builds else None


def sanitized(path):
    """Is this binary built with a sanitizer? (Memory bounds do not hold for those.)"""
    with open(path, "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def config(backends, location=None, server=None, upstream=None, basic=None, locations=None):
    """One server, one location, one upstream; each may be given further keys.

    `locations` replaces the single location: {name: keys}; `upstream` defaults to "origin".
    """
    if isinstance(backends, str):
        backends = [backends]
    table = locations or {"all": location or {}}
    return {
        "basic": {"threads": 1, **(basic or {})},
        "upstreams": {"origin": {"addrs": list(backends), **(upstream or {})}},
        "locations": {name: {"upstream": "origin", **keys} for name, keys in table.items()},
        "servers": {"main": {"addr": "127.0.0.1:0", "locations": list(table), **(server or {})}},
    }


def front(origins, options=None, **parts):
    """A product in front of one recorder or several; `parts` as for config()."""
    if not isinstance(origins, (list, tuple)):
        origins = [origins]
    backends = [origin if isinstance(origin, str) else origin.addr for origin in origins]
    return Product(config(backends, **parts), **(options or {}))


class Product:
    """A running pingap. Context manager; leaving it stops the process and checks its end."""

    def __init__(self, conf, nofile=None, fsize=None, env=None, expect_exit=0, log=True,
                 transport=None, options=(), store=None, program=None):
        """`store(text)` puts the configuration elsewhere than into a file; it gives --config.

        `program` is what is run instead of binary(): a path, or a name in PATH.
        """
        self.dir = tempfile.TemporaryDirectory(prefix="pingap-test-")
        self.runtime = tempfile.TemporaryDirectory(prefix="pingap-run-")  # where commands find it
        self.conf = conf
        self.expect_exit = expect_exit
        self.stderr = []  # lines
        self.addresses = {}  # server name -> [address]
        self.options = list(options)  # of the command line
        self._nofile = nofile  # (soft, hard) limit of descriptors
        self._fsize = fsize  # the longest file it may write
        self._env = env or {}
        self._store = store
        self._program = program or binary()
        self.config = self.path("pingap.toml")
        self.transport = transport or default_transport
        self._changed = threading.Condition()
        self._ready = False
        self._log_offset = {}
        self._buffered_log = {}
        self.process = None
        if self.transport:
            for server in conf["servers"].values():
                server.update(self.transport.keys)
        if log:
            for name, server in conf["servers"].items():
                server.setdefault("access_log", f"{self.path(name + '.log')} json")
        self.write_config()
        self.start()

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def order(self, *args, **options):
        """A command for this process: (exit code, stdout, stderr)."""
        return run(*args, "--config", self.config,
                   env=self._folders(), **options)

    def _folders(self):
        """Where it is found, and where it keeps what is in no folder of its own."""
        return {"RUNTIME_DIRECTORY": self.runtime.name, "STATE_DIRECTORY": self.path("state")}

    # --- life

    def write_config(self):
        if self._store:
            self.config = self._store(toml.dumps(self.conf))
            return
        with open(self.path("pingap.toml"), "w", encoding="utf-8") as file:
            file.write(toml.dumps(self.conf))

    def start(self):
        """Also once more, after its end, with what the file says then."""
        self._ready = False
        self.addresses = {}
        self.process = subprocess.Popen(
            [self._program, "run", "--config", self.config, *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment({**self._folders(), **self._env}),
            preexec_fn=self._in_child)
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self.process.poll() is not None,
                                   seconds(10))
        if not self._ready:
            self.kill()
            raise AssertionError("not ready: " + "\n".join(self.stderr))

    def _in_child(self):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed test run leaves nothing behind
        if self._nofile:
            resource.setrlimit(resource.RLIMIT_NOFILE, self._nofile)
        if self._fsize:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._fsize, self._fsize))

    def _read_stderr(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with self._changed:
                self.stderr.append(line)
                match = LISTENING.search(line)
                if match:
                    self.addresses.setdefault(match[2], []).append(parse_address(match[1]))
                elif re.search(r"\bready\b", line):
                    self._ready = True
                self._changed.notify_all()
        try:
            self.process.wait(1)  # its last line goes before its exit code is there
        except subprocess.TimeoutExpired:
            pass  # it has only closed its stderr
        with self._changed:
            self._changed.notify_all()

    def wait_line(self, pattern, timeout=5):
        """Waits for a stderr line that matches; returns it."""
        looked_at = 0

        def found():
            nonlocal looked_at
            while looked_at < len(self.stderr):
                looked_at += 1
                if re.search(pattern, self.stderr[looked_at - 1]):
                    return self.stderr[looked_at - 1]
            return None

        with self._changed:
            line = self._changed.wait_for(found, seconds(timeout))
        if not line:
            raise AssertionError(f"no line {pattern!r} in: " + "\n".join(self.stderr[-20:]))
        return line

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_exit(self, timeout=10):
        try:
            code = self.process.wait(seconds(timeout))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running {timeout} s later") from None
        self._reader.join(seconds(2))
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(2)

    def stop(self):
        """Two signals, so that what is still open is cut; checks how the process ended."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGINT)  # another one: equal signals may arrive as one
            try:
                self.wait_exit()
            except AssertionError:
                self.kill()
                raise
        self._reader.join(seconds(2))
        self.check_clean()

    def check_clean(self):
        bad = [line for line in self.stderr if SANITIZER.search(line)]
        if bad:
            raise AssertionError("sanitizer report:\n" + "\n".join(self.stderr[-80:]))
        code = self.process.returncode
        if code is not None and code < 0:
            raise AssertionError(f"died of signal {-code}:\n" + "\n".join(self.stderr[-40:]))

    def check_alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the product ended ({self.process.returncode}):\n"
                                 + "\n".join(self.stderr[-40:]))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        finally:
            self.dir.cleanup()
            self.runtime.cleanup()

    # --- traffic

    def address(self, server="main", index=0):
        return self.addresses[server][index]

    def tls(self, alpn="http/1.1"):
        """What a Client needs to speak this protocol as clients of this product do."""
        return self.transport.wrap(alpn) if self.transport else None

    def client(self, server="main", **options):
        return Client(self.address(server), tls=self.tls(), **options)

    def get(self, target="/", headers=(), host="a.test", method="GET", body=None, server="main",
            timeout=None):
        """One request on its own connection."""
        with self.client(server) as client:
            client.send(request(target, list(headers) + [("Connection", "close")], host, method,
                                body))
            return client.response(method, timeout)

    # --- observation

    def log_lines(self, server="main"):
        """The access log so far, parsed."""
        path = self.path(server + ".log")
        if not os.path.exists(path):
            return []
        with open(path, "rb") as file:
            file.seek(self._log_offset.get(server, 0))
            data = file.read()
        whole, _, _ = data.rpartition(b"\n")
        if whole:
            self._log_offset[server] = self._log_offset.get(server, 0) + len(whole) + 1
            lines = self._buffered_log.setdefault(server, [])
            lines += [parse_log_line(line) for line in whole.split(b"\n")]
        return self._buffered_log.get(server, [])

    def wait_log(self, count, server="main", timeout=5):
        """At least `count` access log lines; returns them all."""
        until(lambda: len(self.log_lines(server)) >= count, f"{count} access log lines", timeout)
        return self.log_lines(server)

    def rss(self):
        """Resident memory of the process without files, bytes."""
        return self._status("RssAnon") * 1024

    def threads(self):
        return self._status("Threads")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_nanoseconds(self):
        """Time on a CPU of all threads, finer than cpu_seconds()."""
        total = 0
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{thread}/schedstat",
                      encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def spread(self, server="main"):
        """The clients of each worker: [{client's port}], or {inode} on a unix socket.

        What a worker serves is what its epoll descriptor watches; the kernel tells.
        """
        listening, clients = self._sockets(self.address(server))
        workers = []
        for descriptor in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                with open(f"/proc/{self.process.pid}/fdinfo/{descriptor}",
                          encoding="ascii") as file:
                    watched = {int(match, 16) for match in EPOLL_INODE.findall(file.read())}
            except FileNotFoundError:
                continue  # closed since
            if watched & listening:
                workers.append({clients[inode] for inode in watched & clients.keys()})
        return workers

    def _sockets(self, address):
        """({inode of a listening socket}, {inode of an accepted one: client}) of an address."""
        family = "unix" if isinstance(address, str) else "tcp6" if ":" in address[0] else "tcp"
        listening, clients = set(), {}
        with open(f"/proc/{self.process.pid}/net/{family}", encoding="ascii") as file:
            rows = [line.split() for line in file][1:]
        for row in rows:
            if family == "unix":
                if row[7:] == [address]:
                    if int(row[3], 16) & 0x10000:
                        listening.add(int(row[6]))
                    else:
                        clients[int(row[6])] = int(row[6])
            elif int(row[1].rpartition(":")[2], 16) == address[1]:
                if row[3] == "0A":
                    listening.add(int(row[9]))
                elif row[3] == "01":
                    clients[int(row[9])] = int(row[2].rpartition(":")[2], 16)
        return listening, clients

    def _status(self, key):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise KeyError(key)


def parse_log_line(line):
    """One JSON line; "-" is how a log says that there is nothing to say."""
    return {key: "" if value in ("-", None) else value for key, value in json.loads(line).items()}


def parse_address(text):
    """("host", port) or the path of a unix socket."""
    if text.startswith("unix:"):
        return text[5:]
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def environment(extra=None):
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("PINGAP_", "PYTEST_"))}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:quarantine_size_mb=16")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    env.setdefault("TSAN_OPTIONS", "halt_on_error=0:exitcode=99")
    env.update(extra or {})
    return env


def run(*args, stdin=None, env=None, cwd=None, timeout=20):
    """A run of the binary to its end: (exit code, stdout, stderr)."""
    done = subprocess.run([binary(), *args], input=stdin, capture_output=True, text=True,
                          timeout=seconds(timeout), env=environment(env), cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr
