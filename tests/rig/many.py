"""A child process that holds many client connections: its descriptors are not the test's.

    python3 -m rig.many HOST PORT COUNT

Commands on stdin, one answer line each on stdout:
    open    connects COUNT times, one request on each; answers how many were served
    again   one more request on each kept connection; the same
    quit
"""

import resource
import select
import socket
import sys

REQUEST = b"GET /many HTTP/1.1\r\nHost: a.test\r\n\r\n"
TIMEOUT = 30
BATCH = 200


def send_all(socks):
    """Sends a request on each, some at a time; returns how many got a 200."""
    served = 0
    for start in range(0, len(socks), BATCH):
        batch = socks[start:start + BATCH]
        poll = select.poll()
        waiting = {}
        for sock in batch:
            sock.send(REQUEST)
            poll.register(sock, select.POLLIN)
            waiting[sock.fileno()] = sock
        while waiting:
            events = poll.poll(TIMEOUT * 1000)
            if not events:
                break
            for number, _ in events:
                poll.unregister(number)
                data = waiting.pop(number).recv(4096)
                served += data.startswith(b"HTTP/1.1 200 ")
    return served


def main():
    host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    socks = []
    for line in sys.stdin:
        if line.strip() == "open":
            for _ in range(count):
                socks.append(socket.create_connection((host, port), TIMEOUT))
            print(send_all(socks), flush=True)
        elif line.strip() == "again":
            print(send_all(socks), flush=True)
        else:
            break


if __name__ == "__main__":
    main()
