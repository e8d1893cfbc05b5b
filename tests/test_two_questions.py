"""Two questions compared: planted differences come first, in deviations, beside random pairs."""

import numpy as np
import pytest

from analysis import Kind, Population, compare_questions
from film import InputError


@pytest.fixture(scope="module")
def population() -> Population:
    rng = np.random.default_rng(0)
    gamma = rng.normal(size=(2000, 2, 5)) * np.array([1, 10, 1, 1, 0])  # the last map never varies
    beta = rng.normal(size=(2000, 2, 5))
    texts = np.array(["Is it red?"] * 2000, object)
    return Population(gamma.astype(np.float16), beta.astype(np.float16), texts, texts, "weights", 0)


def of(gamma=(), beta=()) -> dict[Kind, np.ndarray]:
    values: dict[Kind, np.ndarray] = {"gamma": np.zeros((2, 5)), "beta": np.zeros((2, 5))}
    for own, planted in zip(values.values(), (gamma, beta), strict=True):
        for place, value in dict(planted).items():
            own[place] = value
    return values


def test_differences_are_in_deviations_and_ranked(population):
    other = of(gamma={(0, 1): 10, (1, 2): 4, (1, 4): 9}, beta={(0, 3): -6})
    found = compare_questions(population, of(), other)
    assert found.difference["gamma"][0, 1] == pytest.approx(1, abs=0.05)  # ten times as wide: one deviation
    assert found.difference["gamma"][1, 4] == 0  # a map that does not vary has no unit
    table = found.ranked()
    assert list(zip(table["block"], table["map"], strict=True))[:3] == [(1, 3), (2, 2), (1, 1)]
    assert table.iloc[0]["beta_difference"] == pytest.approx(-6, abs=0.3)
    assert table.iloc[0]["beta_second"] == -6
    by_gamma = found.ranked("gamma").iloc[0]
    assert (by_gamma["block"], by_gamma["map"]) == (2, 2)
    assert len(table) == 10
    back = compare_questions(population, other, of())
    np.testing.assert_allclose(back.difference["beta"], -found.difference["beta"])


def test_random_pairs_say_what_is_usual(population):
    found = compare_questions(population, of(), of(gamma={(0, 0): np.sqrt(2) * 1.96}))
    # Two draws of a normal value are as far apart as one of sqrt(2) times its deviation.
    assert found.percentile["gamma"][0, 0] == pytest.approx(95, abs=3)
    assert found.percentile["gamma"][0, 2] == 0
    median, high = found.greatest["beta"]
    rng = np.random.default_rng(1)
    expected = np.abs(np.sqrt(2) * rng.normal(size=(20_000, 10))).max(axis=1)
    assert (median, high) == pytest.approx(tuple(np.quantile(expected, (0.5, 0.95))), rel=0.1)


def test_another_networks_values_are_refused(population):
    with pytest.raises(InputError, match="this checkpoint"):
        compare_questions(population, of(), {"gamma": np.zeros((3, 5)), "beta": np.zeros((3, 5))})
