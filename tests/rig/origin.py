"""The origin recorder: a raw TCP server that keeps every byte with its time and plays scripts.

All recorders of a process share one asyncio loop in one thread; tests are plain threads that look
at the record. A script is `async def script(conn)`; when it returns, the connection is closed.
"""

import asyncio
import itertools
import os
import socket
import struct
import threading
import time

from .deadline import seconds
from .h1 import MessageParser, Violation
from .sockdiag import SockDiag

_serial = itertools.count(1)


class _Loop:
    """The thread that runs every recorder of this process."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True, name="origins").start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, coroutine, timeout=10):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds(timeout))


_loop = None


def shared_loop():
    global _loop
    if _loop is None:
        _loop = _Loop()
    return _loop


class Gate:
    """An event that a test opens and a script waits for (or the other way round)."""

    def __init__(self):
        self._event = asyncio.Event()
        self._thread_event = threading.Event()

    def open(self):
        self._thread_event.set()
        shared_loop().loop.call_soon_threadsafe(self._event.set)

    def is_open(self):
        return self._thread_event.is_set()

    async def wait(self):
        await self._event.wait()

    def wait_opened(self, what="gate", timeout=5):
        if not self._thread_event.wait(seconds(timeout)):
            raise AssertionError(f"not within {timeout} s: {what}")


class Connection:
    """One accepted connection: the record of what came, and the means to answer."""

    def __init__(self, origin, sock):
        self.origin = origin
        self.sock = sock
        self.serial = next(_serial)
        self.opened = time.monotonic()
        self.chunks = []  # [(time, bytes)]
        self.received = 0
        self.requests = []  # whole ones
        self.parser = MessageParser("request", keep=origin.keep)
        self.violation = None
        self.ended = None  # "fin" or "rst" by the peer
        self.ended_at = None
        self.closed = False  # by us
        self.tunnel = False  # bytes are no longer parsed
        self._taken = 0
        self._changed = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._tasks = []

    # --- what the test looks at

    @property
    def raw(self):
        return b"".join(data for _, data in self.chunks)

    @property
    def partial(self):
        """The request that began and is not whole, or None."""
        return self.parser.message if self.parser.started and not self.parser.done else None

    def __repr__(self):
        return f"<conn {self.serial} {self.requests} partial={self.partial} ended={self.ended}>"

    # --- what scripts use

    async def request(self):
        """The next whole request, or None when there will be none."""
        while len(self.requests) <= self._taken:
            if self.ended or self.closed or self.violation:
                return None
            await self._wait_change()
        self._taken += 1
        return self.requests[self._taken - 1]

    async def head(self):
        """The next request as soon as its head is whole (its body may still grow)."""
        while len(self.requests) <= self._taken and not self.parser.head_done:
            if self.ended or self.closed or self.violation:
                return None
            await self._wait_change()
        self._taken += 1
        if len(self.requests) >= self._taken:
            return self.requests[self._taken - 1]
        return self.parser.message

    async def bytes(self, count):
        """Waits until `count` bytes in all have come; False when they never will."""
        while self.received < count:
            if self.ended or self.closed:
                return False
            await self._wait_change()
        return True

    async def end(self):
        """Waits for the peer's FIN or RST; returns which."""
        while not self.ended:
            await self._wait_change()
        return self.ended

    async def send(self, data):
        """False when the peer is gone."""
        try:
            await asyncio.get_running_loop().sock_sendall(self.sock, data)
            return True
        except OSError:
            self._end("rst")
            return False

    async def send_pieces(self, pieces):
        """One write per piece; each is read by the peer before the next is written."""
        with SockDiag() as diag:
            for piece in pieces:
                while diag.unread_by_peer(self.sock):
                    await asyncio.sleep(0)
                if not await self.send(piece):
                    return False
        return True

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def rst(self):
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.close()

    def close(self):
        if self.closed:
            return
        self.closed = True
        loop = shared_loop().loop
        loop.remove_reader(self.sock)
        loop.remove_writer(self.sock)
        self.sock.close()
        self._changed.set()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    def pause(self):
        """Stops reading: what the peer sends stays in the kernel."""
        self._reading.clear()

    def resume(self):
        self._reading.set()

    # --- inside

    async def _wait_change(self):
        self._changed.clear()
        await self._changed.wait()

    def _note(self):
        self._changed.set()
        self.origin._note()

    def _end(self, how):
        if not self.ended:
            self.ended = how
            self.ended_at = time.monotonic()
        self._note()

    async def _read(self):
        loop = asyncio.get_running_loop()
        while not self.closed:
            await self._reading.wait()
            try:
                data = await loop.sock_recv(self.sock, 1 << 17)
            except OSError:
                return self._end("rst")
            if not data:
                return self._end("fin")
            self._record(data)

    def _record(self, data):
        self.received += len(data)
        if self.received <= self.origin.keep:
            self.chunks.append((time.monotonic(), data))
        if not self.tunnel and not self.violation:
            self._parse(data)
        self._note()

    def _parse(self, data):
        try:
            self.parser.feed(data)
            while self.parser.done:
                rest = self.parser.rest
                self.requests.append(self.parser.message)
                self.origin._requests.append((self, self.parser.message))
                self.parser = MessageParser("request", keep=self.origin.keep)
                self.parser.feed(rest)
        except Violation as violation:
            self.violation = violation


