"""How densely points lie: contours about the regions that hold a quarter, half ... of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARES = (0.25, 0.5, 0.75, 0.95)  # of the points that lie within a contour
GRID = 120  # cells along the longer side
SMOOTH = 1.5  # cells, the standard deviation of the kernel
_MARGIN = 6  # cells about all points, so that every contour closes


@dataclass(frozen=True, eq=False)
class Contour:
    """The border of the densest places that hold a share of all points.

    lines: closed lines, float32 (corners, 2) each, in the layout's units.
    """

    share: float
    lines: tuple[np.ndarray, ...]


def density_contours(places: np.ndarray, shares: tuple[float, ...] = SHARES) -> tuple[Contour, ...]:
    """Contours of the density of places (points, 2), a kernel estimate, the densest first.

    Within the contour of a share lie the densest places that hold that share of the points together (the
    highest-density region; Hyndman 1996).
    """
    from contourpy import contour_generator
    from scipy.ndimage import gaussian_filter

    low, high = places.min(axis=0), places.max(axis=0)
    cell = max(float((high - low).max()) / GRID, 1e-9)
    counts = np.ceil((high - low) / cell).astype(int) + 1 + 2 * _MARGIN
    start = low - (_MARGIN + 0.5) * cell
    at = np.clip(((places - start) / cell).astype(int), 0, counts - 1)
    density = np.zeros(counts[::-1])  # rows are y
    np.add.at(density, (at[:, 1], at[:, 0]), 1)
    density = gaussian_filter(density, SMOOTH, mode="constant")
    own = np.sort(density[at[:, 1], at[:, 0]])[::-1]
    x, y = (start[axis] + cell * (np.arange(counts[axis]) + 0.5) for axis in (0, 1))
    drawn = contour_generator(x, y, density)
    found = []
    for share in sorted(shares):
        level = own[min(int(np.ceil(share * len(own))), len(own)) - 1]
        lines = drawn.lines(level * (1 - 1e-9))
        found.append(Contour(share, tuple(np.asarray(line, np.float32) for line in lines)))
    return tuple(found)


def describe_contours(nouns: str = "questions", shares: tuple[float, ...] = SHARES) -> str:
    """What the contours say, for a caption."""
    *first, last = (f"{share:.0%}" for share in sorted(shares))
    return f"Contours: the densest places, which hold {', '.join(first)} and {last} of the {nouns}."
