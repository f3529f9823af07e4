"""Parsers of requests that are not ours: what does each of them read in the same bytes?

`everybody()` gives those that are there. Each has read(raw, method), which returns what it read as
{"method", "target", "fields", "body", "host"}, without what it does not tell; or None where the
method is not one it knows.
"""

import base64
import contextlib
import email.parser
import json
import os
import subprocess

from .client import Client, Closed
from .nginx import Nginx
from .standin import find

# What every server knows.
METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS")


class PythonReader:
    """The header parser of Python's standard library."""

    def read(self, raw, _method):
        head = raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        line, _, fields = head.partition("\r\n")
        method, target, _ = line.split()
        parsed = email.parser.Parser().parsestr(fields + "\r\n\r\n", headersonly=True)
        assert not parsed.defects, parsed.defects
        return {"method": method, "target": target, "fields": parsed.items()}


class H11Reader:
    """h11 (the package python3-h11). It tells names in lower case only."""

    def read(self, raw, _method):
        import h11
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(raw)
        event = connection.next_event()
        read = {"method": event.method.decode(), "target": event.target.decode(),
                "fields": [(name.decode("latin-1"), value.decode("latin-1"))
                           for name, value in event.headers.raw_items()]}
        body = b""
        while isinstance(part := connection.next_event(), h11.Data):
            body += part.data
        return {**read, "body": body.decode("latin-1")}


class ServerReader:
    """A server that says in X-Read what it has read; one connection as long as it is kept."""

    def __init__(self, port):
        self.port = port
        self.client = None

    def ask(self, raw, method):
        """X-Read of the answer."""
        for _ in range(2):
            if self.client is None:
                self.client = Client(("127.0.0.1", self.port))
            self.client.send(raw)
            try:
                answer = self.client.response(method)
                break
            except Closed:  # it was closed for its age
                self.close()
        assert answer.status == 200, answer
        if "close" in answer.tokens("connection"):
            self.close()
        return answer.get("X-Read")

    def close(self):
        if self.client is not None:
            self.client.close()
            self.client = None


class NginxReader(ServerReader):
    def read(self, raw, method):
        if method not in METHODS:
            return None
        return dict(zip(("method", "target", "host"), self.ask(raw, method).split(" ")))


class NodeReader(ServerReader):
    """llhttp, the parser of Node."""

    def read(self, raw, method):
        if method not in METHODS:
            return None
        read = json.loads(base64.b64decode(self.ask(raw, method)))
        flat = read["fields"]
        return {**read, "fields": list(zip(flat[::2], flat[1::2]))}


@contextlib.contextmanager
def nginx_reader():
    location = ('location / { add_header X-Read "$request_method $request_uri $http_host"; '
                'return 200; }')
    with Nginx(location) as nginx, contextlib.closing(NginxReader(nginx.port)) as reader:
        yield reader


@contextlib.contextmanager
def node_reader():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reader.js")
    with subprocess.Popen([find("node"), "--max-http-header-size=131072", script],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        port = int(process.stdout.readline())
        with contextlib.closing(NodeReader(port)) as reader:
            yield reader
        process.stdin.close()


@contextlib.contextmanager
def everybody():
    """{name: reader}: Python and nginx, and h11 and llhttp where they are installed."""
    with contextlib.ExitStack() as stack:
        readers = {"python": PythonReader(), "nginx": stack.enter_context(nginx_reader())}
        with contextlib.suppress(ImportError):
            __import__("h11")
            readers["h11"] = H11Reader()
        if find("node"):
            readers["llhttp"] = stack.enter_context(node_reader())
        yield readers
