"""Maps read at the objects of a scene: a planted map lights one of them, wherever the camera stood."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import STAGES, object_readings, scene_mask
from analysis.__main__ import main
from film import (
    InputError,
    Scene,
    SceneObject,
    Session,
    SetValue,
    View,
    Where,
    from_text,
    gallery,
    object_mask,
    save,
    write_scenes,
)

QUESTION, LIT = "How many red cubes are there?", 1
SIZE = (480, 320)


@pytest.fixture(scope="module")
def scene() -> Scene:
    places = [("cube", -2.0, 1.0), ("sphere", 2.0, 2.0), ("cylinder", 0.0, -2.0), ("cube", 1.0, 0.0)]
    things = [SceneObject(shape, "large", "rubber", "red", x, y) for shape, x, y in places]
    return Scene(tuple(things), view=View(camera=(7.9, -6.2, 5.0)))


@pytest.fixture(scope="module")
def session() -> Session:
    """Map 0 is how bright a place is, in every block before its FiLM; all other maps are 0."""
    network = tiny_network(width=96, height=64, coordinates=False)
    with torch.no_grad():
        for layer in [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]:
            layer.weight.zero_()
            layer.bias.zero_()
            side = layer.kernel_size[0]
            middle = side // 2 if side % 2 else slice(side // 2 - 1, side // 2 + 1)
            first = layer.in_channels == network.config.channels
            layer.weight[0, : 3 if first else 1, middle, middle] = 1.0
        for norm in [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]:
            norm.running_mean.zero_()
            norm.running_var.fill_(1)
    return Session((network, tiny_card(network)), "cpu")


@pytest.fixture(scope="module")
def picture(scene) -> np.ndarray:
    """Black, but for one object."""
    lit = object_mask(scene, *SIZE) == LIT + 1
    return np.repeat(lit[..., None] * np.uint8(255), 3, axis=2)


def test_a_planted_map_lights_one_object_and_no_other_map_does(session, scene, picture):
    black = object_readings(session, picture * 0, QUESTION, scene)
    found = object_readings(session, picture, QUESTION, scene)
    assert len(found) == len(scene.objects) * session.config.blocks * session.config.maps
    change = (found["before FiLM"] - black["before FiLM"]).to_numpy()
    first = found["block"] == 0
    lit = first & (found["map"] == 0) & (found["object"] == LIT)
    others = first & (found["map"] == 0) & (found["object"] != LIT)
    assert change[lit].min() > 0.5
    assert change[lit].min() > 10 * np.abs(change[others]).max()
    assert not change[first & (found["map"] != 0)].any()
    assert set(found["name"]) == {str(thing) for thing in scene.objects}


def test_film_scales_and_shifts_what_is_read_and_the_relu_follows(session, scene, picture):
    edits = [SetValue(Where((0,), None, "gamma"), -2.0), SetValue(Where((0,), None, "beta"), 0.5)]
    found = object_readings(session, picture, QUESTION, scene, edits).query("block == 0")
    before, after, rectified = (found[stage].to_numpy() for stage in STAGES)
    np.testing.assert_allclose(after, -2 * before + 0.5, atol=1e-5)
    assert (rectified >= np.maximum(after, 0) - 1e-5).all()
    assert after.min() < -1


def test_the_camera_is_found_where_a_file_leaves_it_out(scene):
    told = object_mask(scene, *SIZE)
    left_out = scene.located(*SIZE).replaced(view=View())
    assert (object_mask(left_out, *SIZE) != told).mean() > 0.01
    assert (scene_mask(left_out, *SIZE) != told).mean() < 0.002
    assert (scene_mask(scene, *SIZE) == told).all()  # without pixels, as its view has it
    pixels = [(10 * number, 300 - 80 * number, 9.0) for number in range(len(scene.objects))]
    moved = tuple(replace(thing, pixel=at) for thing, at in zip(scene.objects, pixels, strict=True))
    wrong = left_out.replaced(objects=moved)
    with pytest.raises(InputError, match="fit no camera"):
        scene_mask(wrong, *SIZE)


def test_an_object_that_does_not_show_has_no_reading(session, scene, picture):
    outside = scene.replaced(objects=(*scene.objects, replace(scene.objects[0], x=40.0, y=-40.0)))
    found = object_readings(session, picture, QUESTION, outside)
    hidden = found["object"] == len(scene.objects)
    assert found.loc[hidden, list(STAGES)].isna().all(axis=None)
    assert found.loc[~hidden, list(STAGES)].notna().all(axis=None)


def test_the_command_reads_maps_with_and_without_edits(tmp_path, capsys):
    network = tiny_network(answers=28)
    save(tmp_path / "net", network, tiny_card(network))
    out, exhibit, question = tmp_path / "read.json", gallery()[2], "How many things are there?"
    given = ["objects", str(tmp_path / "net"), "--question", question, "--json", str(out)]
    edits = "set:1.*.gamma:0"
    assert main([*given, "--picture", "gallery-2", "--edits", edits]) == 0
    assert str(exhibit.scene.objects[0]) in capsys.readouterr().out
    rows = pd.DataFrame(json.loads(out.read_text())["rows"])
    session = Session(tmp_path / "net", "cpu")
    found = object_readings(session, exhibit.picture_path, question, exhibit.scene, from_text(edits))
    np.testing.assert_allclose(rows[list(STAGES)], found[list(STAGES)], atol=1e-5)
    assert rows["block"].min() == 1
    assert main([*given, "--picture", str(exhibit.picture_path)]) == 2  # nothing is known of a file
    assert "--scenes" in capsys.readouterr().err
    scenes = tmp_path / "scenes.json"
    write_scenes(scenes, [exhibit.scene])
    assert main([*given, "--picture", str(exhibit.picture_path), "--scenes", str(scenes)]) == 0
    assert main([*given, "--picture", "gallery-99"]) == 2
