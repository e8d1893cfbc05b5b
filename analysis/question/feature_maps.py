"""All feature maps of a block as one picture, and what FiLM does to each (paper Figures 14 and 15)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analysis.figures.palette import color_table, ink, rgb
from film import InputError, NetworkConfig

GAP, CAPTION = 4, 13  # pixels between cells, and of the number below each
ORDERS = {
    "map number": "as they lie in the network",
    "change": "how much FiLM changed the map: mean of |after - before|",
    "energy": "how strong it is after the ReLU: mean of its squares",
    "gamma": "largest gamma first",
    "beta": "largest beta first",
}


@dataclass(frozen=True)
class Stages:
    """The recorded activations that show what FiLM does in a block, with what to call them.

    `names`: of the activations before FiLM, after FiLM, and after what follows it.
    """

    names: tuple[str, str, str]
    labels: tuple[str, str, str]


def stage_names(config: NetworkConfig, block: int) -> Stages:
    """What to record of a block, counted from 0; see `film.activation_names`."""
    before, after, labels = {
        "input": ("input", "conv1", ("before FiLM", "after FiLM", "after Conv-1 and ReLU")),
        "conv": ("conv2", "relu", ("before FiLM", "after FiLM", "after ReLU")),
        "norm": ("norm", "relu", ("before FiLM", "after FiLM", "after ReLU")),
        "relu": ("relu", "out", ("before FiLM", "after FiLM", "after the addition")),
        "output": ("relu", "out", ("before the addition", "after FiLM", "block's output")),
        "concat": ("conv1", "relu", ("before Conv-2", "block's output", "after ReLU")),
        None: ("norm", "relu", ("before ReLU", "block's output", "after ReLU")),
    }[config.film_at if config.modulated[block] else None]
    name = f"block{block + 1}"
    return Stages((f"{name}.{before}", f"{name}.film", f"{name}.{after}"), labels)


def stages_of(
    activations: Mapping[str, np.ndarray], config: NetworkConfig, block: int
) -> tuple[np.ndarray, ...]:
    """Maps (maps, rows, columns) before FiLM, after FiLM and after the ReLU, coordinate maps left out.

    Args:
        activations: of one answer, with those of `stage_names` recorded. block: from 0.
    """
    return tuple(activations[name][: config.maps] for name in stage_names(config, block).names)


def order(
    by: str, stages: tuple[np.ndarray, ...], gamma: np.ndarray | None = None, beta: np.ndarray | None = None
) -> np.ndarray:
    """Map numbers in the order of `ORDERS`, ties by number.

    Args:
        by: a key of ORDERS.
        stages: of a block, from `stages_of`, (maps, rows, columns) each.
        gamma, beta: of the block, (maps,); for these orders alone.

    Returns:
        int (maps,).

    Raises:
        InputError: there is no such order.
    """
    before, after, rectified = stages
    match by:
        case "map number":
            return np.arange(len(before))
        case "change":
            key = np.abs(after - before).mean(axis=(1, 2))
        case "energy":
            key = np.square(rectified).mean(axis=(1, 2))
        case "gamma" if gamma is not None:
            key = gamma
        case "beta" if beta is not None:
            key = beta
        case _:
            raise InputError(f"Maps are sorted by {', '.join(ORDERS)}, not by {by!r}.")
    return np.argsort(-key, kind="stable")


@dataclass(frozen=True, eq=False)
class MapGrid:
    """`picture`: uint8 (height, width, 3). `scale`: the value shown in the strongest colour."""

    picture: np.ndarray
    scale: float


def grid_shape(count: int, rows: int, columns: int, across: int) -> tuple[int, int, int]:
    """Cells across, cells down and pixels per value, so that a wall is about `across` pixels wide."""
    ideal = np.sqrt(count * 2.2 * rows / columns)
    near = range(max(1, int(ideal * 0.8)), max(2, int(ideal * 1.25) + 1))
    # As few empty cells in the last row as can be.
    cells = min(near, key=lambda n: (-count % n, abs(n - ideal)))
    zoom = max(1, (across // cells - GAP) // columns)
    return cells, -(-count // cells), zoom


def map_grid(
    maps: np.ndarray,
    numbers: np.ndarray,
    *,
    scale: float | None = None,
    chosen: int | None = None,
    across: int = 1200,
    dark: bool = False,
) -> MapGrid:
    """Feature maps side by side, each value one crisp square, its number below each map.

    Args:
        maps: (maps, rows, columns).
        numbers: which maps to show, in this order.
        scale: value of the strongest colour; None takes the 99.5th percentile of |maps|.
        chosen: number of a map to frame.
        across: width to aim at, in pixels.
    """
    rows, columns = maps.shape[1:]
    scale = strongest(maps) if scale is None else scale
    cells, down, zoom = grid_shape(len(numbers), rows, columns, across)
    cell_height, cell_width = rows * zoom + CAPTION + GAP, columns * zoom + GAP
    canvas = np.empty((down * cell_height + GAP, cells * cell_width + GAP, 3), np.uint8)
    canvas[:] = _margin(dark)
    colors = colored(maps[numbers], scale, dark)  # (n, rows, columns, 3)
    large = colors.repeat(zoom, axis=1).repeat(zoom, axis=2)
    corners = [
        (GAP + (place // cells) * cell_height, GAP + (place % cells) * cell_width)
        for place in range(len(numbers))
    ]
    for (top, left), picture in zip(corners, large, strict=True):
        canvas[top : top + rows * zoom, left : left + columns * zoom] = picture
    drawn = Image.fromarray(canvas)
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(size=10)
    for (top, left), number in zip(corners, numbers, strict=True):
        marked = number == chosen
        pen.text(
            (left + columns * zoom / 2, top + rows * zoom),
            str(number),
            fill=rgb("#d9731a") if marked else rgb(ink(dark)),
            font=font,
            anchor="ma",
        )
        if marked:
            box = (left - 2, top - 2, left + columns * zoom + 1, top + rows * zoom + 1)
            pen.rectangle(box, outline=rgb("#d9731a"), width=2)
    return MapGrid(np.asarray(drawn), scale)


def strongest(maps: np.ndarray) -> float:
    """The value for the strongest colour, which a few outliers do not spoil: the 99.5th percentile of |maps|.

    Args:
        maps: of any shape.
    """
    return max(float(np.percentile(np.abs(maps), 99.5)), 1e-6)


def colored(values: np.ndarray, scale: float, dark: bool = False) -> np.ndarray:
    """Values of any shape -> uint8 colours (..., 3): blue below zero, orange above."""
    return np.asarray(color_table(dark)[color_steps(values, scale)])


def color_steps(values: np.ndarray, scale: float) -> np.ndarray:
    """Values of any shape -> their rows in `color_table`, uint8 alike: 127 is zero, 254 `scale` and above.

    Args:
        values: of any shape. scale: the value of the strongest colour, above zero.
    """
    return (np.rint(np.clip(values / scale, -1, 1) * 127).astype(np.int16) + 127).astype(np.uint8)


def over_picture(
    values: np.ndarray, picture: np.ndarray, scale: float, *, strength: float = 0.5, line: int = 2
) -> np.ndarray:
    """One map (rows, columns) over the picture it answers to, uint8 (height, width, 3).

    The picture keeps its colours: the stronger a value, the more orange (above zero) or blue (below) is mixed
    in. What reaches half of the scale is outlined, by a whole line above zero and a broken one below. Each
    value keeps its square: what the network has is no finer.

    Args:
        scale: the value that is mixed in most.
        strength: share of its colour there.
        line: width of the outlines, in pixels.
    """
    height, width = picture.shape[:2]
    rows, columns = values.shape
    down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
    spread = values[down[:, None], across[None]]  # (height, width)
    # On the picture both signs must be seen, whatever the theme: the colours of the light one, mid tones.
    colors = colored(np.sign(spread) * scale * 0.62, scale, False).astype(np.float32)
    share = strength * np.clip(np.abs(spread) / scale, 0, 1)[..., None]
    mixed: np.ndarray = (picture * (1 - share) + colors * share).round().astype(np.uint8)
    sides = np.where(np.abs(spread) >= scale / 2, np.sign(spread), 0).astype(np.int8)
    edge = _edges(sides, line)
    broken = (np.add.outer(np.arange(height), np.arange(width)) // (3 * line)) % 2 == 0
    edge &= (sides > 0) | broken
    mixed[edge] = colored(sides[edge].astype(float), 1.0, False)
    return mixed


def _edges(sides: np.ndarray, line: int) -> np.ndarray:
    """The pixels of a region that lie within `line` of another one; those of 0 are no region."""
    near = np.zeros(sides.shape, bool)
    for step in range(1, line + 1):
        apart = sides[step:] != sides[:-step]
        near[step:] |= apart
        near[:-step] |= apart
        apart = sides[:, step:] != sides[:, :-step]
        near[:, step:] |= apart
        near[:, :-step] |= apart
    return np.asarray(near & (sides != 0))


def differences(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], names: Sequence[str]
) -> np.ndarray:
    """How far two runs are apart at each activation, relative to the first: |a - b| / |a|, (names,).

    0 where what was changed has not reached yet.

    Args:
        one, other: activations by name, of the same shapes, as an answer has them.
        names: which of them, in order.
    """
    lengths = [(np.linalg.norm(one[name] - other[name]), np.linalg.norm(one[name])) for name in names]
    return np.array([apart / length if length else float(apart > 0) for apart, length in lengths])


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 (height, width, 3), as a PNG file. Packed for speed: flat squares stay small."""
    Image.fromarray(picture).save(file := io.BytesIO(), "PNG", compress_level=1)
    return file.getvalue()


def _margin(dark: bool) -> tuple[int, int, int]:
    """Between the cells: a little off the ground, so that an empty map is still a cell."""
    return rgb("#353b46") if dark else rgb("#dcdedd")


@dataclass(frozen=True)
class FilmEffects:
    """How many maps of a block FiLM treats in which way. A map may be counted twice.

    `amplified`: |gamma| above 1. `inverted`: gamma below 0. `silenced`: zero everywhere after the ReLU,
    None where the activations are not known.
    """

    block: int
    maps: int
    amplified: int
    inverted: int
    silenced: int | None


def film_effects(
    gamma: np.ndarray, rectified: Mapping[int, np.ndarray] | None = None
) -> tuple[FilmEffects, ...]:
    """Count every block's maps.

    Args:
        gamma: (blocks, maps).
        rectified: by block, counted from 0, its maps after the ReLU, (maps, rows, columns).
    """
    rectified = rectified or {}
    return tuple(
        FilmEffects(
            block,
            len(row),
            int((np.abs(row) > 1).sum()),
            int((row < 0).sum()),
            int((rectified[block] == 0).all(axis=(1, 2)).sum()) if block in rectified else None,
        )
        for block, row in enumerate(gamma)
    )
