import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import ANSWERS, a_picture, tiny_card, tiny_network

from film import checkpoint
from film.__main__ import main
from film.clevr.language.families import FAMILIES
from film.clevr.language.linked import count_questions, other_comparisons
from film.clevr.language.parser import parse
from film.clevr.language.programs import program_to_json
from film.clevr.language.realise import some_slots
from film.clevr.language.word_tree import WORDS
from film.errors import InputError
from film.evaluation import (
    GROUP_NAMES,
    PAPER,
    evaluate,
    open_questions,
    table,
)
from film.intervals import FEWEST_CLUSTERS
from film.session import Session
from film.vocabulary import Vocabulary


def question(family_index, slots, text, answer, picture=0):
    return {
        "image_filename": f"{picture}.png",
        "question": text,
        "answer": answer,
        "question_family_index": family_index,
        "program": program_to_json(FAMILIES[family_index].program(slots)),
    }


COUNT = next(f.index for f in FAMILIES if f.file == "zero_hop" and f.type == "count")
EXIST = next(f.index for f in FAMILIES if f.file == "zero_hop" and f.type == "exist")


@pytest.fixture
def folder(tmp_path):
    """Three pictures, six questions, in a flat folder."""
    (tmp_path / "images").mkdir()
    for number in range(3):
        Image.fromarray(a_picture(number)).save(tmp_path / "images" / f"{number}.png")
    items = [
        question(COUNT, {"C1": "red"}, "How many red things are there?", "3", 2),
        question(COUNT, {"C1": "blue"}, "How many blue things are there?", "2", 0),
        question(EXIST, {"S1": "cube"}, "Are there any cubes?", "yes", 2),
        question(
            0,
            {"C1": "red", "C2": "blue"},
            "Are there an equal number of red things and blue things?",
            "no",
            0,
        ),
        question(1, {"C1": "red", "C2": "blue"}, "Are there fewer red things than blue things?", "yes", 1),
        question(2, {"C1": "red", "C2": "blue"}, "Are there more red things than blue things?", "no", 1),
    ]
    (tmp_path / "questions.json").write_text(json.dumps({"questions": items}))
    return tmp_path


class Oracle(Session):
    """A session whose answers are known, without a network."""

    answers = ANSWERS
    card: Any = SimpleNamespace(name="oracle", weights="0" * 64, vocabulary=Vocabulary.of(WORDS))

    def __init__(self, say):
        self.say, self.asked = say, []

    def logits(self, pictures, questions, picture_of, interventions=None, rows=None):
        assert max(picture_of) < len(pictures)
        self.asked += questions
        return np.stack([10.0 * (np.array(ANSWERS) == self.say(text)) for text in questions])


def test_scores_by_group_and_type(folder):
    wrong = {"How many red things are there?": "4", "How many blue things are there?": "9"}
    truth = {q.text: q.answer for q in open_questions(folder).questions}
    session = Oracle(lambda text: wrong.get(text, truth.get(text)))
    result = evaluate(session, folder, self_consistency=False)
    assert (result.overall.right, result.overall.asked, result.pictures) == (4, 6, 3)
    assert {name: (share.right, share.asked) for name, share in result.groups.items()} == {
        "Count": (0, 2), "Exist": (1, 1), "Compare Numbers": (3, 3),
    }  # fmt: skip
    assert list(result.types) == ["count", "exist", "equal_integer", "less_than", "greater_than"]
    assert (result.wrong_counts, result.off_by_one) == (2, 1)
    assert result.given[0][:3] == (0, "4", "3")
    assert "off by one 50.0% (paper 96.1%)" in table(result)
    kept = json.loads(json.dumps(result.to_json()))
    assert kept["groups"]["Exist"]["accuracy"] == 1
    assert kept["paper"]["FiLM"]["Overall"] == 97.7


def test_one_question_that_is_not_clevr_s_keeps_the_paper_s_figures_away(folder):
    items = json.loads((folder / "questions.json").read_text())["questions"]
    free = {**items[0], "question": "Count the red ones!", "question_family_index": None, "program": None}
    (folder / "questions.json").write_text(json.dumps({"questions": [*items, free]}))
    result = evaluate(Oracle(lambda text: "4"), folder, self_consistency=False)
    assert result.to_json()["paper"] == {}
    assert "97.7" not in table(result)
    assert "(paper" not in table(result)


def test_a_network_that_counts_consistently_does_not_contradict_itself(folder):
    def say(text):
        program = parse(text).program
        counts = {"red": 1, "blue": 4}
        colors = [counts[node.value] for node in program if node.function == "filter_color"]
        match program[-1].function:
            case "count":
                return str(colors[0])
            case "equal_integer":
                return "yes" if colors[0] == colors[1] else "no"
            case "less_than":
                return "yes" if colors[0] < colors[1] else "no"
            case "greater_than":
                return "yes" if colors[0] > colors[1] else "no"
        return "yes"

    session = Oracle(say)
    result = evaluate(session, folder)
    assert vars(result.self_consistency) == {"compared": 3, "contradicted": 0, "trios": 3, "broken": 0}
    assert len(session.asked) == 6 + 3 * 2 + 3 * 2

    stubborn = Oracle(lambda text: "yes" if parse(text).program[-1].function != "count" else say(text))
    self_consistency = evaluate(stubborn, folder).self_consistency
    assert (self_consistency.contradicted, self_consistency.broken) == (
        2,
        3,
    )  # "fewer: yes" is borne out by its counts
    wordless = Oracle(lambda text: "red")
    assert evaluate(wordless, folder).self_consistency.contradicted == 3


