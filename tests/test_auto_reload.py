"""Changed files are taken up without being told, however they are changed."""

import copy
import os
import shutil

import pytest

from rig import toml
from rig.deadline import holds, until
from rig.metrics import scrape
from rig.origin import Origin
from rig.product import Product, config, front


def with_header(conf, value):
    conf = copy.deepcopy(conf)
    conf["locations"]["all"]["headers_set"] = [f"X-New: {value}"]
    return toml.dumps(conf)


def seen(product, value):
    until(lambda: product.get("/").get("X-New") == value, f"X-New: {value}")


def watching(origin, **basic):
    return front(origin, basic={"auto_reload": True, **basic})


def put(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def test_written_in_place():
    with Origin() as origin, watching(origin) as product:
        for value in "abc":
            put(product.path("pingap.toml"), with_header(product.conf, value))
            seen(product, value)


def test_renamed_over_it_as_editors_do():
    with Origin() as origin, watching(origin) as product:
        for value in "abc":
            put(product.path("new"), with_header(product.conf, value))
            os.rename(product.path("new"), product.path("pingap.toml"))
            seen(product, value)


def test_taken_away_and_written_anew():
    with Origin() as origin, watching(origin) as product:
        os.remove(product.path("pingap.toml"))
        put(product.path("pingap.toml"), with_header(product.conf, "a"))
        seen(product, "a")


class Linked(Product):
    """Its file is a link through a folder that is exchanged, as Kubernetes does."""

    def write_config(self):
        os.mkdir(self.path("v1"))
        put(self.path("v1/pingap.toml"), toml.dumps(self.conf))
        os.symlink("v1", self.path("..data"))
        os.symlink("..data/pingap.toml", self.path("pingap.toml"))


def test_a_folder_behind_a_link_is_exchanged():
    with Origin() as origin, \
            Linked(config([origin.addr], basic={"auto_reload": True})) as product:
        for value in "abc":
            os.mkdir(product.path(value))
            put(product.path(f"{value}/pingap.toml"), with_header(product.conf, value))
            os.symlink(value, product.path("..tmp"))
            os.rename(product.path("..tmp"), product.path("..data"))
            seen(product, value)


WATCHED = {"auto_reload": True, "history": 0}  # nobody else writes there


class InFolders(Product):
    """Its file is two folders below."""

    def write_config(self):
        os.makedirs(self.path("a/b"))
        self.config = self.path("a/b/pingap.toml")
        put(self.config, toml.dumps(self.conf))


@pytest.mark.parametrize("lost", ["a", "a/b"])
def test_a_folder_that_is_lost_and_comes_back(lost):
    with Origin() as origin, \
            InFolders(config([origin.addr], basic=WATCHED)) as product:
        for value in "abc":
            os.rename(product.path(lost), product.path("old"))
            holds(lambda: product.get("/").status == 200, "what runs goes on", 0.3)
            os.makedirs(product.path("a/b"), exist_ok=True)
            put(product.config, with_header(product.conf, value))
            seen(product, value)
            put(product.config, with_header(product.conf, value + "2"))  # it is watched again
            seen(product, value + "2")
            shutil.rmtree(product.path("old"))


def test_a_folder_of_files_that_is_lost_and_comes_back():
    class Folder(InFolders):
        """Its configuration is the folder."""

        def write_config(self):
            super().write_config()
            self.config = self.path("a/b")

    with Origin() as origin, \
            Folder(config([origin.addr], basic=WATCHED)) as product:
        for value in "abc":
            shutil.rmtree(product.path("a"))
            holds(lambda: product.get("/").status == 200, "what runs goes on", 0.3)
            os.makedirs(product.path("a/b"))
            put(product.path("a/b/more.toml"), with_header(product.conf, value))
            seen(product, value)


@pytest.mark.parametrize("lost", ["gone", "too large"])
def test_one_that_cannot_be_read_is_told_of(lost):
    with Origin() as origin:
        conf = config([origin.addr], basic={"auto_reload": True})
        conf["metrics"] = {"addr": "127.0.0.1:0"}
        told = lambda: scrape(product).of("pingap_degraded", part="configuration", name_="file")
        with Product(conf) as product:
            if lost == "gone":
                os.remove(product.path("pingap.toml"))
            else:
                put(product.path("pingap.toml"), "#" * (9 << 20))
            until(told, "it is told")
            holds(lambda: product.get("/").status == 200, "what runs goes on", 0.3)
            put(product.path("pingap.toml"), with_header(conf, "a"))
            seen(product, "a")
            assert not told()
            assert sum("auto_reload: " in line for line in product.stderr) == 1


def test_a_relative_path(tmp_path, monkeypatch):
    """What is read when it starts is what it is compared with."""
    class Relative(Product):
        def write_config(self):
            self.config = "relative.toml"
            put(self.config, toml.dumps(self.conf))

    monkeypatch.chdir(tmp_path)
    with Origin() as origin, \
            Relative(config([origin.addr], basic={"auto_reload": True})) as product:
        holds(lambda: not any("reload" in line for line in product.stderr), "nothing happens", 0.5)
        put("relative.toml", with_header(product.conf, "a"))
        seen(product, "a")


def test_a_broken_one_is_refused_once_and_mended():
    with Origin() as origin, watching(origin) as product:
        put(product.path("pingap.toml"), "[nonsense")
        product.wait_line("reload refused")
        os.utime(product.path("pingap.toml"))
        holds(lambda: sum("reload refused" in line for line in product.stderr) == 1,
              "it is not tried again", 0.5)
        put(product.path("pingap.toml"), with_header(product.conf, "a"))
        seen(product, "a")


def test_a_file_that_is_only_touched_is_no_change():
    with Origin() as origin, watching(origin) as product:
        os.utime(product.path("pingap.toml"))
        put(product.path("pingap.toml"), toml.dumps(product.conf))
        holds(lambda: not any("reload" in line for line in product.stderr), "nothing happens", 0.5)


def test_it_is_off_by_default_and_can_be_turned_on():
    with Origin() as origin, front(origin) as product:
        put(product.path("pingap.toml"), with_header(product.conf, "a"))
        holds(lambda: product.get("/").get("X-New") is None, "nothing happens", 0.5)
        conf = copy.deepcopy(product.conf)
        conf["basic"]["auto_reload"] = True
        put(product.path("pingap.toml"), with_header(conf, "b"))
        assert product.order("reload")[0] == 0
        put(product.path("pingap.toml"), with_header(conf, "c"))
        seen(product, "c")


def test_a_link_in_a_folder_that_leads_to_itself(tmp_path):
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "more").symlink_to(folder)
    with Origin() as origin:
        conf = config([origin.addr], basic={"auto_reload": True})

        class Folder(Product):
            """Its configuration is the folder."""

            def write_config(self):
                put(folder / "a.toml", toml.dumps(self.conf))
                os.symlink(folder, self.path("pingap.toml"))

        with Folder(conf) as product:
            put(folder / "a.toml", with_header(product.conf, "a"))
            seen(product, "a")
