"""Many questions with sets of maps resampled: kept sets, pairs of maps, and families that were left out."""

from itertools import combinations

import numpy as np
import pytest
import torch
from tiny import a_picture, tiny_card, tiny_network

from analysis import (
    CHOSEN,
    COMPLEMENT,
    faithfulness_lines,
    family_effects_table,
    interactions_table,
    kept_sets_table,
    matched_set,
    measure_family_effects,
    measure_interactions,
    measure_kept_sets,
    under_sets,
)
from film import GivenQuestion, InputError, Questions, Session

TEXTS = ("How many red cubes are there?", "Is there a small sphere?", "What color is the cylinder?")
DONORS = ["What size is the metal cube?", "How many things are there?"]
PICTURES, EACH = 24, 6


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


@pytest.fixture(scope="module")
def asked() -> Questions:
    """Three questions about each of eighteen pictures, not in the pictures' order."""
    questions = [
        GivenQuestion(text, str(picture), family=(7 * number + picture) % 18)
        for number, text in enumerate(TEXTS) for picture in range(18)
    ]  # fmt: skip
    return Questions(questions, lambda name: a_picture(int(name)))


def test_sets_are_resampled_as_by_hand(session, asked):
    shape, rng = (session.config.blocks, session.config.maps), np.random.default_rng(1)
    sets = torch.from_numpy(rng.random((3, *shape)) < 0.4)
    few = Questions(asked.questions[:14], asked.picture)
    before, under, owners = under_sets(session, few, DONORS[:1], sets)
    donor = session.modulate(DONORS[:1])
    for row in (0, 13):
        one = few.questions[row]
        own = session.modulate([one.text])
        maps = session.encode_picture(few.picture(one.filename))
        logits = session.classify(maps, own)[0][0]
        best, second = np.argsort(-logits, kind="stable")[:2]
        assert before[row] == pytest.approx(logits[best] - logits[second], abs=1e-5)
        assert owners[row] == int(one.filename)
        for number, mask in enumerate(sets):
            changed = own[[0]]
            changed.gamma[0][mask], changed.beta[0][mask] = donor.gamma[0][mask], donor.beta[0][mask]
            after = session.classify(maps, changed)[0][0]
            assert under[row, number] == pytest.approx(after[best] - after[second], abs=1e-5)
    with pytest.raises(InputError, match="other questions"):
        under_sets(session, few, [], sets)
    with pytest.raises(InputError, match="needs questions"):
        under_sets(session, Questions([], asked.picture), DONORS, sets)


def test_a_random_set_has_as_many_maps_of_each_block_and_of_like_deviation():
    rng = np.random.default_rng(0)
    deviation, chosen = rng.random((2, 40)), np.zeros((2, 40), bool)
    steep = np.argsort(deviation[0])[-10:]
    chosen[0, steep[:4]] = True
    found = matched_set(chosen, deviation, rng)
    assert found.sum(axis=1).tolist() == [4, 0]
    assert set(np.flatnonzero(found[0])) <= set(steep)
    assert any((matched_set(chosen, deviation, rng) != chosen).any() for _ in range(5))


