"""What was in use can be seen, compared, and used again."""

import copy
import errno
import hashlib
import os
import shutil
import socket
import stat

import pytest

from rig import toml
from rig.deadline import until
from rig.origin import Origin
from rig.product import Product, config, front, run
from rig.standin import free_port
from test_status import degraded


def write(product, conf, name="pingap.toml"):
    with open(product.path(name), "w", encoding="utf-8") as file:
        file.write(conf if isinstance(conf, str) else toml.dumps(conf))


def with_header(product, value):
    conf = copy.deepcopy(product.conf)
    conf["locations"]["all"]["headers_set"] = [f"X-New: {value}"]
    return conf


def go_over(product, conf, *more):
    write(product, conf)
    code, out, err = product.order("reload", *more)
    assert code == 0, err
    return out


def nobody_listens(port):
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def kept(product):
    folder = product.path("pingap.toml-history")
    return sorted(os.listdir(folder)) if os.path.exists(folder) else []


def history(product):
    """Rows of the table, the newest first."""
    return [line.split() for line in product.order("history")[1].splitlines()[1:]]


def test_each_change_is_a_revision_and_the_first_keeps_what_was_before():
    with Origin() as origin, front(origin) as product:
        assert "none yet" in product.order("history")[1]
        assert not os.path.exists(product.path("pingap.toml-history"))
        assert go_over(product, with_header(product, "a"), "--comment", "more of it").endswith(
            "revision 2\n")
        go_over(product, with_header(product, "b"))
        rows = history(product)
        assert [row[0] for row in rows] == ["3", "2", "1"]
        assert [row[3] for row in rows] == ["command", "command", "start"]
        assert rows[1][5:] == ["more", "of", "it"]
        assert product.order("show", "1")[1] == toml.dumps(product.conf)
        assert product.order("show", "2")[1] == toml.dumps(with_header(product, "a"))
        assert product.order("show", "9")[0] == 1
        assert stat.S_IMODE(os.stat(product.path("pingap.toml-history")).st_mode) == 0o700


def test_what_has_not_changed_is_no_revision():
    with Origin() as origin, front(origin) as product:
        for _ in range(3):
            assert go_over(product, with_header(product, "a")).endswith("revision 2\n")
        write(product, "[nonsense")
        assert product.order("reload")[0] == 3
        assert len(kept(product)) == 2


def test_so_many_are_kept():
    with Origin() as origin, front(origin, basic={"history": 3}) as product:
        for value in range(6):
            go_over(product, with_header(product, value))
        assert kept(product) == ["000005.rev", "000006.rev", "000007.rev"]


def test_none_are_kept():
    with Origin() as origin, front(origin, basic={"history": 0}) as product:
        assert "revision" not in go_over(product, with_header(product, "a"))
        assert not os.path.exists(product.path("pingap.toml-history"))


def test_back_to_one_of_them():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        go_over(product, with_header(product, "b"))
        code, out, _ = product.order("rollback", "2", "--comment", "b was wrong")
        assert code == 0 and out.endswith("revision 4\n")
        assert product.get("/").get("X-New") == "a"
        with open(product.path("pingap.toml"), encoding="utf-8") as file:
            assert file.read() == toml.dumps(with_header(product, "a"))
        assert "rollback to 2" in product.order("history")[1]


def test_what_was_never_in_use_is_kept_before_it_is_written_over():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        write(product, "# half of an edit\n[nonsense")
        assert product.order("rollback", "1")[0] == 0
        rows = history(product)
        assert [row[3] for row in rows] == ["rollback", "unapplied", "command", "start"]
        assert product.order("show", "3")[1] == "# half of an edit\n[nonsense"


def test_what_was_never_in_use_is_no_last_good():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        write(product, with_header(product, "never"))
        product.process.terminate()
        product.process.wait(5)
        assert product.order("rollback", "1")[0] == 1  # nobody goes over to it
        write(product, "[nonsense")
        product.options = ["--last-good"]
        product.start()
        product.wait_line("cannot be used: starting with revision 2")


def test_back_to_one_that_cannot_be_used_any_more():
    """Its certificate is gone: nothing changes."""
    with Origin() as origin, front(origin) as product:
        page = product.path("page.html")
        write(product, "sorry", "page.html")
        conf = with_header(product, "a")
        conf["basic"]["error_template"] = page
        go_over(product, conf)
        go_over(product, with_header(product, "b"))
        os.remove(page)
        code, _, err = product.order("rollback", "2")
        assert code == 3 and "error_template" in err
        with open(product.path("pingap.toml"), encoding="utf-8") as file:
            assert file.read() == toml.dumps(with_header(product, "b"))
        assert product.get("/").get("X-New") == "b"


