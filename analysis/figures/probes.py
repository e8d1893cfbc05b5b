"""What a linear probe reads off gamma, beta and maps, beside its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.evidence import interval_bars, percent_range
from analysis.figures.palette import BETA, CATEGORIES, GAMMA, NEUTRAL, ground, ink
from analysis.figures.panels import panel_title, panels, suffix
from analysis.figures.style import ABOVE, figure

_SPACES = {
    "gamma": ("circle", GAMMA), "beta": ("square", BETA), "both": ("diamond", CATEGORIES[0]),
    "maps": ("triangle-up", CATEGORIES[1]),
}  # fmt: skip
_CONTROLS = {"shuffled labels (control)": "circle-open", "families not trained on": "x-thin"}
_SHOWN_BY = {"shuffled labels (control)": "control", "families not trained on": "held_out"}


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
    ticks = dict(enumerate(["stem", *names[:blocks]]))
    ticks[blocks + 1] = "all blocks" if layers is None else "all layers"
    if not (table["space"] == "stem").any():
        del ticks[0]
    traces: list[go.BaseTraceType] = []
    left, right = min(ticks) - 0.45, blocks + 1.45
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
    for number, (space, (symbol, tint)) in enumerate(_SPACES.items()):
        wanted = table["space"].isin([space, "stem"] if space == "maps" else [space])
        own = table[wanted].copy()
        own["place"] = np.where(
            own["space"] == "stem", 0, np.where(own["block"] == 0, blocks + 1, own["block"])
        )
        own = own.sort_values("place")
        if own.empty:
            continue
        at = own["place"] + 0.16 * (number - 1.5)
        up, down = interval_bars(own)
        seen = own[["accuracy", "low", "high", "control", "selectivity", "held_out"]].to_numpy(float).round(4)
        hover = (
            f"{space} %{{text}}<br>%{{customdata[0]:.1%}} (%{{customdata[1]:.1%}} to %{{customdata[2]:.1%}})"
            "<br>shuffled labels %{customdata[3]:.1%}, selectivity %{customdata[4]:+.1%}"
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
    traces += [
        _key(text, symbol) for text, symbol in _CONTROLS.items() if table[_SHOWN_BY[text]].notna().any()
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
            "range": percent_range(
                *(100 * table[name] for name in ("low", "control", "held_out", "majority", "bag"))
            ),
        },
        showlegend=True,
        legend=ABOVE,
        margin={"t": 40},
    )


def regression_chart(
    regressions: pd.DataFrame, target: str, *, layers: Sequence[str], dark: bool = False
) -> go.Figure:
    """How much of one number is read off each layer: a series a space, with intervals, beside shuffles.

    Args:
        regressions: of `LabelEvidence`. target: one of its targets. layers: their names.
    """
    table = regressions[regressions["target"] == target]
    last = int(table["block"].max()) + 1
    ticks = {**dict(enumerate(layers, 1)), last: "all layers"} if last > 1 else {1: layers[0]}
    left, right = 0.55, len(ticks) + 0.45
    traces: list[go.BaseTraceType] = []
    for row in table[table["space"] == "state"].itertuples():
        text = f"hidden state: {row.r2:.2f} ({row.low:.2f} to {row.high:.2f}), shuffled {row.null_high:.2f}"
        traces.append(
            go.Scatter(
                x=[left, (left + right) / 2, right], y=[round(row.r2, 4)] * 3, mode="lines",
                name="hidden state", line={"color": ink(dark), "width": 1.5},
                hovertemplate=text + "<extra></extra>",
            )
        )  # fmt: skip
    for number, (space, (symbol, tint)) in enumerate(_SPACES.items()):
        own = table[table["space"] == space]
        if own.empty:
            continue
        at = own["block"].where(own["block"] > 0, last) + 0.16 * (number - 1)
        told = own[["r2", "low", "high", "null", "null_high", "p_family"]].to_numpy(float).round(4)
        common = {
            "x": at, "name": space, "mode": "markers", "legendgroup": space, "customdata": told,
            "text": [ticks[block or last] for block in own["block"]],
            "hovertemplate": f"{space} %{{text}}<br>R² %{{customdata[0]:.2f}} (%{{customdata[1]:.2f}} to "
            "%{customdata[2]:.2f})<br>95th percentile of permutations %{customdata[4]:.2f}, "
            "p %{customdata[5]:.4f}<extra></extra>",
        }  # fmt: skip
        bars = {
            "array": (own["high"] - own["r2"]).round(4), "arrayminus": (own["r2"] - own["low"]).round(4),
            "thickness": 1.5, "width": 4, "color": tint,
        }  # fmt: skip
        full = {"color": tint, "size": 9, "symbol": symbol}
        hollow = {"color": tint, "size": 7, "symbol": f"{symbol}-open", "line": {"width": 1.5}}
        traces += [
            go.Scatter(y=own["r2"].round(4), marker=full, error_y=bars, **common),
            go.Scatter(y=own["null_high"].round(4), marker=hollow, showlegend=False, **common),
        ]
    traces.append(_key("95th percentile of permutations", "circle-open"))
    lowest = float(np.nanmin(table[["r2", "low", "null_high"]].to_numpy(float)))
    return figure(
        360, dark, *traces,
        x={"tickvals": list(ticks), "ticktext": list(ticks.values()), "range": [left, right],
           "showgrid": False},
        y={"title_text": "R² on what it was not trained on", "range": [max(-1.0, min(-0.05, lowest)), 1.03]},
        showlegend=True, legend=ABOVE, margin={"t": 40},
    )  # fmt: skip


def probe_overview(probes: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Selectivity of every target in every space: its gain over labels drawn for each family."""
    places = [
        (space, block)
        for space in ("state", "gamma", "beta", "both", "stem", "maps")
        for block in sorted(probes.loc[probes["space"] == space, "block"].unique(), key=lambda b: (b == 0, b))
    ]
    names = [space if space in ("state", "stem") else f"{space} {block or 'all'}" for space, block in places]
    targets = list(dict.fromkeys(probes["target"]))
    wanted = pd.MultiIndex.from_tuples([(target, *place) for target in targets for place in places])
    found = probes.set_index(["target", "space", "block"]).reindex(wanted)
    share, right = (
        found[column].to_numpy(float).reshape(len(targets), -1) for column in ("selectivity", "accuracy")
    )
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


