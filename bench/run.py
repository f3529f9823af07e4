#!/usr/bin/python3
"""Compares pingap with nginx, HAProxy, h2o and Caddy; `./dev bench` runs this.

    bench/run.py [CASE...] [--peers a,b] [--quick] [--list] [--no-document]
    bench/run.py --profile CASE [--peers pingap]    where the user instructions go
    bench/run.py --train FOLDER                     counts for the compiler

Each case is measured alone and kept in build/bench/results.json; the tables of
docs/performance.md are made anew from all that is kept. The method is described there.
"""
import argparse
import contextlib
import datetime
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import report
from cases import CASES
from peers import LOAD_CORE, PEERS, running, running_origin

RESULTS = measure.BUILD / "results.json"


def say(text):
    """Progress: what is going on, with the time of day."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def fitting_peers(case, names):
    """The installed peers that take part in a case."""
    peers = [PEERS[name] for name in names]
    missing = [peer.name for peer in peers if not peer.found()]
    if missing:
        say(f"not there, left out: {', '.join(missing)}")
    return [peer for peer in peers
            if peer.name not in missing and case.protocol in peer.protocols
            and case.backend in peer.backends
            and (case.locations == 0 or peer.many_locations)
            and case.plugins in peer.plugins and case.observed in peer.observed]


def least_load(case, proxies, quick, where):
    """{peer: what a load costs}: the proxies are loaded in turn, several times."""
    rounds, seconds = (1, 2) if quick else (4, 3)
    best = {}
    for number in range(rounds):
        for proxy in proxies:
            say(f"{case.name}: {proxy.peer.name}: load {where}, round {number + 1} of {rounds}")
            result = measure.saturate(proxy, case, seconds)
            old = best.get(proxy.peer.name)
            # What disturbs a run only adds to it: the least of the rounds is the truest.
            if old is None or result["cpu_us"] < old["cpu_us"]:
                best[proxy.peer.name] = result
    return best


def measure_load(case, peers, folder, origin, quick):
    """Rate, latency and CPU time, on a core of their own and on the load's."""
    with contextlib.ExitStack() as stack:
        proxies = [stack.enter_context(running(peer, case.setting, folder, origin))
                   for peer in peers]
        best = least_load(case, proxies, quick, "on two cores")
        if case.name in ("1k-64", "grpc"):
            for proxy in proxies:
                say(f"{case.name}: {proxy.peer.name}: latency at a tenth of its rate")
                best[proxy.peer.name] |= added_latency(proxy, case, origin,
                                                       best[proxy.peer.name]["rate"] / 10)
        for proxy in proxies:
            measure.join_load(proxy)
        for name, result in least_load(case, proxies, quick, "on one core").items():
            best[name] |= {f"shared_{key}": result[key] for key in ("cpu_us", "rate")}
    return best


def added_latency(proxy, case, origin, rate):
    """What the proxy adds to the origin's own latency in an open loop of `rate`."""
    options = ("-n", int(rate), "--rate", rate)
    pairs = [(measure.load(origin, case, *options), measure.load(proxy.port, case, *options))
             for _ in range(7)]
    return {f"added_{key}": statistics.median(through[key] - direct[key]
                                              for direct, through in pairs)
            for key in ("p50_us", "p99_us")}


def counted(peer, case, folder, origin):
    """A proxy whose instructions are counted. On the load's core: then as many requests as there
    are share each of its turns, whatever else the machine does."""
    return running(peer, case.setting, folder, origin, prefix=measure.CALLGRIND,
                   env=measure.PLAIN_COPIES, core=LOAD_CORE)


def measure_exactly(case, peer, folder, origin, counters):
    """System calls, allocations, instructions: counted over a fixed number of requests."""
    result = {}
    if case.handshakes:
        return result  # CPU time says it
    with running(peer, case.setting, folder, origin) as proxy:
        measure.load(proxy.port, case, "-n", case.requests(4000))  # warm
        say(f"{case.name}: {peer.name}: system calls")
        calls, waits, busiest = measure.system_calls(proxy, case, case.requests(8000))
        result |= {"calls": calls, "waits": waits, "busiest": busiest}
        if counters and case.protocol == "http":
            say(f"{case.name}: {peer.name}: processor counters")
            result |= measure.perf(proxy, case, case.requests(50000))
    if not peer.native:
        return result
    say(f"{case.name}: {peer.name}: allocations")
    counter = measure.AllocationCounter(folder)
    with running(peer, case.setting, folder, origin, env=counter.env) as proxy:
        result["allocations"] = measure.allocations(proxy, counter, case, case.requests(10000))
    say(f"{case.name}: {peer.name}: user instructions")
    with counted(peer, case, folder, origin) as proxy:
        result["instructions"] = measure.callgrind(proxy, case, case.requests(4000),
                                                   folder / f"{peer.template}.d")
    return result


