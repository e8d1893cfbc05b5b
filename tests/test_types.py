"""Types hold everywhere, and for whoever imports from the catalogues."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def mypy(*given: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), *given]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_types_hold():
    done = mypy()
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_reach_whoever_imports_from_the_catalogues(tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text("from film import Session\n\nSession().no_such_method()\n")
    done = mypy(str(snippet))
    assert '"Session" has no attribute "no_such_method"' in done.stdout, done.stdout + done.stderr
