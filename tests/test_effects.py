"""What made an answer, lines and sums between questions, and the smallest change that flips one."""

import numpy as np
import pytest
import torch
from tiny import a_picture, tiny_card, tiny_network

from analysis import (
    Kind,
    MapEffects,
    analogy_of,
    analogy_rates,
    interactions,
    interpolate,
    map_effects,
    questions_to_resample,
    replacement_curves,
    sample_analogies,
    smallest_flip,
    source_distances,
    try_analogies,
)
from analysis.interventions import flip
from analysis.interventions.analogies import _stepped
from analysis.question.population import Population
from film import (
    Blend,
    InputError,
    Session,
    SetValue,
    Vocabulary,
    Where,
    gallery,
    parse,
    probabilities,
    question_type,
    read_picture,
    run,
)
from film.clevr.language.word_tree import WORDS

FIRST, SECOND = "How many red cubes are there?", "What color is the large cube?"
DONORS = {
    "any": [SECOND, "Are there any spheres?", "What is the shape of the red thing?", FIRST],
    "same type": ["How many blue cubes are there?", "How many large spheres are there?"],
    "same family": ["How many green spheres are there?"],
}


def build(**changes) -> Session:
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words), **changes)
    return Session((network, tiny_card(network, words=words)), "cpu")


@pytest.fixture(scope="module")
def session() -> Session:
    return build()


def margin(session, picture, modulation, best, second) -> float:
    logits = session.classify(session.encode_picture(picture), modulation)[0][0]
    return float(logits[best] - logits[second])


def divergence(session, picture, before, after) -> float:
    maps = session.encode_picture(picture)
    was, now = (probabilities(session.classify(maps, which)[0][0]) for which in (before, after))
    return float((was * np.log(was / now)).sum())


@pytest.mark.slow
def test_effects_are_what_replacing_one_map_by_hand_does(session):
    picture, own = a_picture(2), session.modulate([FIRST])
    found = map_effects(session, picture, FIRST, DONORS, count=2, seed=1)
    best, second = session.answer_index(found.answer), session.answer_index(found.runner_up)
    assert found.difference == pytest.approx(margin(session, picture, own, best, second), abs=1e-5)
    mean = session.mean_modulation
    donors = session.modulate(DONORS["same type"])
    for block, number in ((0, 0), (1, 3), (2, 7)):
        for name, sources in (
            ("mean", mean), ("resampled, same type", donors),
        ):  # fmt: skip
            drops, moved = [], []
            for row in range(len(sources)):
                changed = own.with_value(
                    block, number,
                    gamma=sources.gamma[row, block, number], beta=sources.beta[row, block, number],
                )  # fmt: skip
                drops.append(found.difference - margin(session, picture, changed, best, second))
                moved.append(divergence(session, picture, own, changed))
            assert found.effects[name][block, number] == pytest.approx(np.mean(drops), abs=1e-4)
            assert found.divergence[name][block, number] == pytest.approx(np.mean(moved), rel=1e-3, abs=1e-6)
            if name in found.deviation:
                row = found.table().query("block == @block + 1 and map == @number").iloc[0]
                assert row[f"{name}, standard deviation"] == pytest.approx(np.std(drops), abs=1e-4)
        off = own.with_value(block, number, gamma=1.0, beta=0.0)
        by_hand = found.difference - margin(session, picture, off, best, second)
        assert found.effects["identity"][block, number] == pytest.approx(by_hand, abs=1e-4)
    table, agreement = found.table(), found.agreement()
    assert len(table) == own.gamma[0].numel()
    np.testing.assert_allclose(np.diag(agreement), 1)
    assert set(agreement) == set(found.effects)
    assert set(found.divergence) == set(found.effects) - {"gradient estimate"}
    assert found.donors["resampled, same family"] == DONORS["same family"]
    assert "resampled, same family, KL divergence" in table
    assert found.strongest("mean", 1)[0] == np.unravel_index(
        found.effects["mean"].argmax(), found.effects["mean"].shape
    )
    with pytest.raises(InputError, match="no other question"):
        map_effects(session, picture, FIRST, {"none": [FIRST]})


