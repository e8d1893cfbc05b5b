"""What the atlas keeps for all visitors: maps as bytes, neighbours, paths, why selections are together."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import numpy as np
import streamlit as st

from analysis import prepare_why, why_together
from analysis.corpus import atlas
from analysis.corpus.enrichment import Why
from analysis.corpus.extraction import Extraction, vectors
from analysis.corpus.layout import Layout, place
from analysis.figures import atlas as figures
from ui import loaders
from ui.scatter import Blob, points_blob as make_points, texts_blob as make_texts


def study() -> tuple[Extraction, dict[str, Layout]] | None:
    """The questions and their maps; None where the network has not been studied yet."""
    found = loaders.study()
    layouts = loaders.layouts() if found is not None else {}
    if found is None or not layouts:
        return None
    _explaining(_weights(), next(iter(layouts)))
    return found, layouts


def _weights() -> str:
    return loaders.network().card.weights


def _known() -> tuple[Extraction, dict[str, Layout]]:
    found = loaders.study()
    assert found is not None
    return found, loaders.layouts()


def explains(name: str) -> bool:
    """Is everything counted that `why` needs on this map? Until then it would keep a visitor waiting."""
    return not _explaining(_weights(), name).is_alive()


@st.cache_resource(show_spinner=False)
def _explaining(weights: str, name: str) -> Thread:
    extraction, layouts = _known()
    session = loaders.network()

    def work() -> None:
        prepare_why(extraction, layout=layouts[name], session=session)

    return _behind(work)


def places(name: str) -> bool:
    """Can a new question be placed on this map at once?"""
    return not _placing(_weights(), name).is_alive()


@st.cache_resource(show_spinner=False)
def _placing(weights: str, name: str) -> Thread:
    extraction, layouts = _known()
    first = vectors(extraction.take([0]), layouts[name].recipe.space)
    return _behind(place, layouts[name], extraction, first)


def _behind(work: Callable[..., object], *given: object) -> Thread:
    thread = Thread(target=work, args=given, daemon=True)
    thread.start()
    return thread


def points(name: str) -> Blob:
    return _points(_weights(), name)


@st.cache_resource(show_spinner=False)
def _points(weights: str, name: str) -> Blob:
    return make_points(_known()[1][name].places)


def texts(name: str) -> Blob:
    return _texts(_weights(), name)


@st.cache_resource(show_spinner=False)
def _texts(weights: str, name: str) -> Blob:
    extraction, layouts = _known()
    return make_texts(extraction.table["text"].to_numpy()[layouts[name].rows].tolist())


def column(layout: str, name: str) -> figures.Coloring:
    """The points of a map coloured by a column of the study's table."""
    return _column(_weights(), layout, name)


@st.cache_resource(show_spinner=False, max_entries=64)
def _column(weights: str, layout: str, name: str) -> figures.Coloring:
    extraction, layouts = _known()
    return figures.column(extraction.table.iloc[layouts[layout].rows], name)


def word(layout: str, word: str) -> figures.Coloring:
    """The points of a map coloured by whether a question holds a word."""
    return figures.presence(matching("word", word)[_known()[1][layout].rows], word)


def values_of(column: str) -> int:
    """How many values a column of the study's table has."""
    return _values_of(_weights(), column)


@st.cache_resource(show_spinner=False)
def _values_of(weights: str, column: str) -> int:
    result: int = _known()[0].table[column].nunique()
    return result


def matching(by: str, value: str) -> np.ndarray:
    """Which questions have this type, word ...: bool (questions,)."""
    return _matching(_weights(), by, value)


@st.cache_resource(show_spinner=False, max_entries=64)
def _matching(weights: str, by: str, value: str) -> np.ndarray:
    return atlas.matching(_known()[0], by, value)


def place_of(name: str) -> np.ndarray:
    """Where a question of the study lies among a map's points, -1 where it is not: (questions,)."""
    return _place_of(_weights(), name)


@st.cache_resource(show_spinner=False)
def _place_of(weights: str, name: str) -> np.ndarray:
    extraction, layouts = _known()
    rows = layouts[name].rows
    found = np.full(len(extraction), -1)
    found[rows] = np.arange(len(rows))
    return found


def nearest(space: str, row: int, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Rows and distances of a question's nearest in all dimensions of a space."""
    return _nearest(_weights(), space, row, count)


@st.cache_resource(show_spinner=False, max_entries=256)
def _nearest(weights: str, space: str, row: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    return atlas.nearest(_known()[0], space, row, count)


def path(name: str, question: str) -> atlas.PrefixPath:
    """A question of the visitor's on a map, word by word.

    Raises:
        InputError: it cannot be read, or has no place on this map.
    """
    return _path(_weights(), name, question)


@st.cache_resource(show_spinner=False, max_entries=256)
def _path(weights: str, name: str, question: str) -> atlas.PrefixPath:
    extraction, layouts = _known()
    return atlas.path(loaders.network(), extraction, layouts[name], question)


def why(rows: np.ndarray, name: str, drawn: bool) -> Why:
    """What sets these questions, bool (questions,), apart from the rest, and from other regions of a map.

    Raises:
        InputError: they are too few, or too many.
    """
    return _why(_weights(), np.packbits(rows).tobytes(), name, drawn)


def why_between(one: np.ndarray, other: np.ndarray) -> Why:
    """What sets these questions apart from those, bool (questions,) each; what is in both is left out.

    Raises:
        InputError: they are too few.
    """
    return _why_between(_weights(), np.packbits(one & ~other).tobytes(), np.packbits(other & ~one).tobytes())


@st.cache_resource(show_spinner=False, max_entries=16)
def _why_between(weights: str, one: bytes, other: bytes) -> Why:
    extraction, _ = _known()
    first, second = (
        np.unpackbits(np.frombuffer(bits, np.uint8), count=len(extraction)).astype(bool)
        for bits in (one, other)
    )
    either = np.flatnonzero(first | second)
    return why_together(extraction.take(either), np.flatnonzero(first[either]))


@st.cache_resource(show_spinner=False, max_entries=64)
def _why(weights: str, bits: bytes, name: str, drawn: bool) -> Why:
    extraction, layouts = _known()
    rows = np.unpackbits(np.frombuffer(bits, np.uint8), count=len(extraction))
    return why_together(
        extraction, np.flatnonzero(rows), layout=layouts[name], drawn=drawn, session=loaders.network()
    )
