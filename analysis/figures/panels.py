"""Several panels in one figure: their axes, titles and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def panels(rows: int, columns: int, *, same_x: bool, same_y: bool, gap: float = 0.3) -> dict[str, Any]:
    """Axes of a grid of panels, numbered along its rows; the first panel's rule where they are the same.

    Args:
        gap: between two rows, as a share of the figure.
    """
    axis = {"gridcolor": "rgba(138, 143, 152, 0.25)", "zeroline": False, "automargin": True}
    found: dict[str, Any] = {}
    gap_x, gap_y = 0.06, gap if rows > 1 else 0.0
    wide, high = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        name = suffix(number)
        left, top = column * (wide + gap_x), 1 - row * (high + gap_y)
        x = {**axis, "domain": [left, left + wide], "anchor": f"y{name}", "title_standoff": 4}
        y = {**axis, "domain": [max(top - high, 0), top], "anchor": f"x{name}", "title_standoff": 4}
        if number and same_x:
            x["matches"] = "x"
        if number and same_y:
            y["matches"] = "y"
        found[f"xaxis{name}"], found[f"yaxis{name}"] = x, y
    return found


def suffix(number: int) -> str:
    """What plotly adds to the names of a panel's axes, for panels from 0: "", "2", "3" and so on."""
    return str(number + 1) if number else ""


def panel_title(number: int, text: str) -> dict[str, Any]:
    """A title above a panel."""
    name = suffix(number)
    return {
        "text": text, "showarrow": False, "x": 0.5, "y": 1.02, "xref": f"x{name} domain",
        "yref": f"y{name} domain", "yanchor": "bottom", "xanchor": "center",
    }  # fmt: skip


def axis_pairs(axes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """("x", "y"), ("x2", "y2") and so on, of all panels."""
    numbers = [
        "",
        *(name.removeprefix("xaxis") for name in axes if name.startswith("xaxis") and name != "xaxis"),
    ]
    return [(f"x{number}", f"y{number}") for number in numbers]
