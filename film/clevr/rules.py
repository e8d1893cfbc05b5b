"""The rules by which CLEVR draws scenes: which ones a scene breaks, edits that keep them, and sampling.

Johnson et al. 2017, section 3.1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from film.clevr.scenes import (
    ATTRIBUTES,
    BEHIND,
    COLORS,
    HEIGHT,
    LEFT,
    MATERIALS,
    RADIUS,
    SHAPES,
    SIZES,
    WIDTH,
    Scene,
    SceneObject,
    Vector,
    View,
)
from film.errors import InputError

# Lengths in world units.
FEWEST, MOST = 3, 10  # objects
BOUND = 3.0  # |x| and |y| of every object
GAP = 0.25  # between two objects, each taken as a disc of its radius
CLEAR = 0.4  # along both relation axes, so that every relation is certain
DISTANCES = {"bound": BOUND, "gap": GAP, "clear": CLEAR}
VISIBLE = 200  # pixels that must show of every object
TRIES = 50  # positions tried for one object before the layout is given up
_STEP = 0.05  # between the places that are tried for an object that can not stand where it was put

# CLEVR-CoGenT: the colors a shape may have in condition A; spheres have all, B swaps the other two.
_WARM, _COOL = ("gray", "blue", "brown", "yellow"), ("red", "green", "purple", "cyan")
COGENT = {
    "A": {"cube": _WARM, "sphere": COLORS, "cylinder": _COOL},
    "B": {"cube": _COOL, "sphere": COLORS, "cylinder": _WARM},
}
CAMERA_JITTER, LAMP_JITTER = 0.5, 1.0  # along each axis, either way

Rule = tuple[str | int, ...]  # a rule and the objects it is about


def problems(
    scene: Scene, width: int = WIDTH, height: int = HEIGHT, *, visibility: bool = True
) -> tuple[str, ...]:
    """Which rules of CLEVR a scene breaks, a sentence each; empty when it keeps them all.

    `visibility=False` leaves out whether every object shows in a width x height picture.
    """
    return tuple(_broken_rules(scene, width, height, visibility).values())


# --- edits ----------------------------------------------------------------------------------------

# They return a new scene and raise InputError, saying why, when they break a rule that was kept before;
# `check=False` makes the edit anyway.


def add_object(scene: Scene, thing: SceneObject, *, check: bool = True) -> Scene:
    """The scene with one more object, as the last."""
    return _checked(scene, scene.replaced(objects=(*scene.objects, thing)), check)


def remove_object(scene: Scene, index: int, *, check: bool = True) -> Scene:
    """The scene without one object; those after it move up by one.

    Raises:
        InputError: there is no such object, or, unless `check` is False, too few would be left.
    """
    _must_have(scene, index)
    after = scene.replaced(objects=scene.objects[:index] + scene.objects[index + 1 :])
    if check and len(after.objects) < FEWEST:  # no other rule is broken by taking away
        raise InputError(problems(after, visibility=False)[0])
    return after


def change_object(scene: Scene, index: int, *, check: bool = True, **changes: Any) -> Scene:
    """The scene with an object moved (x, y, rotation) or changed (shape, size, material, color).

    Args:
        changes: x, y in CLEVR's units, rotation in degrees; values of attributes as CLEVR names them.

    Raises:
        InputError: there is no such object or property, or, unless `check` is False, a rule would be broken.
    """
    _must_have(scene, index)
    known = (*ATTRIBUTES, "x", "y", "rotation")
    if unknown := [name for name in changes if name not in known]:
        raise InputError(f"An object has no {unknown[0]!r} to change; it has {', '.join(known)}.")
    thing = replace(scene.objects[index], **changes, pixel=None)
    changed = (*scene.objects[:index], thing, *scene.objects[index + 1 :])
    return _checked(scene, scene.replaced(objects=changed), check)


def newly_broken(before: Scene, after: Scene) -> tuple[str, ...]:
    """The rules that an edit breaks and that were kept before, a sentence each."""
    broken = _broken_rules(after, WIDTH, HEIGHT, True)
    kept = _broken_rules(before, WIDTH, HEIGHT, True) if broken else {}
    return tuple(problem for rule, problem in broken.items() if rule not in kept)


def nearest_place(scene: Scene, index: int) -> tuple[float, float] | None:
    """The place nearest to where an object stands at which it keeps every rule and hides nobody.

    Places are tried on a grid of 0.05 units. None where there is none, or where other rules are at fault.
    """
    _must_have(scene, index)
    thing = scene.objects[index]
    others = (*scene.objects[:index], *scene.objects[index + 1 :])
    hidden = _hidden(scene.replaced(objects=others), range(len(others)))
    own = [*range(index), *range(index + 1, len(scene.objects))]
    allowed = {own[i] for i in hidden}
    failed: list[tuple[float, float]] = []
    for x, y in _free_places(thing, others):
        if any(abs(x - a) + abs(y - b) < 0.3 for a, b in failed):
            continue  # next to one where something is hidden
        there = change_object(scene, index, check=False, x=x, y=y)
        if _hidden(there, range(len(there.objects))) <= allowed:
            return x, y
        failed.append((x, y))
    return None


def _free_places(thing: SceneObject, others: Sequence[SceneObject]) -> list[tuple[float, float]]:
    """Where an object keeps its distance from the others, the nearest to its own place first."""
    along = np.round(np.linspace(-BOUND, BOUND, round(2 * BOUND / _STEP) + 1), 2)
    places = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)  # (places, 2)
    free = np.ones(len(places), bool)
    for other in others:
        apart = places - (other.x, other.y)
        free &= np.hypot(*apart.T) - thing.radius - other.radius >= GAP
        for direction in (LEFT, BEHIND):
            free &= np.abs(apart @ direction[:2]) >= CLEAR
    places = places[free]
    far = np.hypot(*(places - (thing.x, thing.y)).T)
    return [(float(x), float(y)) for x, y in places[np.argsort(far, kind="stable")]]


def _hidden(scene: Scene, among: Iterable[int]) -> set[int]:
    found = (
        {int(rule[1]) for rule, _ in _visibility_problems(scene, WIDTH, HEIGHT)} if scene.objects else set()
    )
    return found & set(among)


def _checked(before: Scene, after: Scene, check: bool) -> Scene:
    if check and (broken := newly_broken(before, after)):
        raise InputError(broken[0])
    return after


def _must_have(scene: Scene, index: int) -> None:
    if not 0 <= index < len(scene.objects):
        raise InputError(f"There is no object {index}; the scene has objects 0 to {len(scene.objects) - 1}.")


# --- the rules ------------------------------------------------------------------------------------


def _broken_rules(scene: Scene, width: int, height: int, visibility: bool) -> dict[Rule, str]:
    broken = dict(_layout_problems(scene.objects))
    if visibility and scene.objects:
        broken |= dict(_visibility_problems(scene, width, height))
    return broken


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
            for direction, words in ((LEFT, "left or right of"), (BEHIND, "behind or in front of")):
                apart = abs((thing.x - other.x) * direction[0] + (thing.y - other.y) * direction[1])
                if apart < CLEAR:
                    yield (
                        ("relation", words, i, j),
                        f"It would be ambiguous whether the {thing} is {words} the {other}: they are "
                        f"{apart:.2f} apart that way, leave at least {CLEAR:g}.",
                    )


def _visibility_problems(scene: Scene, width: int, height: int) -> Iterator[tuple[Rule, str]]:
    from film.clevr.rendering.render import visible_pixels  # loads Numba, for whom rules alone are no reason

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
    most: int = MOST,
    width: int = WIDTH,
    height: int = HEIGHT,
    visibility: bool = True,
) -> Scene:
    """A scene drawn by CLEVR's rules (Johnson et al. 2017, section 3.1), the same for the same rng.

    `condition`: "A" or "B" of CLEVR-CoGenT. `count`: how many objects; when None, 3 to `most` are drawn.
    `width`, `height`: the picture size at which every object must show at least 200 pixels;
    `visibility=False` skips that test.

    Raises:
        InputError: there is no such condition, a number is outside of CLEVR's, or the picture is too small.
    """
    if condition not in (None, *COGENT):
        raise InputError(f"The condition {condition!r} was asked for; use A or B, or none.")
    if count is not None and not FEWEST <= count <= MOST:
        raise InputError(f"A scene of {count} objects was asked for; CLEVR has {FEWEST} to {MOST}.")
    if not FEWEST <= most <= MOST:
        raise InputError(f"Scenes of at most {most} objects were asked for; CLEVR has {FEWEST} to {MOST}.")
    if width < 1 or height < 1:
        raise InputError(f"A picture size of {width}x{height} was asked for; both must be at least 1.")
    if visibility and width * height < 4 * VISIBLE * MOST:
        raise InputError(
            f"In a picture of {width}x{height} no scene could show {VISIBLE} pixels of every object; "
            "ask for a larger picture, or leave the visibility test out."
        )
    drawn = int(rng.integers(FEWEST, most + 1)) if count is None else count
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
    camera = jittered(base.camera, CAMERA_JITTER)
    key, back, fill = (jittered(lamp, LAMP_JITTER) for lamp in (base.key, base.back, base.fill))
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
        and abs(dx * LEFT[0] + dy * LEFT[1]) >= CLEAR
        and abs(dx * BEHIND[0] + dy * BEHIND[1]) >= CLEAR
    )