def test_back_to_one_whose_address_is_taken_leaves_the_file_as_it_was():
    port = free_port()
    with Origin() as origin, front(origin) as product:
        conf = with_header(product, "a")
        conf["servers"]["more"] = {"addr": f"127.0.0.1:{port}", "locations": ["all"]}
        go_over(product, conf)
        go_over(product, with_header(product, "b"))
        until(lambda: nobody_listens(port), "the address is given up")
        with Origin(port=port):
            assert product.order("rollback", "2")[0] == 4
        with open(product.path("pingap.toml"), encoding="utf-8") as file:
            assert file.read() == toml.dumps(with_header(product, "b"))


def test_without_a_process_the_file_is_written():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        product.process.terminate()
        product.process.wait(5)
        code, _, err = product.order("rollback", "1")
        assert code == 1 and "no process answers" in err
        with open(product.path("pingap.toml"), encoding="utf-8") as file:
            assert file.read() == toml.dumps(product.conf)


def test_a_damaged_one_is_told_and_in_nobodys_way():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        path = product.path("pingap.toml-history/000001.rev")
        for damage in (b"", b"junk", open(path, "rb").read()[:-3],
                       open(path, "rb").read().replace(b"X", b"Y").replace(b"127", b"128")):
            with open(path, "wb") as file:
                file.write(damage)
            code, _, err = product.order("show", "1")
            assert code == 1 and "revision 1 is damaged" in err
            assert [row[0] for row in history(product)] == ["2"]
        assert go_over(product, with_header(product, "b")).endswith("revision 3\n")


def test_a_disk_that_takes_nothing_does_not_keep_a_change_from_coming():
    with Origin() as origin, front(origin) as product:
        with open(product.path("pingap.toml-history"), "w", encoding="ascii"):
            pass  # in the way of the folder
        out = go_over(product, with_header(product, "a"))
        assert "no revision was kept" in out
        assert product.get("/").get("X-New") == "a"


# --- a folder of files

class Folder(Product):
    """Configured by a folder of two files."""

    def write_config(self):
        os.makedirs(self.path("conf/more"), exist_ok=True)
        parts = copy.deepcopy(self.conf)
        more = {"upstreams": parts.pop("upstreams")}
        write(self, parts, "conf/a.toml")
        write(self, more, "conf/more/b.toml")
        os.symlink("conf", self.path("pingap.toml"))


def test_a_folder_comes_back_with_all_its_files():
    with Origin() as origin, Folder(config([origin.addr])) as product:
        before = open(product.path("conf/a.toml"), encoding="ascii").read()
        os.rename(product.path("conf/more/b.toml"), product.path("conf/c.toml"))
        shutil.rmtree(product.path("conf/more"))
        parts = with_header(product, "a")
        del parts["upstreams"]
        write(product, parts, "conf/a.toml")
        assert product.order("reload")[0] == 0
        assert product.get("/").get("X-New") == "a"
        code, out, err = product.order("rollback", "1")
        assert code == 0, err
        assert product.get("/").get("X-New") is None
        assert open(product.path("conf/a.toml"), encoding="ascii").read() == before
        assert os.path.exists(product.path("conf/more/b.toml"))
        assert not os.path.exists(product.path("conf/c.toml"))


# --- a start

def test_last_good():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        write(product, "[nonsense")
        product.process.terminate()
        product.process.wait(5)
        assert run("run", "--config", product.path("pingap.toml"))[0] == 3
        product.options = ["--last-good"]
        product.start()
        product.wait_line("cannot be used: starting with revision 2")
        assert product.get("/").get("X-New") == "a"
        assert degraded(product)["configuration", "start"].startswith(
            "what is there could not be used: revision 2 of ")
        assert product.order("reload")[0] == 3
        assert ("configuration", "start") in degraded(product)
        go_over(product, with_header(product, "b"))
        assert degraded(product) == {}


def test_last_good_needs_no_change_before():
    with Origin() as origin, Product(config([origin.addr]), options=["--last-good"]) as product:
        until(lambda: kept(product) == ["000001.rev"], "its first")


@pytest.mark.parametrize("options", [[], ["--last-good"]])
def test_nothing_good_was_there(tmp_path, options):
    (tmp_path / "p.toml").write_text("[nonsense")
    assert run("run", "--config", str(tmp_path / "p.toml"), *options)[0] == 3


# --- differences

def test_differences_are_of_meaning(tmp_path):
    one = toml.dumps(config(["127.0.0.1:1"], upstream={"read_timeout": "60s"}))
    (tmp_path / "a.toml").write_text(one)
    (tmp_path / "b.toml").write_text("# a comment\n" + one.replace('"60s"', "'1m'"))
    assert run("diff", "a.toml", "b.toml", cwd=tmp_path) == (0, "no difference\n", "")
    (tmp_path / "b.toml").write_text(one.replace('"60s"', "'2m'"))
    assert run("diff", "a.toml", "b.toml", cwd=tmp_path)[1] == (
        '~ upstreams.origin\n    read_timeout: "60s" -> "2m"\n')


