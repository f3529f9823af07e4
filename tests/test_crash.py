"""A process that is killed at any step of what it writes leaves the old or the new, never a part,
and the next start copes."""

import copy
import os
import re
import signal

import pytest

from rig import toml
from rig.deadline import seconds
from rig.origin import Origin
from rig.preload import library
from rig.product import config, front, run
from test_history import Folder

MOST_STEPS = 400


@pytest.fixture(name="crash", scope="module")
def preloaded(tmp_path_factory):
    """crash(folder, step): the environment that ends a program there."""
    path = library("crash", tmp_path_factory.mktemp("crash"))
    return lambda folder, step: {"LD_PRELOAD": path, "CRASH_BELOW": folder + "/",
                                 "CRASH_AT": str(step)}


def with_header(product, value):
    conf = copy.deepcopy(product.conf)
    conf["locations"]["all"]["headers_set"] = [f"X-New: {value}"]
    return conf


def write(product, conf):
    with open(product.path("pingap.toml"), "w", encoding="utf-8") as file:
        file.write(toml.dumps(conf))


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def revisions(product):
    folder = product.path("pingap.toml-history")
    return sorted(os.listdir(folder)) if os.path.exists(folder) else []


def check_what_is_there(product):
    """Each revision is whole, and so is the file with the number of the process."""
    pid = read(product.path("pid"))
    assert pid is None or re.fullmatch(r"\d+\n", pid), pid
    for name in revisions(product):
        if name.endswith(".rev"):
            code, out, err = product.order("show", str(int(name[:-4])))
            assert code == 0 and out.startswith("[basic]"), err
    code, _, err = product.order("history")
    assert code == 0, err


def start(product, env):
    """False where it ended before it was ready."""
    product._env = env
    try:
        product.start()
    except AssertionError:
        return False
    return True


def start_and_check(product, value):
    """As an operator would after the crash."""
    assert start(product, {}), product.stderr
    assert read(product.path("pid")) == f"{product.process.pid}\n"
    write(product, with_header(product, value))
    code, out, err = product.order("reload")
    assert code == 0 and "revision" in out, err
    assert product.get("/").get("X-New") == value
    assert not [name for name in revisions(product) if name.endswith(".tmp")]
    end(product)
    assert read(product.path("pid")) is None


def rollback(product, env):
    """To the first revision: the exit code."""
    return run("rollback", "1", "--config", product.config,
               env={"RUNTIME_DIRECTORY": product.runtime.name, **env})[0]


def end(product):
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(seconds(10)) == 0


def test_start_reload_and_stop_at_each_step(crash):
    """pid_file and three revisions are written, old ones go; then pid_file goes."""
    with Origin() as origin, front(origin, {"log": False}, basic={"history": 2}) as product:
        product.conf["basic"]["pid_file"] = product.path("pid")
        end(product)
        for step in range(1, MOST_STEPS):
            write(product, with_header(product, f"{step}-a"))
            if start(product, crash(product.dir.name, step)):
                for turn in "bc":
                    write(product, with_header(product, f"{step}-{turn}"))
                    product.order("reload")
                product.process.send_signal(signal.SIGTERM)
            code = product.process.wait(seconds(10))
            check_what_is_there(product)
            start_and_check(product, f"{step}-d")
            if code == 0:
                break
            assert code == -signal.SIGKILL
        assert code == 0 and step > 20, step


def test_rollback_at_each_step(crash):
    """The command that writes the configuration: it is the one or the other."""
    with Origin() as origin, front(origin, {"log": False}) as product:
        before, wanted = toml.dumps(with_header(product, "a")), toml.dumps(product.conf)
        write(product, with_header(product, "a"))
        assert product.order("reload")[0] == 0
        for step in range(1, MOST_STEPS):
            write(product, with_header(product, "a"))
            assert product.order("reload")[0] == 0
            code = rollback(product, crash(product.dir.name, step))
            assert read(product.path("pingap.toml")) in (before, wanted)
            assert product.order("reload")[0] == 0
            if code == 0:
                break
            assert code == -signal.SIGKILL
        assert code == 0 and step > 5, step
        assert product.get("/").get("X-New") is None


def test_rollback_of_a_folder_at_each_step(crash):
    """Each file is the old or the new one, whole; the next rollback makes all of them new."""
    with Origin() as origin, Folder(config([origin.addr]), log=False) as product:
        names = [product.path("conf/a.toml"), product.path("conf/more/b.toml")]
        wanted = [read(name) for name in names]
        other = [text.replace("[locations.all]", "[locations.all]\nheaders_set = ['X-New: a']")
                 .replace("[upstreams.origin]", "[upstreams.origin]\nmax_fails = 7")
                 for text in wanted]
        for step in range(1, MOST_STEPS):
            for name, text in zip(names, other):
                with open(name, "w", encoding="utf-8") as file:
                    file.write(text)
            assert product.order("reload")[0] == 0
            code = rollback(product, crash(product.dir.name, step))
            for name, old, new in zip(names, other, wanted):
                assert read(name) in (old, new)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            assert rollback(product, {}) == 0
            assert [read(name) for name in names] == wanted
        assert code == 0 and step > 10, step
