"""How often the network is right, what it takes for what, and whether its confidence is its accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.corpus.calibration import Calibration
from analysis.figures.palette import ACCURACY, NEUTRAL, ground, ink, rgb
from analysis.figures.style import ABOVE, POSITIVE, figure
from film import GROUP_NAMES, PAPER, percent

_MARKS = {"FiLM": "diamond-open", "FiLM, pixels": "x-thin-open", "Human": "circle-open"}


ROOM = 0.9  # of confidence, above which there is no room to the right of a mark
FEW = 30  # questions under which a value is drawn faint


def percent_range(*values: Iterable[float]) -> list[float]:
    """From a little below the lowest of some percentages, in steps of five, to a little above all."""
    known = [float(value) for part in values for value in part if not np.isnan(value)]
    low = max(-2.0, 5 * np.floor((min(known, default=0.0) - 1) / 5))  # a mark at 0 is seen whole
    return [low, 100 + (100 - low) / 40]


def _faint(table: pd.DataFrame) -> list[float]:
    """The opacity of each value's mark."""
    return [1.0 if asked >= FEW else 0.45 for asked in table["asked"]]


def interval_bars(table: pd.DataFrame, name: str = "") -> tuple[list[float], list[float]]:
    """Upwards and downwards from the accuracy to the ends of its interval, in per cent."""
    start, middle = (f"{name}_", name) if name else ("", "accuracy")
    here = table[middle]
    return (
        (100 * (table[f"{start}high"] - here)).clip(lower=0).round(2).tolist(),
        (100 * (here - table[f"{start}low"])).clip(lower=0).round(2).tolist(),
    )


def accuracy_rows(
    table: pd.DataFrame, *, paper: Sequence[str] = (), order: Sequence[str] | None = None, dark: bool = False
) -> go.Figure:
    """Accuracy of each value, a row each, with its interval; the paper's marks beside it where it has them.

    Args:
        table: of `accuracy_by`.
        paper: rows of the paper's Table 1 to mark; the values must then be its five groups.
        order: values from top to bottom.
    """
    shown = table.set_index(table["value"].astype(str))
    names = [name for name in (order or shown.index) if name in shown.index]
    shown = shown.loc[names]
    up, down = interval_bars(shown)
    traces = [
        go.Scatter(
            x=(100 * shown["accuracy"]).round(2),
            y=names,
            mode="markers",
            name="this network",
            marker={"color": ACCURACY, "size": 9, "opacity": _faint(shown)},
            error_x={"array": up, "arrayminus": down, "thickness": 2, "width": 5, "color": ACCURACY},
            customdata=shown[["right", "asked", "interval"]].to_numpy(object),
            hovertemplate="%{y}: %{x:.1f} %<br>%{customdata[0]:,.0f} of %{customdata[1]:,.0f} right, 95 % "
            "%{customdata[2]}<extra></extra>",
        )
    ]
    marked = [PAPER[head][1:] for head in paper]
    for head in paper:
        known = dict(zip(GROUP_NAMES, PAPER[head][1:], strict=True))
        there = [name for name in names if name in known]
        traces.append(
            go.Scatter(
                x=[known[name] for name in there],
                y=there,
                mode="markers",
                name=f"{head} (paper)",
                marker={
                    "symbol": _MARKS.get(head, "circle-open"),
                    "size": 10,
                    "color": ink(dark),
                    "line": {"width": 2},
                },
                hovertemplate=f"%{{y}}: {head} %{{x:.1f}} %<extra></extra>",
            )
        )
    return figure(
        80 + 28 * len(names),
        dark,
        *traces,
        x={
            "title_text": "accuracy (%)",
            "range": percent_range(100 * shown["accuracy"], 100 * shown["low"], *marked),
        },
        y={"autorange": "reversed", "showgrid": False, "categoryorder": "array", "categoryarray": names},
        showlegend=bool(paper),
        legend=ABOVE,
        margin={"t": 36 if paper else 8},
    )


def accuracy_line(table: pd.DataFrame, axis: str, *, dark: bool = False) -> go.Figure:
    """Accuracy along a number, such as the question's length, with intervals.

    Args:
        table: of `accuracy_by` with numbers as values.
        axis: what the numbers are.
    """
    up, down = interval_bars(table)
    trace = go.Scatter(
        x=table["value"],
        y=(100 * table["accuracy"]).round(2),
        mode="lines+markers",
        line={"color": NEUTRAL, "width": 1},
        marker={"color": ACCURACY, "size": 8, "opacity": _faint(table)},
        error_y={"array": up, "arrayminus": down, "thickness": 1.5, "width": 3, "color": ACCURACY},
        customdata=table[["right", "asked"]].to_numpy(int),
        hovertemplate=f"{axis} %{{x}}: %{{y:.1f}} %<br>%{{customdata[0]:,}} of %{{customdata[1]:,}} right"
        "<extra></extra>",
    )
    return figure(
        260,
        dark,
        trace,
        x={"title_text": axis, "tick0": 0, "dtick": 2},
        y={"title_text": "accuracy (%)", "range": percent_range(100 * table["accuracy"], 100 * table["low"])},
    )


