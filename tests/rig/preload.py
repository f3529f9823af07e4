"""Small libraries in C that stand before those of the system in a program under test."""

import os
import subprocess

import pytest

from .product import ROOT, binary, sanitized
from .standin import find


def library(name, folder):
    """The path of rig/NAME.c, compiled; skips the test where that cannot be used."""
    compiler = next(filter(None, map(find, ("clang-19", "gcc-12", "cc"))), None)
    if compiler is None:
        pytest.skip("no C compiler")
    if sanitized(binary()):
        pytest.skip("a sanitizer wants to be loaded first")
    path = os.path.join(folder, f"{name}.so")
    source = os.path.join(ROOT, "tests", "rig", f"{name}.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl"], check=True)
    return path
