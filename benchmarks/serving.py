"""The app as a process of its own, for the benchmarks that visit it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
# The page's own clock: it knows when the answer is there, without the way to this program and back.
TIMED = """([selector]) => new Promise(done => {
    const begun = performance.now();
    const look = () => document.querySelector(selector) ? done(performance.now() - begun)
                                                        : requestAnimationFrame(look);
    look() })"""

# Nothing is still to come at all, but figures that are drawn when they are scrolled to.
WHOLE = """() => document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'
    && !document.querySelector('.below, [data-testid=stSkeleton], [data-stale=true]')"""


@contextlib.contextmanager
def served(script: str = "app.py") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the app, or another page, on a free port: its address, which may not answer yet; its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
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


def wait_until_idle(server: subprocess.Popen[bytes], most: float = 300.0) -> float:
    """Wait until the server computes nothing any more; seconds that this took.

    Where there is no /proc to read its time from, half a minute.
    """
    stat, began = Path(f"/proc/{server.pid}/stat"), time.perf_counter()
    if not stat.exists():
        time.sleep(30)
    while stat.exists() and time.perf_counter() - began < most:
        before = _ticks(stat)
        time.sleep(1)
        if _ticks(stat) - before <= 2:  # hundredths of a second
            break
    return time.perf_counter() - began


def _ticks(stat: Path) -> int:
    """User and system time of a process, in the kernel's ticks."""
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def go_to(page: Page, address: str) -> None:
    """Go to an address of an app that is still starting.

    Raises:
        SystemExit: it is not there within a minute.
    """
    for _ in range(600):
        try:
            page.goto(address)
            return
        except Exception:  # not there yet
            time.sleep(0.1)
    raise SystemExit(f"The app did not start at {address}.")


def chromium() -> str | None:
    """The browser's program: FILM_CHROMIUM, or what is found on the path."""
    return os.environ.get("FILM_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def quiet(page: Page) -> None:
    """Wait until a page is whole, and a little longer."""
    page.wait_for_function(WHOLE)
    page.wait_for_timeout(400)
