"""The true answer in words, and the places that won the max-pooling."""

import numpy as np
import pytest
import torch
from tiny import a_picture, tiny_config

from analysis import argmax_locations, argmax_over, as_seen, energy, energy_over, find_truth, not_counted
from film import FAMILIES, InputError, parse, run
from film.clevr.gallery import gallery


def test_the_truth_is_the_released_answer_for_the_whole_gallery():
    asked = [(question, exhibit.scene) for exhibit in gallery() for question in exhibit.questions]
    assert len(asked) > 300
    for question, scene in asked:
        truth = find_truth(question.text, scene)
        assert truth.answer == question.answer, question.text
        assert truth.steps[-1].gives == question.answer
        assert all(step.gives for step in truth.steps)
        assert truth.type == FAMILIES[question.family].type


def test_steps_name_the_objects_they_give():
    scene = gallery()[0].scene
    truth = find_truth("What color is the large cylinder?", scene)
    (one,) = [step for step in truth.steps if step.does == "take the only one"]
    (index,) = one.objects
    assert (scene.objects[index].size, scene.objects[index].shape) == ("large", "cylinder")
    assert one.gives == f"large {truth.answer} {scene.objects[index].material} cylinder"


def test_an_ill_posed_question_stops_where_it_fails():
    scene = gallery()[0].scene
    truth = find_truth("What color is the thing?", scene)
    assert truth.answer is None
    assert truth.reason == f"No unique answer: {len(scene.objects)} objects match “the thing”."
    assert [bool(step.gives) for step in truth.steps] == [True, False, False]
    assert run(parse("What color is the thing?").program, scene).answer is None


@pytest.mark.parametrize("text", ["", "?", "Is it raining?", "How many", "\x00", "what " * 500])
def test_no_text_is_too_odd(text):
    truth = find_truth(text, gallery()[0].scene)
    assert truth.answer is None
    assert truth.reason
    assert truth.parse is None


def test_without_a_scene_the_steps_are_there_and_give_nothing():
    truth = find_truth("How many red cubes are there?", None)
    assert truth.answer is None
    assert [step.gives for step in truth.steps] == [""] * len(truth.steps)


@pytest.mark.parametrize("window", [None, 2])
def test_winners_are_where_max_pooling_takes_its_values_from(window):
    maps = np.random.default_rng(0).normal(size=(6, 4, 8)).astype(np.float32)
    maps[3] = -1  # never above zero: silent after a ReLU
    found = argmax_locations(np.maximum(maps, 0), window)
    side = (4, 8) if window is None else window
    values, places = torch.nn.functional.max_pool2d(torch.tensor(maps), side, return_indices=True)
    expected = np.bincount(places[values > 0].numpy(), minlength=32).reshape(4, 8)
    np.testing.assert_array_equal(found.counts, expected)
    assert found.silent == 1
    assert found.maps == 6
    assert 0 < found.share <= 1


def test_winners_light_their_own_place_only():
    maps = np.zeros((3, 4, 6), dtype=np.float32)
    maps[:2, 1, 2] = 1
    found = argmax_locations(maps)
    config, picture = tiny_config(), a_picture()
    lit = argmax_over(found, picture, config, "crop")
    assert lit.shape == as_seen(picture, config, "crop", 3).shape == (48, 72, 3)
    colored = lit.max(axis=2) != lit.min(axis=2)
    inside = np.zeros((48, 72), dtype=bool)
    inside[12:24, 24:36] = True
    assert colored[inside].mean() > 0.9
    assert not colored[~inside].any()


def test_energy_is_black_where_least_and_the_picture_where_greatest():
    maps = np.zeros((2, 4, 6))
    maps[:, 1, 2] = 3, 4
    found = energy(maps)
    assert found[1, 2] == pytest.approx(np.sqrt(12.5))
    assert found.sum() == found[1, 2]
    config, picture = tiny_config(), a_picture()
    seen, lit = as_seen(picture, config, "crop"), energy_over(found, picture, config, "crop")
    middle = (slice(5, 7), slice(9, 11))  # of the place's square of 4 x 4 pixels
    assert lit.shape == seen.shape
    assert not lit[:, 16:].any()
    assert (lit[middle].astype(int) >= seen[middle] * 0.7 - 1).all()
    assert not energy_over(np.ones((4, 6)), picture, config, "crop").any()


def test_what_cannot_be_counted_is_said():
    assert not_counted(tiny_config()) is None
    assert "mean" in not_counted(tiny_config(pooling="mean"))
    with pytest.raises(InputError, match="shape"):
        argmax_locations(np.zeros((3, 4)))
    with pytest.raises(InputError, match="do not fill"):
        argmax_locations(np.zeros((3, 4, 6)), 4)
