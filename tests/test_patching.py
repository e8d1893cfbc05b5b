"""Minimal pairs and activation patching of gamma and beta."""

import numpy as np
import pytest
import torch
from tiny import a_picture, tiny_card, tiny_network

from analysis import (
    one_word_changes,
    patch_pair,
    patch_pairs,
    patch_words,
    random_direction,
    same_type_donors,
    sample_pairs,
)
from analysis.interventions.pairs import KINDS
from film import InputError, Session, Vocabulary, gallery, parse, read_picture, run
from film.clevr.language.word_tree import WORDS


@pytest.fixture(scope="module")
def session() -> Session:
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    return Session((network, tiny_card(network, words=words)), "cpu")


@pytest.fixture(scope="module")
def scenes():
    return [(f"gallery-{exhibit.number}", exhibit.scene) for exhibit in gallery()[:8]]


@pytest.mark.slow
def test_pairs_are_one_word_apart_and_answered_by_their_programs(scenes):
    known = dict(scenes)
    for same in (False, True):
        pairs = sample_pairs(scenes, 40, seed=1, same_answer=same)
        assert len(pairs) >= 30
        assert {pair.kind for pair in pairs} <= set(KINDS)
        assert len({pair.kind for pair in pairs}) >= 6
        for pair in pairs:
            one, other = pair.source.split(" "), pair.target.split(" ")
            apart = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
            assert len(apart) == 1
            scene = known[pair.picture]
            assert run(parse(pair.source).program, scene).answer == pair.source_answer
            assert run(parse(pair.target).program, scene).answer == pair.target_answer
            assert (pair.source_answer == pair.target_answer) is same is pair.same_answer
    assert sample_pairs(scenes, 40, seed=1) == sample_pairs(scenes, 40, seed=1)


def test_a_question_without_an_answer_has_no_pairs(scenes):
    picture, scene = scenes[0]
    with pytest.raises(InputError, match="no unique answer: 5 objects"):
        list(one_word_changes(picture, "What color is the thing?", scene))


@pytest.mark.parametrize("parameters", ["gamma", "beta", "both"])
def test_patching_is_the_plain_loop(session, parameters):
    picture = a_picture(2)
    source, target = "How many red cubes are there?", "What color is the large cube?"
    found = patch_pair(session, picture, source, target, parameters, answers=("2", "red"))
    own, donor = session.modulate([target]), session.modulate([source])
    index = [session.answer_index(answer) for answer in ("2", "red")]

    def difference(modulation):
        logits = session.classify(session.encode_picture(picture), modulation)[0][0]
        return float(logits[index[0]] - logits[index[1]])

    before, goal = difference(own), difference(donor)
    for block in range(session.config.blocks):
        for number in [*range(session.config.maps), slice(None)]:
            new = own.with_value(
                block,
                number,
                gamma=donor.gamma[:, block, number] if parameters != "beta" else None,
                beta=donor.beta[:, block, number] if parameters != "gamma" else None,
            )
            by_hand = (difference(new) - before) / (goal - before)
            if number == slice(None):
                mine = found.share("denoising", "blocks")[0, block]
            else:
                mine = found.share("denoising")[0, block, number]
            assert mine == pytest.approx(by_hand, abs=1e-5 / abs(goal - before) + 1e-5)
    assert found.to_json()["metric"]["answers"] == ["2", "red"]
    assert np.shape(found.to_json()["recovered"]) == (session.config.blocks, session.config.maps)


def test_noising_is_denoising_the_other_way(session):
    picture = a_picture(3)
    source, target = "How many red cubes are there?", "What color is the large cube?"
    there = patch_pair(session, picture, source, target, answers=("2", "red"))
    back = patch_pair(session, picture, target, source, answers=("red", "2"))
    np.testing.assert_allclose(there.maps["noising"], -back.maps["denoising"], atol=1e-5)
    np.testing.assert_allclose(there.share("noising"), back.share("denoising"), atol=1e-4)
    alone = patch_pair(session, picture, target, source, answers=("red", "2"), noising=False)
    assert set(alone.maps) == set(alone.blocks) == {"denoising"}
    np.testing.assert_allclose(alone.maps["denoising"], back.maps["denoising"], atol=1e-5)


