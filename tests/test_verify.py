"""`python -m film truth`: answers held against scenes."""

import json

import pytest

from film.__main__ import main
from film.clevr.language.parser import parse
from film.clevr.language.programs import program_to_json
from film.clevr.scene_json import scene_to_json
from film.clevr.scenes import Scene, SceneObject

SCENE = Scene(
    (
        SceneObject("cube", "large", "metal", "red", 0.0, 0.0),
        SceneObject("sphere", "small", "rubber", "blue", 2.0, 1.0),
    ),
    filename="one.png",
)


def question(text, answer, **changes):
    item = {
        "image_index": 0,
        "image_filename": "one.png",
        "question": text,
        "answer": answer,
        "program": program_to_json(parse(text).program),
    }
    return {key: value for key, value in (item | changes).items() if value is not None}


ASKED = [
    question("How many red things are there?", 1),
    question("Are there any cubes?", True),
    question("What size is the ball?", "small"),
    question("How many things are there?", "2", image_filename=None),
    question("Is there a cylinder?", "yes"),  # wrong
    question("What color is the cylinder?", "red"),  # ill-posed
]


@pytest.fixture
def files(tmp_path):
    scenes, questions = tmp_path / "scenes.json", tmp_path / "questions.json"
    scenes.write_text(json.dumps({"scenes": [scene_to_json(SCENE)]}))

    def write(items):
        questions.write_text(items if isinstance(items, str) else json.dumps({"questions": items}))
        return ["truth", "--scenes", str(scenes), "--questions", str(questions)]

    return write


@pytest.mark.parametrize("more", [[], ["--parse"]])
def test_answers_typed_and_in_words_are_compared(files, capsys, more):
    assert main(files(ASKED) + more) == 0
    assert json.loads(capsys.readouterr().out) == {"questions": 6, "agree": 4, "ill_posed": 1}


def test_a_text_that_is_not_understood_does_not_agree_and_is_told(files, capsys):
    lost = question("Is there a cube?", "yes") | {"question": "Is there a dog?"}
    assert main([*files([*ASKED, lost]), "--parse"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"questions": 7, "agree": 4, "ill_posed": 1}
    assert "Question 6" in told.err
    assert "dog" in told.err


BROKEN_PROGRAM = [{"function": "filter_color", "inputs": [0], "value_inputs": ["pink"]}]


@pytest.mark.parametrize(
    ("items", "more", "said"),
    [
        ("{", [], "questions.json"),
        ("[1, 2]", [], "Question 0"),
        ({"no": 1}, [], "no list 'questions'"),
        ([question("Is there a cube?", None)], [], "no answer"),
        ([question("Is there a cube?", "yes", program=None) | {"program": []}], [], "--parse"),
        ([question("Is there a cube?", "yes", program=BROKEN_PROGRAM)], [], "Question 0"),
        ([question("Is there a cube?", "yes", image_filename="two.png", image_index=7)], [], "two.png"),
        ([question("Is there a cube?", "yes", image_filename="two.png", image_index=[])], [], "two.png"),
        ([question("Is there a cube?", {"a": 1})], [], "answer"),
        ([question("Is there a cube?", "yes") | {"question": " ?"}], ["--parse"], "empty"),
    ],
)
def test_what_cannot_be_used_ends_in_a_sentence(files, capsys, items, more, said):
    assert main(files(items) + more) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.count("\n") == 1


def test_scenes_that_cannot_be_used_end_in_a_sentence(files, capsys, tmp_path):
    command = files(ASKED)
    for text in ["", "{}", json.dumps({"scenes": [{"objects": [{"color": "pink"}]}]})]:
        (tmp_path / "scenes.json").write_text(text)
        assert main(command) == 2
        assert capsys.readouterr().err.startswith("film truth: ")
    (tmp_path / "scenes.json").unlink()
    assert main(command) == 2


@pytest.mark.parametrize("more", [[], ["--parse"]])
@pytest.mark.parametrize("name", ["clevr-official", "clevr-official-320"])
def test_official_answers_are_true(shared_data, capsys, name, more):
    folder = shared_data / name
    scenes, questions = folder / "raw" / "scenes.json", folder / "raw" / "questions.json"
    assert main(["truth", "--scenes", str(scenes), "--questions", str(questions), *more]) == 0
    assert json.loads(capsys.readouterr().out) == {"questions": 600, "agree": 600, "ill_posed": 0}
