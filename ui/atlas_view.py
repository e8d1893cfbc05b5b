"""What the parts of the atlas share: what a run of the page shows, and how it waits."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from analysis import Extraction, Layout, Selection
from ui import state


@dataclass(frozen=True, eq=False)
class AtlasView:
    """What a run of the page shows. `selection`: None where nothing is selected."""

    study: Extraction
    layouts: dict[str, Layout]
    name: str
    selection: Selection | None

    @property
    def layout(self) -> Layout:
        return self.layouts[self.name]

    @property
    def sample(self) -> str:
        """What was read, with the seed. A projection may show fewer (`analysis.layout_sample`)."""
        recipe = self.study.recipe
        return f"{len(self.study):,} {self.study.schema.nouns}, {recipe['source']}, seed {recipe['seed']}"

    @property
    def tested_on(self) -> str:
        """The projection that a selection is tested on: the one it was drawn on, and else the one shown."""
        drawn = "" if self.selection is None else self.selection.layout
        return drawn if drawn in self.layouts else self.name

    def table(self, rows: np.ndarray) -> pd.DataFrame:
        """What is known of these rows of the study, after the id of each; a label may be called “id” too."""
        known = self.study.table.iloc[rows].rename(columns={"id": "id (label)"})
        return known.rename_axis("id").reset_index()

    def on(self, name: str) -> np.ndarray | None:
        """The selection among the points of a projection, bool (points,)."""
        return None if self.selection is None else self.selection.rows[self.layouts[name].rows]


@st.fragment(run_every=2)
def wait(what: str, done: Callable[[], bool]) -> None:
    """Say what is done in the background, and run the page again when it is."""
    if done():
        state.run_again()
    st.caption(f":material/hourglass_top: {what} in the background, once …")


def mark(what: str, selection: Selection) -> None:
    """A sign on the page that tests and benchmarks wait for."""
    number = zlib.crc32(selection.rows.tobytes())
    st.html(f'<div id="{what}" data-count="{selection.rows.sum()}" data-selection="{number}"></div>')
