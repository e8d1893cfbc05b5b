"""Every cached loader, each a thin call into `film` or `analysis`. All of them are read-only and shared."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import numpy as np
import streamlit as st
import torch
from PIL import Image

import film
from analysis import (
    Extraction,
    Grouping,
    Layout,
    Parameters,
    Population,
    Truth,
    block_groupings,
    find_truth,
    groupings as measure_groupings,
    layouts_in,
    measure_parameters,
    measure_population,
    open_study,
    population_of,
)
from film import InputError, Question, Scene, Session
from film.clevr.gallery import Exhibit, gallery
from ui import loaders_folder
from ui.state import Upload, ViewState

Made = TypeVar("Made")

CHECKPOINT = "FILM_CHECKPOINT"  # environment variable: a folder, or the name of a bundled network


def network() -> Session:
    """The network that answers, shared by all visitors.

    Raises:
        InputError: there is none, or it cannot be used.
    """
    return _session(os.environ.get(CHECKPOINT) or None)


@st.cache_resource(show_spinner="Loading the network …")
def _session(checkpoint: str | None) -> Session:
    try:
        # One question is too little work for two threads; several visitors are answered side by side.
        torch.set_num_threads(1)
        session = Session(checkpoint)
        exhibit = exhibits()[0]
        session.ask(picture(0), exhibit.questions[0].text, record=["classifier.maps"])
        find_truth(exhibit.questions[0].text, exhibit.scene)
    except film.UnknownWords:
        pass  # a network with a small vocabulary of its own is none the worse
    # What is here stays: collecting garbage need never look at it again. Streamlit may do so after every run.
    gc.collect()
    gc.freeze()
    return session


@st.cache_resource(show_spinner=False)
def exhibits() -> tuple[Exhibit, ...]:
    return gallery()


def first_view(session: Session) -> ViewState:
    """What is on the page before anybody has chosen: the gallery's first picture and a question of it."""
    for question in sorted((question.text for question in exhibits()[0].questions), key=len):
        try:
            session.vocabulary.words(question)
        except film.UnknownWords:
            continue
        return ViewState(question=question)
    return ViewState()


@st.cache_resource(show_spinner=False, max_entries=64)
def picture(number: int) -> np.ndarray:
    """A picture of the gallery, uint8 (height, width, 3)."""
    return film.read_picture(exhibits()[number].picture_path)


@st.cache_resource(show_spinner=False)
def thumbnails() -> tuple[bytes, ...]:
    """The gallery's pictures as small JPEGs."""
    found = []
    for exhibit in exhibits():
        with Image.open(exhibit.picture_path) as whole:
            small = whole.convert("RGB").resize(loaders_folder.THUMBNAIL, Image.Resampling.LANCZOS)
        small.save(file := BytesIO(), "JPEG", quality=85)
        found.append(file.getvalue())
    return tuple(found)


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """The picture on the page.

    `key`: as in a view. `scene`: None where nobody has said what is in it, as in an upload.
    `remark`: why this one stands in for the one that was asked for.
    """

    key: str
    title: str
    why: str
    pixels: np.ndarray
    scene: Scene | None
    remark: str | None = None


def shown(key: str, upload: Upload | None) -> ShownPicture:
    """The picture of a view.

    The gallery's first stands in for an upload that this session has not, and for a broken file.
    """
    if upload is not None and key == upload.key:
        return ShownPicture(
            key, upload.name, "Your own picture; nothing is known of its scene.", upload.pixels, None
        )
    kind, number = _source(key)
    if kind == "folder":
        try:
            return _of_folder(number)
        except InputError as error:
            return _of_gallery(0, f"{error} Until then a picture of the gallery stands in.")
    return _of_gallery(number if kind == "gallery" else 0)


def _of_gallery(number: int, remark: str | None = None) -> ShownPicture:
    exhibit = exhibits()[number]
    key = f"gallery-{number}"
    return ShownPicture(key, exhibit.title, exhibit.why, picture(number), exhibit.scene, remark)


def _of_folder(number: int) -> ShownPicture:
    album, pixels = loaders_folder.album(), loaders_folder.picture(number)
    where = f"Picture {number} of 0 to {len(album) - 1} in your folder"
    try:
        scene = loaders_folder.scene(number)
        why = f"{where}; nothing is known of its scene." if scene is None else f"{where}; its scene is known."
    except InputError as error:
        scene, why = None, f"{where}. {error}"
    return ShownPicture(f"folder-{number}", album.name(number), why, pixels, scene)


def _source(key: str) -> tuple[str, int]:
    """Where a picture comes from, and its number there; 0 for an upload, which has a hash instead."""
    kind, _, number = key.partition("-")
    return kind, int(number) if kind in ("gallery", "folder") else 0


def neighbour(key: str, step: int) -> str:
    """The picture before (-1) or after (1) one where it comes from; the gallery's for an upload."""
    kind, number = _source(key)
    if kind == "folder":
        try:
            return f"folder-{(number + step) % loaders_folder.count()}"
        except InputError:  # it was there before; `shown` says what is wrong
            number = 0
    return f"gallery-{(number + step) % len(exhibits())}"


def examples(question_type: str, shown: ShownPicture, count: int = 8) -> tuple[str, ...]:
    """Questions of a type, shortest first, as CLEVR would ask them about a picture.

    About any picture where its scene is not known.
    """
    return _examples(question_type, None if shown.scene is None else shown.key, shown.scene)[:count]


