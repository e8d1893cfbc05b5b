"""Comparisons of two networks: what is kept beside a checkpoint, and what is measured in the background."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock

import numpy as np
import pandas as pd
import streamlit as st

from analysis import (
    DRAWN,
    GALLERY,
    Coloring,
    Comparison,
    Evidence,
    Study,
    color_by_category,
    compare,
    find_comparison,
    gallery_questions,
)
from film import Cancelled
from ui.cache import evidence
from ui.cache.networks import behind
from ui.scatter import Blob, points_blob, texts_blob

QUESTIONS, SEED = 3000, 0
MOST_KEPT = 4  # comparisons made here that are kept


@dataclass(eq=False)
class ComparisonJob:
    """A comparison on its way. `done`, `of`: how far it is; `stop` asks it to end."""

    done: int = 0
    of: int = 1
    stop: Event = field(default_factory=Event)
    found: Future[Comparison] = field(default_factory=Future)

    def told(self, done: int, of: int) -> None:
        self.done, self.of = done, of


class _ComparisonJobs:
    def __init__(self) -> None:
        self.by_pair: OrderedDict[tuple[str, str], ComparisonJob] = OrderedDict()
        self.lock = Lock()


@st.cache_resource(show_spinner=False)
def _jobs() -> _ComparisonJobs:
    return _ComparisonJobs()


def _pair(one: Study, other: Study) -> tuple[str, str]:
    return one.weights, other.weights


def kept(one: Study, other: Study) -> Comparison | None:
    """What is kept beside the first network, or was made here; None where neither is.

    Raises:
        InputError: a file is damaged, or the two cannot be compared at all.
    """
    job = running(one, other)
    if job is not None and job.found.done() and not job.stop.is_set():
        return job.found.result()
    return find_comparison(one.folder, one.weights, other.weights)


def running(one: Study, other: Study) -> ComparisonJob | None:
    """The comparison of these two that was begun here, on its way or finished; None if none was."""
    return _jobs().by_pair.get(_pair(one, other))


def begin(one: Study, other: Study) -> None:
    """Compare them in the background, on questions about the gallery; once, whoever asks."""
    jobs = _jobs()
    with jobs.lock:
        job = jobs.by_pair.get(_pair(one, other))
        if job is not None and not job.stop.is_set():
            return
        job = ComparisonJob()
        jobs.by_pair[_pair(one, other)] = job
        while len(jobs.by_pair) > MOST_KEPT:
            jobs.by_pair.popitem(last=False)[1].stop.set()

    def work() -> Comparison:
        asked = gallery_questions(QUESTIONS, SEED)
        return compare(
            one.session, other.session, asked, GALLERY, seed=SEED, progress=job.told, cancel=job.stop.is_set
        )

    job.found = behind(work)


def stop(one: Study, other: Study) -> None:
    """Let the comparison of these two end; what it had is lost."""
    if job := running(one, other):
        job.stop.set()


def failed(job: ComparisonJob) -> BaseException | None:
    """What a finished comparison ended with, other than by being stopped."""
    error = job.found.exception() if job.found.done() else None
    return None if isinstance(error, Cancelled) else error


def probes(one: Study, other: Study, found: Comparison) -> pd.DataFrame:
    """Probes of both: the comparison's own, or those of both networks' evidence about the same questions."""
    if len(found.probes):
        return found.probes
    both = [evidence.evidence(study) for study in (one, other)]
    if both[0] is None or both[1] is None:
        return pd.DataFrame()
    if not _same_questions(both[0], both[1]):
        return pd.DataFrame()
    tables = [
        each.probes.assign(network=side) for each, side in zip(both, ("one", "other"), strict=True) if each
    ]
    return pd.concat(tables, ignore_index=True)


def _same_questions(one: Evidence, other: Evidence) -> bool:
    """Were both asked the same questions about the same pictures?

    Folders share names, so their first pictures must be the same too; an earlier version did not keep them.
    """
    names = ("source", "seed", "questions", "first_picture")
    known = one.recipe.get("source") in (GALLERY, DRAWN) or "first_picture" in one.recipe
    asked = (each.answers[["text", "picture"]].reset_index(drop=True) for each in (one, other))
    return (
        known
        and all(one.recipe.get(name) == other.recipe.get(name) for name in names)
        and next(asked).equals(next(asked))
    )


# --- The layouts' points ------------------------------------------------------------------------------


def laid_out(found: Comparison) -> pd.DataFrame:
    """The questions that have a place in both layouts."""
    return found.questions[found.questions["x_one"].notna()]


def points(table: pd.DataFrame, side: str) -> tuple[np.ndarray, Blob]:
    """Places (points, 2) of one network's layout, and the same as bytes."""
    places = table[[f"x_{side}", f"y_{side}"]].to_numpy(np.float32)
    return places, points_blob(places)


def texts(table: pd.DataFrame) -> Blob:
    return texts_blob(list(table["text"]))


def coloring(table: pd.DataFrame, by: str) -> Coloring:
    """The points coloured by type, by attribute, or by who is right."""
    values = who_is_right(table) if by == "right" else table[by]
    return color_by_category(values, by)


def who_is_right(table: pd.DataFrame) -> pd.Series:
    """Of each question: both, only A, only B, or neither."""
    one, other = table["right_one"].to_numpy(bool), table["right_other"].to_numpy(bool)
    names = np.array([["neither right", "only B right"], ["only A right", "both right"]])
    return pd.Series(names[one.astype(int), other.astype(int)], table.index)


def questions_of(found: Comparison) -> str:
    """What a selection among the questions of a comparison is of, in a link."""
    return "{source} {seed} {questions}".format(**found.recipe)
