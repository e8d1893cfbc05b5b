"""Picture files in and out, and the one way a picture is brought to another size."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from film.errors import InputError


def open_picture(source: str | Path | BinaryIO) -> np.ndarray:
    """An RGB picture, uint8 (height, width, 3); transparency is dropped, gray becomes RGB.

    The released CLEVR files are RGBA with opaque alpha. Raises InputError naming the file when
    it is missing or is not a whole picture.
    """
    name = str(source) if isinstance(source, (str, Path)) else getattr(source, "name", "the given file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                picture.load()
                if picture.mode.startswith("I;16"):  # Pillow would clip these at 255
                    gray = (np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8)
                    return np.repeat(gray[..., None], 3, axis=-1)  # (height, width, 3)
                return np.array(picture.convert("RGB"))  # (height, width, 3)
    except FileNotFoundError:
        raise InputError(f"The picture {name} does not exist; check the path.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(
            f"The picture {name} is far larger than CLEVR's 480x320; scale it down first."
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(
            f"The picture {name} cannot be read ({str(error) or type(error).__name__}); "
            "it may be cut off or not be a picture: fetch it again, or give a PNG or JPEG."
        ) from None


def fit(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture at width x height: its centre cut to that aspect, then scaled with antialiasing.

    CLEVR exists in two shapes, 480x320 and 320x240. Both have the same horizontal field of view
    and the origin of the world in the middle, so the middle 3:2 of a 4:3 picture shows what the
    3:2 picture shows, and positions in the picture keep their meaning.

    `picture`: uint8 (h, w, 3); returns uint8 (height, width, 3).
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
        raise InputError(
            f"A picture of shape {picture.shape} and type {picture.dtype} was given; "
            "expected 8-bit RGB, that is uint8 (height, width, 3)."
        )
    if width < 1 or height < 1:
        raise InputError(f"A picture size of {width}x{height} was asked for; both must be at least 1.")
    rows, columns = picture.shape[:2]
    if (columns, rows) == (width, height):
        return picture
    keep_columns = min(columns, rows * width / height)
    keep_rows = min(rows, columns * height / width)
    left, top = (columns - keep_columns) / 2, (rows - keep_rows) / 2
    box = (left, top, left + keep_columns, top + keep_rows)
    # Pillow widens the bicubic filter when it shrinks a picture, so nothing aliases.
    scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(scaled)  # (height, width, 3)


def save_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write uint8 (h, w, 3) as a small PNG."""
    Image.fromarray(picture).save(path, format="PNG", optimize=True)
