"""Sampled questions are well posed, mean what they say, and are balanced as CLEVR's are."""

import json
from collections import Counter

import numpy as np
import pytest

from film.clevr.language.families import FAMILIES
from film.clevr.language.parser import parse
from film.clevr.language.programs import in_words, run
from film.clevr.language.sampler import VALIDATION_QUESTIONS, QuestionSampler, questions_to_json
from film.clevr.rules import sample_scene


def scenes(count: int, seed: int = 0):
    """Scenes by the rules, less the test that everything is visible, which takes a renderer."""
    rng = np.random.default_rng(seed)
    return [sample_scene(rng, visibility=False) for _ in range(count)]


@pytest.fixture(scope="module")
def sampled():
    """Twenty thousand questions about two thousand scenes."""
    sampler = QuestionSampler(5)
    return [(scene, question) for scene in scenes(2000) for question in sampler.sample(scene)]


def test_every_question_has_its_true_answer_and_its_program_s_outputs(sampled):
    for scene, question in sampled[::7]:
        result = run(question.program, scene)
        assert (result.answer, result.outputs) == (question.answer, question.outputs)
        assert FAMILIES[question.family].program(question.slots) == question.program


def test_every_text_parses_back_to_its_own_program(sampled):
    for _, question in sampled[::5]:
        assert parse(question.text).program == question.program, question.text


def test_groups_have_the_shares_of_real_clevr(sampled):
    assert len(sampled) == 20_000
    counts = Counter(FAMILIES[question.family].group for _, question in sampled)
    for group, real in VALIDATION_QUESTIONS.items():
        assert abs(counts[group] / len(sampled) - real / sum(VALIDATION_QUESTIONS.values())) < 0.02, group


def test_families_are_even_but_for_the_one_that_can_only_be_denied(sampled):
    counts = Counter(question.family for _, question in sampled)
    assert counts[0] == 8  # one for every 250 scenes
    others = [counts[family.index] for family in FAMILIES[1:]]
    assert max(others) - min(others) <= 12


def test_a_constraint_between_two_branches_holds(sampled):
    for _, question in sampled:
        family = FAMILIES[question.family]
        if family.file == "comparison":  # the compared objects are two
            compared = question.program[-1].inputs
            first, second = (question.outputs[question.program[i].inputs[0]] for i in compared)
            assert first != second
        if question.family in (0, 1, 2):
            first, second = (question.outputs[i] for i in question.program[-1].inputs)
            assert first != second


def test_sampling_is_repeatable_and_seeds_differ():
    def texts(seed):
        sampler = QuestionSampler(seed)
        return [q.text for scene in scenes(20) for q in sampler.sample(scene)]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_more_questions_than_families_are_not_invented():
    (scene,) = scenes(1)
    questions = QuestionSampler(0).sample(scene, 200)
    assert 40 < len(questions) <= 90
    assert len({question.family for question in questions}) == len(questions)


def test_json_is_what_the_released_files_hold():
    (scene,) = scenes(1)
    question = QuestionSampler(0).sample(scene, 1)[0]
    (item,) = questions_to_json([(3, "CLEVR_val_000003.png", question)], "val")
    assert set(item) == {
        "question_index", "question_family_index", "image_index", "image_filename", "split", "question",
        "answer", "program",
    }  # fmt: skip
    assert json.loads(json.dumps(item)) == item
    assert set(item["program"][0]) == {"function", "inputs", "value_inputs"}


def test_within_a_family_no_answer_is_more_common_than_officially(sampled, shared_data):
    """At most 5 points above the official share, the official figure's own uncertainty allowed for."""
    place = {(family.file + ".json", family.file_index): family.index for family in FAMILIES}
    official: dict[int, Counter[str]] = {family.index: Counter() for family in FAMILIES}
    for folder in ("clevr-official-scenes", "clevr-official/raw", "clevr-official-320/raw"):
        file = shared_data / folder / "questions.json"
        for item in json.loads(file.read_text())["questions"]:
            index = place[item["template_filename"], item["question_family_index"]]
            official[index][in_words(item["answer"])] += 1
    ours: dict[int, Counter[str]] = {family.index: Counter() for family in FAMILIES}
    for _, question in sampled:
        ours[question.family][question.answer] += 1
    for index, counts in ours.items():
        total = official[index].total()
        for answer, count in counts.items():
            share = count / counts.total()
            known = official[index][answer] / total
            # Some 47 official questions a family: 2.6 standard errors of a share, which of 700
            # comparisons lets a handful at most of equal ones look different.
            doubt = 2.6 * np.sqrt(max(known, share) * (1 - min(known, share)) / total)
            assert share <= known + 0.05 + doubt, (FAMILIES[index].skeleton, answer, share, known)
