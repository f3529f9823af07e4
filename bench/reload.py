#!/usr/bin/python3
"""How long a reload takes, what requests notice of it, and what it leaves behind; and upgrades.

    bench/reload.py --binary build/release/pingap [--locations 1000] [--upstreams 200]
                    [--reloads 200] [--upgrades 0] [--load 0] [--quiet 50] [--full]

Each reload changes one location; with `--full` there are health checks, a plugin, a certificate and
an access log, too. A reload is from `reload` on the command socket to the answer: the
file is read, parsed, checked and built, every worker goes by it, and the revision is on the disk.
Meanwhile requests go over kept connections, one after the other; none may fail. Memory is that of
the process after ten reloads and at the end. `--load N` has wrk ask for as much as it can over N
connections while there are reloads; what it cannot get is told, too. An upgrade is `pingap upgrade` from its start to its
end, with the same requests, after the reloads.

What a worker has to do for a reload is the CPU time that its thread takes while there is one and no
request (`--quiet` reloads, at the end): all its turns together, so no pause was longer.
"""
import argparse
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

from peers import free_port, wait_for


def config(options, port, backend, turn, folder, every=0):
    """A configuration in which one location differs by `turn`, and each upstream by `every`."""
    lines = [f'[basic]\nthreads = 2\nupgrade_sock = "{folder}/command.sock"\n'
             f'log_level = "error"\npid_file = "{folder}/pid"\n']
    check = location = server = ""
    if options.full:
        check = 'health_check = "http://b/?interval=1s"\n'
        location = 'plugins = ["limit", "id"]\n'
        server = f'access_log = "{folder}/access.log json"\n'
        lines.append('[plugins.limit]\ntype = "rate_limit"\nrate = 1000000\n'
                     '[plugins.id]\ntype = "request_id"\n'
                     f'[servers.t]\naddr = "127.0.0.1:0"\nlocations = ["l0"]\n'
                     f'tls_cert = "{folder}/cert.pem"\ntls_key = "{folder}/key.pem"\n')
    for i in range(options.upstreams):
        lines.append(f'[upstreams.u{i}]\naddrs = ["127.0.0.1:{backend}"]\n'
                     f'read_timeout = "{60 + every}s"\n{check}')
    for i in range(options.locations):
        lines.append(f'[locations.l{i}]\nupstream = "u{i % options.upstreams}"\npath = "/p{i}/"\n'
                     f'headers_set = ["X-Turn: {turn if i == 0 else 0}"]\n{location}')
    names = ", ".join(f'"l{i}"' for i in range(options.locations))
    lines.append(f'[servers.s]\naddr = "127.0.0.1:{port}"\nlocations = [{names}]\n{server}')
    return "\n".join(lines)


def make_certificate(folder):
    """For a server with TLS."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a.test", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem"], check=True,
                   stderr=subprocess.DEVNULL)


def resident(pid):
    """KiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def worker_times(pid):
    """Nanoseconds of CPU time that each worker's thread has taken: {thread: time}."""
    times = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text(encoding="ascii").startswith("pingap-worker"):
            times[task.name] = int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return times


def measure_pauses(options, pid, write, command):
    """Prints what reloads cost a worker while nobody asks for anything."""
    for what, changes in (("one location", lambda turn: (-1 - turn, 0)),
                          ("every upstream", lambda turn: (0, 1 + turn))):
        took = []
        for turn in range(options.quiet):
            write(*changes(turn))
            before = worker_times(pid)
            reload(command)
            time.sleep(0.02)  # also for what is taken down behind it
            took += [(now - before[thread]) / 1e6 for thread, now in worker_times(pid).items()]
        took.sort()
        print(f"a worker, {what} changed: median {took[len(took) // 2]:.2f} ms, "
              f"longest {took[-1]:.2f} ms")


def reload(path):
    """Milliseconds; ends the program when it is refused."""
    begun = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)
        peer.sendall(b"pingap 1 reload\n\n")
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := peer.recv(65536):
            answer += piece
    if not answer.startswith(b"0\n"):
        raise SystemExit(answer.decode())
    return (time.perf_counter() - begun) * 1000


