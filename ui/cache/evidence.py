"""What the evidence page and the map cards keep: the tables beside a network, and counts in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from analysis import (
    CounterfactualSet,
    Evidence,
    LabelEvidence,
    MapCards,
    MapRanking,
    Measured,
    Study,
    WordReading,
    accuracy_by,
    beside_paper,
    confusion,
    find_counterfactuals,
    find_evidence,
    find_maps,
    find_measured,
    find_word_reading,
    make_report,
    rank_maps,
)
from ui.cache.networks import population
from ui.state import ViewState

LEAST = 20  # questions that a length or depth needs to be shown

# New files are seen without a restart: they are part of the key.
_KEYED: dict[Any, Callable[[Any], Any]] = {
    Study: lambda study: (str(study.folder), study.weights, study.written)
}


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def evidence(study: Study) -> Evidence | None:
    """Answers and probes of a network; None where they were not measured.

    Raises:
        InputError: a file is damaged.
    """
    return find_evidence(study.folder, study.weights)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def cards(study: Study) -> MapCards | None:
    """The cards of a network's maps; None where they were not measured.

    Raises:
        InputError: a file is damaged.
    """
    return find_maps(study.folder, study.weights)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def word_reading(study: Study) -> WordReading | None:
    """Which blocks and maps read which kind of word; None where it was not measured.

    Raises:
        InputError: the file is damaged.
    """
    return find_word_reading(study.folder, study.weights)


def ranking(study: Study) -> MapRanking | None:
    """What the maps can be ranked by, measured once in a second or two; None while there is no population.

    Raises:
        InputError: the map cards are damaged.
    """
    return None if population(study) is None else _ranking(study)


@st.cache_resource(show_spinner="Ranking the maps …", max_entries=4, hash_funcs=_KEYED)
def _ranking(study: Study) -> MapRanking:
    there = population(study)
    assert there is not None
    return rank_maps(there, cards(study))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def labels(study: Study) -> LabelEvidence | None:
    """What the labels of a study without its network have to do with its layers; None where not measured.

    Raises:
        InputError: a file is damaged.
    """
    return study.labels


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def counterfactuals(study: Study) -> CounterfactualSet | None:
    """How consistent a network is on pairs of scenes; None where it was not measured.

    Raises:
        InputError: the file is damaged.
    """
    return find_counterfactuals(study.folder, study.weights)


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_KEYED)
def measured(study: Study, what: str) -> Measured | None:
    """What is kept of robustness, analogies or ablations; None where it was not measured.

    Raises:
        InputError: a file is damaged.
    """
    return find_measured(study.folder, what, study.weights)


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_KEYED)
def accuracy(study: Study, column: str) -> pd.DataFrame:
    """Accuracy by a column of the answers, "" for all of them."""
    return accuracy_by(_answers(study), column, least=LEAST if column in ("length", "depth") else 1)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def paper(study: Study) -> pd.DataFrame:
    """The paper's table, this network's accuracies above it."""
    return beside_paper(_answers(study), study.session.card.accuracy)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def confusions(study: Study) -> pd.DataFrame:
    return confusion(_answers(study))


def report_of(study: Study, view: ViewState | None) -> bytes:
    """The study, or one view, as a page of its own; a second or two, so only when it is asked for."""
    session = None if study.alone else study.session
    others = None if study.alone else population(study)
    page = make_report(session, study.folder, view=view, population=others, grouping=False)
    return page.encode()


def _answers(study: Study) -> pd.DataFrame:
    found = evidence(study)
    assert found is not None
    return found.answers
