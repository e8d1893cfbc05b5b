"""CLOSURE's seven kinds of question: in the grammar, sampled by their rules, and never CLEVR's."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from tiny import tiny_card, tiny_network

from film import FAMILIES, InputError, Session, parse, run, save
from film.__main__ import main
from film.clevr.data.closure_questions import closure_to_json, sample_closure
from film.clevr.data.question_json import question_from_json
from film.clevr.language.closure import CLOSURE_FAMILIES, CLOSURE_NAMES, match_closure
from film.clevr.language.families import LETTERS, match
from film.clevr.language.parser import completions
from film.clevr.language.programs import program_from_json
from film.clevr.language.realise import could_say, wordings
from film.clevr.language.sampler import QuestionSampler
from film.clevr.language.tokens import split_words
from film.clevr.language.word_tree import WORDS
from film.clevr.rules import sample_scene
from film.clevr.scene_json import read_scenes, write_scenes
from film.evaluation import constant_guess, evaluate, table

SIZES = dict(zip(CLOSURE_NAMES, (12, 4, 4, 9, 9, 4, 4), strict=True))


def scenes(count):
    rng = np.random.default_rng(8)
    made = [sample_scene(rng, visibility=False) for _ in range(count)]
    return [
        scene.replaced(index=i, split="val", filename=f"CLEVR_val_{i:06d}.png")
        for i, scene in enumerate(made)
    ]


@pytest.fixture(scope="module")
def asked():
    world = scenes(80)
    return {kind: sample_closure(world, kind, 6, seed=3) for kind in CLOSURE_NAMES}


def test_the_families_are_46_and_none_of_clevrs():
    assert Counter(family.file for family in CLOSURE_FAMILIES) == SIZES
    assert [family.index for family in CLOSURE_FAMILIES] == list(range(90, 136))
    assert len(FAMILIES) == 90
    assert all(family.is_clevrs for family in FAMILIES)
    assert not any(family.is_clevrs for family in CLOSURE_FAMILIES)
    assert {family.index for family in QuestionSampler.families} == set(range(90))


def test_a_sampled_question_parses_back_and_is_true(asked):
    for kind, questions in asked.items():
        assert len(questions) > 4 * SIZES[kind]
        for scene, question in questions:
            read = parse(question.text)
            assert (read.family.file, read.family.index) == (kind, question.family)
            assert not read.official
            assert read.read_as is None
            assert read.program == question.program
            assert run(read.program, scene).answer == question.answer
            assert match_closure(read.program)[0] is read.family
            assert match(read.program) is None
            assert could_say(question.text, read.family, read.slots)
            assert set(split_words(question.text)) <= set(WORDS)


def test_sampled_questions_keep_the_rules(asked):
    for kind, questions in asked.items():
        answers: dict[int, Counter] = {}
        for _, question in questions:
            family = CLOSURE_FAMILIES[question.family - 90]
            assert not {slot for slot, value in question.slots.items() if value} & family.never
            answers.setdefault(question.family, Counter())[question.answer] += 1
        assert len(answers) == SIZES[kind]
        for counts in answers.values():
            assert kind[:2] != "or" or set(counts) <= {"1", "2", "3"}
            assert max(counts.values()) - min(counts.values()) <= 1


def test_compared_objects_and_joined_sets_differ(asked):
    """The programs' constraints, seen in what their steps gave."""
    for kind in ("compare_mat", "compare_mat_spa", "and_mat_spa"):
        for _, question in asked[kind]:
            *_, last = question.program
            two = last.inputs
            if kind == "and_mat_spa":
                two = next(node.inputs for node in question.program if node.function == "intersect")
            else:
                two = tuple(question.program[i].inputs[0] for i in two)
            first, second = (question.outputs[i] for i in two)
            assert first != second


def test_what_is_matched_or_asked_is_never_said():
    for family in CLOSURE_FAMILIES:
        letters = {attribute: letter for letter, attribute in LETTERS.items()}
        matched = next(letters[step.slot] for step in family.steps if step.kind == "same")
        assert sum(slot[0] == matched for slot in family.never) == 2
        asked = {step.slot for step in family.steps if step.kind == "query"}
        assert letters[next(iter(asked))] != matched if asked else family.type in ("count", "exist")
        assert not (family.file.startswith("compare") and "material" in asked)


def test_an_article_may_be_said_where_the_generator_has_none():
    said = "Is there a sphere behind the metal cube that is the same color as tiny cylinder?"
    without = parse(said)
    spoken = parse("Is there a sphere behind the metal cube that is the same color as the tiny cylinder?")
    assert without.family.file == "embed_mat_spa"
    assert spoken.program == without.program
    assert spoken.read_as == said


