"""`pingap reload` waits, and says what has happened."""

import copy
import os
import signal
import socket
import stat
import threading

import pytest

from rig import toml
from rig.deadline import until
from rig.origin import Origin
from rig.product import Product, config, front, run


def write(product, conf):
    with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
        file.write(conf if isinstance(conf, str) else toml.dumps(conf))


def with_header(product, value):
    conf = copy.deepcopy(product.conf)
    conf["locations"]["all"]["headers_set"] = [f"X-New: {value}"]
    return conf


def socket_of(product):
    return os.path.join(product.runtime.name, os.listdir(product.runtime.name)[0])


def test_it_is_in_use_when_the_command_ends():
    with Origin() as origin, front(origin) as product, product.client() as client:
        for turn in range(10):
            write(product, with_header(product, turn))
            code, out, err = product.order("reload", "--comment", "a\nb")
            assert (code, out, err) == (0, "configuration reloaded: locations changed: all\n"
                                        f"revision {turn + 2}\n", "")
            assert client.get("/").get("X-New") == str(turn)
        assert product.order("reload")[1].startswith("configuration reloaded: nothing has changed")


def test_errors_are_printed_with_their_places_and_nothing_changes():
    with Origin() as origin, front(origin) as product:
        write(product, "[upstreams.a]\naddrs = []\n[locations.b]\nupstream = 'c'\n")
        code, out, err = product.order("reload")
        assert (code, out) == (3, "")
        assert "pingap.toml:2:9: error:" in err and "pingap.toml:4:12: error:" in err
        assert product.get("/").status == 200
        write(product, "[nonsense")
        assert product.order("reload")[0] == 3


def test_an_address_that_is_taken_is_another_code():
    with Origin() as origin, front(origin) as product:
        conf = with_header(product, 1)
        conf["servers"]["more"] = {"addr": origin.addr, "locations": ["all"]}
        write(product, conf)
        code, _, err = product.order("reload")
        assert code == 4 and f"cannot listen on {origin.addr}" in err
        assert product.get("/").get("X-New") is None


