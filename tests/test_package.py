"""The project as a package: one list of dependencies, and a wheel that works anywhere."""

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
IN_PROGRESS = "checkpoints/in-progress/"  # of trainings to go on with: for a clone alone
PICTURE = "film/clevr/gallery/images/gallery/CLEVR_gallery_000000.png"


@pytest.mark.parametrize(
    ("ranges", "pins"),
    [
        (PROJECT["dependencies"], "requirements.txt"),
        (PROJECT["optional-dependencies"]["dev"], "requirements-dev.txt"),
    ],
    ids=["run", "dev"],
)
def test_the_tested_versions_are_those_the_package_asks_for(ranges: list[str], pins: str):
    asked = {canonicalize_name(r.name): r for r in map(Requirement, ranges)}
    tested = {canonicalize_name(r.name): r for r in map(Requirement, (ROOT / pins).read_text().split())}
    assert asked.keys() == tested.keys()
    for name, pin in tested.items():
        (only,) = pin.specifier
        assert only.operator == "==", f"{pins} pins {name}"
        assert asked[name].specifier.contains(only.version), f"{asked[name]} leaves out the tested {pin}"


def test_the_citation_is_of_this_version():
    lines = (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    assert f"version: {PROJECT['version']}" in lines
    assert f"license: {PROJECT['license']}" in lines
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of the project, built without fetching anything."""
    pytest.importorskip("hatchling", reason="no hatchling: pip install -r requirements-dev.txt")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory) -> Iterator[Path]:
    """A folder with what the wheel installs, which nobody but root may write into."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("target", ["sdist", "wheel"])
def test_a_package_holds_the_networks_and_nothing_in_progress(target: str):
    builder = pytest.importorskip(f"hatchling.builders.{target}", reason="no hatchling").__dict__
    made = builder["SdistBuilder" if target == "sdist" else "WheelBuilder"](str(ROOT))
    there = {Path(file.path).relative_to(ROOT).as_posix() for file in made.recurse_included_files()}
    assert {"checkpoints/clevr/card.json", "checkpoints/answers/card.json"} <= there
    assert "checkpoints/ablations/table-2.json" in there
    assert not [name for name in there if name.startswith(IN_PROGRESS)]


@pytest.mark.slow
def test_the_wheel_holds_what_the_packages_read(wheel: Path):
    there = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "film", "analysis", "ui", "checkpoints"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    made = ("ui/scatter", "ui/figures/plotly")
    names = ("package.json", "package-lock.json", ".gitignore")
    left_out = {"", *(f"{folder}/{name}" for folder in made for name in names)}
    for name in set(tracked) - left_out:
        if name.startswith(IN_PROGRESS):
            continue
        assert (f"film/{name}" if name.startswith("checkpoints/") else name) in there, name
    assert {"ui/start/app.py", "ui/start/.streamlit/config.toml", "analysis/methods.md"} <= there
    assert {name.split("/")[0] for name in there} == {
        "film", "analysis", "ui", f"film_lens-{PROJECT['version']}.dist-info",
    }  # fmt: skip


@pytest.mark.slow
def test_the_wheel_answers_and_reports_elsewhere_and_writes_nothing_beside_its_code(
    installed: Path, tmp_path: Path
):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FILM_")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def files() -> list[Path]:  # __pycache__ aside, which Python and Numba fill where they may
        return sorted(path for path in installed.rglob("*") if "__pycache__" not in path.parts)

    before = files()
    picture, question = str(installed / PICTURE), "Is there a cube?"
    asked = "import film, sys; print(film.__file__, film.Session().ask(*sys.argv[1:]).answer)"
    where, answer = run(asked, picture, question).split()
    assert Path(where).parent == installed / "film"
    assert answer in ("yes", "no")
    # The entry points, as their commands call them.
    ask = "import sys; from film.__main__ import main; sys.argv[0] = 'film'; sys.exit(main())"
    assert run(ask, "ask", "--image", picture, "--question", question).startswith(answer)
    report = "import sys; from analysis.__main__ import main; sys.exit(main())"
    run(report, "report", "clevr", "--view", "picture=gallery-0&q=Is+there+a+cube%3F", "--out", "view.html")
    assert "Is there a cube?" in (tmp_path / "view.html").read_text("utf-8")
    app = "from ui.__main__ import script; print(script())"
    assert Path(run(app).strip()) == installed / "ui" / "start" / "app.py"
    assert files() == before
