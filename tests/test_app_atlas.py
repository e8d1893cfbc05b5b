"""The atlas page, run without a browser on a tiny network and a study of 300 questions."""

import re
import shutil
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from tiny import ANSWERS, tiny_card, tiny_network

from analysis import view
from analysis.corpus.layout import LayoutRecipe
from analysis.study import make_study
from film import WORDS, Session, Vocabulary, save
from ui import atlas_selection, figures, scatter, widgets
from ui.atlas_view import AtlasView
from ui.cache import atlas as atlas_cache, errors as error_cache, networks, projections

ROOT = Path(__file__).parents[1]
QUESTION = "What color is the large metal sphere?"
FIRST, LAST = "Block 1, PCA", "Block 3, PCA"


def make_checkpoint(folder: Path, questions: int, seed: int = 5) -> Path:
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(seed, words=len(words), answers=len(ANSWERS))
    save(folder, network, tiny_card(network, words=words))
    if questions:
        maps = [LayoutRecipe("both:1", "pca"), LayoutRecipe("both:3", "pca"), LayoutRecipe("state", "pca")]
        make_study(Session(folder, "cpu"), folder / "study", questions=questions, maps=maps)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("network"), 300)


class Views(dict[str, dict[str, Any]]):
    """What the page gave to each scatter view at last, in place of the views, which live in a browser."""

    def __init__(self) -> None:
        self.doings: dict[str, tuple[str, object]] = {}

    def scatter(self, key, places, coloring, **rest) -> None:
        self[key] = {"coloring": coloring, **rest}
        if key in self.doings:
            what, value = self.doings.pop(key)
            rest[what](value)
            st.rerun()

    def do(self, app: AppTest, key: str, what: str, value: object) -> None:
        """Let a view tell the page something, as a visitor would."""
        self.doings[key] = (what, value)
        app.run()
        assert not self.doings
        assert not app.exception


@pytest.fixture
def views(monkeypatch) -> Views:
    views = Views()
    monkeypatch.setattr(scatter, "scatter", views.scatter)
    return views


@pytest.fixture
def open_page(visit):
    def opened(folder: Path, **link: str) -> AppTest:
        app = visit(folder, "atlas", **{"q": QUESTION} | link)
        if not app.error and not app.info:  # what is counted behind the scenes
            for name in networks.study().layouts:
                atlas_cache.explaining(networks.study(), name).result()
                atlas_cache.places(networks.study(), name)
                atlas_cache.placing(networks.study(), name).result()
            app.run()
        assert not app.exception
        return app

    return opened


def numbers(files, name: str) -> pd.DataFrame:
    """A table that the page hands out."""
    return pd.read_csv(BytesIO(files[name]()))


def texts(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.markdown, *app.caption])


def test_without_a_study_the_page_says_how_to_make_one(open_page, tmp_path):
    folder = make_checkpoint(tmp_path, 0, seed=6)
    app = open_page(folder)
    assert f"python -m analysis study {folder}" in app.info[0].value


def test_the_map_says_how_it_was_made_and_how_good_it_is(open_page, checkpoint, views):
    app = open_page(checkpoint)
    said = texts(app)
    for part in (FIRST, "all 300 questions", "trustworthiness 0", "true neighbours", "Nothing is selected"):
        assert part in said.replace("\\", "")
    view = views["atlas"]
    assert len(view["coloring"].codes) == 300
    assert [word for *_, word in view["marks"].path] == [*QUESTION[:-1].split()[:-1], "this question"]
    assert "median" in said


