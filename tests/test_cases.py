"""Small inputs rebuilt from public bug reports, each with the outcome that is right."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import features
from tiny import tiny_card, tiny_network

from analysis import extract, read_questions
from film import (
    InputError,
    Session,
    Split,
    evaluate,
    import_official,
    open_data,
    open_picture_folder,
    read_picture,
    table,
)
from film.__main__ import main
from film.clevr.language.programs import run
from film.clevr.pictures import FORMATS


@pytest.fixture(scope="module")
def cases(shared_data) -> Path:
    folder = shared_data / "cases"
    if not folder.is_dir():
        pytest.skip("no cases here")
    return folder


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network(answers=28)
    return Session((network, tiny_card(network)), "cpu")


@pytest.fixture
def clevr(cases, shared_data, tmp_path):
    """Makes the CLEVR folder of a case: its files, and pictures and scenes of the official four."""

    def made(case: str) -> Path:
        official, folder = shared_data / "clevr-official", tmp_path / case
        for part in ("images/val", "scenes", "questions"):
            (folder / part).mkdir(parents=True)
        for number in range(4):
            shutil.copy(official / f"images/val/CLEVR_val_{number:06d}.png", folder / "images/val")
        scenes = json.loads((official / "scenes/CLEVR_val_scenes.json").read_text())["scenes"][:4]
        (folder / "scenes/CLEVR_val_scenes.json").write_text(json.dumps({"scenes": scenes}))
        for file in (cases / case).iterdir():
            part = next((part for part in ("questions", "scenes") if part in file.name), ".")
            shutil.copy(file, folder / part)
        return folder

    return made


def all_true(folder, split):
    """How many questions of a folder there are, each of which has its answer in its scene."""
    part = open_data(folder, split)
    scenes, questions = {scene.filename: scene for scene in part.scenes()}, list(part.questions())
    assert isinstance(part, Split)
    assert set(scenes) == set(part.pictures)
    assert [run(q.program, scenes[q.filename]).answer for q in questions] == [q.answer for q in questions]
    return len(questions)


@pytest.mark.parametrize("case", ["closure", "withdir", "noext", "jsonl", "relempty"])
def test_folders_that_read_as_they_are_meant(clevr, session, case):
    folder = clevr(case)
    assert all_true(folder, "val") == 40
    assert evaluate(session, folder, "val", self_consistency=False).overall.asked == 40
    album = open_picture_folder(folder)
    assert all(album.scene(number) is not None for number in range(4))


def test_closure_families_are_matched_from_their_programs(clevr, shared_data):
    official = {q.text: q.family for q in open_data(shared_data / "clevr-official").questions()}
    questions = list(open_data(clevr("closure")).questions())
    assert [question.family for question in questions] == [official[q.text] for q in questions]


def test_jpgs(clevr, session):
    folder = clevr("jpgs")
    for path in (folder / "images/val").iterdir():
        path.rename(path.with_suffix(".jpg"))
    assert all_true(folder, "val") == 40
    assert evaluate(session, folder, "val", self_consistency=False).pictures == 4
    for path in (folder / "images/val").iterdir():
        path.rename(path.with_name(path.name.replace("val", "other")))
    with pytest.raises(InputError, match=r"such as CLEVR_other_000000\.jpg but not this one"):
        evaluate(session, folder, "val")


def test_emptyans(clevr, session):
    with pytest.raises(InputError, match="come without answers"):
        evaluate(session, clevr("emptyans"), "val")


def test_gen_output(cases, shared_data, tmp_path, session):
    shutil.copytree(cases / "gen-output", tmp_path / "output")
    (tmp_path / "output/images").mkdir(parents=True)
    for number in range(4):
        shutil.copy(
            shared_data / f"clevr-official/images/val/CLEVR_val_{number:06d}.png",
            tmp_path / f"output/images/CLEVR_new_{number:06d}.png",
        )
    assert all_true(tmp_path / "output", "new") == 40
    assert evaluate(session, tmp_path / "output", self_consistency=False).overall.asked == 40
    album = open_picture_folder(tmp_path / "output")
    assert album.ranges() == {"new": range(4)}
    assert all(album.scene(number) is not None for number in range(4))


def test_humans(clevr, session, tmp_path, capsys):
    from analysis.__main__ import main as analysis_main

    folder = clevr("humans")
    shutil.rmtree(folder / "questions")
    shutil.rmtree(folder / "scenes")
    answers = [question.answer for question in open_data(folder, "humans-val").questions()]
    assert answers == ["yes", "3", "metal", "no", "2", "yes", "gray", "3"]
    made = extract(session, read_questions(folder, split="humans-val"), tmp_path / "out")
    assert set(made.table["type"]) == {""}
    assert set(made.table["family"]) == {-1}
    command = ["extract", "--data", str(folder), "--split", "humans-val", "--out", str(tmp_path / "again")]
    assert analysis_main(command) == 0
    said = "7 of 8 questions hold words that the network does not know"
    told = capsys.readouterr().out
    assert said in told
    assert "hiding (1)" in told
    result = evaluate(Session(), folder, "humans-val")
    assert said in table(result)
    assert "FiLM, pixels" not in table(result), "those numbers are about CLEVR's questions"
    assert result.to_json()["paper"] == {}


def test_another_splits_scenes(cases, shared_data, capsys):
    official = shared_data / "clevr-official"
    val_questions = official / "questions/CLEVR_val_questions.json"
    for scenes, questions in (
        (cases / "train_scenes.json", val_questions),
        (official / "scenes/CLEVR_val_scenes.json", cases / "train_questions.json"),
    ):
        assert main(["truth", "--scenes", str(scenes), "--questions", str(questions)]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "'val'" in told.err
        assert "'train'" in told.err


def test_longline(cases):
    with pytest.raises(InputError, match=r"Line \d+ of .*longline\.txt has 250 words"):
        read_questions(cases / "longline.txt")


def test_imp_dataparallel(cases):
    network, card = import_official(cases / "imp_dataparallel.pt")
    assert network.config.words == len(card.words)


def test_x_avif(cases):
    if "AVIF" not in FORMATS or not features.check("avif"):
        pytest.skip("AVIF is not read here")
    assert read_picture(cases / "x.avif").ndim == 3
