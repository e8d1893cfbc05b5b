"""Patches of whole blocks beside their controls: what is planted is found, controls stay where they are."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import CONTROLS, control_bars, controls_table, measure_patch_controls, sample_pairs
from analysis.interventions.pairs import MinimalPair
from analysis.interventions.patch_controls import OWN, SAME_ANSWER, _runners_up
from analysis.interventions.patching import Patching, patch_pairs
from analysis.question.population import Population
from film import InputError, QuestionSampler, Session, Vocabulary, gallery, parse, question_type, read_picture
from film.clevr.language.word_tree import WORDS

PICTURES, EACH, BLOCKS = 20, 3, 2


def patched(rng: np.random.Generator, effect: float) -> Patching:
    """Block 2 moves every pair by `effect` logits of the five between the questions; noise by picture."""
    count = PICTURES * EACH
    blocks = rng.normal(0, 0.3, (count, BLOCKS)) + rng.normal(0, 0.3, PICTURES).repeat(EACH)[:, None]
    blocks[:, 1] += effect
    answers = (("1", "2"),) * count
    return Patching(
        "both", answers, np.full(count, 2.0), np.full(count, -3.0), {},
        {"denoising": blocks - 3.0},
    )  # fmt: skip


def pairs(same: bool) -> list[MinimalPair]:
    answer = "1" if same else "2"
    return [
        MinimalPair(f"p{number // EACH}", "s", "t", "1", answer, "color", ("a", "b"), "count")
        for number in range(PICTURES * EACH)
    ]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    own = {OWN: patched(rng, 4.0)} | {name: patched(rng, 0.0) for name in CONTROLS}
    return controls_table(pairs(False), own, pairs(True), patched(rng, 0.5))


def test_the_own_patch_stands_out_of_its_controls_where_it_was_planted(table):
    found = table[table["kind"] == "color"].set_index(["patch", "block"])
    assert found.loc[(OWN, 2), "share"] == pytest.approx(0.8, abs=0.1)
    assert found.loc[(OWN, 2), "low"] < found.loc[(OWN, 2), "share"] < found.loc[(OWN, 2), "high"]
    assert found.loc[(OWN, 2), "turned"] > 0.9
    for name in CONTROLS:
        assert found.loc[(name, 2), "p"] <= 0.01 < 0.05 < found.loc[(name, 1), "p"]
        assert found.loc[(name, 2), "share"] == pytest.approx(0, abs=0.06)
    assert found.loc[(SAME_ANSWER, 2), "logits"] == pytest.approx(0.5, abs=0.3)
    assert np.isnan(found.loc[(SAME_ANSWER, 2), "share"])
    assert set(table["kind"]) == {"any", "color"}


def test_answers_that_were_the_other_one_before_are_not_counted_as_turned():
    rng = np.random.default_rng(0)
    own = {name: patched(rng, 0.0) for name in (OWN, *CONTROLS)}
    for of in own.values():
        of.target[:PICTURES], of.blocks["denoising"][:PICTURES] = 1.0, 1.0  # a third prefer it anyway
        of.blocks["denoising"][-EACH:] = 1.0  # and three pairs turn
    found = controls_table(pairs(False), own, pairs(True), own[OWN]).query("kind == 'color'")
    assert found["turned"].to_numpy() == pytest.approx(EACH / (PICTURES * EACH - PICTURES))


def test_the_figure_shows_every_control_with_its_interval(table):
    for logits, names in ((False, [OWN, *CONTROLS]), (True, [OWN, *CONTROLS, SAME_ANSWER])):
        drawn = control_bars(table, "color", logits=logits)
        assert [bar.name for bar in drawn.data] == names
        for bar in drawn.data:
            assert np.all(np.add(bar.error_y.array, bar.error_y.arrayminus) > 0)


def test_pairs_a_logit_apart_on_one_picture_test_nothing():
    rng = np.random.default_rng(0)
    alone = [MinimalPair("p", "s", "t", "1", "2", "color", ("a", "b"), "count")] * (PICTURES * EACH)
    own = {name: patched(rng, 4.0) for name in (OWN, *CONTROLS)}
    with pytest.raises(InputError, match="too few pictures"):
        controls_table(alone, own, [], own[OWN])


@pytest.fixture(scope="module")
def session() -> Session:
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    with torch.no_grad():
        network.classifier.layers[-1].weight.mul_(1000)  # so that pairs are logits apart
    return Session((network, tiny_card(network, words=words)), "cpu")


EXHIBITS = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()[:4]}
SCENES = [(name, exhibit.scene) for name, exhibit in EXHIBITS.items()]


def picture(name: str) -> np.ndarray:
    return read_picture(EXHIBITS[name].picture_path)


def test_runners_up_are_the_likeliest_other_answers_and_every_picture_is_read_once(session):
    some, read = sample_pairs(SCENES, 12, 1, same_answer=True), []

    def counted(name: str) -> np.ndarray:
        read.append(name)
        return picture(name)

    found = _runners_up(session, some, counted)
    assert len(some) > len(read)
    assert sorted(read) == sorted({pair.picture for pair in some})
    for pair, (runner_up, true) in zip(some, found, strict=True):
        chances = dict(session.ask(picture(pair.picture), pair.target).probabilities)
        del chances[pair.target_answer]
        assert runner_up == max(chances, key=chances.__getitem__)
        assert true == pair.target_answer


def test_blocks_are_patched_as_they_are_beside_their_maps_and_controls_come_from_other_questions(session):
    sampler, texts = QuestionSampler(0), []
    for _, scene in SCENES:
        texts += [question.text for question in sampler.sample(scene, 60)]
    read = [parse(text) for text in texts]
    asked = session.modulate(texts)
    population = Population(
        asked.gamma.numpy().astype(np.float16), asked.beta.numpy().astype(np.float16), np.array(texts),
        np.array([question_type(one.program) for one in read]), "w", 0,
        np.array([one.family.index for one in read]),
    )  # fmt: skip
    seen = []
    found = measure_patch_controls(
        session, SCENES, picture, population, pairs=16, progress=lambda *done: seen.append(done)
    )
    assert seen[-1][0] == seen[-1][1]
    assert found.recipe["pairs"] + found.recipe["alone"] == len(sample_pairs(SCENES, 16))
    assert set(found.tables["table"]["patch"]) == {OWN, *CONTROLS, SAME_ANSWER}
    some = sample_pairs(SCENES, 3)
    whole = patch_pairs(session, some, picture, noising=False)
    alone = patch_pairs(session, some, picture, noising=False, by_map=False)
    np.testing.assert_allclose(alone.blocks["denoising"], whole.blocks["denoising"], atol=1e-5)
    assert alone.maps["denoising"].shape == (3, session.config.blocks, 0)