def train(counts, names):
    """Loads a counting build (PINGAP_BIN) with each case; at its end it writes its counts."""
    counts.mkdir(parents=True)
    peer = PEERS["pingap"]
    for name in names:
        case = CASES[name]
        say(f"{name}: counting")
        with work_folder() as folder, running_origin(folder, case.setting) as origin:
            env = {"LLVM_PROFILE_FILE": str(counts.resolve() / f"{name}.profraw")}
            with running(peer, case.setting, folder, origin, env=env) as proxy:
                measure.load(proxy.port, case, "-n", case.requests(100000))


def print_profile(case, peer):
    """User instructions per request by function."""
    requests = case.requests(4000)
    with work_folder() as folder, running_origin(folder, case.setting) as origin:
        with counted(peer, case, folder, origin) as proxy:
            own = folder / f"{peer.template}.d"
            total = measure.callgrind(proxy, case, requests, own)
        print(f"{peer.name}, {case.title}: {total:,.0f} user instructions per request")
        for count, name in measure.profile(own):
            print(f"{count / requests:10.1f}  {name}")


def measure_idle(case, peer, folder, origin):
    """Memory after start and per idle connection."""
    say(f"{case.name}: {peer.name}: memory")
    with running(peer, case.setting, folder, origin) as proxy:
        at_start, each = measure.idle_memory(proxy, case)
    return {"start_bytes": at_start, "idle_bytes": each}


def run_case(case, names, quick, counters):
    """All measurements of a case: {peer: {measure: value}}."""
    peers = fitting_peers(case, names)
    with work_folder() as folder, running_origin(folder, case.setting) as origin:
        if case.idle:
            return {peer.name: measure_idle(case, peer, folder, origin) for peer in peers}
        results = measure_load(case, peers, folder, origin, quick)
        for peer in peers:
            results[peer.name] |= measure_exactly(case, peer, folder, origin, counters)
        return results


@contextlib.contextmanager
def work_folder():
    """A folder for logs and files, in memory where there is some: no disk in the comparison."""
    shm = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=shm))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kept():
    """What earlier runs measured."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="all of them unless named")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="one short round of load; nothing is kept")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("--profile", action="store_true", help="of the named cases and peers")
    parser.add_argument("--train", metavar="FOLDER", type=pathlib.Path,
                        help="load a counting build of pingap; `./dev profile` does")
    parser.add_argument("--no-document", action="store_true", help="print the tables only")
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in CASES]
    unknown += [name for name in options.peers.split(",") if name not in PEERS]
    if unknown:
        parser.error(f"no such case or peer: {', '.join(unknown)}")
    return options


def main():
    options = arguments()
    if options.list:
        for case in CASES.values():
            print(f"{case.name:20} {case.title}")
        return
    measure.build_tools()
    for name in options.peers.split(","):
        PEERS[name].prepare()
    if options.train:
        train(options.train, options.cases or [case.name for case in CASES.values()
                                               if not case.idle])
        return
    if options.profile:
        for name in options.cases:
            for peer in fitting_peers(CASES[name], options.peers.split(",")):
                print_profile(CASES[name], peer)
        return
    counters = measure.has_counters()
    if not counters:
        say("this machine does not count instructions: CPU time and callgrind instead")
    for name in options.cases or CASES:
        start = time.monotonic()
        results = run_case(CASES[name], options.peers.split(","), options.quick, counters)
        case = {"peers": results, "date": datetime.date.today().isoformat(),
                "versions": {peer: PEERS[peer].version() for peer in results}}
        say(f"{name}: done in {time.monotonic() - start:.0f} s")
        print(report.case_table(CASES[name], case), flush=True)
        if not options.quick:
            # All peers of a case are of one run: what is kept is replaced, never mixed.
            RESULTS.write_text(json.dumps(kept() | {name: case}, indent=1))
    if not options.quick and not options.no_document:
        report.write(kept())
        say("docs/performance.md is up to date")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"bench: {error}")
