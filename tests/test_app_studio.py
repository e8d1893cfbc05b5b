"""The scene studio without a browser: a scene edited by fields, buttons and link, undone and done again."""

import json
import re
import shutil
import sys
import time
from io import BytesIO

import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

import film
from analysis import (
    CounterfactualSet,
    ask_both,
    ask_pairs,
    object_readings,
    sample_scene_pairs,
    write_counterfactuals,
)
from film import ChangeAttribute, MoveObject, Scene, Session, Vocabulary, edit_scene, gallery, save
from film.clevr.language.word_tree import WORDS
from ui import state, studio
from ui.cache import pictures, scenes

QUESTION = "How many red things are there?"
SCENE = film.rounded_scene(gallery()[0].scene)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    save(folder, network, tiny_card(network, words=words, name="tiny"))
    return folder


@pytest.fixture
def open_page(visit, checkpoint, monkeypatch):
    monkeypatch.setattr(scenes, "clean", lambda text: None)  # previews stay, so that every run is the same

    def opened(**link: str):
        return visit(checkpoint, "studio", **{"q": QUESTION} | link)

    return opened


def outcome(app) -> dict[str, str]:
    """What the page says of both answers and the truth."""
    (marks,) = [h.proto.body for h in app.get("html") if "studio-answer" in h.proto.body]
    return dict(re.findall(r'data-(\w+)="([^"]*)"', marks))


def test_the_head_that_stays_in_view_has_the_question_and_the_answer_after_the_edit(open_page):
    app = open_page()
    assert not app.exception
    head = app.main.get_by_key("case")
    assert head.text_input(key="studio-question").value == QUESTION
    (said,) = [line.value for line in head.markdown]
    assert said.startswith(f"Predicted **{outcome(app)['after']}**, confidence ")
    assert said.endswith(f"true answer **{outcome(app)['truth']}**")
    app.text_input(key="studio-question").set_value("What is love?").run()
    head = app.main.get_by_key("case")
    assert head.warning  # what keeps it from being asked stands with the question
    assert not head.markdown


def shown_scene(app) -> Scene:
    assert not app.exception
    return film.scene_from_text(app.query_params["picture"].removeprefix("scene-"))


def other_color(index: int) -> str:
    return "red" if SCENE.objects[index].color != "red" else "blue"


def test_a_field_edits_the_scene_and_the_truth_follows(open_page, checkpoint):
    app = open_page()
    before = outcome(app)
    reds = sum(thing.color == "red" for thing in SCENE.objects)
    assert before["truth"] == str(reds)
    color = other_color(0)
    app.selectbox(key="studio-color").set_value(color).run()
    edited = edit_scene(SCENE, ChangeAttribute(0, "color", color))
    assert shown_scene(app) == edited
    after = outcome(app)
    assert after["truth"] == str(reds + (1 if color == "red" else -1))
    session = Session(checkpoint, "cpu")
    for side, scene in (("before", SCENE), ("after", edited)):
        assert after[side] == session.ask(film.scene_picture(scene, "preview"), QUESTION).answer


def test_steps_are_undone_and_done_again_and_a_link_opens_them(open_page):
    app = open_page()
    app.selectbox(key="studio-color").set_value(other_color(0)).run()
    app.number_input(key="studio-turned").set_value(40.0).run()
    turned = app.query_params["picture"]
    assert shown_scene(app).objects[0].rotation != SCENE.objects[0].rotation
    app.button(key="studio-Undo").click().run()
    app.button(key="studio-Undo").click().run()
    assert app.button(key="studio-Undo").disabled
    assert outcome(app)["before"] == outcome(app)["after"]
    app.button(key="studio-Redo").click().run()
    app.button(key="studio-Redo").click().run()
    assert app.query_params["picture"] == turned
    again = open_page(picture=turned, before=app.query_params["before"])
    assert shown_scene(again) == shown_scene(app)
    assert outcome(again) == outcome(app)


