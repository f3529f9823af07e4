"""A child process that holds many client connections: its descriptors are not the test's.

    python3 -m rig.many HOST PORT COUNT [tunnels]

Commands on stdin, one answer line each on stdout:
    open    connects COUNT times, one request on each; answers how many were served
    again   one more request on each kept connection; the same
    close   closes them; answers how many
    quit
With `tunnels` the request asks for a WebSocket, and `again` sends a few bytes that come back.
"""

import os
import resource
import select
import socket
import subprocess
import sys

REQUEST = b"GET /many HTTP/1.1\r\nHost: a.test\r\n\r\n"
SERVED = b"HTTP/1.1 200 "
HANDSHAKE = (b"GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
OPENED = b"HTTP/1.1 101 "
WORDS = b"some words"
TIMEOUT = 30
BATCH = 200


class Crowd:
    """The child, for the test."""

    def __init__(self, address, count, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rig.many", address[0], str(address[1]), str(count), *options],
            cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, word):
        """How many connections were served."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def send_all(socks, request, wanted):
    """Sends a request on each, some at a time; returns how many got an answer that is wanted."""
    served = 0
    for start in range(0, len(socks), BATCH):
        batch = socks[start:start + BATCH]
        poll = select.poll()
        waiting = {}
        for sock in batch:
            sock.send(request)
            poll.register(sock, select.POLLIN)
            waiting[sock.fileno()] = sock
        while waiting:
            events = poll.poll(TIMEOUT * 1000)
            if not events:
                break
            for number, _ in events:
                poll.unregister(number)
                data = waiting.pop(number).recv(4096)
                served += data.startswith(wanted)
    return served


def main():
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    first, again = (REQUEST, SERVED), (REQUEST, SERVED)
    if sys.argv[4:] == ["tunnels"]:
        first, again = (HANDSHAKE, OPENED), (WORDS, WORDS)
    socks = []
    for line in sys.stdin:
        if line.strip() == "open":
            for _ in range(count):
                socks.append(socket.create_connection((host, port), TIMEOUT))
            print(send_all(socks, *first), flush=True)
        elif line.strip() == "again":
            print(send_all(socks, *again), flush=True)
        elif line.strip() == "close":
            print(len(socks), flush=True)
            while socks:
                socks.pop().close()
        else:
            break


if __name__ == "__main__":
    main()
