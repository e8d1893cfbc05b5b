"""Figures of edited scenes: a question along a series of scenes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from analysis.figures.interventions import DASHES, MOST_LINES
from analysis.figures.palette import CATEGORIES, ink
from analysis.figures.style import ABOVE, figure
from film import percent

LEAST = 0.01  # probability that an answer has at some step, to have a line


def series_lines(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The probability of the answers step by step, and which of them is true there, from `ask_series`."""
    chances = table[[name for name in table if str(name).startswith("p(")]]
    most = chances.max().sort_values(ascending=False)
    shown = most[most >= LEAST].index[:MOST_LINES]
    lines = [
        go.Scatter(
            x=table["step"], y=chances[name], mode="lines+markers", name=str(name)[2:-1],
            line={"color": CATEGORIES[place % len(CATEGORIES)], "dash": DASHES[place], "width": 2.5},
            customdata=_told(table["label"], chances[name]),
            hovertemplate="%{fullData.name}: %{customdata[1]} at %{customdata[0]}<extra></extra>",
        )
        for place, name in enumerate(shown)
    ]  # fmt: skip
    true = go.Scatter(
        x=table["step"], y=table["true_probability"], mode="markers", name="the true answer",
        marker={"symbol": "circle-open", "size": 15, "color": ink(dark), "line": {"width": 2}},
        customdata=_told(table["truth"], table["true_probability"]),
        hovertemplate="true: %{customdata[0]}, %{customdata[1]}<extra></extra>",
    )  # fmt: skip
    return figure(
        340, dark, *lines, true, showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"tickvals": list(table["step"]), "ticktext": list(table["label"])},
        y={"title_text": "probability", "tickformat": ".0%", "range": [-0.04, 1.06]},
    )  # fmt: skip


def _told(name: pd.Series, chance: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"name": name, "probability": chance.map(percent, na_action="ignore")})


def activation_lines(table: pd.DataFrame, names: Sequence[str], *, dark: bool = False) -> go.Figure:
    """The mean activation of some feature maps step by step, from `ask_series`; `names`: their columns."""
    lines = [
        go.Scatter(
            x=table["step"], y=table[name], mode="lines+markers", name=name,
            line={"color": CATEGORIES[place % len(CATEGORIES)], "dash": DASHES[place], "width": 2.5},
            customdata=table["label"],
            hovertemplate="%{fullData.name}: %{y:.3f} at %{customdata}<extra></extra>",
        )
        for place, name in enumerate(names[:MOST_LINES])
    ]  # fmt: skip
    return figure(
        260, dark, *lines, showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"tickvals": list(table["step"]), "ticktext": list(table["label"])},
        y={"title_text": "mean after the ReLU"},
    )  # fmt: skip
