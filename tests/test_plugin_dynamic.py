"""Plugins as shared objects: compiled out of the tree, loaded, refused, replaced."""

import os
import shutil
import subprocess
import tempfile

import pytest

from rig import product as rig
from rig.client import request
from rig.origin import Origin, response
from rig.product import ROOT, config

EXAMPLE = os.path.join(ROOT, "examples", "dynamic_plugin")
SDK = os.path.join(ROOT, "sdk")
COMPILER = shutil.which("g++-12") or shutil.which("g++")

GREETING = """
#include <pingap_plugin.h>

class Greeting {
 public:
  pingap_sdk::Verdict on_request(pingap_sdk::Exchange& x) const {
    %s
    return x.respond(200, TEXT);
  }
};
PINGAP_PLUGIN(Greeting)
"""


@pytest.fixture(name="folder")
def new_folder():
    with tempfile.TemporaryDirectory(prefix="pingap-plugin-") as folder:
        yield folder


def compile_text(folder, text, name="p.so", *options):
    """The path of the shared object that this becomes."""
    source = os.path.join(folder, "p.cc")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    return compile_file(folder, source, name, *options)


def compile_file(folder, source, name, *options):
    path = os.path.join(folder, name)
    subprocess.run([COMPILER, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
                    f"-I{SDK}", source, "-o", path, *options], check=True, timeout=120)
    return path


def with_plugin(origin, path, **options):
    conf = config(origin.addr, location={"plugins": ["d"]})
    conf["plugins"] = {"d": {"type": "dynamic", "file": path, **options}}
    return rig.Product(conf)


def by_hand(folder):
    return compile_file(folder, os.path.join(EXAMPLE, "tenant.cc"), "tenant.so")


def by_cmake(folder):
    build = os.path.join(folder, "build")
    subprocess.run(["cmake", "-S", EXAMPLE, "-B", build, f"-DCMAKE_CXX_COMPILER={COMPILER}"],
                   check=True, stdout=subprocess.DEVNULL, timeout=120)
    subprocess.run(["cmake", "--build", build], check=True, stdout=subprocess.DEVNULL, timeout=120)
    return os.path.join(build, "tenant.so")


@pytest.mark.parametrize("build", [by_hand, by_cmake])
def test_example(folder, build):
    path = build(folder)
    body = b"a secret, and " + b"x" * 30_000 + b"secret secre"
    with Origin(answer=lambda seen: response(body=body)) as origin:
        with with_plugin(origin, path, options=["header: X-Org"]) as product:
            answer = product.get("/a?b", [("X-Org", "acme")])
            assert answer.body == body.replace(b"secret", b"***")
            assert answer.get("X-Served-For") == "acme"
            refused = product.get("/")
            assert (refused.status, refused.body) == (400, b"which tenant?\n")
            assert refused.get("X-Needs") == "X-Org"
            failed = product.get("/", [("X-Org", "crash")])
            assert failed.status == 500 and b"plugin_failed" in failed.body
            product.wait_line("the plugin has failed: no tenant is called crash")
            bad = product.get("/", [("X-Org", "../..")])
            assert bad.status == 500
        assert [one.path() for one in origin.requests] == ["/acme/a?b"]


def test_workers_use_one_object_at_once(recorder, folder):
    path = by_hand(folder)
    conf = config(recorder.addr, location={"plugins": ["d"]}, basic={"threads": 3})
    conf["plugins"] = {"d": {"type": "dynamic", "file": path}}
    with rig.Product(conf) as product:
        for number in range(30):
            assert product.get("/", [("X-Tenant", f"t{number}")]).get("X-Served-For") == f"t{number}"


@pytest.mark.parametrize("action,why", [
    ('x.request().set("Content-Length", "5");', "writes that header field itself"),
    ('x.request().set("A", "b\\r\\nc: d");', "no value of a header field"),
    ('x.request().set("A b", "c");', "no name of a header field"),
    ('x.set_path("a");', "starts with"),
    ('x.set_status(201);', "in on_response"),
    ('x.respond(101, "");', "200 to 599"),
    ('throw 1;', "an exception"),
    ('return static_cast<pingap_sdk::Verdict>(7);', ""),
    ('return pingap_sdk::Verdict::answered;', "has not"),
])
def test_what_it_may_not_hand_over_fails_the_request(recorder, folder, action, why):
    path = compile_text(folder, GREETING % action, "p.so", '-DTEXT="x"', "-Wno-error")
    with with_plugin(recorder, path) as product:
        answer = product.get("/")
        assert answer.status == 500 and b"plugin_failed" in answer.body
        assert why in product.wait_line("the plugin has failed")
        product.check_alive()


