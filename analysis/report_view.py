"""The view that a report is of: what its link says, and its picture with what is known to be in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from analysis.view import PictureKey, ViewState, from_link
from film import (
    InputError,
    PictureFolder,
    Scene,
    gallery,
    open_picture_folder,
    read_picture,
    read_scenes,
    scene_from_text,
    scene_picture,
)


@dataclass(frozen=True, eq=False)
class ReportedPicture:
    """The picture of a view.

    `scene`: what is in it; None where nobody has said. `pixels`: uint8 (height, width, 3).
    """

    title: str
    why: str
    pixels: np.ndarray
    scene: Scene | None


def reported_picture(
    view: ViewState, given: ReportedPicture | None = None
) -> tuple[ViewState, ReportedPicture]:
    """The view and its picture, drawn where it is of an edited scene.

    Args:
        given: the picture of a view that has its maker's own, of a folder or an upload. The gallery's first
            stands in where it is left out; a view without a question gets one.
    """
    asked = view if view.question else replace(view, question="How many things are there?")
    key = PictureKey.parse(view.picture)
    if key is not None and key.kind == "scene":
        scene = scene_from_text(key.scene)
        why = f"{len(scene.objects)} objects, drawn from the scene."
        return asked, ReportedPicture("An edited scene", why, drawn_scene(key.scene), scene)
    if given is not None and (key is None or key.kind != "gallery"):
        return asked, given
    number = key.number if key is not None and key.kind == "gallery" else None
    exhibit = gallery()[number or 0]
    if not view.question:
        first = min((question.text for question in exhibit.questions), key=len, default="")
        view = replace(view, question=first)
    pixels = read_picture(exhibit.picture_path)
    return view, ReportedPicture(exhibit.title, exhibit.why, pixels, exhibit.scene)


def view_of(
    link: str, weights: str, *, folder: str | Path | None = None, picture: str | Path | None = None
) -> tuple[ViewState, tuple[str, ...], ReportedPicture | None]:
    """The view that the app's address names, what cannot be had of it, and its picture where it is given.

    Args:
        link: the address, whole or from its "?" on.
        folder: of the pictures that the app had open, for a link to one of them.
        picture: a file, for a link to an upload, which cannot carry it.

    Raises:
        InputError: the folder or the picture cannot be read.
    """
    asked = dict(parse_qsl(link.partition("?")[2] or link.removeprefix("?")))
    if picture is not None:
        asked.pop("picture", None)
    album = None if folder is None else open_picture_folder(folder)
    in_folder = {} if album is None else {"in_folder": partial(len, album)}
    view, remarks = from_link(asked, weights, len(gallery()), ViewState(), **in_folder)
    if picture is not None:
        return replace(view, picture="upload-file"), remarks, file_picture(picture)
    key = PictureKey.parse(view.picture)
    if album is not None and key is not None and key.kind == "folder" and key.number is not None:
        return view, remarks, folder_picture(album, key.number)
    return view, remarks, None


@lru_cache(maxsize=4)
def drawn_scene(text: str) -> np.ndarray:
    """The clean picture of a scene by its text, uint8 (height, width, 3)."""
    return scene_picture(scene_from_text(text))


def picture_of(name: str, scenes: str | Path | None = None) -> ReportedPicture:
    """A picture by the gallery's key, such as "gallery-7", or else a file (`file_picture`).

    Raises:
        InputError: it cannot be read, or the gallery has no such picture.
    """
    key = PictureKey.parse(name)
    if key is None or key.kind != "gallery" or Path(name).is_file():
        return file_picture(name, scenes)
    if scenes is not None:
        raise InputError(f"The scene of {name} is the gallery's own; leave the scenes file out.")
    if (key.number or 0) >= len(gallery()):
        raise InputError(f"The gallery has no {name}; it has gallery-0 to gallery-{len(gallery()) - 1}.")
    return reported_picture(ViewState(picture=name))[1]


def folder_picture(folder: PictureFolder | str | Path, number: int) -> ReportedPicture:
    """A picture of a CLEVR folder, a packed corpus or a folder of pictures.

    Raises:
        InputError: the folder or the picture cannot be read, or there are not so many.
    """
    album = folder if isinstance(folder, PictureFolder) else open_picture_folder(folder)
    if not 0 <= number < len(album):
        raise InputError(f"There is no picture {number} in {album.path.name}; it has 0 to {len(album) - 1}.")
    why = f"Picture {number} of 0 to {len(album) - 1} in {album.path.name}."
    return ReportedPicture(album.name(number), why, album.picture(number), album.scene(number))


def file_picture(path: str | Path, scenes: str | Path | None = None) -> ReportedPicture:
    """A picture file, with its scene where a CLEVR scenes file has it.

    Args:
        scenes: the file. Its scene of the picture's name is taken, or the only one that there is.

    Raises:
        InputError: a file cannot be read, or holds no scene of this picture.
    """
    pixels, name = read_picture(path), Path(path).name
    scene = None
    if scenes is not None:
        known = read_scenes(scenes)
        fitting = [one for one in known if one.filename == name] or (known if len(known) == 1 else [])
        if not fitting:
            raise InputError(f"{scenes} has no scene of {name}; give the scenes file of this picture.")
        scene = fitting[0]
    return ReportedPicture(name, "A picture file.", pixels, scene)
