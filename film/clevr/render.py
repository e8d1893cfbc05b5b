"""A scene -> its picture in the CLEVR look, and where each object is in it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from film.clevr import tracing
from film.clevr.scenes import COLORS, FOCAL, SHAPES, Scene, SceneObject, View, camera_axes, project
from film.errors import InputError

__all__ = ["object_mask", "project", "visible_pixels"]

# The colours as CLEVR feeds them to its shaders: bytes / 255, taken as linear light.
_BYTES = {
    "gray": (87, 87, 87),
    "red": (173, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 105, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}
ALBEDO = np.array([_BYTES[color] for color in COLORS], np.float32) / 255  # (8, 3), linear
LARGEST = 8192  # pixels each way


def visible_pixels(scene: Scene, width: int = 480, height: int = 320) -> np.ndarray:
    """How many pixels of each object show, by one ray through each pixel's middle: int (n,)."""
    counts = np.bincount(object_mask(scene, width, height).ravel(), minlength=len(scene.objects) + 1)
    return counts[1:]  # (n,)


def object_mask(scene: Scene, width: int = 480, height: int = 320) -> np.ndarray:
    """Which object each pixel's middle shows: uint8 (height, width), 0 for the ground, else number + 1."""
    _check_size(width, height)
    forms, kinds, _ = _forms(scene.objects)
    eye, axes, focal = _camera(scene.view, width, height)
    depths = np.full((height, width), tracing.FAR, np.float32)
    objects = np.zeros((height, width), np.uint8)
    tracing.cast(forms, kinds, eye, axes, focal, depths, objects)
    return objects


def _forms(objects: Sequence[SceneObject]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays that the kernels take: see tracing.py."""
    if len(objects) > 254:
        raise InputError(f"A scene of {len(objects)} objects was given; at most 254 can be drawn.")
    forms = np.zeros((len(objects), tracing.FORM), np.float32)
    kinds = np.array([SHAPES.index(thing.shape) for thing in objects], np.int64)
    metals = np.array([thing.material == "metal" for thing in objects], np.bool_)
    for form, thing, kind in zip(forms, objects, kinds, strict=True):
        yaw = math.fmod(thing.rotation, 2 * math.pi)  # CLEVR takes its 0..360 as radians
        form[:5] = thing.x, thing.y, thing.radius, math.cos(yaw), math.sin(yaw)
        form[5:8] = ALBEDO[COLORS.index(thing.color)]
        form[8] = tracing.BALL_OF_KIND[kind] * thing.radius**2
    return forms, kinds, metals


def _camera(view: View, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """Position, axes (right, up, backward in rows) and focal length in pixels."""
    axes = camera_axes(view.camera).astype(np.float32)
    return np.array(view.camera, np.float32), axes, np.float32(FOCAL * max(width, height))


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
        raise InputError(
            f"A picture size of {width}x{height} was asked for; use 1 to {LARGEST} pixels each way."
        )
