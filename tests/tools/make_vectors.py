#!/usr/bin/env python3
"""Turns the vector tables of the security design paper into tests/data/*.json.

    tests/tools/make_vectors.py PATH/TO/security.md

Writes h1_requests.json (tables 1A, 1B, 1C), h1_responses.json (2C) and hand_tests.json (the rows
and paragraphs that describe a test instead of bytes). The wanted outcome is derived from the Want
column. Where that column holds more than the plain words of section 0.2, NOTES says what it means
as data, guarded by the words it was written for: when the table changes, this script fails.
"""

import json
import os
import re
import sys

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")
PEERS = ("nginx", "haproxy", "caddy", "h2o", "httpd", "nghttpx")

# id: (words of the Want cell, data merged into the outcome). Keys of the data:
#   answers    allowed statuses, one list per answer
#   forwarded  how many requests the origin may see (list of allowed counts)
#   targets    what the origin sees as request targets, in order
#   close      must the product close after the last answer? None = both are right
#   body       body of the first request at the origin
#   fields     {name: value} at the origin, in the first request
#   absent     fields that must not reach the origin
#   host       Host at the origin
#   or         another outcome that is right as well
#   incomplete the origin may see the start of a request, never a whole one
#   http2      is answered in HTTP/2: test_h2.py looks at it, byte by byte
NOTES = {
    "RL-18": ("as 1.1", {}),
    "RL-23": ("at most 2 empty lines", {}),
    "RL-28": ("local 200/204 or F", {"answers": [[200, 204]], "forwarded": [0, 1],
                                     "targets": ["*"]}),
    "RL-31": ("405", {"close": None}),
    "RL-32": ("HTTP/2 where on", {"http2": True}),
    "RL-33": ("option: percent-encode, never raw", {}),
    "RL-34": ("in the query forwarded as is", {}),
    "CL-04": ("re-emitted as `5`", {"fields": {"Content-Length": "5"}, "body": "abcde"}),
    "CL-05": ("MAY merge; we refuse", {}),
    "CL-12": ("MAY merge; we refuse", {}),
    "CL-16": ("`Content_Length` dropped", {"absent": ["Content_Length"], "body": ""}),
    "CL-17": ("with its 5 bytes", {"body": "abcde"}),
    "TE-12": ("F", {"body": "abcde"}),
    "TE-21": ("15 bytes by CL; odd header dropped",
              {"absent": ["Transfer_Encoding"], "body": "5\\r\\nabcde\\r\\n0\\r\\n\\r\\n"}),
    "TE-24": ("F", {"body": "abcde"}),
    "TE-27": ("F with framing kept, or 400",
              {"or": {"answers": [[400]], "forwarded": [0], "close": True}, "body": "abcde"}),
    "TE-28": ("F with framing kept, or 400",
              {"or": {"answers": [[400]], "forwarded": [0], "close": True}, "body": "abcde"}),
    "CK-01": ("F", {"body": "abcde"}),
    "CK-02": ("extension removed", {"body": "abcde"}),
    "CK-15": ("grammar has no space here", {}),
    "CK-18": ("cap: 16 hex digits", {}),
    "CK-26": ("trailer dropped", {"body": "abcde", "absent": ["X-T"], "trailers": []}),
    "CK-27": ("all four trailers dropped",
              {"body": "abcde", "absent": ["Authorization"], "trailers": [], "host": "a.test"}),
    "CK-29": ("cap extension bytes per message at 4 KiB", {}),
    "CK-31": ("origin never sees a complete request",
              {"answers": [[400, 408], []], "forwarded": [0], "incomplete": True, "close": True,
               "fin": True}),
    "CK-32": ("F2", {"body": "abcde"}),
    "HO-02": ("default vhost", {"close": True}),
    "HO-11": ("route, auth and cache use b.test", {"targets": ["/x"], "host": "b.test"}),
    "HO-12": ("`/?q=1`", {"targets": ["/?q=1"], "host": "a.test"}),
    "HP-01": ("`X-Secret` gone, `X-Forwarded-For` = peer, still there",
              {"absent": ["X-Secret"], "fields": {"X-Forwarded-For": "127.0.0.1"}, "close": True}),
    "HP-02": ("F without any of the six",
              {"absent": ["Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "Trailer",
                          "Proxy-Authorization"]}),
    "HP-03": ("F without Upgrade/HTTP2-Settings; never 101",
              {"absent": ["Upgrade", "HTTP2-Settings"]}),
    "HP-04": ("same", {}),
    "HP-05": ("second only after the first answer", {"absent": ["Upgrade"]}),
    "HP-06": ("F2 when origin says 200; tunnel only on 101", {}),
    # UG-03 lets a wrong version be answered here, too.
    "HP-07": ("as HP-06", {"or": {"answers": [[400, 426], [200]], "forwarded": [1],
                                  "targets": ["/smug"], "close": None}}),
    "HP-08": ("F without both", {"absent": ["X_Forwarded_For", "X-Real_IP"],
                                 "fields": {"X-Real-IP": "127.0.0.1"}}),
    "HP-09": ("one request, 5 bytes", {"body": "abcde"}),
    "HP-11": ("all five rewritten from the socket",
              {"absent": ["Forwarded"], "fields": {
                  "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1",
                  "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.test"}}),
    "HP-12": ("routed AND sent as `/admin`", {"targets": ["/admin"]}),
    "HP-13": ("routed AND sent as `/admin`", {"targets": ["/admin"]}),
    "HP-14": ("default `encoded_slash=reject`", {}),
    "HP-16": ("merge on", {"answers": [[200]], "targets": ["/admin"]}),
    "HP-21": ("F2 in order", {}),
    "HP-27": ("`a=1; b=2` or two lines, never a comma", {"answers": [[200]], "cookies": True}),
    "HP-28": ("F without `Proxy`", {"absent": ["Proxy"]}),
    "HP-29": ("F with 5 bytes", {"body": "abcde"}),
    "HP-30": ("F2", {"body": "abcde"}),
}