def confusion_heatmap(counts: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """How often each true answer (row) was predicted as what (column), in counts; the diagonal is right.

    Errors are coloured by their share of the row, on a scale of their own: the diagonal, grey, would hide
    them. Rows of fewer than thirty questions are drawn faint.

    Args:
        counts: of `confusion`.
    """
    values = counts.to_numpy(float)
    asked = values.sum(axis=1)
    share = values / np.maximum(asked, 1)[:, None]
    right, few = np.eye(len(values), dtype=bool), (asked < FEW)[:, None]
    many = ~right & ~few if (~few).any() else ~right  # a row of four would leave no colour to the others
    top = max(float(share[many].max(initial=0)), 0.01)
    names = [str(name) for name in counts.index]
    rows = [f"{name} ({count:,.0f})" for name, count in zip(names, asked, strict=True)]
    empty = rgb(ground(dark))
    traces = []
    for faint in (False, True):
        for diagonal, color, most in ((True, NEUTRAL, 1.0), (False, POSITIVE, top)):
            here = (right == diagonal) & (few == faint)
            if not here.any():
                continue
            traces.append(
                go.Heatmap(
                    z=np.where(here, share, np.nan).round(4), x=names, y=rows, zmin=0, zmax=most,
                    customdata=np.where(here, values, 0), colorscale=_mixed(empty, rgb(color)),
                    text=np.where(here & (values > 0), values.astype(int).astype(str), ""),
                    texttemplate="%{text}", xgap=1, ygap=1,
                    textfont={"size": 10} | ({"color": ink(dark)} if faint else {}),  # else to stand off it
                    hoverongaps=False, opacity=0.45 if faint else 1.0, showscale=not (diagonal or faint),
                    hovertemplate="true %{y}, predicted %{x}<br>%{customdata:,.0f} times, %{z:.1%} of the row"
                    "<extra></extra>",
                    colorbar={
                        "title": {"text": "errors, share of the row", "side": "right"}, "thickness": 10,
                        "outlinewidth": 0, "tickformat": ".0%",
                    },
                )
            )  # fmt: skip
    named = {"type": "category", "showgrid": False, "dtick": 1, "categoryorder": "array"}
    return figure(
        120 + 20 * len(names), dark, *traces,
        x={"title_text": "predicted", "tickangle": -60, "categoryarray": names} | named,
        y={"title_text": "true (questions)", "autorange": "reversed", "categoryarray": rows} | named,
    )  # fmt: skip


def _mixed(empty: tuple[int, int, int], full: tuple[int, int, int]) -> list[tuple[float, str]]:
    """A scale between two colours whose square root lets what is rare be seen beside what is frequent."""
    steps = np.linspace(0, 1, 11)
    colors = [np.array(empty) + (np.array(full) - empty) * np.sqrt(step) for step in steps]
    return [
        (float(step), "rgb({:.0f}, {:.0f}, {:.0f})".format(*color))
        for step, color in zip(steps, colors, strict=True)
    ]


def calibration_curve(found: Calibration, *, dark: bool = False) -> go.Figure:
    """Accuracy of the answers of each bin of confidence, with intervals; on the diagonal the two are equal.

    Bins of fewer than thirty answers are drawn faint.
    """
    curve = found.curve
    up, down = interval_bars(curve)
    ends = [0, 100]
    diagonal = go.Scatter(
        x=ends, y=ends, mode="lines", name="confidence = accuracy", hoverinfo="skip",
        line={"color": NEUTRAL, "dash": "dash", "width": 1.5},
    )  # fmt: skip
    measured = go.Scatter(
        x=(100 * curve["confidence"]).round(2), y=(100 * curve["accuracy"]).round(2),
        mode="lines+markers+text", name="this network",
        text=[f"{count:,}" for count in curve["asked"]],
        textposition=["bottom left" if share > ROOM else "bottom right" for share in curve["confidence"]],
        textfont={"color": ink(dark), "size": 11}, line={"color": NEUTRAL, "width": 1},
        marker={"color": ACCURACY, "size": 9, "opacity": _faint(curve)},
        error_y={"array": up, "arrayminus": down, "thickness": 1.5, "width": 4, "color": ACCURACY},
        customdata=curve[["right", "asked", "interval"]]
        .assign(confidence=curve["confidence"].map(percent)).to_numpy(object),
        hovertemplate="mean confidence %{customdata[3]}: %{y:.1f} % right<br>%{customdata[0]:,} of "
        "%{customdata[1]:,}, 95 % %{customdata[2]}<extra></extra>",
    )  # fmt: skip
    low = 100 * np.nanmin(curve[["confidence", "accuracy", "low"]].to_numpy(float), initial=1.0)
    start = max(0.0, 10 * np.floor((low - 3) / 10))
    return figure(
        380, dark, diagonal, measured,
        x={"title_text": "confidence (%)", "range": [start, 103]},
        y={"title_text": "accuracy (%)", "range": [start, 103]},
        showlegend=True, legend=ABOVE, margin={"t": 40},
    )  # fmt: skip
