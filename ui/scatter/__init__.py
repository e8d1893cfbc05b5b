"""Many questions as points that can be lassoed: a view on regl-scatterplot, which draws 150,000 of them.

Points, colours and questions travel as bytes under the hash of their content and are kept by the
browser; they are sent once, whatever is selected. A selection comes back as one bit a point. The
JavaScript lies bundled in `ui/scatter/`, so nothing is fetched from anywhere.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

import analysis
from analysis import Coloring
from ui import state

HERE = Path(__file__).parent
_NAME = 16  # characters of a blob's name

_QUEUE = "export default (component) => {\n (globalThis.filmScatter ??= []).push(component);"
_library = st.components.v2.component("film_scatter_library", js=(HERE / "bundle.js").read_text("utf-8"))
_blob = st.components.v2.component("film_scatter_blob", js=_QUEUE + "}")
_view = st.components.v2.component(
    "film_scatter_view",
    css=(HERE / "view.css").read_text("utf-8"),
    js=_QUEUE + "return () => globalThis.filmScatter.push({gone: component.parentElement}); }",
    isolate_styles=False,
)


@dataclass(frozen=True, eq=False)
class Blob:
    """Bytes under the hash of their content."""

    name: str
    content: bytes

    @staticmethod
    def of(content: bytes) -> Blob:
        name = hashlib.sha256(content).hexdigest()[:_NAME]
        return Blob(name, name.encode() + content)


def points_blob(places: np.ndarray) -> Blob:
    """Places float32 (points, 2), fitted into the square from -1 to 1, all x before all y."""
    return Blob.of(np.ascontiguousarray(fit(places, places).T, "<f4").tobytes())


def fit(places: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Places (n, 2) moved and scaled as those of `frame` (m, 2) have to be to fill the square."""
    low, high = frame.min(axis=0), frame.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-9) * 1.04
    result: np.ndarray = ((places - (low + high) / 2) / half).astype(np.float32)
    return result


def texts_blob(texts: Sequence[str]) -> Blob:
    """Lines of text, one a point; compressed they take about a tenth."""
    lines = "\n".join(text.replace("\n", " ") for text in texts)
    return Blob.of(gzip.compress(lines.encode(), 6, mtime=0))


def contours_blob(places: np.ndarray) -> Blob:
    """The contours of the density of places (points, 2), densest first: a line of text each, an SVG path."""
    ways = []
    for contour in analysis.density_contours(places):
        lines = (np.round(fit(line, places), 4).tolist() for line in contour.lines)
        ways.append("".join("M" + "L".join(f"{x:g} {y:g}" for x, y in line) for line in lines))
    return texts_blob(ways)


@dataclass(frozen=True, eq=False)
class PointMarks:
    """What is drawn over the points, in the layout's own units.

    path: (x, y, word) a step, the last where the question came to lie. rings: (x, y, "chosen" or "near").
    labels: (x, y, text) written on the points, the most important first; one that would cover another is not.
    """

    path: tuple[tuple[float, float, str], ...] = ()
    rings: tuple[tuple[float, float, str], ...] = ()
    labels: tuple[tuple[float, float, str], ...] = ()


def scatter(
    key: str,
    places: np.ndarray,
    coloring: Coloring,
    *,
    points: Blob,
    texts: Blob,
    contours: Blob | None = None,
    selected: np.ndarray | None,
    label: str,
    caption: str,
    on_lasso: Callable[[np.ndarray], None],
    on_pick: Callable[[int], None],
    on_legend: Callable[[int], None],
    marks: PointMarks | None = None,
    dark: bool = False,
    legend: bool = True,
    height: int = 560,
) -> None:
    """Draw points and hand back what is lassoed or picked, by pointer or keyboard.

    Args:
        key: of this view on its page.
        places: (points, 2), as given to `points_blob`.
        contours: of `contours_blob`, drawn where they are given.
        selected: bool (points,), or None where nothing is.
        label: what a screen reader says of it.
        caption: printed under the PNG.
        on_lasso: called with a bool mask (points,) before the page runs again.
        on_pick, on_legend: called with the index of one point, or of one name of the legend.
    """
    count, marks = len(places), marks or PointMarks()
    codes = Blob.of(coloring.codes.tobytes())

    def lassoed() -> None:
        if value := state.told(key, "lasso"):
            on_lasso(unpack("" if value == "none" else value, count))

    def taken(what: str, of: int, then: Callable[[int], None]) -> Callable[[], None]:
        def take() -> None:
            value = state.told(key, what)
            if isinstance(value, (int, float)) and 0 <= value < of:
                then(int(value))

        return take

    def framed(found: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
        if not found:
            return []
        spots = fit(np.array([spot[:2] for spot in found], float), places)
        return [(float(x), float(y), spot[2]) for (x, y), spot in zip(spots, found, strict=True)]

    with st.container(key=f"film-store-{key}"):
        _library(key=f"{key}-library")
        stored = {"points": points, "codes": codes, "texts": texts}
        if contours is not None:
            stored["contours"] = contours
        for slot, blob in stored.items():
            _blob(key=f"{key}-{slot}", data=blob.content)
    _view(
        key=key,
        data={
            "points": points.name, "codes": codes.name, "texts": texts.name, "count": count,
            "contours": contours.name if contours else "", "shapes": list(coloring.shapes),
            "glyphs": [analysis.outline(shape, 1) for shape in coloring.shapes],
            "palette": list(coloring.palette), "names": list(coloring.names), "legend": legend,
            "scale": list(coloring.scale) if coloring.scale else None,
            "selection": "" if selected is None or not selected.any() else pack(selected),
            "path": framed(marks.path), "rings": framed(marks.rings),
            "labels": framed(marks.labels),
            "label": label, "caption": caption, "dark": dark, "height": height,
            "size": 5 if count <= 30_000 else 2.5, "opacity": 0.8 if count <= 30_000 else 0.6,
        },
        on_lasso_change=lassoed,
        on_pick_change=taken("pick", count, on_pick),
        on_legend_change=taken("legend", len(coloring.names), on_legend),
    )  # fmt: skip


def pack(mask: np.ndarray) -> str:
    """A bool mask as base64, one bit a point, the first point in the highest bit."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode()


def unpack(text: str, count: int) -> np.ndarray:
    """The bool mask (count,) of `pack`; empty text selects nothing, and so does what no view has sent."""
    try:
        bits = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    except ValueError:
        bits = np.empty(0, np.uint8)
    if len(bits) != (count + 7) // 8:
        return np.zeros(count, bool)
    return np.unpackbits(bits, count=count).astype(bool)
