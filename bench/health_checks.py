#!/usr/bin/python3
"""What health checks cost: CPU time of pingap while it checks many servers and does nothing else.

    bench/health_checks.py [--upstreams N] [--servers N] [--interval S] [--seconds N]

All servers are ports of one nginx; each upstream has all of them, and checks each by itself.
"""
import argparse
import contextlib
import os
import pathlib
import subprocess
import time

from peers import LOAD_CORE, PEERS, PROXY_CORE, free_port, prepare_child, stop, wait_for
from run import work_folder

NGINX = """daemon off; pid {folder}/nginx.pid; error_log stderr crit; worker_processes 1;
worker_rlimit_nofile 100000;
events {{ worker_connections 50000; }}
http {{ access_log off; keepalive_requests 1000000; keepalive_timeout 1h;
server {{ {listens} location / {{ return 200; }} }} }}
"""
UPSTREAM = """[upstreams.u{i}]
addrs = [{addrs}]
health_check = "http://bench/health?interval={interval}s"
[locations.l{i}]
upstream = "u{i}"
path = "/{i}/"
"""


@contextlib.contextmanager
def started(command, folder, name, core, port):
    with open(folder / name, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   preexec_fn=prepare_child(core))
    try:
        wait_for(port, process, 30)
        yield process
    finally:
        stop(process)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def configs(folder, options):
    ports = [free_port() for _ in range(options.servers)]
    (folder / "nginx.conf").write_text(NGINX.format(
        folder=folder, listens=" ".join(f"listen 127.0.0.1:{port};" for port in ports)))
    addrs = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    port = free_port()
    names = ", ".join(f'"l{i}"' for i in range(options.upstreams))
    text = f'[servers.main]\naddr = "127.0.0.1:{port}"\nlocations = [{names}]\n[basic]\nthreads = 1\n'
    text += "".join(UPSTREAM.format(i=i, addrs=addrs, interval=options.interval)
                    for i in range(options.upstreams))
    (folder / "pingap.toml").write_text(text)
    return ports[0], port


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstreams", type=int, default=1000)
    parser.add_argument("--servers", type=int, default=10, help="of each upstream")
    parser.add_argument("--interval", type=int, default=5, help="seconds between checks of one")
    parser.add_argument("--seconds", type=int, default=20, help="to measure for")
    options = parser.parse_args()
    peer = PEERS["pingap"]
    peer.prepare()
    with work_folder() as folder:
        origin, port = configs(folder, options)
        with started(["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")], folder,
                     "nginx.out", LOAD_CORE, origin), \
                started(peer.command(folder / "pingap.toml"), folder, "pingap.out", PROXY_CORE,
                        port) as proxy:
            time.sleep(2 * options.interval)  # connections are made, the first checks are over
            before, start = cpu_seconds(proxy.pid), time.monotonic()
            time.sleep(options.seconds)
            took = cpu_seconds(proxy.pid) - before
            share = 100 * took / (time.monotonic() - start)
            checks = options.upstreams * options.servers / options.interval
            print(f"{checks:,.0f} checks a second: {share:.1f} % of a core, "
                  f"{1e6 * share / 100 / checks:.1f} µs each, {resident(proxy.pid):.0f} MiB; "
                  f"the log has {(folder / 'pingap.out').read_text().count(chr(10))} lines")


if __name__ == "__main__":
    main()
