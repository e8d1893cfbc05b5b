"""Picture files in and out, and the one way a picture is brought to another size."""

from __future__ import annotations

import hashlib
import warnings
from os.path import exists, isdir, isfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from film.errors import InputError

# What a picture may come as. Naming the formats keeps Pillow from trying the exotic ones, one of
# which would start another program.
_AVIF = ("AVIF",) if "avif" in features.get_supported() else ()
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", *_AVIF)
# Checked before decoding: a small file can unpack to gigabytes.
MOST_PIXELS = 25_000_000
MOST_SIDE = 20_000  # pixels; no page can show a JPEG of more than 65,500
_BAND = 256  # rows that are converted at once
# Pillow's remarks on odd files are no use to anybody: what matters is checked here. Silenced once and
# not around each call, which would change the whole process for a moment and so needs a lock.
warnings.filterwarnings("ignore", module=r"PIL\b")


def picture_hash(pixels: np.ndarray) -> str:
    """SHA-256 of a picture, uint8 (height, width, 3), as hexadecimal digits; its file format is no part."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def open_picture(source: str | Path | BinaryIO) -> np.ndarray:
    """An RGB picture, uint8 (height, width, 3), the right way up; of an animation the first frame.

    The released CLEVR files are RGBA with opaque alpha. Raises InputError naming the file when
    it is missing, is not a whole picture, or is far too large.
    """
    name = str(source) if isinstance(source, (str, Path)) else getattr(source, "name", "") or "that was given"
    if isinstance(source, (str, Path)):
        path = str(source)
        if exists(path) and not (isfile(path) or isdir(path)):  # reading it might wait for ever
            raise InputError(f"The picture {name} is a pipe or a device; name a PNG or JPEG file.")
    try:
        with Image.open(source, formats=FORMATS) as picture:
            return rgb(picture)
    except FileNotFoundError:
        raise InputError(f"The picture {name} does not exist; check the path.") from None
    except IsADirectoryError:
        raise InputError(f"The picture {name} is a folder; name a file in it.") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"The picture {name} is far larger than CLEVR's 480x320; scale it down first."
        ) from None
    except UnidentifiedImageError:
        raise InputError(f"The file {name} is not a picture; give a PNG or JPEG.") from None
    except InputError:
        raise
    except Exception as error:  # decoders fail in many ways on broken files
        raise InputError(
            f"The picture {name} cannot be read ({str(error) or type(error).__name__}); "
            "it may be cut off: fetch it again, or give another PNG or JPEG."
        ) from None


def rgb(picture: Image.Image) -> np.ndarray:
    """Any Pillow picture as 8-bit RGB, uint8 (height, width, 3).

    Turned as its EXIF says, transparency laid on mid-gray, 16 bits and floats scaled to 8.

    Raises:
        InputError: it is larger than `MOST_PIXELS` or `MOST_SIDE`; it is not decoded then.
    """
    if picture.width * picture.height > MOST_PIXELS or max(picture.size) > MOST_SIDE:
        raise InputError(
            f"The picture has {picture.width}x{picture.height} pixels, and up to {MOST_PIXELS:,} are read, "
            f"up to {MOST_SIDE:,} in a row; CLEVR's have 480x320: scale it down first."
        )
    picture.load()
    picture = _upright(picture)
    steps = _steps_of_gray(picture) if picture.mode.startswith(("I", "F")) else None
    found = np.empty((picture.height, picture.width, 3), np.uint8)
    for top in range(0, picture.height, _BAND):  # a whole picture's copies would take gigabytes
        band = picture.crop((0, top, picture.width, min(top + _BAND, picture.height)))
        found[top : top + _BAND] = _rgb_band(band, steps)
    return found


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF says, where that can be read: its fault is not the picture's."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF fails in many ways
        return picture


def _steps_of_gray(picture: Image.Image) -> float:
    """How many steps of a picture of 16 bits or of floats are one of 8 bits; Pillow would clip at 255."""
    if ";16" in picture.mode:
        return 256
    bands = range(0, picture.height, _BAND)
    boxes = ((0, top, picture.width, min(top + _BAND, picture.height)) for top in bands)
    highest = max((_gray(picture.crop(box)).max(initial=0) for box in boxes), default=0)
    return 1 / 256 if highest <= 1 and picture.mode == "F" else 256 if highest > 255 else 1


def _gray(picture: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0.0, neginf=0.0)


def _rgb_band(band: Image.Image, steps: float | None) -> np.ndarray:
    """uint8 (rows, width, 3), or (rows, width, 1) of gray. `steps`: as `_steps_of_gray` gives them."""
    if steps is not None:
        return np.clip(_gray(band) / steps, 0, 255).astype(np.uint8)[..., None]
    if band.has_transparency_data:
        band = band.convert("RGBA")
        band = Image.alpha_composite(Image.new("RGBA", band.size, (128, 128, 128, 255)), band)
    return np.asarray(band.convert("RGB"))


def fit(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture at width x height: its centre cut to that aspect, then scaled with antialiasing.

    CLEVR exists in two shapes, 480x320 and 320x240. Both have the same horizontal field of view
    and the origin of the world in the middle, so the middle 3:2 of a 4:3 picture shows what the
    3:2 picture shows, and positions in the picture keep their meaning.

    `picture`: uint8 (h, w, 3); returns uint8 (height, width, 3).

    Raises:
        InputError: the picture is not 8-bit RGB, or a size is below 1.
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
    keep_columns, keep_rows = kept_middle((columns, rows), (width, height))
    left, top = (columns - keep_columns) / 2, (rows - keep_rows) / 2
    box = (left, top, left + keep_columns, top + keep_rows)
    # Pillow widens the bicubic filter when it shrinks a picture, so nothing aliases.
    scaled = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(scaled)  # (height, width, 3)


def kept_middle(source: tuple[int, int], size: tuple[int, int]) -> tuple[float, float]:
    """Columns and rows of a picture's middle that `fit` keeps; both sizes are (width, height)."""
    (columns, rows), (width, height) = source, size
    return min(columns, rows * width / height), min(rows, columns * height / width)


def save_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write uint8 (h, w, 3) as a small PNG."""
    Image.fromarray(picture).save(path, format="PNG", optimize=True)
