"""How often a network is right where questions or pictures differ from those it learned from."""

from __future__ import annotations

import itertools

import pandas as pd
import plotly.graph_objects as go

from analysis.figures.evidence import percent_range
from analysis.figures.interventions import DASHES
from analysis.figures.palette import ACCURACY, CATEGORIES, NEUTRAL, ink
from analysis.figures.style import ABOVE, NEGATIVE, POSITIVE, figure, rule


def generalisation_rows(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Accuracy a row each with its interval; the constant guess as a stroke, the paper's as a diamond.

    Args:
        table: columns value (from top to bottom), accuracy, low, high (shares of 1, nan where not known),
            and, where they are known, guess (share of 1) and paper (per cent).
    """
    names, right = table["value"].astype(str).tolist(), 100 * table["accuracy"].astype(float)
    traces = [
        _marks("this network", right, names, {"color": ACCURACY, "size": 9})
        | {"error_x": _bars(table, right, ACCURACY)},
    ]
    if "guess" in table:
        stroke = {"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": NEUTRAL}}
        traces.append(_marks("constant guess", 100 * table["guess"], names, stroke))
    if "paper" in table and table["paper"].notna().any():
        diamond = {"symbol": "diamond-open", "size": 10, "color": ink(dark), "line": {"width": 2}}
        traces.append(_marks("the paper's network", table["paper"], names, diamond))
    lowest = 100 * table["low"].fillna(table["accuracy"]).astype(float)
    ends = [lowest, *(trace["x"] for trace in traces)]
    return figure(
        80 + 28 * len(names),
        dark,
        *(go.Scatter(trace) for trace in traces),
        x={"title_text": "accuracy (%)", "range": percent_range(*ends)},
        y={"autorange": "reversed", "showgrid": False, "categoryorder": "array", "categoryarray": names},
        showlegend=len(traces) > 1,
        legend=ABOVE,
        margin={"t": 36},
    )


def training_lines(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Accuracy while networks learned, a line a network.

    Args:
        table: columns network, samples (millions) and accuracy (share of 1), as often as a run looked.
    """
    looks = itertools.cycle(zip(CATEGORIES[: len(DASHES)], DASHES, strict=True))
    lines = [
        go.Scatter(
            x=rows["samples"], y=100 * rows["accuracy"], mode="lines", name=str(name),
            line={"color": color, "dash": dash, "width": 2.5},
            hovertemplate="%{fullData.name}: %{y:.1f} % after %{x:.2f} M<extra></extra>",
        )
        for (name, rows), (color, dash) in zip(table.groupby("network", sort=False), looks, strict=False)
    ]  # fmt: skip
    return figure(
        340, dark, *lines, showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"title_text": "samples (millions)", "rangemode": "tozero"},
        y={"title_text": "validation accuracy (%)"},
    )  # fmt: skip


def gain_rows(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Points of accuracy gained, a row each with its interval; what random steps gain as a stroke.

    Args:
        table: columns value (from top to bottom), gain, low, high, random (shares of 1; ends nan where
            there is no interval), and paper (points, nan where there is none).
    """
    names, gain = table["value"].astype(str).tolist(), 100 * table["gain"].astype(float)
    own = {"color": [POSITIVE if value >= 0 else NEGATIVE for value in gain], "size": 9}
    stroke = {"symbol": "line-ns", "size": 14, "line": {"width": 3, "color": NEUTRAL}}
    diamond = {"symbol": "diamond-open", "size": 10, "color": ink(dark), "line": {"width": 2}}
    points = "%{x:+.1f} points"
    traces = (
        _marks("the analogy", gain, names, own, points) | {"error_x": _bars(table, gain, NEUTRAL)},
        _marks("random steps as long", 100 * table["random"], names, stroke, points),
        _marks("the paper's", table["paper"], names, diamond, points),
    )
    return figure(
        80 + 28 * len(names), dark, *(go.Scatter(trace) for trace in traces), shapes=[rule("x", 0)],
        x={"title_text": "accuracy gained (points)"},
        y={"autorange": "reversed", "showgrid": False, "categoryorder": "array", "categoryarray": names},
        showlegend=True, legend=ABOVE, margin={"t": 36},
    )  # fmt: skip


def _bars(table: pd.DataFrame, value: pd.Series, color: str) -> dict[str, object]:
    """Error bars from `value` (per cent) to low and high (shares of 1)."""
    up, down = (
        (sign * (100 * table[end].astype(float) - value)).clip(lower=0).round(2).tolist()
        for sign, end in ((1, "high"), (-1, "low"))
    )
    return {"array": up, "arrayminus": down, "thickness": 2, "width": 5, "color": color}


def _marks(
    name: str, values: pd.Series, names: list[str], marker: dict[str, object], shown: str = "%{x:.1f} %"
) -> dict[str, object]:
    return {
        "x": values.astype(float).round(2),
        "y": names,
        "mode": "markers",
        "name": name,
        "marker": marker,
        "hovertemplate": f"%{{y}}: {name} {shown}<extra></extra>",
    }