def test_questions_to_resample_are_others_of_the_type_and_of_the_family():
    texts = [FIRST, SECOND, *DONORS["same type"], "What number of tiny balls are left of the cyan cube?"]
    read = [parse(text) for text in texts]
    none = np.zeros((len(texts), 1, 1), np.float16)
    population = Population(
        none, none, np.array(texts), np.array([question_type(one.program) for one in read]), "w", 0,
        np.array([one.family.index for one in read]),
    )  # fmt: skip
    found = questions_to_resample(population, FIRST)
    assert set(found["any"]) == set(texts[1:])
    assert set(found["same type"]) == set(texts[2:])
    assert set(found["same family"]) == set(DONORS["same type"])
    assert questions_to_resample(population, FIRST) == found
    assert set(questions_to_resample(population, SECOND)) == {"any"}  # no other of its type
    assert set(questions_to_resample(population, "What?")) == {"any"}


def test_donors_lie_as_far_from_the_distribution_as_their_z_says(session):
    texts = [FIRST, SECOND, *DONORS["same type"], *DONORS["same family"]]
    asked = session.modulate(texts)
    gamma, beta = asked.gamma.numpy().astype(np.float16), asked.beta.numpy().astype(np.float16)
    gamma[:, 0, 0] = 1  # a map that no question varies says nothing of any
    population = Population(gamma, beta, np.array(texts), np.array(["count"] * 5), "w", 0)
    found = source_distances(
        session, population,
        MapEffects("1", "2", 1.0, {}, {}, {}, {"resampled, same type": DONORS["same type"]}),
    ).set_index(["kind", "donor"])  # fmt: skip
    by_hand = np.zeros(len(texts))
    for values, own in ((gamma, asked.gamma), (beta, asked.beta)):
        values = values.astype(np.float32).reshape(len(texts), -1)
        exact = own.numpy().reshape(values.shape)
        for number in range(1 if own is asked.gamma else 0, values.shape[1]):
            by_hand += ((exact[:, number] - values[:, number].mean()) / values[:, number].std()) ** 2
    by_hand = np.sqrt(by_hand / (2 * gamma[0].size - 1))
    for row, text in enumerate(DONORS["same type"], start=2):
        assert found.loc[("resampled, same type", text), "distance"] == pytest.approx(by_hand[row], rel=1e-2)
    assert len(found) == 4
    assert found.loc[("identity", ""), "percentile"] == 100
    assert found.loc[("identity", ""), "distance"] > by_hand.max()


@pytest.mark.slow
def test_curves_begin_and_end_where_they_must(session):
    picture = a_picture(3)
    effects = map_effects(session, picture, FIRST, DONORS, count=2)
    deviation = np.random.default_rng(0).random(effects.effects["mean"].shape)
    found = replacement_curves(session, picture, FIRST, effects.effects["mean"], deviation)
    size, ends = deviation.size, found.set_index(["curve", "order", "maps"])["difference"]
    best, second = session.answer_index(effects.answer), session.answer_index(effects.runner_up)
    nothing_left = margin(session, picture, session.mean_modulation, best, second)
    for order in ("effect", "random", "matched"):
        assert ends["deletion", order, 0] == pytest.approx(effects.difference, abs=1e-4)
        assert ends["insertion", order, size] == pytest.approx(effects.difference, abs=1e-4)
        assert ends["deletion", order, size] == pytest.approx(nothing_left, abs=1e-4)
        assert ends["insertion", order, 0] == pytest.approx(nothing_left, abs=1e-4)
    assert (found["low"] <= found["high"] + 1e-9).all()


def test_interactions_add_up(session):
    picture, own, mean = a_picture(4), session.modulate([FIRST]), session.mean_modulation
    chosen = [(0, 1), (1, 2), (2, 3)]
    found = interactions(session, picture, FIRST, chosen)
    assert len(found) == 3
    assert list(found["interaction"].abs()) == sorted(found["interaction"].abs(), reverse=True)
    row = found[(found["block_a"] == 1) & (found["block_b"] == 3)].iloc[0]
    both = own
    for block, number in ((0, 1), (2, 3)):
        both = both.with_value(
            block, number, gamma=mean.gamma[0, block, number], beta=mean.beta[0, block, number]
        )
    logits = session.classify(session.encode_picture(picture), own)[0][0]
    best, second = np.argsort(-logits, kind="stable")[:2]
    drop = float(logits[best] - logits[second]) - margin(session, picture, both, best, second)
    assert row["together"] == pytest.approx(drop, abs=1e-4)
    assert row["interaction"] == pytest.approx(row["together"] - row["a"] - row["b"])
    with pytest.raises(InputError, match="two or more"):
        interactions(session, picture, FIRST, [(0, 1), (0, 1)])


