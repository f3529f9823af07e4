"""`pingap fmt`: one form for configuration files, in place, with nothing else touched."""

import os
import pathlib
import re
import stat
import subprocess

import pytest

from rig.product import ROOT, binary, environment, run

OK, FAILURE, USAGE, INVALID = 0, 1, 2, 3

UGLY = """

[upstreams.api]   # the API
addrs=["127.0.0.1:9",'127.0.0.1:10' ]
  algorithm  = "round_robin"# in turn
# weights = [1, 2]
[locations.api]


upstream = "api"\r
match_headers = [
"X-A: #1", # one

   'X-B: "2"',
]



[servers.main]
addr = "127.0.0.1:0"
locations = [ "api" ]"""

NICE = """[upstreams.api]  # the API
addrs = ["127.0.0.1:9", '127.0.0.1:10']
algorithm = "round_robin"  # in turn

# weights = [1, 2]
[locations.api]
upstream = "api"
match_headers = [
  "X-A: #1",  # one

  'X-B: "2"',
]

[servers.main]
addr = "127.0.0.1:0"
locations = ["api"]
"""


def fmt(*words, text=None):
    """Exit code, stdout and stderr of `pingap fmt`."""
    done = subprocess.run([binary(), "fmt", *words], input=text, text=True, capture_output=True,
                          timeout=30, env=environment(), check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def file(tmp_path):
    """Writes a text as it is; returns its path."""
    def write(text, name="pingap.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path
    return write


def test_rewrites_a_file_in_place(file):
    path = file(UGLY)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    assert fmt(str(path)) == (OK, f"{path}\n", "")
    after = path.stat()
    assert path.read_bytes() == NICE.encode()
    assert ((stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid)
            == (0o640, before.st_uid, before.st_gid))
    assert os.listdir(path.parent) == [path.name], "a temporary file stayed behind"


def test_does_not_touch_a_file_that_is_in_the_form(file):
    path = file(NICE)
    before = path.stat()
    assert fmt(str(path)) == (OK, "", "")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_keeps_what_the_configuration_says(file):
    path = file(UGLY)
    before = run("validate", "--config", str(path))
    fmt(str(path))
    assert before[0] == OK
    assert run("validate", "--config", str(path)) == before


def test_follows_a_link_and_leaves_it_one(file):
    path = file(UGLY, "real/a.toml")
    link = path.parent.parent / "link.toml"
    link.symlink_to("real/a.toml")
    assert fmt(str(link))[0] == OK
    assert link.is_symlink() and path.read_text() == NICE


def test_formats_a_folder_and_each_file_by_itself(file):
    ugly, nice = file(UGLY, "conf/a.toml"), file(NICE, "conf/sub/b.toml")
    broken, other = file("x = \n", "conf/c.toml"), file("x=1\n", "conf/d.txt")
    folder = ugly.parent
    code, out, err = fmt(str(folder))
    assert (code, out) == (INVALID, f"{ugly}\n")
    assert f"{broken}:1:" in err and "not valid TOML" in err
    assert ugly.read_text() == nice.read_text() == NICE
    assert (broken.read_text(), other.read_text()) == ("x = \n", "x=1\n")


def test_from_stdin_to_stdout():
    assert fmt("-", text=UGLY) == (OK, NICE, "")
    assert fmt("-", text=NICE) == (OK, NICE, "")
    assert fmt("-", text="") == (OK, "", "")


def test_a_broken_text_is_shown_and_left(file):
    code, out, err = fmt("-", text="[a]\nx = 30s\n")
    assert (code, out) == (INVALID, "")
    assert "<stdin>:2:" in err and 'did you mean "30s"?' in err
    path = file("[a]\nx =  30s\n")
    assert fmt(str(path))[0] == INVALID
    assert path.read_text() == "[a]\nx =  30s\n"


def test_check_names_files_and_writes_nothing(file):
    ugly, nice = file(UGLY, "a.toml"), file(NICE, "b.toml")
    assert fmt("--check", str(nice)) == (OK, "", "")
    assert fmt("--check", str(ugly), str(nice)) == (FAILURE, f"{ugly}\n", "")
    assert fmt("--check", str(ugly.parent)) == (FAILURE, f"{ugly}\n", "")
    assert fmt("-", "--check", text=UGLY) == (FAILURE, "<stdin>\n", "")
    assert fmt("-", "--check", text=NICE) == (OK, "", "")
    assert ugly.read_bytes() == UGLY.encode()


def patched(text, diff):
    """What `patch` makes of a text: every line of a hunk must be where the hunk says."""
    lines, rows, out, at = text.splitlines(True), iter(diff.splitlines(True)[2:]), [], 0
    for row in rows:
        if row.startswith("@@ "):
            first, _, count = re.match(r"@@ -(\d+)(,(\d+))?", row).groups()
            start = int(first) - (count != "0")
            out, at = out + lines[at:start], start
        elif row.startswith("\\"):
            out[-1:] = [out[-1].rstrip("\n")] if before != "-" else out[-1:]
        else:
            before = row[0]
            if row[0] in " -":
                assert row[1:].rstrip("\n") == lines[at].rstrip("\n")
                at += 1
            if row[0] in " +":
                out.append(row[1:])
    return "".join(out + lines[at:])


def test_diff_shows_what_would_change_and_writes_nothing(file):
    ugly, nice = file(UGLY, "a.toml"), file(NICE, "b.toml")
    assert fmt("--diff", str(nice)) == (OK, "", "")
    code, out, err = fmt("--diff", str(ugly), str(nice))
    assert (code, err) == (FAILURE, "")
    assert out.startswith(f"--- {ugly}\n+++ {ugly}\n@@ -1,")
    assert "-  algorithm  = \"round_robin\"# in turn\n" in out
    assert "+algorithm = \"round_robin\"  # in turn\n" in out
    text = UGLY.replace("\r\n", "\n")  # read as text above
    assert patched(text, out.replace("\r\n", "\n")) == NICE
    assert ugly.read_bytes() == UGLY.encode()
    code, out, _ = fmt("-", "--diff", text=UGLY)
    assert code == FAILURE and out.startswith("--- <stdin>\n")
    assert fmt("--diff", "--check", str(ugly))[0] == USAGE


def test_says_what_it_cannot_read_or_write(file, tmp_path):
    code, _, err = fmt(str(tmp_path / "none.toml"))
    assert code == FAILURE and "No such file" in err
    code, _, err = fmt(str(tmp_path))
    assert code == FAILURE and "no *.toml file" in err
    path = file(UGLY, "folder/a.toml")
    if os.geteuid() != 0:
        path.parent.chmod(0o555)
        code, _, err = fmt(str(path))
        path.parent.chmod(0o755)
        assert code == FAILURE and "Permission denied" in err
        assert path.read_bytes() == UGLY.encode()
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([binary(), "fmt", "-"], input=UGLY, text=True, stdout=full,
                              stderr=subprocess.PIPE, timeout=30, env=environment(), check=False)
    assert done.returncode == FAILURE and "No space left" in done.stderr


def test_needs_a_file():
    code, _, err = fmt()
    assert code == USAGE and "file is required" in err


def test_help_teaches():
    code, out, _ = fmt("--help")
    assert code == OK and "Examples:" in out and "--check" in out


def test_the_files_that_are_shipped_are_in_the_form():
    assert fmt("--check", os.path.join(ROOT, "configs")) == (OK, "", "")


def blocks(path):
    """The TOML examples of a document, with the line each begins on."""
    lines, start, found = path.read_text(encoding="utf-8").splitlines(), None, []
    for number, line in enumerate(lines, 1):
        if line.strip() == "```toml":
            start = number
        elif line.strip() == "```" and start is not None:
            found.append((start, "\n".join(lines[start:number - 1]) + "\n"))
            start = None
    return found


DOCUMENTS = sorted(pathlib.Path(ROOT, "docs").glob("*.md")) + [pathlib.Path(ROOT, "README.md")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_examples_of_the_documents_are_in_the_form(path):
    for line, text in blocks(path):
        code, out, err = fmt("-", text=text)
        assert (code, out) == (OK, text), f"{path.name}:{line}: {err}"
