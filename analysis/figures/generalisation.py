"""How often a network is right where questions or pictures differ from those it learned from."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.evidence import percent_range
from analysis.figures.interventions import DASHES
from analysis.figures.palette import ACCURACY, CATEGORIES, NEUTRAL, ink
from analysis.figures.style import ABOVE, NEGATIVE, POSITIVE, figure, rule

_CONDITIONS = ((CATEGORIES[0], "circle"), (CATEGORIES[2], "square"))  # how A and B are drawn


def generalisation_rows(table: pd.DataFrame, *, whose: str = "this network", dark: bool = False) -> go.Figure:
    """Accuracy a row each with its interval; the constant guess as a stroke, the paper's as a diamond.

    Args:
        table: columns value (from top to bottom), accuracy, low, high (shares of 1, nan where not known),
            and, where they are known, guess (share of 1) and paper (per cent).
        whose: accuracies they are, for the legend.
    """
    names, right = table["value"].astype(str).tolist(), 100 * table["accuracy"].astype(float)
    traces = [
        _marks(whose, right, names, {"color": ACCURACY, "size": 9})
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


def learned_on_lines(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Accuracy on A and on B of a network taught A, by how many of B's questions it learned on from.

    None of them stands left of the logarithmic axis, apart from the curves.

    Args:
        table: columns from_b, test (A or B), accuracy, low, high (shares of 1; ends nan where there is no
            interval) and paper (per cent, nan where there is none).
    """
    steps = sorted({int(count) for count in table["from_b"] if count})
    first = steps[0] if steps else 1
    none, border = first / 10**0.6, first / 10**0.3  # as far off as a third of a step from 100 to 1,000
    traces: list[go.Scatter] = []
    ends: list[pd.Series] = []
    for (test, rows), (color, symbol) in zip(table.groupby("test"), _CONDITIONS, strict=False):
        own = rows.sort_values("from_b")
        x = own["from_b"].astype(float).where(own["from_b"] > 0, none).tolist()
        right = 100 * own["accuracy"].astype(float)
        named = [f"{count:,.0f} of B's questions" if count else "A alone" for count in own["from_b"]]
        after = int((own["from_b"] == 0).sum())  # no line from none to the first
        y = right.round(2).tolist()
        bars = _bars(own, right, color) | {"thickness": 1.5, "width": 4}
        traces += [
            go.Scatter(
                x=x[after:], y=y[after:], mode="lines", line={"color": color, "width": 1.5}, hoverinfo="skip",
                showlegend=False,
            ),
            go.Scatter(
                x=x, y=y, mode="markers", name=f"on {test}, trained anew", text=named, error_y=bars,
                marker={"color": color, "symbol": symbol, "size": 9},
                hovertemplate=f"on {test}, trained anew, %{{text}}: %{{y:.1f}} %<extra></extra>",
            ),
            go.Scatter(
                x=x, y=own["paper"], mode="markers", name=f"on {test}, the paper's", text=named,
                marker={"color": color, "symbol": f"{symbol}-open", "size": 12, "line": {"width": 2}},
                hovertemplate=f"on {test}, the paper's, %{{text}}: %{{y:.1f}} %<extra></extra>",
            ),
        ]  # fmt: skip
        ends += [100 * own["low"].astype(float), right, own["paper"].astype(float)]
    reach = [np.log10(none) - 0.15, np.log10(steps[-1] if steps else border) + 0.15]
    return figure(
        360, dark, *traces, shapes=[rule("x", border) | {"line": {"color": NEUTRAL, "dash": "dot"}}],
        x={
            "type": "log", "title_text": "B's questions learned on from", "range": reach,
            "tickvals": [none, *steps], "ticktext": ["none", *(f"{count:,}" for count in steps)],
        },
        y={"title_text": "accuracy (%)", "range": percent_range(*ends)},
        showlegend=True, legend=ABOVE, margin={"t": 40},
    )  # fmt: skip


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