@pytest.mark.parametrize("index", range(9))
def test_extra_questions_mean_what_they_should(index):
    rng = np.random.default_rng(index)
    family = FAMILIES[index]
    for _ in range(20):
        program = family.program(some_slots(family, rng))
        sides = [parse(text).program for text in count_questions(program, rng)]
        assert [side[-1].function for side in sides] == ["count", "count"]
        assert len(sides[0]) + len(sides[1]) + 1 == len(program)
        assert program[: len(sides[0])] == sides[0]
        others = [parse(text).program for text in other_comparisons(program, rng)]
        assert [other[:-1] for other in others] == [program[:-1]] * 2
        functions = {program[-1].function, *(other[-1].function for other in others)}
        assert functions == {"equal_integer", "less_than", "greater_than"}


def test_answers_are_the_session_s(folder, tmp_path):
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    progress = []

    def told(name):
        return lambda done, of: progress.append((name, done, of))

    result = evaluate(session, folder, self_consistency=False, progress=told)
    for number, (q, row) in enumerate(zip(open_questions(folder).questions, result.given, strict=True)):
        known = session.vocabulary.words(q.text, lenient=True)
        if "<UNK>" in known:
            continue
        answer = session.ask(folder / "images" / q.filename, q.text)
        assert row[1] == answer.answer
        assert row[3] == pytest.approx(answer.probabilities[answer.answer], abs=1e-3)
        assert row[0] == number
    assert progress[-1] == ("questions", 6, 6)


def test_command(folder, tmp_path, capsys):
    network = tiny_network()
    checkpoint.save(tmp_path / "net", network, tiny_card(network, name="tiny"))
    arguments = ["evaluate", "--checkpoint", str(tmp_path / "net"), "--device", "cpu"]
    out = tmp_path / "out.json"
    assert main([*arguments, "--data", str(folder), "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "Overall" in printed
    assert "97.7" in printed
    assert "Compare Numbers" in printed
    assert json.loads(out.read_text())["overall"]["asked"] == 6
    assert main([*arguments, "--data", str(folder), "--most", "2"]) == 0
    assert "2 questions about 2 pictures" in capsys.readouterr().out
    assert main([*arguments, "--data", str(tmp_path / "none")]) == 2


def test_questions_that_cannot_be_scored(folder):
    items = json.loads((folder / "questions.json").read_text())["questions"]
    for item in items:
        item.pop("answer")
    (folder / "questions.json").write_text(json.dumps({"questions": items}))
    with pytest.raises(InputError, match="without answers"):
        open_questions(folder)
    (folder / "questions.json").write_text('{"questions": []}')
    with pytest.raises(InputError, match="no questions"):
        open_questions(folder)
    (folder / "questions.json").write_text("{")
    with pytest.raises(InputError):
        open_questions(folder)


def test_a_missing_picture_is_named(folder):
    (folder / "images" / "1.png").unlink()
    with pytest.raises(InputError, match=r"1\.png"):
        evaluate(Oracle(lambda text: "yes"), folder)


def test_the_paper_s_table():
    assert all(len(row) == 1 + len(GROUP_NAMES) for row in PAPER.values())


def test_official_questions(shared_data):
    """The released form of folder, all 600 questions; an oracle with the truth is right everywhere."""
    data = shared_data / "clevr-official"
    truth = {(q.filename, q.text): q.answer for q in open_questions(data, "val").questions}
    found = open_questions(data, "val")
    assert len(found.questions) == 600
    texts = iter(
        [q for numbers in found.by_picture().values() for q in (found.questions[n] for n in numbers)]
    )
    session = Oracle(lambda text: truth[(next(texts).filename, text)])
    result = evaluate(session, data, "val", self_consistency=False)
    assert result.overall.right == result.overall.asked == 600
    assert result.pictures == 60
    assert set(result.groups) == set(GROUP_NAMES)
    assert len(result.types) == 13
    flat = open_questions(shared_data / "real-clevr")
    assert len(flat.questions) == 50
    assert flat.picture(flat.questions[0].filename).shape == (320, 480, 3)


def test_few_pictures_have_no_interval_and_the_table_says_why(folder):
    """Six questions about a handful of pictures: a share, no interval, and the reason below the table."""
    result = evaluate(Oracle(lambda text: "yes"), folder, self_consistency=False)
    assert result.pictures < FEWEST_CLUSTERS
    assert (result.overall.low, result.overall.high) == (None, None)
    printed = table(result)
    assert f"No interval: {result.pictures} pictures, under 10" in printed
    assert "nan" not in printed
    kept = json.loads(json.dumps(result.to_json()))["overall"]
    assert kept["low"] is None
    assert kept["reason"].startswith("no interval")
    assert kept["clusters"] == result.pictures
