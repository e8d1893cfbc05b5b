"""Map cards: planted effects are found, nothing is found where there is nothing."""

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

from analysis import (
    MapCards,
    contrast,
    extract_here,
    find_maps,
    measure_maps,
    object_labels,
    question_labels,
    sample_questions,
    write_maps,
)
from analysis.corpus.contrasts import MEDIUM, SURE, contrast_types, joined, labels_of, survival
from analysis.question.scene_objects import cover
from benchmarks.simulations.labels import FRONT, LARGE, seen_objects, words_of_templates
from film import Cancelled, InputError, Session, sample_scene


def some_labels(rng: np.random.Generator, n: int, values: int) -> np.ndarray:
    labels = rng.random((n, values)) < rng.uniform(0.15, 0.5, values)
    labels[0], labels[1] = True, False
    return labels


def test_delta_is_cliff_s():
    rng = np.random.default_rng(0)
    labels, readings = some_labels(rng, 60, 2), rng.integers(0, 9, (60, 3)).astype(float)
    found = contrast(labels, readings, trials=9, resamples=9)
    for value in range(2):
        for number in range(3):
            inside, outside = readings[labels[:, value], number], readings[~labels[:, value], number]
            apart = np.sign(inside[:, None] - outside[None]).mean()
            assert found.delta[value, number] == pytest.approx(apart, abs=1e-5)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(1), 0
    for trial in range(100):
        groups = np.arange(80) // 4
        labels = np.arange(80)[:, None] % 2 == 0
        readings = rng.normal(size=(80, 1)) + 5 * rng.normal(size=20)[groups][:, None] + labels
        found = contrast(labels, readings, groups, by_group=trial % 2 == 0, trials=1, seed=trial)
        held += found.low[0, 0] <= 0.5205 <= found.high[0, 0]  # within a group, 2 Phi(1 / sqrt(2)) - 1
    assert 85 <= held <= 99


@pytest.mark.slow
def test_shuffled_labels_give_a_label_at_most_one_time_in_twenty():
    rng, false = np.random.default_rng(5), 0
    for trial in range(1000):
        labels, readings = some_labels(rng, 60, 4), rng.normal(size=(60, 10))
        found = contrast(labels, readings, trials=59, resamples=1, seed=trial)
        false += bool((found.p <= SURE).any())
    assert false <= 64  # 5 % and what chance adds to it in 1,000 trials


def test_planted_maps_are_found_and_no_others():
    rng = np.random.default_rng(3)
    labels, readings = some_labels(rng, 600, 6), rng.normal(size=(600, 40))
    planted = {3: 0, 17: 4, 31: 5}
    for number, value in planted.items():
        readings[:, number] += 2 * labels[:, value] * (-1 if number == 17 else 1)
    found = contrast(labels, readings, trials=200, resamples=50)
    names = [("word", f"w{value}") for value in range(6)]
    told = {number: label for number, label in enumerate(labels_of(found, names)) if label != "unlabelled"}
    assert told == {3: "+w0", 17: "−w4", 31: "+w5"}
    assert (np.abs(found.delta[[0, 4, 5], [3, 17, 31]]) > MEDIUM).all()


def test_a_label_of_all_or_none_is_refused():
    with pytest.raises(InputError, match="all or none"):
        contrast(np.ones((9, 1), bool), np.zeros((9, 2)))


def test_labels_say_what_objects_are_and_where():
    scene = sample_scene(np.random.default_rng(4))
    centres = np.random.default_rng(0).random((len(scene.objects), 2))
    names, labels = object_labels([scene], [centres])
    assert len(names) == 8 + 3 + 2 + 2 + 2 + 2
    for thing, place, row in zip(scene.objects, centres, labels, strict=True):
        own = {value for (_, value), had in zip(names, row, strict=True) if had}
        side = "left" if place[0] < 0.5 else "right"
        assert own >= {thing.color, thing.shape, thing.material, thing.size, side}
        assert len(own) == 6


def test_words_that_are_rare_or_everywhere_are_left_out():
    table = pd.DataFrame({"text": ["a red cube?"] * 50 + ["a ball?"] * 50, "type": ["count"] * 100})
    names, labels = question_labels(table)
    assert names == [("word", "ball"), ("word", "cube"), ("word", "red")]
    assert labels.sum(axis=0).tolist() == [50, 50, 50]


def test_a_word_that_goes_with_its_template_is_no_label():
    """Gamma follows the family alone, and a word is commoner in some. Planted: one that moves it within."""
    words, gamma, families = words_of_templates(np.random.default_rng(6))
    names = [("word", "same"), ("word", "red")]
    mixed, within = contrast(words, gamma), contrast(words, gamma, families)
    assert [label for label in labels_of(mixed, names) if "same" in label]
    assert labels_of(within, names) == ["unlabelled"] * 2 + ["+red"] + ["unlabelled"] * 3
    plain, stays = survival(within, names)["word"]
    assert plain >= 4
    assert stays == 1
    np.testing.assert_allclose(within.plain, mixed.delta, atol=1e-6)