def response(status=200, reason="OK", headers=(), body=b"", length=True):
    """The bytes of an answer."""
    lines = [f"HTTP/1.1 {status} {reason}"] + [f"{name}: {value}" for name, value in headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def echo(request):
    """The default answer: 200 that says which request it belongs to."""
    body = b"" if request.method == b"HEAD" else b"echo " + request.target
    return response(headers=[("X-Echo", request.path())], body=body,
                    length=request.method != b"HEAD")


async def serve(conn):
    """The default script: every whole request gets origin.answer(request)."""
    while True:
        request = await conn.request()
        if request is None:
            break
        if not await conn.send(conn.origin.answer(request)):
            break


def play(data, then="open"):
    """A script: for each request the bytes `data`, then fin, rst, hang or open (keep serving)."""

    async def script(conn):
        while await conn.request() is not None:
            if data and not await conn.send(data):
                return
            if then == "fin":
                conn.fin()
                await conn.end()
                return
            if then == "rst":
                conn.rst()
                return
            if then == "hang":
                await conn.end()
                return

    return script


def pages(answer, streams):
    """A script that gives answer(path, request) of each request, but: /cut ends within its body,
    and a path of `streams`, {path: (begin, again)}, goes on until the client has gone."""

    async def script(conn):
        while (request := await conn.request()) is not None:
            path = request.path()
            if path in streams:
                begin, again = streams[path]
                await conn.send(b"HTTP/1.1 200 OK\r\n" + begin)
                while await conn.send(again * 1000):
                    pass
                return
            if path == "/cut":
                await conn.send(response(body=b"x" * 100)[:-50])
                return
            await conn.send(answer(path, request))

    return script


def in_the_middle(gate, first=b"ab", rest=b"cd"):
    """A script that answers one request: the first half at once, the rest when the gate opens."""

    async def script(conn):
        await conn.request()
        await conn.send(response(body=first + rest)[:-len(rest)])
        await gate.wait()
        await conn.send(rest)
        await conn.end()

    return script


class Origin:
    """A listening recorder. Use as a context manager; `addr` goes into the product's config."""

    def __init__(self, script=serve, answer=echo, host="127.0.0.1", unix=None, keep=1 << 20,
                 rcvbuf=None, port=0):
        self.script = script
        self.answer = answer
        self.keep = keep
        self.connections = []
        self.errors = []  # exceptions out of scripts
        self._requests = []
        self._changed = threading.Condition()
        self._unix = unix
        self._listen(host, unix, rcvbuf, port)
        shared_loop().call(self._start())

    def _listen(self, host, unix, rcvbuf, port):
        if unix:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.bind(unix)
            self.addr = f"unix:{unix}"
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.sock = socket.socket(family)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if rcvbuf:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            self.sock.bind((host, port))
            self.port = self.sock.getsockname()[1]
            self.addr = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self.sock.listen(4096)
        self.sock.setblocking(False)

    # --- the record

    @property
    def requests(self):
        return [request for _, request in self._requests]

    @property
    def received(self):
        return sum(conn.received for conn in self.connections)

    def violations(self):
        return [conn.violation for conn in self.connections if conn.violation]

    def wait(self, predicate, what, timeout=5):
        """Waits for a change of the record that makes `predicate` true; returns its value."""
        with self._changed:
            value = self._changed.wait_for(predicate, seconds(timeout))
        if not value:
            raise AssertionError(f"not within {timeout} s: {what}; record: {self.connections}")
        return value

    def wait_requests(self, count, timeout=5):
        self.wait(lambda: len(self._requests) >= count, f"{count} requests", timeout)
        return self.requests

    def settle(self):
        """Returns when every byte that reached the kernel before the call is in the record."""
        shared_loop().call(self._settle())

    def reset(self):
        """Forgets the record; connections stay open."""
        self.settle()
        self._requests = []
        self.errors = []
        self.connections = [c for c in self.connections if not (c.closed or c.ended)]
        for conn in self.connections:
            conn.chunks = []
            conn.received = 0
            conn._taken -= len(conn.requests)
            conn.requests = []

    def close_connections(self):
        shared_loop().call(self._close_all())

    def stop(self):
        shared_loop().call(self._stop())
        if self._unix and os.path.exists(self._unix):
            os.unlink(self._unix)

    def stop_listening(self):
        """New connections are refused from here on; open ones live."""
        shared_loop().call(self._stop_listening())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- inside the loop

    def _note(self):
        with self._changed:
            self._changed.notify_all()

    async def _start(self):
        self._acceptor = asyncio.ensure_future(self._accept())

    async def _accept(self):
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.sock)
            sock.setblocking(False)
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Connection(self, sock)
            self.connections.append(conn)
            conn._tasks = [asyncio.ensure_future(conn._read()),
                           asyncio.ensure_future(self._run_script(conn))]
            self._note()

    async def _run_script(self, conn):
        try:
            await self.script(conn)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # shown by the harness, a script must not fail silently
            self.errors.append(error)
        conn.close()
        self._note()

    async def _settle(self):
        for _ in range(12):  # accept, start, receive and parse take a few turns each
            await asyncio.sleep(0)

    async def _close_all(self):
        for conn in self.connections:
            conn.close()

    async def _stop_listening(self):
        if self.sock.fileno() < 0:
            return
        self._acceptor.cancel()
        shared_loop().loop.remove_reader(self.sock)
        self.sock.close()

    async def _stop(self):
        await self._stop_listening()
        await self._close_all()
