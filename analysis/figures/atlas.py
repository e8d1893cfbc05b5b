"""The atlas as a figure: how its points are coloured, and the whole projection as SVG.

Every colouring has at most 255 colours and one code a point, so that a point costs one byte.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.corpus.schema import Schema, value_name
from analysis.figures.density import density_contours
from analysis.figures.palette import CATEGORIES, MORE_CATEGORIES, NEUTRAL, ground, ink
from analysis.figures.shapes import OUTLINES, outline
from film import InputError

if TYPE_CHECKING:
    from analysis.corpus.extraction import Extraction
    from analysis.corpus.layout import Layout

MOST = 20  # categories with a colour of their own; the rest are "other"
STEPS = 64  # colours of a scale
CELLS = 24  # a side of the grid in which a colour's densest places are looked for
COLOR_COLUMNS = (
    "type",
    "group",
    "operation",
    "attribute",
    "answer",
    "prediction",
    "outcome",
    "confidence",
    "family",
    "length",
    "depth",
)
_SCALE = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")  # viridis


@dataclass(frozen=True, eq=False)
class Coloring:
    """One colour a point.

    codes: uint8 (points,), into palette and names. names: empty where the colours are a scale.
    scale: what its two ends stand for, as text, or None. title: what is shown.
    """

    codes: np.ndarray
    palette: tuple[str, ...]
    names: tuple[str, ...]
    scale: tuple[str, str] | None
    title: str

    @property
    def shapes(self) -> tuple[int, ...]:
        """The shape of each name's points, a number of `SHAPES`; what is not named apart has circles."""
        others = range(1 if NEUTRAL in self.palette else 0, len(OUTLINES))
        turns = cycle(others)
        return tuple(0 if color == NEUTRAL else next(turns) for color in self.palette[: len(self.names)])


def color_by_category(values: pd.Series, title: str) -> Coloring:
    """The most frequent values get a colour each, in their order of frequency; the rest are "other"."""
    texts = values.astype("string").fillna("unknown").replace("", "none")
    counts = texts.value_counts()
    order = sorted(counts.index, key=lambda name: (-int(counts[name]), name))
    kept = order if len(order) <= MOST else order[: MOST - 1]
    codes = pd.Index(kept).get_indexer(texts)
    names, palette = tuple(kept), (*CATEGORIES, *MORE_CATEGORIES)[: len(kept)]
    if len(kept) < len(order):
        names, palette = (*names, f"other ({len(order) - len(kept)} more)"), (*palette, NEUTRAL)
    return Coloring(np.where(codes < 0, len(kept), codes).astype(np.uint8), palette, names, None, title)


def color_by_value(numbers: np.ndarray, title: str) -> Coloring:
    """Numbers on a scale from their 1st to their 99th percentile; what lies beyond has the end's colour.

    Args:
        numbers: (points,); where there is none (nan) the colour is the lowest.
        title: of the scale.
    """
    numbers = np.asarray(numbers, np.float64)
    known = numbers[np.isfinite(numbers)]
    low, high = np.percentile(known, [1, 99]) if len(known) else (0.0, 1.0)
    if high <= low:
        high = low + 1
    steps = np.clip(np.nan_to_num((numbers - low) / (high - low), nan=0.0), 0, 1) * (STEPS - 1)
    anchors = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in _SCALE])
    at = np.linspace(0, len(_SCALE) - 1, STEPS)
    shades = np.stack([np.interp(at, range(len(_SCALE)), channel) for channel in anchors.T], 1).round()
    palette = tuple("#{:02x}{:02x}{:02x}".format(*(int(part) for part in shade)) for shade in shades)
    return Coloring(np.rint(steps).astype(np.uint8), palette, (), (f"{low:.3g}", f"{high:.3g}"), title)


def color_by_column(table: pd.DataFrame, name: str, schema: Schema | None = None) -> Coloring:
    """Colours by a column: numbers of many values as a scale, everything else as categories.

    Args:
        schema: of the study; with it families of questions are called by their sentences.

    Raises:
        InputError: there is no such column.
    """
    if name not in table.columns:
        raise InputError(f"The study has no column {name!r}; choose one of {', '.join(table.columns)}.")
    if schema is not None and name == "family":
        known = table[name].map(lambda family: value_name(schema, name, family))
        return color_by_category(known.where(table[name] != -1), name)
    if name != "family" and pd.api.types.is_numeric_dtype(table[name]):
        if table[name].nunique() > MOST:
            return color_by_value(table[name].to_numpy(), name)
        ordered = color_by_category(table[name], name)  # few numbers: in their own order
        return _in_order(ordered)
    return color_by_category(table[name], name)


