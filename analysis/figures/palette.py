"""The one palette: blue below zero, orange above, told apart by every kind of colour vision.

Zero is the page's own ground, light or dark, so that what does nothing is not seen.
"""

from __future__ import annotations

import numpy as np

BLUES = ("#0b3c6f", "#2274b5", "#8fbfe0")  # from strong to weak
ORANGES = ("#f6c28b", "#d9731a", "#7a3500")  # from weak to strong
LIT_BLUES = ("#b9defa", "#4c9fe0", "#245684")
LIT_ORANGES = ("#8a4a14", "#ea8a2e", "#ffdcae")
NEUTRAL = "#747982"
# One meaning a colour: orange and blue are above and below zero, these are gamma's and beta's own, accuracy's
# and the answers' (`probability`), and the question on the page is drawn in ink.
GAMMA, BETA = "#009E73", "#CC79A7"
ACCURACY = "#128296"
# Of whatever else is told apart: Okabe and Ito's but for black and gamma's and beta's, with two between.
CATEGORIES = ("#0072B2", "#E69F00", "#D55E00", "#56B4E9", "#776622", "#C8244B", "#F0E442")
# Where seven are too few: chosen one by one as far from all before as may be (the smaller of the distances
# with and without deuteranopia), out of those that stand off a light and a dark ground.
MORE_CATEGORIES = (
    "#1030F8", "#F0A8B0", "#006060", "#5888F8", "#30C068", "#1898C0", "#F0A0F0", "#005890", "#306028",
    "#A020E8", "#3048C0", "#A03088", "#007858",
)  # fmt: skip


def ground(dark: bool) -> str:
    return "#1b1f27" if dark else "#f7f7f5"


def ink(dark: bool) -> str:
    return "#e6e8eb" if dark else "#25292f"


def probability(dark: bool) -> str:
    """Of answers: how likely they are."""
    return "#a78bea" if dark else "#6544b3"


def diverging(dark: bool) -> tuple[str, ...]:
    """Seven colours, from the most negative through zero to the most positive."""
    return (*LIT_BLUES, ground(True), *LIT_ORANGES) if dark else (*BLUES, ground(False), *ORANGES)


def ramp(count: int, dark: bool) -> list[str]:
    """Shades of one colour, for what has an order but no sign, such as blocks: the last stands out most."""
    first, last = (rgb(color) for color in (("#3f4d5e", "#e3ebf4") if dark else ("#cdd6e1", "#1f3550")))
    steps = np.linspace(first, last, max(count, 1)).round().astype(int)
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in steps]


def rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def color_table(dark: bool) -> np.ndarray:
    """The diverging colours in 255 steps, uint8 (255, 3); number 127 is zero."""
    anchors = np.array([rgb(color) for color in diverging(dark)], dtype=float)  # (7, 3)
    places, steps = np.linspace(0, 1, len(anchors)), np.linspace(0, 1, 255)
    return np.stack([np.interp(steps, places, channel) for channel in anchors.T], axis=1).round().astype("u1")
