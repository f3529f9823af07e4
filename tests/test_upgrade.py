"""A new process takes the place of the one that runs, and nobody notices."""

import copy
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading

import pytest

from rig import toml
from rig.client import Client, Closed, request
from rig.deadline import holds, until
from rig.origin import Gate, Origin, in_the_middle
from rig.product import Product, binary, config, front, run
from rig.standin import find
from rig.tls import TlsClient, authority, context
from test_reload_command import behind_a_link


def write(product, conf):
    with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
        file.write(conf if isinstance(conf, str) else toml.dumps(conf))


class Upgraded:
    """What came after a product; ended with it."""

    def __init__(self, product):
        self.product = product
        self.pids = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.pids:
            end(pid)

    def upgrade(self, wanted=0):
        code, out, err = self.product.order("upgrade")
        assert code == wanted, err
        if code == 0:
            self.pids.append(int(out.split()[1]))
        return out + err


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(pid):
    if alive(pid):
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
    until(lambda: not alive(pid), f"{pid} ends")


def test_the_new_process_serves_at_the_same_address():
    with Origin() as origin, front(origin) as product, Upgraded(product) as then:
        with product.client() as client:
            assert client.get("/").status == 200
            then.upgrade()
            product.process.wait(5)
            assert product.process.returncode == 0
            client.wait_closed()
        assert product.get("/").status == 200
        assert product.order("reload")[0] == 0  # by the new one
        then.upgrade()
        until(lambda: not alive(then.pids[0]), "the second ends")
        assert product.get("/").status == 200


def test_by_a_signal():
    with Origin() as origin, front(origin) as product, Upgraded(product) as then:
        product.process.send_signal(signal.SIGUSR2)
        line = product.wait_line(r"process \d+ has taken over")
        then.pids.append(int(line.split("process ")[1].split()[0]))
        product.process.wait(5)
        assert product.get("/").status == 200


def test_by_hand(tmp_path):
    """Started by somebody else, with --upgrade."""
    where = {"upgrade_sock": str(tmp_path / "p.sock")}
    with Origin() as origin, front(origin, basic=where) as product:
        with Product(product.conf, options=["--upgrade"]) as second:
            product.process.wait(5)
            assert second.get("/").status == 200
            assert second.addresses == product.addresses


