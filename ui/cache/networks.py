"""The networks that are here, and the one that a visitor has chosen, with what is kept beside it."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import streamlit as st
import torch

import analysis
import film
from analysis import (
    Grouping,
    Parameters,
    Population,
    Study,
    find_truth,
    open_extraction,
)
from film import InputError, Session
from ui import state
from ui.cache.kept import cache_folder
from ui.state import ViewState

Made = TypeVar("Made")

CHECKPOINT = "FILM_CHECKPOINT"  # environment variable: a folder, or the name of a bundled network
STUDY = "FILM_STUDY"  # environment variable: a study without its network, as `analysis.write_study` writes it
CHECKPOINTS = "FILM_CHECKPOINTS"  # environment variable: a folder with a checkpoint in each of its folders
LOOKED = 2  # seconds before the folders of networks are looked through again

# Studies are told apart by their folder and weights.
KEYED: dict[Any, Callable[[Any], Any]] = {Study: lambda study: (str(study.folder), study.weights)}


def offered() -> dict[str, Path]:
    """Name -> folder of every checkpoint that a visitor may choose, the one that opens first at first."""
    alone, first, many = (os.environ.get(name, "") for name in (STUDY, CHECKPOINT, CHECKPOINTS))
    return _offered(alone, first, many, int(time.monotonic() / LOOKED))


def with_weights() -> dict[str, Path]:
    """Those of `offered` that are networks: not studies alone, and not folders of something else."""
    return {name: folder for name, folder in offered().items() if (folder / "card.json").is_file()}


# The moment is an argument, and no `ttl` is given: Streamlit looks at the clock twice in reading an entry
# that has one, and raises a KeyError where it expires in between.
@st.cache_resource(show_spinner=False, max_entries=4)
def _offered(alone: str, first: str, many: str, moment: int) -> dict[str, Path]:
    folders = [Path(alone).expanduser()] if alone else []
    folders += [film.find(first)] if first else []
    folders += film.bundled()
    if many:
        with contextlib.suppress(OSError):  # `trouble` says so
            folders += sorted(path for path in Path(many).expanduser().iterdir() if path.is_dir())
    found: dict[str, Path] = {}
    for folder in folders:
        name = folder.name or str(folder)
        if folder.resolve() in {other.resolve() for other in found.values()}:
            continue
        while name in found:
            name += "'"
        found[name] = folder
    return found


def trouble() -> str | None:
    """What keeps the folder of checkpoints from being read."""
    many = os.environ.get(CHECKPOINTS)
    if not many or Path(many).expanduser().is_dir():
        return None
    return f"{CHECKPOINTS} names {many}, which is no folder; name one with checkpoints in it."


def study() -> Study:
    """The network that this visitor has chosen; the first one where he has not.

    Raises:
        InputError: there is none, or it cannot be used.
    """
    folder = _chosen()
    return _opened(str(folder), _written(folder))


def alone() -> bool:
    """Is it a study without its network that this visitor has chosen?"""
    try:
        return _is_study(_chosen())
    except InputError:  # `study` says so
        return False


def _chosen() -> Path:
    chosen = state.network_name()
    folder = offered().get(chosen) if chosen else None
    if folder is not None and not refused(chosen):
        return folder
    return next(iter(offered().values()), None) or film.find()


def _is_study(folder: Path) -> bool:
    given = os.environ.get(STUDY)
    if given and folder == Path(given).expanduser():
        return True  # whatever is there: opening it says what is wrong
    return not (folder / "card.json").is_file() and (folder / "extraction.json").is_file()


def named(name: str) -> Study:
    """A network that is offered, to be compared with the visitor's own.

    Raises:
        InputError: it cannot be opened.
    """
    folder = offered()[name]
    return _read(str(folder), _written(folder))


@st.cache_resource(show_spinner="Loading the network …", max_entries=8)
def _read(folder: str, written: float) -> Study:
    return Study(Session(folder), folder, cache=cache_folder())


def network() -> Session:
    """The session of the network that this visitor has chosen."""
    return study().session


@st.cache_resource(show_spinner="Loading the network …")
def _opened(folder: str, written: float) -> Study:
    # One question is too little work for two threads; several visitors are answered side by side.
    torch.set_num_threads(1)
    if _is_study(Path(folder)):
        found = Study(None, folder, cache=cache_folder())
        found.extraction, found.layouts  # noqa: B018 - InputError where they cannot be read
        return found
    found = Study(Session(folder), folder, cache=cache_folder())
    exhibit = film.gallery()[0]
    try:
        picture = film.read_picture(exhibit.picture_path)
        found.session.ask(picture, exhibit.questions[0].text, record=["classifier.maps"])
        find_truth(exhibit.questions[0].text, exhibit.scene)
    except InputError:
        pass  # one with few words of its own, or that sees no pictures, is none the worse: pages say so
    # What is here stays: collecting garbage need never look at it again. Streamlit may do so after every run.
    gc.collect()
    gc.freeze()
    return found


def remarks() -> tuple[str, ...]:
    """What there is to say of the network that was asked for and of the folder of networks."""
    found = [trouble()]
    if state.network_name() in offered() and (why := refused(state.network_name())):
        found.append(f"{state.network_name()} cannot be opened, so {study().name} answers instead. {why}")
    if (chosen := state.network_name()) and chosen not in offered():
        found.append(
            f"This link was made with the network {chosen[:60]}, which is not here; "
            f"{study().name} answers instead."
        )
    return tuple(filter(None, found))


def refused(name: str) -> str | None:
    """Why a network that is offered cannot be opened; None where it can."""
    folder = offered()[name]
    return _refused(str(folder), _written(folder))


def _written(folder: Path) -> float:
    """When a checkpoint was written, so that a new one is seen without a restart."""
    card = folder / ("extraction.json" if _is_study(folder) else "card.json")
    return card.stat().st_mtime if card.is_file() else 0.0


@st.cache_resource(show_spinner=False)
def _refused(folder: str, written: float) -> str | None:
    try:
        if _is_study(Path(folder)):
            open_extraction(folder)
        else:
            film.load(folder)
    except InputError as error:
        return str(error)
    return None


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def first_view(study: Study) -> ViewState:
    """What is on the page before anybody has chosen: the gallery's first picture and a question of it."""
    if study.alone:
        return ViewState()
    session = study.session
    for question in sorted((question.text for question in film.gallery()[0].questions), key=len):
        try:
            session.vocabulary.words(question)
        except film.UnknownWords:
            continue
        return ViewState(question=question)
    return ViewState()


