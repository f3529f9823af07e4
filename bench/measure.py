"""What is measured of a running proxy. Every number is per request, and every wait has an end."""
import json
import mmap
import os
import pathlib
import re
import signal
import struct
import subprocess
import time

from peers import BUILD, LOAD_CORE, TOP, prepare_child, stop

HOST = "bench.example:8080"
TICK = os.sysconf("SC_CLK_TCK")


def build_tools():
    """Compiles the load generator and the allocation counter where they are not current."""
    BUILD.mkdir(parents=True, exist_ok=True)
    jobs = {"load": ["clang++-19", "-std=c++20", "-O2", "load.cc"],
            "alloc_count.so": ["clang-19", "-O2", "-shared", "-fPIC", "alloc_count.c"]}
    for name, command in jobs.items():
        source, target = TOP / "bench" / command[-1], BUILD / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([*command[:-1], str(source), "-o", str(target)], check=True, timeout=120)


def run_tool(command, seconds):
    """The output of a tool on the load's core."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False,
                          preexec_fn=prepare_child(LOAD_CORE))
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def load_command(port, case, *options):
    """argv of our load generator for a case; `options` come last and so win."""
    return [str(BUILD / "load"), "--port", str(port), "--path", case.path,
            "-c", str(case.connections), *case.options, *map(str, options)]


# A message of 32 bytes behind its prefix.
GRPC_CALL = b"\0\0\0\0\x20" + bytes(range(32))


def h2load_options(case, rate):
    """What h2load is told of a case, beside how much and where."""
    options = ["-c", str(case.connections), "-m", str(case.streams)]
    if case.protocol == "https":
        options.append("--h1")
    if rate > 0:
        options.append(f"--rps={max(1, round(rate / case.connections))}")
    if case.grpc:
        call = BUILD / "grpc.call"
        call.write_bytes(GRPC_CALL)
        options += ["-d", str(call), "-H", "content-type: application/grpc", "-H", "te: trailers"]
    return options


def h2load(port, case, requests, seconds, rate=0):
    """One run of h2load in the form of load()'s result: it speaks TLS and HTTP/2. `rate`: requests
    a second in an open loop, 0 = as fast as it goes."""
    scheme = "http" if case.protocol == "h2c" else "https"
    log = BUILD / "h2load.log"
    log.unlink(missing_ok=True)
    # The name with the certificate is not in any DNS: only the header is of it.
    out = run_tool(["h2load", "-n", str(requests), *h2load_options(case, rate),
                    "-H", f":authority: {HOST}",
                    f"--log-file={log}", f"{scheme}://127.0.0.1:{port}{case.path}"], seconds)
    took = re.search(r"finished in ([\d.]+)(us|ms|s)", out)
    good = int(re.search(r"status codes: (\d+) 2xx", out).group(1))
    if good != requests:
        raise RuntimeError(f"h2load: {requests - good} of {requests} requests failed")
    times = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
    return {"requests": good, "errors": 0,
            "seconds": float(took.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1}[took.group(2)],
            "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}


def handshakes(port, case, duration):
    """One run of openssl's s_time: a connection after the other, each with a request."""
    out = run_tool(["openssl", "s_time", "-connect", f"127.0.0.1:{port}", f"-{case.handshakes}",
                    "-www", case.path, "-time", str(duration)], duration + 30)
    # It loads twice as long for -reuse: first to get a session.
    count, seconds = re.findall(r"(\d+) connections in (\d+) real seconds", out)[-1]
    return {"requests": int(count), "seconds": float(seconds), "errors": 0,
            "p50_us": 1e6 * float(seconds) / int(count), "p99_us": 0}


def load(port, case, *options, seconds=120):
    """One run of our load generator; fails on errors."""
    if case.protocol != "http":
        rate = options[options.index("--rate") + 1] if "--rate" in options else 0
        return h2load(port, case, int(options[options.index("-n") + 1]), seconds, rate)
    result = json.loads(run_tool(load_command(port, case, *options), seconds))
    if result["errors"] > 0:
        raise RuntimeError(f"{result['errors']} of {result['requests']} requests failed")
    return result