def _key(text: str, symbol: str) -> go.Scatter:
    """An entry of the legend for marks that every space has."""
    marker = {"color": NEUTRAL, "symbol": symbol, "size": 8, "line": {"width": 1.5, "color": NEUTRAL}}
    return go.Scatter(x=[None], y=[None], mode="markers", name=text, marker=marker, hoverinfo="skip")


def transfer_heatmaps(transfer: pd.DataFrame, target: str, *, dark: bool = False) -> go.Figure:
    """How well a probe trained on one block (row) reads another (column), a panel a space.

    Colour is selectivity, what the true labels gain over shuffled ones; the numbers are both accuracies.

    Args:
        transfer: of `probe_transfer`.
        target: one of its targets.
    """
    own = transfer[transfer["target"] == target]
    names = list(dict.fromkeys(own["space"]))
    axes = panels(1, len(names), same_x=False, same_y=False)
    top = max(0.2, float(own["selectivity"].max()))
    traces, blocks = [], sorted(own["trained"].unique())
    for number, name in enumerate(names):
        keyed = own[own["space"] == name].set_index(["trained", "read"]).sort_index()
        shape = (len(blocks), len(blocks))
        values = {column: keyed[column].to_numpy(float).reshape(shape) for column in _SHOWN}
        axis = suffix(number)
        axes[f"xaxis{axis}"] |= {"title_text": "read at block", "dtick": 1, "showgrid": False}
        axes[f"yaxis{axis}"] |= {
            "title_text": "" if number else "trained on block", "dtick": 1, "showgrid": False,
            "autorange": "reversed",
        }  # fmt: skip
        traces.append(
            go.Heatmap(
                z=values["selectivity"].round(4), x=blocks, y=blocks, zmin=0, zmax=top, xgap=1, ygap=1,
                xaxis=f"x{axis}", yaxis=f"y{axis}", colorscale=[(0, ground(dark)), (1, CATEGORIES[0])],
                customdata=np.stack([values[column] for column in _SHOWN], axis=-1).round(4),
                text=[[f"{100 * a:.0f} ({100 * c:.0f})" for a, c in zip(*row, strict=True)]
                      for row in zip(values["accuracy"], values["control"], strict=True)],
                texttemplate="%{text}", showscale=number == len(names) - 1,
                hovertemplate="trained on block %{y}, read at block %{x}<br>%{customdata[0]:.1%} "
                "(%{customdata[1]:.1%} to %{customdata[2]:.1%}), shuffled labels %{customdata[3]:.1%}"
                "<extra></extra>",
                colorbar={
                    "title": {"text": "selectivity", "side": "right"}, "thickness": 10, "outlinewidth": 0,
                    "tickformat": ".0%",
                },
            )
        )  # fmt: skip
    first = {"x": axes.pop("xaxis"), "y": axes.pop("yaxis")}
    titles = [panel_title(number, name) for number, name in enumerate(names)]
    return figure(300, dark, *traces, **first, **axes, annotations=titles, margin={"t": 40})


_SHOWN = ("accuracy", "low", "high", "control", "selectivity")
