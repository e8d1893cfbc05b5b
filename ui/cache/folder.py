"""Pictures out of a folder of the visitor's: `FILM_PICTURES=CLEVR_v1.0 python3 start.py`.

Nothing of it is touched before somebody wants to see one of its pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

import film
from film import InputError, PictureFolder, Scene

PICTURES = "FILM_PICTURES"  # environment variable: a CLEVR folder, a packed corpus, or a folder of pictures
KEPT = 1440  # pixels of a large picture's longer side that are kept
THUMBNAIL = (300, 200)


def is_set() -> bool:
    """Was a folder named when the app was started?"""
    return bool(os.environ.get(PICTURES))


def trouble() -> str | None:
    """What keeps the folder from being opened; a large one is listed once, which takes a second."""
    if not is_set():
        return None
    try:
        album()
    except InputError as error:
        return str(error)
    return None


def album() -> PictureFolder:
    """The folder's pictures.

    Raises:
        InputError: no folder was named, or it cannot be read, or it holds none.
    """
    if not is_set():
        raise InputError(
            f"No folder of pictures is open here; start the app with {PICTURES}=FOLDER to have one."
        )
    return _album(os.environ[PICTURES])


@st.cache_resource(show_spinner="Listing the folder's pictures …")
def _album(folder: str) -> PictureFolder:
    return film.open_picture_folder(folder)


def count() -> int:
    """How many pictures the folder has. Raises InputError as `album`."""
    return len(album())


def keys_of(names: Iterable[str], recipe: Mapping[str, Any]) -> dict[str, str]:
    """What views call measured pictures: by their numbers in the open folder, where it was measured.

    Args:
        names: the pictures', as they were measured.
        recipe: of what was measured: `source`, what its folder is called, and `first_picture`. Without the
            latter, as earlier versions kept it, no picture counts as the folder's.
    """
    numbers: dict[str, int] = {}
    first = recipe.get("first_picture")
    if is_set() and first is not None:
        path = os.environ[PICTURES]
        if _was_measured(path, str(recipe["source"]), first["name"], first["hash"]):
            numbers = _numbers(path)
    return {name: f"folder-{numbers[name]}" if name in numbers else name for name in names}


@st.cache_resource(show_spinner=False, max_entries=64)
def _was_measured(folder: str, source: str, first: str, pixels: str) -> bool:
    """Is it the folder that was measured? Made folders share names: one picture must be the same too."""
    try:
        pictures = _album(folder)
        if pictures.path.name != source or (number := _numbers(folder).get(first)) is None:
            return False
        return film.picture_hash(pictures.picture(number)) == pixels
    except InputError:
        return False


@st.cache_resource(show_spinner=False)
def _numbers(folder: str) -> dict[str, int]:
    """The number of each picture, by its file name."""
    pictures = _album(folder)
    return {pictures.name(number): number for number in range(len(pictures))}


@st.cache_resource(show_spinner=False, max_entries=64)
def picture(number: int) -> np.ndarray:
    """A picture of the folder, uint8 (height, width, 3). Raises InputError where it cannot be read."""
    return not_too_large(album().picture(number))


@st.cache_resource(show_spinner="Looking the picture up in the folder's scenes …", max_entries=512)
def scene(number: int) -> Scene | None:
    """What is in it; None where nobody has said. Reads the scenes file as far as that, and only once.

    Raises:
        InputError: the scenes file is damaged.
    """
    return album().scene(number)


@st.cache_resource(show_spinner=False, max_entries=512)
def thumbnail(number: int) -> bytes:
    """A picture of the folder as a small JPEG, its middle where its shape is another. Raises as `picture`."""
    small = film.fit(album().picture(number), *THUMBNAIL)
    Image.fromarray(small).save(file := BytesIO(), "JPEG", quality=85)
    return file.getvalue()


def not_too_large(pixels: np.ndarray) -> np.ndarray:
    """A picture within `KEPT` pixels each way: a photograph would fill the memory and show nothing more."""
    height, width = pixels.shape[:2]
    if max(height, width) <= KEPT:
        return pixels
    scale = KEPT / max(height, width)
    return film.to_size(pixels, max(1, round(width * scale)), max(1, round(height * scale)), "stretch")