def _in_order(coloring: Coloring) -> Coloring:
    """Numbers as categories, smallest first, coloured along the scale."""
    order = sorted(range(len(coloring.names)), key=lambda i: _number(coloring.names[i]))
    place = np.empty(len(order), np.uint8)
    place[order] = np.arange(len(order))
    scale = color_by_value(np.arange(STEPS), "").palette
    shades = tuple(scale[round(i * (STEPS - 1) / max(len(order) - 1, 1))] for i in range(len(order)))
    names = tuple(coloring.names[i] for i in order)
    return Coloring(place[coloring.codes], shades, names, None, coloring.title)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.inf


def color_by_presence(there: np.ndarray, word: str) -> Coloring:
    """Questions with the word over those without it. there: bool (points,)."""
    codes = np.where(there, 0, 1).astype(np.uint8)
    return Coloring(codes, (CATEGORIES[2], NEUTRAL), (f"says “{word}”", f"without “{word}”"), None, word)


def name_places(places: np.ndarray, coloring: Coloring, each: int = 3) -> list[tuple[float, float, str]]:
    """Where to write the names of the colours: (x, y, name) where a name's points lie densest and prevail.

    A name has at most `each` places, a fifth of the layout apart; all first places come before all second.

    Args:
        places: (points, 2).
    """
    low, high = places.min(axis=0), places.max(axis=0)
    cells = np.clip((places - low) / np.maximum(high - low, 1e-9) * CELLS, 0, CELLS - 1).astype(int)
    cell = cells[:, 0] * CELLS + cells[:, 1]
    counts = np.zeros((len(coloring.names), CELLS * CELLS), np.int64)
    if len(counts):
        np.add.at(counts, (coloring.codes, cell), 1)
    found = []
    for code, name in enumerate(coloring.names):
        if coloring.palette[code] == NEUTRAL:  # all the others have no place of their own
            continue
        own = np.where(2 * counts[code] > counts.sum(axis=0), counts[code], 0)
        for turn in range(each):
            best = int(own.argmax())
            if not own[best]:
                break
            x, y = np.median(places[(cell == best) & (coloring.codes == code)], axis=0)
            found.append((turn, float(x), float(y), name))
            across, up = np.divmod(np.arange(CELLS * CELLS), CELLS)
            near = np.hypot(across - best // CELLS, up - best % CELLS) < CELLS / 5
            own = np.where(near, 0, own)
    return [(x, y, name) for _, x, y, name in sorted(found, key=lambda one: one[0])]


def layout_caption(layout: Layout, of: int, nouns: str = "questions") -> str:
    """What is printed under a projection: how it was made, how good it is, how many it shows of `of`."""
    sampled = _laid_out(layout, of, nouns)
    return " · ".join([layout.recipe.describe(), sampled, *_quality(layout.quality, nouns)])


def layout_sample(layout: Layout, extraction: Extraction) -> str:
    """What a table of a projection's points is of: "3,000 of 20,000 questions, their source, seed 0"."""
    recipe = extraction.recipe
    shown = _laid_out(layout, len(extraction), extraction.schema.nouns)
    return f"{shown}, {recipe['source']}, seed {recipe['seed']}"


def _laid_out(layout: Layout, of: int, nouns: str) -> str:
    shown = len(layout)
    return f"all {of:,} {nouns}" if shown == of else f"{shown:,} of {of:,} {nouns}"


def _quality(known: Mapping[str, float], nouns: str) -> Iterator[str]:
    if "trustworthiness" in known:
        yield f"trustworthiness {known['trustworthiness']:.3f}"
    if "neighbour_recall" in known:
        chance = f" (by chance {known['recall_by_chance']:.1%})" if "recall_by_chance" in known else ""
        yield f"{known['neighbour_recall']:.0%} of true neighbours are neighbours here{chance}"
    if "drawn_stability" in known:
        yield f"{known['drawn_stability']:.0%} of neighbours here are neighbours from another random start"
    if "measured_on" in known:
        yield f"measured on {known['measured_on']:,.0f} {nouns}"


def layout_svg(
    places: np.ndarray,
    coloring: Coloring,
    *,
    caption: Sequence[str],
    selected: np.ndarray | None = None,
    labels: Sequence[tuple[float, float, str]] = (),
    contours: bool = False,
    dark: bool = False,
    size: int = 900,
) -> str:
    """The projection as a self-contained SVG: one path a colour, selected points over the rest.

    Args:
        places: (points, 2). selected: bool (points,), the others are drawn faint.
        caption: lines under the projection: method, seed, sampling.
        labels: (x, y, text) to write on it, in the layout's units. contours: also draw `density_contours`.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    unit = (size - 24) / max(float((high - low).max()), 1e-9)

    def spots(of: np.ndarray) -> list[list[float]]:
        found: list[list[float]] = np.round(
            (of - (low + high) / 2) * unit * (1, -1) + size / 2, 1
        ).tolist()  # pixels
        return found

    layers = [*_point_layers(spots(places), coloring, selected, 2.0 if len(places) <= 30_000 else 1.2)]
    if contours:
        lines = (line for contour in density_contours(places) for line in contour.lines)
        way = "".join(_way(spots(line)) for line in lines)
        layers.append(f'<path d="{way}" fill="none" stroke="{ink(dark)}" stroke-width=".7" opacity=".55"/>')
    written = "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" font-weight="600" paint-order="stroke" '
        f'stroke="{ground(dark)}" stroke-width="3">{html.escape(text)}</text>'
        for (x, y), text in zip(
            spots(np.array([label[:2] for label in labels], float).reshape(-1, 2)),
            [label[2] for label in labels],
            strict=True,
        )
    )
    words = "".join(
        f'<text x="8" y="{size + 18 + 18 * row}">{html.escape(line)}</text>'
        for row, line in enumerate(caption)
    )
    width, height = size + 210, size + 18 * len(caption) + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">'
        f'<rect width="100%" height="100%" fill="{ground(dark)}"/><g>{"".join(layers)}</g>'
        f'<g font-family="sans-serif" font-size="12" fill="{ink(dark)}">'
        f"{written}{_legend(coloring, size)}{words}</g></svg>"
    )


def _way(corners: Sequence[Sequence[float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners)


def _point_layers(
    spots: Sequence[Sequence[float]], coloring: Coloring, selected: np.ndarray | None, radius: float
) -> Iterator[str]:
    """One path a colour, faint ones first. spots: pixels of each point."""
    count = len(spots)
    lit = np.ones(count, bool) if selected is None or not selected.any() else np.asarray(selected)
    shapes = coloring.shapes or (0,) * len(coloring.palette)
    for these, opacity in ((~lit, 0.15), (lit, 0.85)):
        for code, color in enumerate(coloring.palette):
            rows = np.flatnonzero(these & (coloring.codes == code))
            if not len(rows):
                continue
            if shapes[code]:
                shape, paint = outline(shapes[code], radius * 1.2), f'fill="{color}"'
            else:  # a dot of a round pen takes half the bytes of a circle
                shape = "h0"
                paint = f'stroke="{color}" stroke-width="{2 * radius}" stroke-linecap="round" fill="none"'
            way = "".join(f"M{spots[row][0]:g} {spots[row][1]:g}{shape}" for row in rows.tolist())
            yield f'<path d="{way}" {paint} opacity="{opacity}"/>'


def _legend(coloring: Coloring, size: int) -> str:
    """The names of the colours with their shapes, or the scale, right of a projection of this size."""
    parts, y = [], 16
    for name, color, shape in zip(coloring.names, coloring.palette, coloring.shapes, strict=False):
        parts.append(
            f'<path d="M{size + 12} {y - 4}{outline(shape, 5)}" fill="{color}"/>'
            f'<text x="{size + 24}" y="{y}">{html.escape(name)}</text>'
        )
        y += 18
    if coloring.scale:
        for step, color in enumerate(coloring.palette):
            parts.append(f'<rect x="{size + 8}" y="{200 - 3 * step}" width="14" height="3" fill="{color}"/>')
        for text, y in zip(coloring.scale, (204, 16), strict=True):
            parts.append(f'<text x="{size + 28}" y="{y}">{html.escape(text)}</text>')
    return "".join(parts)
