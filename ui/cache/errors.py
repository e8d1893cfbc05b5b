"""What the atlas keeps of a network's errors: where they lie, and the pictures they were made about."""

from __future__ import annotations

from concurrent.futures import Future
from io import BytesIO

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

import analysis
from analysis import Study
from film import InputError
from ui.cache.networks import KEYED, behind

TRIALS = 2000  # shuffles for one selection


def answered(study: Study) -> bool:
    """Whether the study has the network's answers about pictures."""
    return not study.alone and study.extraction is not None and "outcome" in study.extraction.table


def _wrong(study: Study) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each question: was it answered wrongly, its picture and its type, both as numbers."""
    assert study.extraction is not None
    table = study.extraction.table
    wrong = table["outcome"].to_numpy() == "wrong"
    return wrong, pd.factorize(table["picture"])[0], pd.factorize(table["type"])[0]


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def by_type(study: Study) -> Future[pd.DataFrame]:
    """The share of wrong answers of each type of question, held to errors shuffled within pictures."""
    wrong, owner, _ = _wrong(study)
    assert study.extraction is not None
    types = study.extraction.table["type"].to_numpy(str)
    return behind(
        lambda: analysis.error_shares(wrong, owner, {kind: types == kind for kind in np.unique(types)})
    )


@st.cache_resource(show_spinner=False, hash_funcs=KEYED)
def by_region(study: Study, name: str) -> Future[tuple[pd.DataFrame, np.ndarray]]:
    """Regions of a projection with most wrong answers, held to errors shuffled within types of question."""
    wrong, owner, kinds = _wrong(study)
    layout = study.layouts[name]
    size = min(200, max(10, len(layout.places) // 20))
    return behind(lambda: analysis.error_regions(wrong, owner, layout, within=kinds, size=size))


def of_selection(study: Study, rows: np.ndarray) -> tuple[pd.Series, pd.Series, float]:
    """The share of wrong answers among these questions, bool (questions,), beside two nulls; and elsewhere.

    Returns:
        Rows of `error_shares`, with errors shuffled within pictures, and within types; the share elsewhere.
    """
    return _of_selection(study, np.packbits(rows).tobytes())


@st.cache_resource(show_spinner=False, max_entries=64, hash_funcs=KEYED)
def _of_selection(study: Study, bits: bytes) -> tuple[pd.Series, pd.Series, float]:
    wrong, owner, kinds = _wrong(study)
    rows = np.unpackbits(np.frombuffer(bits, np.uint8), count=len(wrong)).astype(bool)
    one, other = (
        analysis.error_shares(wrong, owner, {"here": rows}, within=groups, trials=TRIALS).iloc[0]
        for groups in (owner, kinds)
    )
    return one, other, float(wrong[~rows].mean()) if (~rows).any() else float("nan")


@st.cache_resource(show_spinner=False, max_entries=256)
def picture(key: str) -> Future[bytes | None]:
    """A scene's picture as a JPEG, drawn behind the scenes; None where it cannot be drawn."""

    def draw() -> bytes | None:
        try:
            pixels = analysis.drawn_picture(key)
        except InputError:
            return None
        Image.fromarray(pixels).save(file := BytesIO(), "JPEG", quality=88)
        return file.getvalue()

    return behind(draw)
