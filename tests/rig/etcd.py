"""Real etcd: one member or a cluster, on free ports, in a folder of its own; and a client of it that
is not the product's."""

import base64
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request

from .deadline import seconds, until
from .product import _PR_SET_PDEATHSIG, _libc
from .standin import find, free_port


def etcd_is_there():
    return find("etcd") is not None


def b64(text):
    return base64.b64encode(text.encode("utf-8")).decode("ascii")


def prefix_end(text):
    return text[:-1] + chr(ord(text[-1]) + 1)


class Refused(Exception):
    """etcd said no."""


class Member:
    """One etcd process. Its ports stay the same over kill() and start()."""

    def __init__(self, folder, name, pair=None, ca=None, options=()):
        self.name = name
        self.dir = os.path.join(folder, name)
        self.tls = ssl.create_default_context(cafile=ca.cert) if pair else None
        if pair and "--client-cert-auth" in options:
            self.tls.load_cert_chain(pair.cert, pair.key)
        self.pair = pair
        self.options = list(options)
        self.words = []  # that its command begins with
        self.host = self.peer_host = "127.0.0.1"
        self.port, self.peer_port = free_port(), free_port()
        self.process = None

    @property
    def addr(self):
        return f"{self.host}:{self.port}"

    @property
    def peer(self):
        return f"http://{self.peer_host}:{self.peer_port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.addr}"

    def start(self, cluster):
        args = [*self.words, find("etcd"), "--name", self.name, "--data-dir", self.dir,
                "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                "--initial-cluster", ",".join(f"{m.name}={m.peer}" for m in cluster),
                "--heartbeat-interval", "50", "--election-timeout", "500",
                "--logger", "zap", "--log-level", "error", *self.options]
        if self.pair:
            args += ["--cert-file", self.pair.cert, "--key-file", self.pair.key]
        env = {key: value for key, value in os.environ.items() if not key.startswith("ETCD_")}
        with open(self.dir + ".log", "ab") as log:
            self.process = subprocess.Popen(
                args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def call(self, path, body, token=None, timeout=5):
        """One POST; the answer as JSON."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = token
        wanted = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(body).encode("ascii"),
                                        headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=self.tls))
        try:
            with opener.open(wanted, timeout=seconds(timeout)) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode("utf-8", "replace")) from None

    def serves(self):
        try:
            self.call("kv/range", {"key": b64("x")}, timeout=1)
        except Refused as error:
            return "user name is empty" in str(error)
        except OSError:
            return False
        return True


class Etcd:
    """`members` members. Context manager.

    The first one may be on an `island` (rig.network): by link 0 it knows the others, by link 1 its
    clients.
    """

    def __init__(self, members=1, pair=None, ca=None, options=(), island=None):
        quick = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="etcd-", dir=quick)
        self.members = [Member(self.folder, f"m{i}", pair, ca, options) for i in range(members)]
        self.token = None
        if island:
            first, *others = self.members
            first.words, first.host, first.peer_host = island.words(), "10.7.1.1", "10.7.0.1"
            for member in others:
                member.peer_host = "10.7.0.254"
        self.start()

    def start(self):
        for member in self.members:
            if not member.process or member.process.poll() is not None:
                member.start(self.members)
        for member in self.members:
            until(member.serves, f"etcd {member.name} serves", 20, 0.02)

    def kill(self):
        for member in self.members:
            member.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- as the product is told

    def at(self, path="/pingap", **options):
        """etcd://... of all members."""
        query = "&".join(f"{key}={value}" for key, value in options.items())
        hosts = ",".join(member.addr for member in self.members)
        return f"etcd://{hosts}{path}" + (f"?{query}" if query else "")

    # --- as an operator uses it

    def call(self, path, body):
        """By the first member that serves."""
        failed = None
        for member in self.members:
            if member.process.poll() is None:
                try:
                    return member.call(path, body, self.token)
                except OSError as error:
                    failed = error
        raise failed or AssertionError("no member runs")

    def put(self, key, value):
        return int(self.call("kv/put", {"key": b64(key), "value": b64(value)})["header"]["revision"])

    def delete(self, key):
        self.call("kv/deleterange", {"key": b64(key)})

    def write(self, puts=(), deletes=()):
        """All in one transaction."""
        does = [{"request_put": {"key": b64(key), "value": b64(value)}}
                for key, value in dict(puts).items()]
        does += [{"request_delete_range": {"key": b64(key)}} for key in deletes]
        self.call("kv/txn", {"success": does})

    def get(self, prefix="/"):
        """{key: value}"""
        found = self.call("kv/range", {"key": b64(prefix), "range_end": b64(prefix_end(prefix))})
        return {base64.b64decode(kv["key"]).decode("utf-8"):
                base64.b64decode(kv.get("value", "")).decode("utf-8")
                for kv in found.get("kvs", [])}

    def revision(self):
        return int(self.call("kv/range", {"key": b64("x")})["header"]["revision"])

    def wipe(self):
        """All members must be dead; they forget everything."""
        for member in self.members:
            shutil.rmtree(member.dir)

    def first_of(self, members):
        """Who is asked first from now on."""
        self.members.sort(key=lambda member: member not in members)

    def grant(self, role, prefix, kind):
        self.call("auth/role/grant", {"name": role, "perm": {
            "permType": kind, "key": b64(prefix), "range_end": b64(prefix_end(prefix))}})

    def compact(self):
        self.call("kv/compaction", {"revision": str(self.revision()), "physical": True})

    def require_users(self, password):
        """From now on there is `root`, with this password."""
        self.call("auth/user/add", {"name": "root", "password": password})
        self.call("auth/user/grant", {"user": "root", "role": "root"})
        self.call("auth/enable", {})
        self.log_in("root", password)

    def log_in(self, name, password):
        self.token = self.call("auth/authenticate", {"name": name, "password": password})["token"]

    def leader(self):
        """The member that leads."""
        for member in self.members:
            if member.process.poll() is None:
                status = member.call("maintenance/status", {}, self.token)
                if status.get("leader") == status["header"]["member_id"]:
                    return member
        return None