def test_the_line_ends_at_both_questions(session):
    picture = a_picture(5)
    line = interpolate(session, picture, FIRST, SECOND, steps=5)
    for end, question in ((0, FIRST), (4, SECOND)):
        asked = session.ask(picture, question)
        chances = line.loc[end, list(session.answers)].astype(float)
        np.testing.assert_allclose(chances, list(asked.probabilities.values()), atol=1e-5)
        assert line.loc[end, "answer"] == asked.answer
    middle = session.ask(picture, FIRST, [Blend(Where(), 0.5, SECOND)])
    assert line.loc[2, "answer"] == middle.answer
    one = interpolate(session, picture, FIRST, SECOND, Where((1,), None, "gamma"), steps=2)
    by_hand = session.ask(picture, FIRST, [Blend(Where((1,), None, "gamma"), 1.0, SECOND)])
    assert one.loc[1, "answer"] == by_hand.answer
    with pytest.raises(InputError, match="2 or more"):
        interpolate(session, picture, FIRST, SECOND, steps=1)


def test_analogies_change_a_color_and_a_shape(session):
    scenes = [(f"gallery-{exhibit.number}", exhibit.scene) for exhibit in gallery()[:6]]
    pictures = {f"gallery-{e.number}": read_picture(e.picture_path) for e in gallery()[:6]}
    analogies = sample_analogies(scenes, 12, seed=1)
    assert len(analogies) >= 6
    for one in analogies:
        texts = [one.question, one.plus_one, one.plus_two, one.minus]
        words = [text.rstrip("?").split(" ") for text in texts]
        apart = [[a != b for a, b in zip(words[0], other, strict=True)] for other in words[1:]]
        assert [sum(row) for row in apart] == [1, 1, 2]
        assert [a or b for a, b in zip(apart[0], apart[1], strict=True)] == apart[2]
        for text in texts:
            parse(text)
        assert run(parse(one.question).program, dict(scenes)[one.picture]).answer == one.answer
    seen = []
    found = try_analogies(session, analogies, pictures.__getitem__, progress=lambda *done: seen.append(done))
    assert seen[-1] == (len(analogies), len(analogies))
    assert len(found) == len(analogies)
    row, one = found.iloc[0], analogies[0]
    own, a, b, c = (session.modulate([t]) for t in (one.question, one.plus_one, one.plus_two, one.minus))
    assert row["sum"] == session.answer(pictures[one.picture], a.plus(b).minus(c))[0].answer
    assert row["own"] == session.answer(pictures[one.picture], own)[0].answer
    assert (found["distance"] > 0).all()


def test_the_smallest_flip_flips_and_needs_all_it_names():
    session = build(seed=3)
    picture = a_picture(7)
    effects = map_effects(session, picture, FIRST, DONORS, count=2)
    shape = effects.effects["mean"].shape
    deviation: dict[Kind, np.ndarray] = {"gamma": np.ones(shape), "beta": np.ones(shape)}
    found = smallest_flip(session, picture, FIRST, effects.effects["mean"], deviation, seed=2)
    plain, mean = session.ask(picture, FIRST), session.mean_modulation
    assert found.norm is not None
    assert found.norm_answer != plain.answer
    assert found.norm_random is None or found.norm_random >= found.norm
    all_mean = session.answer(picture, mean)[0].answer
    if all_mean == plain.answer:
        assert found.maps is None
        return
    assert found.maps

    def at_mean(places):
        return [
            SetValue(Where((block,), (number,), kind), float(getattr(mean, kind)[0, block, number]))
            for block, number in places for kind in ("gamma", "beta")
        ]  # fmt: skip

    assert session.ask(picture, FIRST, at_mean(found.maps)).answer == found.answer != plain.answer
    for left_out in found.maps:
        fewer = [place for place in found.maps if place != left_out]
        if fewer:
            assert session.ask(picture, FIRST, at_mean(fewer)).answer == plain.answer
    assert torch.equal(session.modulate([FIRST]).gamma, session.modulate([FIRST]).gamma)