def test_a_word_that_is_its_template_cannot_be_told_from_it():
    rng = np.random.default_rng(7)
    families = rng.integers(0, 12, 600)
    words, gamma = (families < 4)[:, None], families[:, None] + rng.normal(size=(600, 2))
    within = contrast(words, gamma, families, trials=20, resamples=20)
    assert np.isnan([within.delta, within.low, within.high]).all()
    assert (within.p == 1).all()
    assert labels_of(within, [("word", "same")]) == ["unlabelled", "unlabelled"]


def test_types_are_compared_between_families():
    rng = np.random.default_rng(8)
    families = rng.integers(0, 40, 2000)
    types = np.array(["count", "exist"])[families % 2]
    moved = rng.normal(size=40)
    gamma = moved[families][:, None] + rng.normal(size=(2000, 30))  # families differ, types do not
    gamma[:, 4] += 3 * (types == "count")
    names, found = contrast_types(types, families, gamma)
    assert names == [("type", "count"), ("type", "exist")]
    assert labels_of(found, names)[4] == "+count"
    assert found.sure.sum() == 2  # count, and exist the other way round
    both = joined(found, found)
    assert both.p.max() <= 1
    assert both.p.min() == pytest.approx(2 * found.p.min())
    assert contrast_types(np.full(9, "count"), np.arange(9), gamma[:9])[0] == []


def test_a_map_that_answers_all_objects_alike_has_no_label(session):
    """It is 1 where there is an object: it reads higher where one is large, and near, for being seen more."""
    seen = seen_objects(9, session, scenes=40)
    assert seen.plain()[0] in LARGE
    alike, _, front, size = seen.adjusted()
    assert alike == "unlabelled"
    # Planted: what a map answers to, and nothing that only goes with it at equal cover.
    assert front in FRONT
    assert size in LARGE


@pytest.fixture(scope="module")
def session():
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


def test_objects_are_read_where_they_stand(session):
    objects = np.zeros((120, 180), np.uint8)
    objects[:60, :90], objects[100:, 170:] = 1, 2
    shares = cover(objects, session)
    columns, rows = session.config.grid
    assert shares.shape == (2, rows, columns)
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), 1, atol=1e-5)
    assert shares[0, : rows // 2, : columns // 2].sum() > 0.95
    assert shares[1, -1, -1] > 0.9


def test_selective_maps_are_those_that_a_label_would_name():
    effects = pd.DataFrame(
        [
            (0, 1, "pictures", "color", "red", 0.4, 0.01),
            (0, 1, "pictures", "shape", "cube", 0.9, 0.01),
            (0, 2, "pictures", "color", "red", -0.7, 0.01),
            (0, 3, "pictures", "color", "red", 0.9, 0.2),  # not sure
            (0, 4, "pictures", "color", "red", 0.2, 0.01),  # too small
            (1, 0, "language", "type", "equal_color", 0.5, 0.01),
            (1, 1, "language", "word", "red", 0.5, 0.01),
            (1, 2, "language", "word", "fewer", 0.5, 0.01),
        ],
        columns=["block", "map", "about", "attribute", "value", "delta", "p"],
    )
    cards = MapCards(pd.DataFrame(), effects, {})

    def found(about: str, wanted: str = "") -> list[tuple[int, int, str]]:
        rows = cards.selective(about, wanted)
        return list(zip(rows["block"], rows["map"], rows["value"], strict=True))

    assert found("pictures", "+Red ") == [(0, 2, "red"), (0, 1, "red")]  # the greatest first, either way
    assert found("pictures") == [(0, 1, "cube"), (0, 2, "red")]  # one row a map
    assert found("language", "red") == [(1, 1, "red")]  # not what ends on it
    assert found("language", "color") == [(1, 0, "equal_color")]
    assert found("language", "cube") == []


@pytest.mark.slow
def test_cards_are_measured_kept_and_found_again(session, tmp_path):
    study = extract_here(session, sample_questions(300, 0))
    steps = []
    cards = measure_maps(
        session, study, scenes=10, folder=tmp_path / "kept",
        progress=lambda done, of: steps.append((done, of)),
    )  # fmt: skip
    assert steps[-1][0] == steps[-1][1]
    config = session.config
    assert len(cards.cards) == config.blocks * config.maps
    shares = cards.cards
    assert shares["effect_shrunken"].between(shares["effect_low"], shares["effect_high"]).all()
    assert sorted(shares["effect_rank"]) == list(range(1, len(shares) + 1))
    assert len(list((tmp_path / "kept").iterdir())) == 10
    assert f"{len(cards.telling)} of {len(shares)} maps" in cards.trust()
    assert {"color", "size", "word"} <= set(cards.recipe["survives"])
    assert all(plain >= stays for plain, stays in cards.recipe["survives"].values())
    assert shares["best"].str.split().str.len().eq(4).all()
    one = cards.effects_of(1, 2, "pictures")
    assert one["delta"].abs().is_monotonic_decreasing
    write_maps(tmp_path / "study", cards)
    again = find_maps(tmp_path, session.card.weights)
    pd.testing.assert_frame_equal(again.cards, cards.cards, check_dtype=False)
    assert find_maps(tmp_path, "others") is None
    (tmp_path / "study" / "maps.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="analysis maps"):
        find_maps(tmp_path, session.card.weights)
    with pytest.raises(Cancelled):
        measure_maps(session, study, scenes=10, cancel=lambda: True)
    with pytest.raises(InputError, match="9 scenes"):
        measure_maps(session, study, scenes=9)
