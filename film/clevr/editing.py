"""Edits of a scene as values, what rules each would break, and a whole scene as one short text.

Nothing here draws or asks. A scene is never changed: an edit gives another one, so the scene before is
what undoing goes back to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from film.clevr.rules import (
    CAMERA_JITTER,
    LAMP_JITTER,
    add_object,
    change_object,
    nearest_place,
    newly_broken,
    remove_object,
)
from film.clevr.scenes import ATTRIBUTES, Scene, SceneObject, Vector, View
from film.errors import InputError

MOST_DRAWN = 20  # objects of an edited scene, CLEVR's own have ten at most
FARTHEST = 10.0  # |x| and |y| of an object, drawn against the rules or not
JITTER = {"camera": CAMERA_JITTER, "key": LAMP_JITTER, "fill": LAMP_JITTER, "back": LAMP_JITTER}
LONGEST = 2000  # characters of a scene's text
_PLACES = {"object": 5, "rotation": 3, "view": 5}  # decimals that are kept


@dataclass(frozen=True)
class MoveObject:
    """An object put elsewhere on the ground, in world units."""

    index: int
    x: float
    y: float


@dataclass(frozen=True)
class TurnObject:
    """An object turned; `rotation` is CLEVR's number (`SceneObject`)."""

    index: int
    rotation: float


@dataclass(frozen=True)
class ChangeAttribute:
    """An object with another color, shape, material or size."""

    index: int
    attribute: str
    value: str


@dataclass(frozen=True)
class AddObject:
    """One more object, as the last."""

    thing: SceneObject


@dataclass(frozen=True)
class DuplicateObject:
    """A second object like one of the scene's, as near to it as the rules allow."""

    index: int


@dataclass(frozen=True)
class RemoveObject:
    """An object taken away; those after it move up by one."""

    index: int


@dataclass(frozen=True)
class MoveView:
    """The camera, or the key, fill or back lamp, so far from where CLEVR puts it before jitter."""

    part: str
    by: Vector


SceneEdit = MoveObject | TurnObject | ChangeAttribute | AddObject | DuplicateObject | RemoveObject | MoveView


@dataclass(frozen=True)
class CheckedEdit:
    """What comes of an edit.

    `scene`: the edited scene. `problems`: the rules it breaks that were kept before, a sentence each.
    `nearest`: with problems, the scene where the object stands at the nearest place that keeps the rules;
    None where no place does. `place`: that place, (x, y).
    """

    scene: Scene
    problems: tuple[str, ...] = ()
    nearest: Scene | None = None
    place: tuple[float, float] | None = None


def edit_scene(scene: Scene, edit: SceneEdit) -> Scene:
    """The scene after an edit, whatever rules it breaks, with numbers as `scene_to_text` keeps them.

    Raises:
        InputError: there is no such object or value, or the scene could not be drawn at all.
    """
    match edit:
        case MoveObject(index, x, y):
            if not max(abs(x), abs(y)) <= FARTHEST:
                raise InputError(
                    f"An object was put at ({x:g}, {y:g}); keep within {FARTHEST:g} of the middle."
                )
            after = change_object(scene, index, check=False, x=x, y=y)
        case TurnObject(index, rotation):
            if not math.isfinite(rotation):
                raise InputError(f"An object was turned to {rotation}; give a number.")
            after = change_object(scene, index, check=False, rotation=rotation % 360)
        case ChangeAttribute(index, attribute, value):
            if attribute not in ATTRIBUTES:
                raise InputError(f"An object has no {attribute!r}; it has {', '.join(ATTRIBUTES)}.")
            after = change_object(scene, index, check=False, **{attribute: value})
        case AddObject(thing):
            after = _more(scene, thing)
        case DuplicateObject(index):
            if not 0 <= index < len(scene.objects):
                raise InputError(f"There is no object {index} to duplicate.")
            after = _more(scene, scene.objects[index])
            place = nearest_place(after, len(scene.objects))
            if place is not None:
                after = change_object(after, len(scene.objects), check=False, x=place[0], y=place[1])
        case RemoveObject(index):
            after = remove_object(scene, index, check=False)
        case MoveView(part, by):
            after = scene.replaced(view=_moved_view(scene.view, part, by))
    return rounded_scene(after)


def check_edit(scene: Scene, edit: SceneEdit) -> CheckedEdit:
    """The scene after an edit, the rules that it breaks, and the nearest scene that keeps them.

    Raises:
        InputError: as `edit_scene`.
    """
    after = edit_scene(scene, edit)
    if isinstance(edit, RemoveObject):
        try:
            remove_object(scene, edit.index)
        except InputError as error:
            return CheckedEdit(after, (str(error),))
        return CheckedEdit(after)
    problems = newly_broken(scene, after)
    if not problems or isinstance(edit, MoveView):
        return CheckedEdit(after, problems)
    index = len(after.objects) - 1 if isinstance(edit, AddObject | DuplicateObject) else edit.index
    place = nearest_place(after, index)
    if place is None:
        return CheckedEdit(after, problems)
    nearest = edit_scene(after, MoveObject(index, *place))
    if newly_broken(scene, nearest):  # too many objects, which no place mends
        return CheckedEdit(after, problems)
    return CheckedEdit(after, problems, nearest, place)


