"""What a network answers to the questions of its study, about pictures of the scenes they were asked about.

study/predictions.parquet has a row for each question, in the study's order, with its recipe inside. No
picture is kept: `picture` holds the whole scene as text, and `drawn_picture` makes the same bytes of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import describe, versions
from analysis.corpus.extraction import Extraction
from analysis.corpus.question_set import QuestionSet
from analysis.tables import read_tables, write_tables
from film import Cancel, InputError, Progress, Questions, Session, command, stop_if, write_atomically

PREDICTIONS = "predictions.parquet"
COLUMNS = ("picture", "prediction", "probability", "probability_of_truth")
PART = 40  # pictures answered about together, and lost when a run is cut off
_NOTE = b"film-lens predictions"


def predict_answers(
    session: Session,
    asked: QuestionSet,
    folder: str | Path | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """Ask every question about its picture; on two cores some 3 pictures, or 60 questions, a second.

    Args:
        asked: of `sample_questions`, or any questions with pictures.
        folder: keeps what is finished, so that a run that was stopped goes on.

    Returns:
        A row for each question: picture, prediction, probability (of the prediction: its confidence) and
        probability_of_truth (nan where the true answer is not known).

    Raises:
        InputError: the questions come without pictures.
        Cancelled: `cancel` said so; finished parts are kept.
    """
    if asked.picture_of is None:
        raise InputError(
            f"No pictures come with these questions ({asked.source}); give questions about pictures."
        )
    rows = asked.table.groupby("picture", sort=False).indices
    pictures = list(rows)
    made_of = json.dumps([session.card.weights, asked.hash, len(asked)])
    name, parts = hashlib.sha256(made_of.encode()).hexdigest()[:16], []
    for number, start in enumerate(range(0, len(pictures), PART)):
        kept = None if folder is None else Path(folder) / f"{name}-{number:04d}.parquet"
        here = {picture: rows[picture] for picture in pictures[start : start + PART]}
        if kept is None or not kept.is_file():

            def told(done: int, start: int = start) -> None:
                stop_if(cancel)
                if progress:
                    progress(start + done, len(pictures))

            parts.append(_answered(session, asked, here, told))
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(kept, parts[-1].to_parquet)
        else:
            parts.append(pd.read_parquet(kept))
    return pd.concat(parts).sort_index()


def _answered(
    session: Session, asked: QuestionSet, pictures: Mapping[Any, np.ndarray], told: Callable[[int], None]
) -> pd.DataFrame:
    """The answers to all questions about some pictures; the index is a question's row.

    Args:
        told: called with how many pictures are done.
    """
    assert asked.picture_of is not None
    texts, truths = asked.table["text"].to_numpy(), asked.table["answer"].to_numpy()
    found = []
    for done, (picture, rows) in enumerate(pictures.items()):
        told(done)
        modulation = session.modulate(list(texts[rows]), lenient=True)
        answers = session.answer(asked.picture_of(picture), modulation)
        for row, answer in zip(rows, answers, strict=True):
            truth = answer.probabilities.get(str(truths[row]), 0.0) if truths[row] is not None else np.nan
            found.append((row, picture, answer.answer, answer.probabilities[answer.answer], truth))
    told(len(pictures))
    table = pd.DataFrame(found, columns=["row", *COLUMNS]).set_index("row")
    return table.astype({"probability": np.float32, "probability_of_truth": np.float32})


def measure_answers(
    session: Session,
    asked: Questions,
    source: str,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """What a network answers to questions of known truth, in the columns of `Observed.table`.

    Without anything inside the network, so faster than `observe`.

    Args:
        source: in words, where the questions come from.
        progress: called with how many pictures are done, and of how many.

    Raises:
        Cancelled: `cancel` said so.
    """
    table = describe(asked.questions)
    pictures = QuestionSet(table, source, None, asked.picture)
    told = predict_answers(session, pictures, progress=progress, cancel=cancel).drop(columns="picture")
    return table.assign(**told, right=(told["prediction"] == table["answer"]).to_numpy())


def with_predictions(extraction: Extraction, folder: str | Path) -> Extraction:
    """An extraction whose table also has what `predictions_in` keeps; the same where nothing is kept.

    The table gains picture, prediction, confidence (probability of the prediction), probability_of_truth and
    outcome ("right" or "wrong").

    Raises:
        InputError: the file is damaged.
    """
    kept = _read(folder, extraction)
    if kept is None:
        return extraction
    told = kept.rename(columns={"probability": "confidence"}).set_index(extraction.table.index)
    right = told["prediction"].to_numpy() == extraction.table["answer"].astype(str).to_numpy()
    table = extraction.table.assign(**told, outcome=np.where(right, "right", "wrong"))
    return replace(extraction, table=table)


def predictions_in(
    folder: str | Path,
    session: Session,
    asked: QuestionSet,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> None:
    """Measure the predictions of a study's questions and keep them in its folder.

    Raises:
        InputError: as `predict_answers`.
        Cancelled: `cancel` said so; run again to go on.
    """
    workshop = Path(folder) / ".predictions"
    table = predict_answers(session, asked, workshop, progress=progress, cancel=cancel)
    recipe = {
        "weights": session.card.weights,
        "questions": asked.hash,
        "source": asked.source,
        "seed": asked.seed,
        "count": len(table),
        "pictures": int(table["picture"].nunique()),
        "versions": versions(),
    }
    write_tables(folder, {PREDICTIONS: table}, recipe, _NOTE)
    shutil.rmtree(workshop, ignore_errors=True)


def has_predictions(folder: str | Path, extraction: Extraction) -> bool:
    """Whether the predictions of this study's questions lie in its folder, whole."""
    try:
        return _read(folder, extraction) is not None
    except InputError:
        return False


def _read(folder: str | Path, extraction: Extraction) -> pd.DataFrame | None:
    """None where there are none, or they are of another network's or of other questions."""
    if not (Path(folder) / PREDICTIONS).is_file():
        return None
    make_it = command("analysis", "study", "CHECKPOINT")
    tables, recipes = read_tables(folder, [PREDICTIONS], _NOTE, make_it, {PREDICTIONS: " ".join(COLUMNS)})
    table, recipe = tables[0], recipes[0]
    known = extraction.recipe
    of_these = all(recipe.get(name) == known.get(name) for name in ("weights", "questions"))
    return table[list(COLUMNS)] if of_these and len(table) == len(extraction) else None
