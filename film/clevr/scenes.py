"""Scenes and objects as immutable values, in CLEVR v1.0 terms.

Lengths are in world units (Blender units), the ground is z = 0, z points up. Everything a
picture needs is in the scene: the objects and the `View`, which holds what the official format
leaves out, the jittered camera and lamps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from film.clevr.json_stream import stream_items
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

# The rules by which CLEVR draws scenes; lengths in world units.
FEWEST, MOST = 3, 10  # objects
BOUND = 3.0  # |x| and |y| of every object
GAP = 0.25  # between two objects, each taken as a disc of its radius
CLEAR = 0.4  # along both relation axes, so that every relation is certain
VISIBLE = 200  # pixels that must show of every object
TRIES = 50  # positions tried for one object before the layout is given up
WIDTH, HEIGHT = 480, 320  # the released pictures

# CLEVR-CoGenT: the colors a shape may have in condition A; spheres have all, B swaps the other two.
_WARM, _COOL = ("gray", "blue", "brown", "yellow"), ("red", "green", "purple", "cyan")
COGENT = {
    "A": {"cube": _WARM, "sphere": COLORS, "cylinder": _COOL},
    "B": {"cube": _COOL, "sphere": COLORS, "cylinder": _WARM},
}
_CAMERA_JITTER, _LAMP_JITTER = 0.5, 1.0

Relationships = dict[str, tuple[tuple[int, ...], ...]]
Vector = tuple[float, float, float]
Rule = tuple[str | int, ...]  # a rule and the objects it is about


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

    # Edits return a new scene. They raise InputError, saying why, when the edit breaks a rule of
    # CLEVR that was kept before; `check=False` makes the edit anyway.

    def adding(self, thing: SceneObject, *, check: bool = True) -> Scene:
        """The scene with one more object, as the last."""
        return self._checked(self.replaced(objects=(*self.objects, thing)), check)

    def removing(self, index: int, *, check: bool = True) -> Scene:
        """The scene without one object; those after it move up by one."""
        self._must_have(index)
        after = self.replaced(objects=self.objects[:index] + self.objects[index + 1 :])
        if check and len(after.objects) < FEWEST:  # no other rule is broken by taking away
            raise InputError(after.problems(visibility=False)[0])
        return after

    def changing(self, index: int, *, check: bool = True, **changes: Any) -> Scene:
        """The scene with an object moved (x, y, rotation) or changed (shape, size, material, color)."""
        self._must_have(index)
        known = (*ATTRIBUTES, "x", "y", "rotation")
        if unknown := [name for name in changes if name not in known]:
            raise InputError(f"An object has no {unknown[0]!r} to change; it has {', '.join(known)}.")
        thing = replace(self.objects[index], **changes, pixel=None)
        changed = (*self.objects[:index], thing, *self.objects[index + 1 :])
        return self._checked(self.replaced(objects=changed), check)

    def problems(
        self, width: int = WIDTH, height: int = HEIGHT, *, visibility: bool = True
    ) -> tuple[str, ...]:
        """Which rules of CLEVR the scene breaks, a sentence each; empty when it keeps them all.

        `visibility=False` leaves out whether every object shows in a width x height picture.
        """
        return tuple(self._broken_rules(width, height, visibility).values())

    def located(self, width: int = WIDTH, height: int = HEIGHT) -> Scene:
        """The same scene with every object's `pixel` for a picture of that size."""
        centres = project(self.view, [(o.x, o.y, o.radius) for o in self.objects], width, height)
        objects = tuple(
            replace(thing, pixel=(round(float(u)), round(float(v)), float(depth)))
            for thing, (u, v, depth) in zip(self.objects, centres, strict=True)
        )
        return replace(self, objects=objects)

    def _broken_rules(self, width: int, height: int, visibility: bool) -> dict[Rule, str]:
        broken = dict(_layout_problems(self.objects))
        if visibility and self.objects:
            broken |= dict(_visibility_problems(self, width, height))
        return broken

    def _checked(self, after: Scene, check: bool) -> Scene:
        if check and (broken := after._broken_rules(WIDTH, HEIGHT, True)):
            before = self._broken_rules(WIDTH, HEIGHT, True)
            for rule, problem in broken.items():
                if rule not in before:
                    raise InputError(problem)
        return after

    def _must_have(self, index: int) -> None:
        if not 0 <= index < len(self.objects):
            raise InputError(
                f"There is no object {index}; the scene has objects 0 to {len(self.objects) - 1}."
            )


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


