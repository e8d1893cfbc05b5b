"""Scenes and objects as immutable values, in CLEVR v1.0 terms.

Lengths are in world units (Blender units), the ground is z = 0, z points up. Everything a
picture needs is in the scene: the objects and the `View`, which holds what the official format
leaves out, the jittered camera and lamps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from film.clevr.json_values import brief, finite
from film.errors import InputError

SIZES = ("small", "large")
COLORS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
MATERIALS = ("rubber", "metal")
SHAPES = ("cube", "sphere", "cylinder")
RELATIONS = ("left", "right", "behind", "front")

# The order in which CLEVR speaks of them: "small red metal cube".
ATTRIBUTES = {"size": SIZES, "color": COLORS, "material": MATERIALS, "shape": SHAPES}

RADIUS = {"large": 0.7, "small": 0.35}

# Ground directions of the *unjittered* camera: the generator reads them before it moves the
# camera, so they are the same in every scene.
BEHIND = (-0.754490315914154, 0.6563112735748291, 0.0)
LEFT = (-0.6563112735748291, -0.7544902563095093, 0.0)
DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "left": LEFT,
    "right": tuple(-c for c in LEFT),  # type: ignore[dict-item]
    "behind": BEHIND,
    "front": tuple(-c for c in BEHIND),  # type: ignore[dict-item]
    "above": (0.0, 0.0, 1.0),
    "below": (0.0, 0.0, -1.0),
}
RELATION_MARGIN = 0.2  # j is <rel> of i when (p_j - p_i) . direction exceeds this

WIDTH, HEIGHT = 480, 320  # the released pictures

Relationships = dict[str, tuple[tuple[int, ...], ...]]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class SceneObject:
    """One object standing on the ground.

    `x`, `y`: its centre on the ground. `rotation`: the number in [0, 360) that CLEVR stores and,
    against its own documentation, uses as *radians*. `pixel`: its centre in the picture the
    scene file belongs to (column, row, depth in world units), None when no picture is known.
    """

    shape: str
    size: str
    material: str
    color: str
    x: float
    y: float
    rotation: float = 0.0
    pixel: tuple[int, int, float] | None = None

    def __post_init__(self) -> None:
        for attribute, values in ATTRIBUTES.items():
            value = getattr(self, attribute)
            if value not in values:
                raise InputError(
                    f"An object has the {attribute} {brief(value)}, which CLEVR does not know; "
                    f"use one of {', '.join(values)}."
                )
        for name in ("x", "y", "rotation"):
            value = getattr(self, name)
            if not finite(value):
                raise InputError(f"An object has {name} = {brief(value)}; give a finite number.")

    @property
    def radius(self) -> float:
        """Half the object's height, and its height above the ground."""
        return RADIUS[self.size]

    def __str__(self) -> str:
        return f"{self.size} {self.color} {self.material} {self.shape}"


@dataclass(frozen=True)
class View:
    """Where the camera and the three area lamps stand; all of them look at the origin.

    The defaults are CLEVR's base positions, before jitter.
    """

    camera: Vector = (7.481132, -6.507640, 5.343665)
    key: Vector = (6.446710, -2.905175, 4.258398)
    fill: Vector = (-4.671124, -4.013597, 3.011225)
    back: Vector = (-1.168501, 2.646024, 5.815737)

    def __post_init__(self) -> None:
        for name, position in vars(self).items():
            if len(position) != 3 or not all(map(math.isfinite, position)):
                raise InputError(f"The {name} stands at {position!r}; give three finite numbers.")
            if not any(position):
                raise InputError(f"The {name} stands at the origin, at which it is to look; move it.")


