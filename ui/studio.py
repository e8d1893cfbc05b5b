"""What the studio does to the view: scenes taken up, edited, undone, and edits that break a rule."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np

import film
from film import (
    ATTRIBUTES,
    AddObject,
    ChangeAttribute,
    CheckedEdit,
    DuplicateObject,
    InputError,
    MoveObject,
    MoveView,
    RemoveObject,
    Scene,
    SceneEdit,
    SceneObject,
    TurnObject,
    View,
)
from ui import state
from ui.cache import pictures

ROOM = "studio"
OWN = "studio-own"  # the option that names the folder's picture whose scene is edited
DECIDED = "studio-decided"  # counts the choices among scenes that were offered
TURN = 15.0  # degrees that a key turns an object by
LARGEST_FILE = 5_000_000  # bytes of a scenes file that is taken up
NEW = SceneObject("sphere", "small", "rubber", "gray", 0.0, 0.0)


@dataclass(frozen=True)
class Desk:
    """What is on the studio's page: keys and scenes of the picture before and after. `chosen`: an object."""

    before_key: str
    after_key: str
    before: Scene
    after: Scene
    chosen: int

    @property
    def edited(self) -> bool:
        return self.before != self.after


def key_of(scene: Scene) -> str:
    return f"scene-{film.scene_to_text(scene)}"


def desk() -> Desk | None:
    """The scenes of the view; None where nobody has said what is in its picture.

    Raises:
        InputError: a scene cannot be read or drawn.
    """
    view = state.view()
    after = pictures.scene_of(view.picture)
    if after is None:
        return None
    begun = view.before if view.picture.startswith("scene-") else ""  # another picture is edited anew
    try:
        before = pictures.scene_of(begun) if begun else after
    except InputError:
        before = after
    before = after if before is None else before
    return Desk(key_of(before), key_of(after), before, after, min(view.thing, max(0, len(after.objects) - 1)))


def take_up(scene: Scene) -> None:
    """Begin anew with a scene."""
    _begin()
    state.change(picture=key_of(scene), before="", thing=0)


def open_pair(before: str, after: str, question: str, thing: int) -> None:
    """Begin with two scenes by their texts, and a question about both."""
    _begin()
    state.change(picture=f"scene-{after}", before=f"scene-{before}", question=question, thing=thing)


def _begin() -> None:
    state.forget_steps(ROOM)
    state.set_option(OWN, None)


def sample(seed: int) -> None:
    take_up(film.rounded_scene(film.sample_scene(np.random.default_rng(seed))))


def take_file(content: bytes, number: int = 0) -> None:
    """Begin with a scene of a JSON file: one scene, or a CLEVR scenes file."""
    try:
        if len(content) > LARGEST_FILE:
            raise InputError("This file is larger than 5 MB; open a whole CLEVR folder with FILM_PICTURES.")
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            raise InputError("This file is no JSON; give a scene, or a CLEVR scenes file.") from None
        listed = told.get("scenes", [told]) if isinstance(told, dict) else None
        if not isinstance(listed, list) or not listed:
            raise InputError("This file holds no scene; give a scene, or a CLEVR scenes file.")
        scene = film.scene_from_json(listed[min(number, len(listed) - 1)])
        take_up(film.drawable(film.rounded_scene(scene)))
    except InputError as error:
        state.refuse(str(error))


# --- Edits ----------------------------------------------------------------------------------------


def do(edit: SceneEdit) -> None:
    """Make an edit; one that breaks a rule is offered with the nearest place that keeps it."""
    now = desk()
    if now is None:
        return
    try:
        checked = film.check_edit(now.after, edit)
    except InputError as error:
        state.refuse(str(error))
        return
    if isinstance(edit, AddObject) and checked.nearest is not None:
        checked = CheckedEdit(checked.nearest)
    if checked.problems:
        state.offer(checked)
    else:
        accept(checked.scene)


def accept(scene: Scene) -> None:
    """The scene is this from now on; the step can be undone."""
    now = desk()
    if now is None:
        return
    grown = len(scene.objects) > len(now.after.objects)
    thing = len(scene.objects) - 1 if grown else min(now.chosen, max(0, len(scene.objects) - 1))
    state.set_option(OWN, own_picture() or None)
    state.commit(ROOM, picture=key_of(scene), before=now.before_key, thing=thing)


def decide(scene: Scene | None) -> None:
    """Take one of the scenes offered where an edit broke a rule, or none; the plan has the focus again."""
    if scene is None:
        state.offer(None)
    else:
        accept(scene)
    state.next_turn(DECIDED)


def own_picture() -> str:
    """Key of the folder's picture whose scene is shown or was edited; "" where it is another one."""
    view = state.view()
    if view.picture.startswith("folder-"):
        return view.picture
    begun = state.options().get(OWN, "") if view.picture.startswith("scene-") else ""
    return begun if isinstance(begun, str) else ""


def add() -> None:
    do(AddObject(NEW))


def move(index: int, x: float, y: float) -> None:
    state.change(thing=index)
    do(MoveObject(index, x, y))


def change(index: int, attribute: str, value: str) -> None:
    do(ChangeAttribute(index, attribute, value))


def turn(index: int, degrees: float) -> None:
    """Turn an object to an angle; CLEVR's rotation is drawn as radians."""
    do(TurnObject(index, math.radians(degrees % 360)))


def yaw(thing: SceneObject) -> float:
    """The angle at which an object is drawn, in degrees."""
    return math.degrees(math.fmod(thing.rotation, 2 * math.pi))


def act(index: int, action: str) -> None:
    """What a key on the plan stands for."""
    now = desk()
    if now is None:
        return
    state.change(thing=index)
    match action:
        case "remove":
            do(RemoveObject(index))
        case "duplicate":
            do(DuplicateObject(index))
        case "left" | "right":
            turn(index, yaw(now.after.objects[index]) + (TURN if action == "left" else -TURN))
        case attribute if attribute in ATTRIBUTES:
            values = ATTRIBUTES[attribute]
            place = values.index(getattr(now.after.objects[index], attribute))
            change(index, attribute, values[(place + 1) % len(values)])


def choose(index: int) -> None:
    state.change(thing=index)


def move_view(part: str, axis: int, value: float) -> None:
    now = desk()
    if now is not None:
        by = list(film.offset(now.after.view, part))
        by[axis] = value
        x, y, z = by
        do(MoveView(part, (x, y, z)))


def jitter(seed: int) -> None:
    """Camera and lamps as CLEVR would jitter them."""
    now = desk()
    if now is not None:
        rng = np.random.default_rng(seed)
        view = film.sample_scene(rng, count=3, visibility=False).view
        accept(film.rounded_scene(now.after.replaced(view=view)))


def usual_view() -> None:
    now = desk()
    if now is not None:
        accept(film.rounded_scene(now.after.replaced(view=View())))


def compare_from_here() -> None:
    """The scene as it is now is what later ones are compared with."""
    now = desk()
    if now is not None:
        state.commit(ROOM, picture=now.after_key, before="", thing=now.chosen)
