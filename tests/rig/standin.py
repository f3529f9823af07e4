"""nginx and HAProxy in the place of the product: they prove that the rig reads outcomes well."""

import contextlib
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


@contextlib.contextmanager
def black_hole():
    """An address that answers no SYN, as one whose packets are dropped: its accept queue is full."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    try:
        yield f"127.0.0.1:{full.getsockname()[1]}"
    finally:
        for sock in [full, *fillers]:
            sock.close()


def find(name):
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return shutil.which(name, path=path)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except ConnectionRefusedError:
        return False


class RealServer:
    """A program that listens on a free port and has a folder of its own. Context manager."""

    def __init__(self, name):
        self.name = name
        self.dir = tempfile.TemporaryDirectory(prefix=f"{name}-")
        self.port = free_port()
        self.addr = f"127.0.0.1:{self.port}"
        self.process = None

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def start(self, conf, *options):
        """With this configuration; returns when it listens."""
        with open(self.path("conf"), "w", encoding="ascii") as file:
            file.write(conf)
        self.process = subprocess.Popen([find(self.name), *options, self.path("conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: listens(self.port), f"{self.name} listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.dir.cleanup()


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
            until(lambda port=port: listens(port), f"{name} listens")
        super().__init__([Lane(f"lane{port}", ("127.0.0.1", port), origin)
                          for port, origin in zip(ports, self.origins)])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        for origin in self.origins:
            origin.stop()
        self.dir.cleanup()