def test_an_edit_against_the_rules_is_offered_with_the_nearest_place(open_page, monkeypatch):
    monkeypatch.setattr(state, "ECHO", 0)  # values are set again faster than by any hand
    app = open_page()
    near = SCENE.objects[1]
    app.number_input(key="studio-x").set_value(near.x + 0.1).run()
    if app.query_params["picture"] == "gallery-0":  # not made yet: x alone is too close already
        app.button(key="studio-anyway").click().run()
    app.number_input(key="studio-y").set_value(near.y + 0.1).run()
    kept = app.query_params["picture"]
    assert any("apart" in warning.value for warning in app.warning), [w.value for w in app.warning]
    app.button(key="studio-leave").click().run()
    assert app.query_params["picture"] == kept
    app.number_input(key="studio-y").set_value(near.y + 0.1).run()
    app.button(key="studio-nearest").click().run()
    assert not film.problems(shown_scene(app))
    app.button(key="studio-Undo").click().run()
    app.number_input(key="studio-y").set_value(near.y + 0.1).run()
    app.button(key="studio-anyway").click().run()
    at = shown_scene(app).objects[0]
    assert (at.x, at.y) == pytest.approx((near.x + 0.1, near.y + 0.1), abs=0.01)
    assert any("Breaks CLEVR's rules" in expander.label for expander in app.expander)


def test_objects_are_added_duplicated_and_removed(open_page):
    app = open_page()
    for key, count in (("studio-add", 1), ("studio-duplicate", 2)):
        app.button(key=key).click().run()
        if any(button.key == "studio-anyway" for button in app.button):
            app.button(key="studio-anyway").click().run()
        assert len(shown_scene(app).objects) == len(SCENE.objects) + count
    app.button(key="studio-remove").click().run()
    assert len(shown_scene(app).objects) == len(SCENE.objects) + 1


def test_an_empty_floor_and_a_sampled_scene_are_places_to_begin(open_page):
    app = open_page()
    app.button(key="studio-empty").click().run()
    assert shown_scene(app).objects == ()
    assert outcome(app)["truth"] == "0"
    app.button(key="studio-sample").click().run()
    assert len(shown_scene(app).objects) >= 3
    assert not film.problems(shown_scene(app))
    assert app.button(key="studio-Undo").disabled


@pytest.mark.parametrize(
    "panel", ["Answers", "True answer", "Questions", "Feature maps", "Objects", "Consistency", "Download"]
)
def test_every_panel_shows_an_edited_scene(open_page, panel):
    moved = edit_scene(SCENE, MoveObject(0, SCENE.objects[0].x + 0.2, SCENE.objects[0].y))
    app = open_page(picture=studio.key_of(moved), before=studio.key_of(SCENE))
    app.segmented_control(key="studio-panel").set_value(panel).run()
    assert not app.exception
    assert not app.error
    if panel == "Feature maps":
        (table,) = [frame.value for frame in app.dataframe if "grain" in frame.value]
        assert (table["change"] > 0).any()


def test_a_programs_file_says_on_which_scene_it_was_run(open_page, files):
    moved = edit_scene(SCENE, MoveObject(0, SCENE.objects[0].x + 0.2, SCENE.objects[0].y))
    options = json.dumps({"studio-panel": "True answer"})
    open_page(picture=studio.key_of(moved), before=studio.key_of(SCENE), options=options)
    for side in ("before", "after"):
        table = pd.read_csv(BytesIO(files[f"studio-program-{side}.csv"]()))
        (whence,) = set(table["source"])
        assert f"CLEVR's program · “{QUESTION}” about the scene {side} the edits" in whence


def test_a_series_asks_at_every_step_and_any_of_them_is_taken_up(open_page):
    app = open_page(series="size")
    app.button(key="studio-run-series").click().run()
    assert not app.exception
    steps = film.attribute_series(SCENE, 0, "size")
    app.button(key="studio-step-0").click().run()
    assert shown_scene(app) == steps.scenes[0]
    assert not app.button(key="studio-Undo").disabled