def test_a_plugin_that_stays_is_no_difference(tmp_path):
    conf = config(["127.0.0.1:1"], location={"plugins": ["one"]})
    conf["plugins"] = {"one": {"type": "mock", "status": 204}}
    (tmp_path / "a.toml").write_text(toml.dumps(conf))
    assert run("diff", "a.toml", "a.toml", cwd=tmp_path) == (0, "no difference\n", "")


def test_secrets_are_not_shown(tmp_path):
    def conf(secret):
        return toml.dumps(config(["127.0.0.1:1"], upstream={
            "sticky_cookie": "s", "sticky_secret": secret}))

    (tmp_path / "a.toml").write_text(conf("a" * 32))
    (tmp_path / "b.toml").write_text(conf("b" * 32))
    out = run("diff", "a.toml", "b.toml", cwd=tmp_path)[1]
    assert "sticky_secret: *** -> ***" in out and "aaa" not in out and "bbb" not in out


def test_what_a_reload_would_change():
    with Origin() as origin, front(origin) as product:
        assert product.order("diff") == (0, "no difference\n", "")
        conf = with_header(product, "a")
        conf["basic"]["threads"] = 2
        write(product, conf)
        out = product.order("diff")[1]
        assert '+ headers_set: ["X-New: a"]' in out
        assert "only a restart takes up: threads" in out
        assert product.get("/").get("X-New") is None
        conf["servers"]["more"] = {"addr": origin.addr, "locations": ["all"]}
        write(product, conf)
        assert product.order("diff")[0] == 4
        write(product, "[nonsense")
        assert product.order("diff")[0] == 3


def test_between_revisions():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        go_over(product, with_header(product, "b"))
        assert product.order("diff", "2", "3")[1] == (
            '~ locations.all\n    headers_set: ["X-New: a"] -> ["X-New: b"]\n')
        assert product.order("diff", "2", product.path("pingap.toml"))[0] == 0
        assert product.order("diff", "2")[0] == 2


def test_a_revision_does_not_say_where_else_is_written(tmp_path):
    """Whoever may write the folder of revisions is not to write as who rolls back."""
    with Origin() as origin, Folder(config([origin.addr])) as product:
        text = toml.dumps(product.conf)
        for name in (str(tmp_path / "a.toml"), "../a.toml", "more/../../a.toml"):
            whole = hashlib.sha256(f"{name}\n{len(text)}\n{text}".encode()).hexdigest()
            head = (f"# pingap revision 1\n# time: x\n# author: \n# origin: \n# comment: \n"
                    f"# hash: {whole}\n# text: {len(text)} {name}\n{text}\n")
            os.makedirs(product.path("pingap.toml-history"), exist_ok=True)
            write(product, head, "pingap.toml-history/000001.rev")
            code, _, err = product.order("rollback", "1")
            assert code == 1 and "is damaged" in err
        assert not os.path.exists(tmp_path / "a.toml")


# --- whose revisions are used

@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_root_uses_no_revision_of_another_user():
    with Origin() as origin, front(origin) as product:
        go_over(product, with_header(product, "a"))
        go_over(product, with_header(product, "b"))
        os.chown(product.path("pingap.toml-history/000001.rev"), 65534, 65534)
        code, _, err = product.order("rollback", "1")
        assert code == 1 and "was written by user nobody" in err and "pingap show 1" in err
        assert product.get("/").get("X-New") == "b"
        assert product.order("show", "1")[1] == toml.dumps(product.conf)
        assert product.order("rollback", "2")[0] == 0
        os.remove(product.path("pingap.toml-history/000001.rev"))
        os.mkfifo(product.path("pingap.toml-history/000001.rev"))  # nobody is kept waiting
        assert product.order("rollback", "1")[0] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_last_good_of_root_is_what_root_has_started_with():
    with Origin() as origin, \
            front(origin, {"log": False, "options": ["--last-good"]}, basic={"user": "nobody"}) \
            as product:
        os.chmod(product.dir.name, 0o755)
        os.chmod(product.path("pingap.toml"), 0o644)
        assert kept(product) == ["000001.rev"]
        first = os.stat(product.path("pingap.toml-history/000001.rev"))
        assert (first.st_uid, stat.S_IMODE(first.st_mode)) == (0, 0o640)
        go_over(product, with_header(product, "a"))
        assert kept(product) == ["000001.rev", "000002.rev"]
        assert os.stat(product.path("pingap.toml-history/000002.rev")).st_uid == 65534
        write(product, "[nonsense")
        product.process.terminate()
        product.process.wait(5)
        product.start()
        product.wait_line("passed over: revision 2 was written by user nobody")
        product.wait_line("cannot be used: starting with revision 1")
        assert product.get("/").get("X-New") is None
