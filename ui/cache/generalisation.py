"""What the generalisation page keeps: the tests beside the networks, and counts in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from analysis import Study, by_kind, find_generalisation, overview
from ui.cache.networks import with_weights

_KEYED: dict[Any, Callable[[Any], Any]] = {
    Study: lambda study: (str(study.folder), study.weights, study.written)
}


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def tests(study: Study) -> dict[str, pd.DataFrame]:
    """What a network answered in each test that was measured, by the test's name.

    Raises:
        InputError: a file is damaged.
    """
    return find_generalisation(study.folder, study.weights)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def kinds(study: Study) -> pd.DataFrame:
    """Accuracy in every test by kind of question."""
    return pd.concat([by_kind(test, table) for test, table in tests(study).items()], ignore_index=True)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def networks(study: Study) -> pd.DataFrame:
    """All networks that the app offers, where they were measured; `study` says when to look again."""
    return overview(with_weights())
