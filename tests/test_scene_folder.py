"""Scenes as a CLEVR folder: what is written is read back, from Python, the archive and the command."""

import io
import json
import zipfile

import numpy as np
import pytest
from tiny import tiny_card, tiny_network

import film
from film import InputError, MoveObject, Vocabulary, edit_scene, open_folder, read_picture, save
from film.__main__ import main
from film.clevr.language.word_tree import WORDS

SCENE = film.rounded_scene(film.gallery()[0].scene)
MOVED = edit_scene(SCENE, MoveObject(0, SCENE.objects[0].x + 0.2, SCENE.objects[0].y))
QUESTION = "How many things are there?"


@pytest.fixture(scope="module")
def drawn():
    return [film.scene_picture(scene, "preview") for scene in (SCENE, MOVED)]


def test_a_folder_is_read_back(tmp_path, drawn):
    folder = film.write_scene_folder(
        tmp_path / "pair", [SCENE, MOVED], [QUESTION, "What is love?"], drawn, split="pair"
    )
    split = open_folder(folder).split("pair")
    scenes = film.read_scenes(folder / "scenes" / "CLEVR_pair_scenes.json")
    assert [film.scene_to_text(scene) for scene in scenes] == [
        film.scene_to_text(scene) for scene in (SCENE, MOVED)
    ]
    asked = list(split.questions())
    assert [(given.text, given.answer) for given in asked] == [(QUESTION, str(len(SCENE.objects)))] * 2
    assert {given.filename for given in asked} == {scene.filename for scene in scenes}
    for scene, picture in zip(scenes, drawn, strict=True):
        np.testing.assert_array_equal(read_picture(folder / "images" / "pair" / scene.filename), picture)
    assert all(thing.pixel is not None for scene in scenes for thing in scene.objects)


def test_a_network_is_evaluated_on_it(tmp_path, drawn, capsys):
    folder = film.write_scene_folder(tmp_path / "pair", [SCENE, MOVED], [QUESTION], drawn)
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    save(tmp_path / "tiny", network, tiny_card(network, words=words, name="tiny"))
    code = main(["evaluate", "--data", str(folder), "--split", "new", "--device", "cpu",
                 "--checkpoint", str(tmp_path / "tiny"), "--json", str(tmp_path / "found.json")])  # fmt: skip
    assert code == 0, capsys.readouterr()
    assert json.loads((tmp_path / "found.json").read_text())["overall"]["asked"] == 2


def test_an_archive_holds_the_same_files_and_is_the_same_bytes(drawn):
    files = film.scene_folder_files([SCENE, MOVED], [QUESTION], drawn)
    archive = film.zipped(files)
    assert archive == film.zipped(files)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == files


def test_the_command_draws_a_scene_and_a_series(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "film.clevr.data.scene_folder.scene_picture", lambda scene: np.zeros((32, 48, 3), np.uint8)
    )
    out = tmp_path / "sizes"
    text = film.scene_to_text(SCENE)
    assert main(["draw", str(out), "--scene", text, "--series", "size", "--question", QUESTION]) == 0
    scenes = film.read_scenes(out / "scenes" / "CLEVR_new_scenes.json")
    assert [scene.objects[0].size for scene in scenes] == list(film.SIZES)
    assert len(list(film.questions_of(out / "questions" / "CLEVR_new_questions.json"))) == len(scenes)
    again = tmp_path / "again"
    given = ["--scenes", str(out / "scenes" / "CLEVR_new_scenes.json")]
    assert main(["draw", str(again), *given]) == 0
    assert len(list((again / "images" / "new").iterdir())) == len(scenes)


def test_of_several_scenes_the_series_is_of_the_one_that_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "film.clevr.data.scene_folder.scene_picture", lambda scene: np.zeros((32, 48, 3), np.uint8)
    )
    both = [part for scene in (SCENE, MOVED) for part in ("--scene", film.scene_to_text(scene))]
    command = ["draw", str(tmp_path / "drawn"), *both, "--series", "size"]
    assert main(command) == 2
    assert "of one scene, and 2 were given" in capsys.readouterr().err
    assert main([*command, "--number", "3"]) == 2
    assert "use 1 to 2" in capsys.readouterr().err
    assert not (tmp_path / "drawn").exists()
    assert main([*command, "--number", "2"]) == 0
    drawn = film.read_scenes(tmp_path / "drawn" / "scenes" / "CLEVR_new_scenes.json")
    assert {scene.objects[0].x for scene in drawn} == {MOVED.objects[0].x}
    assert MOVED.objects[0].x != SCENE.objects[0].x


def test_a_question_without_an_answer_is_told_before_anything_is_drawn(tmp_path, monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr(
        "film.clevr.data.scene_folder.scene_picture",
        lambda scene: drawn.append(scene) or np.zeros((32, 48, 3), np.uint8),
    )
    command = ["draw", str(tmp_path / "drawn"), "--scene", film.scene_to_text(SCENE)]
    assert main([*command, "--question", "Wie viele rote Dinge gibt es?"]) == 2
    assert "Ask in CLEVR's words" in capsys.readouterr().err
    most = len(SCENE.objects)
    assert main([*command, "--series", "size", "--object", f"{most + 1}"]) == 2
    assert f"--object {most + 1} was given; use 1 to {most}" in capsys.readouterr().err
    assert main([*command, "--series", "size", "--object", "0"]) == 2
    assert not drawn
    assert main([*command, "--question", "What color is the thing?"]) == 0
    assert "no true answer in 1 of 1 scenes" in capsys.readouterr().err
    assert len(drawn) == 1


def test_what_cannot_be_written_is_refused(tmp_path, drawn):
    with pytest.raises(InputError, match="give a scene"):
        film.scene_folder_files([], [])
    with pytest.raises(InputError, match="one picture of each"):
        film.scene_folder_files([SCENE], [], drawn)
    with pytest.raises(InputError, match="letters and digits"):
        film.scene_folder_files([SCENE], [], drawn[:1], split="../a")
    (tmp_path / "kept").write_text("x")
    with pytest.raises(InputError, match="holds something already"):
        film.write_scene_folder(tmp_path, [SCENE], [], drawn[:1])