ABORT = {"status": [200], "abort": True}
EITHER = {"status": [502], "or_abort": True}
HEAD_OK = {"status": [200], "body": ""}

# The same for table 2C: data for all methods, then data for HEAD alone.
#   status    allowed statuses     body      what the client gets
#   abort     head passed, then the connection ends short of the body
#   or_abort  an abort is right as well          upstream_closed  not used again
#   absent    fields that must not reach the client; fields {name: value} that must
#   interim   the 1xx statuses relayed (list of allowed counts of `interim_status`)
ORIGIN_NOTES = {
    "U07": ("200, body `body`, read to close", {"body": "body", "upstream_closed": True},
            {"body": ""}),
    "U12": ("abort; never stored", ABORT, HEAD_OK),
    "U13": ("abort; never stored", ABORT, HEAD_OK),
    "U14": ("upstream connection closed, `EXTRA` discarded",
            {"status": [200], "body": "ok", "upstream_closed": True}, {"body": ""}),
    "U15": ("`X-Poison` never delivered to anyone",
            {"status": [200], "body": "ok", "upstream_closed": True, "absent": ["X-Poison"]},
            {"body": ""}),
    "U19": ("502 (or `2` once; never `2, 2`)",
            {"status": [200, 502], "length": "2"}, {}),
    "U20": ("502", {}, {}),
    "U23": ("502, or abort if the head is out", EITHER, HEAD_OK),
    "U24": ("abort without the last chunk; never stored", ABORT, HEAD_OK),
    "U25": ("abort without the last chunk; never stored", ABORT, HEAD_OK),
    "U26": ("abort without the last chunk; never stored", ABORT, HEAD_OK),
    "U27": ("502 (`lenient_upstream` may accept)", {}, HEAD_OK),
    "U28": ("502 (`lenient_upstream` may accept)", {}, {}),
    "U31": ("502 (SP with `lenient_upstream`)", {}, {}),
    "U37": ("100 not relayed unless the client expected it; then 200",
            {"status": [200], "body": "ok", "interim_count": [0]}, {"body": ""}),
    "U38": ("all 103 relayed to h1.1/h2, none to HTTP/1.0, then 200",
            {"status": [200], "body": "ok", "interim_count": [3], "interim_status": 103},
            {"body": ""}),
    "U39": ("502 after 10 interim responses",
            {"interim_count": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "interim_status": 102}, {}),
    "U41": ("204 with no body and no Content-Length; upstream closed",
            {"status": [204], "body": "", "absent": ["Content-Length"], "upstream_closed": True},
            {}),
    "U42": ("304, connection reusable", {"status": [304], "body": "", "upstream_reused": True}, {}),
    "U43": ("304, upstream closed", {"status": [304], "body": "", "upstream_closed": True}, {}),
    "U44": ("200 without Upgrade, no tunnel", {"body": "ok", "absent": ["Upgrade"]},
            {"body": ""}),
    "U45": ("200; upstream not reused", {"body": "hello", "upstream_closed": True}, {"body": ""}),
    "U46": ("200; upstream not reused", {"body": "hello", "upstream_closed": True}, {"body": ""}),
    "U47": ("200; upstream not reused, client connection kept",
            {"body": "ok", "upstream_closed": True, "client_kept": True}, {"body": ""}),
    "U48": ("200 without `X-Int`, Keep-Alive, Proxy-Authenticate, Upgrade, Connection",
            {"body": "ok", "absent": ["X-Int", "Keep-Alive", "Proxy-Authenticate", "Upgrade",
                                      "Trailer"]}, {"body": ""}),
    "U49": ("504 after the response timeout; upstream closed",
            {"status": [504], "upstream_closed": True, "attempts": {"GET": 1, "POST": 1}}, {}),
    "U50": ("abort after the idle timeout", ABORT, HEAD_OK),
    "U52": ("trailer `X-T` by rule T, `Content-Length` trailer dropped",
            {"status": [200], "body": "ok", "trailers": [], "absent": ["X-T", "Trailer"]},
            {"body": ""}),
    "U53": ("two Set-Cookie lines, order kept",
            {"status": [200], "body": "ok", "repeated": {"Set-Cookie": ["a=1", "b=2"]}},
            {"body": ""}),
    "U54": ("one Date, one Server; Via appended or untouched as configured",
            {"status": [200], "body": "ok", "count": {"Date": 1, "Server": 1},
             "fields": {"Via": "1.1 z"}}, {"body": ""}),
    "U55": ("502, or abort if the head is out", EITHER, HEAD_OK),
    "U56": ("502, or abort if the head is out", EITHER, {}),
    "U57": ("502 (`lenient_upstream` may accept)", {}, {}),
    "U58": ("passed through as is; not compressed again",
            {"status": [200], "body": "ok", "fields": {"Content-Encoding": "gzip"}},
            {"body": ""}),
    "U11": ("200", {"body": "ok"}, {"body": ""}),
}

