"""What all figures share: their look, axes and scales. Colours are those of `analysis.figures.palette`.

Figures have no ground of their own, so that they stand on a light page and on a dark one; `dark`
says which it is. Row ids travel in custom data.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from analysis.figures.palette import NEUTRAL, diverging, ground, ink

POSITIVE, NEGATIVE, START = "#d9731a", "#2f86cc", NEUTRAL
SHORT = 5.0  # z beyond which all colours are alike
ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}  # where a legend stands
GROUPED: dict[str, Any] = {
    "barmode": "group",
    "bargap": 0.25,
    "showlegend": True,
    "legend": ABOVE,
    "margin": {"t": 40},
}


def figure(
    height: int,
    dark: bool,
    *traces: go.BaseTraceType,
    x: Mapping[str, object] | None = None,
    y: Mapping[str, object] | None = None,
    margin: Mapping[str, int] | None = None,
    **settings: object,
) -> go.Figure:
    """The common look. All of it is given at once: plotly checks each later change for milliseconds."""
    axis = {
        "gridcolor": "rgba(138, 143, 152, 0.25)", "zeroline": False, "automargin": True, "title_standoff": 8,
    }  # fmt: skip
    layout = {
        "template": "none",
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8} | dict(margin or {}),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "color": ink(dark),
            "size": 12,
            "family": "Source Sans, Source Sans Pro, Liberation Sans, sans-serif",
        },
        "showlegend": False,
        "hoverlabel": {"bgcolor": ground(dark), "font": {"color": ink(dark)}, "bordercolor": NEUTRAL},
        "xaxis": axis | dict(x or {}),
        "yaxis": axis | dict(y or {}),
    }
    for trace in traces:
        for name in _SHOWN:
            given = trace[name] if name in trace else None  # noqa: SIM401 (a trace has no `get`)
            if (safe := as_text(given)) is not given:
                trace[name] = safe
    return go.Figure(list(traces), as_text(layout | settings))


_SHOWN = ("name", "x", "y", "text", "customdata")  # what a trace shows of texts


def as_text(value: Any) -> Any:
    """The same where plotly shows it as it is: it reads `<a href=…>` and the like as markup.

    Goes through mappings, lists and arrays of texts; what has nothing to escape comes back itself.
    """
    match value:
        case str():
            return html.escape(value, quote=False) if "<" in value or "&" in value else value
        case dict():
            safe = {name: as_text(part) for name, part in value.items()}
            return safe if any(safe[name] is not value[name] for name in value) else value
        case list() | tuple():
            parts = [as_text(part) for part in value]
            return type(value)(parts) if any(map(_differ, parts, value)) else value
        case np.ndarray() if value.dtype.kind in "OU":
            parts = [as_text(part) for part in value.flat]
            if not any(map(_differ, parts, value.flat)):
                return value
            changed = np.empty(value.size, object)
            changed[:] = parts
            return changed.reshape(value.shape)
    return value


def _differ(one: object, other: object) -> bool:
    return one is not other and not (isinstance(one, str) and one == other)


def rule(along: str, at: float) -> dict[str, object]:
    """A thin line through the whole plot at x or y = `at`."""
    other = "y" if along == "x" else "x"
    return {
        "type": "line", f"{along}0": at, f"{along}1": at, f"{other}0": 0, f"{other}1": 1,
        f"{other}ref": f"{other} domain", "line": {"color": NEUTRAL, "width": 1},
    }  # fmt: skip


def color_scale(dark: bool) -> list[tuple[float, str]]:
    colors = diverging(dark)
    return [(place / (len(colors) - 1), color) for place, color in enumerate(colors)]


def color_bar(title: str) -> dict[str, object]:
    return {"title": {"text": title, "side": "right"}, "thickness": 10, "outlinewidth": 0, "x": 1.01}


def block_names(count: int) -> list[str]:
    return [f"block {block + 1}" for block in range(count)]


def cells(blocks: Sequence[Any], data: np.ndarray, hover: str) -> go.Scatter:
    """Points that nobody sees, one on each cell of a heatmap, for heatmaps themselves cannot be clicked.

    They are texts, for of markers that overlap, as where cells are narrow, plotly takes the last.

    Args:
        blocks: the rows' places.
        data: custom data of every cell, (rows, columns, n); its first two are block from 1 and map.
        hover: template of what is said of a cell.
    """
    rows, columns = data.shape[:2]
    return go.Scatter(
        x=np.tile(np.arange(columns), rows),
        y=np.repeat(np.asarray(blocks), columns),
        mode="text",
        customdata=data.reshape(rows * columns, -1),
        hovertemplate=hover,
        showlegend=False,
    )