def test_they_are_not_suggested_while_typing():
    assert completions("Is there a cube left of the ball that is the same ") == ()


def test_each_has_one_form():
    family = next(f for f in CLOSURE_FAMILIES if f.file == "compare_mat")
    texts = list(wordings(family, {"S1": "cylinder", "S2": "cylinder", "S3": "cylinder"}))
    assert len(texts) == 1


def test_files_are_written_for_given_scenes(tmp_path, capsys):
    write_scenes(tmp_path / "scenes.json", scenes(30), "val")
    command = ["generate", str(tmp_path / "out"), "--questions-of", "closure", "--questions", "2"]
    assert main([*command, "--scenes", str(tmp_path / "scenes.json")]) == 0
    assert "or_mat: 8 questions" in capsys.readouterr().out
    world = {scene.index: scene for scene in read_scenes(tmp_path / "scenes.json")}
    for kind in CLOSURE_NAMES:
        items = json.loads((tmp_path / "out" / f"{kind}_val.json").read_text("utf-8"))["questions"]
        for number, item in enumerate(items):
            assert item["question_index"] == number
            program = program_from_json(item["program"])
            assert match_closure(program)[0].file_index == item["question_family_index"]
            assert run(program, world[item["image_index"]]).answer == item["answer"]
    first = (tmp_path / "out" / "or_mat_val.json").read_bytes()
    assert main([*command, "--scenes", str(tmp_path / "scenes.json")]) == 0
    assert (tmp_path / "out" / "or_mat_val.json").read_bytes() == first
    assert main(command) == 2
    assert main([*command[:-3], "other"]) == 2


def test_what_cannot_be_sampled_is_refused():
    with pytest.raises(InputError, match="and_spa"):
        sample_closure(scenes(1), "and_spa", 1)
    with pytest.raises(InputError, match="0 scenes"):
        sample_closure([], "or_mat", 1)


def test_evaluation_gives_each_kind_beside_the_constant_guess(tmp_path):
    world = scenes(12)
    folder = tmp_path / "data"
    for inner in ("scenes", "questions", "images/val"):
        (folder / inner).mkdir(parents=True)
    write_scenes(folder / "scenes" / "CLEVR_val_scenes.json", world, "val")
    for scene in world:
        Image.new("RGB", (24, 16)).save(folder / "images/val" / scene.filename)
    asked = [pair for kind in ("or_mat", "embed_spa_mat") for pair in sample_closure(world, kind, 3)]
    questions = {"info": {"split": "val"}, "questions": closure_to_json(asked)}
    (folder / "questions" / "CLEVR_val_questions.json").write_text(json.dumps(questions))
    network = tiny_network()
    save(tmp_path / "net", network, tiny_card(network))
    result = evaluate(Session(tmp_path / "net", "cpu"), folder, "val", self_consistency=False)
    assert list(result.closure) == ["or_mat", "embed_spa_mat"]
    share, constant = result.closure["or_mat"]
    assert share.asked == sum(match_closure(q.program)[0].file == "or_mat" for _, q in asked)
    assert 1 / 3 <= constant < 1
    said = table(result)
    assert "CLOSURE (not CLEVR)" in said
    assert f"{constant * 100:.1f}" in said
    assert result.to_json()["closure"]["or_mat"]["constant_guess"] == constant
    assert result.to_json()["paper"] == {}, "the paper's figures are about CLEVR's questions"
    assert "FiLM, pixels" not in said


def test_the_constant_guess_is_each_familys_most_frequent_answer():
    families = ["or_mat 0"] * 4 + ["or_mat 1"] * 2 + [""]
    truth = ["1", "1", "1", "2", "3", "2", "yes"]
    among = np.array([True] * 6 + [False])
    assert constant_guess(truth, families, among) == pytest.approx(4 / 6)


# --- against questions of the authors' unmodified generator ----------------------------------------


@pytest.mark.parametrize("kind", CLOSURE_NAMES)
def test_official_texts_have_their_own_programs_and_answers(shared_data, kind):
    world = {s.index: s for s in read_scenes(shared_data / "clevr-official-320/scenes/CLEVR_val_scenes.json")}
    items = json.loads((shared_data / "closure" / f"{kind}_val.json").read_text("utf-8"))["questions"]
    assert items
    for item in items:
        read = parse(item["question"])
        assert read.family.file == kind
        assert read.program == program_from_json(item["program"]), item["question"]
        assert run(read.program, world[item["image_index"]]).answer == item["answer"]
        assert could_say(item["question"], read.family, read.slots)
        given = question_from_json(item, "a question")
        assert given.family is None  # its number counts inside another's template file
        assert given.program == read.program
