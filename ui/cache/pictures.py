"""The pictures that are here, from wherever they come, behind one interface and one grammar of keys.

A key names a picture in views and links: "gallery-7", "folder-17", "upload-3f2a…", and "scene-" with the
text of an edited scene (`analysis.PictureKey`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

import numpy as np
import streamlit as st
from PIL import Image

import film
from analysis import PictureKey, Truth, find_truth
from film import Exhibit, InputError, Question, Scene
from ui.cache import folder, scenes
from ui.visited import Upload


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """The picture on the page.

    `key`: as in a view. `scene`: None where nobody has said what is in it, as in an upload.
    `remark`: why this one stands in for the one that was asked for. `preview`: the clean one is being drawn.
    """

    key: str
    title: str
    why: str
    pixels: np.ndarray
    scene: Scene | None
    remark: str | None = None
    preview: bool = False


class PictureSource(Protocol):
    """Numbered pictures of one kind; their keys are `kind`-number."""

    kind: str

    def __len__(self) -> int:
        """How many there are. Raises InputError where they cannot be read."""
        ...

    def shown(self, number: int) -> ShownPicture:
        """A picture with what is known of it. Raises InputError where it cannot be read."""
        ...

    def thumbnail(self, number: int) -> bytes:
        """A small JPEG. Raises InputError as `shown`."""
        ...


class GallerySource:
    """The pictures that come with the project; all of their objects are known."""

    kind = "gallery"

    def __len__(self) -> int:
        return len(exhibits())

    def shown(self, number: int, remark: str | None = None) -> ShownPicture:
        exhibit = exhibits()[number]
        key = f"{self.kind}-{number}"
        return ShownPicture(key, exhibit.title, exhibit.why, picture(number), exhibit.scene, remark)

    def thumbnail(self, number: int) -> bytes:
        return thumbnails()[number]


class FolderSource:
    """The pictures of the folder that the app was started with."""

    kind = "folder"

    def __len__(self) -> int:
        return folder.count()

    def shown(self, number: int) -> ShownPicture:
        pictures, pixels = folder.album(), folder.picture(number)
        where = f"Picture {number} of 0 to {len(pictures) - 1} in your folder"
        try:
            scene = folder.scene(number)
            known = "no scene annotation for this picture" if scene is None else "its scene is known"
            why = f"{where}; {known}."
        except InputError as error:
            scene, why = None, f"{where}. {error}"
        return ShownPicture(f"{self.kind}-{number}", pictures.name(number), why, pixels, scene)

    def thumbnail(self, number: int) -> bytes:
        return folder.thumbnail(number)


GALLERY, FOLDER = GallerySource(), FolderSource()
SOURCES: dict[str, PictureSource] = {source.kind: source for source in (GALLERY, FOLDER)}


def shown(key: str, upload: Upload | None) -> ShownPicture:
    """The picture of a view.

    The gallery's first stands in for an upload that this session has not, and for a broken file.
    """
    if upload is not None and key == upload.key:
        why = "Your own picture; no scene annotation for it."
        return ShownPicture(key, upload.name, why, upload.pixels, None)
    parsed = PictureKey.parse(key)
    source, number = _of(key)
    try:
        if parsed is not None and parsed.kind == "scene":
            return edited(parsed.scene)
        if source is None:
            return GALLERY.shown(0)
        return source.shown(number)
    except InputError as error:
        return GALLERY.shown(0, f"{error} Until then a picture of the gallery stands in.")


def edited(text: str, quick: bool = False) -> ShownPicture:
    """The picture of an edited scene: the clean one where it is drawn already, and else a preview.

    Args:
        quick: a preview whether or not there is a clean one.

    Raises:
        InputError: the text is no scene that can be drawn.
    """
    scene = film.scene_from_text(text)
    clean = None if quick else scenes.clean(text)
    count = len(scene.objects)
    why = f"{count} object{'' if count == 1 else 's'}, drawn from the scene."
    pixels = scenes.preview(text) if clean is None else clean
    return ShownPicture(f"scene-{text}", "Drawn scene", why, pixels, scene, preview=clean is None)


def alike(scenes_shown: Sequence[Scene]) -> list[ShownPicture]:
    """Pictures of scenes to be compared: all clean, or previews all as long as one is still drawn.

    Raises:
        InputError: as `edited`.
    """
    texts = [film.scene_to_text(scene) for scene in scenes_shown]
    drawn = [scenes.clean(text) for text in texts]  # all of them are wanted from now on
    return [edited(text, quick=any(picture is None for picture in drawn)) for text in texts]


def scene_of(key: str) -> Scene | None:
    """The scene of a picture as it can be edited; None where nobody has said what is in it.

    Raises:
        InputError: it cannot be read or drawn.
    """
    parsed = PictureKey.parse(key)
    if parsed is not None and parsed.kind == "scene":
        return film.scene_from_text(parsed.scene)
    source, number = _of(key)
    if source is FOLDER:
        return scenes.of_folder(number)[0]
    if source is not None and not is_here(key):
        raise InputError(f"There is no picture {key} here.")
    return None if source is None else film.rounded_scene(exhibits()[number].scene)


def is_here(key: str) -> bool:
    """Whether a key names a picture that can be shown: of the gallery, of the folder, or of a scene."""
    parsed = PictureKey.parse(key)
    if parsed is None or parsed.kind == "upload":
        return False
    return parsed.kind == "scene" or (
        parsed.kind in SOURCES and 0 <= (parsed.number or 0) < _count(parsed.kind)
    )


def _count(kind: str) -> int:
    try:
        return len(SOURCES[kind])
    except InputError:
        return 0


def name(key: str) -> str:
    """What a picture is called in a list: a scene's text would fill the line."""
    return "drawn scene" if key.startswith("scene-") else key