# --- the rules ------------------------------------------------------------------------------------


def _layout_problems(objects: Sequence[SceneObject]) -> Iterator[tuple[Rule, str]]:
    if not FEWEST <= len(objects) <= MOST:
        count = len(objects)
        yield ("count",), f"A CLEVR scene has {FEWEST} to {MOST} objects, this one would have {count}."
    for i, thing in enumerate(objects):
        for axis in ("x", "y"):
            if abs(place := getattr(thing, axis)) > BOUND:
                yield (
                    ("bound", axis, i),
                    f"The {thing} would stand at {axis} = {place:.2f}, out of bounds; "
                    f"keep it between {-BOUND:g} and {BOUND:g}.",
                )
        for j, other in enumerate(objects[:i]):
            gap = math.hypot(thing.x - other.x, thing.y - other.y) - thing.radius - other.radius
            if gap < GAP:
                yield (
                    ("gap", i, j),
                    f"The {thing} would be too close to the {other}: {max(gap, 0):.2f} between them, "
                    f"leave at least {GAP:g}.",
                )
            for direction, words in ((_LEFT, "left or right of"), (_BEHIND, "behind or in front of")):
                apart = abs((thing.x - other.x) * direction[0] + (thing.y - other.y) * direction[1])
                if apart < CLEAR:
                    yield (
                        ("relation", words, i, j),
                        f"It would be ambiguous whether the {thing} is {words} the {other}: they are "
                        f"{apart:.2f} apart that way, leave at least {CLEAR:g}.",
                    )


def _visibility_problems(scene: Scene, width: int, height: int) -> Iterator[tuple[Rule, str]]:
    from film.clevr.rendering.render import visible_pixels  # imported late: render builds on this module

    shown = visible_pixels(scene, width, height)  # (n,)
    for i, (thing, pixels) in enumerate(zip(scene.objects, shown, strict=True)):
        if pixels < VISIBLE:
            yield (
                ("hidden", i),
                f"The {thing} would be hidden: {pixels} of its pixels show at {width}x{height}, "
                f"let at least {VISIBLE} show.",
            )


# --- sampling -------------------------------------------------------------------------------------


def sample_scene(
    rng: np.random.Generator,
    *,
    condition: str | None = None,
    count: int | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
    visibility: bool = True,
) -> Scene:
    """A scene drawn by CLEVR's rules (Johnson et al. 2017, section 3.1), the same for the same rng.

    `condition`: "A" or "B" of CLEVR-CoGenT. `count`: how many objects, drawn from 3 to 10 when None.
    `width`, `height`: the picture size at which every object must show at least 200 pixels;
    `visibility=False` skips that test.
    """
    if condition not in (None, *COGENT):
        raise InputError(f"The condition {condition!r} was asked for; use A or B, or none.")
    if count is not None and not FEWEST <= count <= MOST:
        raise InputError(f"A scene of {count} objects was asked for; CLEVR has {FEWEST} to {MOST}.")
    if width < 1 or height < 1:
        raise InputError(f"A picture size of {width}x{height} was asked for; both must be at least 1.")
    if visibility and width * height < 4 * VISIBLE * MOST:
        raise InputError(
            f"In a picture of {width}x{height} no scene could show {VISIBLE} pixels of every object; "
            "ask for a larger picture, or leave the visibility test out."
        )
    drawn = int(rng.integers(FEWEST, MOST + 1)) if count is None else count
    view = _jittered_view(rng)
    while True:
        objects = _draw_objects(rng, drawn, condition)
        if objects is None:
            continue
        scene = Scene(objects, view)
        if not visibility or not any(_visibility_problems(scene, width, height)):
            return scene.located(width, height)


def _jittered_view(rng: np.random.Generator) -> View:
    def jittered(position: Vector, by: float) -> Vector:
        x, y, z = (c + float(j) for c, j in zip(position, rng.uniform(-by, by, 3), strict=True))
        return x, y, z

    base = View()
    camera = jittered(base.camera, _CAMERA_JITTER)
    key, back, fill = (jittered(lamp, _LAMP_JITTER) for lamp in (base.key, base.back, base.fill))
    return View(camera, key=key, fill=fill, back=back)


