"""Questions in other words and those that hang together: what they mean, and what an oracle answers."""

import json

import numpy as np
import pytest
from tiny import tiny_card, tiny_network

from analysis import ask_again, find_measured, paraphrases, robustness, shuffled, with_a_word_left_out
from analysis.__main__ import main
from film import (
    LINKS,
    GivenQuestion,
    InputError,
    Link,
    Questions,
    QuestionSampler,
    Session,
    Vocabulary,
    gallery,
    links,
    parse,
    read_picture,
    run,
    save,
)
from film.clevr.language.word_tree import WORDS

SCENES = [exhibit.scene for exhibit in gallery()[:12]]


def some_questions(each: int = 30) -> list[tuple[int, str]]:
    sampler = QuestionSampler(3)
    return [(n, q.text) for n, scene in enumerate(SCENES) for q in sampler.sample(scene, each)]


def test_true_answers_always_hang_together():
    rng, seen = np.random.default_rng(0), set()
    for number, text in some_questions():
        scene, program = SCENES[number], parse(text).program
        true = run(program, scene).answer
        for link in links(program, rng):
            others = [run(parse(other).program, scene).answer for other in link.questions]
            assert link.holds(true, others), (text, link, true, others)
            seen.add(link.kind)
    assert seen == set(LINKS)


def test_a_false_answer_breaks_what_it_hangs_together_with():
    assert not Link(LINKS[0], "less_than", ("a", "b")).holds("yes", ["3", "2"])
    assert not Link(LINKS[0], "less_than", ("a", "b")).holds("no", ["red", "2"])
    assert not Link(LINKS[1], "equal_integer", ("a", "b")).holds("yes", ["yes", "no"])
    assert not Link(LINKS[2], "equal_color", ("a", "b")).holds("no", ["red", "red"])
    assert not Link(LINKS[3], "equal_color", ("a",)).holds("no", ["yes"])
    assert Link(LINKS[4], "count", ("a",)).holds("0", ["no"])
    assert not Link(LINKS[4], "exist", ("a",)).holds("yes", ["0"])


def test_paraphrases_have_the_program_of_the_question():
    rng = np.random.default_rng(1)
    for _, text in some_questions(6):
        found = paraphrases(text, 10, rng)
        assert found
        assert text not in found
        assert len(set(found)) == len(found) <= 10
        assert {parse(other).program for other in found} == {parse(text).program}
    assert len(paraphrases("How many red cubes are there?", 500, rng)) < 500  # all that there are
    with pytest.raises(InputError, match="CLEVR's own words"):
        paraphrases("What color is the red cube?", 5, rng)


def test_a_word_left_out_leaves_no_other_question():
    found = dict(with_a_word_left_out("How many red cubes are there?"))
    assert "red" not in found  # "How many cubes are there?" asks something else
    assert found["many"] == "How red cubes are there"


def test_shuffled_words_are_the_same_words():
    text = "How many red cubes are there?"
    found = shuffled(text, 5, np.random.default_rng(0))
    assert 1 <= len(found) <= 5
    for other in found:
        assert sorted(other.split()) == sorted(text.rstrip("?").split())
        assert other != text.rstrip("?")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("robust")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    save(folder, network, tiny_card(network, words=words, name="tiny"))
    return folder


def test_what_is_asked_again_is_what_the_session_answers(checkpoint):
    session = Session(checkpoint, "cpu")
    pictures = [read_picture(exhibit.picture_path) for exhibit in gallery()[:12]]
    asked = [GivenQuestion(text, str(number)) for number, text in some_questions(2)]
    asked.append(GivenQuestion("What is the meaning of life?", "0"))
    found = ask_again(session, Questions(asked, lambda name: pictures[int(name)]), most=2, shuffles=1)
    assert len(asked) - 1 not in set(found["question"])
    for row in found.iloc[:: max(1, len(found) // 12)].itertuples():
        session_answers = [
            session.answer(pictures[int(row.picture)], session.modulate([text], lenient=True))[0].answer
            for text in (row.text, *row.again.split(" / "))
        ]
        assert [row.answer, *row.answers.split(" / ")] == session_answers
    table = robustness(found).set_index("way")
    own = found[found["way"] == "paraphrase"]
    assert table.loc["paraphrase", "share"] == pytest.approx(own["holds"].mean())
    assert table.loc["paraphrase", "low"] <= table.loc["paraphrase", "share"]
    assert table["asked"].sum() == len(found)
    with pytest.raises(InputError, match="None of these"):
        ask_again(session, Questions(asked[-1:], lambda name: pictures[0]))


@pytest.mark.slow
def test_commands_keep_what_they_measured(checkpoint, tmp_path, capsys):
    out = tmp_path / "robustness.json"
    asked = ["--questions", "80", "--paraphrases", "1", "--keep", "--json", str(out)]
    assert main(["robustness", str(checkpoint), *asked]) == 0
    told = json.loads(out.read_text())
    assert {"way", "share", "low", "high", "chance"} <= set(told["table"][0])
    weights = Session(checkpoint, "cpu").card.weights
    kept = find_measured(checkpoint, "robustness", weights)
    assert kept is not None
    assert list(kept.tables["table"]["way"]) == [row["way"] for row in told["table"]]
    assert kept.recipe["questions"] == 80
    assert find_measured(checkpoint, "robustness", "another") is None
    assert main(["analogies", str(checkpoint), "--triples", "40", "--keep"]) == 0
    assert "A + B - C" in capsys.readouterr().out
    rates = find_measured(checkpoint, "analogies", weights)
    assert rates is not None
    assert {"own", "sum", "step", "random"} <= set(rates.tables["rates"]["what"])
    assert main(["analogies", str(checkpoint), "--triples", "3"]) == 2
