"""Where errors lie, and whether confidence is accuracy, on data whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import Layout, LayoutRecipe, calibration, calibration_curve, error_regions, error_shares
from film import InputError


def answers(right: np.ndarray, chance: np.ndarray, pictures: int = 100) -> pd.DataFrame:
    owner = np.arange(len(right)) % pictures
    return pd.DataFrame({"right": right, "probability": chance, "picture": owner})


def test_a_calibrated_network_is_within_its_null():
    rng = np.random.default_rng(0)
    p = []
    for _ in range(20):
        chance = rng.uniform(0.3, 1, 600)
        p.append(calibration(answers(rng.random(600) < chance, chance), trials=100).p)
    assert np.mean(np.array(p) < 0.1) < 0.3
    assert 0.3 < np.mean(p) < 0.7


def test_too_much_confidence_is_seen():
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.8, 1, 2000)
    found = calibration(answers(rng.random(2000) < chance - 0.15, chance), trials=200)
    assert found.p < 0.01
    assert found.gap == pytest.approx(0.15, abs=0.03)
    assert found.error == pytest.approx(0.15, abs=0.03)
    assert found.error > np.percentile(found.null, 95)
    assert (found.curve["high"] < found.curve["confidence"]).all()
    assert found.curve["asked"].sum() == 2000
    assert "(p = 0.0050)" in found.describe()
    assert "(p = 0.0005)" in replace(found, p=1 / 2001).describe()
    drawn = calibration_curve(found)
    assert drawn.data[1].y == pytest.approx((100 * found.curve["accuracy"]).round(2).tolist())


def world(seed: int = 0, count: int = 2000, hard: float = 0.02) -> tuple[np.ndarray, ...]:
    """Wrong answers, pictures and types; type 1 is wrong by `hard`, the others in two of a hundred."""
    rng = np.random.default_rng(seed)
    kind, owner = rng.integers(0, 4, count), rng.integers(0, 100, count)
    return rng.random(count) < np.where(kind == 1, hard, 0.02), owner, kind


def test_a_hard_type_is_found_and_an_easy_world_has_none():
    wrong, owner, kind = world(hard=0.15)
    table = error_shares(wrong, owner, {str(i): kind == i for i in range(4)}, trials=300).set_index("value")
    assert table.loc["1", "p_family"] < 0.02
    assert table.loc["1", "share"] == pytest.approx(wrong[kind == 1].mean())
    assert table.loc["1", "low"] > table.loc["1", "expected"]
    assert table["wrong"].sum() == wrong.sum()
    false = 0
    for seed in range(20):
        wrong, owner, kind = world(seed)
        members = {str(i): kind == i for i in range(4)}
        false += error_shares(wrong, owner, members, trials=100, seed=seed)["p_family"].min() <= 0.05
    assert false <= 4


def test_one_set_is_held_to_the_same_null_as_many():
    wrong, owner, kind = world(hard=0.1)
    one = error_shares(wrong, owner, {"a": kind == 1}, trials=2000).iloc[0]
    two = error_shares(wrong, owner, {"a": kind == 1, "b": kind == 1}, trials=500).iloc[0]
    assert one["expected"] == pytest.approx(two["expected"], rel=0.05)
    assert one["p_family"] < 0.01
    within = error_shares(wrong, owner, {"a": kind == 1}, within=kind, trials=200).iloc[0]
    assert within["p_family"] == 1  # all of a type: shuffling within types changes nothing
    assert within["expected"] == pytest.approx(within["share"])


def test_a_bad_corner_of_a_projection_is_found_beyond_its_types():
    wrong, owner, kind = world()
    rng = np.random.default_rng(3)
    places = rng.uniform(size=(2000, 2)).astype(np.float32)
    corner = np.asarray((places < 0.25).all(axis=1))
    wrong = wrong | (corner & (rng.random(2000) < 0.4))
    layout = Layout(places, np.arange(2000), LayoutRecipe("both", "pca"), {}, {})
    table, rows = error_regions(wrong, owner, layout, within=kind, size=60, regions=100, trials=100)
    assert table["share"].is_monotonic_decreasing
    assert table["p_family"].iloc[0] < 0.05
    assert np.mean(corner[rows[0]]) > 0.8
    assert wrong[rows[0]].mean() == pytest.approx(table["share"].iloc[0])
    with pytest.raises(InputError, match="too few"):
        error_regions(wrong, owner, layout, size=1500)