def test_many_at_once_all_get_an_answer():
    with Origin() as origin, front(origin) as product:
        codes = []
        threads = [threading.Thread(target=lambda: codes.append(product.order("reload")[0]))
                   for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert codes == [0] * 12


def test_nobody_there():
    with Origin() as origin, front(origin) as product:
        product.process.send_signal(signal.SIGTERM)
        product.process.wait(5)
        code, _, err = product.order("reload")
        assert code == 1 and "is pingap running with this configuration" in err
        assert not os.listdir(product.runtime.name)


def test_a_socket_that_a_crash_left_is_replaced():
    with Origin() as origin, front(origin) as product:
        product.process.kill()
        product.process.wait(5)
        assert socket_of(product)
        product.start()
        assert product.order("reload")[0] == 0


def test_it_is_for_its_user_only():
    with Origin() as origin, front(origin) as product:
        assert stat.S_IMODE(os.stat(socket_of(product)).st_mode) & 0o177 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_another_user_is_not_listened_to():
    with Origin() as origin, front(origin) as product:
        path = socket_of(product)
        os.chmod(product.runtime.name, 0o711)
        os.chmod(path, 0o666)  # as someone might who does not know better
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(path)
            try:
                peer.sendall(b"pingap 1 reload\n\n")
                peer.shutdown(socket.SHUT_WR)
                os._exit(len(peer.recv(100)))
            except OSError:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        product.wait_line("may not give orders")
        assert not any("configuration reloaded" in line for line in product.stderr)


@pytest.mark.parametrize("sent", [b"", b"x", b"GET / HTTP/1.1\r\n\r\n", b"pingap 2 reload\n\n",
                                  b"pingap 1 fly\n\n", b"pingap 1 reload\nbroken\n\n"])
def test_what_is_no_command_is_refused(sent):
    with Origin() as origin, front(origin) as product:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(socket_of(product))
            peer.sendall(sent)
            peer.shutdown(socket.SHUT_WR)
            assert b"another version" in peer.recv(1000)
        assert product.order("reload")[0] == 0


def test_who_does_not_end_a_request_is_in_nobodys_way():
    with Origin() as origin, front(origin) as product:
        peers = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for peer in peers:
            peer.connect(socket_of(product))
        product.wait_line("more than 16 connections")
        for peer in peers:
            peer.close()
        assert product.order("reload")[0] == 0
        assert product.get("/").status == 200


def test_where_it_is_told_to_be(tmp_path):
    path = str(tmp_path / "orders.sock")
    with Origin() as origin, front(origin, basic={"upgrade_sock": path}) as product:
        assert product.order("reload")[0] == 0
        assert os.path.exists(path)
        second = copy.deepcopy(product.conf)
        (tmp_path / "second.toml").write_text(toml.dumps(second))
        code, _, err = run("run", "--config", str(tmp_path / "second.toml"))
        assert code == 4 and "a process runs with this configuration already" in err
    assert not os.path.exists(path)


def test_off():
    with Origin() as origin, front(origin, basic={"upgrade_sock": "off"}) as product:
        assert not os.listdir(product.runtime.name)
        code, _, err = product.order("reload")
        assert code == 1 and "no process can be found" in err


def test_who_waits_is_told_that_the_process_ends():
    """A reload waits for names; a signal comes."""
    conf = config(["127.0.0.1:1"])
    with front("127.0.0.1:1") as product:
        conf["upstreams"]["late"] = {"addrs": ["late.example:80"], "dns_server": "127.0.0.1:9"}
        conf["locations"]["late"] = {"upstream": "late", "path": "/late"}
        write(product, conf)
        answer = []
        thread = threading.Thread(target=lambda: answer.append(product.order("reload")))
        thread.start()
        until(lambda: answer or _is_asked(product), "it waits")
        product.process.send_signal(signal.SIGTERM)
        thread.join()
        assert answer[0][0] in (0, 1)


def _is_asked(product):
    return any("late" in line for line in product.stderr)


def test_what_waits_for_a_restart_is_told_until_it_is_as_it_was():
    with Origin() as origin, front(origin) as product:
        conf = copy.deepcopy(product.conf)
        conf["basic"]["threads"] = 2
        write(product, conf)
        for _ in range(2):
            assert "only a restart takes up threads" in product.order("reload")[1]
            assert "only a restart takes up: threads\n" in product.order("diff")[1] + "\n"
            assert "only a restart takes up: threads\n" in product.order("status")[1]
        write(product, product.conf)
        assert "restart" not in product.order("reload")[1]
        assert "restart" not in product.order("status")[1]


# ---- which process it is

def behind_a_link(folder):
    """store() that keeps each version in a file of its own, and sets a link to it in one step."""
    def store(text):
        number = len(os.listdir(folder))
        (folder / f"v{number}.toml").write_text(text)
        os.symlink(f"v{number}.toml", folder / "new")
        os.rename(folder / "new", folder / "pingap.toml")
        return str(folder / "pingap.toml")
    return store


def test_it_is_found_when_the_link_to_its_configuration_is_set_anew(tmp_path):
    """As Kubernetes does, and whoever has a folder for each release."""
    with Origin() as origin, Product(config(origin.addr), store=behind_a_link(tmp_path)) as product:
        first = str(tmp_path / "v0.toml")
        for turn in range(2):
            product.conf = with_header(product, turn)
            product.write_config()
            code, out, err = product.order("reload")
            assert (code, out.splitlines()[0]) == \
                (0, "configuration reloaded: locations changed: all"), err
        assert product.order("status")[0] == 0
        code, _, err = run("status", "--config", first,
                           env={"RUNTIME_DIRECTORY": product.runtime.name})
        assert code == 0, err  # by the name that it had behind the link when it was started


def test_it_is_found_without_its_file(tmp_path):
    with Origin() as origin, front(origin) as product:
        path = product.path("pingap.toml")
        os.rename(path, tmp_path / "away")
        assert product.order("status")[0] == 0
        code, _, err = product.order("reload")
        assert code == 3 and "pingap.toml" in err and "No such file" in err
        assert product.get("/").status == 200
        os.rename(tmp_path / "away", path)
        assert product.order("reload")[0] == 0
