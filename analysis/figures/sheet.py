"""Pictures as a figure to take along: side by side, labelled, with title and source, as SVG or PNG."""

from __future__ import annotations

import base64
import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analysis.figures.palette import ground, ink
from film import InputError

EDGE, GAP = 16, 12  # pixels around all pictures, and between two
NARROWEST = 480  # pixels across: title and source want room
TITLE, LABEL, SOURCE = 15, 12, 10  # pixels high
LINE = 1.35  # of a text's height, from line to line
LETTER = 0.55  # of a text's height is the width of a letter, about
SHARP = 2  # pixels of the PNG to one of the SVG


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a sheet. pixels: uint8 (height, width, 3 or 4). label: written below it."""

    pixels: np.ndarray
    label: str = ""


@dataclass(eq=False)
class _Sheet:
    """Where all stands, in pixels. pictures: (x, y, pixels). texts: (x, y of the foot, height, text)."""

    width: int
    height: int = EDGE
    pictures: list[tuple[int, int, np.ndarray]] = field(default_factory=list)
    texts: list[tuple[int, int, int, str]] = field(default_factory=list)

    def write(self, x: int, y: int, text: str, size: int, width: int) -> int:
        """Write a text in lines of at most this width; the height that they take."""
        lines = textwrap.wrap(text, max(8, int(width / (LETTER * size)))) if text else []
        for number, line in enumerate(lines):
            self.texts.append((x, y + round(number * LINE * size) + size, size, line))
        return round(len(lines) * LINE * size)


def _laid_out(panels: Sequence[Panel], title: str, source: str, across: int) -> _Sheet:
    if not panels:
        raise InputError("There are no pictures to put on a sheet; give one or more.")
    across = min(across, len(panels))
    cell = max(panel.pixels.shape[1] for panel in panels)
    sheet = _Sheet(max(NARROWEST, 2 * EDGE + across * cell + (across - 1) * GAP))
    inner = sheet.width - 2 * EDGE
    sheet.height += sheet.write(EDGE, sheet.height, title, TITLE, inner) + GAP // 2
    for first in range(0, len(panels), across):
        row = panels[first : first + across]
        high, lowest = max(panel.pixels.shape[0] for panel in row), 0
        for place, panel in enumerate(row):
            x = EDGE + place * (cell + GAP)
            sheet.pictures.append((x, sheet.height, panel.pixels))
            lowest = max(lowest, sheet.write(x, sheet.height + high + 4, panel.label, LABEL, cell))
        sheet.height += high + 4 + lowest + GAP
    sheet.height += sheet.write(EDGE, sheet.height, source, SOURCE, inner) + EDGE // 2
    return sheet


def sheet_svg(
    panels: Sequence[Panel], *, title: str, source: str, across: int = 4, dark: bool = False
) -> str:
    """Pictures as one SVG that needs nothing else, its texts as text.

    Args:
        title: above all. source: below all: of which network, sample and seed this is.
        across: pictures in a row, at most.

    Raises:
        InputError: there are no pictures.
    """
    sheet = _laid_out(panels, title, source, across)
    parts = [f'<rect width="100%" height="100%" fill="{ground(dark)}"/>']
    for x, y, pixels in sheet.pictures:
        coded = base64.b64encode(_png(Image.fromarray(pixels))).decode()
        height, width = pixels.shape[:2]
        parts.append(
            f'<image x="{x}" y="{y}" width="{width}" height="{height}" href="data:image/png;base64,{coded}"/>'
        )
    parts += [
        f'<text x="{x}" y="{y}" font-size="{size}">{html.escape(text)}</text>'
        for x, y, size, text in sheet.texts
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {sheet.width} {sheet.height}" '
        f'width="{sheet.width}" height="{sheet.height}" font-family="sans-serif" fill="{ink(dark)}">'
        f"<title>{html.escape(title)}</title>{''.join(parts)}</svg>"
    )


def sheet_png(
    panels: Sequence[Panel], *, title: str, source: str, across: int = 4, dark: bool = False
) -> bytes:
    """The same as a PNG of twice as many pixels each way. Raises InputError where there are no pictures."""
    sheet = _laid_out(panels, title, source, across)
    image = Image.new("RGB", (SHARP * sheet.width, SHARP * sheet.height), ground(dark))
    for x, y, pixels in sheet.pictures:
        height, width = pixels.shape[:2]
        picture = Image.fromarray(pixels).convert("RGBA")
        large = picture.resize((SHARP * width, SHARP * height), Image.Resampling.LANCZOS)
        image.paste(large, (SHARP * x, SHARP * y), large)
    pen = ImageDraw.Draw(image)
    for x, y, size, text in sheet.texts:
        font = ImageFont.load_default(SHARP * size)
        pen.text((SHARP * x, SHARP * y), text, fill=ink(dark), font=font, anchor="ls")
    return _png(image)


def _png(image: Image.Image) -> bytes:
    image.save(file := BytesIO(), "PNG")
    return file.getvalue()
