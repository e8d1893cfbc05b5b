"""The evidence page, run without a browser on a tiny network."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from charts import charts
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import (
    Evidence,
    Study,
    find_evidence,
    gallery_questions,
    observe,
    probe,
    probe_transfer,
    write_evidence,
    write_pooled,
)
from analysis.corpus.probe_targets import targets
from film import QuestionSampler, Session, gallery, program_to_json, save, split_words, write_scenes
from ui import as_python, widgets
from ui.cache import evidence, folder

ROOT = Path(__file__).parents[1]
WORDS = {"“red”": ("red",)}


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    """A network with its evidence beside it."""
    folder = tmp_path_factory.mktemp("network")
    network = tiny_network(31, blocks=2, modulated=(True, True))
    card = tiny_card(network, accuracy={"own set": {"overall": {"accuracy": 0.25, "asked": 40}}, "note": "x"})
    save(folder, network, card)
    observed = observe(Session(folder, "cpu"), gallery_questions(400), "the gallery's pictures")
    probes = probe(observed, words=WORDS, only=["state", "gamma", "maps"])
    chosen = {name: column for name, column in targets(observed.table, WORDS).items() if name == "type"}
    transfer = probe_transfer(observed, chosen=chosen)
    write_evidence(folder / "study", Evidence(observed.table, probes, observed.recipe, transfer))
    write_pooled(folder / "study", observed)
    return folder


@pytest.fixture
def open_page(visit):
    def opened(folder: Path, **link: str) -> AppTest:
        return visit(folder, "evidence", **link)

    return opened


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))


def test_everything_is_there(open_page, measured):
    app = open_page(measured)
    assert not app.exception
    assert [heading.value for heading in app.main.header] == [
        "Accuracy",
        "Calibration",
        "Confusion matrix",
        "Errors, sorted by confidence",
        "What a linear probe reads",
        "Export",
    ]
    assert len(charts(app)) == 9
    assert "400 questions about 40 pictures" in text(app)
    assert "linear in the hidden state" in text(app)
    table = app.dataframe[0].value  # beside the paper's
    assert table["what"].tolist()[:2] == ["this network, here", "this network, own set"]
    film = table.set_index("what").loc["FiLM (paper)"]
    assert film["Overall"] == 97.7
    assert film["Query Attribute"] == 99.1
    assert not table["what"].str.contains("note").any()


def test_a_wrong_answer_opens_on_the_ask_page(open_page, measured):
    app = open_page(measured)
    wrong = app.dataframe[1].value
    assert wrong["probability"].is_monotonic_decreasing
    known = set(Session(measured, "cpu").vocabulary.tokens)
    place = next(i for i, text in enumerate(wrong["text"]) if set(split_words(text)) <= known)
    row = wrong.iloc[place]
    box = next(box for box in app.selectbox if box.key.startswith("errors-any"))
    box.set_value(place).run()
    assert not app.exception
    assert app.title[0].value == "Ask the network about a picture"
    assert app.text_input(key="view-question").value == row["text"]
    html = "".join(element.proto.body for element in app.get("html"))
    assert f'data-picture="{row["picture"]}"' in html
    assert f'data-answer="{row["prediction"]}"' in html
    assert f"true answer: {row['answer']}" in html


def test_the_list_is_narrowed(open_page, measured):
    app = open_page(measured)
    everything = app.dataframe[1].value
    kind = everything["type"].iloc[-1]
    app.selectbox(key="error-type").set_value(kind).run()
    fewer = app.dataframe[1].value
    assert set(fewer["type"]) == {kind}
    assert len(fewer) == min(500, (everything["type"] == kind).sum())
    app.selectbox(key="error-type").set_value("query_size").run()
    app.selectbox(key="error-said").set_value(everything["prediction"].iloc[0]).run()
    assert not app.exception


def test_a_link_brings_back_the_probe(open_page, measured):
    app = open_page(measured, probe="answer")
    assert "answer" in app.query_params["probe"]
    assert not app.exception
    odd = open_page(measured, probe="the weather")
    assert not odd.exception
    assert "Best: **" in text(odd)


def test_any_word_is_probed_for_on_request(open_page, measured):
    app = open_page(measured)
    box = next(box for box in app.selectbox if box.label == "Or any other word or attribute")
    box.set_value("operation").run()
    assert not app.exception
    before = len(charts(app))
    app.button(key="evidence-run-probe").click().run(timeout=60)
    assert not app.exception
    assert len(charts(app)) == before + 2
    assert "Best across blocks" in text(app)


def test_a_study_without_probes_across_blocks_says_how_to_have_them(open_page, tmp_path, measured):
    network = tiny_network(31, blocks=2, modulated=(True, True))
    save(tmp_path, network, tiny_card(network))
    found = find_evidence(measured, Session(measured, "cpu").card.weights)
    write_evidence(tmp_path / "study", Evidence(found.answers, found.probes, found.recipe))
    app = open_page(tmp_path)
    assert not app.exception
    assert "before probes were read across blocks" in text(app)


def test_pictures_are_named_once_and_not_in_every_run(open_page, measured, monkeypatch):
    st.cache_resource.clear()
    named = []
    keys_of = folder.keys_of
    monkeypatch.setattr(folder, "keys_of", lambda *given: named.append(given) or keys_of(*given))
    app = open_page(measured)
    app.selectbox(key="error-type").set_value("count").run()
    assert not app.exception
    assert len(named) == 1


def a_folder(tmp_path: Path, asked: list[dict] | None) -> Path:
    """Two pictures of the gallery with their scenes and, where given, questions, as a CLEVR folder."""
    folder = tmp_path / "CLEVR"
    for inner in ("images/val", "scenes", "questions"):
        (folder / inner).mkdir(parents=True)
    shown = gallery()[:2]
    for number, exhibit in enumerate(shown):
        shutil.copy(exhibit.picture_path, folder / f"images/val/CLEVR_val_{number:06d}.png")
    scenes = [exhibit.scene for exhibit in shown]
    write_scenes(folder / "scenes/CLEVR_val_scenes.json", scenes, "val")
    if asked is not None:
        where = folder / "questions/CLEVR_val_questions.json"
        where.write_text(json.dumps({"questions": [{"split": "val", **one} for one in asked]}))
    return folder


@pytest.fixture
def measure_folder(open_page, measured, open_folder):
    """The page after a folder was measured."""

    def opened(folder: Path) -> AppTest:
        open_folder(folder)
        app = open_page(measured)
        app.radio(key="measured-on").set_value("folder").run()
        assert not app.exception
        assert "Accuracy" not in [heading.value for heading in app.main.header]
        app.button(key="evidence-run-folder-accuracy").click().run(timeout=60)
        assert not app.exception
        return app

    return opened


def test_the_lines_to_copy_wait_until_the_folder_is_measured(
    open_page, measured, tmp_path, monkeypatch, open_folder
):
    offered: list[str] = []
    monkeypatch.setattr(widgets, "copy_as_python", lambda name, write: offered.append(write()))
    open_folder(a_folder(tmp_path, None))
    app = open_page(measured)
    assert "study.evidence.answers" in offered.pop()
    offered.clear()
    app.radio(key="measured-on").set_value("folder").run()
    assert not offered  # they would be of the study's pictures
    app.button(key="evidence-run-folder-accuracy").click().run(timeout=60)
    assert "folder_questions(" in offered.pop()


def paper_stands(app: AppTest) -> bool:
    """Do the paper's figures stand in a figure or a table?"""
    tables = any(
        "what" in frame.value and "FiLM (paper)" in set(frame.value["what"]) for frame in app.dataframe
    )
    drawn = any("Human (paper)" in json.dumps(chart) for chart in charts(app))
    assert tables == drawn
    return tables


