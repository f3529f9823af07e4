"""A real nginx as backend."""

import os

from .standin import RealServer

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


class Nginx(RealServer):
    """Serves the files of `www` and the given locations.

    `listen` is what stands behind the address: " ssl http2".
    """

    def __init__(self, locations="", keepalive="75s", h2=False, listen=""):
        super().__init__("nginx")
        self.www = self.path("www")
        os.mkdir(self.www)
        os.chmod(self.dir.name, 0o755)  # its workers run as another user when we are root
        self.start(CONF.format(dir=self.dir.name, port=self.port, locations=locations,
                               keepalive=keepalive, listen=" http2" if h2 else listen),
                   "-e", self.path("error.log"), "-c")

    def file(self, name, data):
        """Puts a file below the root."""
        path = os.path.join(self.www, name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, 0o644)
