"""The shapes of points, by which categories are told apart beside their colours."""

from __future__ import annotations

import math

_ARM = 1 / 2.8  # half the width of a cross's arm
_PLUS = (
    (-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM), (_ARM, 1), (-_ARM, 1),
    (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM),
)  # fmt: skip
_HALF = math.sqrt(0.5)
Outline = tuple[tuple[float, float], ...]

# Name -> corners within the square from -1 to 1, y downwards; a circle has none. `ui/scatter/build.mjs` draws
# the same in their order.
SHAPES: dict[str, Outline] = {
    "circle": (),
    "square": ((-0.83, -0.83), (0.83, -0.83), (0.83, 0.83), (-0.83, 0.83)),
    "triangle": ((0, -1), (0.9, 0.8), (-0.9, 0.8)),
    "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    "triangle down": ((0, 1), (-0.9, -0.8), (0.9, -0.8)),
    "plus": _PLUS,
    "cross": tuple((_HALF * (x - y), _HALF * (x + y)) for x, y in _PLUS),
}
OUTLINES = tuple(SHAPES.values())


def outline(shape: int, radius: float) -> str:
    """A shape, by its number, as the rest of an SVG path after "M" and its centre."""
    corners = OUTLINES[shape]
    if not corners:
        half = f"a{radius:g} {radius:g} 0 1 0"
        return f"m{-radius:g} 0{half} {2 * radius:g} 0{half} {-2 * radius:g} 0z"
    way, at = "", (0.0, 0.0)
    for number, (x, y) in enumerate(corners):
        to = round(radius * x, 2), round(radius * y, 2)
        way += f"{'l' if number else 'm'}{to[0] - at[0]:.4g} {to[1] - at[1]:.4g}"
        at = to
    return f"{way}z"
