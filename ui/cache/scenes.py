"""Pictures of edited scenes: a preview at once, the clean one drawn behind the scenes, each kept by its text.

Both are the same bytes whoever draws them, so a link shows somebody else the same picture.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from threading import Condition, Thread

import numpy as np
import streamlit as st

import film
from analysis import PictureKey
from film import Cancelled, InputError, Scene
from ui.cache import folder

MOST_KEPT, MOST_WANTED = 96, 32  # clean pictures; scenes that wait to be drawn


class _Painter:
    """Draws clean pictures, the scene asked for last first; a newer wish stops the picture in the making."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self.wanted: OrderedDict[str, None] = OrderedDict()  # the last first
        self.news = Condition()
        Thread(target=self._draw, daemon=True).start()

    def ask(self, text: str) -> np.ndarray | None:
        """The clean picture if it is there; otherwise it is wanted from now on."""
        with self.news:
            if text in self.kept:
                self.kept.move_to_end(text)
                return self.kept[text]
            if text not in self.wanted:
                self.wanted[text] = None
                self.wanted.move_to_end(text, last=False)
                while len(self.wanted) > MOST_WANTED:
                    self.wanted.popitem()
                self.news.notify()
            return None

    def _is_overtaken(self, text: str) -> bool:
        with self.news:  # visitors add their wishes meanwhile
            return next(iter(self.wanted), "") != text

    def _draw(self) -> None:
        while True:
            with self.news:
                self.news.wait_for(lambda: bool(self.wanted))
                text = next(iter(self.wanted))
            try:
                picture = film.scene_picture(
                    film.scene_from_text(text), cancel=partial(self._is_overtaken, text)
                )
            except Cancelled:
                continue  # the newer one first
            except InputError:
                picture = None
            except RuntimeError as error:
                if "shutdown" in str(error):
                    return  # the app ends: no pool takes work any more
                raise
            with self.news:
                self.wanted.pop(text, None)
                if picture is not None:
                    self.kept[text] = picture
                while len(self.kept) > MOST_KEPT:
                    self.kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _painter() -> _Painter:
    return _Painter()


def clean(text: str) -> np.ndarray | None:
    """The clean picture of a scene's text, uint8 (320, 480, 3); None while it is drawn."""
    return _painter().ask(text)


@st.cache_resource(show_spinner=False, max_entries=256)
def preview(text: str, seed: int = 0) -> np.ndarray:
    """The preview of a scene's text, uint8 (160, 240, 3), in a fraction of a second."""
    return film.scene_picture(film.scene_from_text(text), "preview", seed=seed)


def is_drawn(key: str) -> bool:
    """Is this picture as clean as it gets? Those of other kinds always are."""
    parsed = PictureKey.parse(key)
    return parsed is None or parsed.kind != "scene" or clean(parsed.scene) is not None


@st.cache_resource(show_spinner=False, max_entries=256)
def problems(text: str) -> tuple[str, ...]:
    """The rules of CLEVR that a scene breaks."""
    return film.problems(film.scene_from_text(text))


@st.cache_resource(show_spinner=False, max_entries=64)
def of_folder(number: int) -> tuple[Scene | None, bool]:
    """The scene of a picture in the folder as it is edited, and whether its camera was found.

    Raises:
        InputError: the scenes file is damaged, or the scene cannot be drawn.
    """
    scene = folder.scene(number)
    if scene is None:
        return None, False
    height, width = folder.picture(number).shape[:2]
    camera = film.camera_from_pixels(scene, width, height)
    if camera is not None:
        scene = scene.replaced(view=film.View(camera, scene.view.key, scene.view.fill, scene.view.back))
    return film.drawable(film.rounded_scene(scene)), camera is not None