HAND = re.compile(r"^(H2|FL|FR|PN|HS|UG|SL|RE|ST|RD|UP|RL|HO|CL|TE|CK|HP)-\d\d$")


def fail(message):
    sys.exit(f"make_vectors: {message}")


def sections(text):
    """{"1A": its lines, ...}"""
    found = {}
    name = None
    for line in text.split("\n"):
        match = re.match(r"^## (\d[A-Z])\. ", line)
        if match:
            name = match[1]
            found[name] = []
        elif line.startswith("# "):
            name = None
        elif name:
            found[name].append(line)
    return found


def cells(line):
    """The cells of a table row; `\\|` is a bar, bars inside back-ticks do not occur."""
    parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [part.replace("\\|", "|").strip() for part in parts]


def rows(lines, first_column):
    for line in lines:
        if line.startswith("| ") and re.match(first_column, line[2:]):
            yield cells(line)


def code(cell):
    """The bytes of a cell: what stands between its back-ticks."""
    match = re.match(r"^`(.*)`$", cell)
    return match[1] if match else None


def words(cell):
    """A Want cell without its remarks in brackets and without back-ticks."""
    return re.sub(r"\s*\([^)]*\)", "", cell).replace("`", "").strip()


def base_outcome(row_id, want, table):
    """Section 0.2's words as data, without NOTES."""
    text = words(want)
    match = re.match(r"^(\d{3})(?: or (\d{3}))?\b", text)
    if match:
        statuses = [int(status) for status in match.groups() if status]
        in_body = row_id.startswith("CK")
        # 1A and 1B close after every error; 1C holds refusals of well-formed requests too.
        close = None if table == "1C" and statuses[0] not in (414, 431) else True
        return {"answers": [statuses], "forwarded": [0], "close": close, "incomplete": in_body}
    match = re.match(r"^(?:routed AND sent as|F2|F)\b", text)
    if match:
        count = 2 if text.startswith("F2") else 1
        return {"answers": [[200]] * count, "forwarded": [count], "close": False,
                "incomplete": False}
    if row_id in NOTES:
        return {"answers": [[200]], "forwarded": [1], "close": False, "incomplete": False}
    fail(f"{row_id} ({table}): no rule for {want!r}")
    return None


PLAIN = re.compile(r"^(F2?|\d{3}( or \d{3})?(,? ?\+close)?)$")


def request_target(notation, count):
    """What the origin sees as targets when nothing is rewritten."""
    match = re.match(r"^(?:\\r\\n)*\S+ (\S+) ", notation)
    first = match[1] if match else "/"
    return [first] if count == 1 else [first, "/smug"]


def request_methods(notation, count):
    first = re.match(r"^(?:\\r\\n)*(\S+)", notation)[1]
    return ([first] if re.match(r"^[A-Z]+$", first) else ["GET"]) + ["GET"] * (count - 1)


