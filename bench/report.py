"""The tables of docs/performance.md from the results of the bench."""
import pathlib
import platform
import re

from cases import CASES
from peers import PEERS, TOP

DOCUMENT = TOP / "docs/performance.md"
BEGIN, END = "<!-- results: made by ./dev bench -->\n", "<!-- end of results -->\n"

TITLES = {"pingap": "pingap", "nginx": "nginx", "haproxy": "HAProxy", "h2o": "h2o",
          "caddy": "Caddy"}


def plain(value):
    """12,345 or 5.3 or 0.04."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def size(value):
    """Bytes as KiB or MiB."""
    return f"{value / 2**20:.1f} MiB" if value >= 2**20 else f"{value / 1024:.2f} KiB"


# key, title, how it is shown, whether a ratio means something
ROWS = (
    ("shared_cpu_us", "**CPU time on a full core, µs**", plain, True),
    ("shared_rate", "requests/s of that core, load and origin included", plain, False),
    ("cpu_us", "CPU time on a core of its own, µs", plain, True),
    ("user_us", "user, µs", plain, True),
    ("system_us", "kernel, µs", plain, True),
    ("instructions", "**user instructions**", plain, True),
    ("instructions:u", "user instructions (counter)", plain, True),
    ("instructions:k", "kernel instructions (counter)", plain, True),
    ("cycles:u", "user cycles (counter)", plain, True),
    ("cycles:k", "kernel cycles (counter)", plain, True),
    ("calls", "system calls", plain, True),
    ("waits", "epoll_wait", plain, False),
    ("allocations", "heap allocations", plain, False),
    ("rate", "requests/s reached", plain, False),
    ("p50_us", "p50, µs, at that rate", plain, False),
    ("p99_us", "p99, µs, at that rate", plain, False),
    ("added_p50_us", "p50 added at a tenth of it, µs", plain, False),
    ("added_p99_us", "p99 added at a tenth of it, µs", plain, False),
    ("start_bytes", "memory after start", size, True),
    ("idle_bytes", "memory per idle connection", size, True),
)


def ratio(peers, key, other):
    """pingap's value over another's, as text."""
    ours, theirs = (peers.get(name, {}).get(key) for name in ("pingap", other))
    return f"{ours / theirs:.2f} ×" if ours is not None and theirs else "–"


def case_table(case, result):
    """One case as Markdown."""
    peers = result["peers"]
    names = [name for name in PEERS if name in peers]
    ratios = [name for name in ("nginx", "haproxy") if "pingap" in peers and name in peers]
    head = ["per request", *(TITLES[n] for n in names), *(f"of {TITLES[n]}" for n in ratios)]
    lines = [f"### {case.title} (`{case.name}`)", "", "| " + " | ".join(head) + " |",
             "|---" + "|--:" * (len(head) - 1) + "|"]
    for key, title, show, comparable in ROWS:
        if not any(key in peers[name] for name in names):
            continue
        cells = [show(peers[n][key]) if key in peers[n] else "–" for n in names]
        cells += [ratio(peers, key, n) if comparable else "" for n in ratios]
        lines.append("| " + " | ".join([title, *cells]) + " |")
    return "\n".join([*lines, ""])


# ---- targets -------------------------------------------------------------------------------------


def value_of(results, case, key, peer="pingap"):
    """A measured value or None."""
    return results.get(case, {}).get("peers", {}).get(peer, {}).get(key)


def over(top, bottom):
    """A quotient or None."""
    return top / bottom if top is not None and bottom else None


def best_peer(results, case, key):
    """The least value of a peer."""
    values = [value_of(results, case, key, name) for name in PEERS if name != "pingap"]
    return min((value for value in values if value is not None), default=None)


def times(value):
    """0.74 ×"""
    return f"{value:.2f} ×"


def targets(results):
    """(what, measured or None, limit, how it is shown) of every target."""
    def mine(case, key):
        return value_of(results, case, key)

    def against(case, peer):
        return over(mine(case, "shared_cpu_us"), value_of(results, case, "shared_cpu_us", peer))

    def against_best(case):
        return over(mine(case, "shared_cpu_us"), best_peer(results, case, "shared_cpu_us"))

    def locations(key):
        return over(mine("locations-10000", key), mine("locations-10", key))

    return [
        ("1 KiB: user instructions", mine("1k-64", "instructions"), 7000, plain),
        ("1 KiB with access log: user instructions", mine("1k-64-log", "instructions"), 8500,
         plain),
        ("1 KiB: system calls beside epoll_wait", mine("1k-64", "calls"), 4.1, plain),
        ("1 KiB: heap allocations", mine("1k-64", "allocations"), 0.004, plain),
        ("1 KiB: CPU time, of the best peer's",
         against_best("1k-64"), 0.75, times),
        ("100 KiB: CPU time, of HAProxy's", against("100k", "haproxy"), 0.9, times),
        ("10 MiB: CPU time, of HAProxy's", against("10m", "haproxy"), 0.9, times),
        ("one request per connection: CPU time, of nginx's",
         against("one-per-connection", "nginx"), 0.85, times),
        ("10,000 locations: user instructions, of those with 10", locations("instructions"), 1.1,
         times),
        ("TLS, HTTP/1.1: CPU time, of the better peer's", against_best("tls"), 0.8, times),
        ("TLS, HTTP/2: CPU time, of the better peer's", against_best("h2"), 0.7, times),
        ("HTTP/2 in the clear: CPU time, of the better peer's", against_best("h2c"), 0.6, times),
        ("HTTP/2 on both sides: CPU time, of HAProxy's", against("h2c-h2c", "haproxy"), 0.5, times),
        ("gRPC calls: p99 added at a tenth of the rate reached, µs", mine("grpc", "added_p99_us"),
         1000, plain),
        ("full handshakes: CPU time, of nginx's", against("handshake", "nginx"), 1.0, times),
        ("resumed handshakes: CPU time, of nginx's", against("resumption", "nginx"), 1.0, times),
        ("an idle TLS connection", mine("idle-tls", "idle_bytes"), 12e3, size),
        ("memory after start", mine("idle", "start_bytes"), 15e6, size),
        ("10,000 idle connections add", over(mine("idle", "idle_bytes"), 1e-4), 10e6, size),
        ("p99 added at a tenth of the rate reached, µs", mine("1k-64", "added_p99_us"), 1000,
         plain),
    ]


def target_table(results):
    """The targets as Markdown."""
    lines = ["| target | at most | measured | |", "|---|--:|--:|---|"]
    for what, measured, limit, show in targets(results):
        if measured is None:
            lines.append(f"| {what} | {show(limit)} | not measured | |")
            continue
        met = "met" if measured <= limit else "**missed**"
        lines.append(f"| {what} | {show(limit)} | {show(measured)} | {met} |")
    return "\n".join([*lines, ""])


# ---- the document --------------------------------------------------------------------------------


def machine():
    """The kind of machine, without its name."""
    cpu = re.search(r"^model name\s*: (.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    cores = len(re.findall(r"^processor\s*:", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{cpu.group(1) if cpu else platform.machine()}, {cores} cores, Linux {kernel}"


def write(results):
    """Puts the tables between the marks of docs/performance.md."""
    versions, dates = {}, set()
    for case in results.values():
        versions |= case["versions"]
        dates.add(case["date"])
    told = ", ".join(f"{TITLES[n]} {versions[n]}" for n in PEERS if n in versions)
    days = " to ".join(sorted({min(dates), max(dates)})) if dates else ""
    parts = [BEGIN, f"Machine: {machine()}. Measured {days}: {told}.\n", "### Targets\n",
             target_table(results)]
    parts += [case_table(case, results[name]) for name, case in CASES.items() if name in results]
    text = DOCUMENT.read_text()
    start, end = text.index(BEGIN), text.index(END)
    DOCUMENT.write_text(text[:start] + "\n".join(parts) + text[end:])
