"""A real HAProxy that speaks TLS as a backend, with an origin of the test behind it."""

from .standin import RealServer

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


class HAProxy(RealServer):
    """`bind` are further words of the bind line, `rules` lines of the frontend."""

    def __init__(self, pair, origin, bind="", rules=""):
        super().__init__("haproxy")
        with open(self.path("pair.pem"), "w", encoding="ascii") as file:
            for part in (pair.cert, pair.key):
                with open(part, encoding="ascii") as one:
                    file.write(one.read())
        self.start(CONF.format(dir=self.dir.name, port=self.port, origin=origin, bind=bind,
                               rules=rules), "-db", "-f")
