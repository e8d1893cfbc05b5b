"""Colours are told apart without telling red from green: CIELAB distances under simulated deuteranopia."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from analysis.figures.palette import (
    ACCURACY,
    BETA,
    BLUES,
    CATEGORIES,
    GAMMA,
    MORE_CATEGORIES,
    NEUTRAL,
    ORANGES,
    diverging,
    ground,
    ink,
    probability,
    ramp,
    rgb,
)
from analysis.figures.style import NEGATIVE, POSITIVE

LEAST = 10  # CIE 1976 distance
# Deuteranopia in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(1)


def lab(color: str) -> np.ndarray:
    """What a deuteranope sees of a colour, as CIELAB."""
    value = np.array(rgb(color)) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(DEUTERANOPIA @ linear, 0, 1) / WHITE
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one: str, other: str) -> float:
    return float(np.linalg.norm(lab(one) - lab(other)))


def close(pairs) -> dict[tuple[str, str], float]:
    return {pair: round(found, 1) for pair in pairs if (found := distance(*pair)) < LEAST}


def test_the_simulation_takes_red_and_green_together():
    assert distance("#b05a5a", "#7f7a3a") < LEAST * 3 < distance("#0072B2", "#E69F00")
    assert lab("#ffffff") == pytest.approx([100, 0, 0], abs=0.5)


def test_categories_are_told_apart():
    assert not close(combinations((*CATEGORIES, *MORE_CATEGORIES, GAMMA, BETA, NEUTRAL), 2))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_neighbours_of_the_diverging_scale_are_told_apart(dark):
    assert not close(pairwise(diverging(dark)))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_categories_stand_off_the_ground(dark):
    assert not close((color, ground(dark)) for color in (*CATEGORIES, *MORE_CATEGORIES))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_neighbouring_shades_are_told_apart(dark):
    assert not close(pairwise(ramp(6, dark)))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_gamma_beta_accuracy_and_probability_are_not_taken_for_each_other_for_signs_or_the_question(dark):
    own, others = (GAMMA, BETA, ACCURACY, probability(dark)), (POSITIVE, NEGATIVE, ink(dark), NEUTRAL)
    assert not close((one, other) for one in own for other in others)
    assert not close(combinations(own, 2))


def test_below_zero_is_not_taken_for_above():
    assert not close(zip(BLUES, reversed(ORANGES), strict=True))
