"""Series of scenes: one thing changes, in order, and steps against the rules are marked."""

import json

import numpy as np
import pytest

from film.clevr.editing import rounded_scene
from film.clevr.rules import GAP, MOST, problems, sample_scene
from film.clevr.scene_json import read_scenes
from film.clevr.scene_series import (
    attribute_series,
    circle_series,
    distractor_series,
    line_series,
    towards_series,
)
from film.clevr.scenes import ATTRIBUTES, View, camera_from_pixels
from film.errors import InputError


@pytest.fixture(scope="module")
def scene():
    return rounded_scene(sample_scene(np.random.default_rng(1), count=5))


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_an_object_goes_through_every_value(scene, attribute):
    series = attribute_series(scene, 1, attribute)
    values = ATTRIBUTES[attribute]
    assert series.labels == values
    assert tuple(getattr(step.objects[1], attribute) for step in series.scenes) == values
    assert series.scenes[series.original] == scene
    for step, broken in zip(series.scenes, series.problems, strict=True):
        assert step.objects[0] == scene.objects[0]
        assert set(broken) == set(problems(step))  # the scene itself breaks none


def test_ways_begin_at_the_object_and_end_where_they_should(scene):
    thing, other = scene.objects[0], scene.objects[2]
    ways = line_series(scene, 0, (1.0, -2.0), 5)
    assert len(ways) == 5
    assert ways.scenes[0] == scene
    assert (ways.scenes[-1].objects[0].x, ways.scenes[-1].objects[0].y) == (1.0, -2.0)
    near = towards_series(scene, 0, 2).scenes[-1].objects[0]
    gap = np.hypot(near.x - other.x, near.y - other.y) - thing.radius - other.radius
    assert gap == pytest.approx(GAP, abs=1e-4)
    for step in circle_series(scene, 0, steps=7).scenes:
        moved = step.objects[0]
        assert np.hypot(moved.x, moved.y) == pytest.approx(np.hypot(thing.x, thing.y), abs=1e-4)


def test_distractors_come_one_by_one_and_keep_the_rules(scene):
    series = distractor_series(scene, seed=2)
    assert [len(step.objects) for step in series.scenes] == list(range(5, 5 + len(series)))
    assert len(series) > 2
    assert len(series.scenes[-1].objects) <= MOST
    assert all(problems(step) == () for step in series.scenes)
    assert distractor_series(scene, seed=2) == series
    assert distractor_series(scene, seed=3) != series


def test_what_cannot_be_is_refused(scene):
    for make in (
        lambda: attribute_series(scene, 9, "color"),
        lambda: attribute_series(scene, 0, "weight"),
        lambda: towards_series(scene, 0, 0),
        lambda: line_series(scene, 0, (0, 0), 1),
    ):
        with pytest.raises(InputError):
            make()


def test_the_camera_is_found_from_pixels(scene):
    for seed in range(5):
        sampled = sample_scene(np.random.default_rng(seed))
        found = camera_from_pixels(sampled, 480, 320)
        assert found == pytest.approx(sampled.view.camera, abs=1e-4)
    assert camera_from_pixels(scene, 480, 320) is None  # no pixels are known
    wrong = sampled.located(320, 240)
    assert camera_from_pixels(wrong, 480, 320) is None
    assert View().camera != found


def test_cameras_of_official_pictures_are_found(shared_data):
    folder = shared_data / "clevr-official"
    extras = json.loads((folder / "extras.json").read_text())
    scenes = read_scenes(folder / "scenes" / "CLEVR_val_scenes.json")
    cameras = extras.values() if isinstance(extras, dict) else extras
    for scene, known in list(zip(scenes, cameras, strict=True))[:20]:
        expected = [row[3] for row in known["camera_to_world"][:3]]
        assert camera_from_pixels(scene, 480, 320) == pytest.approx(expected, abs=1e-3)
