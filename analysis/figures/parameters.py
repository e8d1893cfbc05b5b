"""The paper's pictures of gamma and beta over many questions (Figs. 5, 16-18), and how blocks group them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.corpus.grouping import Grouping
from analysis.corpus.parameters import KINDS, Parameters
from analysis.corpus.question_features import words_of
from analysis.figures.palette import BETA, CATEGORIES, GAMMA, NEUTRAL, ink, ramp
from analysis.figures.panels import axis_pairs, panel_title, panels, suffix
from analysis.figures.style import ABOVE, figure, rule

_TINTS = {"gamma": GAMMA, "beta": BETA}
_Group = tuple[str, np.ndarray, list[int]]  # a name, which of the rows (bool) and which maps
MOST_PANELS = 16  # groups of points that have a panel each
BEHIND = 1200  # points of all groups that stand faint behind each
_MARKS = ("circle", "square", "diamond", "cross", "x", "triangle-up", "star")
# Neighbour agreement in the maps of the authors' 6-block network, measured on the places they published:
# same type, attribute, operation; then the distances equal_X to query_X and among the equal_*.
AUTHORS = (
    (0.894, 0.993, 0.982, 0.45, 1.55),
    (0.780, 0.711, 1.000, 0.23, 0.33),
    (0.762, 0.636, 0.995, 0.40, 0.15),
    (0.834, 0.722, 1.000, 0.88, 0.47),
    (0.875, 0.786, 1.000, 1.72, 0.33),
    (0.884, 0.809, 1.000, 1.48, 0.27),
)


def _bars(edges: np.ndarray, counts: np.ndarray, number: int, tint: str, what: str) -> go.Bar:
    name = suffix(number)
    return go.Bar(
        x=((edges[1:] + edges[:-1]) / 2).round(4),
        y=counts,
        width=float(edges[1] - edges[0]),
        marker={"color": tint, "line": {"width": 0}},
        xaxis=f"x{name}",
        yaxis=f"y{name}",
        hovertemplate=f"{what} %{{x:.2f}}<br>%{{y:.4f}} of all<extra></extra>",
    )


def _grid(
    height: int, dark: bool, traces: Sequence[go.BaseTraceType], axes: dict[str, Any], titles: list[str]
) -> go.Figure:
    first = {"x": axes.pop("xaxis"), "y": axes.pop("yaxis")}
    zero = [rule("x", 0) | {"xref": a, "yref": f"{b} domain"} for a, b in axis_pairs(axes)]
    return figure(
        height,
        dark,
        *traces,
        **first,
        **axes,
        bargap=0,
        shapes=zero,
        annotations=[panel_title(number, text) for number, text in enumerate(titles)],
        margin={"t": 28},
    )


def parameter_histograms(parameters: Parameters, *, dark: bool = False) -> go.Figure:
    """All gammas and all betas, every block together (the paper's Fig. 5)."""
    axes = panels(1, 2, same_x=False, same_y=False)
    traces = []
    for number, kind in enumerate(KINDS):
        counts = parameters.counts[kind].sum(axis=0)
        traces.append(_bars(parameters.edges[kind], counts / counts.sum(), number, _TINTS[kind], kind))
    axes["yaxis"] |= {"title_text": "fraction per bin"}
    return _grid(250, dark, traces, axes, list(KINDS))


def block_histograms(parameters: Parameters, kind: str, *, dark: bool = False) -> go.Figure:
    """Gammas or betas of each block, all with the same axes (the paper's Figs. 16 and 17)."""
    blocks = parameters.modulated
    columns = min(4, len(blocks))
    rows = -(-len(blocks) // columns)
    axes = panels(rows, columns, same_x=True, same_y=True)
    traces = []
    for number, block in enumerate(blocks):
        counts = parameters.counts[kind][block]
        traces.append(_bars(parameters.edges[kind], counts / counts.sum(), number, _TINTS[kind], kind))
    axes["yaxis"] |= {"title_text": "fraction per bin"}
    return _grid(30 + 200 * rows, dark, traces, axes, [parameters.layers.names[block] for block in blocks])


def map_moments(parameters: Parameters, *, dark: bool = False) -> go.Figure:
    """Over all feature maps: mean and standard deviation (SD) of gamma and beta (the paper's Fig. 18)."""
    axes = panels(1, 4, same_x=False, same_y=False)
    blocks, traces = list(parameters.modulated), []
    titles: list[str] = []
    for kind in KINDS:
        for name, moments in (("mean", parameters.mean), ("SD", parameters.deviation)):
            everything = np.concatenate([moments[kind][block] for block in blocks])
            low, high = everything.min(), everything.max()
            edges = np.linspace(low, max(high, low + 1e-6), 33)
            for block, shade in zip(blocks, ramp(len(blocks), dark), strict=True):
                layer = parameters.layers.names[block]
                own = np.histogram(moments[kind][block], edges)[0]
                bars = _bars(edges, own, len(titles), NEUTRAL, "")
                bars.update(
                    marker={"color": shade},
                    name=layer,
                    legendgroup=layer,
                    showlegend=not titles,
                    hovertemplate=f"{name} %{{x:.2f}}<br>%{{y}} maps of %{{fullData.name}}<extra></extra>",
                )
                traces.append(bars)
            titles.append(f"{name} {kind}")
    axes["yaxis"] |= {"title_text": "maps"}
    drawn = _grid(270, dark, traces, axes, titles)
    legend = {"orientation": "h", "y": -0.15, "yanchor": "top", "x": 0}
    drawn.update_layout(barmode="stack", showlegend=True, legend=legend, shapes=())
    return drawn


def gamma_against_beta(
    parameters: Parameters,
    block: int,
    maps: Sequence[int],
    *,
    color: str = "map",
    word: str = "",
    rows: np.ndarray | None = None,
    dark: bool = False,
) -> go.Figure:
    """A point for each question and map: its gamma and beta (the Distill article's figures).

    Clouds of more than two groups overlap, so each has a panel with the others faint behind it; all panels
    have the same axes. More than `MOST_PANELS` groups share one.

    Args:
        color: what groups the points: "map", "word" (whether the question has `word`) or a label, such as
            "type".
        rows: the questions to draw, all where left out. Their row travels in custom data.
    """
    rows = np.arange(len(parameters)) if rows is None else rows
    parts = _groups(parameters, maps, color, word, rows)
    apart = 2 < len(parts) <= MOST_PANELS
    gammas, betas = (
        parameters.layers.of(values, block).astype(np.float32)
        for values in (parameters.gamma, parameters.beta)
    )
    behind = _all_points(gammas, betas, rows, parts) if apart else None
    traces: list[go.BaseTraceType] = []
    for place, (name, which, numbers) in enumerate(parts):
        here, panel = rows[which], suffix(place if apart else 0)
        axes = {"xaxis": f"x{panel}", "yaxis": f"y{panel}"}
        if behind is not None:
            traces.append(
                go.Scattergl(
                    x=behind[0], y=behind[1], mode="markers", hoverinfo="skip", name="all",
                    marker={"color": NEUTRAL, "size": 3, "opacity": 0.25}, **axes,
                )
            )  # fmt: skip
        traces.append(
            go.Scattergl(
                x=gammas[here][:, numbers].ravel().round(3),
                y=betas[here][:, numbers].ravel().round(3),
                mode="markers",
                name=name,
                text=np.repeat(parameters.texts[here], len(numbers)),
                customdata=np.column_stack([np.repeat(here, len(numbers)), np.tile(numbers, len(here))]),
                hovertemplate="%{text}<br>map %{customdata[1]}: gamma %{x:.2f}, beta %{y:.2f}<extra></extra>",
                marker=_marker(place, len(parts), apart, dark),
                **axes,
            )
        )
    x, y = f"gamma, {parameters.layers.names[block]}", "beta"
    if apart:
        return _small_multiples(traces, [name for name, _, _ in parts], x, y, dark)
    return figure(
        460, dark, *traces, x={"title_text": x}, y={"title_text": y}, shapes=[rule("x", 0), rule("y", 0)],
        showlegend=True, legend={"itemsizing": "constant"},
    )  # fmt: skip


def _groups(
    parameters: Parameters, maps: Sequence[int], color: str, word: str, rows: np.ndarray
) -> list[_Group]:
    """What the points are grouped by."""
    if color == "map":
        return [(f"map {number}", np.ones(len(rows), bool), [number]) for number in maps]
    if color == "word":
        has = np.array([word.lower() in words_of(text) for text in parameters.texts[rows]], bool)
        return [(f"without “{word}”", ~has, list(maps)), (f"with “{word}”", has, list(maps))]
    values = parameters.labels[color][rows]
    return [(str(name) or "none", values == name, list(maps)) for name in np.unique(values.astype(str))]


def _all_points(
    gammas: np.ndarray,
    betas: np.ndarray,
    rows: np.ndarray,
    parts: Sequence[tuple[str, np.ndarray, list[int]]],
) -> tuple[np.ndarray, np.ndarray]:
    """Gamma and beta of some points of all groups, evenly taken, to stand behind each."""
    x, y = (
        np.concatenate([values[rows[which]][:, numbers].ravel() for _, which, numbers in parts])
        for values in (gammas, betas)
    )
    step = max(1, len(x) // BEHIND)
    return x[::step].round(3), y[::step].round(3)


def _marker(place: int, groups: int, apart: bool, dark: bool) -> dict[str, Any]:
    """One colour where every group has its panel; with and without a word differ by shape as well."""
    if apart:
        return {"color": CATEGORIES[0], "size": 4, "opacity": 0.7}
    if groups <= 2:
        return {
            "color": (NEUTRAL, ink(dark))[place], "symbol": ("circle", "x")[place], "size": (5, 6)[place],
            "opacity": 0.7,
        }  # fmt: skip
    symbol = _MARKS[place // len(CATEGORIES) % len(_MARKS)]
    return {"color": CATEGORIES[place % len(CATEGORIES)], "symbol": symbol, "size": 5, "opacity": 0.7}


def _small_multiples(
    traces: Sequence[go.BaseTraceType], names: Sequence[str], x: str, y: str, dark: bool
) -> go.Figure:
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    axes = panels(rows, columns, same_x=True, same_y=True, gap=min(0.3, 0.28 / max(1, rows - 1)))
    for number in range(len(names), rows * columns):  # a last row that is not full
        del axes[f"xaxis{suffix(number)}"], axes[f"yaxis{suffix(number)}"]
    for number in range(len(names)):
        if number >= len(names) - columns:
            axes[f"xaxis{suffix(number)}"]["title_text"] = x
        if number % columns == 0:
            axes[f"yaxis{suffix(number)}"]["title_text"] = y
    zeros = [
        rule(along, 0) | {"xref": a + " domain" * (along == "y"), "yref": b + " domain" * (along == "x")}
        for a, b in axis_pairs(axes)
        for along in ("x", "y")
    ]
    first = {"x": axes.pop("xaxis"), "y": axes.pop("yaxis")}
    titles = [panel_title(number, name) for number, name in enumerate(names)]
    return figure(
        60 + 190 * rows, dark, *traces, **first, **axes, shapes=zeros, annotations=titles, margin={"t": 28}
    )


_AGREEMENTS = (
    ("type", "the same of 13 types"),
    ("attribute", "the same attribute"),
    ("operation", "the same operation"),
)


def grouping_by_block(
    groupings: Sequence[Grouping], *, authors: bool = True, dark: bool = False
) -> go.Figure:
    """Left: how often neighbours are alike, with intervals and chance; right: distances of class centres.

    Args:
        authors: the authors' 6-block network beside it, its six blocks spread over as much room as ours.
    """
    axes = panels(1, 2, same_x=True, same_y=False)
    at = np.arange(len(groupings), dtype=float)
    theirs = np.linspace(0, max(len(groupings) - 1, 1), len(AUTHORS))
    series: list[tuple[str, list[Any], int, int]] = [
        (label, [getattr(one, name) for one in groupings], 0, number)
        for number, (name, label) in enumerate(_AGREEMENTS)
    ]
    series += [
        ("equal_X to query_X", [one.centres.pairs for one in groupings], 1, 3),
        ("among equal_*", [one.centres.among for one in groupings], 1, 4),
    ]
    traces: list[go.BaseTraceType] = []
    for label, scores, panel, number in series:
        tint, where = CATEGORIES[number], {"xaxis": f"x{'2' * panel}", "yaxis": f"y{'2' * panel}"}
        value = np.array([score.value for score in scores])
        traces.append(
            go.Scatter(
                x=at, y=value, mode="lines+markers", name=label, legendgroup=label,
                error_y={
                    "array": [score.high for score in scores] - value,
                    "arrayminus": value - [score.low for score in scores],
                    "color": tint,
                },
                line={"color": tint, "width": 2}, marker={"size": 8, "symbol": _MARKS[number]},
                hovertemplate=f"{label}<br>%{{y:.3f}}<extra></extra>", **where,
            )
        )  # fmt: skip
        if not np.isnan(scores[0].chance):
            traces.append(
                go.Scatter(
                    x=at, y=[score.chance for score in scores], mode="lines", legendgroup=label,
                    showlegend=False, line={"color": tint, "width": 1, "dash": "dot"},
                    hovertemplate=f"{label}, by chance<br>%{{y:.3f}}<extra></extra>", **where,
                )
            )  # fmt: skip
        if authors:
            traces.append(
                go.Scatter(
                    x=theirs, y=[row[number] for row in AUTHORS], mode="lines+markers", legendgroup=label,
                    showlegend=False, opacity=0.45, line={"color": tint, "width": 1, "dash": "dash"},
                    marker={"size": 5, "symbol": f"{_MARKS[number]}-open"}, customdata=np.arange(1, 7),
                    hovertemplate=f"{label}<br>authors: %{{y:.3f}} (block %{{customdata}})<extra></extra>",
                    **where,
                )
            )  # fmt: skip
    names = {"tickvals": at, "ticktext": [one.name for one in groupings]}
    first = (
        axes.pop("xaxis") | names,
        axes.pop("yaxis") | {"title_text": "share of 10 neighbours", "range": [0, 1.05]},
    )
    axes["xaxis2"] |= names
    axes["yaxis2"] |= {"title_text": "distance", "rangemode": "tozero"}
    return figure(
        380, dark, *traces, x=first[0], y=first[1], **axes,
        showlegend=True, legend=ABOVE | {"y": 1.12}, margin={"t": 60},
        annotations=[panel_title(0, "neighbours"), panel_title(1, "class centres")],
    )  # fmt: skip


def histogram_table(parameters: Parameters, *kinds: str) -> pd.DataFrame:
    """The bins of all histograms, or of those of gamma or beta: kind, block (from 1), low, high, count."""
    parts = []
    for kind in kinds or KINDS:
        edges = parameters.edges[kind]
        for block in parameters.modulated:
            parts.append(
                pd.DataFrame(
                    {"kind": kind, "block": block + 1, "low": edges[:-1], "high": edges[1:],
                     "count": parameters.counts[kind][block]}
                )
            )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def moment_table(parameters: Parameters) -> pd.DataFrame:
    """A row a feature map: block (from 1), map, mean and deviation of gamma and beta."""
    parts = []
    for block in parameters.modulated:
        part = {"block": block + 1, "map": np.arange(parameters.layers.maps[block])}
        for kind in KINDS:
            part[f"{kind} mean"] = parameters.mean[kind][block]
            part[f"{kind} standard deviation"] = parameters.deviation[kind][block]
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def point_table(parameters: Parameters, block: int, maps: Sequence[int], rows: np.ndarray) -> pd.DataFrame:
    """What `gamma_against_beta` draws: row, question, its labels, map, gamma, beta.

    Args:
        block: from 0. maps: numbers in it. rows: int (points,), of the questions.
    """
    chosen, layers = list(maps), parameters.layers
    labels = {name: np.repeat(values[rows], len(chosen)) for name, values in parameters.labels.items()}
    return pd.DataFrame(
        {
            "row": np.repeat(rows, len(chosen)),
            parameters.schema.noun: np.repeat(parameters.texts[rows], len(chosen)),
            **labels,
            "block": block + 1,
            "map": np.tile(chosen, len(rows)),
            "gamma": layers.of(parameters.gamma, block)[rows][:, chosen].astype(np.float32).ravel(),
            "beta": layers.of(parameters.beta, block)[rows][:, chosen].astype(np.float32).ravel(),
        }
    )