def test_the_folder_is_measured_on_request(measure_folder, tmp_path):
    app = measure_folder(a_folder(tmp_path, None))
    assert "about 2 pictures of your folder" in text(app)
    assert "brings no questions" in text(app)
    wrong = next(frame.value for frame in app.dataframe if "picture" in frame.value)
    assert set(wrong["picture"]) <= {"folder-0", "folder-1"}
    assert paper_stands(app), "they are of CLEVR's families, as the study's own"
    app.radio(key="measured-on").set_value("kept").run()
    assert paper_stands(app)


def test_the_paper_stands_beside_a_folders_clevr_questions(measure_folder, tmp_path):
    asked = [
        {"image_index": number, "question": one.text, "answer": one.answer,
         "program": program_to_json(one.program)}
        for number, exhibit in enumerate(gallery()[:2])
        for one in QuestionSampler(0).sample(exhibit.scene, 5)
    ]  # fmt: skip
    app = measure_folder(a_folder(tmp_path, asked))
    assert "brings no questions" not in text(app)
    assert paper_stands(app)


def test_free_questions_of_a_folder_are_measured_without_types(measure_folder, tmp_path):
    asked = [{"image_index": 0, "question": "Is anything hiding?", "answer": "no"}]
    app = measure_folder(a_folder(tmp_path, asked))
    assert "1 questions about 1 pictures of your folder" in text(app)
    assert "1 of 1 questions hold words that the network does not know" in text(app)
    assert "do not say of which type they are" in text(app)
    assert not paper_stands(app)