@dataclass(frozen=True)
class Scene:
    """Objects, the view on them, and their spatial relations.

    `relationships[rel][i]` holds the sorted indices of the objects that are <rel> of object i.
    They follow from the positions unless a file says otherwise (`given_relationships`).
    """

    objects: tuple[SceneObject, ...]
    view: View = field(default_factory=View)
    index: int = 0
    split: str = "new"
    filename: str = ""
    given_relationships: Relationships | None = field(default=None, compare=False, repr=False)

    @cached_property
    def relationships(self) -> Relationships:
        return self.given_relationships or relationships_of(self.objects)

    def replaced(self, **changes: Any) -> Scene:
        """A copy with other fields; relations are derived anew when the objects change."""
        if "objects" in changes:
            changes.setdefault("given_relationships", None)
        return replace(self, **changes)

    def located(self, width: int = WIDTH, height: int = HEIGHT) -> Scene:
        """The same scene with every object's `pixel` for a picture of that size."""
        centres = project(self.view, [(o.x, o.y, o.radius) for o in self.objects], width, height)
        objects = tuple(
            replace(thing, pixel=(round(float(u)), round(float(v)), float(depth)))
            for thing, (u, v, depth) in zip(self.objects, centres, strict=True)
        )
        return replace(self, objects=objects)


def relationships_of(objects: Sequence[SceneObject]) -> Relationships:
    """Spatial relations from ground positions alone, as CLEVR computes them."""

    def related(direction: Vector, i: int) -> tuple[int, ...]:
        here = objects[i]
        return tuple(
            j
            for j, there in enumerate(objects)
            if j != i
            and (there.x - here.x) * direction[0] + (there.y - here.y) * direction[1] > RELATION_MARGIN
        )

    return {
        relation: tuple(related(DIRECTIONS[relation], i) for i in range(len(objects)))
        for relation in RELATIONS
    }


# --- the camera -----------------------------------------------------------------------------------

FOCAL = 35 / 32  # focal length in picture widths


def camera_axes(position: Vector) -> np.ndarray:
    """Right, up and backward of a camera (or lamp) that looks at the origin, z up: rows of (3, 3)."""
    backward = np.asarray(position, float) / np.linalg.norm(position)
    level = math.hypot(backward[0], backward[1])
    right = np.array([-backward[1], backward[0], 0]) / level if level > 1e-9 else np.array([1.0, 0, 0])
    return np.stack([right, np.cross(backward, right), backward])


def project(
    view: View, points: Sequence[Vector] | np.ndarray, width: int = WIDTH, height: int = HEIGHT
) -> np.ndarray:
    """Column, row (pixels, from the upper left corner) and depth of points in the world.

    `points`: (n, 3), world units; returns float (n, 3).
    """
    relative = np.asarray(points, float).reshape(-1, 3) - np.asarray(view.camera, float)
    x, y, backward = (relative @ camera_axes(view.camera).T).T  # (n,) each
    focal = FOCAL * max(width, height)
    return np.stack([width / 2 - focal * x / backward, height / 2 + focal * y / backward, -backward], axis=1)


def camera_from_pixels(scene: Scene, width: int, height: int) -> Vector | None:
    """Where the camera of a picture stood, from where its objects' centres are in it.

    CLEVR's files leave the camera out, but `pixel` has a depth with many digits. None where fewer than
    three objects have a `pixel`, or where no place near the usual one explains them.
    """
    known = [thing for thing in scene.objects if thing.pixel is not None]
    if len(known) < 3:
        return None
    points = np.array([(thing.x, thing.y, thing.radius) for thing in known])
    seen = np.array([thing.pixel for thing in known], float)  # (n, 3)
    # A pixel is rounded to whole numbers, a depth is not.
    weight = np.array([1 / width, 1 / width, 100.0])

    def residual(camera: np.ndarray) -> np.ndarray:
        x, y, z = camera.tolist()
        found: np.ndarray = ((project(View((x, y, z)), points, width, height) - seen) * weight).ravel()
        return found

    camera = np.array(View().camera)
    for _ in range(20):  # Gauss and Newton, with slopes by differences
        here = residual(camera)
        slopes = np.stack([(residual(camera + step) - here) / 1e-5 for step in np.eye(3) * 1e-5], axis=1)
        camera = camera - np.linalg.lstsq(slopes, here, rcond=None)[0]
    if not np.isfinite(camera).all() or np.abs(camera - View().camera).max() > 0.51:
        return None
    if np.abs(residual(camera).reshape(-1, 3) / weight)[:, :2].max() > 1:
        return None
    x, y, z = camera.tolist()
    return x, y, z