def test_nobody_is_lost_in_twenty_in_a_row():
    statuses, stop, failures = [], threading.Event(), []
    with Origin() as origin, front(origin, basic={"threads": 2}) as product, \
            Upgraded(product) as then:
        def ask(kept):
            client = None
            while not stop.is_set():
                try:
                    client = client or product.client()
                    answer = client.get("/")
                except (OSError, Closed) as error:
                    failures.append(error)
                    return
                statuses.append(answer.status)
                if not kept or answer.get("Connection") == "close":
                    client.close()
                    client = None

        threads = [threading.Thread(target=ask, args=(turn % 2,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            then.upgrade()
        stop.set()
        for thread in threads:
            thread.join()
        until(lambda: not any(alive(pid) for pid in then.pids[:-1]), "those between end")
    assert len(statuses) > 100 and set(statuses) == {200} and not failures


def test_what_has_begun_ends_in_the_old_one():
    gate = Gate()
    with Origin(in_the_middle(gate)) as origin, front(origin) as product, Upgraded(product) as then:
        with product.client() as client:
            client.send(request("/"))
            until(lambda: origin.requests, "it is there")
            then.upgrade()
            assert product.process.poll() is None
            gate.open()
            assert client.response().body == b"abcd"
        product.process.wait(5)


@pytest.mark.parametrize("broken", ["[nonsense", "[servers.a]\naddr = '192.0.2.1:80'\n"])
def test_one_that_does_not_start_changes_nothing(broken):
    with Origin() as origin, front(origin) as product, Upgraded(product) as then:
        write(product, broken)
        assert "the new process ended with exit code" in then.upgrade(wanted=1)
        assert product.get("/").status == 200
        write(product, product.conf)
        then.upgrade()
        product.process.wait(5)
        assert product.get("/").status == 200


def test_another_number_of_workers():
    """No socket is left without one who takes its connections."""
    with Origin() as origin, front(origin, basic={"threads": 4}) as product, \
            Upgraded(product) as then:
        for threads in (1, 3, 2):
            product.conf["basic"]["threads"] = threads
            write(product, product.conf)
            then.upgrade()
            for _ in range(40):
                assert product.get("/").status == 200


def test_addresses_of_unix_sockets_and_new_ones(tmp_path):
    path = str(tmp_path / "front.sock")
    with Origin() as origin, front(origin, server={"addr": f"unix:{path}"}) as product, \
            Upgraded(product) as then:
        then.upgrade()
        product.process.wait(5)
        with Client(path) as client:
            assert client.get("/").status == 200
    until(lambda: not os.path.exists(path), "its file is taken away at the end")


def test_files_stay_right(tmp_path):
    pid_file = tmp_path / "pingap.pid"
    with Origin() as origin, front(origin, basic={"pid_file": str(pid_file)}) as product, \
            Upgraded(product) as then:
        assert int(pid_file.read_text()) == product.process.pid
        then.upgrade()
        assert int(pid_file.read_text()) == then.pids[0], "it is right once that has returned"
        product.process.wait(5)
        sockets = os.listdir(product.runtime.name)
        assert len(sockets) == 1
        assert stat.S_ISSOCK(os.stat(os.path.join(product.runtime.name, sockets[0])).st_mode)
    assert not pid_file.exists()


@pytest.mark.parametrize("before,after", [("", "a.sock"), ("a.sock", "b.sock"), ("a.sock", "")])
def test_another_place_for_commands(tmp_path, before, after):
    """Only a restart takes it up; until then commands find the process where it is."""
    def basic(name):
        return {"upgrade_sock": str(tmp_path / name) if name else ""}

    with Origin() as origin, front(origin, basic=basic(before)) as product, \
            Upgraded(product) as then:
        product.conf["basic"].update(basic(after))
        write(product, product.conf)
        code, out, err = product.order("reload")
        assert code == 0 and "only a restart takes up upgrade_sock" in out, err
        assert product.order("status")[0] == 0
        for _ in range(2):
            then.upgrade()
        assert product.order("reload")[0] == 0
        assert product.get("/").status == 200
        end(then.pids[-1])
        assert os.listdir(tmp_path) == os.listdir(product.runtime.name) == []
        product.start()
        assert product.order("status")[0] == 0
        if after:
            assert os.listdir(tmp_path) == [after]


def test_an_end_in_the_middle_ends_both():
    with Origin() as origin, front(origin) as product:
        conf = product.conf
        conf["upstreams"]["late"] = {"addrs": ["late.example:80"], "dns_server": "127.0.0.1:9"}
        write(product, conf)
        thread = threading.Thread(target=lambda: product.order("upgrade"))
        thread.start()
        line = product.wait_line(r"upgrade: started .* as process \d+")
        child = int(line.rsplit(" ", 1)[1])
        product.process.send_signal(signal.SIGTERM)
        product.process.wait(10)
        thread.join()
        until(lambda: not alive(child), "the new one ends, too", 10)


def test_a_reload_meanwhile_is_not_lost():
    """The new process has read the text before, and waits for servers."""
    with Origin() as origin, front(origin) as product, Upgraded(product) as then:
        late = copy.deepcopy(product.conf)
        late["upstreams"]["late"] = {"addrs": ["late.example:80"], "dns_server": "127.0.0.1:9"}
        late["locations"]["late"] = {"upstream": "late"}  # in no server: it is warned of
        write(product, late)
        thread = threading.Thread(target=then.upgrade)
        thread.start()
        product.wait_line(r"warning: .*\[locations.late\]")
        product.conf["locations"]["all"]["headers_set"] = ["X-Text: new"]
        write(product, product.conf)
        assert product.order("reload")[0] == 0
        thread.join()
        until(lambda: product.get("/").get("X-Text") == "new", "it has been taken up")
        product.wait_line("configuration reloaded")
        until(lambda: "upgrade" in product.order("history")[1].splitlines()[1], "it is the newest")


def test_a_link_to_another_version(tmp_path):
    """What is started is what the link leads to then."""
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        shutil.copy(binary(), tmp_path / version / "pingap")
    link = tmp_path / "pingap"
    link.symlink_to("v1/pingap")
    with Origin() as origin, front(origin, {"program": str(link)}) as product, \
            Upgraded(product) as then:
        assert os.readlink(f"/proc/{product.process.pid}/exe") == str(tmp_path / "v1" / "pingap")
        link.unlink()
        link.symlink_to("v2/pingap")
        for _ in range(2):
            then.upgrade()
            running = os.readlink(f"/proc/{then.pids[-1]}/exe")
            assert running == str(tmp_path / "v2" / "pingap")


def test_found_by_its_name(tmp_path):
    """Started without a folder, from one of PATH, and replaced in place."""
    program = tmp_path / "pingap"
    shutil.copy(binary(), program)
    with Origin() as origin, \
            front(origin, {"program": "pingap", "env": {"PATH": f"/nowhere:{tmp_path}"}}) \
            as product, Upgraded(product) as then:
        program.unlink()
        shutil.copy(binary(), program)
        then.upgrade()
        assert os.readlink(f"/proc/{then.pids[0]}/exe") == str(program)


@pytest.mark.skipif(os.geteuid() != 0 or not find("unshare"), reason="makes a PID namespace")
def test_process_1_refuses(tmp_path):
    with Origin() as origin:
        conf = config([origin.addr], basic={"upgrade_sock": str(tmp_path / "p.sock")})
        (tmp_path / "p.toml").write_text(toml.dumps(conf))
        order = ["--config", str(tmp_path / "p.toml")]
        process = subprocess.Popen([find("unshare"), "-p", "-f", "--kill-child", binary(), "run",
                                    *order], stderr=subprocess.PIPE, text=True)
        try:
            next(line for line in process.stderr if " ready" in line)
            code, _, err = run("upgrade", *order)
            assert code == 1 and "process 1 of its container" in err
            assert run("status", *order)[0] == 0
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def test_nobody_to_take_over_from():
    with Origin() as origin, Product(config([origin.addr]), options=["--upgrade"]) as product:
        product.wait_line("a start as any other")
        assert product.get("/").status == 200


# --- sockets of a service manager

def test_activated(tmp_path):
    """As systemd does: LISTEN_FDS from descriptor 3."""
    with socket.socket() as listening, Origin() as origin:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)
        port = listening.getsockname()[1]
        waiting = socket.create_connection(("127.0.0.1", port))  # before anybody is there
        conf = config([origin.addr], server={"addr": f"127.0.0.1:{port}"})
        (tmp_path / "p.toml").write_text(toml.dumps(conf))
        pid = os.fork()
        if pid == 0:
            os.dup2(listening.fileno(), 3, inheritable=True)
            env = dict(os.environ, LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execve(binary(), [binary(), "-c", str(tmp_path / "p.toml")], env)
        try:
            waiting.sendall(request("/"))
            assert waiting.recv(100).startswith(b"HTTP/1.1 200")
        finally:
            waiting.close()
            os.kill(pid, signal.SIGTERM)
            assert os.waitpid(pid, 0)[1] == 0


def test_activated_by_name(tmp_path):
    """LISTEN_FDNAMES: [servers.NAME] has the socket of its name, whatever its address."""
    with socket.create_server(("127.0.0.1", 0)) as one, \
            socket.create_server(("127.0.0.1", 0)) as other, Origin() as origin:
        conf = config([origin.addr], server={"addr": "192.0.2.1:80"})  # not of this machine
        conf["servers"]["more"] = {"addr": "192.0.2.1:81", "locations": ["all"]}
        conf["locations"]["all"]["headers_set"] = ["X-Server: $server"]
        (tmp_path / "p.toml").write_text(toml.dumps(conf))
        pid = os.fork()
        if pid == 0:
            fds = [os.dup(one.fileno()), os.dup(other.fileno())]
            os.dup2(fds[0], 3, inheritable=True)
            os.dup2(fds[1], 4, inheritable=True)
            env = dict(os.environ, LISTEN_FDS="2", LISTEN_PID=str(os.getpid()),
                       LISTEN_FDNAMES="more:main")
            os.execve(binary(), [binary(), "-c", str(tmp_path / "p.toml")], env)
        try:
            for listening, name in ((one, "more"), (other, "main")):
                with Client(listening.getsockname()) as client:
                    assert client.get("/").get("X-Server") == name
        finally:
            os.kill(pid, signal.SIGTERM)
            assert os.waitpid(pid, 0)[1] == 0


# --- a service manager is told

@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(str(tmp_path / "notify"))
        peer.settimeout(10)
        yield peer


def heard(manager):
    return manager.recv(1000).decode()


def test_systemd_is_told(manager):
    env = {"NOTIFY_SOCKET": manager.getsockname()}
    with Origin() as origin, front(origin, {"env": env}) as product, Upgraded(product) as then:
        assert heard(manager) == "READY=1"
        product.process.send_signal(signal.SIGHUP)
        assert heard(manager).startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert heard(manager) == "READY=1"
        then.upgrade()
        said = {heard(manager), heard(manager)}
        assert said == {f"MAINPID={then.pids[0]}", "READY=1"}
        os.kill(then.pids[0], signal.SIGTERM)
        assert heard(manager) == "STOPPING=1"


def test_the_watchdog_gets_signs_of_life(manager):
    env = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000"}
    with Origin() as origin, front(origin, {"env": env}):
        assert heard(manager) == "READY=1"
        assert [heard(manager) for _ in range(3)] == ["WATCHDOG=1"] * 3


def test_help_tells():
    assert "Where the new one does not come to serve" in run("upgrade", "--help")[1]


# --- what clients have is still good

def resumed(product, session, settings):
    with TlsClient(product.address(), "a.test", settings, session=session) as client:
        client.send(request("/"))
        client.response()  # TLS 1.3: the ticket has come by now
        return client.sock.session_reused, client.sock.session


def test_tls_sessions_are_resumed():
    """TLS-02: after a reload, and by the process that takes over."""
    pair = authority().issue("a.test")
    settings = context()
    with Origin() as origin, front(origin, server=pair.keys()) as product, \
            Upgraded(product) as then:
        _, session = resumed(product, None, settings)
        write(product, {**product.conf, "basic": {"threads": 1, "grace_period": "9s"}})
        assert product.order("reload")[0] == 0
        reused, session = resumed(product, session, settings)
        assert reused
        for _ in range(2):
            then.upgrade()
            reused, session = resumed(product, session, settings)
            assert reused


def test_tls_sessions_are_resumed_whatever_happens_meanwhile():
    """Handshakes are under way at each of thirty reloads and three upgrades."""
    pair = authority().issue("a.test")
    stop, seen, failures = threading.Event(), [], []
    with Origin() as origin, \
            front(origin, server=pair.keys(), basic={"threads": 2}) as product, \
            Upgraded(product) as then:
        def ask():
            settings, session = context(), None
            while not stop.is_set():
                try:
                    reused, session = resumed(product, session, settings)
                    seen.append(reused)
                except (OSError, Closed) as error:
                    failures.append(error)
                    return

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for turn in range(33):
            product.conf["locations"]["all"]["headers_set"] = [f"X-Turn: {turn}"]
            product.conf["servers"]["main"]["max_headers"] = 100 + turn
            write(product, product.conf)
            if turn % 11 == 10:
                then.upgrade()
            else:
                assert product.order("reload")[0] == 0
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert len(seen) > 50 and seen.count(False) == len(threads), "the first of each is new"


def test_sticky_clients_stay():
    with Origin() as a, Origin() as b, Origin() as c, \
            front([a, b, c], upstream={"sticky_cookie": "SRV"}) as product, \
            Upgraded(product) as then:
        cookie = product.get("/").get("Set-Cookie").split(";")[0]
        first = next(one for one in (a, b, c) if one.requests)
        then.upgrade()
        for _ in range(6):
            with product.client() as client:
                client.send(request("/", [("Cookie", cookie)]))
                assert client.response().status == 200
        assert len(first.requests) == 7


# --- what goes wrong

def test_one_that_is_refused_leaves_the_files_alone(tmp_path):
    """Started by hand while another one is under way already, or late."""
    path, pid_file = str(tmp_path / "front.sock"), tmp_path / "pingap.pid"
    orders = str(tmp_path / "p.sock")
    basic = {"upgrade_sock": orders, "pid_file": str(pid_file)}
    with Origin() as origin, front(origin, basic=basic, server={"addr": f"unix:{path}"}) as product:
        conf = {**product.conf, "basic": {**product.conf["basic"], "user": "no-such-user"}}
        (tmp_path / "second.toml").write_text(toml.dumps(conf))
        assert run("run", "--upgrade", "--config", str(tmp_path / "second.toml"))[0] != 0
        assert os.path.exists(path)
        assert int(pid_file.read_text()) == product.process.pid
        with Client(path) as client:
            assert client.get("/").status == 200


@pytest.mark.parametrize("pid", ["own", "dead", "none"])
def test_who_does_not_serve_does_not_take_over(pid):
    with Origin() as origin, front(origin) as product:
        dead = subprocess.Popen(["true"])
        dead.wait()
        number = {"own": product.process.pid, "dead": dead.pid, "none": 0}[pid]
        name = os.listdir(product.runtime.name)[0]
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(os.path.join(product.runtime.name, name))
            peer.sendall(f"pingap 1 taken_over\npid: {number}\n\n".encode())
            peer.shutdown(socket.SHUT_WR)
            assert peer.recv(1000).startswith(b"1\n")
        assert product.get("/").status == 200


def test_the_watchdog_gets_signs_of_the_new_process(manager):
    """WATCHDOG_PID names the old one."""
    env = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000",
           "WATCHDOG_PID": "1"}  # of nobody here: the first gives none
    with Origin() as origin, front(origin, {"env": env}) as product, Upgraded(product) as then:
        assert heard(manager) == "READY=1"
        then.upgrade()
        said = [heard(manager) for _ in range(5)]
        assert "WATCHDOG=1" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_after_privileges_were_dropped(tmp_path):
    os.chmod(tmp_path, 0o755)
    for folder in reversed(tmp_path.parents):
        if str(folder).startswith("/tmp/"):
            os.chmod(folder, 0o755)
    (tmp_path / "run").mkdir()
    os.chmod(tmp_path / "run", 0o755)
    orders = str(tmp_path / "run" / "p.sock")
    with Origin() as origin, \
            front(origin, {"log": False}, basic={"user": "nobody", "upgrade_sock": orders}) \
            as product, Upgraded(product) as then:
        os.chmod(product.dir.name, 0o755)
        os.chmod(product.path("pingap.toml"), 0o644)
        then.upgrade()
        product.process.wait(5)
        assert product.get("/").status == 200
        assert os.stat(f"/proc/{then.pids[0]}").st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_by_hand_with_a_configuration_that_the_user_cannot_read(tmp_path):
    """Root has read it; that it is not read once more is no trouble."""
    orders = str(tmp_path / "p.sock")
    for folder in [tmp_path, *tmp_path.parents]:
        if str(folder).startswith("/tmp/"):
            os.chmod(folder, 0o755)
    basic = {"user": "nobody", "upgrade_sock": orders}
    with Origin() as origin, front(origin, {"log": False}, basic=basic) as product, \
            Product(product.conf, options=["--upgrade"], log=False) as second:
        product.process.wait(5)
        holds(lambda: not any("refused" in line for line in second.stderr), "no word of it", 0.3)
        assert second.get("/").status == 200


def test_the_link_to_the_configuration_is_set_anew(tmp_path):
    """The new process finds the old one all the same."""
    with Origin() as origin, Product(config(origin.addr), store=behind_a_link(tmp_path)) as product, \
            Upgraded(product) as then:
        product.conf["locations"]["all"]["headers_set"] = ["X-New: 1"]
        product.write_config()
        then.upgrade()
        product.process.wait(10)
        assert product.get("/").get("X-New") == "1"
        assert product.order("status")[1].splitlines()[0].split()[3].rstrip(",") == \
            str(then.pids[-1])
