"""What a study keeps of answers about drawn pictures, and what accuracy is measured on."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

from analysis import (
    Evidence,
    Study,
    accuracy_by,
    drawn_picture,
    drawn_questions,
    folder_questions,
    is_clevrs,
    make_study,
    measure_answers,
    observe,
    observed_again,
    predict_answers,
    question_set,
    sample_questions,
    write_pooled,
)
from analysis.corpus.predictions import PREDICTIONS
from film import Cancelled, InputError, Session, gallery, open_picture_folder, save, write_scenes

QUESTIONS = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A network with a study of three scenes."""
    folder = tmp_path_factory.mktemp("network")
    network = tiny_network(51, answers=28)
    save(folder, network, tiny_card(network))
    session = Session(folder, "cpu")
    study, _ = make_study(session, folder / "study", questions=QUESTIONS, maps=[])
    return folder, session, study


def test_each_question_is_answered_about_its_own_scene(made):
    _, session, study = made
    table = study.table
    assert table["picture"].nunique() == QUESTIONS // 20
    for row in (0, 25, 59):
        one = table.iloc[row]
        picture = drawn_picture(one["picture"])
        assert picture.shape == (160, 240, 3)
        answer = session.answer(picture, session.modulate([one["text"]], lenient=True))[0]
        assert one["prediction"] == answer.answer
        assert one["confidence"] == pytest.approx(answer.probabilities[answer.answer], abs=1e-5)
        assert one["outcome"] == ("right" if answer.answer == str(one["answer"]) else "wrong")


def test_a_study_without_them_opens_and_gains_them(made, tmp_path, monkeypatch):
    folder, session, study = made
    shutil.copytree(folder, tmp_path / "old")
    (tmp_path / "old/study" / PREDICTIONS).unlink()
    old = Study(Session(tmp_path / "old", "cpu"), tmp_path / "old").extraction
    assert old is not None
    assert "outcome" not in old.table
    made_again, _ = make_study(session, tmp_path / "old/study", questions=QUESTIONS, maps=[])
    pd.testing.assert_frame_equal(made_again.table, study.table)
    monkeypatch.setattr("analysis.study.sample_questions", lambda *a, **k: pytest.fail("drawn again"))
    make_study(session, tmp_path / "old/study", questions=QUESTIONS, maps=[])
    (tmp_path / "old/study" / PREDICTIONS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        Study(session, tmp_path / "old").extraction  # noqa: B018 (what is read is opened only then)


def test_a_run_that_was_stopped_goes_on(made, tmp_path, monkeypatch):
    _, session, study = made
    monkeypatch.setattr("analysis.corpus.predictions.PART", 1)
    asked, done = sample_questions(QUESTIONS, 0), []
    with pytest.raises(Cancelled):
        predict_answers(
            session, asked, tmp_path, progress=lambda *at: done.append(at), cancel=lambda: len(done) > 3
        )
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    found = predict_answers(session, asked, tmp_path)
    assert found["prediction"].tolist() == study.table["prediction"].tolist()
    with pytest.raises(InputError, match="No pictures"):
        predict_answers(session, question_set(["Is there a cube?"]))


def test_drawn_questions_are_of_the_studys_scenes(made):
    asked = drawn_questions(100)
    assert len(asked.questions) == 100
    assert len(asked.by_picture()) == 10
    assert set(made[2].table["picture"]) <= set(asked.by_picture())
    assert len({(one.filename, one.text) for one in asked.questions}) == 100


def test_probes_can_be_trained_again_from_what_is_kept(made, tmp_path):
    _, session, _ = made
    observed = observe(session, drawn_questions(30), "drawn")
    evidence = Evidence(observed.table, observed.table[:0], observed.recipe)
    with pytest.raises(InputError, match="no pooled maps"):
        observed_again(session, tmp_path, evidence)
    write_pooled(tmp_path, observed)
    again = observed_again(session, tmp_path, evidence)
    np.testing.assert_allclose(again.pooled, observed.pooled, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(again.gamma, observed.gamma, atol=1e-5)
    with pytest.raises(InputError, match="other answers"):
        observed_again(session, tmp_path, Evidence(observed.table, observed.table, {"seed": 7}))
    (tmp_path / "pooled.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        observed_again(session, tmp_path, evidence)


def test_a_folder_with_scenes_is_asked_about_them(made, tmp_path):
    pictures = tmp_path / "CLEVR/images/val"
    pictures.mkdir(parents=True)
    shown = gallery()[:2]
    for number, exhibit in enumerate(shown):
        shutil.copy(exhibit.picture_path, pictures / f"CLEVR_val_{number:06d}.png")
    with pytest.raises(InputError, match="Nothing is known"):
        folder_questions(open_picture_folder(pictures), pictures)
    (tmp_path / "CLEVR/scenes").mkdir()
    write_scenes(tmp_path / "CLEVR/scenes/CLEVR_val_scenes.json", [exhibit.scene for exhibit in shown], "val")
    asked = folder_questions(open_picture_folder(tmp_path / "CLEVR"), tmp_path / "CLEVR")
    assert set(asked.by_picture()) == {"folder-0", "folder-1"}
    assert (asked.made, asked.trouble) == (True, "")
    told = measure_answers(made[1], asked, "mine")
    assert told["right"].tolist() == (told["prediction"] == told["answer"]).tolist()
    assert told["probability"].between(0, 1).all()


def test_a_folders_own_questions_are_asked_with_or_without_types(made, tmp_path):
    """CLEVR-Humans' say nothing of their type: they are asked, not others about the same scenes."""
    folder = tmp_path / "CLEVR"
    for inner in ("images/val", "scenes", "questions"):
        (folder / inner).mkdir(parents=True)
    shown, answers = gallery()[:12], ("yes", "3", "gray")
    for number, exhibit in enumerate(shown):
        shutil.copy(exhibit.picture_path, folder / f"images/val/CLEVR_val_{number:06d}.png")
    scenes = [exhibit.scene for exhibit in shown]
    write_scenes(folder / "scenes/CLEVR_val_scenes.json", scenes, "val")
    free = [
        {"image_index": number, "split": "val", "question": f"is thing {number} shiny?",
         "answer": answers[number % 3]}
        for number in range(12)
    ]  # fmt: skip
    humans = folder / "CLEVR-Humans-val.json"
    humans.write_text(json.dumps({"questions": free}))
    asked = folder_questions(open_picture_folder(folder), folder)
    assert [one.text for one in asked.questions] == [one["question"] for one in free]
    assert not asked.made
    table = measure_answers(made[1], asked, "mine")
    whole = accuracy_by(table, "").iloc[0]
    assert (whole["asked"], whole["pictures"]) == (12, 12)
    assert whole["low"] < whole["high"]
    for column in ("group", "type", "depth"):
        assert accuracy_by(table, column).empty, column
    assert set(table["operation"]) == {""}
    assert not is_clevrs(table)

    humans.unlink()  # questions that cannot be used: others are asked, and why is known
    (folder / "questions/CLEVR_val_questions.json").write_text(
        json.dumps({"questions": [{**one, "answer": None} for one in free]})
    )
    asked = folder_questions(open_picture_folder(folder), folder)
    assert asked.made
    assert "come without answers" in asked.trouble