def wrk(port, case, duration):
    """One run of wrk in the form of load()'s result."""
    out = run_tool(["wrk", "-t1", f"-c{case.connections}", f"-d{duration}s", "--latency",
                    "-H", f"Host: {HOST}", f"http://127.0.0.1:{port}{case.path}"], duration + 30)
    if "Non-2xx" in out:
        raise RuntimeError(f"wrk: {out[-400:]}")
    count, seconds = re.search(r"(\d+) requests in ([\d.]+)s", out).groups()
    unit = {"us": 1, "ms": 1e3, "s": 1e6}

    def percentile(name):
        number, suffix = re.search(rf"\s{name}%\s+([\d.]+)(us|ms|s)\s", out).groups()
        return float(number) * unit[suffix]

    return {"requests": int(count), "seconds": float(seconds),
            "p50_us": percentile(50), "p99_us": percentile(99)}


def cpu_time(pid):
    """(all, user, system) seconds of a process so far.

    The scheduler counts all of it in nanoseconds; how it divides is sampled at clock ticks.
    """
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    run_ns = sum(int(path.read_text().split()[0]) for path in tasks)
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return run_ns / 1e9, int(fields[11]) / TICK, int(fields[12]) / TICK


def join_load(proxy):
    """Moves all threads of a proxy to the load's core, where they interrupt nobody: else a proxy
    is woken the more often the less time it needs, and pays for each time."""
    for task in pathlib.Path(f"/proc/{proxy.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {LOAD_CORE})
        os.sched_setscheduler(int(task.name), os.SCHED_BATCH, os.sched_param(0))


def saturate(proxy, case, duration):
    """Closed loop for `duration` seconds: rate, latency and CPU time per request."""
    before = cpu_time(proxy.pid)
    if case.handshakes:
        result = handshakes(proxy.port, case, duration)
    elif case.with_wrk:
        result = wrk(proxy.port, case, duration)
    else:
        result = load(proxy.port, case, "-n", case.per_second * duration)
    used, user, system = (after - start for after, start in zip(cpu_time(proxy.pid), before))
    count = result["requests"]
    user_part = user / (user + system) if user + system > 0 else 0
    cpu_us = used / count * 1e6
    return {"rate": count / result["seconds"], "p50_us": result["p50_us"],
            "p99_us": result["p99_us"], "cpu_us": cpu_us, "user_us": cpu_us * user_part,
            "system_us": cpu_us * (1 - user_part)}


# ---- instructions --------------------------------------------------------------------------------

EVENTS = ("instructions:u", "instructions:k", "cycles:u", "cycles:k")


def perf_counts(command, events):
    """{event: count} of a `perf stat` command; {} where the machine does not count."""
    done = subprocess.run(["perf", "stat", "-x,", "-e", ",".join(events), *command],
                          capture_output=True, text=True, timeout=120, check=False)
    counts = {}
    for line in done.stderr.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[0].replace(".", "").isdigit():
            counts[fields[2]] = float(fields[0])
    return counts


def has_counters():
    """Whether this machine counts instructions."""
    try:
        return len(perf_counts(["true"], EVENTS)) == len(EVENTS)
    except FileNotFoundError:
        return False


def perf(proxy, case, requests, events=EVENTS):
    """Counter values per request of the running proxy."""
    # perf counts the proxy for as long as its own command, the load, runs.
    command = ["-p", str(proxy.pid), "--", "taskset", "-c", str(LOAD_CORE),
               *load_command(proxy.port, case, "-n", requests)]
    return {event: count / requests for event, count in perf_counts(command, events).items()}


CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=callgrind",
             "--trace-children=no", "--quiet"]
# Each byte that `rep movsb` copies would count as an instruction.
PLAIN_COPIES = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=1000000000:"
                                  "glibc.cpu.x86_rep_stosb_threshold=1000000000"}


def callgrind_control(pid, order):
    """Tells the valgrind that runs `pid`."""
    subprocess.run(["callgrind_control", order, str(pid)], check=True, capture_output=True,
                   timeout=60)


def callgrind(proxy, case, requests, folder):
    """Exact user instructions per request of a proxy that was started with CALLGRIND in front.

    Start-up and warm-up are not counted: counting is switched on between two loads. Nor are the
    handshakes of TLS: those of a load of no more than its connections are subtracted.
    """
    load(proxy.port, case, "-n", max(case.connections * 2, 200))
    if not case.setting.tls:
        # What the process does once, soon after its start, only adds to one of them.
        return min(count_load(proxy, case, requests, folder) for _ in range(4)) / requests
    opening = count_load(proxy, case, case.connections, folder)
    return (count_load(proxy, case, requests + case.connections, folder) - opening) / requests


