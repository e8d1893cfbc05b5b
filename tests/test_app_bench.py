"""The bench without a browser: edits by slider, button and link, undone and done again; measurements."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from charts import charts
from test_word_patching import planted
from tiny import tiny_card, tiny_network

from analysis import (
    GALLERY,
    RATES,
    STAGES,
    MapCards,
    Measured,
    Study,
    analogy_of,
    folder_questions,
    gallery_questions,
    measure_ablations,
    object_readings,
    write_measured,
)
from analysis.interventions import patching
from analysis.interventions.word_patching_of_pairs import word_patching_table
from analysis.study import make_study
from film import (
    Arithmetic,
    Blend,
    Clamp,
    PatchFrom,
    Scale,
    Session,
    SetValue,
    Vocabulary,
    Where,
    gallery,
    save,
    write_scenes,
)
from film.clevr.language.word_tree import WORDS
from ui import bench, bench_ablations, bench_over_questions, bench_patching, state, widgets
from ui.bench import BenchEdit
from ui.cache import evidence, folder, pictures
from ui.pages import bench as bench_page

QUESTION = "How many red cubes are there?"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    save(folder, network, tiny_card(network, words=words, name="tiny"))
    make_study(Session(folder, "cpu"), folder / "study", questions=300, maps=[])
    return folder


@pytest.fixture
def open_page(visit, checkpoint):
    def opened(**link: str):
        return visit(checkpoint, "bench", **{"q": QUESTION} | link)

    return opened


@pytest.fixture
def ran(monkeypatch) -> Callable[[str], dict[str, Any]]:
    """Runs the lines that a page offers with one of its results; the names that there are then."""
    offered: dict[str, str] = {}
    monkeypatch.setattr(widgets, "copy_as_python", lambda name, write: offered.__setitem__(name, write()))

    def run(name: str) -> dict[str, Any]:
        names: dict[str, Any] = {}
        exec(compile(offered[name], name, "exec"), names)
        return names

    return run


def is_shown(table: pd.DataFrame, files, name: str) -> None:
    """The table has the numbers that a page has of this result in its file."""
    shown = pd.read_csv(BytesIO(files[f"{name}.csv"]())).drop(columns="source")
    pd.testing.assert_frame_equal(shown, pd.read_csv(BytesIO(table.to_csv(index=False).encode())))


def outcome(app) -> tuple[str, str, int]:
    """The answers before and after, and how many edits are applied."""
    (marks,) = [h.proto.body for h in app.get("html") if "bench-answer" in h.proto.body]
    found = re.search(r'data-before="([^"]*)"\s+data-after="([^"]*)" data-edits="(\d+)"', marks)
    return found[1], found[2], int(found[3])


def asked(checkpoint, edits) -> str:
    return Session(checkpoint, "cpu").ask(gallery()[0].picture_path, QUESTION, edits).answer


def test_what_lies_below_the_window_comes_in_a_second_run(open_page, monkeypatch):
    monkeypatch.setattr(state, "page_address", lambda: "http://localhost/bench")  # as if in a browser
    first = open_page()
    assert not first.exception
    assert first.header[0].value.startswith("Block 1")
    assert not first.tabs
    first.session_state["whole"] = {"bench"}  # as the browser's sign leaves it
    whole = first.run()
    assert [tab.label for tab in whole.tabs] == list(bench_page.TABS)


def test_a_link_reopens_every_edit(open_page, checkpoint):
    edits = [SetValue(Where((1,), (2,), "gamma"), -3.5), Scale(Where((0,)), 2.0)]
    text = bench.write([BenchEdit(edits[0]), BenchEdit(edits[1], on=False)])
    app = open_page(edits=text)
    assert not app.exception
    assert outcome(app) == (asked(checkpoint, []), asked(checkpoint, edits[:1]), 1)
    assert app.query_params["edits"] == text
    boxes = [box for box in app.checkbox if box.key.startswith("bench-on")]
    assert [box.value for box in boxes] == [True, False]
    boxes[1].set_value(True).run()
    assert outcome(app) == (asked(checkpoint, []), asked(checkpoint, edits), 2)


def test_sliders_and_buttons_make_edits_that_can_be_undone(open_page, checkpoint):
    app = open_page(block="2", map="3")
    before = outcome(app)
    assert before[2] == 0
    slider = next(s for s in app.slider if s.key.startswith("bench-slider-gamma"))
    slider.set_value(slider.min).run()
    assert not app.exception
    assert outcome(app)[2] == 1
    assert "set:2.3.gamma" in app.query_params["edits"]
    app.button(key="bench-add-Silence").click().run()
    assert outcome(app)[2] == 2
    silent = [*bench.applied(bench.read(app.query_params["edits"]))]
    assert outcome(app)[1] == asked(checkpoint, silent)
    app.button(key="bench-Undo").click().run()
    app.button(key="bench-Undo").click().run()
    assert outcome(app) == before
    app.button(key="bench-Redo").click().run()
    assert outcome(app)[2] == 1
    app.button(key="bench-clear").click().run()
    assert outcome(app)[2] == 0


def test_edits_are_moved_and_removed(open_page):
    text = "scale:1.*.both:2|shift:1.*.both:1"
    app = open_page(edits=text)
    app.button(key="bench-arrow_downward-0").click().run()
    assert app.query_params["edits"] == "shift:1.*.both:1|scale:1.*.both:2"
    app.button(key="bench-remove-1").click().run()
    assert app.query_params["edits"] == "shift:1.*.both:1"


def test_the_form_that_changes_maps_is_in_the_link(open_page):
    given = {"bench-scope": "block", "bench-of": "beta", "bench-amount": 2.5}
    app = open_page(block="2", map="3", options=json.dumps(given))
    assert not app.exception
    app.button(key="bench-add-× 2.5").click().run()
    assert app.query_params["edits"] == "scale:2.*.beta:2.5"
    app.number_input(key="bench-amount").set_value(1.0).run()
    assert json.loads(app.query_params["options"]) == {"bench-scope": "block", "bench-of": "beta"}
    odd = open_page(options=json.dumps({"bench-amount": "many", "bench-scope": 7}))
    assert not odd.exception
    assert sum("not offered here" in info.value for info in odd.info) == 2


@pytest.mark.parametrize("edits", ["explode:1.1.gamma:1", "set:9.1.gamma:1", "set:1.999.gamma:1", "|||", "!"])
def test_what_a_link_cannot_have_is_said(open_page, edits):
    app = open_page(edits=edits)
    assert not app.exception
    if edits.strip("|!"):
        assert any("cannot be applied" in warning.value for warning in app.warning)


def test_measurements_are_made_on_request(open_page, checkpoint, monkeypatch, ran, files):
    monkeypatch.setattr(bench_patching, "PAIRS", 14)
    monkeypatch.setattr(patching, "SMALL", 0.0)  # no pair lies a logit apart for so small a network
    monkeypatch.setattr(bench_over_questions, "QUESTIONS", (80, 160))
    others = ("What color is the cube?", "Is there a red cube?", "What size is the sphere?")
    session, picture = Session(checkpoint, "cpu"), gallery()[0].picture_path
    said = {text: session.ask(picture, text).answer for text in others}
    other = next(text for text, answer in said.items() if answer != asked(checkpoint, []))
    app = open_page(other=other)
    assert not app.exception
    for key in ("effects", "patch", "flip", "reworded", "controls", "families"):
        app.button(key=f"bench-run-{key}").click().run()
        assert not app.exception, key
    text = " ".join(m.value for m in [*app.markdown, *app.caption])
    assert "Speak most for the answer" in text
    assert "change the answer" in text or "answer stays the same" in text
    assert "comes back" in text
    assert "question families that were left out" in text
    assert "80 questions about 40 pictures" in text
    assert "p there and on these: of each map by itself" in text
    assert "random orders and as many" in text
    assert "mean-ablated; 20 of" in text
    assert sum("KL divergence, nats" in drawn for drawn in charts(app)) == 1
    (sources,) = [frame.value for frame in app.dataframe if "donor" in frame.value]
    assert {"resampled, any", "mean", "identity"} <= set(sources["kind"])
    made = ran("bench-effects")
    is_shown(made["found"].table(), files, "bench-effects")
    is_shown(made["pairs"], files, "bench-interactions")
    is_shown(made["curves"].query("curve == 'deletion'"), files, "bench-deletion")
    assert list(made["sources"]["distance"].round(2)) == list(sources["distance"])
    patched = ran("bench-patch")
    shown = pd.read_csv(BytesIO(files["bench-patching.csv"]()))
    np.testing.assert_allclose(shown["recovered"], patched["found"].share("denoising")[0].ravel())
    shown = pd.read_csv(BytesIO(files["bench-patching-noising.csv"]()))
    np.testing.assert_allclose(shown["destroyed"], patched["back"].share("denoising")[0].ravel())
    flipped = ran("bench-flip")["found"]
    assert (
        "answer stays the same" in text if flipped.maps is None else f"**{len(flipped.maps)} maps**" in text
    )
    assert flipped.norm is None or f"**{flipped.norm:.1f} standard deviations**" in text
    is_shown(ran("bench-between")["found"], files, "bench-line")
    is_shown(ran("bench-reworded")["cases"], files, "bench-reworded")
    for name in ("controls", "families"):
        is_shown(ran(f"bench-{name}")["found"].tables["table"], files, f"bench-{name}")
    (sum_of,) = [frame.value for frame in app.dataframe if list(frame.value) == ["asked with", "answer"]]
    assert list(sum_of["answer"]) == list(ran("bench-sum")["found"].iloc[0][list(RATES)])


def test_sets_and_pairs_of_maps_are_measured_where_maps_have_cards(
    open_page, checkpoint, monkeypatch, ran, files
):
    config = Session(checkpoint, "cpu").config
    size = np.random.default_rng(0).normal(size=config.blocks * config.maps)
    cards = pd.DataFrame(
        {"block": np.repeat(np.arange(config.blocks), config.maps),
         "map": np.tile(np.arange(config.maps), config.blocks), "effect": size, "effect_shrunken": size,
         "pictures": "", "language": ""}
    )  # fmt: skip
    effects = pd.DataFrame(
        {"block": [0, 1, 1, 2], "map": [3, 0, 5, 7], "about": "pictures", "value": "red",
         "delta": [0.2, -0.9, 0.5, 0.7], "p": [0.01, 0.01, 0.04, 0.2]}
    )  # fmt: skip
    known = MapCards(cards, effects, {})
    assert known.most_selective("pictures", "red") == [(1, 0), (1, 5), (0, 3)]
    assert known.most_selective("language", "red") == []
    monkeypatch.setattr(evidence, "cards", lambda _: known)
    monkeypatch.setattr(Study, "cards", known)
    monkeypatch.setattr(bench_over_questions, "QUESTIONS", (40, 80))
    monkeypatch.setattr(bench_ablations, "SIZES", (40, 80))
    app = open_page()
    for key in ("kept-sets", "map-pairs", "sets"):
        app.button(key=f"bench-run-{key}").click().run()
        assert not app.exception, key
    kept = next(frame.value for frame in app.dataframe if "faithfulness" in frame.value)
    assert list(kept["maps"]) == [8, 8, 16, 16]
    # The pairs of one answer have a table too, without p.
    pairs = next(frame.value for frame in app.dataframe if {"interaction", "p"} <= set(frame.value))
    first = np.argsort(-np.abs(size), kind="stable")[:16]
    named = {divmod(int(place), config.maps) for place in first}
    assert {
        (block - 1, number) for block, number in zip(pairs["block_a"], pairs["map_a"], strict=True)
    } <= named
    assert sum("random sets in place of" in drawn for drawn in charts(app)) == 1
    for name in ("kept-sets", "map-pairs"):
        is_shown(ran(f"bench-{name}")["found"].tables["table"], files, f"bench-{name}")
    made = ran("bench-sets")
    is_shown(made["set_table"](made["found"]), files, "bench-sets")


def test_maps_are_read_at_every_object_where_the_scene_is_known(open_page, checkpoint):
    app = open_page(block="2", map="3")
    app.button(key="bench-run-objects").click().run()
    assert not app.exception
    exhibit = gallery()[0]
    found = object_readings(
        Session(checkpoint, "cpu"), exhibit.picture_path, QUESTION, exhibit.scene
    ).query("block == 1 and map == 3")  # fmt: skip
    (shown,) = [frame.value for frame in app.dataframe if "before FiLM" in frame.value]
    assert list(shown["name"]) == [str(thing) for thing in exhibit.scene.objects]
    np.testing.assert_allclose(shown[list(STAGES)], found[list(STAGES)], atol=6e-4)
    drawn = next(drawn for drawn in charts(app) if "object %{customdata[2]}" in drawn)
    assert '"x0":2.5,"x1":3.5' in drawn.replace(" ", "")  # the chosen map is framed


def test_readings_at_objects_follow_the_edits(open_page, checkpoint, ran):
    question = "How many blue cubes are there?"
    app = open_page(block="2", map="3", q=question)
    app.button(key="bench-run-objects").click().run()
    app.button(key="bench-add-Silence").click().run()
    assert not app.exception
    exhibit, edits = gallery()[0], bench.applied(bench.read(app.query_params["edits"]))
    assert len(edits) == 1
    session = Session(checkpoint, "cpu")
    (shown,) = [frame.value for frame in app.dataframe if "before FiLM" in frame.value]
    for name, made in (("As predicted", None), ("With the edits", edits)):
        found = object_readings(session, exhibit.picture_path, question, exhibit.scene, made)
        own = found.query("block == 1 and map == 3")[list(STAGES)]
        here = shown[shown["gamma and beta"] == name]
        np.testing.assert_allclose(here[list(STAGES)], own, atol=6e-4)
    assert (shown.loc[shown["gamma and beta"] == "With the edits", "after FiLM"] == 0).all()
    names = ran("bench-objects")
    for name, written in (("As predicted", "found"), ("With the edits", "edited")):
        own = names[written].query("block == 1 and map == 3")[list(STAGES)]
        here = shown[shown["gamma and beta"] == name]
        np.testing.assert_allclose(here[list(STAGES)], own, atol=6e-4)
    app.button(key="bench-clear").click().run()
    (shown,) = [frame.value for frame in app.dataframe if "before FiLM" in frame.value]
    assert "gamma and beta" not in shown


def test_without_a_known_scene_no_object_is_read(open_page, monkeypatch):
    known = pictures.shown
    monkeypatch.setattr(pictures, "shown", lambda *given: replace(known(*given), scene=None))
    app = open_page()
    assert not app.exception
    assert any("not known what is in this picture" in caption.value for caption in app.caption)
    assert not [button for button in app.button if button.key == "bench-run-objects"]


def test_the_list_of_edits_as_text_words_and_python():
    where = Where((1,), (17,), "gamma")
    entries = [BenchEdit(SetValue(where, 0.0)), BenchEdit(PatchFrom(Where((0,)), QUESTION), on=False)]
    assert bench.read(bench.write(entries)) == entries
    assert bench.described(entries[0].edit) == "block 2, map 17: gamma set to 0"
    assert "block 1, all maps: gamma and beta from" in bench.described(entries[1].edit)
    assert bench.with_value(entries, where, 2.0)[-1] == BenchEdit(SetValue(where, 2.0))
    assert len(bench.with_value(entries, where, 2.0)) == 2
    assert bench.moved(entries, 0, -1) == entries
    assert bench.switched(entries, 1)[1].on


def test_the_lines_to_copy_do_the_same(open_page, checkpoint, capsys):
    entries = [BenchEdit(SetValue(Where((0,), None, "gamma"), 0.0)), BenchEdit(Scale(Where(), 2.0), on=False)]
    app = open_page(edits=bench.write(entries))
    assert not app.code  # written once it is opened
    app.session_state["python-bench"] = True
    app.run()
    exec(compile(app.code[0].value, "copied", "exec"), {})
    answer = capsys.readouterr().out.strip()
    assert outcome(app) == (asked(checkpoint, []), answer, 1)
    assert answer == asked(checkpoint, bench.applied(entries))


def papers_means_stand(app) -> bool:
    return any("paper" in frame.value for frame in app.dataframe)


def test_the_papers_means_stand_beside_kept_ablations_of_clevrs_families(open_page, checkpoint, ran, files):
    found = measure_ablations(Session(checkpoint, "cpu"), gallery_questions(40), GALLERY, noise=(1.0,))
    assert found.recipe["clevrs"]
    former = {name: value for name, value in found.recipe.items() if name != "clevrs"}
    closure = {**found.recipe, "source": "CLOSURE", "clevrs": False}
    for recipe, stand in ((former, True), (closure, False)):
        write_measured(checkpoint / "study", "ablate", Measured(found.tables, recipe))
        st.cache_resource.clear()
        app = open_page()
        assert not app.exception
        assert papers_means_stand(app) == stand
        is_shown(ran("bench-ablations")["found"].tables["table"], files, "bench-ablations")
    (checkpoint / "study" / "ablate_table.parquet").unlink()


def test_ablations_of_the_visitor_s_folder(
    open_page, checkpoint, tmp_path, monkeypatch, open_folder, ran, files
):
    images = tmp_path / "CLEVR" / "images" / "val"
    images.mkdir(parents=True)
    (tmp_path / "CLEVR" / "scenes").mkdir()
    for number, exhibit in enumerate(gallery()[:12]):
        shutil.copy(exhibit.picture_path, images / f"CLEVR_val_{number:06d}.png")
    scenes = [exhibit.scene for exhibit in gallery()[:12]]
    write_scenes(tmp_path / "CLEVR" / "scenes" / "CLEVR_val_scenes.json", scenes, "val")
    open_folder(tmp_path / "CLEVR")
    monkeypatch.setattr(bench_ablations, "SIZES", (24, 48))
    app = open_page(options=json.dumps({"bench-ablated-on": "folder"}))
    assert not app.exception
    assert app.radio(key="bench-ablated-on").value == "folder"
    app.button(key="bench-run-folder-ablations").click().run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "change" in frame.value)
    found = measure_ablations(
        Session(checkpoint, "cpu"), folder_questions(folder.album(), tmp_path / "CLEVR", 24), "CLEVR",
        noise=(1.0, 2.0, 3.0),
    ).tables["table"]  # fmt: skip
    whole = found[found["group"] == "all"]
    np.testing.assert_allclose(table["accuracy"], whole["accuracy"])
    assert any("CLEVR, seed 0" in caption.value for caption in app.caption)
    assert papers_means_stand(app), "these questions are of CLEVR's families"
    is_shown(ran("bench-ablations")["found"].tables["table"], files, "bench-ablations")
    app.radio(key="bench-ablated-on").set_value("kept").run()
    assert not app.exception
    assert "bench-ablated-on" not in app.query_params.get("options", "")


def test_patching_word_by_word_over_many_pairs_is_shown_where_it_was_measured(
    open_page, checkpoint, ran, files
):
    app = open_page()
    assert any("patch-words" in caption.value for caption in app.caption)  # the command that measures it
    pairs, measured = planted(1, 2.0)
    table = word_patching_table(pairs, measured)
    recipe = {
        "weights": Session(checkpoint, "cpu").card.weights, "source": "the gallery's pictures", "seed": 0,
        "pairs": 120, "small": 0, "pictures": 30, "trials": 2000,
    }  # fmt: skip
    write_measured(checkpoint / "study", "patch-words", Measured({"table": table}, recipe))
    st.cache_resource.clear()  # a file that comes while the app runs is seen at its next start
    app = open_page(options=json.dumps({"bench-words-kind": "color"}))
    assert not app.exception
    shown = next(frame.value for frame in app.dataframe if "random direction's" in frame.value)
    own = table[table["kind"] == "color"]
    np.testing.assert_allclose(shown["share"], own["share"], atol=1e-4)
    claimed = shown[shown["claimed"]]
    assert list(zip(claimed["patch"], claimed["words after the changed one"], strict=True)) == [("word", "1")]
    drawn = next(drawn for drawn in charts(app) if "what the word added" in drawn)
    assert "the changed word" in drawn
    found = ran("bench-patch-words")["found"].tables["table"]
    is_shown(found[found["kind"] == "color"], files, "bench-words-of-pairs")


def opened(app, popover: str, turn: int = 0):
    """The page run with this popover open; AppTest has no popovers, and forgets after a run that it was."""
    app.session_state[f"bench-more-{popover}-{turn}"] = True
    app.run()
    assert not app.exception
    return app


def test_a_clamp_is_added_with_its_bounds(open_page, checkpoint):
    app = open_page(block="2", map="3", options=json.dumps({"bench-scope": "all", "bench-low": -0.25}))
    assert not [button for button in app.button if button.key == "bench-add-Clamp"]  # drawn once opened
    opened(app, "Clamp").button(key="bench-add-Clamp").click().run()
    assert app.query_params["edits"] == "clamp:*.*.both:-0.25:1"
    edits = bench.applied(bench.read(app.query_params["edits"]))
    assert edits == [Clamp(Where(), -0.25, 1.0)]
    assert outcome(app)[1:] == (asked(checkpoint, edits), 1)
    app.button(key="bench-Undo").click().run()
    assert outcome(app)[2] == 0


def test_bounds_that_are_upside_down_are_said(open_page):
    app = opened(open_page(options=json.dumps({"bench-low": 2.0})), "Clamp")
    assert any("upside down" in warning.value for warning in app.warning)
    assert app.button(key="bench-add-Clamp").disabled


def test_a_blend_takes_the_question_that_the_tabs_below_take(open_page, checkpoint):
    app = opened(open_page(), "Blend")
    assert app.button(key="bench-add-Blend").disabled
    app.text_input(key="bench-blend-other").set_value("Is there a red frob?")
    opened(app, "Blend")
    assert any("does not know this word" in warning.value for warning in app.warning)
    assert app.button(key="bench-add-Blend").disabled
    other = "What color is the cube?"
    app.text_input(key="bench-blend-other").set_value(other)
    opened(app, "Blend")
    assert {field.value for field in app.text_input if "other" in field.key} == {other}
    app.number_input(key="bench-share").set_value(0.25)
    opened(app, "Blend").button(key="bench-add-Blend").click().run()
    edits = bench.applied(bench.read(app.query_params["edits"]))
    assert edits == [Blend(Where((0,), (0,)), 0.25, other)]


def test_a_sum_of_questions_is_added_and_stands_for_the_question_at_first(open_page, checkpoint, capsys):
    app = opened(open_page(options=json.dumps({"bench-scope": "all"})), "A + B − C")
    made = analogy_of("gallery-0", QUESTION, gallery()[0].scene)
    fields = {name: f"bench-{name}" for name in "ABC"}
    sum_of = [app.text_input(key=key).value for key in fields.values()]
    assert sum_of == [made.plus_one, made.plus_two, made.minus]
    app.button(key="bench-add-A + B − C").click().run()
    edits = bench.applied(bench.read(app.query_params["edits"]))
    assert edits == [PatchFrom(Where(), sum_of[0]), Arithmetic(Where(), *sum_of[1:])]
    answer = asked(checkpoint, edits)
    assert outcome(app)[1:] == (answer, 2)
    app.session_state["python-bench"] = True
    app.run()
    exec(compile(app.code[0].value, "copied", "exec"), {})
    assert capsys.readouterr().out.strip() == answer

    opened(app, "A + B − C", turn=1)  # the first was closed when its sum was added
    for name, text in {"A": QUESTION, "B": "Red red cube?", "C": ""}.items():
        app.text_input(key=fields[name]).set_value(text)
    opened(app, "A + B − C", turn=1)
    assert any("No CLEVR question begins with" in caption.value for caption in app.caption)
    assert app.button(key="bench-add-A + B − C").disabled
    app.text_input(key=fields["C"]).set_value("Is there a cube?")
    opened(app, "A + B − C", turn=1).button(key="bench-add-A + B − C").click().run()
    assert bench.applied(bench.read(app.query_params["edits"]))[2:] == [
        Arithmetic(Where(), "Red red cube?", "Is there a cube?")
    ]
