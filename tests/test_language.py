"""Question texts: said as CLEVR says them, and understood again."""

import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from film.clevr.language.families import FAMILIES
from film.clevr.language.parser import NotUnderstood, completions, nearest, parse
from film.clevr.language.programs import GROUPS, program_from_json, run
from film.clevr.language.realise import could_say, examples, realise, some_slots, wordings
from film.clevr.language.templates import templates
from film.clevr.language.tokens import split_words
from film.clevr.language.word_tree import WORDS
from film.clevr.scene_json import read_scenes
from film.errors import InputError

# How many forms CLEVR has for each family, in the released order.
FORMS = (
    *(3, 2, 2, 3, 2, 2, 3, 2, 2),
    *(5, 4, 5, 4, 6, 6, 6, 6, 6, 6, 5, 5, 5, 6, 6, 6),
    *(4, 4, 6, 5, 5, 6),
    *(2, 6, 5, 7, 5),
    *(6, 9, 6, 6, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4, 4, 4, *[5] * 12),
    *(4, 4, 4, 4, 4, 2, 4, 4),
    *(4, 2, 6, 5, 6, 5),
    *(4, 4, 6, 5, 6, 5),
    *(2, 3, 6, 3, 4, 5),
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.file}-{family.file_index}")
def test_every_family_is_understood_as_it_is_said(family):
    rng = np.random.default_rng(family.index)
    for _ in range(25):
        slots = some_slots(family, rng)
        text = realise(family, slots, rng)
        assert could_say(text, family, slots)
        read = parse(text)
        assert read.official
        assert read.program == family.program(slots), text
        assert could_say(text, read.family, read.slots)


def test_families_have_as_many_forms_as_in_clevr():
    assert tuple(len(templates(family)) for family in FAMILIES) == FORMS


def test_there_are_88_words():
    assert len(WORDS) == 88
    assert len({word.lower() for word in WORDS}) == 81
    assert list(WORDS) == sorted(WORDS)


def test_wordings_are_exactly_what_is_said():
    rng = np.random.default_rng(0)
    for index, slots in [
        (84, {"Z1": "small", "C1": "red", "M1": "metal", "S1": "sphere"}),
        (86, {"M1": "rubber"}),
        (47, {"C1": "red", "C2": "blue", "M2": "rubber"}),
        (31, {"S1": "cube", "R1": "left", "S2": "sphere", "R2": "front", "S3": "cylinder"}),
    ]:
        family = FAMILIES[index]
        all_of_them = list(wordings(family, slots))
        assert len(all_of_them) == len(set(all_of_them))
        said = {realise(family, slots, rng) for _ in range(60 * len(all_of_them))}
        assert said == set(all_of_them)
        assert all(could_say(text, family, slots) for text in all_of_them)
        assert not any(could_say(f"{text} now?", family, slots) for text in all_of_them)


def test_forms_and_synonyms_are_equally_likely():
    rng = np.random.default_rng(1)
    texts = [realise(FAMILIES[88], {"M1": "metal", "S1": "cube"}, rng) for _ in range(6000)]
    begins = Counter(text.split()[0] + text.split()[-1] for text in texts)
    assert sorted(begins.values()) == pytest.approx([1500, 1500, 3000], rel=0.1)
    for word, share in [("metallic", 1 / 3), ("metal", 1 / 3), ("shiny", 1 / 3), ("block", 1 / 2)]:
        assert sum(f" {word}" in text.replace("?", " ") for text in texts) / 6000 == pytest.approx(
            share * (2 if word == "metal" else 1), abs=0.03
        )


def test_a_description_that_excludes_the_first_thing_needs_no_other():
    family = FAMILIES[46]  # things made of the same material
    differing = " ".join(wordings(family, {"C1": "cyan", "S1": "cylinder", "C2": "gray"}))
    assert "other" not in differing
    assert "a gray thing" in differing
    shape_differs = " ".join(wordings(family, {"C1": "gray", "S1": "cube", "C2": "gray"}))
    assert "other" not in shape_differs
    alike = list(wordings(family, {"C1": "gray", "C2": "gray"}))
    assert all("other" in text for text in alike)


def test_case_punctuation_and_spaces_do_not_matter():
    plain = parse("How many red cubes are there?")
    for text in [
        "how MANY red  cubes are there",
        "  How many red cubes are there ??\n",
        "“How many red cubes are there”",
    ]:
        assert parse(text) == plain
    assert parse("There is a ball;what shape is it").family.index == 86
    assert parse("Is there an object?").program == parse("Is there a thing?").program


def test_what_clevr_would_not_ask_is_understood_all_the_same():
    read = parse("What color is the red cube?")
    assert not read.official
    assert [(node.function, node.value) for node in read.program[1:3]] == [
        ("filter_color", "red"),
        ("filter_shape", "cube"),
    ]
    assert not parse("Is there another red cube of the same size as the blue cube?").official


