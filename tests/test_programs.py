"""Programs run as the official ones do, and families hold exactly the official programs."""

import json

import pytest

from film.clevr.language.families import FAMILIES, match
from film.clevr.language.parser import parse
from film.clevr.language.programs import (
    ANSWERS,
    GROUPS,
    Node,
    in_words,
    program_from_json,
    program_to_json,
    question_type,
    run,
)
from film.clevr.scene_json import read_scenes
from film.clevr.scenes import Scene, SceneObject
from film.errors import InputError

OFFICIAL = ("clevr-official-scenes", "clevr-official/raw", "clevr-official-320/raw")


def thing(words: str, x: float, y: float) -> SceneObject:
    size, color, material, shape = words.split()
    return SceneObject(shape=shape, size=size, material=material, color=color, x=x, y=y)


SCENE = Scene(
    (
        thing("large red rubber cube", 0, 0),
        thing("small red metal sphere", 2, 2),
        thing("small blue metal cube", -2, -1),
    )
)


def program(*steps: tuple) -> tuple[Node, ...]:
    return tuple(Node(name, tuple(inputs), *value) for name, inputs, *value in steps)


def test_a_count_a_relation_and_an_attribute():
    reds = program(("scene", []), ("filter_color", [0], "red"), ("count", [1]))
    assert run(reds, SCENE).answer == "2"
    right = program(
        ("scene", []), ("filter_size", [0], "large"), ("unique", [1]), ("relate", [2], "right"),
        ("unique", [3]), ("query_material", [4]),
    )  # fmt: skip
    result = run(right, SCENE)
    assert result.answer == "metal"
    assert result.outputs == ((0, 1, 2), (0,), 0, (1,), 1, "metal")


def test_an_ill_posed_question_says_why():
    which = program(("scene", []), ("filter_color", [0], "red"), ("unique", [1]), ("query_shape", [2]))
    result = run(which, SCENE)
    assert result.answer is None
    assert result.reason == "no unique answer: 2 objects match “the red thing”"
    assert result.outputs == ((0, 1, 2), (0, 1))


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("What color is the cube?", "2 objects match “the cube”"),
        ("How big is the yellow sphere?", "no object matches “the yellow sphere”"),
        (
            "What size is the red object behind the blue metal cube?",
            "no object matches “the red thing behind the blue metal cube”",
        ),
        (
            "There is a thing that is both behind the sphere and in front of the blue block; "
            "what is its color?",
            "no object matches “the thing in front of the blue cube and behind the sphere”",
        ),
        ("What shape is the other thing that is the same material as the blue cube?", None),
        (
            "What color is the other thing that is the same size as the large thing?",
            "no object matches “the thing of the same size as the large thing”",
        ),
    ],
)
def test_the_phrase_that_is_not_one_object_is_named(question, reason):
    assert run(parse(question).program, SCENE).reason == (reason and f"no unique answer: {reason}")


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((), "no steps"),
        ((("scene", []),), "no answer"),
        ((("scene", []), ("fly", [0])), "'fly'"),
        ((("scene", []), ("count", [1])), "not before it"),
        ((("scene", []), ("query_size", [0])), "takes object, not set"),
        ((("scene", []), ("filter_color", [0], "pink"), ("count", [1])), "'pink'"),
    ],
)
def test_programs_that_make_no_sense_are_refused(steps, message):
    with pytest.raises(InputError, match=message):
        run(program(*steps), SCENE)


@pytest.mark.parametrize("nodes", [3, "scene", [{"function": "scene"}], [[]], [{"type": 1, "inputs": []}]])
def test_programs_that_cannot_be_read_are_refused(nodes):
    with pytest.raises(InputError):
        program_from_json(nodes)


def test_vocabulary_of_answers_and_types():
    assert len(ANSWERS) == len(set(ANSWERS)) == 28
    assert len(GROUPS) == 13
    assert {family.type for family in FAMILIES} == set(GROUPS)


def test_families_are_the_ninety_in_released_order():
    files = [family.file for family in FAMILIES]
    assert [files.index(name) for name in dict.fromkeys(files)] == [0, 9, 25, 31, 36, 64, 72, 78, 84]
    assert len(files) == 90
    assert max(phrase for family in FAMILIES for phrase in family.noun_phrases) == 4


def test_a_family_refuses_slots_that_are_not_its_own():
    with pytest.raises(InputError, match="no slot R2"):
        FAMILIES[72].program({"R1": "left", "R2": "left"})
    with pytest.raises(InputError, match="needs a value for its slot R1"):
        FAMILIES[72].program({"C1": "red"})


@pytest.mark.parametrize("folder", OFFICIAL)
def test_every_official_node_has_the_official_output(shared_data, folder):
    scenes = read_scenes(shared_data / folder / "scenes.json")
    questions = json.loads((shared_data / folder / "questions.json").read_text())["questions"]
    place = {(family.file + ".json", family.file_index): family for family in FAMILIES}
    for question in questions:
        steps = program_from_json(question["program"])
        result = run(steps, scenes[question["image_index"]])
        official = [
            tuple(node["_output"]) if isinstance(node["_output"], list) else node["_output"]
            for node in question["program"]
        ]
        assert list(result.outputs) == official, question["question"]
        assert result.answer == in_words(question["answer"])
        # The family and slots that the program is read as give the program back, node by node.
        family = place[question["template_filename"], question["question_family_index"]]
        slots = family.match(steps)
        assert slots is not None, question["question"]
        assert family.program(slots) == steps
        assert question_type(steps) == family.type
        assert match(steps) is not None
        assert program_from_json(program_to_json(steps)) == steps
