"""What a figure's file says of itself: title, network and sample, in small lines at its foot."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure

from analysis.figures.style import as_text

TITLE_LETTERS = 110
LINE = 13  # pixels
BOTTOM = 1e-6  # of a figure's height: at 0 plotly draws further lines below the figure


def figure_title(said: str) -> str:
    """What a figure is called: the first part of what is said of it. Colons in “quotes” do not end it."""
    first = re.match(r"(?:“[^”]*”|.)*?(?=[:;] |\.$|$)", said, re.DOTALL)
    return textwrap.shorten(first[0] if first else said, TITLE_LETTERS, placeholder=" …")


def with_source(
    drawn: Figure, said: Sequence[str], *, letters: int, tools: int = 0, **look: Any
) -> dict[str, Any]:
    """The figure as plotly's JSON, with lines at its foot.

    Changed as a dictionary: plotly would check a change of a `Figure` for many milliseconds.

    Args:
        said: texts, each in lines of its own of at most `letters`.
        tools: pixels at its head that have to be free.
        look: further settings of the layout.
    """
    spec: dict[str, Any] = drawn.to_plotly_json()
    layout = dict(spec["layout"])
    margin = dict(layout["margin"])
    above = tools if layout.get("showlegend") else max(tools - margin["t"], 0)
    lines = [as_text(line) for one in said for line in textwrap.wrap(one, letters)]
    # Below an axis with a margin of its own plotly makes no room, and draws further lines below the first.
    makes_room = bool(layout["xaxis"].get("automargin"))
    below = 0 if makes_room else LINE * len(lines) + 5
    margin |= {"t": margin["t"] + above, "b": margin["b"] + below}
    layout["height"] += above + LINE * len(lines) + 5
    first = BOTTOM if makes_room else LINE * (len(lines) - 1) / layout["height"] + BOTTOM
    layout |= look | {
        "margin": margin,
        "title": {
            "text": "<br>".join(lines), "font": {"size": 10}, "x": 1, "xref": "container",
            "xanchor": "right", "y": first, "yref": "container", "yanchor": "bottom",
            "pad": {"b": 2, "r": 8}, "automargin": makes_room,
        },
    }  # fmt: skip
    return spec | {"layout": layout}