def validate(path, **options):
    """What the program says of it."""
    conf = config("127.0.0.1:1", location={"plugins": ["d"]})
    conf["plugins"] = {"d": {"type": "dynamic", "file": path, **options}}
    text = rig.toml.dumps(conf)
    done = subprocess.run([rig.binary(), "validate", "--config", "-"], input=text.encode(),
                          capture_output=True, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


def test_what_is_refused(folder):
    good = by_hand(folder)
    assert validate(good)[0] == 0, validate(good)

    code, said = validate(good, options=["hide: "])
    assert code != 0 and "does not want to be made: `hide` is empty" in said
    code, said = validate(os.path.join(folder, "none.so"))
    assert code != 0 and "No such file" in said
    code, said = validate(folder)
    assert code != 0 and "no regular file" in said
    text = os.path.join(folder, "text.so")
    with open(text, "w", encoding="utf-8") as file:
        file.write("no object")
    code, said = validate(text)
    assert code != 0 and "cannot load the plugin" in said

    plain = compile_text(folder, "int f() { return 1; }", "plain.so")
    code, said = validate(plain)
    assert code != 0 and "has no `pingap_plugin_export`" in said
    with open(os.path.join(SDK, "pingap_plugin.h"), encoding="utf-8") as file:
        header = file.read()
    with open(os.path.join(folder, "pingap_plugin.h"), "w", encoding="utf-8") as file:
        file.write(header.replace("PINGAP_PLUGIN_ABI 1U", "PINGAP_PLUGIN_ABI 2U"))
    source = os.path.join(folder, "new.cc")
    with open(source, "w", encoding="utf-8") as file:
        file.write((GREETING % "").replace("<pingap_plugin.h>", '"pingap_plugin.h"'))
    other = compile_file(folder, source, "other.so", '-DTEXT="x"')
    code, said = validate(other)
    assert code != 0 and "version 2" in said and "version 1" in said


def test_file_that_others_can_write_is_refused(folder):
    path = by_hand(folder)
    for mode, wanted in ((0o757, "chmod go-w"), (0o775, "chmod go-w"), (0o755, None)):
        os.chmod(path, mode)
        code, said = validate(path)
        assert (code == 0) == (wanted is None), said
        assert wanted is None or wanted in said
    os.chmod(folder, 0o777)
    code, said = validate(path)
    assert code != 0 and "its folder" in said


def test_half_a_copy_is_refused_and_what_runs_goes_on(recorder, folder):
    """As a full disk leaves it. The loader would be killed by the missing pages."""
    path = compile_text(folder, GREETING % "", "p.so", '-DTEXT="one"')
    with open(path, "rb") as file:
        whole = file.read()
    with with_plugin(recorder, path) as product:
        for size in (0, 100, 5000, len(whole) // 2):
            with open(path, "wb") as file:
                file.write(whole[:size])
            code, _, err = product.order("reload")
            assert code == 3 and "cannot load the plugin" in err, size
            assert product.get("/").body == b"one"
        with open(path, "wb") as file:
            file.write(whole)
        assert product.order("reload")[0] == 0
        assert product.get("/").body == b"one"


def test_a_copy_that_memory_does_not_take_is_refused(recorder, folder):
    """A file in memory is a file: the limit for those holds for it, too."""
    small = compile_text(folder, GREETING % "", "p.so", '-DTEXT="one"')
    large = compile_text(folder, "static const char fill[1 << 20] = {1}; " + GREETING % (
        'if (fill[x.path().size()] == 7) { return pingap_sdk::Verdict::next; }'), "large.so",
        '-DTEXT="two"')
    conf = config(recorder.addr, location={"plugins": ["d"]})
    conf["plugins"] = {"d": {"type": "dynamic", "file": small}}
    with rig.Product(conf, fsize=1 << 19) as product:
        assert product.get("/").body == b"one"
        os.rename(large, small)
        code, _, err = product.order("reload")
        assert code == 3 and "it cannot be copied to memory: File too large" in err
        assert product.get("/").body == b"one"


@pytest.mark.parametrize("in_place", [True, False])
def test_reload_loads_what_has_replaced_it(recorder, folder, in_place):
    """Also where the file that runs is written over, which would crash a mapped one."""
    one = compile_text(folder, GREETING % "", "one.so", '-DTEXT="one"')
    two = compile_text(folder, GREETING % "", "two.so", '-DTEXT="two"')
    path = os.path.join(folder, "p.so")
    shutil.copyfile(one, path)
    with with_plugin(recorder, path) as product, product.client() as client:
        for source, text in ((two, b"two"), (one, b"one"), (two, b"two")):
            before = product.get("/").body
            if in_place:
                shutil.copyfile(source, path)
            else:
                shutil.copyfile(source, path + ".new")
                os.rename(path + ".new", path)
            assert product.get("/").body == before
            assert product.order("reload")[0] == 0
            assert product.get("/").body == text
            client.send(request("/"))
            assert client.response().body == text
