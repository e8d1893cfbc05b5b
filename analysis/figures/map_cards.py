"""Figures of map cards: what one feature map differs between, and the labels of all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.figures.palette import CATEGORIES, ground, ink
from analysis.figures.style import ABOVE, NEGATIVE, POSITIVE, block_names, cells, figure, rule

KINDS = {
    "color": "colour", "shape": "shape", "material": "material", "size": "size", "across": "left or right",
    "depth": "front or back",
}  # fmt: skip
_COLORS = dict(zip(("color", "shape", "material", "across", "size", "depth"), CATEGORIES, strict=False))


def effect_bars(effects: pd.DataFrame, *, most: int = 20, dark: bool = False) -> go.Figure:
    """Cliff's delta of a map's values with its 95 % intervals, the greatest first; pale where not sure.

    Args:
        effects: of `MapCards.effects_of`.
        most: rows to show.
    """
    shown = effects.head(most)
    sure = (shown["p"] <= 0.05).to_numpy()
    color = np.where(shown["delta"] > 0, POSITIVE, NEGATIVE)
    names = [
        value if kind not in ("word", "type") else f"“{value}”" if kind == "word" else f"type {value}"
        for kind, value in zip(shown["attribute"], shown["value"], strict=True)
    ]
    bars = go.Bar(
        x=shown["delta"],
        y=names,
        orientation="h",
        marker={"color": color, "opacity": np.where(sure, 1.0, 0.3)},
        error_x={
            "array": (shown["high"] - shown["delta"]).clip(lower=0),
            "arrayminus": (shown["delta"] - shown["low"]).clip(lower=0),
            "color": ink(dark), "thickness": 1, "width": 3,
        },
        customdata=shown[["low", "high", "p"]].to_numpy(float),
        hovertemplate="%{y}: %{x:+.2f}, 95 % %{customdata[0]:+.2f} to %{customdata[1]:+.2f}, "
        "family-wise p %{customdata[2]:.4f}<extra></extra>",
    )  # fmt: skip
    return figure(
        94 + 20 * len(shown),
        dark,
        bars,
        x={"range": [-1, 1], "dtick": 0.5, "side": "top", "title_text": "Cliff's delta"},
        y={"autorange": "reversed", "type": "category", "dtick": 1, "showgrid": False, "ticks": "outside"},
        shapes=[rule("x", 0)],
        bargap=0.3,
        margin={"t": 52},  # the buttons stand above the axis
    )


def label_grid(
    cards: pd.DataFrame,
    effects: pd.DataFrame,
    *,
    chosen: tuple[int, int] | None = None,
    lit: np.ndarray | None = None,
    dark: bool = False,
) -> go.Figure:
    """Every map as a cell, a row a block, coloured by the kind of thing that it differs between in pictures.

    Args:
        chosen: (block, map) to frame.
        lit: which maps have a dot while the others fade, bool in the order of `cards`; None: all alike.
    """
    blocks, maps = int(cards["block"].max()) + 1, int(cards["map"].max()) + 1
    named = cards["pictures"] != "unlabelled"
    first = cards["pictures"].str.split(",").str[0].str.lstrip("+−").where(named)
    seen = effects[effects["about"] == "pictures"]  # "left" is a word as well
    kind_of = dict(zip(seen["value"], seen["attribute"], strict=True))
    kinds = list(KINDS)
    codes = [kinds.index(kind_of[value]) + 1 if value in kind_of else 0 for value in first.fillna("")]
    grid = np.array(codes).reshape(blocks, maps)
    colors = [ground(dark), *(_COLORS[kind] for kind in kinds)]
    steps = [
        (edge, color)
        for number, color in enumerate(colors)
        for edge in (number / len(colors), (number + 1) / len(colors))
    ]
    stands = np.ones(grid.shape, bool) if lit is None else np.asarray(lit, bool).reshape(blocks, maps)
    shared = {
        "zmin": -0.5, "zmax": len(colors) - 0.5, "colorscale": steps, "showscale": False,
        "xgap": 1, "ygap": 2, "hoverinfo": "skip", "y": block_names(blocks),
    }  # fmt: skip
    squares = [go.Heatmap(z=np.where(stands, grid, np.nan), **shared)]
    if lit is not None:
        row, column = np.nonzero(stands)
        squares = [
            go.Heatmap(z=np.where(stands, np.nan, grid), opacity=0.22, **shared),
            *squares,
            go.Scatter(
                x=column, y=[block_names(blocks)[at] for at in row], mode="markers", hoverinfo="skip",
                marker={"size": 5, "color": ink(dark), "line": {"color": ground(dark), "width": 1}},
                name="selective for what is searched",
            ),
        ]  # fmt: skip
    told = [cards["block"] + 1, *(cards[name] for name in ("map", "pictures", "language"))]
    data = np.stack([np.asarray(column, object).reshape(blocks, maps) for column in told], axis=-1)
    hover = "%{y}, map %{x}<br>pictures: %{customdata[2]}<br>language: %{customdata[3]}<extra></extra>"
    keys = [
        go.Scatter(
            x=[None], y=[None], mode="markers", name=KINDS[kind], hoverinfo="skip",
            marker={"color": _COLORS[kind], "symbol": "square", "size": 10},
        )
        for kind in kinds
    ]  # fmt: skip
    frames = []
    if chosen is not None:
        block, number = chosen
        corners = {"x0": number - 0.5, "x1": number + 0.5, "y0": block - 0.5, "y1": block + 0.5}
        frames.append({"type": "rect", **corners, "line": {"color": ink(dark), "width": 2}})
    return figure(
        110 + 30 * blocks,
        dark,
        *squares,
        cells(block_names(blocks), data, hover),
        *keys,
        x={"title_text": "feature map", "showgrid": False, "range": [-0.5, maps - 0.5]},
        y={"autorange": "reversed", "showgrid": False},
        margin={"t": 36},
        shapes=frames,
        showlegend=True,
        legend=ABOVE,
    )
