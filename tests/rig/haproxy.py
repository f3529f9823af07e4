"""A real HAProxy that speaks TLS as a backend, with an origin of the test behind it."""

import os
import signal
import subprocess
import tempfile

from .deadline import until
from .standin import StandIn, find, free_port

CONF = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-keep-alive 30s
frontend tls
  bind 127.0.0.1:{port} ssl crt {dir}/pair.pem {bind}
  {rules}
  default_backend behind
backend behind
  server origin {origin}
"""


class HAProxy:
    """On a free port; `bind` are further words of the bind line, `rules` lines of the frontend."""

    def __init__(self, pair, origin, bind="", rules=""):
        self.dir = tempfile.TemporaryDirectory(prefix="haproxy-")
        self.port = free_port()
        self.addr = f"127.0.0.1:{self.port}"
        with open(self._path("pair.pem"), "w", encoding="ascii") as file:
            for part in (pair.cert, pair.key):
                with open(part, encoding="ascii") as one:
                    file.write(one.read())
        with open(self._path("conf"), "w", encoding="ascii") as file:
            file.write(CONF.format(dir=self.dir.name, port=self.port, origin=origin, bind=bind,
                                   rules=rules))
        self.process = subprocess.Popen([find("haproxy"), "-db", "-f", self._path("conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: StandIn.listens(self.port), "HAProxy listens")

    def _path(self, name):
        return os.path.join(self.dir.name, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.dir.cleanup()