class Rule:
    """For `flip`: another answer where a rule says so of the maps at their mean and of a map's step."""

    def __init__(self, session: Session, _, own):
        self.own, self.mean, self.logits = own, session.mean_modulation, np.array([[1.0, 0.0]])

    def under(self, changed, _):
        at_mean = (changed.gamma == self.mean.gamma).flatten(1).numpy()
        steps = (changed.gamma - self.own.gamma)[:, 0, 0].numpy()
        told = [self.flips(set(np.flatnonzero(row)), step) for row, step in zip(at_mean, steps, strict=True)]
        return np.eye(2)[np.array(told, int)]

    @staticmethod
    def flips(places: set[int], step: float) -> bool:
        if places:
            return places >= {0, 1, 2, 3} or places in ({0, 1, 3}, {0, 3}, {0})
        return step > 5


def flipped_by_rule(session, monkeypatch, deviation: float, seed: int = 0):
    monkeypatch.setattr(flip, "Baseline", Rule)
    shape = session.mean_modulation.gamma.shape[1:]
    size = np.full(shape, deviation)
    order = -np.arange(size.size, dtype=float).reshape(shape)
    return smallest_flip(session, a_picture(7), FIRST, order, {"gamma": size, "beta": size}, seed=seed)


def test_maps_are_left_out_until_all_are_needed(session, monkeypatch):
    """Map 3 is needed beside 0 and 1, but not beside 0 alone."""
    assert flipped_by_rule(session, monkeypatch, 1.0).maps == ((0, 0),)


def test_random_directions_that_change_nothing_count_in_their_median(session, monkeypatch):
    """One map's step decides, so that about half of all directions never change the answer."""
    found = [flipped_by_rule(session, monkeypatch, 1.0, seed).norm_random for seed in range(8)]
    assert any(size is None for size in found)
    assert any(size is not None for size in found)


def test_where_nothing_varies_no_step_changes_an_answer(session):
    shape = session.mean_modulation.gamma.shape[1:]
    nothing: dict[Kind, np.ndarray] = {"gamma": np.zeros(shape), "beta": np.zeros(shape)}
    for number in range(4):
        found = smallest_flip(session, a_picture(number), FIRST, np.ones(shape), nothing)
        assert (found.norm, found.norm_answer, found.norm_random) == (None, None, None)


def test_rates_of_sums_stand_beside_their_controls(session):
    scenes = [(f"gallery-{exhibit.number}", exhibit.scene) for exhibit in gallery()[:12]]
    pictures = {f"gallery-{e.number}": read_picture(e.picture_path) for e in gallery()[:12]}
    made = sample_analogies(scenes, 24, seed=1)
    found = try_analogies(session, made, pictures.__getitem__)
    again = found.assign(sum=found["truth"], sum_right=True, step="nothing", step_right=False)
    rates = analogy_rates(again).set_index("what")
    assert rates.loc["sum", "share"] == 1.0 == rates.loc["sum - step", "share"]
    assert rates.loc["own", "right"] == (found["own"] == found["truth"]).sum()
    assert rates.loc["sum as own", "right"] == (found["own"] == found["truth"]).sum()
    assert rates.loc["sum - own", "low"] <= rates.loc["sum - own", "share"] <= rates.loc["sum - own", "high"]
    one, two, c = (session.modulate([getattr(made[0], part)]) for part in ("plus_one", "plus_two", "minus"))
    there = _stepped(one, two, c, np.random.default_rng(0))
    size = torch.hypot(there.gamma - one.gamma, there.beta - one.beta)
    wanted = torch.hypot(two.gamma - c.gamma, two.beta - c.beta)
    torch.testing.assert_close(size, wanted, atol=1e-5, rtol=1e-4)
    assert analogy_of(made[0].picture, made[0].question, scenes[0][1]) is not None
    assert analogy_of("p", "How many things are there?", scenes[0][1]) is None
