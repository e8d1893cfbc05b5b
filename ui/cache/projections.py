"""Projections that nobody has computed yet: one at a time, in the background, kept for everybody."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock

import streamlit as st

from analysis import LayoutRecipe, Study, layout_title
from film import Cancelled
from ui.cache import atlas
from ui.cache.networks import behind

METHODS = {
    "tsne": "t-SNE",
    "umap": "UMAP (a minute more, once, to compile)",
    "pca": "PCA",
    "pacmap": "PaCMAP (compiles once, too)",
}


@dataclass(eq=False)
class ProjectionJob:
    """A projection on its way. `done`: hundredths; `stop` asks it to end; `found`: its title.

    `wanted_by`: the session that began it, which is shown it at the end.
    """

    weights: str
    title: str
    wanted_by: str
    done: int = 0
    stop: Event = field(default_factory=Event)
    found: Future[str] = field(default_factory=Future)

    def told(self, done: int, of: int) -> None:
        self.done = 100 * done // max(1, of)

    @property
    def error(self) -> BaseException | None:
        """What it ended with, other than by being stopped."""
        error = self.found.exception() if self.found.done() else None
        return None if isinstance(error, Cancelled) else error


class _Jobs:
    """The last projection of each network that was begun here; at most one runs."""

    def __init__(self) -> None:
        self.by_weights: dict[str, ProjectionJob] = {}
        self.lock = Lock()


@st.cache_resource(show_spinner=False)
def _jobs() -> _Jobs:
    return _Jobs()


def job(study: Study) -> ProjectionJob | None:
    """The projection of this network that was begun last, on its way or at its end."""
    return _jobs().by_weights.get(study.weights)


def busy() -> ProjectionJob | None:
    """The projection that is being computed, of whatever network."""
    running = (job for job in _jobs().by_weights.values() if not job.found.done())
    return next(running, None)


def title(study: Study, recipe: LayoutRecipe) -> str:
    """What a projection is called in the list of layouts."""
    assert study.extraction is not None
    return layout_title(recipe, study.extraction)


def spaces(study: Study) -> dict[str, str]:
    """Space -> its name, such as "Gamma of block 2"."""
    return {space: title(study, LayoutRecipe(space, "pca")).removesuffix(", PCA") for space in study.spaces}


def begin(study: Study, recipe: LayoutRecipe, session: str) -> None:
    """Compute a projection in the background, unless one is on its way."""
    jobs = _jobs()
    with jobs.lock:
        if busy() is not None:
            return
        job = jobs.by_weights[study.weights] = ProjectionJob(study.weights, title(study, recipe), session)
        pooled = study.extraction is not None and study.extraction.pooled is not None

        def work() -> str:
            found = study.project(recipe, progress=job.told, cancel=job.stop.is_set)
            if not pooled and study.extraction is not None and study.extraction.pooled is not None:
                atlas.explaining.clear()  # the questions have pooled maps now, and are counted anew
            return found

        job.found = behind(work)


def forget(study: Study) -> None:
    """What came of the last projection is known."""
    _jobs().by_weights.pop(study.weights, None)
