"""What the atlas keeps: layouts as bytes, neighbours, paths, why selections are together."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import streamlit as st

import analysis
from analysis import Coloring, Extraction, Layout, PrefixPath, RegionLabel, Schema, Study, Why
from film import Session
from ui.cache.networks import KEYED, behind
from ui.scatter import Blob, contours_blob, points_blob as make_points, texts_blob as make_texts


def studied(study: Study) -> tuple[Extraction, dict[str, Layout]] | None:
    """The questions and their layouts; None where the network has not been studied yet."""
    if study.extraction is None or not study.layouts:
        return None
    explaining(study, next(iter(study.layouts)))
    return study.extraction, study.layouts


def _questions(study: Study) -> Extraction:
    assert study.extraction is not None
    return study.extraction


def _session(study: Study) -> Session | None:
    return None if study.alone else study.session


def explains(study: Study, name: str) -> bool:
    """Is everything counted that `why` needs on this layout? Until then it would keep a visitor waiting."""
    return explaining(study, name).done()


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def explaining(study: Study, name: str) -> Future[None]:
    questions = _questions(study)
    layout, session = study.layouts[name], _session(study)

    def work() -> None:
        analysis.prepare_why(questions, layout=layout, session=session)

    return behind(work)


def labels(study: Study, name: str) -> tuple[RegionLabel, ...] | None:
    """The dense regions of a layout by their words; None until they are counted."""
    found = labelling(study, name)
    return found.result() if found.done() else None


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def labelling(study: Study, name: str) -> Future[tuple[RegionLabel, ...]]:
    questions, layout = _questions(study), study.layouts[name]
    return behind(lambda: analysis.region_labels(analysis.prepare_why(questions), layout))


def places(study: Study, name: str) -> bool:
    """Can a new question be placed on this layout at once?"""
    return placing(study, name).done()


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def placing(study: Study, name: str) -> Future[tuple[np.ndarray, np.ndarray]]:
    questions, layout = _questions(study), study.layouts[name]
    first = analysis.vectors(questions.take([0]), layout.recipe.space)
    return behind(analysis.place, layout, questions, first)


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def points(study: Study, name: str) -> Blob:
    return make_points(study.layouts[name].places)


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def texts(study: Study, name: str) -> Blob:
    return make_texts(_questions(study).table["text"].to_numpy()[study.layouts[name].rows].tolist())


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def contours(study: Study, name: str) -> Blob:
    return contours_blob(study.layouts[name].places)


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=KEYED)
def column(study: Study, layout: str, name: str) -> Coloring:
    """The points of a layout coloured by a column of the study's table."""
    questions = _questions(study)
    return analysis.color_by_column(questions.table.iloc[study.layouts[layout].rows], name, questions.schema)


def word(study: Study, layout: str, word: str) -> Coloring:
    """The points of a layout coloured by whether a question holds a word."""
    return analysis.color_by_presence(matching(study, "word", word)[study.layouts[layout].rows], word)


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def values_of(study: Study, column: str) -> int:
    """How many values a column of the study's table has."""
    return int(_questions(study).table[column].nunique())


def colors(study: Study) -> list[str]:
    """What the atlas's points can be coloured by: what tells them apart, a word, a gamma, a beta."""
    columns = study.schema.labels if study.alone else analysis.COLOR_COLUMNS
    words = ["word"] if _schema(study).words else []
    return [*(column for column in columns if _told_apart(study, column)), *words, "gamma", "beta"]


def filters(study: Study) -> list[str]:
    """What the atlas's points can be selected by."""
    schema = _schema(study)
    own = (*schema.labels, *(["word"] if schema.words else []), "text")
    columns = own if study.alone else analysis.FILTERS
    return [column for column in columns if column in ("word", "text") or _told_apart(study, column)]


def _schema(study: Study) -> Schema:
    return _questions(study).schema


def _told_apart(study: Study, column: str) -> bool:
    return column in _questions(study).table and values_of(study, column) > 1


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def values(study: Study, column: str) -> list[str]:
    """What a column can be filtered by; a number of another network's conditions by its thirds."""
    questions = _questions(study)
    if study.alone:
        told = analysis.label_values(questions.table, questions.schema, column)
    else:
        told = questions.table[column].dropna().map(str)
    return sorted(set(told) - {""})


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=KEYED)
def matching(study: Study, by: str, value: str) -> np.ndarray:
    """Which questions have this type, word ...: bool (questions,)."""
    return analysis.matching(_questions(study), by, value)


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def place_of(study: Study, name: str) -> np.ndarray:
    """Where a question of the study lies among a layout's points, -1 where it is not: (questions,)."""
    rows = study.layouts[name].rows
    found = np.full(len(_questions(study)), -1)
    found[rows] = np.arange(len(rows))
    return found


@st.cache_resource(show_spinner=False, max_entries=256, hash_funcs=KEYED)
def nearest(study: Study, space: str, row: int, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Rows and distances of a question's nearest in all dimensions of a space."""
    return analysis.nearest(_questions(study), space, row, count)


@st.cache_resource(show_spinner=False, max_entries=256, hash_funcs=KEYED)
def path(study: Study, name: str, question: str) -> PrefixPath:
    """A question of the visitor's on a layout, word by word.

    Raises:
        InputError: it cannot be read, or has no place on this layout.
    """
    return analysis.path(study.session, _questions(study), study.layouts[name], question)


def why(study: Study, rows: np.ndarray, name: str, drawn: bool) -> Why:
    """What sets these questions, bool (questions,), apart from the rest, and from other regions of a layout.

    Raises:
        InputError: they are too few, or too many.
    """
    return _why(study, np.packbits(rows).tobytes(), name, drawn)


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=KEYED)
def _why(study: Study, bits: bytes, name: str, drawn: bool) -> Why:
    return analysis.why_together(
        _questions(study),
        np.flatnonzero(_unpacked(study, bits)),
        layout=study.layouts[name],
        drawn=drawn,
        session=_session(study),
    )


def why_between(study: Study, one: np.ndarray, other: np.ndarray) -> Why:
    """What sets these questions apart from those, bool (questions,) each; what is in both is left out.

    Raises:
        InputError: they are too few.
    """
    return _why_between(study, np.packbits(one & ~other).tobytes(), np.packbits(other & ~one).tobytes())


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=KEYED)
def _why_between(study: Study, one: bytes, other: bytes) -> Why:
    first, second = _unpacked(study, one), _unpacked(study, other)
    either = np.flatnonzero(first | second)
    return analysis.why_together(_questions(study).take(either), np.flatnonzero(first[either]))


def _unpacked(study: Study, bits: bytes) -> np.ndarray:
    """Bool (questions,) of what was packed to be a key."""
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=len(_questions(study))).astype(bool)
