"""Scenes and objects as immutable values, in CLEVR v1.0 terms.

Lengths are in world units (Blender units), the ground is z = 0, z points up. Everything a
picture needs is in the scene: the objects and the `View`, which holds what the official format
leaves out, the jittered camera and lamps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

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
_BEHIND = (-0.754490315914154, 0.6563112735748291, 0.0)
_LEFT = (-0.6563112735748291, -0.7544902563095093, 0.0)
DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "left": _LEFT,
    "right": tuple(-c for c in _LEFT),  # type: ignore[dict-item]
    "behind": _BEHIND,
    "front": tuple(-c for c in _BEHIND),  # type: ignore[dict-item]
    "above": (0.0, 0.0, 1.0),
    "below": (0.0, 0.0, -1.0),
}
RELATION_MARGIN = 0.2  # j is <rel> of i when (p_j - p_i) . direction exceeds this

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
                    f"An object has the {attribute} {value!r}, which CLEVR does not know; "
                    f"use one of {', '.join(values)}."
                )
        for name in ("x", "y", "rotation"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise InputError(f"An object has {name} = {value!r}; give a finite number.")

    @property
    def radius(self) -> float:
        """Half the object's height, and its height above the ground."""
        return RADIUS[self.size]


@dataclass(frozen=True)
class View:
    """Where the camera and the three area lamps stand; all of them look at the origin.

    The defaults are CLEVR's base positions, before jitter.
    """

    camera: Vector = (7.481132, -6.507640, 5.343665)
    key: Vector = (6.446710, -2.905175, 4.258398)
    fill: Vector = (-4.671124, -4.013597, 3.011225)
    back: Vector = (-1.168501, 2.646024, 5.815737)


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
        relation: tuple(related(DIRECTIONS[relation], i) for i in range(len(objects))) for relation in RELATIONS
    }