def _draw_objects(
    rng: np.random.Generator, count: int, condition: str | None
) -> tuple[SceneObject, ...] | None:
    """`count` objects that keep the layout rules, or None when one found no place."""

    def draw(values: Sequence[str]) -> str:
        return values[int(rng.integers(len(values)))]

    objects: list[SceneObject] = []
    for _ in range(count):
        size = draw(SIZES)
        for x, y in rng.uniform(-BOUND, BOUND, (TRIES, 2)).tolist():
            if all(_keeps_apart(x, y, RADIUS[size], other) for other in objects):
                break
        else:
            return None
        shape = draw(SHAPES)
        color = draw(COGENT[condition][shape] if condition else COLORS)
        rotation = float(rng.uniform(0, 360))
        objects.append(SceneObject(shape, size, draw(MATERIALS), color, x, y, rotation))
    return tuple(objects)


def _keeps_apart(x: float, y: float, radius: float, other: SceneObject) -> bool:
    dx, dy = x - other.x, y - other.y
    return (
        math.hypot(dx, dy) - radius - other.radius >= GAP
        and abs(dx * _LEFT[0] + dy * _LEFT[1]) >= CLEAR
        and abs(dx * _BEHIND[0] + dy * _BEHIND[1]) >= CLEAR
    )


# --- CLEVR v1.0 JSON ------------------------------------------------------------------------------


def scene_to_json(scene: Scene) -> dict[str, Any]:
    """A scene as in CLEVR's files, and under `view` the camera and lamps, which CLEVR leaves out."""
    return {
        "split": scene.split,
        "image_index": scene.index,
        "image_filename": scene.filename,
        "objects": [_object_to_json(thing) for thing in scene.objects],
        "directions": {name: list(vector) for name, vector in DIRECTIONS.items()},
        "relationships": {
            name: [list(related) for related in lists] for name, lists in scene.relationships.items()
        },
        "view": {name: list(position) for name, position in asdict(scene.view).items()},
    }


def _object_to_json(thing: SceneObject) -> dict[str, Any]:
    item: dict[str, Any] = {name: getattr(thing, name) for name in ("shape", "size", "material", "color")}
    item["3d_coords"] = [thing.x, thing.y, thing.radius]
    item["rotation"] = thing.rotation
    if thing.pixel is not None:
        item["pixel_coords"] = list(thing.pixel)
    return item


def scene_from_json(item: Any) -> Scene:
    """A scene of a CLEVR file.

    The file's own relationships are kept where it gives them. Estimated scenes
    (`position_right_front_z`, `relationships_estimated`) are read as well. Raises InputError saying
    where in the scene something is wrong.
    """
    if not isinstance(item, dict):
        raise InputError(f"A scene is {_shown(item)}; expected a JSON object with a list 'objects'.")
    listed = item.get("objects")
    if not isinstance(listed, list):
        raise InputError(f"A scene's 'objects' is {_shown(listed)}; expected a list of objects.")
    objects = []
    for number, thing in enumerate(listed):
        try:
            objects.append(_object_from_json(thing))
        except InputError as error:
            raise InputError(f"object {number}: {error}") from None
    index = item.get("image_index", 0)
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise InputError(f"A scene's 'image_index' is {_shown(index)}; expected a whole number from 0 on.")
    split = _text(item, "split", "new")
    return Scene(
        objects=tuple(objects),
        view=_view_from_json(item["view"]) if "view" in item else View(),
        index=index,
        split=split,
        filename=_text(item, "image_filename", f"CLEVR_{split}_{index:06d}.png"),
        given_relationships=_relationships_from_json(
            item.get("relationships", item.get("relationships_estimated")), len(objects)
        ),
    )


def read_scenes(path: str | Path) -> list[Scene]:
    """The scenes of a CLEVR scenes file, in file order. Raises InputError naming file and scene."""
    path = Path(path)
    scenes = []
    for number, item in enumerate(stream_items(path, "scenes")):
        try:
            scenes.append(scene_from_json(item))
        except InputError as error:
            raise InputError(f"Scene {number} of {path}: {error}") from None
    return scenes


