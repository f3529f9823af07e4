"""Writes small databases of the MaxMind DB format (version 2): where addresses are."""

import ipaddress
import os


def _control(kind, size):
    return bytes([kind << 5 | size])


def _text(value):
    return _control(2, len(value)) + value.encode()


def _number(kind, value):
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _control(kind, len(data)) + data


def _map(pairs):
    return _control(7, len(pairs)) + b"".join(_text(key) + value for key, value in pairs.items())


def database(places):
    """{network: (country, continent)} as bytes."""
    nodes, data = [[None, None]], b""
    for network, (country, continent) in places.items():
        parsed = ipaddress.ip_network(network)
        short = parsed.version == 4
        bits = bin(int(parsed.network_address) | 1 << 128)[3:][:parsed.prefixlen + 96 * short]
        node = 0
        for bit in map(int, bits[:-1]):
            if not isinstance(nodes[node][bit], int):
                nodes[node][bit] = len(nodes)
                nodes.append([None, None])
            node = nodes[node][bit]
        nodes[node][int(bits[-1])] = (len(data),)
        data += _map({"country": _map({"iso_code": _text(country)}),
                      "continent": _map({"code": _text(continent)})})
    tree = b""
    for child in (child for node in nodes for child in node):
        value = len(nodes) if child is None else child
        if isinstance(value, tuple):
            value = len(nodes) + 16 + value[0]
        tree += value.to_bytes(3, "big")
    about = _map({"node_count": _number(6, len(nodes)), "record_size": _number(5, 24),
                  "ip_version": _number(5, 6), "database_type": _text("Test-Country"),
                  "binary_format_major_version": _number(5, 2),
                  "binary_format_minor_version": _number(5, 0),
                  "build_epoch": b"\x04\x02\x60\x00\x00\x00",
                  "languages": b"\x00\x04", "description": _map({})})
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + about


def write(path, places):
    """In one step, as an updater does."""
    with open(f"{path}.new", "wb") as file:
        file.write(database(places))
    os.replace(f"{path}.new", path)