def neighbour(key: str, step: int) -> str:
    """The picture before (-1) or after (1) one where it comes from; the gallery's for an upload."""
    source, number = _of(key)
    try:
        if source is not None:
            return f"{source.kind}-{(number + step) % len(source)}"
    except InputError:  # it was there before; `shown` says what is wrong
        number = 0
    return f"{GALLERY.kind}-{(number + step) % len(GALLERY)}"


def _of(key: str) -> tuple[PictureSource | None, int]:
    """Where a picture comes from, and its number there; None for an upload, which has a hash instead."""
    parsed = PictureKey.parse(key)
    if parsed is None or parsed.number is None:
        return None, 0
    return SOURCES[parsed.kind], parsed.number


def in_folder(key: str) -> int | None:
    """Its number, for a picture of the folder."""
    source, number = _of(key)
    return number if source is FOLDER else None


# --- The gallery ----------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def exhibits() -> tuple[Exhibit, ...]:
    return film.gallery()


@st.cache_resource(show_spinner=False, max_entries=64)
def picture(number: int) -> np.ndarray:
    """A picture of the gallery, uint8 (height, width, 3)."""
    return film.read_picture(exhibits()[number].picture_path)


@st.cache_resource(show_spinner=False)
def thumbnails() -> tuple[bytes, ...]:
    """The gallery's pictures as small JPEGs."""
    found = []
    for exhibit in exhibits():
        with Image.open(exhibit.picture_path) as whole:
            small = whole.convert("RGB").resize(folder.THUMBNAIL, Image.Resampling.LANCZOS)
        small.save(file := BytesIO(), "JPEG", quality=85)
        found.append(file.getvalue())
    return tuple(found)


def another_picture(key: str) -> np.ndarray:
    """A picture to compare with: the gallery's next but two, whose scene is another."""
    source, number = _of(key)
    return picture(((number if source is GALLERY else 0) + 3) % len(GALLERY))


# --- What can be asked about a picture, and what is true of it ------------------------------------


def examples(question_type: str, shown: ShownPicture, count: int = 8) -> tuple[str, ...]:
    """Questions of a type, shortest first, as CLEVR would ask them about a picture.

    About any picture where its scene is not known.
    """
    return _examples(question_type, None if shown.scene is None else shown.key, shown.scene)[:count]


@st.cache_resource(show_spinner=False, max_entries=256)
def _examples(question_type: str, key: str | None, _scene: Scene | None) -> tuple[str, ...]:
    if key is None or _scene is None:
        found = {text for seed in range(3) for text in film.examples(question_type, seed)}
    else:
        found = {q.text for q in _sampled(key, _scene) if film.question_type(q.program) == question_type}
    return tuple(sorted(found, key=lambda text: (len(text), text)))


@st.cache_resource(show_spinner=False, max_entries=64)
def _sampled(key: str, _scene: Scene, rounds: int = 3) -> tuple[Question, ...]:
    sampler = film.QuestionSampler(_of(key)[1])
    return tuple(question for _ in range(rounds) for question in sampler.sample(_scene, len(film.FAMILIES)))


def truth(question: str, shown: ShownPicture | None) -> Truth:
    """What is true of a question about a picture; its form alone about none, or where no scene is known."""
    scene = None if shown is None else shown.scene
    return _truth(question, None if shown is None or scene is None else shown.key, scene)


@st.cache_resource(show_spinner=False, max_entries=512)
def _truth(question: str, key: str | None, _scene: Scene | None) -> Truth:
    return find_truth(question, _scene)
