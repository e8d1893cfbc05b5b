"""The pooled maps of a study's questions: each map's greatest value in the picture that a question is about.

A bundled study keeps no picture and no pooled maps. Where its predictions name the drawn scenes, both are
made again: some 4 pictures a second on two cores.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.corpus.extraction import Extraction, answers_and_maps
from analysis.corpus.question_set import SCENE, QuestionSet, drawn_picture
from film import Cancel, InputError, Progress, Session, stop_if, write_atomically

POOLED = "pooled_of_study.safetensors"
PART = 20  # pictures answered about together, and lost when a run is cut off


def can_be_pooled(extraction: Extraction) -> bool:
    """Whether the pictures of all questions are known, so that they can be drawn."""
    pictures = extraction.table.get("picture")
    return pictures is not None and bool(pictures.astype(str).str.startswith(SCENE).all())


def pooled_in(
    folder: str | Path,
    session: Session,
    extraction: Extraction,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Extraction:
    """The extraction with pooled maps, kept in a folder; measured where they are not there yet.

    Args:
        progress: called with how many pictures are done, and of how many.

    Raises:
        InputError: the pictures of the questions are not known, or the folder cannot be written.
        Cancelled: `cancel` said so; finished parts are kept.
    """
    found = with_pooled(extraction, folder)
    if found.pooled is not None:
        return found
    if not can_be_pooled(extraction):
        raise InputError(
            "The pictures of these questions are not known, so that maps have no activations; "
            "make the study again with predictions."
        )
    table = extraction.table
    asked = QuestionSet(table, str(extraction.recipe["source"]), None, drawn_picture)
    rows = list(table.reset_index(drop=True).groupby("picture", sort=False).indices.values())
    pooled = np.empty(extraction.gamma.shape, np.float16)
    workshop = Path(folder) / ".pooled"
    workshop.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(rows), PART):
        stop_if(cancel)
        here = np.concatenate(rows[start : start + PART])
        kept = workshop / f"{start}.npy"
        if not kept.is_file():
            part = answers_and_maps(session, table.iloc[here], asked, cancel)[1]
            write_atomically(kept, lambda path, part=part: _write(path, part))  # type: ignore[misc]
        pooled[here] = np.load(kept, allow_pickle=False)
        if progress:
            progress(min(start + PART, len(rows)), len(rows))
    _keep(Path(folder), pooled, extraction)
    shutil.rmtree(workshop, ignore_errors=True)
    return replace(extraction, pooled=pooled)


def _write(path: Path, part: np.ndarray) -> None:
    with open(path, "wb") as file:
        np.save(file, part)


def _keep(folder: Path, pooled: np.ndarray, extraction: Extraction) -> None:
    from safetensors.numpy import save_file

    write_atomically(folder / POOLED, lambda path: save_file({"pooled": pooled}, path, _of(extraction)))


def with_pooled(extraction: Extraction, folder: str | Path) -> Extraction:
    """An extraction with the pooled maps that a folder keeps; the same where it keeps none of them."""
    from safetensors import SafetensorError, safe_open

    path = Path(folder) / POOLED
    if extraction.pooled is not None or not path.is_file():
        return extraction
    try:
        with safe_open(path, "numpy") as file:
            same = file.metadata() == _of(extraction)
            pooled = file.get_tensor("pooled") if same else None
    except (SafetensorError, OSError):  # a damaged file is made again
        return extraction
    if pooled is None or pooled.shape != extraction.gamma.shape:
        return extraction
    return replace(extraction, pooled=pooled)


def _of(extraction: Extraction) -> dict[str, str]:
    return {name: str(extraction.recipe.get(name)) for name in ("weights", "questions")}