# --- Counted behind the scenes --------------------------------------------------------------------


def behind(work: Callable[..., Made], *given: Any, **named: Any) -> Future[Made]:
    """Do this behind the scenes. The app may be stopped meanwhile: it does not wait for it."""
    found: Future[Made] = Future()

    def do() -> None:
        try:
            found.set_result(work(*given, **named))
        except BaseException as error:
            found.set_exception(error)

    Thread(target=do, daemon=True).start()
    return found


def done(result: Made) -> Future[Made]:
    """What was there already, as `behind` gives it."""
    found: Future[Made] = Future()
    found.set_result(result)
    return found


def _ready(made: Future[Made]) -> Made | None:
    return made.result() if made.done() else None


def population(study: Study) -> Population | None:
    """Gammas and betas of thousands of questions: of the study, or measured behind the scenes.

    None while that lasts; it takes some seconds, once.
    """
    return _ready(measuring_population(study))


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def measuring_population(study: Study) -> Future[Population]:
    return behind(lambda: study.population) if study.extraction is None else done(study.population)


def parameters(study: Study) -> Parameters | None:
    """Gammas and betas of thousands of questions, counted behind the scenes; None while that lasts."""
    return _ready(counting_parameters(study))


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def counting_parameters(study: Study) -> Future[Parameters]:
    measured = None if study.alone else measuring_population(study)

    def count() -> Parameters:
        if measured is not None:
            measured.result()
        return study.parameters

    return behind(count)


def groupings(study: Study) -> list[Grouping] | None:
    """How each block groups the questions, measured behind the scenes; None while that lasts.

    Raises:
        InputError: the questions are too few or of too few types.
    """
    return _ready(measuring_groupings(study))


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def measuring_groupings(study: Study) -> Future[list[Grouping]]:
    if study.groupings is not None:
        return done(study.groupings["space"])
    measured = measuring_population(study)
    return behind(lambda: analysis.space_groupings(measured.result()))


def map_groupings(study: Study) -> list[Grouping] | None:
    """The same in the study's layouts with the authors' settings, by block; empty where there are none."""
    return _ready(measuring_map_groupings(study))


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def measuring_map_groupings(study: Study) -> Future[list[Grouping]]:
    if study.groupings is not None:
        return done(study.groupings["map"])
    if not any(layout.recipe.method == "tsne-paper" for layout in study.layouts.values()):
        return done([])
    return behind(analysis.map_groupings, study.extraction, study.layouts)