def test_a_filter_selects_explains_and_goes_into_the_link(open_page, checkpoint, views, files, monkeypatch):
    monkeypatch.setattr(atlas_selection, "ROWS", 5)
    monkeypatch.setattr(atlas_selection, "MOST", 3)
    app = open_page(checkpoint)
    app.selectbox(key="view-filter-type").set_value("count").run()
    table = next(frame.value for frame in app.dataframe if "text" in frame.value)
    study = networks.study().extraction
    count = int((study.table["type"] == "count").sum())
    assert views["atlas"]["selected"].sum() == count
    said = texts(app).replace("\\", "")
    assert f"Why are these {count:,} together?" in said
    assert f"{count} of 300 questions" in said
    assert set(table["type"]) == {"count"}
    assert len(table) == 5
    selected, findings = (numbers(files, f"atlas-{name}.csv") for name in ("selected", "why"))
    assert selected["id"].tolist() == study.table.index[study.table["type"] == "count"].tolist()
    assert len(findings) > 3  # all of them, whatever the page has room for
    assert "· type count · 300 questions" in findings["source"].iloc[0]
    assert app.query_params["by"] == "type"
    assert app.query_params["for"] == "count"
    app.selectbox(key="view-filter_by").set_value("word").run()
    assert views["atlas"].pop("selected") is None
    app.text_input(key="view-filter-word").set_value("metal").run()
    assert views["atlas"]["selected"].sum() == study.has_word("metal").sum()
    app.text_input(key="view-filter-word").set_value("cubess").run()
    assert "cubess" in texts(app)


def test_a_search_selects_and_gives_way_to_a_filter(open_page, checkpoint, views):
    app = open_page(checkpoint)
    study = networks.study().extraction
    app.text_input(key="atlas-search").set_value("METAL cube").run()
    wanted = study.table["text"].str.contains("metal cube")
    assert 0 < wanted.sum() < 300
    assert views["atlas"]["selected"].tolist() == wanted.tolist()
    assert (app.query_params["by"], app.query_params["for"]) == ("text", "METAL cube")
    again = open_page(checkpoint, **app.query_params)
    assert again.text_input(key="atlas-search").value == "METAL cube"
    app.selectbox(key="view-filter-type").set_value("exist").run()
    assert app.text_input(key="atlas-search").value == ""
    assert views["atlas"]["selected"].sum() == (study.table["type"] == "exist").sum()
    app.text_input(key="atlas-search").set_value("purple cube").run()
    app.text_input(key="atlas-search").set_value("").run()
    assert views["atlas"]["selected"] is None


def test_contours_of_density_can_be_left_out(open_page, checkpoint, views):
    app = open_page(checkpoint)
    assert views["atlas"]["contours"].content
    assert "Contours: the" in texts(app)
    app.toggle(key="contours").set_value(False).run()
    assert views["atlas"]["contours"] is None
    again = open_page(checkpoint, **app.query_params)
    assert views["atlas"]["contours"] is None
    assert "Contours: the" not in texts(again)


def test_a_projection_that_is_not_there_is_computed_and_shown(open_page, checkpoint, views):
    app = open_page(checkpoint)
    assert not projections.busy()
    app.selectbox(key="atlas-space").set_value("gamma:2").run()
    app.selectbox(key="atlas-method").set_value("pca").run()
    title = "Gamma of block 2, PCA"
    assert title not in app.selectbox(key="view-layout").options
    app.button(key="atlas-compute").click().run()
    job = projections.job(networks.study())
    if job is not None:  # not shown yet
        job.found.result(30)
        app.run()
    assert not app.exception
    assert app.selectbox(key="view-layout").value == title
    assert app.query_params["layout"] == title
    assert len(views["atlas"]["coloring"].codes) == 300
    app.selectbox(key="view-layout").set_value(FIRST).run()
    app.button(key="atlas-show").click().run()  # it is there now
    assert app.selectbox(key="view-layout").value == title


