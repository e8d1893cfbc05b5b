"""What the map cards' page keeps for all visitors."""

from __future__ import annotations

import os

import streamlit as st

import film
from analysis import MapCards, find_maps
from ui import loaders


def maps() -> MapCards | None:
    """The cards beside the network that is here; None where its maps were not measured.

    Raises:
        InputError: a file is damaged.
    """
    return _maps(str(film.find(os.environ.get(loaders.CHECKPOINT) or None)), loaders.network().card.weights)


@st.cache_resource(show_spinner=False, max_entries=2)
def _maps(folder: str, weights: str) -> MapCards | None:
    return find_maps(folder, weights)
