"""Long measurements in chunks that are kept, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from film import Progress, write_atomically

CHUNK = 20  # rows measured between two saves


def in_chunks(
    order: Sequence[int],
    make: Callable[[list[int], int], Mapping[str, np.ndarray]],
    *,
    depends_on: Sequence[Any],
    workshop: str | Path | None,
    progress: Progress | None,
) -> dict[str, np.ndarray]:
    """What `make` gives for all rows, in the order of their numbers.

    Args:
        order: the rows' numbers in the order in which they are measured.
        make: given some of them and where they begin in the order, gives arrays by name, a row for each.
        depends_on: all that the measurement depends on, as JSON has it: other chunks are thrown away.
        workshop: folder where finished chunks are kept; None keeps none.
        progress: called with the rows done and of all; raise in it to stop.
    """
    folder = None if workshop is None else _prepared(Path(workshop), json.dumps(depends_on))
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(order), CHUNK):
        path = None if folder is None else folder / f"chunk-{start:05d}.npz"
        if path is not None and path.is_file():
            with np.load(path) as kept:
                arrays: Mapping[str, np.ndarray] = {name: kept[name] for name in kept.files}
        else:
            arrays = make(list(order[start : start + CHUNK]), start)
            if path is not None:
                _keep(path, arrays)
        for name, values in arrays.items():
            found.setdefault(name, []).append(values)
        if progress:
            progress(min(start + CHUNK, len(order)), len(order))
    back = np.argsort(order)
    return {name: np.concatenate(values)[back] for name, values in found.items()}


def _prepared(folder: Path, key: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "pairs.json"
    if not mark.is_file() or mark.read_text("utf-8") != key:
        for old in folder.glob("chunk-*.npz"):
            old.unlink()
        write_atomically(mark, lambda path: path.write_text(key, encoding="utf-8"))
    return folder


def _keep(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    write_atomically(path, write)