@st.cache_resource(show_spinner=False, max_entries=256)
def _examples(question_type: str, key: str | None, _scene: Scene | None) -> tuple[str, ...]:
    if key is None or _scene is None:
        found = {text for seed in range(3) for text in film.examples(question_type, seed)}
    else:
        found = {q.text for q in _sampled(key, _scene) if film.question_type(q.program) == question_type}
    return tuple(sorted(found, key=lambda text: (len(text), text)))


@st.cache_resource(show_spinner=False, max_entries=64)
def _sampled(key: str, _scene: Scene, rounds: int = 3) -> tuple[Question, ...]:
    sampler = film.QuestionSampler(_source(key)[1])
    return tuple(question for _ in range(rounds) for question in sampler.sample(_scene, len(film.FAMILIES)))


def truth(question: str, shown: ShownPicture | None) -> Truth:
    """What is true of a question about a picture; its form alone about none, or where no scene is known."""
    scene = None if shown is None else shown.scene
    return _truth(question, None if shown is None or scene is None else shown.key, scene)


@st.cache_resource(show_spinner=False, max_entries=512)
def _truth(question: str, key: str | None, _scene: Scene | None) -> Truth:
    return find_truth(question, _scene)


def another_picture(key: str) -> np.ndarray:
    """A picture to compare with: the gallery's next but two, whose scene is another."""
    kind, number = _source(key)
    return picture(((number if kind == "gallery" else 0) + 3) % len(exhibits()))


# --- The study: many questions and maps of them ---------------------------------------------------


def study() -> Extraction | None:
    """What the network makes of 20,000 questions, kept beside its weights; None where it is not."""
    return _study(network().card.weights)


@st.cache_resource(show_spinner=False)
def _study(weights: str) -> Extraction | None:
    return open_study(_study_folder(), network())


def layouts() -> dict[str, Layout]:
    """The maps of the study by their titles, empty where there are none. Nothing is fitted here."""
    return _layouts(network().card.weights)


@st.cache_resource(show_spinner=False)
def _layouts(weights: str) -> dict[str, Layout]:
    known = study()
    return {} if known is None else layouts_in(_study_folder() / "layouts", known)


def _study_folder() -> Path:
    return film.find(os.environ.get(CHECKPOINT) or None) / "study"


def _behind(work: Callable[..., Made], *given: Any, **named: Any) -> Future[Made]:
    """Do this behind the scenes. The app may be stopped meanwhile: it does not wait for it."""
    found: Future[Made] = Future()

    def do() -> None:
        try:
            found.set_result(work(*given, **named))
        except BaseException as error:
            found.set_exception(error)

    Thread(target=do, daemon=True).start()
    return found


def population() -> Population | None:
    """Gammas and betas of thousands of questions: of the study, or measured behind the scenes.

    None while that lasts; it takes some seconds, once.
    """
    measured = _population(network().card.weights)
    return measured.result() if measured.done() else None


@st.cache_resource(show_spinner=False)
def _population(weights: str) -> Future[Population]:
    known = study()
    if known is None:
        return _behind(measure_population, network())
    found: Future[Population] = Future()
    found.set_result(population_of(known))
    return found


# --- The paper's pictures -----------------------------------------------------------------------

GROUPED, GROUPING_SEED = 3000, 0  # questions whose grouping is measured, and what draws them


def parameters() -> Parameters | None:
    """Gammas and betas of thousands of questions, counted behind the scenes; None while that lasts."""
    counted = _parameters(network().card.weights)
    return counted.result() if counted.done() else None


@st.cache_resource(show_spinner=False)
def _parameters(weights: str) -> Future[Parameters]:
    measured = _population(weights)

    def count() -> Parameters:
        found = measured.result()
        source = f"{len(found):,} questions as CLEVR asks them, drawn with seed {found.seed}"
        return measure_parameters(found.texts, found.types, found.gamma, found.beta, source)

    return _behind(count)


def groupings() -> list[Grouping] | None:
    """How each block groups the questions, measured behind the scenes; None while that lasts.

    Raises:
        InputError: the questions are too few or of too few types.
    """
    measured = _groupings(network().card.weights)
    return measured.result() if measured.done() else None


@st.cache_resource(show_spinner=False)
def _groupings(weights: str) -> Future[list[Grouping]]:
    counted = _parameters(weights)

    def measure() -> list[Grouping]:
        found = counted.result()
        return block_groupings(
            found.texts, found.types, found.gamma, found.beta, most=GROUPED, seed=GROUPING_SEED
        )

    return _behind(measure)


def map_groupings() -> list[Grouping] | None:
    """The same in the study's maps with the authors' settings, by block; empty where there are none."""
    measured = _map_groupings(network().card.weights)
    return measured.result() if measured.done() else None


@st.cache_resource(show_spinner=False)
def _map_groupings(weights: str) -> Future[list[Grouping]]:
    known, found = study(), {}
    for layout in layouts().values():
        kind, _, block = layout.recipe.space.partition(":")
        if layout.recipe.method == "tsne-paper" and kind == "both" and block:
            found[int(block)] = layout
    none: Future[list[Grouping]] = Future()
    none.set_result([])
    if known is None or not found:
        return none
    maps = dict(sorted(found.items()))
    rows = next(iter(maps.values())).rows
    if any(len(layout.rows) != len(rows) or (layout.rows != rows).any() for layout in maps.values()):
        return none  # not of the same questions
    spaces = {f"block {block}": layout.places for block, layout in maps.items()}
    types = known.table["type"].to_numpy()[rows]
    return _behind(measure_groupings, spaces, types, seed=GROUPING_SEED)
