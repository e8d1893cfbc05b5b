"""Answers and pictures as files, kept for all visitors: a page that runs again does not ask again."""

from __future__ import annotations

from io import BytesIO
from itertools import islice

import numpy as np
import streamlit as st
from PIL import Image

import analysis
from analysis import Study
from film import Answer, InputError, Session
from ui import builder
from ui.cache import networks, pictures
from ui.cache.pictures import ShownPicture

RECORD = "classifier.maps"  # recorded with every answer: what the max-pooling chooses from
MOST_ANSWERS = 64  # 160 kB each with the bundled network
MOST_PICTURES = 64
HIGHEST = 4  # times as high as wide, of a small picture


def answer(shown: ShownPicture, question: str) -> Answer:
    """What the visitor's network answers about this picture, with the activation `RECORD`.

    Raises:
        InputError: it cannot be asked.
    """
    return _answer(networks.study(), shown.key, shown.preview, question, shown.pixels)


@st.cache_resource(show_spinner=False, max_entries=MOST_ANSWERS, hash_funcs=networks.KEYED)
def _answer(study: Study, key: str, preview: bool, question: str, _pixels: np.ndarray) -> Answer:
    return study.session.ask(_pixels, question, record=[RECORD])


def seen(shown: ShownPicture) -> tuple[bytes, str]:
    """`analysis.what_is_seen` of this picture by the visitor's network, the picture as a file."""
    return _seen(networks.study(), shown.key, shown.preview, shown.pixels)


@st.cache_resource(show_spinner=False, max_entries=MOST_PICTURES, hash_funcs=networks.KEYED)
def _seen(study: Study, key: str, preview: bool, _pixels: np.ndarray) -> tuple[bytes, str]:
    pixels, told = analysis.what_is_seen(_pixels, study.session.config, study.session.card.fit)
    return as_file(pixels), told


def small(shown: ShownPicture, across: int) -> bytes:
    """This picture as a file so many pixels across, or fewer where it is very high."""
    return _small(shown.key, shown.preview, across, shown.pixels)


@st.cache_resource(show_spinner=False, max_entries=MOST_PICTURES)
def _small(key: str, preview: bool, across: int, _pixels: np.ndarray) -> bytes:
    rows, columns = _pixels.shape[:2]
    scale = min(across / columns, HIGHEST * across / rows)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    return as_file(np.asarray(Image.fromarray(_pixels).resize(size, Image.Resampling.LANCZOS)))


def as_network_gets(shown: ShownPicture) -> np.ndarray:
    """`analysis.as_seen` of this picture by the visitor's network, uint8 (height, width, 3)."""
    return _as_network_gets(networks.study(), shown.key, shown.preview, shown.pixels)


@st.cache_resource(show_spinner=False, max_entries=MOST_PICTURES, hash_funcs=networks.KEYED)
def _as_network_gets(study: Study, key: str, preview: bool, _pixels: np.ndarray) -> np.ndarray:
    return analysis.as_seen(_pixels, study.session.config, study.session.card.fit)


def as_file(pixels: np.ndarray) -> bytes:
    """A picture, uint8 (height, width, 3), as a JPEG; Streamlit would make a larger one at every run."""
    Image.fromarray(pixels).save(file := BytesIO(), "JPEG", quality=92, subsampling=0)
    return file.getvalue()


def to_foretell(shown: ShownPicture) -> tuple[str, ...]:
    """Questions about this picture that a word can change, two answered rightly before the others."""
    return _to_foretell(networks.study(), shown.key, shown.preview, shown)


@st.cache_resource(show_spinner=False, max_entries=MOST_PICTURES, hash_funcs=networks.KEYED)
def _to_foretell(study: Study, key: str, preview: bool, _shown: ShownPicture) -> tuple[str, ...]:
    vocabulary = study.session.vocabulary
    known = [
        text
        for kind in ("count", "exist", "query_color")  # a count can be changed by a word and have an answer
        for text in pictures.examples(kind, _shown)
        if knows(study.session, text)
    ]
    right = (
        text
        for text in known
        if builder.with_one_word_changed(text, vocabulary) and _right(study.session, _shown, text)
    )
    first = list(islice(right, 2))
    return (*first, *(text for text in known if text not in first))


def _right(session: Session, shown: ShownPicture, text: str) -> bool:
    true = pictures.truth(text, shown).answer
    return true is not None and session.ask(shown.pixels, text).answer == true


def knows(session: Session, text: str) -> bool:
    """Has the network words for all of this?"""
    try:
        return bool(session.vocabulary.words(text))
    except InputError:
        return False


def word_changes(shown: ShownPicture, question: str) -> tuple[str, ...]:
    """Questions one word away, first those answered rightly; of these, first those answered otherwise."""
    return _word_changes(networks.study(), shown.key, shown.preview, question, shown)


@st.cache_resource(show_spinner=False, max_entries=MOST_PICTURES, hash_funcs=networks.KEYED)
def _word_changes(
    study: Study, key: str, preview: bool, question: str, _shown: ShownPicture
) -> tuple[str, ...]:
    session = study.session
    found = builder.with_one_word_changed(question, session.vocabulary)
    true = {text: pictures.truth(text, _shown).answer for text in (question, *found)}
    answers = session.ask_many(_shown.pixels, found)
    said = {text: answer.answer for text, answer in zip(found, answers, strict=True)}

    def rank(text: str) -> tuple[bool, bool, bool]:
        return true[text] is None, true[text] != said[text], true[text] == true[question]

    return tuple(sorted(found, key=rank))