def request_row(row, table, earlier):
    row_id, notation, want, rfc, peers = row[0], code(row[1]), row[2], row[3], row[4]
    if row_id in NOTES and NOTES[row_id][0] not in words(want) and \
            NOTES[row_id][0] not in want:
        fail(f"{row_id}: its note was written for {NOTES[row_id][0]!r}, the table says {want!r}")
    if row_id not in NOTES and not PLAIN.match(words(want)):
        fail(f"{row_id}: {want!r} says more than the plain words; add a note")
    same = "HP-06" if "as HP-06" in want else earlier if want == "same" else None
    outcome = dict(same and OUTCOMES[same] or base_outcome(row_id, want, table))
    count = max(outcome["forwarded"])
    if count:
        outcome.setdefault("targets", request_target(notation, count))
    outcome["methods"] = request_methods(notation, max(1, count))
    outcome.update(NOTES.get(row_id, ("", {}))[1])
    OUTCOMES[row_id] = outcome
    return {"id": row_id, "table": table, "bytes": notation, "want_text": want, "rfc": rfc,
            "want": outcome, "peers": dict(zip(PEERS, peers.split()))}


OUTCOMES = {}


def requests(parts):
    found = []
    for table in ("1A", "1B", "1C"):
        for row in rows(parts[table], r"(RL|CL|TE|CK|HO|HP)-\d\d "):
            if len(row) != 5 or code(row[1]) is None:
                fail(f"row {row[0]}: {len(row)} cells")
            found.append(request_row(row, table, found[-1]["id"] if found else None))
    return found


def split_sends(cell):
    """("bytes notation", "open" | "fin" | "rst" | "hang")"""
    match = re.match(r"^(?:nothing|`(.*)`)(?: (FIN|RST|\(hang\)))?$", cell)
    if not match:
        fail(f"cannot read {cell!r}")
    then = (match[2] or "open").strip("()").lower()
    return match[1] or "", then


def origin_outcome(row_id, want):
    match = re.match(r"^(\d{3})\b", words(want))
    outcome = {"status": [int(match[1])]} if match else {}
    if "at most one retry for GET, none for POST" in want:
        outcome["attempts"] = {"GET": 2, "POST": 1}
    head = {}
    if row_id in ORIGIN_NOTES:
        guard, both, head = ORIGIN_NOTES[row_id]
        if guard not in want:
            fail(f"{row_id}: its note was written for {guard!r}, the table says {want!r}")
        outcome.update(both)
    elif not re.match(r"^\d{3}( after at most one retry for GET, none for POST)?$", words(want)):
        fail(f"{row_id}: {want!r} says more than a status; add a note")
    outcome.setdefault("attempts", {"GET": 2, "POST": 1})
    by_head = {**outcome, **head}
    if head is HEAD_OK:
        for key in ("abort", "or_abort"):
            by_head.pop(key, None)
    return {"GET": outcome, "POST": outcome, "HEAD": by_head}


def responses(parts):
    found = []
    for row in rows(parts["2C"], r"U\d\d "):
        row = [row[0], "|".join(row[1:-2]), row[-2], row[-1]]
        sends, then = split_sends(row[1])
        peers = dict(zip(PEERS, row[3].replace("**", "").split())) if ">" not in row[3] else {}
        found.append({"id": row[0], "table": "2C", "sends": sends, "then": then,
                      "want_text": row[2], "want": origin_outcome(row[0], row[2]),
                      "peers": peers})
    return found


def hand_tests(parts, vector_ids):
    """Rows and bold paragraphs that describe a test in words."""
    found = {}
    for table in ("1A", "1B", "1C", "1D", "1E", "1F", "1G", "2D", "2E"):
        for line in parts[table]:
            for row_id, text in described(line):
                if row_id not in vector_ids:
                    found.setdefault(row_id, {"id": row_id, "table": table, "text": text})
    return list(found.values())


def described(line):
    if line.startswith("| "):
        row = cells(line)
        if HAND.match(row[0]):
            yield row[0], " -> ".join(row[1:3])
        return
    match = re.match(r"^- \*\*(FR-\d\d)\b", line)
    if match:
        yield match[1], line[2:]
    for series in (r"RL-\d\d", r"H2-(?:89|9\d)"):
        for match in re.finditer(rf"({series})(?:\*\*)? ((?:(?!{series}).)*)", line):
            yield match[1], match[2].strip()


def write(name, rows_found):
    path = os.path.join(DATA, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows_found)
                   + "\n]\n")
    print(f"{name}: {len(rows_found)} rows")


def main():
    if len(sys.argv) != 2:
        fail("usage: make_vectors.py PATH/TO/security.md")
    with open(sys.argv[1], encoding="utf-8") as file:
        parts = sections(file.read())
    found = requests(parts)
    unknown = set(NOTES) - {row["id"] for row in found}
    if unknown:
        fail(f"notes for rows that do not exist: {sorted(unknown)}")
    write("h1_requests.json", found)
    write("h1_responses.json", responses(parts))
    write("hand_tests.json", hand_tests(parts, {row["id"] for row in found}))


if __name__ == "__main__":
    main()
