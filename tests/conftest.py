"""Fixtures every test may use."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Test networks are tiny: more threads would only wait for each other. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Streamlit's AppTest leaves the app as `__main__`, which new worker processes would then run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of official material to compare with; tests that need it skip without it."""
    folder = Path(os.environ.get("FILM_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no official material here (set FILM_SHARED_DATA to its folder)")
    return folder
