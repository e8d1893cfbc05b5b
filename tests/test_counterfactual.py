"""Minimal pairs of scenes and series: legal, answered by both scenes, consistent as counted by hand."""

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

from analysis import (
    CounterfactualSet,
    ask_pairs,
    ask_series,
    find_counterfactuals,
    moved_maps,
    recorded_stages,
    sample_scene_pairs,
    shared_questions,
    stage_names,
    write_counterfactuals,
)
from analysis.scenes.counterfactual import KINDS
from film import (
    InputError,
    Session,
    Vocabulary,
    attribute_series,
    parse,
    problems,
    run,
    sample_scene,
    scene_picture,
    scene_to_text,
)
from film.clevr.language.word_tree import WORDS


@pytest.fixture(scope="module")
def session():
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    return Session((network, tiny_card(network, words=words, name="tiny", weights="ab")), "cpu")


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    return sample_scene_pairs([sample_scene(rng, count=4) for _ in range(2)], 5)


def test_a_pair_differs_in_one_thing_of_one_object_and_keeps_the_rules(pairs):
    assert {pair.kind for pair in pairs} == set(KINDS)
    for pair in pairs:
        assert problems(pair.after) == ()
        apart = [i for i in range(4) if pair.before.objects[i] != pair.after.objects[i]]
        assert apart == [pair.thing]
        one, other = (vars(scene.objects[pair.thing]) for scene in (pair.before, pair.after))
        changed = {name for name in one if one[name] != other[name]}
        assert changed == {pair.kind} or (pair.kind == "place" and changed <= {"x", "y"})


def test_questions_are_answered_by_both_scenes(pairs):
    for number, pair in enumerate(pairs):
        for question, before, after in shared_questions(pair, number):
            assert run(parse(question.text).program, pair.before).answer == before
            assert run(question.program, pair.after).answer == after


@pytest.mark.slow
def test_pairs_are_asked_and_kept(session, pairs, tmp_path):
    table = ask_pairs(session, pairs[:2], quality="preview")
    assert set(table["kind"]) == {pairs[0].kind, pairs[1].kind, "nothing"}
    row = table.iloc[0]
    picture = scene_picture(pairs[0].after, "preview", threads=1)
    assert session.ask(picture, row["question"]).answer == row["answer_after"]
    found = CounterfactualSet(table, {"weights": "ab"})
    write_counterfactuals(tmp_path / "study", found)
    kept = find_counterfactuals(tmp_path, "ab")
    assert kept is not None
    assert list(kept.table["question"]) == list(table["question"])
    assert find_counterfactuals(tmp_path, "another") is None
    (tmp_path / "study" / "counterfactual.parquet").write_bytes(b"broken")
    with pytest.raises(InputError, match="analysis counterfactual`"):
        find_counterfactuals(tmp_path, "ab")


def test_consistency_is_counted_by_what_changed():
    rows = [
        {"pair": i, "scene": i, "kind": "color", "truth_changes": i % 2 == 0, "consistent": i >= 4,
         "right": i >= 10, "confidence_before": 0.5, "confidence_after": i / 40}
        for i in range(40)
    ]  # fmt: skip
    found = CounterfactualSet(pd.DataFrame(rows), {})
    table = found.consistency().set_index(["changed", "true answer"])
    row = table.loc[("color", "changes")]
    assert (row["questions"], row["consistent"], row["right"]) == (20, 18 / 20, 15 / 20)
    assert row["consistent_low"] < row["consistent"] < row["consistent_high"]
    assert list(found.inconsistent()["pair"]) == [3, 2, 1, 0]


def test_a_series_is_asked_step_by_step(session):
    scene = sample_scene(np.random.default_rng(2), count=3)
    series = attribute_series(scene, 0, "material")
    pictures = [scene_picture(step, "preview") for step in series.scenes]
    text = "How many metal things are there?"
    asked = ask_series(session, series, pictures, text, [(0, 1), (1, 2)])
    metal = sum(thing.material == "metal" for thing in scene.objects[1:])
    assert list(asked.table["truth"]) == [str(metal), str(metal + 1)]
    assert list(asked.table["answer"]) == [session.ask(picture, text).answer for picture in pictures]
    assert len(asked.flips()) == 1
    names = recorded_stages(session.config)
    answers = [session.ask(picture, text, record=names) for picture in pictures]
    for place, answer in enumerate(answers):
        last = answer.activations[stage_names(session.config, 1).names[2]][2]
        assert asked.table["block 2, map 2"][place] == pytest.approx(float(last.mean()), abs=1e-5)
    moved = moved_maps(answers[0], answers[1], answers[0], session.config)
    assert len(moved) == session.config.blocks * session.config.maps
    assert (moved["grain"] == 0).all()
    assert moved["change"].max() > 0
    assert scene_to_text(scene)
    with pytest.raises(InputError):
        ask_series(session, series, pictures[:1], text)