def write_scenes(path: str | Path, scenes: Iterable[Scene], split: str = "new") -> None:
    """Write a CLEVR v1.0 scenes file, one scene a line; the scenes are numbered as they come."""
    lines = []
    for index, scene in enumerate(scenes):
        named = scene.replaced(index=index, split=split, filename=f"CLEVR_{split}_{index:06d}.png")
        lines.append(json.dumps(scene_to_json(named)))
    info = json.dumps({"split": split, "version": "1.0"})
    try:
        Path(path).write_text(f'{{"info": {info}, "scenes": [\n' + ",\n".join(lines) + "\n]}\n", "utf-8")
    except OSError as error:
        raise InputError(f"The file {path} cannot be written ({error.strerror}); check the folder.") from None


def _object_from_json(item: Any) -> SceneObject:
    if not isinstance(item, dict):
        raise InputError(f"An object is {_shown(item)}; expected a JSON object.")
    for attribute in ATTRIBUTES:
        if attribute not in item:
            raise InputError(f"An object has no {attribute!r}; CLEVR's objects have {', '.join(ATTRIBUTES)}.")
    if "3d_coords" in item:
        x, y = _numbers(item["3d_coords"], "3d_coords", at_least=2)[:2]
    elif "position_right_front_z" in item:
        to_right, to_front = _numbers(item["position_right_front_z"], "position_right_front_z", at_least=2)[
            :2
        ]
        right, front = DIRECTIONS["right"], DIRECTIONS["front"]
        x, y = (to_right * right[k] + to_front * front[k] for k in (0, 1))
    else:
        raise InputError("An object has no '3d_coords'; expected its position [x, y, z].")
    pixel = None
    if item.get("pixel_coords") is not None:
        u, v, depth = _numbers(item["pixel_coords"], "pixel_coords", at_least=3)[:3]
        pixel = (round(u), round(v), depth)
    return SceneObject(
        **{attribute: item[attribute] for attribute in ATTRIBUTES},
        x=x,
        y=y,
        rotation=item.get("rotation", 0.0),
        pixel=pixel,
    )


def _relationships_from_json(given: Any, count: int) -> Relationships | None:
    if given is None:
        return None
    if not isinstance(given, dict) or not set(RELATIONS) <= set(given):
        raise InputError(f"A scene's 'relationships' is {_shown(given)}; expected {', '.join(RELATIONS)}.")
    relationships = {}
    for relation in RELATIONS:
        lists = given[relation]
        if not isinstance(lists, list) or len(lists) != count:
            raise InputError(
                f"A scene's relationships '{relation}' is {_shown(lists)}; expected {count} lists, "
                "one for each object."
            )
        for i, related in enumerate(lists):
            good = isinstance(related, list) and all(
                isinstance(j, int) and not isinstance(j, bool) and 0 <= j < count and j != i for j in related
            )
            if not good:
                raise InputError(
                    f"A scene's relationships '{relation}' of object {i} is {_shown(related)}; "
                    f"expected a list of other objects' numbers, 0 to {count - 1}."
                )
        relationships[relation] = tuple(tuple(sorted(set(related))) for related in lists)
    return relationships


def _view_from_json(given: Any) -> View:
    names = list(asdict(View()))
    if not isinstance(given, dict) or set(given) != set(names):
        raise InputError(f"A scene's 'view' is {_shown(given)}; expected positions of {', '.join(names)}.")
    positions = {name: tuple(_numbers(given[name], name, at_least=3)[:3]) for name in names}
    return View(**positions)  # type: ignore[arg-type]


def _numbers(given: Any, name: str, at_least: int) -> list[float]:
    good = isinstance(given, list) and len(given) >= at_least
    good = good and all(
        isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in given
    )
    if not good:
        raise InputError(f"{name!r} is {_shown(given)}; expected a list of {at_least} or more numbers.")
    return [float(n) for n in given]


def _text(item: dict[str, Any], name: str, default: str) -> str:
    if not isinstance(value := item.get(name, default), str):
        raise InputError(f"A scene's {name!r} is {_shown(value)}; expected text.")
    return value


def _shown(value: Any) -> str:
    """A value from a file, short enough for a message."""
    if value is None:
        return "missing"
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
