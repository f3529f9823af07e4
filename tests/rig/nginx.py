"""A real nginx as backend."""

import os
import signal
import subprocess
import tempfile

from .deadline import until
from .standin import StandIn, find, free_port

CONF = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {dir}/access.log;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  client_max_body_size 0; keepalive_timeout {keepalive};
  server {{
    listen 127.0.0.1:{port}{listen};
    root {dir}/www;
    {locations}
  }}
}}
"""


class Nginx:
    """Serves the files of `www` and the given locations on a free port.

    `listen` is what stands behind the address: " ssl http2".
    """

    def __init__(self, locations="", keepalive="75s", h2=False, listen=""):
        self.dir = tempfile.TemporaryDirectory(prefix="nginx-")
        self.port = free_port()
        self.addr = f"127.0.0.1:{self.port}"
        self.www = os.path.join(self.dir.name, "www")
        os.mkdir(self.www)
        os.chmod(self.dir.name, 0o755)  # its workers run as another user when we are root
        path = os.path.join(self.dir.name, "conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(CONF.format(dir=self.dir.name, port=self.port, locations=locations,
                                   keepalive=keepalive, listen=" http2" if h2 else listen))
        self.process = subprocess.Popen(
            [find("nginx"), "-e", self.dir.name + "/error.log", "-c", path],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: StandIn.listens(self.port), "nginx listens")

    def file(self, name, data):
        """Puts a file below the root."""
        path = os.path.join(self.www, name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o644)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.dir.cleanup()