@pytest.mark.parametrize(
    ("typed", "understood", "rest", "reason"),
    [
        ("how many red bals are there", "How many red", "bals", "“bals”"),
        ("Are there more cubes", "Are there more cubes", "", None),
        ("how big", "How big", "", None),
        ("is there a green dog?", "Is there a green", "dog", "“dog”"),
        ("How many cubes are not red?", "How many cubes are", "not", "negation (“not”)"),
        ("<b>are there any cubes</b>", "", "<b>are", "“<b>are”"),
    ],
)
def test_what_is_not_understood_says_how_far_and_why(typed, understood, rest, reason):
    with pytest.raises(NotUnderstood) as caught:
        parse(typed)
    error = caught.value
    assert (error.understood, error.rest) == (understood, rest)
    assert error.reason is None if reason is None else reason in error.reason
    assert (rest or understood) in str(error)


def test_a_question_in_its_own_words_is_itself():
    rng = np.random.default_rng(3)
    for family in FAMILIES:
        text = realise(family, some_slots(family, rng), rng)
        assert nearest(text).removesuffix("?") == text.removesuffix("?")
    assert nearest("how many gren cubes?") == "How many green cubes are there?"
    assert nearest("How many cubes are not red?") is None


@pytest.mark.parametrize("typed", ["", " ?", "...", None, 3, ["Is"]])
def test_nothing_asked_is_refused(typed):
    with pytest.raises(InputError):
        parse(typed)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(st.sampled_from(WORDS), max_size=70).map(" ".join),
        st.sampled_from([" ", ";", ",", "is ", "<p>", "\0", "x", "İ "]).map(lambda piece: piece * 50_000),
    )
)
def test_anything_typed_is_read_or_refused(text):
    refused = _refusal(text)
    if isinstance(refused, NotUnderstood):
        assert refused.nearest is None or parse(refused.nearest).read_as is None
        assert refused.understood == "" or completions(refused.understood + " ") != ()
    elif refused:
        assert "empty" in str(refused)


def _refusal(text):
    try:
        parse(text)
    except InputError as error:
        return error
    return None


def test_a_question_with_one_word_lost_keeps_what_it_says():
    """Only words that hold a sentence together may be put in: nothing that is said is lost or added."""
    rng = np.random.default_rng(5)
    read = 0
    for family, lost in itertools.product(FAMILIES[::6], range(3)):
        slots = some_slots(family, rng)
        words = realise(family, slots, rng).split()
        del words[lost % len(words)]
        refused = _refusal(" ".join(words))
        if refused:
            assert refused.nearest is None or refused.mistyped
            continue
        found = parse(" ".join(words))
        read += 1
        assert Counter(found.slots.values()) - Counter(slots.values()) - Counter([None] * 9) == Counter()
    assert read


def test_completions_are_the_words_that_can_follow():
    assert "How" in completions("")
    assert completions("How many re") == ("red",)
    assert completions("How many blue metal cu") == ("cubes",)
    assert "?" in completions("Are there any cubes ")
    assert completions("Are there any dogs ") == ()
    assert completions("What color is the cube ")[-1] == "?"


def test_examples_have_their_type():
    for kind in GROUPS:
        found = examples(kind)
        assert found == examples(kind)
        assert all(parse(text).program[-1].function == kind for text in found)
    with pytest.raises(InputError, match="type"):
        examples("sum")


def test_values_without_words_are_refused():
    with pytest.raises(InputError, match="pink"):
        realise(FAMILIES[84], {"C1": "pink"}, np.random.default_rng(0))
    with pytest.raises(InputError):
        realise(FAMILIES[72], {"C1": "red"}, np.random.default_rng(0))  # no relation
    with pytest.raises(InputError):
        list(wordings(FAMILIES[72], {"R1": "above"}))


# --- against official material --------------------------------------------------------------------

OFFICIAL = (
    "clevr-official/questions/CLEVR_val_questions.json",
    "clevr-official-320/questions/CLEVR_val_questions.json",
    "clevr-official-scenes/questions.json",
)
REAL = ("real-clevr/questions.json", "real-clevr/questions_first3000.json")


def _questions(path):
    return json.loads(path.read_text("utf-8"))["questions"]


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_texts_have_their_own_programs(shared_data, name):
    for item in _questions(shared_data / name):
        read = parse(item["question"])
        assert read.official
        assert read.program == program_from_json(item["program"]), item["question"]
        assert could_say(item["question"], read.family, read.slots)


def test_real_texts_are_understood(shared_data):
    scenes = {scene.index: scene for scene in read_scenes(shared_data / "real-clevr" / "scenes.json")}
    right = 0
    for name in REAL:
        for item in _questions(shared_data / name):
            read = parse(item["question"])
            assert read.official
            assert read.program[-1].function == item["final_function"]
            assert could_say(item["question"], read.family, read.slots)
            if name == REAL[0]:
                right += run(read.program, scenes[item["image_index"]]).answer == item["answer"]
    assert right >= 49


def test_words_are_those_of_official_texts(shared_data):
    texts = [item["question"] for name in (*OFFICIAL, *REAL) for item in _questions(shared_data / name)]
    assert {word for text in texts for word in split_words(text)} == set(WORDS)