def test_answers_that_the_network_cannot_give_are_said(open_page, measured, tmp_path, open_folder):
    asked = [{"image_index": 1, "question": "Count the balls", "answer": "12"}]
    open_folder(a_folder(tmp_path, asked))
    app = open_page(measured)
    app.radio(key="measured-on").set_value("folder").run()
    app.button(key="evidence-run-folder-accuracy").click().run(timeout=60)
    assert not app.exception
    assert "1 of 1 questions have answers that the network cannot give" in app.warning[0].value


def test_without_files_the_command_is_told(open_page, tmp_path):
    network = tiny_network(32)
    save(tmp_path, network, tiny_card(network, name="mine"))
    app = open_page(tmp_path)
    assert not app.exception
    assert f"python -m analysis evidence {tmp_path}" in text(app)


def test_damaged_files_are_met_with_a_sentence(open_page, tmp_path, measured):
    network = tiny_network(33)
    save(tmp_path, network, tiny_card(network))
    assert find_evidence(tmp_path, "") is None
    (tmp_path / "study").mkdir()
    for name in ("answers.parquet", "probes.parquet"):
        (tmp_path / "study" / name).write_bytes(b"nothing")
    app = open_page(tmp_path)
    assert not app.exception
    assert "cannot be read" in app.warning[0].value


def test_other_pictures_are_not_opened(open_page, tmp_path, measured):
    network = tiny_network(34)
    card = save(tmp_path, network, tiny_card(network))
    found = find_evidence(measured, Session(measured, "cpu").card.weights)
    table = found.answers.assign(picture=found.answers["picture"] + ".png")
    write_evidence(
        tmp_path / "study", Evidence(table, found.probes, {**found.recipe, "weights": card.weights})
    )
    app = open_page(tmp_path)
    assert not app.exception
    assert not [box for box in app.selectbox if box.key.startswith("errors-any")]
    assert "are not here" in text(app)


def test_a_report_is_made_when_asked_for(open_page, measured):
    app = open_page(measured, q="What color is the cube?")
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels[-2:] == ["Report of the study", "Report of this view"]
    from ui.cache import evidence as evidence_cache, networks
    from ui.state import ViewState

    networks.measuring_population(networks.study()).exception(timeout=60)
    whole = evidence_cache.report_of(networks.study(), None).decode()
    assert "What a linear probe reads" in whole
    view = evidence_cache.report_of(networks.study(), ViewState(question="What color is the cube?")).decode()
    assert "<h2>What color is the cube?</h2>" in view


def test_the_lines_to_copy_give_the_same_answers(measured, clevr_folder, open_folder):
    study = Study(Session(measured), measured)
    names: dict = {}
    exec(compile(as_python.evidences(study, evidence.KEPT), "copied", "exec"), names)
    pd.testing.assert_frame_equal(names["answers"], study.evidence.answers)
    open_folder(clevr_folder)
    names = {}
    exec(compile(as_python.evidences(study, evidence.OWN), "copied", "exec"), names)
    expected = evidence.folder_answers(study, lambda *_: None)
    pd.testing.assert_frame_equal(names["answers"], expected)