def of_pictures(rng: np.random.Generator, items: int, size: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Noise that questions about one picture share, (questions, items), and each one's picture."""
    owners = np.repeat(np.arange(PICTURES), EACH)
    shared = rng.normal(0, size, (PICTURES, items))[owners]
    return shared + rng.normal(0, size, (len(owners), items)), owners


def test_a_set_that_carries_the_answer_is_told_from_random_ones():
    rng = np.random.default_rng(2)
    names = [(8, kept, draw) for draw in range(20) for kept in (CHOSEN, COMPLEMENT)]
    noise, owners = of_pictures(rng, len(names) + 1)
    left = np.array([(0.9 if kept == CHOSEN else 0.1) if not draw else 0.4 for _, kept, draw in names])
    under = 6 * np.append(left, 0.0) - 1 + noise
    found = kept_sets_table(names, np.full(len(owners), 5.0), under, owners).set_index("kept")
    for kept, share in ((CHOSEN, 0.9), (COMPLEMENT, 0.1)):
        row = found.loc[kept]
        assert row["faithfulness"] == pytest.approx(share, abs=0.05)
        assert row["low"] < row["faithfulness"] < row["high"]
        assert row["random"] == pytest.approx(0.4, abs=0.05)
        assert row["p"] == pytest.approx(1 / 20)
    lines = faithfulness_lines(found.reset_index())
    assert [line.y[0] for line in lines.data] == pytest.approx(
        [found.loc[kept, name] for kept in (CHOSEN, COMPLEMENT) for name in ("faithfulness", "random")]
    )
    same = kept_sets_table(names, np.full(len(owners), 5.0), 6 * 0.4 - 1 + noise, owners)
    assert (same["p"] > 0.05).any(), "nothing sets these apart"
    for gained in (0.0, 1.0):  # with all maps resampled nothing is lost: a share of it would be no number
        with pytest.raises(InputError, match="lose nothing"):
            kept_sets_table(names, np.full(len(owners), 5.0), np.full(under.shape, 5.0 + gained), owners)


def test_a_planted_interaction_is_found_and_sums_are_none():
    rng = np.random.default_rng(3)
    chosen = [(0, 1), (0, 5), (1, 2), (1, 7), (2, 0)]
    pairs = list(combinations(range(len(chosen)), 2))
    alone, owners = of_pictures(rng, len(chosen), 1.0)
    noise, _ = of_pictures(rng, len(pairs))
    both = alone[:, [a for a, _ in pairs]] + alone[:, [b for _, b in pairs]] + noise
    both[:, pairs.index((1, 3))] += 1.0
    found = interactions_table(chosen, np.hstack([alone, both]), owners)
    first = found.iloc[0]
    assert (first["block_a"], first["map_a"], first["block_b"], first["map_b"]) == (1, 5, 2, 7)
    assert first["interaction"] == pytest.approx(1.0, abs=0.3)
    assert first["low"] < first["interaction"] < first["high"]
    assert first["interaction"] == pytest.approx(first["together"] - first["a"] - first["b"])
    assert first["p"] <= 0.01
    assert (found["p"][1:] > 0.05).all()
    few = owners < 5  # whatever they say, two of 2^5 orders of signs are as great
    with pytest.raises(InputError, match="5 are too few"):
        interactions_table(chosen, np.hstack([alone, both])[few], owners[few])


def test_an_effect_on_some_families_alone_is_not_claimed():
    rng = np.random.default_rng(4)
    owners, families = np.repeat(np.arange(PICTURES), 24), np.tile(np.arange(24), PICTURES)
    drops = rng.normal(0, 0.5, (len(owners), 2, 6))
    drops[:, 0, 1] += 1.0  # everywhere
    nothing = family_effects_table(rng.normal(0, 0.5, drops.shape), owners, families)
    assert not nothing["claimed"].any()
    plain = family_effects_table(drops, owners, families)
    claimed = plain[plain["claimed"]]
    assert list(zip(claimed["block"], claimed["map"], strict=True)) == [(1, 1)]
    assert claimed[["effect", "pictures", "families", "both"]].to_numpy() == pytest.approx(1.0, abs=0.4)
    # The same on the families that the split happens to find effects on, and on no other.
    split = np.random.default_rng(0)
    split.permutation(np.unique(owners))
    aside = split.permutation(np.unique(families))[:8]
    drops[:, 1, 3] += np.where(np.isin(families, aside), 0.0, 1.0)
    row = family_effects_table(drops, owners, families).query("block == 2 and map == 3").iloc[0]
    assert row["p"] <= 0.05
    assert row["pictures_p"] <= 0.05
    assert row["families_p"] > 0.05
    assert not row["claimed"]
    # Other families about the same pictures are no new pictures: what three of these say is said three times.
    of_few = np.repeat(np.isin(owners, (0, 1, 2))[:, None], 12, axis=1).reshape(-1, 2, 6) * 1.0
    assert (family_effects_table(of_few, owners, families)["families_p"] > 0.05).all()
    with pytest.raises(InputError, match="too few"):
        family_effects_table(drops, owners, np.zeros(len(owners)))
    # Of five families kept aside not even an effect on every question could be claimed.
    with pytest.raises(InputError, match="6 of each"):
        family_effects_table(np.ones(drops.shape), owners, families % 15)
    assert family_effects_table(np.ones(drops.shape), owners, families % 18)["claimed"].all()


def test_each_measure_gives_its_table_and_tells_how_far_it_is(session, asked):
    shape, rng = (session.config.blocks, session.config.maps), np.random.default_rng(5)
    seen = []

    def told(done: int, of: int) -> None:
        seen.append((done, of))

    sets = measure_kept_sets(
        session, asked, "here", DONORS, rng.random(shape), rng.random(shape), sizes=(2, 6, 999), draws=3,
        progress=told,
    )  # fmt: skip
    assert sets.tables["table"][["maps", "kept"]].to_numpy().tolist() == [
        [size, kept] for size in (2, 6) for kept in (CHOSEN, COMPLEMENT)
    ]
    pairs = measure_interactions(session, asked, "here", DONORS, [(0, 1), (1, 2), (2, 3)], progress=told)
    assert len(pairs.tables["table"]) == 3
    families = measure_family_effects(session, asked, "here", DONORS, progress=told)
    assert len(families.tables["table"]) == shape[0] * shape[1]
    for found in (sets, pairs, families):
        assert (found.recipe["questions"], found.recipe["pictures"]) == (54, 18)
    assert seen.count((54, 54)) == 3
    with pytest.raises(InputError, match="two or more"):
        measure_interactions(session, asked, "here", DONORS, [(0, 1), (0, 99)])
    with pytest.raises(InputError, match="part of"):
        measure_kept_sets(session, asked, "here", DONORS, np.ones(shape), np.ones(shape), sizes=(999,))
