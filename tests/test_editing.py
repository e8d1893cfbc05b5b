"""Edits of scenes: rules said and places offered, the text form, and hundreds of random sequences."""

from typing import Any

import numpy as np
import pytest

from film.clevr.editing import (
    JITTER,
    AddObject,
    ChangeAttribute,
    DuplicateObject,
    MoveObject,
    MoveView,
    RemoveObject,
    TurnObject,
    check_edit,
    edit_scene,
    rounded_scene,
    scene_from_text,
    scene_to_text,
)
from film.clevr.gallery import gallery
from film.clevr.rendering.render import scene_picture
from film.clevr.rules import newly_broken, problems, sample_scene
from film.clevr.scenes import ATTRIBUTES, Scene, SceneObject, View
from film.errors import InputError


def a_scene(seed: int = 0) -> Scene:
    return rounded_scene(sample_scene(np.random.default_rng(seed)))


def some_edit(rng: np.random.Generator, scene: Scene):
    """Any edit there is, at random; where there is no object, one is added."""
    values: dict[str, Any] = {name: str(rng.choice(of)) for name, of in ATTRIBUTES.items()}
    x, y = rng.uniform(-3.4, 3.4, 2)
    kind = int(rng.integers(7)) if scene.objects else 0
    i = int(rng.integers(max(1, len(scene.objects))))
    attribute = str(rng.choice(list(ATTRIBUTES)))
    part = str(rng.choice(list(JITTER)))
    across, along, up = (float(b) for b in rng.uniform(-JITTER[part], JITTER[part], 3))
    return [
        AddObject(SceneObject(**values, x=x, y=y, rotation=float(rng.uniform(0, 360)))),
        MoveObject(i, float(x), float(y)),
        TurnObject(i, float(rng.uniform(-400, 400))),
        ChangeAttribute(i, attribute, values[attribute]),
        DuplicateObject(i),
        RemoveObject(i),
        MoveView(part, (across, along, up)),
    ][kind]


def drawn(text: str) -> bytes:
    return scene_picture(scene_from_text(text), "preview").tobytes()


@pytest.mark.slow
def test_random_edits_are_valid_or_marked_and_undo_to_the_same_bytes():
    from ui.history import History

    legal = marked = changed = 0
    for sequence in range(120):
        rng = np.random.default_rng(sequence)
        scene = a_scene(sequence) if sequence % 10 else Scene(())
        history = History()
        texts = [scene_to_text(scene)]
        for _ in range(10):
            edit = some_edit(rng, scene)
            checked = check_edit(scene, edit)
            drawn_anyway = rng.random() < 0.2
            if checked.problems and not drawn_anyway:
                if checked.nearest is None:
                    continue  # the edit is not made
                assert newly_broken(scene, checked.nearest) == ()
                after = checked.nearest
            else:
                after = checked.scene
            # What is not marked breaks no rule that was kept before.
            if checked.problems and drawn_anyway:
                marked += 1
                assert set(checked.problems) <= set(problems(after))
            else:
                legal += 1
                if isinstance(edit, RemoveObject):  # names and numbers in the sentences change
                    assert len(problems(after)) <= len(problems(scene))
                else:
                    assert newly_broken(scene, after) == ()
            text = scene_to_text(after)
            assert scene_from_text(text) == after
            history = history.did(texts[-1], text)
            texts.append(text)
            scene = after
        draws = sequence % 40 == 1  # pictures of three of them
        before = drawn(texts[-2]) if draws else b""
        now = texts[-1]
        for text in reversed(texts[:-1]):
            if text == now:
                continue
            history, now = history.undone(now)
            assert now == text
            if draws and text == texts[-2]:
                assert drawn(now) == before
                changed += drawn(texts[-1]) != before
        for text in texts[1:]:
            if text != now:
                history, now = history.redone(now)
                assert now == text
    assert legal > 600
    assert marked > 20
    assert changed  # not every edit shows, but some of the last ones do


def test_the_nearest_legal_place_is_near_and_legal():
    scene = a_scene(3)
    other = scene.objects[1]
    checked = check_edit(scene, MoveObject(0, other.x, other.y))
    assert any("too close" in problem for problem in checked.problems)
    assert checked.place is not None
    assert checked.nearest is not None
    assert problems(checked.nearest) == ()
    x, y = checked.place
    assert 0.4 < np.hypot(x - other.x, y - other.y) < 3


def test_a_rule_that_no_place_mends_offers_none():
    three = a_scene(0)
    while len(three.objects) > 3:
        three = edit_scene(three, RemoveObject(0))
    checked = check_edit(three, RemoveObject(0))
    assert "3 to 10 objects" in checked.problems[0]
    assert checked.nearest is None
    crowded = next(s for s in map(a_scene, range(99)) if len(s.objects) == 10)
    checked = check_edit(crowded, DuplicateObject(0))
    assert any("3 to 10 objects" in problem for problem in checked.problems)
    assert checked.nearest is None


def test_the_gallery_goes_through_text_and_stays_legal():
    for exhibit in gallery():
        scene = rounded_scene(exhibit.scene)
        assert scene_from_text(scene_to_text(scene)) == scene
        assert problems(scene) == problems(exhibit.scene) == ()
        assert len(scene_to_text(scene)) < 800


@pytest.mark.parametrize(
    "text",
    [
        "cube", "large-red-metal-cube", "large-red-metal-cube_1_2", "large-red-metal-cube_1_2_nan",
        "large-pink-metal-cube_1_2_3", "camera_0_0_0", "camera_1e9_0_0", "large-red-metal-cube_99_2_3",
        "~".join(["large-red-metal-cube_1_2_3"] * 21), "<b>_1_2_3", "large-red-metal_1_2_3",
        "large-red-metal-cube_--1_2_3", "large-red-metal-cube_1._2_.", "large-red-metal-cube_²_1_1",
    ],
)  # fmt: skip
def test_a_text_that_is_no_scene_is_refused(text):
    with pytest.raises(InputError):
        scene_from_text(text)


def test_edits_that_cannot_be_are_refused():
    scene = a_scene()
    for edit in (
        MoveObject(99, 0, 0),
        MoveObject(0, float("nan"), 0),
        TurnObject(0, float("inf")),
        ChangeAttribute(0, "color", "pink"),
        ChangeAttribute(0, "weight", "heavy"),
        DuplicateObject(-1),
        RemoveObject(99),
        MoveView("camera", (0.6, 0.0, 0.0)),
        MoveView("sun", (0.0, 0.0, 0.0)),
    ):
        with pytest.raises(InputError):
            check_edit(scene, edit)


def test_the_usual_view_takes_no_room():
    scene = Scene((SceneObject("cube", "large", "metal", "red", 1.5, -0.25, 30.0),))
    assert scene_to_text(scene) == "large-red-metal-cube_1.5_-0.25_30"
    moved = edit_scene(scene, MoveView("key", (0.5, 0.0, -1.0)))
    assert "key_" in scene_to_text(moved)
    assert scene_to_text(edit_scene(moved, MoveView("key", (0.0, 0.0, 0.0)))) == scene_to_text(scene)
    assert scene_from_text("") == rounded_scene(Scene((), View()))
