"""Fixtures every test may use."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Test networks are tiny: more threads would only wait for each other. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["FILM_CACHE"] = ""  # nothing that a test computes is kept
os.environ.setdefault(
    "MALLOC_MMAP_MAX_", "65536"
)  # glibc's own: a training must not change it for later tests

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-battery", action="store_true", help="try all spoilt files, not a share of them")


TIERS = ("app", "slow", "browser")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every test in its tier: by its file, by its own mark, and what is left is a unit test."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("browser")
        elif item.path.name.startswith("test_app_"):
            item.add_marker("app")
        if not any(item.get_closest_marker(tier) for tier in TIERS):
            item.add_marker("unit")


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Streamlit's AppTest leaves the app as `__main__`, which new worker processes would then run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


ROOT = Path(__file__).parents[1]


@pytest.fixture
def visit(monkeypatch):
    """Opens a page of the app without a browser: with a checkpoint's folder, the page's name and a link."""
    from streamlit.testing.v1 import AppTest

    def visited(folder: Path, page: str, **link: str) -> AppTest:
        monkeypatch.setenv("FILM_CHECKPOINT", str(folder))
        monkeypatch.chdir(ROOT)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in link.items():
            app.query_params[name] = value
        return app.switch_page(f"ui/pages/{page}.py").run()

    return visited


@pytest.fixture
def open_folder(monkeypatch) -> Iterator[Callable[[Path], None]]:
    """Opens a folder of pictures. An app has one as long as it runs, so nothing that was kept outlives it."""
    import streamlit as st

    def opened(folder: Path) -> None:
        st.cache_resource.clear()
        monkeypatch.setenv("FILM_PICTURES", str(folder))

    yield opened
    st.cache_resource.clear()


@pytest.fixture
def files(monkeypatch) -> dict[str, Callable[[], bytes]]:
    """What the files of a page are written by, by their names."""
    import streamlit as st

    offered = {}
    show = st.download_button

    def note(label: str, write: Callable[[], bytes], name: str, *given, **more) -> bool:
        offered[name] = write
        return show(label, write, name, *given, **more)

    monkeypatch.setattr(st, "download_button", note)
    return offered


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of official material to compare with; tests that need it skip without it."""
    folder = Path(os.environ.get("FILM_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no official material here (set FILM_SHARED_DATA to its folder)")
    return folder


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed corpus of seven pictures; tests that change it work on a copy."""
    from worlds import TINY

    from film.clevr.data.generate import generate

    return generate(tmp_path_factory.mktemp("packed") / "corpus", TINY)


@pytest.fixture(scope="session")
def clevr_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a CLEVR folder with the split "val"; tests that change it work on a copy."""
    from dataclasses import replace

    from worlds import TINY

    from film.clevr.data.generate import generate

    recipe = replace(TINY, layout="clevr", split="val", questions=3)
    return generate(tmp_path_factory.mktemp("clevr") / "world", recipe)
