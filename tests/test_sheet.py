"""Pictures on a sheet: every picture, label, title and source is in the file, and nothing becomes markup."""

import base64
import re
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from analysis import Panel, sheet_png, sheet_svg
from film import InputError

SVG = "{http://www.w3.org/2000/svg}"
TOLD: dict[str, Any] = {"title": "Maps & <b>pictures</b>", "source": "network 123456 · 40 pictures, seed 7"}


@pytest.fixture
def panels() -> list[Panel]:
    """Three pictures, red, green and blue, with labels."""
    colors = np.eye(3, dtype=np.uint8) * 255
    return [Panel(np.tile(color, (60, 90, 1)), f"map {number}") for number, color in enumerate(colors)]


def test_an_svg_holds_pictures_and_texts(panels):
    root = ElementTree.fromstring(sheet_svg(panels, across=2, **TOLD))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts == [TOLD["title"], "map 0", "map 1", "map 2", TOLD["source"]]
    images = list(root.iter(f"{SVG}image"))
    for image, panel in zip(images, panels, strict=True):
        coded = re.sub("^data:image/png;base64,", "", image.get("href"))
        np.testing.assert_array_equal(Image.open(BytesIO(base64.b64decode(coded))), panel.pixels)
    assert images[0].get("y") == images[1].get("y") != images[2].get("y")  # two in a row


def test_everything_lies_within_the_sheet(panels):
    long = [Panel(panel.pixels, "a label that is much longer than its picture is wide") for panel in panels]
    root = ElementTree.fromstring(sheet_svg(long, title="word " * 40, source="word " * 60))
    width, height = (float(root.get(name)) for name in ("width", "height"))
    for image in root.iter(f"{SVG}image"):
        assert float(image.get("x")) + float(image.get("width")) <= width
    feet = [float(text.get("y")) for text in root.iter(f"{SVG}text")]
    assert feet == sorted(feet[:4]) + feet[4:]
    assert max(feet) < height


@pytest.mark.parametrize("dark", [False, True])
def test_a_png_is_twice_as_sharp_and_has_the_pictures(panels, dark):
    sheet = np.asarray(Image.open(BytesIO(sheet_png(panels, dark=dark, **TOLD))))
    root = ElementTree.fromstring(sheet_svg(panels, dark=dark, **TOLD))
    assert sheet.shape[:2] == (2 * int(root.get("height")), 2 * int(root.get("width")))
    for image, panel in zip(root.iter(f"{SVG}image"), panels, strict=True):
        x, y = (2 * int(image.get(name)) for name in ("x", "y"))
        np.testing.assert_array_equal(sheet[y + 60, x + 90], panel.pixels[30, 45])
    ground = sheet[2, 2]
    assert (np.abs(sheet[32:64].astype(int) - ground).max(axis=-1) > 100).sum() > 200  # the title's letters


def test_no_pictures_make_no_sheet():
    with pytest.raises(InputError, match="no pictures"):
        sheet_svg([], **TOLD)
