"""The app as a process of its own, for the benchmarks that visit it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The page's own clock: it knows when the answer is there, without the way to this program and back.
TIMED = """([selector]) => new Promise(done => {
    const begun = performance.now();
    const look = () => document.querySelector(selector) ? done(performance.now() - begun)
                                                        : requestAnimationFrame(look);
    look() })"""


@contextlib.contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the app on a free port: its address, which may not answer yet, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        + ["--server.address", "127.0.0.1", "--server.port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(20)


def chromium() -> str | None:
    """The browser's program: FILM_CHROMIUM, or what is found on the path."""
    return os.environ.get("FILM_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
