"""Libraries that Numba compiles, where nothing beside them and no home can be written.

They ask Numba to keep what it compiled, and cannot even be imported where it finds no place for that.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def compiled(library: str) -> Any:
    """A library of Numba's functions (umap, pacmap), imported with a place for what it compiles.

    Where neither the library's folder nor the user's own can be written, that is a private folder of this
    process, gone with it: what lies in a shared one might be another's, and would be run.
    """
    _have_a_place(library)
    return import_module(library)


@cache
def _have_a_place(library: str) -> None:
    import numba

    config: Any = numba.config
    spec = find_spec(library)
    beside = Path(spec.origin).parent if spec is not None and spec.origin else Path("/")
    own = Path(os.path.expanduser("~")) / ".cache"
    places = (beside / "__pycache__", beside, own, own.parent)
    if config.CACHE_DIR or any(place.is_dir() and os.access(place, os.W_OK) for place in places):
        return
    place = tempfile.mkdtemp(prefix="film-lens-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    config.CACHE_DIR = place
