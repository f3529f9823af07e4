"""A real Chromium without a window, which opens one page."""

import base64
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile

import pytest

from .tls import openssl

PROGRAM = shutil.which("chromium")
needed = pytest.mark.skipif(not PROGRAM, reason="chromium is not installed")


def key_of(pair):
    """The SHA-256 of a certificate's key, as Chromium wants it."""
    code, key, error = openssl("x509", "-in", pair.cert, "-noout", "-pubkey")
    if code:
        raise AssertionError(error)
    der = base64.b64decode("".join(key.strip().split("\n")[1:-1]))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@contextlib.contextmanager
def browsing(url, pair):
    """Open until the end; of all certificates whose authority it does not know it takes this one.

    It resolves no name but localhost, so that it asks nobody else.
    """
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as home:
        process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
             f"--user-data-dir={home}", f"--ignore-certificate-errors-spki-list={key_of(pair)}",
             url], env={**os.environ, "HOME": home}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own group: all of its processes
            process.wait(10)
