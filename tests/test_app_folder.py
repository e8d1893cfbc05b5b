"""Pictures out of a folder named when the app is started, without a browser."""

import json
import re
import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_app_ask import html, link, opened, said
from tiny import tiny_card, tiny_network

from analysis import ViewState, find_truth, from_link, observe, some_questions
from film import InputError, Session, open_picture, open_picture_folder, save, write_scenes
from film.clevr.data.generate import DatasetRecipe, generate
from film.clevr.gallery import gallery
from film.clevr.scene_json import each_scene
from ui.cache import folder as folder_cache, networks, pictures as picture_cache, scenes as scene_cache

SHOWN = 5  # pictures in the folder
BROKEN = 2  # the one that is no picture
QUESTION = "How many things are there?"


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    network = tiny_network(answers=28)
    save(tmp_path / "network", network, tiny_card(network, name="tiny"))
    monkeypatch.setenv(networks.CHECKPOINT, str(tmp_path / "network"))
    yield tmp_path / "network"
    st.cache_resource.clear()


@pytest.fixture
def clevr(tmp_path) -> Path:
    """A CLEVR folder of some of the gallery's pictures, the later first; one of its files is broken."""
    folder = tmp_path / "CLEVR"
    pictures = folder / "images" / "val"
    pictures.mkdir(parents=True)
    (folder / "scenes").mkdir()
    chosen = gallery()[SHOWN:0:-1]
    for number, exhibit in enumerate(chosen):
        shutil.copy(exhibit.picture_path, pictures / f"CLEVR_val_{number:06d}.png")
    (pictures / f"CLEVR_val_{BROKEN:06d}.png").write_bytes(b"no picture")
    write_scenes(folder / "scenes" / "CLEVR_val_scenes.json", [e.scene for e in chosen], "val")
    return folder


