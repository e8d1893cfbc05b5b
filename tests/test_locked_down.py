"""The app and its commands as an unprivileged user without a home, without a network, on code of others'."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOBODY = "65534"
PAGES = """
import os, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
root = Path(sys.argv[1])
for page in sorted((root / "ui" / "pages").glob("[!_]*.py")):
    app = AppTest.from_file(str(root / "app.py"), default_timeout=110)
    app.switch_page(str(page.relative_to(root))).run()
    assert not app.exception, (page.stem, [error.value for error in app.exception])
    print(page.stem, flush=True)
os._exit(0)  # what is measured in the background need not be done
"""


@dataclass(frozen=True)
class Locked:
    """Python as nobody. `code`: what it cannot write; `own`: the one folder that it can."""

    start: list[str]
    code: Path
    own: Path

    def __call__(self, *arguments: str | Path) -> str:
        made = subprocess.run(
            [*self.start, *map(str, arguments)], cwd=self.own, capture_output=True, text=True, timeout=240
        )
        assert made.returncode == 0, made.stdout[-500:] + made.stderr[-3000:]
        return made.stdout


@pytest.fixture(scope="module")
def locked():
    """Runs Python as nobody: with the code's files read-only, no HOME, and no network but its own."""
    tools = [shutil.which(name) for name in ("setpriv", "unshare")]
    if None in tools or os.geteuid() != 0:
        pytest.skip("setpriv and unshare need to be here, and to be allowed")
    folder = Path(tempfile.mkdtemp(prefix="locked-"))  # pytest's own are for their owner alone
    folder.chmod(0o755)
    code, own = folder / "code", folder / "own"
    skip = shutil.ignore_patterns(".*cache*", "__pycache__", ".git", ".venv", "artefacts", "history")
    shutil.copytree(ROOT, code, ignore=skip)
    own.mkdir()
    own.chmod(0o777)
    start = [tools[1], "-n", "env", "-i", "PATH=/usr/bin:/bin", f"PYTHONPATH={code}", "OMP_NUM_THREADS=1"]
    start += [tools[0], f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run(
        [*start, sys.executable, "-c", "import streamlit, torch"], cwd=own, capture_output=True
    ).returncode:
        pytest.skip("nobody cannot read this Python's packages, or unshare is not allowed")

    yield Locked([*start, sys.executable], code, own)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.app
def test_every_page_opens(locked):
    shown = locked("-c", PAGES, locked.code).split()
    assert {"ask", "atlas", "bench", "evidence"} <= set(shown)


@pytest.mark.slow
def test_the_commands_work(locked):
    picture = locked.code / "film/clevr/gallery/images/gallery/CLEVR_gallery_000000.png"
    world, found, view = (locked.own / name for name in ("world", "found", "view.html"))
    assert "%" in locked("-m", "film", "ask", "--image", picture, "--question", "How many cubes are there?")
    locked("-m", "film", "generate", world, "--pictures", "1", "--questions", "2", "--size", "60x40")
    locked("-m", "film", "evaluate", "--data", world)
    locked("-m", "analysis", "extract", "--out", found, "--questions", "40")
    locked("-m", "analysis", "layout", found, "--space", "both:4", "--method", "pca")
    locked("-m", "analysis", "report", "--view", "q=How+many+cubes+are+there%3F", "--out", view)
    assert view.stat().st_size > 100_000


IMPORTED = """
import numba
from analysis.corpus.compiled import compiled
compiled("pacmap"), compiled("umap")
print(numba.config.CACHE_DIR)
"""


@pytest.mark.slow
def test_compiled_libraries_find_a_place_and_leave_nothing_there(locked):
    place = locked("-c", IMPORTED).strip()
    assert not place or not Path(place).exists()
