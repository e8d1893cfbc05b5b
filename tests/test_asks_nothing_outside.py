"""Nothing asks an outside address at the start; browser tests hold the same of every page."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUARD = Path(__file__).parent / "guard"


def guarded(asked: Path) -> dict[str, str]:
    """The environment in which what is asked outside fails, and is written to a file."""
    return os.environ | {"PYTHONPATH": str(GUARD), "FILM_ASKED_OUTSIDE": str(asked)}


def test_the_guard_sees_what_is_asked(tmp_path):
    code = "import urllib.request; urllib.request.urlopen('http://example.org', timeout=1)"
    asked = tmp_path / "asked"
    made = subprocess.run([sys.executable, "-c", code], env=guarded(asked), capture_output=True, text=True)
    assert "nothing is asked outside" in made.stderr
    assert "example.org" in asked.read_text()


@pytest.mark.parametrize(
    "start", [["-m", "streamlit", "run", "app.py"], ["-m", "ui"]], ids=["streamlit", "film-lens"]
)
def test_the_app_starts_without_asking(start, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked, log = tmp_path / "asked", tmp_path / "log"
    with open(log, "w") as lines:
        server = subprocess.Popen(
            [sys.executable, *start, "--server.headless", "true", "--server.port", str(port)],
            cwd=ROOT, env=guarded(asked), stdout=lines, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        while "http://localhost" not in log.read_text():  # where it says its address, and would ask for it
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
    finally:
        server.kill()
        server.wait()
    assert not asked.exists(), asked.read_text()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as health:
            return bool(health.read() == b"ok")
    except OSError:
        return False
