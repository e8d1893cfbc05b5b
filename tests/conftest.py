"""Fixtures every test may use."""

import os
from pathlib import Path

# Test networks are tiny: more threads would only wait for each other. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of official material to compare with; tests that need it skip without it."""
    folder = Path(os.environ.get("FILM_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no official material here (set FILM_SHARED_DATA to its folder)")
    return folder