def test_settings_of_a_projection_are_its_name_and_stand_on_it(open_page, checkpoint):
    app = open_page(checkpoint)
    app.selectbox(key="atlas-space").set_value("gamma:1").run()
    field = app.number_input(key="atlas-tsne-perplexity")
    assert field.value == 30
    for value in (0.0, 6666.0):  # so many neighbours of each of 20,000 questions are many gigabytes
        app.number_input(key="atlas-tsne-perplexity").set_value(value).run()
        assert "perplexity 30," in texts(app)
    app.number_input(key="atlas-tsne-perplexity").set_value(8.0).run()
    app.selectbox(key="atlas-tsne-metric").set_value("correlation").run()
    app.button(key="atlas-compute").click().run()
    title = "Gamma of block 1, t-SNE, perplexity 8, correlation distance"
    if (job := projections.job(networks.study())) is not None:  # not shown yet
        assert job.title == title
        job.found.result(60)
        app.run()
    assert not app.exception
    assert app.query_params["layout"] == title
    assert "perplexity 8," in texts(app)
    assert "correlation distance" in texts(app)
    later = open_page(checkpoint)  # what somebody had computed does not stand in another visitor's way
    assert later.selectbox(key="view-layout").value == FIRST
    assert later.selectbox(key="view-layout").options[-1] == title
    app.number_input(key="atlas-tsne-perplexity").set_value(30.0).run()
    assert [button for button in app.button if button.key == "atlas-compute"]  # the usual one is another
    assert "Euclidean distance" in texts(app)
    app.selectbox(key="atlas-tsne-metric").set_value("cosine").run()
    assert "cosine distance" in texts(app)
    app.selectbox(key="atlas-method").set_value("umap").run()
    for name, value, bounds in (("n_neighbors", 15, (2, 200)), ("min_dist", 0.1, (0, 1))):
        field = app.number_input(key=f"atlas-umap-{name}")
        assert (field.value, field.min, field.max) == (value, *bounds)
    app.number_input(key="atlas-umap-n_neighbors").set_value(15.5).run()
    assert any("cannot be 15.5" in warning.value.replace("\\", "") for warning in app.warning)
    assert not [button for button in app.button if button.key == "atlas-compute"]


def test_a_lasso_selects_in_both_maps(open_page, checkpoint, views, files):
    app = open_page(checkpoint, layout=FIRST, beside=LAST)
    assert set(views) == {"atlas", "beside"}
    drawn = np.arange(300) < 40
    views.do(app, "beside", "on_lasso", drawn)
    for name in (FIRST, LAST):
        points, picture = numbers(files, f"atlas-{name}.csv"), files[f"atlas-{name}.svg"]()
        assert np.allclose(points[["x", "y"]], networks.study().layouts[name].places)
        assert points["selected"].sum() == 40
        assert f"{name}, coloured by" in picture
    assert views["atlas"]["selected"].sum() == views["beside"]["selected"].sum() == 40
    assert "drawn on the projection" in texts(app)
    views.do(app, "beside", "on_lasso", np.zeros(300, bool))
    assert views["atlas"]["selected"] is None


def test_the_lines_to_copy_test_a_selection_on_the_projection_it_was_drawn_on(
    open_page, checkpoint, views, monkeypatch
):
    written: list[str] = []
    monkeypatch.setattr(widgets, "copy_as_python", lambda name, write: written.append(write()))
    app = open_page(checkpoint, layout=LAST, beside=FIRST)
    views.do(app, "beside", "on_lasso", np.arange(300) < 40)
    names: dict[str, Any] = {}
    exec(compile(written[-1], "copied", "exec"), names)
    assert names["name"] == FIRST
    for _, said in names["why"].statements():
        assert widgets.plain(said) in texts(app)


def test_many_points_are_handed_out_as_parquet(open_page, checkpoint, views, files, monkeypatch):
    monkeypatch.setattr(figures, "CSV_ROWS", 299)
    open_page(checkpoint, layout=FIRST)
    file = BytesIO(files[f"atlas-{FIRST}.parquet"]())
    assert len(pd.read_parquet(file)) == 300
    told = parquet.read_schema(file).metadata
    assert told[b"title"].decode().startswith("Projection PCA of both:1")
    assert told[b"sample"].decode().startswith("all 300 questions")
    assert told[b"seed"] == b"0"


def test_a_label_may_be_called_id():
    labels = pd.DataFrame({"text": ["a", "b"], "id": ["x", "y"]})
    study: Any = SimpleNamespace(table=labels)
    table = AtlasView(study, {}, "", None).table(np.array([1]))
    assert table.to_dict("records") == [{"id": 1, "text": "b", "id (label)": "y"}]


def test_a_picked_question_has_neighbours_and_opens(open_page, checkpoint, views, files):
    app = open_page(checkpoint)
    views.do(app, "atlas", "on_pick", 7)
    near = numbers(files, "atlas-near.csv")
    assert len(near) == 10
    assert near["distance"].is_monotonic_increasing
    rings = views["atlas"]["marks"].rings
    assert [kind for *_, kind in rings].count("near") == 10
    text = networks.study().extraction.table["text"].iloc[7]
    app.button(key="atlas-open").click().run()
    assert app.session_state["view"].question == text
    assert not app.exception