@pytest.fixture
def plain(tmp_path) -> Path:
    """A folder of picture files and something else."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for exhibit in gallery()[:3]:
        shutil.copy(exhibit.picture_path, folder)
    (folder / "notes.txt").write_text("nothing")
    (folder / "._hidden.png").write_bytes(b"")
    return folder


@pytest.fixture
def start(checkpoint, open_folder):
    """Opens the app with this folder, by this link."""

    def start(folder: Path, **parts: str) -> AppTest:
        open_folder(folder)
        return opened(**parts)

    return start


def noticed(app: AppTest) -> list[str]:
    return [warning.value.replace("\\", "") for warning in app.warning]


def offered(app: AppTest, source: str) -> list[str]:
    """Keys of the pictures that the open dialog offers from here; it stays open only if asked for again."""
    app.segmented_control(key="picture-source").set_value(source)
    app.button(key="gallery").click().run()
    assert not app.exception
    return [button.key for button in app.button if (button.key or "").startswith("take-")]


# --- In the app -----------------------------------------------------------------------------------


def test_a_link_to_a_picture_of_the_folder_gives_answer_and_truth(start, clevr, checkpoint):
    app = start(clevr, picture="folder-1", q=QUESTION)
    page, scene = html(app), gallery()[SHOWN - 1].scene
    truth = str(len(scene.objects))
    answer = Session(checkpoint).ask(clevr / "images/val/CLEVR_val_000001.png", QUESTION).answer
    assert 'data-picture="folder-1"' in page
    assert f'data-answer="{answer}"' in page
    assert ("✓ true" if answer == truth else f"✗ true answer: {truth}") in page
    assert "count them" in page
    assert link(app, "picture") == "folder-1"
    assert link(app, "q") == QUESTION
    assert not app.info
    assert not app.warning


def test_its_examples_are_about_its_scene(start, clevr):
    app = start(clevr, picture="folder-1")
    app.segmented_control(key="way").set_value("examples").run()
    offers = [button.label for button in app.button if (button.key or "").startswith("offer-")]
    shown = picture_cache.shown("folder-1", None)
    assert offers
    assert all(picture_cache.truth(offer, shown).answer is not None for offer in offers)


def test_the_folder_is_listed_once_and_read_only_when_wanted(start, clevr, monkeypatch):
    listed, decoded, scenes = [], [], []
    monkeypatch.setattr(
        "film.open_picture_folder", lambda path: listed.append(path) or open_picture_folder(path)
    )
    monkeypatch.setattr(
        "film.clevr.data.folder.open_picture", lambda path: decoded.append(path) or open_picture(path)
    )
    monkeypatch.setattr(
        "film.clevr.data.folder.each_scene",
        lambda files, split: scenes.extend(files) or each_scene(files, split),
    )
    app = start(clevr)
    app.button(key="next").click().run()
    app.button(key="gallery").click().run()
    own = clevr / "scenes" / "CLEVR_val_scenes.json"
    assert not decoded
    assert own not in scenes
    offered(app, "folder")
    assert len(decoded) == SHOWN
    app.button(key="take-folder-4").click().run()
    assert scenes.count(own) == 1
    assert listed == [str(clevr)]


def test_a_picture_is_chosen_by_its_number(start, clevr):
    app = start(clevr)
    app.button(key="gallery").click().run()
    assert len(offered(app, "folder")) == SHOWN - 1
    assert "5 pictures in" in said(app)
    assert len(noticed(app)) == 1, "the broken one has a sentence in its place"
    app.number_input(key="folder-from").set_value(3)
    assert offered(app, "folder") == ["take-folder-3", "take-folder-4"]
    app.button(key="take-folder-4").click().run()
    assert link(app, "picture") == "folder-4"
    assert 'data-picture="folder-4"' in html(app)


def test_previous_and_next_stay_in_the_folder(start, clevr):
    app = start(clevr, picture="folder-0")
    app.button(key="previous").click().run()
    assert link(app, "picture") == f"folder-{SHOWN - 1}"
    app.button(key="next").click().run()
    assert link(app, "picture") == "folder-0"


def test_a_broken_file_has_a_sentence_and_can_be_passed(start, clevr):
    app = start(clevr, picture=f"folder-{BROKEN}", q=QUESTION)
    (told,) = noticed(app)
    assert "is not a picture" in told
    assert "gallery stands in" in told
    assert 'data-picture="gallery-0"' in html(app)
    app.button(key="next").click().run()
    assert link(app, "picture") == f"folder-{BROKEN + 1}"
    assert not app.warning
    assert f'data-picture="folder-{BROKEN + 1}"' in html(app)


@pytest.mark.parametrize("page", ["modulation", "contributions", "maps"])
def test_other_pages_take_it(start, clevr, page):
    app = start(clevr, picture="folder-1", q=QUESTION)
    app.switch_page(f"ui/pages/{page}.py").run()
    assert not app.exception
    assert link(app, "picture") == "folder-1"
    if page != "maps":
        app.button(key="study-Next").click().run()
        assert link(app, "picture") == f"folder-{BROKEN}"
        assert not app.exception
        assert any("is not a picture" in told for told in noticed(app))


def test_the_studio_shows_it_beside_a_drawing_of_its_scene(start, clevr, monkeypatch):
    monkeypatch.setattr(scene_cache, "clean", lambda text: None)
    app = start(clevr, picture="folder-1", q=QUESTION)
    app.switch_page("ui/pages/studio.py").run()
    assert not app.exception
    (told,) = [m.value for m in app.markdown if "of 255 in the mean" in m.value]
    assert float(re.search(r"differ by ([\d.]+) of 255", told)[1]) < 2  # it was drawn here once
    app.button(key="studio-add").click().run()
    assert not app.exception
    assert link(app, "picture").startswith("scene-")
    assert told in [m.value for m in app.markdown]  # still of the scene as it was
    assert any("has been edited since" in m.value for m in app.markdown)
    again = start(clevr, picture=link(app, "picture"), options=link(app, "options"), q=QUESTION)
    again.switch_page("ui/pages/studio.py").run()
    assert told in [m.value for m in again.markdown]
    app.button(key="studio-empty").click().run()
    assert not [m.value for m in app.markdown if "of 255 in the mean" in m.value]  # another scene


def test_a_plain_folder_is_answered_without_a_truth(start, plain):
    app = start(plain, picture="folder-2", q=QUESTION)
    assert "truth unknown" in html(app)
    assert 'data-picture="folder-2"' in html(app)
    app.button(key="next").click().run()
    assert link(app, "picture") == "folder-0"


@pytest.mark.parametrize("number", ["5", "99999999", "999999999999", "-1", "x", ""])
def test_a_link_out_of_range_has_a_sentence(start, clevr, number):
    app = start(clevr, picture=f"folder-{number}")
    assert 'data-picture="gallery-0"' in html(app)
    assert len(app.info) == 1


def test_without_a_folder_a_link_to_one_has_a_sentence(checkpoint, monkeypatch):
    monkeypatch.delenv(folder_cache.PICTURES, raising=False)
    app = opened(picture="folder-1")
    assert 'data-picture="gallery-0"' in html(app)
    (told,) = app.info
    assert "FILM" in told.value
    assert app.button(key="gallery").label == "Gallery"


def test_a_missing_or_empty_folder_has_a_sentence(start, tmp_path):
    app = start(tmp_path / "nowhere")
    assert 'id="answer"' in html(app)
    (told,) = noticed(app)
    assert "does not exist" in told
    (tmp_path / "empty").mkdir()
    app = start(tmp_path / "empty")
    assert 'id="answer"' in html(app)
    (told,) = noticed(app)
    assert "holds no pictures" in told
    app.button(key="gallery").click().run()
    assert not offered(app, "folder")
    assert all("holds no pictures" in told for told in noticed(app))
    assert len(offered(app, "gallery")) == len(gallery())
    app.button(key="take-7").click().run()
    assert link(app, "picture") == "gallery-7"


def test_damaged_scenes_are_told_and_the_picture_is_answered(start, clevr):
    file = clevr / "scenes" / "CLEVR_val_scenes.json"
    file.write_text(file.read_text("utf-8")[:-200], "utf-8")
    app = start(clevr, picture=f"folder-{SHOWN - 1}", q=QUESTION)
    assert "truth unknown" in html(app)
    assert "is damaged" in " ".join(line.value for line in app.markdown).replace("\\", "")
    app = start(clevr, picture="folder-0", q=QUESTION)
    assert "truth unknown" not in html(app), "the scenes before the damage are whole"


# --- Without it -----------------------------------------------------------------------------------


def test_links_count_the_folder_only_when_they_name_it():
    def uncounted() -> int:
        raise AssertionError

    assert from_link({"picture": "gallery-3"}, "ab", 40, ViewState(), uncounted)[0].picture == "gallery-3"
    view, remarks = from_link({"picture": "folder-17"}, "ab", 40, ViewState(), lambda: 18)
    assert (view.picture, remarks) == ("folder-17", ())
    view, (remark,) = from_link({"picture": "folder-17"}, "ab", 40, ViewState())
    assert view.picture == "gallery-0"
    assert "No folder" in remark


def test_scenes_are_found_by_name_whatever_their_order(clevr):
    file = clevr / "scenes" / "CLEVR_val_scenes.json"
    whole = json.loads(file.read_text("utf-8"))
    del whole["scenes"][1]
    whole["scenes"].reverse()
    file.write_text(json.dumps(whole), "utf-8")
    album, chosen = open_picture_folder(clevr), gallery()[SHOWN:0:-1]
    assert len(album) == SHOWN
    for number in (4, 0, 3, 4):
        scene = album.scene(number)
        assert scene.filename == album.name(number)
        assert [str(thing) for thing in scene.objects] == [str(t) for t in chosen[number].scene.objects]
    assert album.scene(1) is None


def test_splits_with_scenes_come_first(clevr):
    shutil.copytree(clevr / "images" / "val", clevr / "images" / "test")
    album = open_picture_folder(clevr)
    assert album.ranges() == {"val": range(5), "test": range(5, 10)}
    assert album.scene(0) is not None
    assert album.scene(5) is None
    assert open_picture_folder(clevr / "images" / "val").ranges() == {"val": range(5)}
    assert open_picture_folder(clevr / "images" / "val").scene(0) is not None
    with pytest.raises(InputError, match="0 to 9"):
        album.picture(10)


def test_a_corpus_as_generated_is_an_album(tmp_path):
    folder = generate(tmp_path / "packed", DatasetRecipe(2, 3, size=(48, 32)))
    album = open_picture_folder(folder)
    assert album.ranges() == {"train": range(2)}
    assert album.picture(1).shape == (32, 48, 3)
    assert album.scene(1).filename == album.name(1)
    bare = generate(tmp_path / "bare", DatasetRecipe(2, 3, size=None))
    with pytest.raises(InputError, match="holds no pictures"):
        open_picture_folder(bare)


def test_official_pictures_have_their_scenes(shared_data, start):
    folder = shared_data / "clevr-official"
    if not (folder / "images" / "val").is_dir():
        pytest.skip("no official pictures here")
    app = start(folder, picture="folder-17", q=QUESTION)
    scenes = json.loads((folder / "scenes" / "CLEVR_val_scenes.json").read_text("utf-8"))["scenes"]
    objects = next(s["objects"] for s in scenes if s["image_filename"] == "CLEVR_val_000017.png")
    assert picture_cache.shown("folder-17", None).title == "CLEVR_val_000017.png"
    assert picture_cache.truth(QUESTION, picture_cache.shown("folder-17", None)).answer == str(len(objects))
    assert "truth unknown" not in html(app)


def test_official_questions_about_the_folder_have_their_answers(shared_data):
    folder = shared_data / "clevr-official"
    if not (folder / "images" / "val").is_dir():
        pytest.skip("no official pictures here")
    album = open_picture_folder(folder)
    by_name = {album.name(number): album.scene(number) for number in range(len(album))}
    asked = json.loads((folder / "questions" / "CLEVR_val_questions.json").read_text("utf-8"))["questions"]
    asked = asked[::10]
    found = [find_truth(item["question"], by_name[item["image_filename"]]).answer for item in asked]
    assert found == [str(item["answer"]) for item in asked]


def test_measured_pictures_are_the_folders_only_if_it_was_measured(checkpoint, clevr_folder, open_folder):
    """Made folders share names: of the folder, and of its pictures."""
    asked = some_questions(clevr_folder, most=4)
    recipe = observe(Session(checkpoint, "cpu"), asked, clevr_folder.name).recipe
    album = open_picture_folder(clevr_folder)
    names = [album.name(number) for number in range(2)]
    open_folder(clevr_folder)
    assert folder_cache.keys_of(names, recipe) == {names[0]: "folder-0", names[1]: "folder-1"}
    former = {name: value for name, value in recipe.items() if name != "first_picture"}
    assert folder_cache.keys_of(names, former) == dict(zip(names, names, strict=True))
    other = checkpoint.parent / "other" / clevr_folder.name
    shutil.copytree(clevr_folder / "images", other / "images")
    first = next(other.rglob(recipe["first_picture"]["name"]))
    shutil.copy(gallery()[0].picture_path, first)
    open_folder(other)
    assert folder_cache.keys_of(names, recipe) == dict(zip(names, names, strict=True))