class Load(threading.Thread):
    """Requests, one after the other, on one connection."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.times, self.failures = port, [], []
        self.ended = threading.Event()

    def run(self):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        while not self.ended.is_set():
            begun = time.perf_counter()
            try:
                client.request("GET", "/p0/")
                answer = client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
                continue
            if answer.status != 200:
                self.failures.append(answer.status)
            self.times.append((time.perf_counter() - begun) * 1000)

    def taken(self):
        """The times so far, once."""
        times, self.times = self.times, []
        return times


def run(options, folder):
    """Measures, and prints a line."""
    port, backend = free_port(), free_port()
    file, command = folder / "pingap.toml", str(folder / "command.sock")

    def write(turn, every=0):
        file.write_text(config(options, port, backend, turn, folder, every))

    if options.full:
        make_certificate(folder)

    write(0)
    origin = subprocess.Popen([options.binary, "demo-backend", "--listen", f"127.0.0.1:{backend}"],
                              stderr=subprocess.DEVNULL)
    product = subprocess.Popen([options.binary, "run", "--config", str(file)])
    try:
        wait_for(backend, origin, 20)
        wait_for(port, product, 20)
        loads = [Load(port) for _ in range(options.clients)]
        for load in loads:
            load.start()
        times, early = [], 0
        beside = start_load(options, port)
        for turn in range(1, options.reloads + 1):
            write(turn)
            times.append(reload(command))
            if turn == min(10, options.reloads):
                early = resident(product.pid)
        report("reloads", times, loads)
        end_load(beside)
        print(f"memory: {early} KiB after ten, {resident(product.pid)} KiB at the end")
        if options.upgrades:
            report("upgrades", [upgrade(options, file) for _ in range(options.upgrades)], loads)
        for load in loads:
            load.ended.set()
        for load in loads:
            load.join()
        if options.quiet and not options.upgrades:
            measure_pauses(options, product.pid, write, command)
    finally:
        newest = folder / "pid"
        if newest.exists():
            os.kill(int(newest.read_text(encoding="ascii")), signal.SIGTERM)
        for process in (product, origin):
            process.terminate()
            process.wait(40)


def start_load(options, port):
    """wrk, or None."""
    if not options.load:
        return None
    return subprocess.Popen(["wrk", "-t1", f"-c{options.load}", "-d600", "--latency",
                             f"http://127.0.0.1:{port}/p1/"], stdout=subprocess.PIPE, text=True)


def end_load(wrk):
    """Prints what it has seen, in its own words."""
    if wrk is None:
        return
    wrk.send_signal(signal.SIGINT)
    said = wrk.communicate(timeout=20)[0]
    wanted = r"requests in|Requests/sec|99%|Latency +\d|Socket errors|Non-2xx"
    print("beside: " + "; ".join(" ".join(line.split()) for line in said.splitlines()
                                 if re.search(wanted, line)))


def upgrade(options, file):
    """Milliseconds; ends the program when it fails."""
    begun = time.perf_counter()
    subprocess.run([options.binary, "upgrade", "--config", str(file)], check=True,
                   stdout=subprocess.DEVNULL, timeout=60)
    return (time.perf_counter() - begun) * 1000


def report(what, times, loads):
    """Prints a line; the requests are those since the one before."""
    requests = sorted(time for load in loads for time in load.taken())
    failures = [failure for load in loads for failure in load.failures]
    times.sort()
    print(f"{what} {len(times)}: median {times[len(times) // 2]:.1f} ms, "
          f"longest {times[-1]:.1f} ms")
    print(f"requests {len(requests)}: median {requests[len(requests) // 2]:.2f} ms, "
          f"longest {requests[-1]:.1f} ms, failed {len(failures)} {failures[:3] or ''}")


def main():
    parser = argparse.ArgumentParser(description="measures reloads")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--locations", type=int, default=1000)
    parser.add_argument("--upstreams", type=int, default=200)
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--upgrades", type=int, default=0)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--quiet", type=int, default=50)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory(prefix="pingap-reload-") as folder:
        run(options, pathlib.Path(folder))


if __name__ == "__main__":
    main()
