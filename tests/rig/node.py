"""Peers that are programs of Node: what is installed, and how one is run.

Packages of npm are those of tests/package.json (`npm ci --prefix tests`), Debian's node-* beside
them; PINGAP_NODE_MODULES names another folder.
"""

import contextlib
import json
import os
import shutil
import subprocess

import pytest

from .deadline import seconds

RIG = os.path.dirname(os.path.abspath(__file__))
FOLDERS = [os.environ.get("PINGAP_NODE_MODULES") or
           os.path.join(os.path.dirname(RIG), "node_modules"), "/usr/share/nodejs"]


def needs(*packages):
    """Skips a test when Node or one of these packages is not there."""
    missing = [name for name in packages
               if not any(os.path.isdir(os.path.join(folder, name)) for folder in FOLDERS)]
    if not shutil.which("node"):
        missing.insert(0, "node")
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} "
                              "(tests/README.md says how)")


def start(script, *args):
    """A running script of this folder."""
    return subprocess.Popen(["node", os.path.join(RIG, script), *map(str, args)],
                            env={**os.environ, "NODE_PATH": ":".join(FOLDERS)},
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(script, *args, timeout=20):
    """What a script prints as JSON, to its end."""
    with start(script, *args) as process:
        try:
            out, _ = process.communicate(timeout=seconds(timeout))
        finally:
            process.kill()
    assert process.returncode == 0, out
    return json.loads(out)


@contextlib.contextmanager
def serving(script, *args):
    """The address of a server that prints its port."""
    with start(script, *args) as process:
        try:
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()
