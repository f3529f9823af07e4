"""A scripted Docker daemon on a unix socket: lists of containers and a stream of events.

Shapes, header fields and the pieces of chunked answers are those of Docker Engine 24.
"""

import json
import os
import tempfile
import urllib.parse

from .origin import Origin, shared_loop

HEAD = ("HTTP/1.1 {status}\r\nApi-Version: 1.43\r\nContent-Type: application/json\r\n"
        "Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/24.0.5 (linux)\r\n"
        "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n")


def container(name, ip, ports=(), labels=None, state="running"):
    """One container of a list; `ports` are its TCP ports."""
    network = {"IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": "7ea29fc1412292a2d",
               "EndpointID": "2cdc4edb1ded3631c81f57966563e5c8525b81121bb3706a9a9a3ae102711f3f",
               "Gateway": "172.17.0.1", "IPAddress": ip, "IPPrefixLen": 16, "IPv6Gateway": "",
               "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0,
               "MacAddress": "02:42:ac:11:00:02", "DriverOpts": None}
    return {"Id": name * 8, "Names": ["/" + name], "Image": "nginx:latest", "ImageID": "sha256:d7",
            "Command": "/docker-entrypoint.sh nginx", "Created": 1767225600,
            "Ports": [{"PrivatePort": port, "Type": "tcp"} for port in ports],
            "Labels": labels or {}, "State": state, "Status": "Up 3 minutes",
            "HostConfig": {"NetworkMode": "default"},
            "NetworkSettings": {"Networks": {"bridge": network}}, "Mounts": []}


def event(action, name="x"):
    return {"status": action, "id": name * 8, "from": "nginx:latest", "Type": "container",
            "Action": action, "Actor": {"ID": name * 8, "Attributes": {"name": name}},
            "scope": "local", "time": 1767225600, "timeNano": 1767225600000000000}


def chunk(data):
    return f"{len(data):x}\r\n".encode("ascii") + data + b"\r\n"


class Docker:
    """Lists `containers`; emit() tells all who listen. `raw` replaces the body of a list."""

    def __init__(self, containers=()):
        self.containers = list(containers)
        self.raw = None
        self.status = "200 OK"
        self.events_status = "200 OK"
        self.folder = tempfile.TemporaryDirectory(prefix="docker-")
        os.chmod(self.folder.name, 0o755)
        self.path = os.path.join(self.folder.name, "docker.sock")
        self.listeners = []
        self.origin = None
        self.start()

    def start(self):
        self.origin = Origin(self._script, unix=self.path)
        os.chmod(self.path, 0o666)

    def stop(self):
        """The daemon is gone: connections break, the socket refuses."""
        self.listeners = []
        self.origin.stop()

    def lists(self):
        return [one for one in self.origin.requests if b"/containers/json" in one.target]

    def wait_lists(self, more=1, timeout=5):
        count = len(self.lists()) + more
        self.origin.wait(lambda: len(self.lists()) >= count, f"{more} lists more", timeout)

    def wait_listener(self, timeout=5):
        self.origin.wait(lambda: self.listeners, "somebody listens to events", timeout)

    def emit(self, one):
        line = json.dumps(one, separators=(",", ":")).encode("ascii") + b"\n"
        shared_loop().call(self._emit(chunk(line)))

    async def _emit(self, data):
        for conn in self.listeners:
            await conn.send(data)

    async def _script(self, conn):
        while (request := await conn.request()) is not None:
            path, _, query = request.target.decode("ascii").partition("?")
            filters = json.loads(urllib.parse.parse_qs(query).get("filters", ["{}"])[0])
            if path.endswith("/events"):
                await conn.send(HEAD.format(status=self.events_status).encode("ascii"))
                if self.events_status != "200 OK":
                    await conn.send(b"0\r\n\r\n")
                    continue
                self.listeners.append(conn)
                self.origin._note()
                await conn.end()
                return
            await conn.send(self._list(filters))

    def _list(self, filters):
        body = self.raw
        if body is None:
            shown = [one for one in self.containers if _matches(one, filters.get("label", []))]
            body = json.dumps(shown).encode("ascii") + b"\n"
        pieces = [chunk(body[at:at + 2048]) for at in range(0, len(body), 2048)]
        return HEAD.format(status=self.status).encode("ascii") + b"".join(pieces) + b"0\r\n\r\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.folder.cleanup()


def _matches(one, wanted):
    """Whether a container has all the labels, "KEY" or "KEY=VALUE"."""
    for label in wanted:
        key, equals, value = label.partition("=")
        if key not in one["Labels"] or (equals and one["Labels"][key] != value):
            return False
    return True