@pytest.mark.parametrize("color", ["type", "word", "gamma", "beta", "length", "family"])
def test_colours(open_page, checkpoint, views, color):
    app = open_page(checkpoint, color=color, word="left", block="2", map="3")
    coloring = views["atlas"]["coloring"]
    assert coloring.codes.max() < len(coloring.palette)
    assert (coloring.scale is None) == bool(coloring.names)
    if color == "word":
        assert (coloring.codes == 0).sum() == networks.study().extraction.has_word("left").sum()
    if color == "family":
        assert all("thing" in name for name in coloring.names[:-1])
        assert coloring.names[-1].startswith("other (")
        written = {text for *_, text in views["atlas"]["marks"].labels}
        assert written
        assert written <= set(coloring.names[:-1])
    if color == "gamma":
        assert coloring.title == "gamma of block 2, map 3"
        assert app.number_input(key="view-feature_map").value == 3


def test_a_name_of_the_legend_selects(open_page, checkpoint, views):
    app = open_page(checkpoint)
    coloring = views["atlas"]["coloring"]
    views.do(app, "atlas", "on_legend", 0)
    np.testing.assert_array_equal(views["atlas"]["selected"], coloring.codes == 0)
    assert app.query_params["for"] == coloring.names[0]


def test_selections_are_kept_and_compared(open_page, checkpoint, views):
    app = open_page(checkpoint, **{"by": "type", "for": "count"})
    for turn, (kind, name) in enumerate((("count", "first"), ("exist", "second"))):
        app.selectbox(key="view-filter-type").set_value(kind).run()
        app.text_input(key=f"atlas-keep-{turn}").set_value(name).run()
    said = texts(app)
    assert "**first**" in said
    assert "**second**" in said
    count, exist = ((networks.study().extraction.table["type"] == kind).sum() for kind in ("count", "exist"))
    assert f"{exist} of 300 questions" in said  # compared with all the others
    app.selectbox(key="atlas-compare").set_value("first").run()
    said = texts(app)
    assert "“The rest” is first alone here." in said
    assert f"{exist} of {count + exist} questions" in said
    study = networks.study().extraction
    counts, exists = (study.table["type"].to_numpy() == kind for kind in ("count", "exist"))
    between = atlas_cache.why_between(networks.study(), counts, exists)
    assert (between.selected, between.rest) == (counts.sum(), exists.sum())
    app.button(key="atlas-show-0").click().run()
    assert views["atlas"]["selected"].sum() == (networks.study().extraction.table["type"] == "count").sum()
    app.button(key="atlas-drop-1").click().run()
    assert "**second**" not in texts(app)
    again = open_page(checkpoint, **app.query_params)
    assert "**first**" in texts(again)
    assert views["atlas"]["selected"].sum() == count


def test_a_link_reopens_what_was_drawn(open_page, checkpoint, views):
    app = open_page(checkpoint)
    points = np.arange(300) % 7 == 0
    views.do(app, "atlas", "on_lasso", points)
    views.do(app, "atlas", "on_pick", 3)
    link = dict(app.query_params)
    again = open_page(checkpoint, **link)
    assert (views["atlas"]["selected"] == points).all()
    assert "drawn on the projection" in texts(again)
    assert "nearest in the full space" in texts(again)
    damaged = link["selection"][:9] + "AAAA" + link["selection"][13:]
    app = open_page(checkpoint, selection=damaged, row="301")
    assert views["atlas"]["selected"] is None
    assert [info.value for info in app.info if "selection in this link" in info.value]
    assert [info.value for info in app.info if "question 301" in info.value]


def test_what_a_link_has_no_room_for_is_said(open_page, checkpoint, views, monkeypatch):
    app = open_page(checkpoint)
    views.do(app, "atlas", "on_lasso", np.arange(300) % 7 == 0)
    for number in range(3):
        app.text_input(key=f"atlas-keep-{number}").set_value(f"[{number}](www.evil.example) {'ж' * 20}").run()
    assert "leaves out" not in texts(app)
    monkeypatch.setattr(view, "LINK_SELECTIONS", 500)
    app.run()
    assert "leaves out the selections that are kept" in texts(app)
    assert "selection" in app.query_params
    assert "kept" not in app.query_params