def test_consistency_is_shown_and_an_inconsistent_pair_opens(visit, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "clean", lambda text: None)
    folder = tmp_path / "tiny"
    shutil.copytree(checkpoint, folder)
    session = Session(folder, "cpu")
    table = ask_pairs(session, sample_scene_pairs([SCENE], 3), quality="preview")
    table.loc[table["kind"] != "nothing", "consistent"] = False
    recipe = {"weights": session.card.weights, "scenes": 1, "source": "the gallery", "pairs": 3,
              "seed": 0, "quality": "preview"}  # fmt: skip
    found = CounterfactualSet(table, recipe)
    write_counterfactuals(folder / "study", found)
    app = visit(folder, "studio", q=QUESTION)
    app.segmented_control(key="studio-panel").set_value("Consistency").run()
    assert not app.exception
    (shown,) = [frame.value for frame in app.dataframe if "consistent, %" in frame.value]
    assert len(shown) == len(found.consistency())
    app.button(key="studio-open-pair").click().run()
    first = found.inconsistent().iloc[0]
    assert app.query_params["picture"] == f"scene-{first['after']}"
    assert app.query_params["before"] == f"scene-{first['before']}"
    assert outcome(app)["truth"] == first["truth_after"]


@pytest.mark.parametrize("way", list(film.SERIES))
def test_every_series_begins_with_the_scene_or_holds_it(way):
    steps = film.some_series(SCENE, 0, way)
    assert steps.original is not None
    assert steps.scenes[steps.original] == SCENE
    assert len(steps) > 1


def test_a_link_to_a_scene_before_that_is_not_here_is_said(open_page):
    app = open_page(picture=studio.key_of(SCENE), before="gallery-999")
    assert not app.exception
    assert any("gallery-999" in info.value.replace("\\", "") for info in app.info)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"scenes": []}', b'{"objects": 1}', b"[" * 9999])
def test_a_file_that_is_no_scene_is_refused_in_a_sentence(content, monkeypatch):
    said = []
    monkeypatch.setattr(state, "refuse", said.append)
    studio.take_file(content)
    assert len(said) == 1
    assert said[0].endswith(".")


def test_a_scenes_file_is_taken_up(monkeypatch):
    taken = []
    monkeypatch.setattr(studio, "take_up", taken.append)
    studio.take_file(json.dumps({"scenes": [film.scene_to_json(SCENE)]}).encode())
    assert taken == [SCENE]


def test_both_pictures_are_previews_until_both_are_clean(visit, checkpoint, monkeypatch):
    drawn = {film.scene_to_text(SCENE): film.scene_picture(SCENE, "preview", seed=1)}
    monkeypatch.setattr(scenes, "clean", drawn.get)
    recoloured = edit_scene(SCENE, ChangeAttribute(0, "color", other_color(0)))
    link = {"q": QUESTION, "picture": studio.key_of(recoloured), "before": studio.key_of(SCENE)}
    assert outcome(visit(checkpoint, "studio", **link))["preview"] == "true"
    drawn[film.scene_to_text(recoloured)] = film.scene_picture(recoloured, "preview", seed=1)
    assert outcome(visit(checkpoint, "studio", **link))["preview"] == "false"


def test_a_picture_without_a_scene_says_so_and_what_was_wrong_with_a_file(open_page, monkeypatch):
    monkeypatch.setattr(pictures, "scene_of", lambda key: None)
    monkeypatch.setattr(state, "refused", lambda: "This file is no JSON.")
    app = open_page()
    assert not app.exception
    assert any("No scene annotation" in info.value for info in app.info)
    assert any("no JSON" in warning.value for warning in app.warning)


def test_a_link_with_a_broken_scene_opens_another_picture(open_page):
    app = open_page(picture="scene-nonsense")
    assert not app.exception
    assert outcome(app)["truth"] == outcome(open_page())["truth"]


def test_many_questions_are_asked_of_both_scenes_and_one_is_taken_up(open_page, checkpoint):
    edited = edit_scene(SCENE, ChangeAttribute(0, "color", other_color(0)))
    options = {"studio-panel": "Questions", "studio-questions-of": "Your own"}
    own = {"studio-questions": f"{QUESTION}\nAre there any spheres?\nWhat is love?"}
    link = {"picture": studio.key_of(edited), "before": studio.key_of(SCENE)}
    app = open_page(**link, options=json.dumps(options))
    (table,) = [frame.value for frame in app.dataframe if "truth changes" in frame.value]
    assert list(table["question"]) == [QUESTION]
    assert list(table["truth changes"]) == ["yes"]
    refused = open_page(**link, options=json.dumps(options | own))
    assert any("love" in warning.value for warning in refused.warning)
    drawn = open_page(**link, options=json.dumps({"studio-panel": "Questions"}))
    (table,) = [frame.value for frame in drawn.dataframe if "truth changes" in frame.value]
    assert set(table["truth changes"]) == {"yes", "no"}
    session = Session(checkpoint, "cpu")
    pictures = film.scene_picture(SCENE, "preview"), film.scene_picture(edited, "preview")
    asked = ask_both(session, pictures, (SCENE, edited), list(table["question"]))
    changes = asked["answer_before"] != asked["answer_after"]
    assert list(table["answer changes"]) == ["yes" if changed else "no" for changed in changes]
    assert list(asked["consistent"]) == list(changes == (asked["truth_before"] != asked["truth_after"]))


