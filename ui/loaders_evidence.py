"""What the evidence page keeps for all visitors: the tables beside the network, and counts in them."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import streamlit as st

import film
from analysis import Evidence, accuracy_by, beside_paper, confusion, find_evidence, make_report
from ui import loaders
from ui.state import ViewState

LEAST = 20  # questions that a length or depth needs to be shown


def evidence() -> Evidence | None:
    """Answers and probes of the network that is here; None where they were not measured.

    Raises:
        InputError: a file is damaged.
    """
    folder = film.find(os.environ.get(loaders.CHECKPOINT) or None)
    return _evidence(str(folder), loaders.network().card.weights, _written(folder))


def _written(folder: Path) -> tuple[float, ...]:
    """When the files were written, so that new ones are seen without a restart."""
    return tuple(sorted(path.stat().st_mtime for path in (folder / "study").glob("*.parquet")))


@st.cache_resource(show_spinner=False, max_entries=2)
def _evidence(folder: str, weights: str, written: tuple[float, ...]) -> Evidence | None:
    return find_evidence(folder, weights)


def accuracy(column: str) -> pd.DataFrame:
    """Accuracy by a column of the answers, "" for all of them."""
    return _accuracy(_known(), column)


def paper() -> pd.DataFrame:
    """The paper's table, this network's accuracies above it."""
    return _paper(_known())


def confusions() -> pd.DataFrame:
    return _confusions(_known())


def report_of(view: ViewState | None) -> bytes:
    """The study, or one view, as a page of its own; a second or two, so only when it is asked for."""
    folder = film.find(os.environ.get(loaders.CHECKPOINT) or None)
    page = make_report(loaders.network(), folder, view=view, population=loaders.population(), grouping=False)
    return page.encode()


def _known() -> tuple[str, str, tuple[float, ...]]:
    folder = film.find(os.environ.get(loaders.CHECKPOINT) or None)
    return str(folder), loaders.network().card.weights, _written(folder)


def _answers(known: tuple[str, str, tuple[float, ...]]) -> pd.DataFrame:
    found = _evidence(*known)
    assert found is not None
    return found.answers


@st.cache_resource(show_spinner=False, max_entries=16)
def _accuracy(known: tuple[str, str, tuple[float, ...]], column: str) -> pd.DataFrame:
    return accuracy_by(_answers(known), column, least=LEAST if column in ("length", "depth") else 1)


@st.cache_resource(show_spinner=False, max_entries=2)
def _paper(known: tuple[str, str, tuple[float, ...]]) -> pd.DataFrame:
    return beside_paper(_answers(known), loaders.network().card.accuracy)


@st.cache_resource(show_spinner=False, max_entries=2)
def _confusions(known: tuple[str, str, tuple[float, ...]]) -> pd.DataFrame:
    return confusion(_answers(known))