def _more(scene: Scene, thing: SceneObject) -> Scene:
    if len(scene.objects) >= MOST_DRAWN:
        raise InputError(
            f"There are {MOST_DRAWN} objects already, the most that are drawn; remove one first."
        )
    return add_object(scene, replace(thing, pixel=None), check=False)


def _moved_view(view: View, part: str, by: Vector) -> View:
    if part not in JITTER:
        raise InputError(f"There is no {part!r} to move; there are {', '.join(JITTER)}.")
    if not all(abs(offset) <= JITTER[part] + 1e-4 for offset in by):
        raise InputError(f"The {part} moves {JITTER[part]:g} at most along each axis; {by} was given.")
    base = getattr(View(), part)
    return replace(view, **{part: tuple(b + offset for b, offset in zip(base, by, strict=True))})


def offset(view: View, part: str) -> Vector:
    """How far the camera or a lamp is from where CLEVR puts it before jitter, x, y and z."""
    x, y, z = (
        round(now - base, _PLACES["view"])
        for now, base in zip(getattr(view, part), getattr(View(), part), strict=True)
    )
    return x, y, z


# --- a scene as text ------------------------------------------------------------------------------


def rounded_scene(scene: Scene) -> Scene:
    """The scene with the decimals that its text keeps: a text holds all there is to know of it.

    Split, number and file name are left out, and relations follow from the places.
    """
    digits = _PLACES["object"]
    objects = tuple(
        replace(
            thing,
            x=round(thing.x, digits) + 0.0,
            y=round(thing.y, digits) + 0.0,
            rotation=round(thing.rotation, _PLACES["rotation"]) + 0.0,
            pixel=None,
        )
        for thing in scene.objects
    )
    view = View(
        **{
            part: tuple(round(value, _PLACES["view"]) + 0.0 for value in position)
            for part, position in vars(scene.view).items()
        }
    )
    return Scene(objects, view)


def scene_to_text(scene: Scene) -> str:
    """A scene as one text: "large-red-metal-cube_1.5_-0.25_30~…", then what of the view is not as usual.

    It has letters, digits, "-", "_", "." and "~" alone, which stand in a link as they are. The same scene
    gives the same text, and `scene_from_text` the scene of the text (`rounded_scene`).
    """
    scene = rounded_scene(scene)
    parts = [
        f"{thing.size}-{thing.color}-{thing.material}-{thing.shape}_"
        + "_".join(_number(value) for value in (thing.x, thing.y, thing.rotation))
        for thing in scene.objects
    ]
    base = rounded_scene(Scene(())).view
    parts += [
        f"{name}_" + "_".join(map(_number, position))
        for name, position in vars(scene.view).items()
        if position != getattr(base, name)
    ]
    return "~".join(parts)


def scene_from_text(text: str) -> Scene:
    """The scene that `scene_to_text` wrote.

    Raises:
        InputError: naming the part that says no object and no view.
    """
    if len(text) > LONGEST:
        raise InputError(f"The text of a scene has {len(text):,} characters; none has more than {LONGEST:,}.")
    objects: list[SceneObject] = []
    view: dict[str, Vector] = {}
    for part in filter(None, text.split("~")):
        name, *given = part.split("_")
        numbers = tuple(map(_read_number, given))
        if len(numbers) != 3 or None in numbers:
            raise InputError(f"“{part[:60]}” is no part of a scene; expected a name and three numbers.")
        a, b, c = (float(n) for n in numbers if n is not None)
        if name in JITTER:
            view[name] = (a, b, c)
            continue
        words = name.split("-")
        if len(words) != len(ATTRIBUTES):
            raise InputError(f"“{part[:60]}” is no object; write it as large-red-metal-cube_1.5_0_30.")
        size, color, material, shape = words
        objects.append(SceneObject(shape, size, material, color, a, b, c))
    return drawable(rounded_scene(Scene(tuple(objects), replace(View(), **view))))


def drawable(scene: Scene) -> Scene:
    """The scene itself, if it is one that can be drawn and edited here.

    Raises:
        InputError: too many objects, one far outside, or a camera or lamp where CLEVR never puts it.
    """
    if len(scene.objects) > MOST_DRAWN:
        raise InputError(f"The scene has {len(scene.objects)} objects; at most {MOST_DRAWN} are drawn.")
    for thing in scene.objects:
        if max(abs(thing.x), abs(thing.y)) > FARTHEST:
            raise InputError(f"The {thing} stands at ({thing.x:g}, {thing.y:g}), farther out than is drawn.")
    for part, most in JITTER.items():
        if any(abs(by) > most + 1e-4 for by in offset(scene.view, part)):
            raise InputError(
                f"The {part} stands where CLEVR never puts it, over {most:g} from its usual place."
            )
    return scene


def _number(value: float) -> str:
    return f"{value:.5f}".rstrip("0").rstrip(".")


def _read_number(text: str) -> float | None:
    digits = text.removeprefix("-").replace(".", "", 1)
    return float(text) if digits.isascii() and digits.isdecimal() and len(text) <= 12 else None
