"""nginx and HAProxy in the place of the product: they prove that the rig reads outcomes well."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

from .deadline import until
from .lanes import Lane, Lanes
from .origin import Origin

NGINX = """
daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  proxy_read_timeout 1s;
  {servers}
}}
"""
NGINX_SERVER = """
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://{origin}; }} }}
"""
HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 1s
{servers}
"""
HAPROXY_SERVER = """
listen lane{port}
  bind 127.0.0.1:{port}
  server o {origin}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def find(name):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return shutil.which(name, path=path)


class StandIn(Lanes):
    """Lanes through another proxy, near-default configuration."""

    def __init__(self, name, count, script=None):
        self.dir = tempfile.TemporaryDirectory(prefix=f"standin-{name}-")
        self.origins = [Origin(**({"script": script} if script else {})) for _ in range(count)]
        ports = [free_port() for _ in range(count)]
        whole, one = (NGINX, NGINX_SERVER) if name == "nginx" else (HAPROXY, HAPROXY_SERVER)
        servers = "".join(one.format(port=port, origin=origin.addr)
                          for port, origin in zip(ports, self.origins))
        path = os.path.join(self.dir.name, "conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(whole.format(dir=self.dir.name, servers=servers))
        command = [find("nginx"), "-e", self.dir.name + "/error.log", "-c", path] \
            if name == "nginx" else [find("haproxy"), "-db", "-f", path]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL)
        for port in ports:
            until(lambda port=port: self.listens(port), f"{name} listens")
        super().__init__([Lane(f"lane{port}", ("127.0.0.1", port), origin)
                          for port, origin in zip(ports, self.origins)])

    @staticmethod
    def listens(port):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        for origin in self.origins:
            origin.stop()
        self.dir.cleanup()
