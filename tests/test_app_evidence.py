"""The evidence page, run without a browser on a tiny network."""

import shutil
from pathlib import Path

import pytest
from charts import charts
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import (
    Evidence,
    find_evidence,
    gallery_questions,
    observe,
    probe,
    probe_transfer,
    write_evidence,
    write_pooled,
)
from analysis.corpus.probe_targets import targets
from film import Session, gallery, save, split_words, write_scenes

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


def test_the_folder_is_measured_on_request(open_page, measured, tmp_path, monkeypatch):
    pictures = tmp_path / "CLEVR/images/val"
    pictures.mkdir(parents=True)
    (tmp_path / "CLEVR/scenes").mkdir()
    shown = gallery()[:2]
    for number, exhibit in enumerate(shown):
        shutil.copy(exhibit.picture_path, pictures / f"CLEVR_val_{number:06d}.png")
    scenes = [exhibit.scene for exhibit in shown]
    write_scenes(tmp_path / "CLEVR/scenes/CLEVR_val_scenes.json", scenes, "val")
    monkeypatch.setenv("FILM_PICTURES", str(tmp_path / "CLEVR"))
    app = open_page(measured)
    app.radio(key="measured-on").set_value("folder").run()
    assert not app.exception
    assert "Accuracy" not in [heading.value for heading in app.main.header]
    app.button(key="evidence-run-folder-accuracy").click().run(timeout=60)
    assert not app.exception
    assert "about 2 pictures of your folder" in text(app)
    assert set(app.dataframe[1].value["picture"]) <= {"folder-0", "folder-1"}


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
