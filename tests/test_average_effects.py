"""What maps do for answers, on average: planted effects are found and ranked, chance is not."""

import numpy as np
import pytest
from tiny import a_picture, tiny_card, tiny_network

from analysis import AverageEffects, average_effects
from analysis.interventions import average_effects as module
from film import Cancelled, Session

QUESTIONS = ["How many red cubes are there?", "Is there a small sphere?", "What color is the cylinder?"]
DONORS = [
    "Are there more blue things than cubes?",
    "What size is the metal cube?",
    "How many things are there?",
]


@pytest.fixture(scope="module")
def session():
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


def made(rng: np.random.Generator, truth: np.ndarray, pictures: int = 60, each: int = 9) -> AverageEffects:
    """Drops as a network has them: mostly near nothing, a few questions very much, alike within a picture."""
    owners = np.repeat(np.arange(pictures), each)
    shared = rng.standard_t(4, (pictures, 1, truth.size))
    noise = 0.5 * np.repeat(shared, each, axis=0)[:, 0] + rng.standard_t(3, (len(owners), truth.size))
    return AverageEffects((truth.ravel() + noise).reshape(-1, *truth.shape).astype(np.float32), owners)


def test_chance_makes_a_map_sure_at_most_one_time_in_twenty():
    rng = np.random.default_rng(0)
    found = [made(rng, np.zeros((2, 20))).table(trial)["effect_p"].min() <= 0.05 for trial in range(150)]
    assert np.mean(found) <= 0.09  # 5 % and what chance adds in 150 trials


def test_planted_effects_are_sure_and_keep_their_ranks():
    rng = np.random.default_rng(1)
    truth = np.zeros((2, 20))
    truth[0, 3], truth[1, 7], truth[1, 11] = 1.2, 0.8, -0.8
    found = made(rng, truth)
    table = found.table()
    assert set(np.flatnonzero(table["effect_p"] <= 0.05)) == {3, 27, 31}
    assert table.loc[[3, 27, 31], "effect_rank"].tolist() == [1, 2, 40]
    held = (table["effect_low"] <= truth.ravel()) & (truth.ravel() <= table["effect_high"])
    assert held.mean() >= 0.9


def test_halves_agree_where_maps_differ_and_do_not_where_all_is_noise():
    rng = np.random.default_rng(2)
    differing = made(rng, rng.normal(0, 0.5, (4, 32)))
    assert differing.reliability()[0] > 0.6
    assert abs(made(rng, np.zeros((4, 32))).reliability()[0]) < 0.25


def test_a_drop_is_that_of_asking_with_one_map_replaced(session):
    found = average_effects(session, [(5, lambda: a_picture(5), QUESTIONS)], DONORS[:1], seed=3)
    assert found.drops.shape == (3, session.config.blocks, session.config.maps)
    assert found.pictures.tolist() == [5, 5, 5]
    donor = session.modulate(DONORS[:1])
    for row, text in enumerate(QUESTIONS):
        own = session.modulate([text])
        logits = session.classify(session.encode_picture(a_picture(5)), own)[0][0]
        best, second = np.argsort(-logits, kind="stable")[:2]
        one = own.with_value(1, 2, gamma=donor.gamma[0, 1, 2], beta=donor.beta[0, 1, 2])
        after = session.classify(session.encode_picture(a_picture(5)), one)[0][0]
        drop = (logits[best] - logits[second]) - (after[best] - after[second])
        assert found.drops[row, 1, 2] == pytest.approx(drop, abs=1e-5)


def test_a_stopped_run_goes_on_and_others_are_not_mixed_in(session, tmp_path, monkeypatch):
    asked = [(number, lambda number=number: a_picture(number), QUESTIONS) for number in range(4)]
    whole = average_effects(session, asked, DONORS)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        average_effects(session, asked, DONORS, folder=tmp_path, progress=stop)
    assert len(list(tmp_path.iterdir())) == 2
    worked, calls = module._drops, []
    monkeypatch.setattr(module, "_drops", lambda *given: calls.append(1) or worked(*given))
    again = average_effects(session, asked, DONORS, folder=tmp_path)
    assert len(calls) == 2
    np.testing.assert_array_equal(again.drops, whole.drops)
    average_effects(session, asked, DONORS, folder=tmp_path, seed=1)
    assert len(calls) == 6
