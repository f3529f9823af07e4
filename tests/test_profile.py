"""`pingap profile`: where the threads of the process that runs spend their CPU time."""

import contextlib
import os
import re
import subprocess
import threading

from rig.client import request
from rig.deadline import seconds
from rig.origin import Origin
from rig.product import Product, binary, config, environment

FOLDED = re.compile(r"[^;\n]+(;[^;\n]+)* [1-9][0-9]*")


@contextlib.contextmanager
def load(product, threads=2):
    """Requests until the end."""
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            with product.client() as client:
                client.send(request("/") * 50)
                for _ in range(50):
                    assert client.response().status == 404

    all_of_them = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in all_of_them:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in all_of_them:
            thread.join()


def busy():
    """A product that answers by itself: its worker is what works."""
    return Product(config("127.0.0.1:1", locations={"none": {"path": "/none"}}))


def profile_with(product, text):
    """One that has it: on a machine that has other work, the first ones may see little of ours."""
    for _ in range(10):
        with load(product):
            code, out, err = product.order("profile", "--seconds", "2", timeout=20)
        assert code == 0, err
        if text in out:
            break
    return out


def test_it_shows_what_a_worker_works_on():
    with busy() as product:
        out = profile_with(product, "pingap::session::")
        for line in out.splitlines():
            assert FOLDED.fullmatch(line), line
        mine = [line for line in out.splitlines() if line.startswith("pingap-worker;")]
        assert any("pingap::net::EventLoop::run" in line for line in mine), out
        assert any("pingap::session::" in line for line in mine), out
        assert "[unknown]" not in out


def test_requests_go_on_meanwhile_and_afterwards():
    with Origin() as origin, Product(config(origin.addr)) as product:
        for _ in range(2):
            process = subprocess.Popen(
                [binary(), "profile", "--seconds", "1", "--config", product.config],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment(product._folders()))
            while process.poll() is None:
                assert product.get("/").status == 200
            process.communicate(timeout=seconds(10))
            assert process.returncode == 0
        assert product.get("/").status == 200


def test_one_at_a_time():
    with busy() as product:
        first = subprocess.Popen([binary(), "profile", "--seconds", "60", "--config",
                                  product.config], stdout=subprocess.DEVNULL,
                                 env=environment(product._folders()))
        try:
            product.wait_line("a profile is taken for 60 s")
            code, _, err = product.order("profile", "--seconds", "1")
            assert code == 5 and "somebody else is taking a profile" in err
        finally:
            first.kill()
            first.wait()


def test_a_reload_does_not_end_it():
    with busy() as product:
        process = subprocess.Popen([binary(), "profile", "--seconds", "2", "--config",
                                    product.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=environment(product._folders()))
        product.wait_line("a profile is taken for 2 s")
        with load(product):
            product.conf["locations"]["none"]["path"] = "/other"
            product.write_config()
            assert product.order("reload")[0] == 0
            out, err = process.communicate(timeout=seconds(20))
    assert process.returncode == 0, err
    assert any(line.startswith("pingap-worker;") for line in out.splitlines()), out


def test_a_full_disk_is_no_success():
    with busy() as product, open("/dev/full", "w", encoding="ascii") as full:
        profile_with(product, "pingap::")
        with load(product):
            process = subprocess.run([binary(), "profile", "--seconds", "5", "--config",
                                      product.config], stdout=full, stderr=subprocess.PIPE,
                                     text=True, timeout=seconds(20), check=False,
                                     env=environment(product._folders()))
        assert process.returncode == 1
        assert process.stderr == "pingap: cannot write to stdout: No space left on device\n"
        code, _, err = product.order("profile", "--seconds", "1", timeout=20)
        assert code == 0, err  # nobody takes one any more


# Its own lines go to a log that cannot be written.
def test_a_full_disk_below_the_log_takes_no_harm(tmp_path):
    path = tmp_path / "p.log"
    os.symlink("/dev/full", path)
    with busy() as product:
        product.conf["logging"] = {"output": str(path)}
        product.write_config()
        assert product.order("reload")[0] == 0
        product.wait_line("cannot write: No space left")
        with load(product):
            code, out, err = product.order("profile", "--seconds", "1", timeout=20)
        assert code == 0, err
        assert any(line.startswith("pingap-worker;") for line in out.splitlines()), out


# The process may end while a profile is taken.
def test_a_process_that_ends_takes_no_harm():
    with busy() as product:
        process = subprocess.Popen([binary(), "profile", "--seconds", "60", "--config",
                                    product.config], stderr=subprocess.PIPE,
                                   env=environment(product._folders()))
        product.wait_line("a profile is taken")
        product.stop()
        _, err = process.communicate(timeout=seconds(10))
        assert process.returncode == 1 and b"ended without an answer" in err
