"""All feature maps of a block side by side: each is a button, to be clicked or walked to by arrow keys.

Nothing is fetched: `view.js` and `view.css` are all there is of it. Maps travel as one byte a value.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

import analysis
from ui import state

HERE = Path(__file__).parent

_view = st.components.v2.component(
    "film_map_wall",
    css=(HERE / "view.css").read_text("utf-8"),
    js=(HERE / "view.js").read_text("utf-8"),
    isolate_styles=False,
)


def map_wall(
    key: str,
    maps: np.ndarray,
    numbers: np.ndarray,
    *,
    scale: float,
    chosen: int,
    labels: Sequence[str],
    told: Sequence[str],
    label: str,
    on_choose: Callable[[int], None],
    dark: bool = False,
) -> None:
    """Draw the maps with their numbers and labels below, and a colour bar; hand back which one is chosen.

    Args:
        maps: (maps, rows, columns).
        numbers: which maps to show, in this order.
        scale: value of the strongest colour.
        chosen: number of the map that is framed.
        labels: text below each map after its number; by number, empty where there is none.
        told: what is said of each map when it is walked to or pointed at; by number.
        label: what a screen reader says of all of them.
        on_choose: called with a map's number before the page runs again.
    """

    def chose() -> None:
        value = state.told(key, "chosen")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value in numbers:
            on_choose(int(value))

    steps = analysis.color_steps(maps[numbers], scale)
    _view(
        key=key,
        data={
            "values": base64.b64encode(steps.tobytes()).decode(), "shape": list(maps.shape[1:]),
            "palette": base64.b64encode(analysis.color_table(dark).tobytes()).decode(),
            "cells": [
                {"number": int(number), "label": labels[number], "told": told[number]} for number in numbers
            ],
            "chosen": int(chosen), "scale": f"{scale:.2f}", "label": label, "dark": dark,
        },
        on_chosen_change=chose,
    )  # fmt: skip
