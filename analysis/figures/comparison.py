"""Figures of two networks beside each other; the first is A, a circle, and the second B, a diamond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.palette import CATEGORIES, NEUTRAL, ground, ink
from analysis.figures.style import ABOVE, NEGATIVE, POSITIVE, color_bar, figure, rule

FEW = 30  # questions under which a type is drawn faint
_MARKS = {"one": ("A", "circle", CATEGORIES[0]), "other": ("B", "diamond", CATEGORIES[1])}
_DASHES = {"one": "solid", "other": "dash"}


def difference_rows(accuracy: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """What the second network gains in accuracy, overall and by type, in points with 95 % intervals.

    A filled mark is a type that differs after correcting for looking at all types (5 %); a type of fewer than
    thirty questions is drawn faint.

    Args:
        accuracy: of a `Comparison`.
    """
    names = [f"{row.value} ({row.asked:,})" for row in accuracy.itertuples()]
    value = 100 * accuracy["difference"]
    sure = (accuracy["p_family"] <= 0.05).to_numpy()
    signs = [POSITIVE if each >= 0 else NEGATIVE for each in value]
    trace = go.Scatter(
        x=value.round(2), y=names, mode="markers",
        marker={
            "color": signs, "size": 10, "line": {"width": 2, "color": signs},
            "symbol": ["circle" if each else "circle-open" for each in sure],
            "opacity": [1.0 if asked >= FEW else 0.45 for asked in accuracy["asked"]],
        },
        error_x={
            "array": (100 * accuracy["high"] - value).fillna(0).tolist(),
            "arrayminus": (value - 100 * accuracy["low"]).fillna(0).tolist(),
            "thickness": 1.5, "width": 4, "color": NEUTRAL,
        },
        customdata=accuracy[["accuracy_one", "accuracy_other", "gained", "lost", "p_family"]].to_numpy(float),
        hovertemplate="%{y}: %{x:+.1f} points<br>A %{customdata[0]:.1%}, B %{customdata[1]:.1%}<br>B alone "
        "right %{customdata[2]:.0f} times, A alone %{customdata[3]:.0f}<br>p, corrected, %{customdata[4]:.4f}"
        "<extra></extra>",
    )  # fmt: skip
    return figure(
        60 + 22 * len(names), dark, trace, shapes=[rule("x", 0)],
        x={"title_text": "accuracy of B minus that of A (points)"},
        y={"autorange": "reversed", "showgrid": False},
    )  # fmt: skip


def similarity_heatmap(similarity: pd.DataFrame, space: str, *, dark: bool = False) -> go.Figure:
    """CKA of every block of A (rows) with every block of B (columns).

    Args:
        similarity: of a `Comparison`. space: one of its spaces.
    """
    own = similarity[similarity["space"] == space]
    rows, columns = (list(dict.fromkeys(own[side])) for side in ("one", "other"))

    def grid(name: str) -> np.ndarray:
        found: np.ndarray = own[name].to_numpy(float).reshape(len(rows), len(columns))
        return found

    value = grid("cka")
    trace = go.Heatmap(
        z=value.round(4), x=columns, y=rows, zmin=0, zmax=1, xgap=2, ygap=2,
        colorscale=[(0, ground(dark)), (1, CATEGORIES[0])],
        text=[["–" if np.isnan(each) else f"{each:.2f}" for each in row] for row in value],
        texttemplate="%{text}",
        customdata=np.stack(
            [grid(name) for name in ("low", "high", "untrained", "null_high", "p")], axis=-1
        ).round(4),
        hovertemplate="A %{y}, B %{x}: CKA %{z:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]"
        "<br>B untrained: %{customdata[2]:.3f}<br>95th percentile of permutations %{customdata[3]:.3f}, p "
        "%{customdata[4]:.4f}<extra></extra>",
        colorbar=color_bar("CKA"),
    )  # fmt: skip
    return figure(
        96 + 38 * len(rows), dark, trace,
        x={"title_text": "B", "showgrid": False, "type": "category"},
        y={"title_text": "A", "showgrid": False, "autorange": "reversed", "type": "category"},
    )  # fmt: skip


def similarity_of_blocks(similarity: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """CKA of each block of A with the same block of B, with its interval, beside B untrained and the null.

    Args:
        similarity: of a `Comparison`.
    """
    own = similarity[(similarity["one"] == similarity["other"]) & similarity["cka"].notna()]
    names = [f"{row.space}, {row.one}" for row in own.itertuples()]
    value = own["cka"]
    data = own[["low", "high"]].to_numpy(float).round(3)
    traces = [
        go.Scatter(
            x=value.round(4), y=names, mode="markers", name="A and B", customdata=data,
            marker={"size": 10, "color": CATEGORIES[0]},
            error_x={
                "array": (own["high"] - value).fillna(0), "arrayminus": (value - own["low"]).fillna(0),
                "thickness": 1.5, "width": 4,
            },
            hovertemplate="%{y}: CKA %{x:.3f} [%{customdata[0]}, %{customdata[1]}]<extra></extra>",
        ),
        go.Scatter(
            x=own["untrained"].round(4), y=names, mode="markers", name="A and B untrained",
            marker={"size": 9, "color": CATEGORIES[1], "symbol": "diamond-open", "line": {"width": 2}},
            hovertemplate="%{y}: with B untrained %{x:.3f}<extra></extra>",
        ),
        go.Scatter(
            x=own["null_high"].round(4), y=names, mode="markers", name="95th percentile of permutations",
            marker={"size": 12, "color": NEUTRAL, "symbol": "line-ns-open", "line": {"width": 2}},
            hovertemplate="%{y}: 95th percentile of permutations %{x:.3f}<extra></extra>",
        ),
    ]  # fmt: skip
    return figure(
        96 + 26 * len(names), dark, *traces, showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"title_text": "CKA", "range": [min(-0.02, float(own["null_high"].min())), 1.03]},
        y={"autorange": "reversed", "showgrid": False},
    )  # fmt: skip


def matching_lines(
    maps: pd.DataFrame, matching: Sequence[Mapping[str, Any]], *, dark: bool = False
) -> go.Figure:
    """How well each map's partner correlates, best first, block by block; dotted, the highest null mean.

    Args:
        maps: of a `Comparison`. matching: of its recipe.
    """
    traces: list[go.BaseTraceType] = []
    dashes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
    for place, told in enumerate(matching):
        own = maps[(maps["block"] == told["block"]) & (maps["partner"] >= 0)]
        own = own.sort_values("correlation", ascending=False)
        color = CATEGORIES[place % len(CATEGORIES)]
        traces.append(
            go.Scatter(
                x=np.arange(1, len(own) + 1), y=own["correlation"].round(4), mode="lines+markers",
                name=f"block {told['block']}", legendgroup=str(place), marker={"size": 5, "color": color},
                line={"color": color, "dash": dashes[place % len(dashes)], "width": 1.5},
                customdata=own[["block", "map", "partner", "p_family"]].to_numpy(float),
                hovertemplate="block %{customdata[0]}: map %{customdata[1]} of A is map %{customdata[2]} of B"
                "<br>correlation %{y:.3f}, p of the family %{customdata[3]:.4f}<extra></extra>",
            )
        )  # fmt: skip
    top = max(told["null_high"] for told in matching)
    null = {"line": {"color": NEUTRAL, "dash": "dot", "width": 1.5}}
    return figure(
        340, dark, *traces, shapes=[rule("y", top) | null], showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"title_text": "matched maps of A, best first"},
        y={"title_text": "correlation of activations", "range": [min(0, *_lowest(maps)), 1.03]},
    )  # fmt: skip


def _lowest(maps: pd.DataFrame) -> tuple[float]:
    return (float(maps["correlation"].min(skipna=True)),)


def parameter_pairs(parameters: pd.DataFrame, statistic: str, *, dark: bool = False) -> go.Figure:
    """A statistic of gamma and beta in each block: A's and B's mean over questions.

    Args:
        parameters: of a `Comparison`. statistic: one of its statistics.
    """
    own = parameters[parameters["statistic"] == statistic]
    names = [f"{row.parameter}, block {row.block}" for row in own.itertuples()]
    data = own[["difference", "low", "high"]].to_numpy(float)
    links = go.Scatter(
        x=[end for row in own.itertuples() for end in (row.one, row.other, None)],
        y=[name for name in names for _ in range(3)], mode="lines", hoverinfo="skip", showlegend=False,
        line={"color": NEUTRAL, "width": 2},
    )  # fmt: skip
    marks = [
        go.Scatter(
            x=own[side], y=names, mode="markers", name=label, customdata=data,
            marker={"symbol": symbol, "size": 10, "color": color},
            hovertemplate=f"{label}, %{{y}}: %{{x:.3f}}<br>B minus A %{{customdata[0]:+.3f}} "
            "[%{customdata[1]:+.3f}, %{customdata[2]:+.3f}]<extra></extra>",
        )
        for side, (label, symbol, color) in _MARKS.items()
    ]  # fmt: skip
    titles = {
        "mean": "mean over maps and questions",
        "below zero": "share of maps below zero",
        "spread": "mean distance of a map from its own mean",
    }
    return figure(
        90 + 26 * len(names), dark, links, *marks, showlegend=True, legend=ABOVE, margin={"t": 40},
        x={"title_text": titles.get(statistic, statistic)}, y={"autorange": "reversed", "showgrid": False},
    )  # fmt: skip


def grouping_pairs(grouping: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Neighbours that agree on type, attribute and operation, block by block, in both networks.

    Args:
        grouping: of a `Comparison`.
    """
    traces = []
    for place, what in enumerate(("type", "attribute", "operation")):
        for side, (label, symbol, _) in _MARKS.items():
            own = grouping[grouping["network"] == side]
            value, name = own[f"{what} agreement"], f"{what} agreement"
            traces.append(
                go.Scatter(
                    x=own["space"], y=value.round(4), mode="lines+markers", name=f"{what}, {label}",
                    marker={"symbol": symbol, "size": 9, "color": CATEGORIES[place]},
                    line={"color": CATEGORIES[place], "dash": _DASHES[side], "width": 1.5},
                    error_y={
                        "array": own[f"{name}, high"] - value, "arrayminus": value - own[f"{name}, low"],
                        "thickness": 1.2, "width": 3,
                    },
                    customdata=own[[f"{name}, chance"]].to_numpy(float),
                    hovertemplate=f"{what}, {label}, %{{x}}: %{{y:.1%}}, shuffled labels "
                    "%{customdata[0]:.1%}<extra></extra>",
                )
            )  # fmt: skip
    return figure(
        340, dark, *traces, showlegend=True, legend=ABOVE, margin={"t": 60},
        y={"title_text": "share of 10 nearest questions alike", "tickformat": ".0%"},
    )  # fmt: skip