@pytest.mark.parametrize("shown", ["After the edit", "Before the edit", "Change"])
def test_every_map_is_read_at_every_object(open_page, checkpoint, shown):
    edited = edit_scene(SCENE, ChangeAttribute(0, "color", other_color(0)))
    options = {"studio-panel": "Objects", "studio-objects-scene": shown}
    app = open_page(picture=studio.key_of(edited), before=studio.key_of(SCENE), options=json.dumps(options))
    assert not app.exception
    (table,) = [frame.value for frame in app.dataframe if "scene" in frame.value]
    assert list(table["scene"]) == ["before"] * len(SCENE.objects) + ["after"] * len(SCENE.objects)
    found = object_readings(
        Session(checkpoint, "cpu"), film.scene_picture(edited, "preview"), QUESTION, edited
    )
    own = found[(found["block"] == 0) & (found["map"] == 0)]
    after = table[table["scene"] == "after"]
    assert list(after["object"]) == list(range(1, len(SCENE.objects) + 1))
    assert after.iloc[:, 3].to_numpy() == pytest.approx(own["before FiLM"].to_numpy(), abs=1e-3)


def test_the_chosen_panel_is_in_the_link(open_page):
    app = open_page()
    app.segmented_control(key="studio-panel").set_value("Objects").run()
    again = open_page(**{name: values for name, values in app.query_params.items() if name != "weights"})
    assert again.segmented_control(key="studio-panel").value == "Objects"


def test_a_series_follows_chosen_feature_maps(open_page):
    app = open_page(series="size", options=json.dumps({"studio-follow": "1:2 2:0"}))
    app.button(key="studio-run-series").click().run()
    assert not app.exception
    assert app.text_input(key="studio-follow").value == "1:2 2:0"
    app.text_input(key="studio-follow").set_value("9:0").run()
    assert any("no feature map" in warning.value for warning in app.warning)


def test_pair_and_series_are_handed_out_as_folders(open_page, monkeypatch):
    monkeypatch.setattr(film, "scene_folder_files", lambda scenes, *_, **__: {"n": str(len(scenes)).encode()})
    app = open_page(series="size", options=json.dumps({"studio-panel": "Download"}))
    for what in ("pair", "series"):
        app.button(key=f"studio-run-folder-{what}").click().run()
        assert not app.exception
        assert any(what in button.label for button in app.get("download_button"))


def test_clean_pictures_are_drawn_while_visitors_ask_for_others(monkeypatch):
    """The one that is asked for last is drawn, though every wish before it stops the one in the making."""
    texts = [film.scene_to_text(edit_scene(SCENE, film.TurnObject(0, k / 100))) for k in range(200)]

    def drawn(scene, cancel):
        for _ in range(300):
            if cancel():
                raise film.Cancelled
        return film.scene_to_text(scene)

    monkeypatch.setattr(film, "scene_picture", drawn)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        painter = scenes._Painter()
        for text in texts:
            painter.ask(text)
        until = time.monotonic() + 20
        while (found := painter.ask(texts[-1])) is None and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        sys.setswitchinterval(interval)
    assert found == texts[-1]


def test_camera_and_lamps_are_jittered_and_put_back(open_page):
    app = open_page()
    app.button(key="studio-jitter").click().run()
    assert shown_scene(app).view != SCENE.view
    assert shown_scene(app).objects == SCENE.objects
    app.button(key="studio-usual").click().run()
    assert shown_scene(app) == film.rounded_scene(SCENE.replaced(view=film.View()))
    app.button(key="studio-Undo").click().run()
    app.button(key="studio-Undo").click().run()
    assert app.query_params["picture"] == "gallery-0"
