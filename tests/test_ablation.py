"""Accuracy under ablations of gamma and beta, beside asking by hand."""

from dataclasses import replace
from typing import Any

import pytest
from tiny import ANSWERS, a_picture, tiny_card, tiny_network

from analysis import ablate, measure_ablations, set_ablations, set_table, standard_ablations
from film import GivenQuestion, InputError, Noise, Questions, ReplaceByMean, Session, SetValue, Where, parse

TEXTS = [
    "How many red cubes are there?",
    "How many large spheres are there?",
    "What color is the large cube?",
    "Is there a red cube?",
]


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network()
    return Session((network, tiny_card(network)), "cpu")


@pytest.fixture(scope="module")
def asked(session) -> Questions:
    """Questions whose given truth is what the network says, so that it is right about all of them."""
    pictures = {f"p{number}": a_picture(number) for number in range(12)}
    questions = [
        GivenQuestion(text, name, session.ask(pixels, text).answer, parse(text).program)
        for name, pixels in pictures.items()
        for text in TEXTS
    ]
    return Questions(questions, pictures.__getitem__)


def test_accuracy_is_what_asking_by_hand_gives(session, asked):
    edits: dict[tuple[str, int, float | None], Any] = {
        ("gamma at its mean", 0, None): [ReplaceByMean(Where(None, None, "gamma"))],
        ("beta silenced", 2, None): SetValue(Where((1,), None, "beta"), 0.0),
    }
    found = ablate(session, asked, edits)
    assert list(found.loc[found["what"] == "none", "accuracy"]) == [1.0] * 4  # all, count, exist, query
    for (what, block, _), edit in edits.items():
        row = found[(found["what"] == what) & (found["group"] == "all")].iloc[0]
        right = sum(
            session.ask(asked.picture(q.filename), q.text, edit).answer == q.answer for q in asked.questions
        )
        assert (row["right"], row["asked"], row["block"]) == (right, len(asked.questions), block)
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert row["change"] == pytest.approx(100 * (right / len(asked.questions) - 1))
    groups = found[found["what"] == "gamma at its mean"].set_index("group")
    assert groups.loc["all", "right"] == groups.drop("all")["right"].sum()


def test_the_standard_ones_cover_blocks_and_kinds(session, asked):
    named = standard_ablations(3, noise=(1.0,), seed=4)
    assert len(set(named)) == len(named) == 4 * 4 + 2 * 4
    assert named["noise on beta", 2, 1.0] == [Noise(Where((1,), None, "beta"), 1.0, 4)]
    few = {key: named[key] for key in list(named)[:2]}
    seen = []
    once = ablate(session, asked, few, progress=lambda *done: seen.append(done))
    assert seen[-1] == (2 * len(asked.questions), 2 * len(asked.questions))
    assert once.equals(ablate(session, asked, few))
    assert set(once["group"]) == {"all", "Count", "Exist", "Query Attribute"}
    assert set(ANSWERS) >= {question.answer for question in asked.questions}


def test_what_is_kept_says_whether_clevrs_questions_were_asked(session, asked):
    kept = measure_ablations(session, asked, "here", noise=(1.0,))
    assert kept.recipe["clevrs"] is False  # these say of no family
    some = Questions([replace(question, family=3) for question in asked.questions], asked.picture)
    assert measure_ablations(session, some, "here", noise=(1.0,)).recipe["clevrs"] is True


def test_without_truth_there_is_no_accuracy(session):
    asked = Questions([GivenQuestion(TEXTS[0], "p")], lambda name: a_picture())
    with pytest.raises(InputError, match="without answers"):
        ablate(session, asked)


def test_sets_of_maps_stand_beside_random_ones_of_the_same_blocks(session, asked):
    order = [(0, 1), (0, 2), (2, 5), (1, 0)]
    named = set_ablations(order, 3, 8, counts=(1, 4, 9), draws=2, seed=1)
    assert set(named) == {(what, 0, float(k)) for k in (1, 4)
                          for what in ("top maps", "random maps, draw 1", "random maps, draw 2")}  # fmt: skip
    assert named["top maps", 0, 4.0] == [
        ReplaceByMean(Where((0,), (1, 2))), ReplaceByMean(Where((2,), (5,))), ReplaceByMean(Where((1,), (0,)))
    ]  # fmt: skip
    drawn = named["random maps, draw 2", 0, 4.0]
    drawn_maps = [edit.where.maps for edit in drawn if isinstance(edit, ReplaceByMean)]
    assert [len(maps or ()) for maps in drawn_maps] == [2, 1, 1]
    found = ablate(session, asked, named)
    table = set_table(found)
    assert list(table["maps"]) == [1, 4]
    whole = found[(found["group"] == "all") & (found["value"] == 4)].set_index("what")["accuracy"]
    assert table.loc[1, "top"] == whole["top maps"]
    assert table.loc[1, "random"] == pytest.approx(whole.drop("top maps").mean())
    with pytest.raises(InputError, match="beyond"):
        set_ablations([(7, 0)], 3, 8)
