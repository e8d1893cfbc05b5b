"""How often the network is right, what it takes for what, and what a linear probe reads off it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.palette import CATEGORIES, NEUTRAL, ground, ink, rgb
from analysis.figures.style import ABOVE, POSITIVE, figure
from film import GROUP_NAMES, PAPER

_SPACES = {"gamma": ("circle", 1), "beta": ("square", 0), "both": ("diamond", 2), "maps": ("triangle-up", 3)}
_MARKS = {"FiLM": "diamond-open", "FiLM, pixels": "x-thin-open", "Human": "circle-open"}


FEW = 30  # questions under which a value is drawn faint


def _range(*values: Iterable[float]) -> list[float]:
    """From a little below the lowest of some percentages, in steps of five, to a little above all."""
    known = [float(value) for part in values for value in part if not np.isnan(value)]
    low = max(0.0, 5 * np.floor((min(known, default=0.0) - 1) / 5))
    return [low, 100 + (100 - low) / 40]


def _faint(table: pd.DataFrame) -> list[float]:
    """The opacity of each value's mark."""
    return [1.0 if asked >= FEW else 0.45 for asked in table["asked"]]


def _bars(table: pd.DataFrame, name: str = "") -> tuple[list[float], list[float]]:
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
    up, down = _bars(shown)
    traces = [
        go.Scatter(
            x=(100 * shown["accuracy"]).round(2),
            y=names,
            mode="markers",
            name="this network",
            marker={"color": POSITIVE, "size": 9, "opacity": _faint(shown)},
            error_x={"array": up, "arrayminus": down, "thickness": 2, "width": 5, "color": POSITIVE},
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
            "range": _range(100 * shown["accuracy"], 100 * shown["low"], *marked),
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
    up, down = _bars(table)
    trace = go.Scatter(
        x=table["value"],
        y=(100 * table["accuracy"]).round(2),
        mode="lines+markers",
        line={"color": NEUTRAL, "width": 1},
        marker={"color": POSITIVE, "size": 8, "opacity": _faint(table)},
        error_y={"array": up, "arrayminus": down, "thickness": 1.5, "width": 3, "color": POSITIVE},
        customdata=table[["right", "asked"]].to_numpy(int),
        hovertemplate=f"{axis} %{{x}}: %{{y:.1f}} %<br>%{{customdata[0]:,}} of %{{customdata[1]:,}} right"
        "<extra></extra>",
    )
    return figure(
        260,
        dark,
        trace,
        x={"title_text": axis, "tick0": 0, "dtick": 2},
        y={"title_text": "accuracy (%)", "range": _range(100 * table["accuracy"], 100 * table["low"])},
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
                    texttemplate="%{text}", textfont={"size": 10, "color": ink(dark)}, xgap=1, ygap=1,
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


def probe_chart(
    probes: pd.DataFrame, target: str, *, layers: Sequence[str] | None = None, dark: bool = False
) -> go.Figure:
    """One target's probes: a series a space, a place a block, with intervals; the controls as lines.

    The state's probe is a line of its own, as it belongs to no block. Hollow marks are the same probes on
    shuffled labels.

    Args:
        probes: of `probe`.
        target: one of its targets.
        layers: their names, where they have other names than "block 1" and so on.
    """
    table = probes[probes["target"] == target]
    blocks = int(table["block"].max())
    # Places from left to right: the stem, each block, all of them together.
    names = [f"block {block}" for block in range(1, blocks + 1)] if layers is None else list(layers)
    ticks = dict(enumerate(["stem" if layers is None else "", *names[:blocks]]))
    ticks[blocks + 1] = "all blocks" if layers is None else "all layers"
    traces: list[go.BaseTraceType] = []
    left, right = -0.45, blocks + 1.45
    first = table.iloc[0]
    lines: list[tuple[str, Mapping[str, Any], str, str]] = [
        ("bag of words", first, "bag", "dash"),
        ("majority", first, "majority", "dot"),
    ]
    lines = [line for line in lines if not np.isnan(line[1][line[2]])]
    state = table[table["space"] == "state"]
    if len(state):
        lines.insert(0, ("hidden state", state.iloc[0], "accuracy", "solid"))
    for name, row, column, dash in lines:
        start = "" if column == "accuracy" else f"{column}_"
        text = f"{name}: {row[column]:.1%} ({row[f'{start}low']:.1%} to {row[f'{start}high']:.1%})"
        traces.append(
            go.Scatter(
                x=[left, (left + right) / 2, right],
                y=[100 * row[column]] * 3,
                mode="lines",
                name=name,
                line={"color": ink(dark) if column == "accuracy" else NEUTRAL, "dash": dash, "width": 1.5},
                hovertemplate=text + "<extra></extra>",
            )
        )
    for number, (space, (symbol, color)) in enumerate(_SPACES.items()):
        wanted = table["space"].isin([space, "stem"] if space == "maps" else [space])
        own = table[wanted].copy()
        own["place"] = np.where(
            own["space"] == "stem", 0, np.where(own["block"] == 0, blocks + 1, own["block"])
        )
        own = own.sort_values("place")
        if own.empty:
            continue
        at, tint = own["place"] + 0.16 * (number - 1.5), CATEGORIES[color]
        up, down = _bars(own)
        seen = own[["accuracy", "low", "high", "control", "selectivity", "held_out"]].to_numpy(float).round(4)
        hover = (
            f"{space} %{{text}}<br>%{{customdata[0]:.1%}} (%{{customdata[1]:.1%}} to %{{customdata[2]:.1%}})"
            "<br>control labels %{customdata[3]:.1%}, selectivity %{customdata[4]:+.1%}"
            + ("<br>families not trained on %{customdata[5]:.1%}" if own["held_out"].notna().any() else "")
            + "<extra></extra>"
        )
        common = {
            "x": at,
            "text": [ticks[place] for place in own["place"]],
            "customdata": seen,
            "name": space,
            "hovertemplate": hover,
            "mode": "markers",
            "legendgroup": space,
        }
        traces += [
            go.Scatter(
                y=(100 * own["accuracy"]).round(2),
                marker={"color": tint, "size": 9, "symbol": symbol},
                error_y={"array": up, "arrayminus": down, "thickness": 1.5, "width": 4, "color": tint},
                **common,
            ),
            go.Scatter(
                y=(100 * own["control"]).round(2),
                showlegend=False,
                marker={"color": tint, "size": 7, "symbol": f"{symbol}-open", "line": {"width": 1.5}},
                **common,
            ),
            go.Scatter(
                y=(100 * own["held_out"]).round(2),
                showlegend=False,
                marker={"color": tint, "size": 8, "symbol": "x-thin", "line": {"width": 1.5, "color": tint}},
                **common,
            ),
        ]
    return figure(
        360,
        dark,
        *traces,
        x={
            "tickvals": list(ticks),
            "ticktext": list(ticks.values()),
            "range": [left, right],
            "showgrid": False,
        },
        y={
            "title_text": "accuracy (%)",
            "range": _range(
                *(100 * table[name] for name in ("low", "control", "held_out", "majority", "bag"))
            ),
        },
        showlegend=True,
        legend=ABOVE,
        margin={"t": 40},
    )


def probe_overview(probes: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Selectivity of every target in every space: its gain over labels drawn for each family."""
    places = [
        (space, block)
        for space in ("state", "gamma", "beta", "both", "stem", "maps")
        for block in sorted(probes.loc[probes["space"] == space, "block"].unique(), key=lambda b: (b == 0, b))
    ]
    names = [space if space in ("state", "stem") else f"{space} {block or 'all'}" for space, block in places]
    keyed = probes.set_index(["target", "space", "block"])
    targets = list(dict.fromkeys(probes["target"]))
    share = np.array([[keyed.loc[(t, *place), "selectivity"] for place in places] for t in targets], float)
    right = np.array([[keyed.loc[(t, *place), "accuracy"] for place in places] for t in targets], float)
    trace = go.Heatmap(
        z=share.round(4),
        x=names,
        y=targets,
        customdata=right.round(4),
        zmin=0,
        zmax=max(0.2, share.max()),
        colorscale=[(0, ground(dark)), (1, CATEGORIES[0])],
        xgap=1,
        ygap=1,
        text=[[f"{100 * value:.0f}" for value in row] for row in right],
        texttemplate="%{text}",
        hovertemplate="%{y} from %{x}<br>%{customdata:.1%} right, selectivity %{z:+.1%}<extra></extra>",
        colorbar={
            "title": {"text": "selectivity", "side": "right"},
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": ".0%",
        },
    )
    return figure(
        110 + 26 * len(targets),
        dark,
        trace,
        x={"showgrid": False, "tickangle": -60},
        y={"showgrid": False, "autorange": "reversed"},
    )