def probe_pairs(probes: pd.DataFrame, target: str, *, dark: bool = False) -> go.Figure:
    """Accuracy of linear probes for one target in both networks, with intervals; lines are their controls.

    Args:
        probes: of a `Comparison`, or of `probe` for each with the column network. target: one of its targets.
    """
    own = probes[probes["target"] == target]
    order = ("state", "stem", "gamma", "beta", "both", "maps")
    places = sorted(
        {(row.space, row.block) for row in own.itertuples()},
        key=lambda place: (order.index(place[0]), place[1] == 0, place[1]),
    )
    named = {
        place: place[0] if place[0] in ("state", "stem") else f"{place[0]} {place[1] or 'all'}"
        for place in places
    }
    traces: list[go.BaseTraceType] = []
    for side, (label, symbol, color) in _MARKS.items():
        rows = own[own["network"] == side].set_index(["space", "block"])
        there = [place for place in places if place in rows.index]
        rows = rows.loc[there]
        value, names = 100 * rows["accuracy"], [named[place] for place in there]
        x = [places.index(place) + (0.14 if side == "other" else -0.14) for place in there]
        traces += [
            go.Scatter(
                x=x, y=value.round(2), text=names, mode="markers", name=label,
                marker={"symbol": symbol, "size": 9, "color": color},
                error_y={
                    "array": (100 * rows["high"] - value).fillna(0),
                    "arrayminus": (value - 100 * rows["low"]).fillna(0), "thickness": 1.2, "width": 3,
                },
                hovertemplate=f"{label}, %{{text}}: %{{y:.1f}} %<extra></extra>",
            ),
            go.Scatter(
                x=x, y=(100 * rows["control"]).round(2), text=names, mode="markers",
                name=f"{label}, shuffled labels (control)",
                marker={"symbol": f"{symbol}-open", "size": 7, "color": color},
                hovertemplate=f"{label}, shuffled labels (control), %{{text}}: %{{y:.1f}} %<extra></extra>",
            ),
        ]  # fmt: skip
    bag = {"line": {"color": ink(dark), "dash": "dot", "width": 1}}
    return figure(
        360, dark, *traces, shapes=[rule("y", 100 * float(own["bag"].iloc[0])) | bag], showlegend=True,
        legend=ABOVE, margin={"t": 60},
        x={"tickvals": list(range(len(places))), "ticktext": list(named.values()), "tickangle": -45},
        y={"title_text": "accuracy (%); dotted: bag of words"},
    )  # fmt: skip
