"""Certificates of a test's own authority, and a raw client over TLS."""

import contextlib
import functools
import os
import ssl
import subprocess
import tempfile

from .client import Client
from .deadline import seconds
from .standin import find


def openssl(*args, stdin=None, timeout=20):
    """Runs the openssl command: (exit code, stdout, stderr) as text."""
    done = subprocess.run([find("openssl"), *args], input=stdin, capture_output=True, text=True,
                          timeout=seconds(timeout), check=False)
    return done.returncode, done.stdout, done.stderr


KEYS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"],
        "rsa4096": ["rsa:4096"]}


CA_CONF = """[ca]
default_ca = here
[here]
database = {dir}/index
new_certs_dir = {dir}
serial = {dir}/serial
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = DNS:{name}
"""


class Pair:
    """A certificate file and its key file."""

    def __init__(self, cert, key):
        self.cert = cert
        self.key = key

    def keys(self, **more):
        """As keys of a server or a [certificates.NAME]."""
        return {"tls_cert": self.cert, "tls_key": self.key, **more}


class Authority:
    """Makes certificates in a folder of its own; the folder goes with it."""

    def __init__(self, name="test authority"):
        self._dir = tempfile.TemporaryDirectory(prefix="pingap-ca-")
        self._count = 0
        self.ca = self._make(name, KEYS["ec"], ["-addext", "basicConstraints=critical,CA:TRUE"])

    def path(self, name):
        return os.path.join(self._dir.name, name)

    def _make(self, name, key, more):
        self._count += 1
        pair = Pair(self.path(f"{self._count}.pem"), self.path(f"{self._count}.key"))
        code, _, error = openssl("req", "-x509", "-newkey", *key, "-nodes", "-days", "30",
                                 "-keyout", pair.key, "-out", pair.cert, "-subj", f"/CN={name}",
                                 *more)
        if code:
            raise AssertionError(error)
        os.chmod(pair.key, 0o600)
        return pair

    def issue_expired(self, name):
        """A certificate that was valid until a few years ago."""
        request, new = self.path("expired.csr"), Pair(self.path("expired.pem"),
                                                      self.path("expired.key"))
        conf = self.path("ca.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(CA_CONF.format(dir=self._dir.name, name=name))
        for index in ("index", "index.attr"):
            with open(self.path(index), "w", encoding="ascii"):
                pass
        for args in (["req", "-newkey", *KEYS["ec"], "-nodes", "-keyout", new.key, "-out", request,
                      "-subj", "/CN=old"],
                     ["ca", "-batch", "-config", conf, "-cert", self.ca.cert, "-keyfile",
                      self.ca.key, "-in", request, "-out", new.cert, "-notext", "-startdate",
                      "20200101000000Z", "-enddate", "20210101000000Z"]):
            code, _, error = openssl(*args)
            if code:
                raise AssertionError(error)
        return new

    def issue(self, *names, key="ec", common="leaf", more=()):
        """A certificate for these names (an address where it looks like one)."""
        san = ",".join(("IP:" if name.replace(".", "").isdigit() else "DNS:") + name
                       for name in names)
        extra = ["-CA", self.ca.cert, "-CAkey", self.ca.key,
                 "-addext", "basicConstraints=critical,CA:FALSE"]
        if san:
            extra += ["-addext", "subjectAltName=" + san]
        return self._make(common, KEYS[key], extra + list(more))


@functools.cache
def authority():
    """One for all tests."""
    return Authority()


def context(alpn=("http/1.1",), client=None, low=None, high=None, trust=None):
    """A client's settings that trust `trust`, by default the common authority."""
    made = ssl.create_default_context(cafile=(trust or authority()).ca.cert)
    if alpn:
        made.set_alpn_protocols(list(alpn))
    if client:
        made.load_cert_chain(client.cert, client.key)
    if low:
        made.minimum_version = low
    if high:
        made.maximum_version = high
    return made


class Secure:
    """A connected socket with TLS, for clients. Its directions end apart: SSLSocket.unwrap() reads
    at once, and what it finds is lost. Beside what is here it has the methods of both."""

    def __init__(self, sock, settings, name, session):
        self.raw = sock
        self._into, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = settings.wrap_bio(self._into, self._out, server_hostname=name, session=session)
        self._ahead = b""  # decrypted and not asked for yet
        self._do(self._tls.do_handshake)

    def __getattr__(self, name):
        return getattr(self._tls if hasattr(self._tls, name) else self.raw, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()

    def recv(self, size):
        """b"" behind close_notify; SSLEOFError where there was none."""
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            return self._do(lambda: self._tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def sendall(self, data):
        if data:
            self._tls.write(data)
            self._flush()

    def pending(self):
        return len(self._ahead) + self._tls.pending() + self._into.pending

    def end(self):
        """close_notify; the other direction goes on."""
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while data := self._tls.read(1 << 17):
                self._ahead += data
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def _do(self, step):
        while True:
            try:
                done = step()
                self._flush()
                return done
            except ssl.SSLWantReadError:
                self._flush()
                data = self.raw.recv(1 << 17)
                if data:
                    self._into.write(data)
                else:
                    self._into.write_eof()

    def _flush(self):
        if self._out.pending:
            self.raw.sendall(self._out.read())


def wrap(settings=None, name="a.test", session=None):
    """What makes TLS of a connected socket."""
    settings = settings or context()
    if name is None:
        settings.check_hostname = False
    return lambda sock: Secure(sock, settings, name, session)


class TlsClient(Client):
    """The raw client, its bytes inside TLS."""

    def __init__(self, address, name="a.test", settings=None, session=None, **options):
        super().__init__(address, tls=wrap(settings, name, session), **options)

    def names(self):
        """Those of the certificate that was shown."""
        return [name for _, name in self.sock.getpeercert()["subjectAltName"]]


class Transport:
    """What the products of a test speak with their clients, instead of the clear."""

    def __init__(self):
        self.keys = authority().issue("a.test").keys()
        self._wraps = {alpn: wrap(context([alpn])) for alpn in ("http/1.1", "h2")}

    def wrap(self, alpn):
        """For a Client that speaks it."""
        return self._wraps[alpn]


@functools.cache
def transport():
    """One for all tests."""
    return Transport()
