#!/usr/bin/python3
"""Holds connections over TLS open: hold_tls.py PORT COUNT PATH HOST.

Each makes one request. Says {"errors": N} when all stand, and ends with its standard input.
"""
import json
import socket
import ssl
import sys


def main():
    port, count, path, host = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    settings = ssl.create_default_context()
    settings.check_hostname = False
    settings.verify_mode = ssl.CERT_NONE
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    held, errors = [], 0
    for _ in range(count):
        try:
            sock = settings.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                                        server_hostname="bench.example")
            sock.sendall(request)
            got = b""
            while len(got) < 1024:
                got += sock.recv(65536)
            held.append(sock)
        except OSError:
            errors += 1
    print(json.dumps({"errors": errors}), flush=True)
    sys.stdin.read()


main()
