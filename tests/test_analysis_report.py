"""Reports: whole, of one view, and by the command; and the notebook, run as it stands."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny import tiny_card, tiny_network

from analysis import (
    STAGES,
    Evidence,
    LayoutRecipe,
    ViewState,
    answers_table,
    extract_here,
    gallery_questions,
    make_report,
    make_study,
    measure_maps,
    measure_population,
    object_readings,
    observe,
    probe,
    read_edits,
    sample_questions,
    to_link,
    view_of,
    write_evidence,
    write_maps,
)
from analysis.__main__ import main
from film import (
    ChangeAttribute,
    InputError,
    Session,
    edit_scene,
    gallery,
    percent,
    rounded_scene,
    save,
    scene_picture,
    scene_to_text,
)

ROOT = Path(__file__).parents[1]
QUESTION = "What color is the large metal sphere?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    network = tiny_network(41, blocks=2, modulated=(True, True))
    save(folder, network, tiny_card(network, name="tiny <one>"))
    observed = observe(Session(folder, "cpu"), gallery_questions(160), "the gallery")
    probes = probe(observed, words={}, only=["state", "gamma"])
    write_evidence(folder / "study", Evidence(observed.table, probes, observed.recipe))
    session = Session(folder, "cpu")
    study = extract_here(session, sample_questions(300, 0))
    write_maps(folder / "study", measure_maps(session, study, scenes=10))
    return folder


@pytest.fixture(scope="module")
def session(folder) -> Session:
    return Session(folder, "cpu")


@pytest.fixture(scope="module")
def population(session):
    return measure_population(session, 200)


class _Reader(HTMLParser):
    """The elements of a page, what they load, and whether all that was opened is closed."""

    ALONE = frozenset({"meta", "img"})

    def __init__(self, page: str):
        super().__init__()
        self.open, self.loads, self.headings, self.figures = [], [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.loads += [attributes[name] for name in ("src", "href") if attributes.get(name)]
        self.figures += tag == "figure"
        if tag not in self.ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass  # of an SVG: opened and closed at once

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def manifest_in(page: str) -> dict:
    text = re.search(r'<script type="application/json" id="manifest-data">(.*?)</script>', page, re.S)
    assert text is not None
    return json.loads(text.group(1))


@pytest.fixture(scope="module")
def whole(session, folder, population) -> str:
    return make_report(session, folder, population=population, grouping=False, command="typed so")


def test_the_whole_study_is_one_page_that_loads_nothing(whole):
    read = _Reader(whole)
    assert not read.open
    assert all(target.startswith(("#", "data:")) for target in read.loads)
    assert whole.count("plotly.js v") == 1
    assert read.figures == whole.count("<script>draw(") >= 9
    assert set(read.headings) >= {
        "Accuracy", "What a linear probe reads", "Gamma and beta",
        "What the feature maps differ between", "Manifest",
    }  # fmt: skip
    assert "<h1>The study of tiny &lt;one&gt;</h1>" in whole
    assert (
        "python -m analysis study &#39;tiny &lt;one&gt;&#39;" in whole
    )  # what is not there, and how to have it


def figures_in(page: str) -> list[dict]:
    """What plotly is given for every figure."""
    return [json.loads(drawn) for drawn in re.findall(r"<script>draw\(\d+, (.*?)\)</script>", page, re.S)]


def tables_in(page: str) -> list[pd.DataFrame]:
    """The CSV files that a page carries."""
    found = re.findall(r'href="data:text/csv;base64,([^"]+)"', page)
    return [pd.read_csv(BytesIO(base64.b64decode(content))) for content in found]


def test_every_figure_has_its_numbers_and_says_in_its_file_what_it_is_of(whole, session, population):
    drawn, tables = figures_in(whole), tables_in(whole)
    assert len(drawn) == len(tables) >= 9
    feet = [figure["layout"]["title"]["text"] for figure in drawn]
    assert all(f"network {session.card.weights[:12]}" in foot for foot in feet)
    assert sum("160 questions about 40 pictures" in foot.replace("<br>", " ") for foot in feet) >= 5
    assert "Accuracy<br>By type of question<br>" in feet[1]
    assert len(set(feet)) == len(feet)
    assert {"value", "accuracy", "low", "high"} <= set(tables[1].columns)
    assert len(tables[1]) == len(drawn[1]["data"][0]["y"])
    whence = [table["source"].iloc[0] for table in tables]
    assert all(f" · network {session.card.weights[:12]} · " in said for said in whence)
    assert whence[1].startswith("Accuracy: By type of question · ")
    assert len(set(whence)) == len(whence)


def test_the_manifest_says_what_it_was_made_of(whole, session, folder):
    made = manifest_in(whole)
    assert made["weights"] == session.card.weights
    assert made["command"] == "typed so"
    assert made["seed"] == 0
    assert made["answers and probes"]["questions"] == 160
    content = (folder / "study" / "answers.parquet").read_bytes()
    assert made["files"]["study/answers.parquet"] == hashlib.sha256(content).hexdigest()
    assert {"python", "torch", "numpy", "plotly"} <= set(made["versions"])
    assert str(folder) not in whole  # nothing of the machine


def test_equal_studies_give_equal_pages(whole, session, folder, population):
    def timeless(page: str) -> str:
        return page.replace(manifest_in(page)["made"], "")

    again = make_report(session, folder, population=population, grouping=False, command="typed so")
    assert timeless(again) == timeless(whole)


def test_a_view_comes_from_its_link(session):
    view = ViewState(picture="gallery-4", question=QUESTION, block=1, feature_map=3, probe="answer")
    link = to_link(view, session.card.weights)
    query = "&".join(f"{name}={value.replace(' ', '+').replace('?', '%3F')}" for name, value in link.items())
    for given in (query, f"?{query}", f"http://localhost:8501/evidence?{query}"):
        assert view_of(given, session.card.weights) == (view, (), None)
    _, remarks, _ = view_of("weights=000000000000", session.card.weights)
    assert "another network" in remarks[0]


def test_a_view_is_reported(session, folder, population):
    view = ViewState(picture="gallery-4", question=QUESTION, block=1, feature_map=3, probe="answer")
    page = make_report(session, folder, view=view, population=population, remarks=("One <b>remark</b>.",))
    read = _Reader(page)
    assert not read.open
    assert read.headings == [
        QUESTION, "Feature maps at each object", "Gamma and beta of the question",
        "What map 3 of block 2 differs between", "Word by word", "What a linear probe reads", "Manifest",
    ]  # fmt: skip
    assert any(target.startswith("data:image/jpeg;base64,") for target in read.loads)
    assert "block 2, map 3" in page
    assert "One &lt;b&gt;remark&lt;/b&gt;." in page
    assert manifest_in(page)["view"] == to_link(view, session.card.weights)


def test_odd_questions_stay_text(session, folder, population):
    view = ViewState(question="</script><script>alert(1)</script>")
    page = make_report(session, folder, view=view, population=population)
    assert "<script>alert" not in page
    assert not _Reader(page).open
    assert manifest_in(page)["view"]["q"] == view.question


def test_a_view_of_a_folder_s_picture_or_an_upload_is_of_that_picture(session, folder, population, tmp_path):
    shades = {name: np.full((24, 36, 3), value, np.uint8) for name, value in (("a.png", 40), ("b.png", 200))}
    for name, pixels in shades.items():
        Image.fromarray(pixels).save(tmp_path / name)
    weights = session.card.weights
    view, remarks, shown = view_of(f"picture=folder-1&q={QUESTION}", weights, folder=tmp_path)
    assert (view.picture, remarks) == ("folder-1", ())
    assert shown is not None
    np.testing.assert_array_equal(shown.pixels, shades["b.png"])
    page = make_report(session, folder, view=view, shown=shown, population=population)
    assert "b.png" in page
    answer = session.ask(shades["b.png"], QUESTION)
    assert (
        f"<b>{answer.answer}</b>, confidence {percent(answer.probabilities[answer.answer])}"
        in page.replace("&lt;", "<").replace("&gt;", ">")
    )
    assert "No scene annotation for this picture" in page
    assert "Feature maps at each object" not in page  # nobody has said what is in it
    view, _, own = view_of(f"q={QUESTION}", weights, picture=tmp_path / "a.png")
    assert own is not None
    assert "a.png" in make_report(session, folder, view=view, shown=own, population=population)
    with pytest.raises(InputError, match="nowhere"):
        view_of("picture=folder-1", weights, folder=tmp_path / "nowhere")


@pytest.mark.slow
def test_the_command(folder, tmp_path, capsys):
    out = tmp_path / "view.html"
    link = "picture=gallery-2&q=What+color+is+the+cube%3F"
    assert main(["report", str(folder), "--view", link, "--out", str(out), "--device", "cpu"]) == 0
    assert "MB" in capsys.readouterr().out
    assert "--view" in manifest_in(out.read_text("utf-8"))["command"]
    assert main(["report", str(tmp_path / "nowhere"), "--out", str(out)]) == 2


def test_maps_of_questions_are_drawn_with_how_they_were_made(tmp_path):
    network = tiny_network(42, blocks=2, modulated=(True, True))
    save(tmp_path, network, tiny_card(network))
    other = Session(tmp_path, "cpu")
    make_study(other, tmp_path / "study", questions=120, maps=[LayoutRecipe("both", "pca")])
    whole = make_report(other, tmp_path, grouping=False)
    assert not _Reader(whole).open
    assert "PCA of both" in whole
    assert "all 120 questions" in whole
    assert whole.count("Save as SVG") == 1
    view = ViewState(question=QUESTION, layout="All blocks, PCA", filter_by="word", filter_for="same")
    page = make_report(other, tmp_path, view=view)
    assert "Projection of the questions" in _Reader(page).headings
    assert "Why are these together?" in page
    (points,) = (table for table in tables_in(page) if "selected" in table)
    assert len(points) == 120
    assert np.isfinite(points[["x", "y"]]).all(axis=None)
    assert "all 120 questions, " in points["source"].iloc[0]
    assert (points["selected"] == points["text"].str.contains(r"\bsame\b")).all()


def test_a_bench_state_is_in_the_report_with_the_page_s_numbers(folder, session, population):
    edits = "set:1.2.gamma:-3|!scale:*.*.both:5|scale:2.*.both:1.5"
    view = ViewState(picture="gallery-3", question=QUESTION, edits=edits)
    page = make_report(session, folder, view=view, population=population)
    picture = gallery()[3].picture_path
    before = session.ask(picture, QUESTION).probabilities
    made = [edit.edit for edit in read_edits(edits) if edit.on]
    assert len(made) == 2
    after = session.ask(picture, QUESTION, made).probabilities
    numbers = answers_table(before, after)
    bare = re.sub(r"\s*\n\s*|(?<=<td)[^>]*", "", page)
    for row in numbers.itertuples():
        chances = (escape(percent(chance)) for chance in (row.before, row.after))
        assert "".join(f"<td>{chance}</td>" for chance in chances) in bare
    assert "block 1, map 2: gamma set to -3" in page
    assert "times 5 (switched off)" in page
    assert "Gamma and beta changed" not in make_report(
        session, folder, view=ViewState(picture="gallery-3", question=QUESTION), population=population
    )
    broken = make_report(
        session, folder, view=ViewState(question=QUESTION, edits="explode:1"), population=population
    )
    assert "There is no intervention" in broken


def test_maps_at_each_object_are_in_the_report_with_the_edits(folder, session, population):
    edits, exhibit = "set:2.3.gamma:-3", gallery()[3]
    view = ViewState(picture="gallery-3", question=QUESTION, block=1, feature_map=3, edits=edits)
    page = make_report(session, folder, view=view, population=population)
    bare = re.sub(r"\s*\n\s*|(?<=<td)[^>]*", "", page)
    for made in (None, [edit.edit for edit in read_edits(edits)]):
        read = object_readings(session, exhibit.picture_path, QUESTION, exhibit.scene, made)
        own = read[(read["block"] == 1) & (read["map"] == 3)]
        for row in own[list(STAGES)].to_numpy():
            assert "".join(f"<td>{value:.3f}</td>" for value in row) in bare


def test_an_edited_scene_is_reported_before_and_after(folder, session, population):
    scene = rounded_scene(gallery()[0].scene)
    color = "red" if scene.objects[0].color != "red" else "blue"
    edited = edit_scene(scene, ChangeAttribute(0, "color", color))
    view = ViewState(
        picture=f"scene-{scene_to_text(edited)}", before=f"scene-{scene_to_text(scene)}",
        question="What number of red things are there?",
    )  # fmt: skip
    page = make_report(session, folder, view=view, population=population)
    assert "The scene before and after" in page
    reds = [sum(thing.color == "red" for thing in one.objects) for one in (scene, edited)]
    assert f"true: {reds[0]} before, {reds[1]} after." in page
    answer = session.ask(scene_picture(edited), view.question)
    assert f"{answer.answer} ({percent(answer.probabilities[answer.answer])}) after" in page
    alone = make_report(session, folder, view=replace(view, before=""), population=population)
    assert "The scene before and after" not in alone
    assert "An edited scene" in alone
