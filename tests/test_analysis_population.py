import numpy as np
import pytest
from tiny import tiny_card, tiny_network

from analysis import make_study, measure_population, most_unusual, population_of, standing
from analysis.question.population import Population
from film import InputError, Session, save


def planted(values: np.ndarray) -> Population:
    """A population with the same gammas as betas."""
    half = values.astype(np.float16)
    texts = np.array([f"question {i}" for i in range(len(values))])
    return Population(half, half, texts, np.array(["count"] * len(values)), "abc", 0)


def test_standing_of_planted_values():
    values = np.zeros((101, 1, 3))
    values[:, 0, 0] = np.arange(-50, 51)  # every whole number once
    values[:, 0, 1] = 2.0  # all alike
    values[:, 0, 2] = np.where(np.arange(101) < 50, -1, 1)
    here = standing(planted(values), "gamma", np.array([[0.0, 2.0, 5.0]]))
    np.testing.assert_allclose(here.percentile, [[50, 50, 100]], atol=1e-6)
    np.testing.assert_allclose(here.z[0, :2], [0, 0], atol=1e-6)
    assert here.z[0, 2] == pytest.approx((5 - values[:, 0, 2].mean()) / values[:, 0, 2].std(), rel=1e-5)
    assert here.questions == 101
    above = standing(planted(values), "beta", np.array([[49.5, 3.0, -2.0]]))
    np.testing.assert_allclose(above.percentile, [[100 * 100 / 101, 100, 0]])
    assert above.z[0, 1] == 0  # no deviation to measure by
    with pytest.raises(InputError, match="measure the population"):
        standing(planted(values), "gamma", np.zeros((2, 3)))


def test_the_most_unusual_map_is_found():
    population = planted(np.random.default_rng(0).normal(size=(200, 3, 5)))
    usual, odd = np.zeros((3, 5)), np.zeros((3, 5))
    odd[2, 1], odd[0, 4] = -9, 5
    gamma, beta = standing(population, "gamma", usual), standing(population, "beta", odd)
    assert most_unusual(gamma, beta, 2) == [(2, 1), (0, 4)]


def test_a_typical_question_stands_in_the_middle():
    """The null: questions drawn like the population have uniform percentiles and z of variance 1."""
    rng = np.random.default_rng(0)
    population = planted(rng.normal(size=(2000, 4, 32)))
    found = [standing(population, "gamma", rng.normal(size=(4, 32))) for _ in range(8)]
    percentiles = np.concatenate([f.percentile.ravel() for f in found])
    assert percentiles.mean() == pytest.approx(50, abs=4)
    assert percentiles.std() == pytest.approx(100 / np.sqrt(12), abs=3)
    assert np.concatenate([f.z.ravel() for f in found]).std() == pytest.approx(1, abs=0.08)


def test_measured_written_and_found_again(tmp_path):
    network = tiny_network()
    card = save(tmp_path / "net", network, tiny_card(network), half=False)
    session = Session(tmp_path / "net", "cpu")
    seen = []
    population = measure_population(session, 50, seed=3, progress=lambda done, of: seen.append((done, of)))
    assert len(population) == 50
    assert population.weights == card.weights
    assert seen[-1] == (50, 50)
    assert seen == sorted(seen)
    row = session.modulate([str(population.texts[7])], lenient=True)
    np.testing.assert_allclose(population.gamma[7], row.gamma[0], atol=2e-3, rtol=2e-3)
    repeated = measure_population(session, 50, seed=3)
    np.testing.assert_array_equal(repeated.beta, population.beta)


def test_a_study_is_a_population(tmp_path):
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    study, _ = make_study(session, tmp_path / "study", questions=60, seed=4, maps=[])
    population = population_of(study, most=40)
    assert len(population) == 40
    assert population.seed == 4
    np.testing.assert_allclose(population.gamma[39], study.gamma[39], atol=2e-3, rtol=2e-3)
    assert list(population.types) == list(study.table["type"][:40])