def test_many_pairs_are_patched_as_one_by_one(session, scenes):
    pairs = sample_pairs(scenes, 12, seed=2)
    pictures = {f"gallery-{e.number}": read_picture(e.picture_path) for e in gallery()[:8]}
    seen = []
    found = patch_pairs(session, pairs, pictures.__getitem__, progress=lambda *done: seen.append(done))
    assert seen[-1] == (len(pairs), len(pairs))
    for row in (0, 5, len(pairs) - 1):
        pair = pairs[row]
        alone = patch_pair(
            session, pictures[pair.picture], pair.source, pair.target,
            answers=(pair.source_answer, pair.target_answer),
        )  # fmt: skip
        np.testing.assert_allclose(found.maps["denoising"][row], alone.maps["denoising"][0], atol=1e-5)
        np.testing.assert_allclose(found.blocks["noising"][row], alone.blocks["noising"][0], atol=1e-5)
        assert found.distance[row] == pytest.approx(alone.distance[0], abs=1e-5)


def test_controls_change_as_much_but_say_something_else(session, scenes):
    pairs = sample_pairs(scenes, 6, seed=3)
    pictures = {f"gallery-{e.number}": read_picture(e.picture_path) for e in gallery()[:8]}
    texts = [question.text for exhibit in gallery() for question in exhibit.questions]
    donors: dict[str, list[str]] = {}
    for text in texts:
        donors.setdefault(_type(text), []).append(text)
    change = random_direction(0)
    modulation = session.modulate([pairs[0].source, pairs[0].target])
    stepped = change(pairs[0], modulation)
    step = torch.hypot(stepped.gamma - modulation.gamma, stepped.beta - modulation.beta)
    wanted = torch.hypot(
        modulation.gamma[[1, 0]] - modulation.gamma, modulation.beta[[1, 0]] - modulation.beta
    )
    torch.testing.assert_close(step, wanted, atol=1e-5, rtol=1e-5)
    plain = patch_pairs(session, pairs, pictures.__getitem__)
    for change in (random_direction(0), same_type_donors(session, donors, 0)):
        control = patch_pairs(session, pairs, pictures.__getitem__, change=change)
        np.testing.assert_allclose(control.distance, plain.distance, atol=1e-5)
        assert np.abs(control.maps["denoising"] - plain.maps["denoising"]).max() > 1e-4


def _type(text: str) -> str:
    from film import question_type

    return question_type(parse(text).program)


def test_the_same_answer_twice_leaves_nothing_to_recover(session):
    with pytest.raises(InputError, match="no difference to recover"):
        patch_pair(session, a_picture(), "How many red cubes are there?", "How many red cubes are there?")


def test_the_state_carries_all_from_the_word_on_and_contributions_add_up_in_gamma(session):
    picture, pair = a_picture(4), ("How many red cubes are there?", "How many blue cubes are there?")
    found = patch_words(session, picture, *pair, answers=("1", "2"))
    assert list(found["source_word"]) == ["<START>", *pair[0].rstrip("?").split(), "<END>"]
    at = list(found["source_word"]).index("red")
    np.testing.assert_allclose(found["state_share"][:at], 0, atol=1e-3)
    np.testing.assert_allclose(found["state_share"][at:], 1, atol=1e-3)
    np.testing.assert_allclose(found["contribution_share"][:at], 0, atol=1e-3)  # nothing differs before it
    assert (found["contribution_share"][at:].abs() > 1e-4).any()
    maps = session.encode_picture(picture)
    own, theirs = (session.prefixes(text).running for text in reversed(pair))
    step = own[-1] + (theirs[at] - theirs[at - 1]) - (own[at] - own[at - 1])
    logits = session.classify(maps, session.modulation_of(step[None]))[0][0]
    by_hand = logits[session.answer_index("1")] - logits[session.answer_index("2")]
    assert found["contribution"][at] == pytest.approx(by_hand, abs=1e-5)
    with pytest.raises(InputError, match="equal length"):
        patch_words(session, picture, "Is there a cube?", pair[0])
