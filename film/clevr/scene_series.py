"""Series of scenes in which one thing changes step by step: an object's color, its place, distractors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from film.clevr.editing import (
    AddObject,
    ChangeAttribute,
    MoveObject,
    check_edit,
    edit_scene,
    rounded_scene,
)
from film.clevr.rules import BOUND, GAP, MOST, newly_broken
from film.clevr.scenes import ATTRIBUTES, Scene, SceneObject
from film.errors import InputError

PLACES = ("line", "circle", "towards")  # the ways along which an object is moved
STEPS = 9  # of a way, if not told


@dataclass(frozen=True)
class SceneSeries:
    """Scenes in the order of what changes.

    `what`: changes, in words. `labels`: of the steps. `problems`: the rules that each step breaks and the
    scene it comes from kept. `original`: the step that is the scene itself, None where none is.
    """

    what: str
    labels: tuple[str, ...]
    scenes: tuple[Scene, ...]
    problems: tuple[tuple[str, ...], ...]
    original: int | None = None

    def __len__(self) -> int:
        return len(self.scenes)


def attribute_series(scene: Scene, index: int, attribute: str) -> SceneSeries:
    """One object, `index` from 0, through all colors, shapes, materials or sizes.

    Raises:
        InputError: there is no such object or attribute.
    """
    thing, scene = _object(scene, index), rounded_scene(scene)
    if attribute not in ATTRIBUTES:
        raise InputError(f"{attribute!r} is no attribute; choose from {', '.join(ATTRIBUTES)}.")
    values = ATTRIBUTES[attribute]
    scenes = [edit_scene(scene, ChangeAttribute(index, attribute, value)) for value in values]
    return _series(
        scene, f"{attribute} of the {thing}", values, scenes, values.index(getattr(thing, attribute))
    )


def line_series(scene: Scene, index: int, end: tuple[float, float], steps: int = STEPS) -> SceneSeries:
    """One object from where it stands straight to another place, (x, y)."""
    thing = _object(scene, index)
    ways = np.linspace((thing.x, thing.y), end, _several(steps))
    return _moved(scene, index, f"way of the {thing} to ({end[0]:g}, {end[1]:g})", ways)


def circle_series(
    scene: Scene, index: int, centre: tuple[float, float] = (0.0, 0.0), steps: int = STEPS
) -> SceneSeries:
    """One object once around a point, (x, y), at the distance at which it stands."""
    thing = _object(scene, index)
    away = np.array([thing.x - centre[0], thing.y - centre[1]])
    turns = np.linspace(0, 2 * math.pi, _several(steps), endpoint=False)
    ways = np.stack(
        [
            centre[0] + math.hypot(*away) * np.cos(turns + math.atan2(away[1], away[0])),
            centre[1] + math.hypot(*away) * np.sin(turns + math.atan2(away[1], away[0])),
        ],
        axis=1,
    )
    return _moved(scene, index, f"turn of the {thing} around ({centre[0]:g}, {centre[1]:g})", ways)


def towards_series(scene: Scene, index: int, other: int, steps: int = STEPS) -> SceneSeries:
    """One object from where it stands to another, up to the gap that CLEVR leaves.

    Raises:
        InputError: there is no such object, or both are the same.
    """
    thing, target = _object(scene, index), _object(scene, other)
    if index == other:
        raise InputError("An object cannot come nearer to itself; choose another to move it to.")
    away = np.array([thing.x - target.x, thing.y - target.y])
    far = math.hypot(*away)
    near = min(far, thing.radius + target.radius + GAP)
    end = np.array([target.x, target.y]) + away * (near / far if far else 0.0)
    ways = np.linspace((thing.x, thing.y), end, _several(steps))
    return _moved(scene, index, f"way of the {thing} to the {target}", ways)


def distractor_series(scene: Scene, seed: int = 0, most: int = MOST) -> SceneSeries:
    """Objects added one by one, drawn as CLEVR draws them, until there are `most` or no room is left."""
    rng, scene = np.random.default_rng(seed), rounded_scene(scene)
    scenes, labels = [scene], ["as it is"]
    while len(scenes[-1].objects) < most:
        values = {name: str(rng.choice(of)) for name, of in ATTRIBUTES.items()}
        x, y, rotation = rng.uniform(-BOUND, BOUND), rng.uniform(-BOUND, BOUND), rng.uniform(0, 360)
        added = SceneObject(x=float(x), y=float(y), rotation=float(rotation), **values)  # type: ignore[arg-type]
        checked = check_edit(scenes[-1], AddObject(added))
        after = checked.nearest if checked.problems else checked.scene
        if after is None:
            break
        scenes.append(after)
        labels.append(f"+ {added}")
    return _series(scene, "distractors added one by one", labels, scenes, 0)


def opposite_series(scene: Scene, index: int, steps: int = STEPS) -> SceneSeries:
    """One object from where it stands straight through the middle to the opposite place."""
    thing = _object(scene, index)
    return line_series(scene, index, (-thing.x, -thing.y), steps)


def nearest_series(scene: Scene, index: int, steps: int = STEPS) -> SceneSeries:
    """One object from where it stands to the object nearest to it.

    Raises:
        InputError: there is no such object, or no other.
    """
    here = _object(scene, index)
    others = [number for number in range(len(scene.objects)) if number != index]
    if not others:
        raise InputError("There is no other object to move this one to; add one.")

    def distance(other: int) -> float:
        return math.hypot(scene.objects[other].x - here.x, scene.objects[other].y - here.y)

    return towards_series(scene, index, min(others, key=distance), steps)


def some_series(scene: Scene, index: int, way: str) -> SceneSeries:
    """A series by its name in SERIES.

    Raises:
        InputError: there is no such series or object, or the scene does not allow it.
    """
    if way not in SERIES:
        raise InputError(f"The series {way!r} was asked for; use {', '.join(SERIES)}.")
    return SERIES[way][1](scene, index)


def _moved(scene: Scene, index: int, what: str, ways: np.ndarray) -> SceneSeries:
    scene = rounded_scene(scene)
    scenes = [edit_scene(scene, MoveObject(index, float(x), float(y))) for x, y in ways]
    return _series(scene, what, [f"{x:.2f}, {y:.2f}" for x, y in ways], scenes, 0)


def _series(
    scene: Scene, what: str, labels: Sequence[str], scenes: Sequence[Scene], original: int
) -> SceneSeries:
    broken = tuple(newly_broken(scene, step) for step in scenes)
    return SceneSeries(what, tuple(labels), tuple(scenes), broken, original)


def _object(scene: Scene, index: int) -> SceneObject:
    if not 0 <= index < len(scene.objects):
        raise InputError(f"There is no object {index}; the scene has {len(scene.objects)}.")
    return replace(scene.objects[index], pixel=None)


def _several(steps: int) -> int:
    if not 2 <= steps <= 60:
        raise InputError(f"{steps} steps were asked for; use 2 to 60.")
    return steps


def _through(attribute: str) -> Callable[[Scene, int], SceneSeries]:
    return lambda scene, index: attribute_series(scene, index, attribute)


# The series by name, each in words and made of a scene and an object in it.
SERIES: dict[str, tuple[str, Callable[[Scene, int], SceneSeries]]] = {
    **{name: (f"through every {name}", _through(name)) for name in ATTRIBUTES},
    "circle": ("once around the middle", circle_series),
    "line": ("straight to the opposite place", opposite_series),
    "towards": ("towards the nearest object", nearest_series),
    "distractors": ("objects added one by one", lambda scene, _: distractor_series(scene)),
}
