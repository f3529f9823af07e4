"""Asks the kernel what the process at the other end of a loopback connection has not read yet.

That is how a cut between two writes stays a cut: the second piece is written when the first one
has been read, without a sleep.
"""

import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR = 2
_REQUEST = 1


class SockDiag:
    """One netlink socket; not shared by threads."""

    def __init__(self):
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)

    def unread_by_peer(self, sock):
        """Bytes in the peer's receive queue; 0 as well when the peer is gone."""
        try:
            here, there = sock.getsockname(), sock.getpeername()
        except OSError:
            return 0
        if sock.family == socket.AF_UNIX:
            return 0
        self._netlink.send(_query(sock.family, here, there))
        reply = self._netlink.recv(8192)
        if struct.unpack_from("=H", reply, 4)[0] == _NLMSG_ERROR:
            return 0
        return struct.unpack_from("=I", reply, 16 + 4 + 48 + 4)[0]  # idiag_rqueue

    def backlog(self, address):
        """The length of the accept queue that a listener on `address` asked for."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        anyone = ("::" if family == socket.AF_INET6 else "0.0.0.0", 0)
        self._netlink.send(_query(family, anyone, address))
        reply = self._netlink.recv(8192)
        if struct.unpack_from("=H", reply, 4)[0] == _NLMSG_ERROR:
            raise AssertionError(f"nothing listens on {address}")
        return struct.unpack_from("=I", reply, 16 + 4 + 48 + 8)[0]  # idiag_wqueue

    def close(self):
        self._netlink.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _query(family, here, there):
    """An exact look-up of the peer's socket: its source is our destination."""
    ident = struct.pack("!HH", there[1], here[1]) + _address(family, there) + \
        _address(family, here) + struct.pack("=I", 0) + b"\xff" * 8
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + ident
    return struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0) + body


def _address(family, name):
    return socket.inet_pton(family, name[0]).ljust(16, b"\0")