def count_load(proxy, case, requests, folder):
    """User instructions of a load; the last dump of callgrind in `folder` is of it.

    Where callgrind is switched on within a function its sums may wrap around below zero: such a
    load is made again.
    """
    for _ in range(5):
        count = count_once(proxy, case, requests, folder)
        if count < 1 << 60:
            return count
    raise RuntimeError("callgrind does not count")


def count_once(proxy, case, requests, folder):
    """As count_load(), whatever comes of it."""
    callgrind_control(proxy.pid, "--instr=on")
    load(proxy.port, case, "-n", requests)
    callgrind_control(proxy.pid, "--dump")
    callgrind_control(proxy.pid, "--instr=off")
    last = max(folder.glob("callgrind.*"), key=lambda path: path.stat().st_mtime_ns)
    return max(int(line.split()[1]) for line in last.read_text(errors="replace").splitlines()
               if line.startswith(("totals:", "summary:")))


def profile(folder, lines=40):
    """Where the instructions went: the functions of the last dump of callgrind in `folder`."""
    dumps = sorted(folder.glob("callgrind.*"), key=lambda path: path.stat().st_size)
    out = run_tool(["callgrind_annotate", "--threshold=95", str(dumps[-1])], 60)
    found = re.findall(r"^ *([\d,]+) \( *[\d.]+%\)\s+(.*)$", out, re.M)[1:lines + 1]
    return [(int(count.replace(",", "")), re.sub(r"^\S*?:|\s*\[[^]]*\]$", "", name))
            for count, name in found]


# ---- system calls, allocations, memory -----------------------------------------------------------

WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")


def system_calls(proxy, case, requests):
    """System calls per request: (all but waiting, waiting, {name: calls})."""
    command = ["strace", "-f", "-c", "-U", "name,calls", "-p", str(proxy.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        tracer.stderr.readline()  # "strace: Process N attached"
        load(proxy.port, case, "-n", requests)
        tracer.send_signal(signal.SIGINT)
        text = tracer.communicate(timeout=20)[1]
    finally:
        stop(tracer)
    calls = {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)\s*$", text, re.M)
             if name != "total"}
    waits = sum(calls.get(name, 0) for name in WAITS)
    busiest = sorted(calls.items(), key=lambda item: -item[1])[:6]
    return ((sum(calls.values()) - waits) / requests, waits / requests,
            {name: round(count / requests, 2) for name, count in busiest})


class AllocationCounter:
    """The shared counter of bench/alloc_count.c."""

    def __init__(self, folder):
        self.path = folder / "alloc_count"
        self.path.write_bytes(bytes(4096))
        self.path.chmod(0o666)
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)
        self.env = {"LD_PRELOAD": str(BUILD / "alloc_count.so"),
                    "ALLOC_COUNT_FILE": str(self.path)}

    def value(self):
        """Allocations so far."""
        return struct.unpack("Q", self.map[:8])[0]


def allocations(proxy, counter, case, requests):
    """Heap allocations per request, after a warm-up that fills pools and free lists."""
    load(proxy.port, case, "-n", case.requests(max(case.connections * 20, 2000)) + case.connections)
    before = counter.value()
    load(proxy.port, case, "-n", requests)
    return (counter.value() - before) / requests


def memory(pid):
    """PSS of a process in bytes."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1)) * 1024


def idle_memory(proxy, case):
    """(PSS after start, bytes per idle connection) with case.connections held idle."""
    time.sleep(0.5)
    at_start = memory(proxy.pid)
    if case.protocol == "https":
        command = [str(TOP / "bench/hold_tls.py"), str(proxy.port), str(case.connections),
                   case.path, HOST]
    else:
        command = load_command(proxy.port, case, "--hold")
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              start_new_session=True, preexec_fn=prepare_child(LOAD_CORE))
    try:
        result = json.loads(holder.stdout.readline())
        if result["errors"] > 0:
            raise RuntimeError(f"{result['errors']} connections failed")
        time.sleep(1)
        held = memory(proxy.pid)
        # They are held, not dropped: the proxy still answers beside them.
        if case.protocol == "http":
            load(proxy.port, case, "-c", 1, "-n", 10)
    finally:
        holder.stdin.close()
        stop(holder)
    return at_start, (held - at_start) / case.connections