def test_a_strange_link_shows_the_usual_page(open_page, checkpoint, views):
    link = {
        "layout": "nowhere",
        "beside": "<b>",
        "color": "mood",
        "by": "colour",
        "for": "x",
        "map": "9999",
        "written": "?",
    }
    open_page(checkpoint, **link)
    assert views["atlas"]["selected"] is None
    open_page(checkpoint, **{"by": "type", "for": "nonsense", "color": "gamma", "block": "77"})
    assert views["atlas"]["selected"] is None


def test_a_question_that_cannot_be_read_leaves_the_map(open_page, checkpoint, views):
    app = open_page(checkpoint, q="How many zebras are there?")
    assert not views["atlas"]["marks"].path
    assert "zebras" in texts(app)


def test_names_of_colours_or_words_of_regions_are_written_on_the_map(open_page, checkpoint, views):
    app = open_page(checkpoint)
    coloring = views["atlas"]["coloring"]
    assert {text for *_, text in views["atlas"]["marks"].labels} <= set(coloring.names)
    assert len(views["atlas"]["marks"].labels) >= 8
    atlas_cache.labelling(networks.study(), FIRST).result()
    app.selectbox(key="view-written").set_value("words").run()
    found = atlas_cache.labels(networks.study(), FIRST)
    assert [text for *_, text in views["atlas"]["marks"].labels] == [one.text for one in found]
    assert "dense region" in texts(app)
    assert app.query_params["written"] == "words"
    app.selectbox(key="atlas-dense-0").set_value(0).run()  # and its questions can be seen
    assert np.flatnonzero(views["atlas"]["selected"]).tolist() == sorted(found[0].points)
    assert f"dense region “{found[0].text}”" in texts(app)
    app.selectbox(key="view-written").set_value("nothing").run()
    assert not views["atlas"]["marks"].labels


def test_errors_and_pictures_of_a_selection(open_page, checkpoint, views):
    app = open_page(checkpoint)
    study = networks.study()
    error_cache.by_type(study).result()
    error_cache.by_region(study, FIRST).result()
    app.run()
    assert "Where do the errors lie?" in texts(app)
    (shares,) = (one.proto.body for one in app.get("html") if "Errors by type of question" in one.proto.body)
    rows = re.findall(r"<tr><td>(\w+)</td><td class=\"number\">([\d,]+)</td>", shares)
    found = error_cache.by_type(study).result()
    assert {(kind, int(asked)) for kind, asked in rows} == set(
        zip(found["value"], found["asked"], strict=True)
    )
    assert found["asked"].sum() == 300
    app.selectbox(key="atlas-error-region").set_value(0).run()
    assert not app.exception
    chosen = error_cache.by_region(study, FIRST).result()[1][0]
    assert views["atlas"]["selected"].nonzero()[0].tolist() == sorted(chosen)
    app.selectbox(key="view-filter_by").set_value("outcome").run()
    app.selectbox(key="view-filter-outcome").set_value("wrong").run()
    table = study.extraction.table
    wrong = table[table["outcome"] == "wrong"]
    for key in wrong.sort_values("confidence", ascending=False, kind="stable")["picture"].head(6):
        error_cache.picture(key).result()
    app.run()
    assert f"{len(wrong):,} of {len(wrong):,} answers are wrong: 100.0%" in texts(app)
    first = wrong.sort_values("confidence", ascending=False, kind="stable").iloc[0]
    assert f"true: {first['answer']}" in texts(app)
    app.button(key=f"atlas-picture-{first.name}").click().run()
    assert not app.exception
    assert app.text_input(key="view-question").value == first["text"]
    assert app.query_params["picture"] == first["picture"]


def test_points_are_coloured_by_right_and_confidence(open_page, checkpoint, views):
    open_page(checkpoint, color="outcome")
    assert set(views["atlas"]["coloring"].names) <= {"right", "wrong"}
    open_page(checkpoint, color="confidence")
    assert views["atlas"]["coloring"].title == "confidence"


def test_a_study_without_answers_says_how_to_have_them(open_page, checkpoint, views, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "old")
    (tmp_path / "old/study/predictions.parquet").unlink()
    app = open_page(tmp_path / "old")
    assert "no answers about pictures" in texts(app)
    assert f"python -m analysis study {tmp_path / 'old'}" in texts(app)
